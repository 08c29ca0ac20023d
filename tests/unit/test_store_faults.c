/* Sessions on disk where something is short: memory, hashes, locks, a name for the host. */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "crypto.h"
#include "failallocs.h"
#include "fakehost.h"
#include "folder.h"
#include "json.h"
#include "keycase.h"
#include "pin.h"
#include "stamp.h"
#include "store.h"

static char folder[64];
static const struct wf_provider_conf conf = {.name = "acme", .url = "https://acme.example"};

/* Wrapped calls: all that can fail count as allocations */

struct json_t *__real_wf_json_new(void);
struct json_t *__wrap_wf_json_new(void);
struct json_t *__wrap_wf_json_new(void)
{
    return fail_alloc_now() ? NULL : __real_wf_json_new();
}

bool __real_wf_json_set_text(struct json_t *object, const char *name, struct wf_span value);
bool __wrap_wf_json_set_text(struct json_t *object, const char *name, struct wf_span value);
bool __wrap_wf_json_set_text(struct json_t *object, const char *name, struct wf_span value)
{
    return !fail_alloc_now() && __real_wf_json_set_text(object, name, value);
}

bool __real_wf_json_set_number(struct json_t *object, const char *name, int64_t value);
bool __wrap_wf_json_set_number(struct json_t *object, const char *name, int64_t value);
bool __wrap_wf_json_set_number(struct json_t *object, const char *name, int64_t value)
{
    return !fail_alloc_now() && __real_wf_json_set_number(object, name, value);
}

enum wf_reason __real_wf_crypto_sha256_parts(const struct wf_span *parts, size_t n, uint8_t *ret,
                                             struct wf_err *err);
enum wf_reason __wrap_wf_crypto_sha256_parts(const struct wf_span *parts, size_t n, uint8_t *ret,
                                             struct wf_err *err);
enum wf_reason __wrap_wf_crypto_sha256_parts(const struct wf_span *parts, size_t n, uint8_t *ret,
                                             struct wf_err *err)
{
    return fail_alloc_now() ? wf_fail(err, WF_INTERNAL, "out of memory")
                            : __real_wf_crypto_sha256_parts(parts, n, ret, err);
}

enum wf_reason __real_wf_crypto_random(void *ret, size_t len, struct wf_err *err);
enum wf_reason __wrap_wf_crypto_random(void *ret, size_t len, struct wf_err *err);
enum wf_reason __wrap_wf_crypto_random(void *ret, size_t len, struct wf_err *err)
{
    return fail_alloc_now() ? wf_fail(err, WF_INTERNAL, "nothing random")
                            : __real_wf_crypto_random(ret, len, err);
}

static int lock_errno;
int __wrap_flock(int fd, int operation);
int __wrap_flock(int fd, int operation)
{
    (void)fd;
    (void)operation;
    errno = lock_errno;
    return lock_errno == 0 ? 0 : -1;
}

static bool no_home;
char *__real_wf_folder_choose(const char *configured, const struct wf_folder_default *standard);
char *__wrap_wf_folder_choose(const char *configured, const struct wf_folder_default *standard);
char *__wrap_wf_folder_choose(const char *configured, const struct wf_folder_default *standard)
{
    return no_home ? NULL : __real_wf_folder_choose(configured, standard);
}

static int unlink_errno;
int __real_unlinkat(int in, const char *name, int flags);
int __wrap_unlinkat(int in, const char *name, int flags);
int __wrap_unlinkat(int in, const char *name, int flags)
{
    if (unlink_errno == 0)
        return __real_unlinkat(in, name, flags);
    errno = unlink_errno;
    return -1;
}

static const char *host_name; /* NULL: it cannot be had */
int __wrap_gethostname(char *name, size_t size);
int __wrap_gethostname(char *name, size_t size)
{
    /* As many bytes as may be there, and no NUL: POSIX leaves that open */
    if (host_name != NULL)
        memcpy(name, host_name, strlen(host_name) < size ? strlen(host_name) : size);
    return host_name == NULL ? -1 : 0;
}

