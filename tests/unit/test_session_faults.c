/* A person's own sessions where a lock, memory, the door to the network or a record is not to be
 * had: it is said, nothing is told or lost, and no result is written. */
#include "config.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "failalloc.h"
#include "sessioncase.h"

/* Wrapped calls */

void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size)
{
    return fail_alloc_now() ? NULL : __real_calloc(n, size);
}

static enum wf_reason lock_reason;
static unsigned lock_wait;
enum wf_reason __real_wf_store_lock(const struct wf_store *from, const char *provider,
                                    const char *user, unsigned wait_ms, int *ret,
                                    struct wf_err *err);
enum wf_reason __wrap_wf_store_lock(const struct wf_store *from, const char *provider,
                                    const char *user, unsigned wait_ms, int *ret,
                                    struct wf_err *err);
enum wf_reason __wrap_wf_store_lock(const struct wf_store *from, const char *provider,
                                    const char *user, unsigned wait_ms, int *ret,
                                    struct wf_err *err)
{
    lock_wait = wait_ms;
    return lock_reason != WF_OK ? wf_fail(err, lock_reason, "scripted lock")
                                : __real_wf_store_lock(from, provider, user, wait_ms, ret, err);
}

/* The next one fails. */
static bool no_read;
enum wf_reason __real_wf_store_read(const struct wf_store *from,
                                    const struct wf_provider_conf *provider, const char *user,
                                    struct wf_record **ret, struct wf_err *err);
enum wf_reason __wrap_wf_store_read(const struct wf_store *from,
                                    const struct wf_provider_conf *provider, const char *user,
                                    struct wf_record **ret, struct wf_err *err);
enum wf_reason __wrap_wf_store_read(const struct wf_store *from,
                                    const struct wf_provider_conf *provider, const char *user,
                                    struct wf_record **ret, struct wf_err *err)
{
    bool fails = no_read;

    no_read = false;
    return fails ? wf_fail(err, WF_INTERNAL, "scripted: no memory for a record")
                 : __real_wf_store_read(from, provider, user, ret, err);
}

static bool no_door;
enum wf_reason __real_wf_context_http_new(const struct wf_context *from,
                                          const struct wf_provider_conf *provider,
                                          struct wf_http **ret, struct wf_err *err);
enum wf_reason __wrap_wf_context_http_new(const struct wf_context *from,
                                          const struct wf_provider_conf *provider,
                                          struct wf_http **ret, struct wf_err *err);
enum wf_reason __wrap_wf_context_http_new(const struct wf_context *from,
                                          const struct wf_provider_conf *provider,
                                          struct wf_http **ret, struct wf_err *err)
{
    return no_door ? wf_fail(err, WF_CONFIG, "scripted: no helper")
                   : __real_wf_context_http_new(from, provider, ret, err);
}

static int restart(void **state)
{
    lock_reason = WF_OK;
    no_read = false;
    no_door = false;
    fail_alloc_at = 0;
    return reset(state);
}

static int check(void **state)
{
    (void)state;
    /* Standard input is a descriptor, too, but none of ours */
    return fcntl(STDIN_FILENO, F_GETFD) < 0;
}

static const struct {
    const char *name;
    enum wf_reason lock;
    bool no_read;
    bool no_door;
    bool full;
    enum wf_reason reason;
    const char *says;
    bool audited;
} ends[] = {
    {"a refresh that hangs", WF_UNREACHABLE, false, false, false, WF_UNREACHABLE, "scripted lock",
     true},
    {"no record", WF_OK, true, false, false, WF_INTERNAL, "no memory for a record", false},
    {"no door", WF_OK, false, true, false, WF_CONFIG, "no helper", false},
    {"a full disk", WF_OK, false, false, true, WF_CONFIG, "cannot remove", true},
};

static void test_end(void **state)
{
    for (size_t i = 0; i < WF_ARRAY_LEN(ends); i++) {
        struct wf_err err = WF_ERR_INIT;
        (void)restart(state);
        sign_in();
        key_log[0] = '\0';
        lock_reason = ends[i].lock;
        no_read = ends[i].no_read;
        no_door = ends[i].no_door;
        disk_is_full = ends[i].full;
        bool existed = false;
        bool told = false;
        enum wf_reason reason = wf_session_end(context, "acme", NULL, &existed, &told, &err);
        if (reason != ends[i].reason || strstr(err.text, ends[i].says) == NULL)
            fail_msg("%s: %s (%s)", ends[i].name, wf_reason_name(reason), err.text);
        if (existed || told)
            fail_msg("%s: a result", ends[i].name);
        if ((strstr(key_log, "own-sign-out") != NULL) != ends[i].audited)
            fail_msg("%s: %s", ends[i].name, key_log);
        disk_is_full = false;
        if (fake_door_count() != ends[i].full)
            fail_msg("%s: what the provider was told", ends[i].name);
    }
}

/* Of a section that has gone. */
static void test_drop(void **state)
{
    struct wf_err err = WF_ERR_INIT;
    bool existed = true;
    bool told = false;

    (void)state;
    sign_in();
    load(OTHER);
    lock_reason = WF_UNREACHABLE;
    assert_int_equal(wf_session_end(context, "acme", NULL, &existed, &told, &err), WF_UNREACHABLE);
    assert_string_equal(err.text, "scripted lock");
    assert_int_equal(lock_wait, 60000);
    lock_reason = WF_OK;
    disk_is_full = true;
    assert_int_equal(wf_session_end(context, "acme", NULL, &existed, &told, &err), WF_CONFIG);
    disk_is_full = false;
    assert_true(existed && !told);
    /* Whose name is given, from a place that ends behind it */
    char *name = strdup("alice");
    assert_int_equal(wf_session_end(context, "acme", name, &existed, &told, &err), WF_OK);
    assert_true(!existed && told);
    free(name);
    load(ACME);
    assert_null(kept());
}

/* No memory, or no door: no sign-in begins. */
static void test_begin(void **state)
{
    const struct wf_provider_conf *provider = NULL;
    struct wf_session *session = NULL;
    struct wf_err err = WF_ERR_INIT;

    (void)state;
    assert_int_equal(wf_session_provider(context, NULL, &provider, NULL), WF_OK);
    fail_alloc_at = 1;
    assert_int_equal(wf_session_begin(context, provider, &session, &err), WF_INTERNAL);
    assert_string_equal(err.text, "out of memory for a sign-in");
    no_door = true;
    assert_int_equal(wf_session_begin(context, provider, &session, &err), WF_CONFIG);
    assert_string_equal(err.text, "scripted: no helper");
    assert_null(session);
}

/* Names and IDs of one letter are names and IDs. */
static void test_short_names(void **state)
{
    const struct fake_answer answers[] = {
        GOOD,
        {.status = 200,
         .body = "{\"data\":[{\"ID\":\"5\",\"username\":\"x\",\"isActive\":true}]}"}};
    struct wf_session *session = begin();
    struct wf_session_info info;

    (void)state;
    fake_door_script(answers, WF_ARRAY_LEN(answers));
    assert_int_equal(wf_session_answer(session, "code", 4, &info, NULL), WF_OK);
    assert_string_equal(info.name, "x");
    assert_string_equal(info.subject, "5");
    assert_non_null(strstr(key_log, "subject=\"5\""));
    wf_session_free(session);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_end, restart, check),
        cmocka_unit_test_setup_teardown(test_drop, restart, check),
        cmocka_unit_test_setup_teardown(test_begin, restart, check),
        cmocka_unit_test_setup_teardown(test_short_names, restart, check),
    };

    case_begin();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    case_end();
    return failed;
}