/* Steps, each of which may fail anywhere */

static struct wf_store *store;

static enum wf_reason open_store(struct wf_err *err)
{
    struct wf_store *found = NULL;
    enum wf_reason reason = wf_store_open(folder, &key_log_sink, &found, err);

    assert_true((reason == WF_OK) == (found != NULL));
    wf_store_free(found);
    return reason;
}

static struct wf_record *make_record(void)
{
    struct wf_record *record = wf_record_new(&conf, "alice", "subject");

    if (record == NULL)
        return NULL;
    record->access = wf_secret_new("a", 1);
    record->refresh = wf_secret_new("r", 1);
    if (record->access == NULL || record->refresh == NULL || !wf_record_fail(record, 5, WF_CONFIG, 0, "")) {
        wf_record_free(record);
        return NULL;
    }
    assert_string_equal(record->failure, "-");
    assert_string_equal(record->client_id, "-");
    return record;
}

static enum wf_reason write_record(struct wf_err *err)
{
    struct wf_record *record = make_record();
    enum wf_reason reason = record == NULL ? wf_fail(err, WF_INTERNAL, "out of memory")
                                           : wf_store_write(store, record, err);

    wf_record_free(record);
    return reason;
}

static enum wf_reason end_record(struct wf_err *err)
{
    struct wf_record *record = make_record();
    bool done = record != NULL && wf_record_end(record, 7, "why");

    if (record != NULL)
        assert_true(done ? record->ended == 7 && record->access == NULL
                         : record->ended == 0 && record->access != NULL && record->why == NULL);
    wf_record_free(record);
    return done ? WF_OK : wf_fail(err, WF_INTERNAL, "out of memory");
}

static enum wf_reason read_record(struct wf_err *err)
{
    struct wf_record *record = NULL;
    enum wf_reason reason = wf_store_read(store, &conf, "alice", &record, err);

    assert_true((reason == WF_OK) == (record != NULL));
    wf_record_free(record);
    return reason;
}

static void see(void *ctx, const char *name, const struct wf_record *record, const char *fault)
{
    assert_true(name != NULL && record != NULL && fault == NULL);
    *(unsigned *)ctx += 1;
}

static enum wf_reason list_records(struct wf_err *err)
{
    unsigned count = 0;
    enum wf_reason reason = wf_store_list(store, see, &count, err);

    assert_true(count <= 1 && (reason == WF_OK || count == 0));
    return reason;
}

static enum wf_reason lock_record(struct wf_err *err)
{
    int lock = -1;
    enum wf_reason reason = wf_store_lock(store, "acme", "alice", 0, &lock, err);

    assert_true((reason == WF_OK) == (lock >= 0));
    wf_store_unlock(lock);
    return reason;
}

static enum wf_reason remove_record(struct wf_err *err)
{
    bool existed = false;

    return wf_store_remove(store, "acme", "nobody", &existed, err);
}

/* Something without which a step has nothing to do; it does not fail. */
static void prepare(enum wf_reason (*step)(struct wf_err *err))
{
    unsigned at = fail_alloc_at;

    fail_alloc_at = 0;
    assert_int_equal(step(NULL), WF_OK);
    fail_alloc_at = at;
}

/* At a second provider */
static enum wf_reason write_another(struct wf_err *err)
{
    static const struct wf_provider_conf another = {.name = "another", .url = "https://a.example"};
    struct wf_record *record = wf_record_new(&another, "alice", "5f0e");

    assert_non_null(record);
    record->access = wf_secret_new("a", 1);
    enum wf_reason reason = wf_store_write(store, record, err);
    wf_record_free(record);
    return reason;
}

/* That one has ended does not hide that another one has not. */
static enum wf_reason end_records(struct wf_err *err)
{
    prepare(write_record);
    prepare(write_another);
    return wf_store_end(store, "alice", 7, "why", err);
}

/* Pins */

static const struct wf_span person = {"5f0e", 4};

static enum wf_reason hold_pin(struct wf_err *err)
{
    return wf_pin_hold(store, &conf, "alice", person, 1, err);
}

static enum wf_reason ask_pin(struct wf_err *err)
{
    bool found = false;
    enum wf_reason reason = wf_pin_exists(store, "alice", &found, err);

    assert_true(found == (reason == WF_OK));
    return reason;
}

static void see_pin(void *ctx, const char *name, const struct wf_pin *pin, const char *fault)
{
    assert_true(name != NULL && pin != NULL && fault == NULL);
    *(unsigned *)ctx += 1;
}

static enum wf_reason hold_other(struct wf_err *err)
{
    return wf_pin_hold(store, &conf, "bob", person, 1, err);
}

static enum wf_reason list_pins(struct wf_err *err)
{
    unsigned count = 0;

    prepare(hold_other);
    enum wf_reason reason = wf_pin_list(store, see_pin, &count, err);
    assert_true(reason == WF_OK ? count == 2 : count < 2);
    return reason;
}

static enum wf_reason show_pin(struct wf_err *err)
{
    unsigned count = 0;
    enum wf_reason reason = wf_pin_show(store, "alice", see_pin, &count, err);

    assert_true((count == 1) == (reason == WF_OK));
    return reason;
}

static enum wf_reason remove_pin(struct wf_err *err)
{
    bool existed = false;

    return wf_pin_remove(store, "nobody", &existed, err);
}

/* Time stamps */

static struct wf_stamp make_stamp(void)
{
    struct wf_stamp stamp = {.provider = "acme",
                             .user = "alice",
                             .subject = "5f0e",
                             .signed_in = 5,
                             .exported = "/x"};

    assert_int_equal(wf_anchor_process(&stamp.anchor, NULL), WF_OK);
    return stamp;
}

static enum wf_reason put_stamp(struct wf_err *err)
{
    struct wf_stamp stamp = make_stamp();

    return wf_stamp_put(store, &stamp, err);
}

static enum wf_reason find_stamp(struct wf_err *err)
{
    struct wf_stamp stamp = {.signed_in = 0};
    enum wf_reason reason = wf_stamp_find(store, "acme", "alice", &stamp, err);

    assert_true((stamp.signed_in == 5) == (reason == WF_OK));
    return reason;
}

static char mark[WF_MARK_SIZE];

static enum wf_reason pend_stamp(struct wf_err *err)
{
    struct wf_stamp stamp = make_stamp();

    return wf_stamp_pend(store, &stamp, 1000, mark, err);
}

static enum wf_reason claim_stamp(struct wf_err *err)
{
    struct wf_stamp stamp = {.signed_in = 0};

    prepare(pend_stamp);
    enum wf_reason reason = wf_stamp_claim(store, "acme", "alice", mark, 1000, &stamp, err);
    assert_true((stamp.signed_in == 5) == (reason == WF_OK));
    return reason;
}

static enum wf_reason lock_stamp(struct wf_err *err)
{
    int lock = -1;
    enum wf_reason reason = wf_stamp_lock(store, "acme", "alice", 0, &lock, err);

    assert_true((reason == WF_OK) == (lock >= 0));
    wf_store_unlock(lock);
    return reason;
}

static enum wf_reason remove_stamp(struct wf_err *err)
{
    struct wf_stamp stamp = make_stamp();
    struct wf_anchor anchor = stamp.anchor;
    unsigned left = 99;

    prepare(put_stamp);
    enum wf_reason reason =
        wf_stamp_remove(store, "acme", "alice", &anchor, &stamp, &left, err);
    assert_int_equal(left, reason == WF_OK ? 0 : 99);
    return reason;
}

static const struct {
    const char *name;
    enum wf_reason (*step)(struct wf_err *err);
    enum wf_reason also; /* beside WF_INTERNAL */
} steps[] = {
    {"open", open_store, WF_CONFIG},
    {"end", end_record, WF_INTERNAL},
    {"write", write_record, WF_CONFIG}, /* no random name */
    {"read", read_record, WF_INTERNAL},
    {"list", list_records, WF_INTERNAL},
    {"lock", lock_record, WF_INTERNAL},
    {"remove", remove_record, WF_INTERNAL},
    {"end all", end_records, WF_CONFIG}, /* no random name */
    {"pin", hold_pin, WF_CONFIG},
    {"pin again", hold_pin, WF_INTERNAL},
    {"pin there", ask_pin, WF_INTERNAL},
    {"pins", list_pins, WF_INTERNAL},
    {"show", show_pin, WF_INTERNAL},
    {"unpin", remove_pin, WF_INTERNAL},
    {"stamp", put_stamp, WF_CONFIG},
    {"stamp found", find_stamp, WF_INTERNAL},
    {"pend", pend_stamp, WF_CONFIG},
    {"claim", claim_stamp, WF_INTERNAL},
    {"stamp lock", lock_stamp, WF_INTERNAL},
    {"stamp removed", remove_stamp, WF_INTERNAL},
};

static void test_short(void **state)
{
    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(steps); i++) {
        bool done = false;
        unsigned n = 0;
        while (!done && n < 200) {
            struct wf_err err = WF_ERR_INIT;
            size_t files = key_open_files();
            fail_alloc_at = ++n;
            enum wf_reason reason = steps[i].step(&err);
            done = fail_alloc_at > 0;
            fail_alloc_at = 0;
            bool allowed = reason == WF_INTERNAL || reason == steps[i].also ||
                           /* Nothing was cleaned up, as little as that matters */
                           (reason == WF_OK &&
                            (steps[i].step == put_stamp || steps[i].step == pend_stamp));
            if (done ? reason != WF_OK : !allowed || (reason != WF_OK && err.text[0] == '\0'))
                fail_msg("%s, %u: %s (%s)", steps[i].name, n, wf_reason_name(reason), err.text);
            if (files != key_open_files())
                fail_msg("%s, %u leaves descriptors", steps[i].name, n);
        }
        if (n < 2 || !done)
            fail_msg("%s: %u", steps[i].name, n);
    }
    assert_string_equal(key_log, "");
}

static void test_too_large(void **state)
{
    static char quotes[WF_STORE_RECORD_MAX / 2];
    struct wf_record *record = make_record();
    struct wf_err err = WF_ERR_INIT;

    (void)state;
    memset(quotes, '"', sizeof(quotes));
    wf_secret_free(record->access);
    record->access = wf_secret_new(quotes, sizeof(quotes));
    assert_int_equal(wf_store_write(store, record, &err), WF_INTERNAL);
    assert_non_null(strstr(err.text, "no room"));
    wf_record_free(record);
    assert_int_equal(read_record(NULL), WF_OK);
}

static void test_calls(void **state)
{
    struct wf_err err = WF_ERR_INIT;

    (void)state;
    lock_errno = ENOLCK;
    assert_int_equal(lock_record(&err), WF_CONFIG);
    assert_non_null(strstr(err.text, "No locks available"));
    lock_errno = EWOULDBLOCK;
    assert_int_equal(lock_record(&err), WF_UNREACHABLE);
    lock_errno = 0;
    unlink_errno = EROFS;
    assert_int_equal(remove_record(&err), WF_CONFIG);
    assert_non_null(strstr(err.text, "Read-only"));
    unlink_errno = 0;
    no_home = true;
    assert_int_equal(open_store(&err), WF_CONFIG);
    assert_non_null(strstr(err.text, "has no home"));
    no_home = false;
    assert_int_equal(chmod(folder, 0755), 0);
    for (size_t i = 0; i < WF_ARRAY_LEN(steps); i++) {
        bool prepares = steps[i].step == claim_stamp || steps[i].step == remove_stamp ||
                        steps[i].step == list_pins || steps[i].step == end_records;
        if (steps[i].step != end_record && !prepares && steps[i].step(&err) != WF_CONFIG)
            fail_msg("%s in an open folder", steps[i].name);
    }
    assert_int_equal(chmod(folder, 0700), 0);
}

/* A machine-id that is empty is none, and a name may be as long as it likes. */
static void see_any(void *ctx, const char *name, const struct wf_record *record, const char *fault)
{
    (void)name;
    (void)record;
    assert_null(fault);
    *(unsigned *)ctx += 1;
}

/* A list that is cut anywhere is none. */
static void test_cut_list(void **state)
{
    unsigned count = 0;
    bool failed = true;

    (void)state;
    key_folder_empty(folder);
    for (char user = 'a'; user <= 'l'; user++) {
        const char name[] = {user, '\0'};
        struct wf_record *record = wf_record_new(&conf, name, "subject");
        assert_non_null(record);
        record->access = wf_secret_new("a", 1);
        assert_int_equal(wf_store_write(store, record, NULL), WF_OK);
        wf_record_free(record);
    }
    for (unsigned n = 1; failed; n++) {
        count = 0;
        fail_alloc_at = n;
        enum wf_reason reason = wf_store_list(store, see_any, &count, NULL);
        failed = fail_alloc_at == 0;
        fail_alloc_at = 0;
        if (reason != (failed ? WF_INTERNAL : WF_OK))
            fail_msg("%u: %s", n, wf_reason_name(reason));
    }
    assert_int_equal(count, 12);
}

static void test_host(void **state)
{
    static char longest[300];
    struct wf_err err = WF_ERR_INIT;
    const char *id = machine_id;

    (void)state;
    memset(longest, 'x', sizeof(longest) - 1);
    host_name = NULL;
    machine_id = NULL;
    assert_int_equal(open_store(&err), WF_INTERNAL);
    assert_non_null(strstr(err.text, "no name"));
    machine_id = "";
    assert_int_equal(open_store(&err), WF_INTERNAL);
    /* The shortest one is an ID, too */
    machine_id = "x";
    assert_int_equal(open_store(&err), WF_OK);
    machine_id = "";
    host_name = longest;
    assert_int_equal(open_store(&err), WF_OK);
    /* One that is there and cannot be read makes no other host of this one */
    machine_id_is_odd = true;
    assert_int_equal(open_store(&err), WF_CONFIG);
    assert_non_null(strstr(err.text, "Too many open files"));
    machine_id_is_odd = false;
    machine_id = id;
}

static unsigned count_records(void)
{
    unsigned count = 0;

    assert_int_equal(wf_store_list(store, see, &count, NULL), WF_OK);
    return count;
}

/* No two pairs of provider and user share a record. */
static void test_pairs(void **state)
{
    const struct wf_provider_conf ab = {.name = "ab", .url = "https://acme.example"};
    const struct wf_provider_conf a = {.name = "a", .url = "https://acme.example"};
    struct wf_record *first = wf_record_new(&ab, "c", "s");
    struct wf_record *second = wf_record_new(&a, "bc", "s");
    unsigned before = count_records();

    (void)state;
    first->access = wf_secret_new("a", 1);
    second->access = wf_secret_new("a", 1);
    assert_int_equal(wf_store_write(store, first, NULL), WF_OK);
    assert_int_equal(wf_store_write(store, second, NULL), WF_OK);
    assert_int_equal(count_records(), before + 2);
    wf_record_free(first);
    wf_record_free(second);
}

static int set_up(void **state)
{
    (void)state;
    key_folder_make(folder, sizeof(folder));
    machine_id = "0123456789abcdef0123456789abcdef\n";
    return wf_store_open(folder, &key_log_sink, &store, NULL) != WF_OK;
}

static int tear_down(void **state)
{
    (void)state;
    wf_store_free(store);
    key_folder_empty(folder);
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_short), cmocka_unit_test(test_too_large),
        cmocka_unit_test(test_calls), cmocka_unit_test(test_host),
        cmocka_unit_test(test_pairs), cmocka_unit_test(test_cut_list),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
