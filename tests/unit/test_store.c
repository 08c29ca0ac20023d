/* Sessions on disk: what comes back is what was kept, or nothing; and it is kept when it is said to
 * be. */
#include "config.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/file.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "cachecase.h"
#include "fakehost.h"
#include "store.h"

static const struct wf_provider_conf conf = {
    .name = "acme", .url = "https://acme.my.workfront.com", .client_id = "client"};
static struct wf_store *store;

/* Wrapped calls */

static char trace[256]; /* what makes a record durable, in order */
static void note(const char *what)
{
    size_t used = strlen(trace);

    (void)snprintf(trace + used, sizeof(trace) - used, "%s ", what);
}

int __real_fsync(int fd);
int __wrap_fsync(int fd);
int __wrap_fsync(int fd)
{
    if (fault_now("fsync", fault_what(fd)))
        return -1;
    note(fault_what(fd));
    return __real_fsync(fd);
}

int __real_renameat(int from_in, const char *from, int to_in, const char *to);
int __wrap_renameat(int from_in, const char *from, int to_in, const char *to);
int __wrap_renameat(int from_in, const char *from, int to_in, const char *to)
{
    if (fault_now("renameat", to))
        return -1;
    note("rename");
    return __real_renameat(from_in, from, to_in, to);
}

ssize_t __real_write(int fd, const void *data, size_t len);
ssize_t __wrap_write(int fd, const void *data, size_t len);
ssize_t __wrap_write(int fd, const void *data, size_t len)
{
    return fault_now("write", fault_what(fd)) ? -1 : __real_write(fd, data, len);
}

/* Records */

static struct wf_record *make_record(const char *user, const char *refresh)
{
    struct wf_record *record = wf_record_new(&conf, user, "5f0e");

    assert_non_null(record);
    record->refresh = wf_secret_new(refresh, strlen(refresh));
    record->access = wf_secret_new("access", 6);
    record->obtained = 1000;
    record->access_expires = 2000;
    record->signed_in = 900;
    record->absolute_expires = 9000;
    record->idle_expires = 5000;
    record->warned = 950;
    record->refreshing = 990;
    record->confirmed = 995;
    record->claims = strdup("{\"ID\":\"5f0e\"}");
    return record;
}

static void keep(const char *user, const char *refresh)
{
    struct wf_record *record = make_record(user, refresh);
    struct wf_err err = WF_ERR_INIT;

    if (wf_store_write(store, record, &err) != WF_OK)
        fail_msg("%s", err.text);
    wf_record_free(record);
}

/* The refresh token that is kept for alice; "-" for no record, "none" for one without. */
static const char *kept(const struct wf_provider_conf *provider)
{
    static char text[100];
    struct wf_record *record = NULL;
    struct wf_err err = WF_ERR_INIT;

    key_log[0] = '\0';
    if (wf_store_read(store, provider, "alice", &record, &err) != WF_OK)
        fail_msg("%s", err.text);
    (void)snprintf(text, sizeof(text), "%s",
                   record == NULL            ? "-"
                   : record->refresh == NULL ? "none"
                                             : wf_secret_borrow(record->refresh).ptr);
    wf_record_free(record);
    return text;
}

static char *find_record(void)
{
    static char path[512];

    key_folder_find(folder, "session-", path, sizeof(path));
    assert_true(path[0] != '\0');
    return path;
}

static void test_round_trip(void **state)
{
    struct wf_record *record = NULL;
    struct stat st;

    (void)state;
    assert_string_equal(kept(&conf), "-");
    assert_string_equal(key_log, "");
    keep("alice", "refresh");
    assert_int_equal(wf_store_read(store, &conf, "alice", &record, NULL), WF_OK);
    assert_string_equal(record->url, conf.url);
    assert_string_equal(record->client_id, "client");
    assert_string_equal(record->subject, "5f0e");
    assert_string_equal(wf_secret_borrow(record->refresh).ptr, "refresh");
    assert_string_equal(wf_secret_borrow(record->access).ptr, "access");
    const int64_t times[] = {record->obtained,         record->access_expires, record->signed_in,
                             record->absolute_expires, record->idle_expires,   record->warned,
                             record->refreshing,       record->confirmed};
    const int64_t expected[] = {1000, 2000, 900, 9000, 5000, 950, 990, 995};
    assert_memory_equal(times, expected, sizeof(times));
    assert_string_equal(record->claims, "{\"ID\":\"5f0e\"}");
    assert_int_equal(record->ended, 0);
    assert_null(record->why);
    wf_record_free(record);
    assert_int_equal(stat(find_record(), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    keep("alice", "newer");
    assert_string_equal(kept(&conf), "newer");
    assert_string_equal(key_log, "");
    assert_null(strstr(find_record(), "alice"));
}

static void test_tombstone(void **state)
{
    struct wf_record *record = make_record("alice", "refresh");

    (void)state;
    assert_true(wf_record_end(record, 3000, "invalid_grant\x1b[2J\n"));
    assert_null(record->refresh);
    assert_null(record->access);
    assert_int_equal(wf_store_write(store, record, NULL), WF_OK);
    wf_record_free(record);
    record = NULL;
    assert_int_equal(wf_store_read(store, &conf, "alice", &record, NULL), WF_OK);
    assert_int_equal(record->ended, 3000);
    assert_string_equal(record->why, "invalid_grant?[2J?");
    assert_int_equal(record->signed_in, 900);
    assert_int_equal(record->refreshing, 0);
    assert_true(record->refresh == NULL && record->access == NULL);
    wf_record_free(record);
}

/* Rows that change one thing of a good file, whose text is replaced. */
static const struct {
    const char *name;
    const char *from;
    const char *to;
    const char *says; /* NULL: it stays a good one */
} rows[] = {
    {"good", "", "", NULL},
    {"an unknown member", "{", "{\"more\":1,", NULL},
    {"another version", "\"version\":1", "\"version\":2", "its version is 2"},
    {"no version", "\"version\":1,", "", "version"},
    {"another host", "\"host\":\"", "\"host\":\"0", "on another host"},
    {"another user", "\"user\":\"alice", "\"user\":\"bob", "somebody else's"},
    {"another provider", "\"provider\":\"acme", "\"provider\":\"acne", "somebody else's"},
    {"another url", "acme.my.", "acme.preview.", "another url"},
    {"another client", "\"client\"", "\"cliens\"", "another client_id"},
    {"no subject", "\"subject\":\"5f0e\"", "\"x\":1", "subject"},
    {"no time of the sign-in", "\"signed_in\":900", "\"x\":1", "signed_in"},
    {"a time as a text", "\"obtained\":1000", "\"obtained\":\"1000\"", "obtained"},
    {"claims as an object", "\"claims\":", "\"claims\":{},\"x\":", "claims"},
    {"no claims", "\"claims\":", "\"x\":", NULL},
    {"a token as a number", "\"refresh_token\":\"refresh\"", "\"refresh_token\":5",
     "refresh_token"},
    {"no refresh token", "\"refresh_token\":\"refresh\",", "", NULL},
    {"no access token", "\"access_token\":\"access\",", "", "neither a session nor"},
    {"ended, with a token", "{", "{\"ended\":5,\"why\":\"x\",", "neither a session nor"},
    {"a reason without an end", "{", "{\"why\":\"x\",", "neither a session nor"},
    {"a member twice", "\"warned\"", "\"obtained\":1,\"warned\"", "no valid JSON"},
    {"something behind it", "{", "{} {", ""},
};

static void rewrite(const char *text, size_t len)
{
    key_file_write(find_record(), text, len);
}

static void test_ignored(void **state)
{
    char good[4096] = "";
    char bad[4096];

    (void)state;
    keep("alice", "refresh");
    size_t len = key_file_read(find_record(), good, sizeof(good));
    for (size_t i = 0; i < WF_ARRAY_LEN(rows); i++) {
        const char *at = strstr(good, rows[i].from);
        if (at == NULL)
            fail_msg("%s: nothing to replace", rows[i].name);
        (void)snprintf(bad, sizeof(bad), "%.*s%s%s", (int)(at - good), good, rows[i].to,
                       at + strlen(rows[i].from));
        rewrite(bad, strlen(bad));
        if ((strcmp(kept(&conf), "-") == 0) != (rows[i].says != NULL))
            fail_msg("%s: %s", rows[i].name, key_log);
        if (rows[i].says == NULL ? key_log[0] != '\0' : strstr(key_log, rows[i].says) == NULL)
            fail_msg("%s: %s", rows[i].name, key_log);
    }
    for (size_t n = 0; n < len; n++) {
        rewrite(good, n);
        if (strcmp(kept(&conf), "-") != 0 || strstr(key_log, "is ignored") == NULL)
            fail_msg("%zu bytes of %zu: %s", n, len, key_log);
    }
    rewrite(good, len);
    assert_string_equal(kept(&conf), "refresh");
}

static void test_files(void **state)
{
    struct wf_provider_conf other = conf;

    (void)state;
    keep("alice", "refresh");
    const mode_t modes[] = {0640, 0604, 0620, 0602, 0610};
    for (size_t i = 0; i < WF_ARRAY_LEN(modes); i++) {
        assert_int_equal(chmod(find_record(), modes[i]), 0);
        assert_string_equal(kept(&conf), "-");
        assert_non_null(strstr(key_log, "others"));
    }
    assert_int_equal(chmod(find_record(), 0600), 0);
    assert_string_equal(kept(&conf), "refresh");
    if (geteuid() == 0) {
        assert_int_equal(chown(find_record(), 4242, 0), 0);
        assert_string_equal(kept(&conf), "-");
        assert_non_null(strstr(key_log, "belongs to somebody else"));
        assert_int_equal(chown(find_record(), 0, 0), 0);
    }
    other.url = "https://acme.preview.workfront.com";
    assert_string_equal(kept(&other), "-");
    other = conf;
    other.client_id = NULL;
    assert_string_equal(kept(&other), "-");
    other = conf;
    other.name = "other";
    assert_string_equal(kept(&other), "-");
    assert_string_equal(key_log, "");
    char *path = find_record();
    assert_int_equal(rename(path, in_folder("elsewhere")), 0);
    assert_int_equal(symlink("elsewhere", path), 0);
    assert_string_equal(kept(&conf), "-");
    assert_non_null(strstr(key_log, "symbolic link"));
}

static void test_folder(void **state)
{
    bool existed = false;
    struct wf_record *record = make_record("alice", "newer");
    struct wf_record *found = NULL;
    struct wf_err err = WF_ERR_INIT;
    struct wf_store *other = NULL;

    (void)state;
    assert_int_equal(chmod(folder, 0710), 0);
    assert_int_equal(wf_store_read(store, &conf, "alice", &found, &err), WF_CONFIG);
    /* Whoever has named a folder of everybody's must not be told to shut it */
    assert_non_null(strstr(err.text, "a folder for this alone; if it is one: chmod 700"));
    assert_int_equal(wf_store_write(store, record, NULL), WF_CONFIG);
    existed = true;
    assert_int_equal(wf_store_remove(store, "acme", "alice", &existed, NULL), WF_CONFIG);
    assert_true(existed);
    assert_int_equal(wf_store_open(folder, NULL, &other, &err), WF_CONFIG);
    assert_int_equal(chmod(folder, 0700), 0);
    assert_int_equal(wf_store_open("relative", NULL, &other, &err), WF_CONFIG);
    assert_int_equal(wf_store_open(in_folder("made"), NULL, &other, &err), WF_OK);
    assert_string_equal(wf_store_path_borrow(other), in_folder("made"));
    assert_int_equal(wf_store_write(other, record, NULL), WF_OK);
    wf_store_free(other);
    key_folder_empty(in_folder("made"));
    wf_record_free(record);
}

/* First the file, then its name, then the folder that holds the name. */
static void test_durable(void **state)
{
    bool existed = false;
    (void)state;
    trace[0] = '\0';
    keep("alice", "refresh");
    assert_string_equal(trace, "file rename folder ");
    trace[0] = '\0';
    assert_int_equal(wf_store_remove(store, "acme", "alice", &existed, NULL), WF_OK);
    assert_string_equal(trace, "folder ");
    assert_true(existed);
    assert_int_equal(wf_store_remove(store, "acme", "alice", &existed, NULL), WF_OK);
    assert_false(existed);
}

/* Whose name is taken away has no session any more, and is still known. */
static void test_end(void **state)
{
    struct wf_record *record = NULL;
    struct wf_err err = WF_ERR_INIT;

    (void)state;
    keep("alice", "refresh");
    assert_int_equal(wf_store_read(store, &conf, "alice", &record, &err), WF_OK);
    const int64_t signed_in = record->signed_in;
    assert_int_not_equal(signed_in, 0);
    wf_record_free(record);
    keep("bob", "refresh");
    plant("session-x", "{", 0600);
    for (int64_t now = 5; now < 7; now++) {
        assert_int_equal(wf_store_end(store, "alice", now, "taken back", &err), WF_OK);
        assert_int_equal(wf_store_read(store, &conf, "alice", &record, &err), WF_OK);
        assert_non_null(record);
        assert_int_equal(record->ended, 5);
        assert_string_equal(record->why, "taken back");
        assert_int_equal(record->signed_in, signed_in);
        assert_null(record->access);
        assert_null(record->refresh);
        wf_record_free(record);
    }
    assert_int_equal(wf_store_read(store, &conf, "bob", &record, &err), WF_OK);
    assert_int_equal(record->ended, 0);
    wf_record_free(record);
    faults[0] = (struct fault){"openat", ".tmp-", EROFS};
    enum wf_reason reason = wf_store_end(store, "bob", 5, "taken back", &err);
    memset(faults, 0, sizeof(faults));
    assert_int_equal(reason, WF_CONFIG);
    assert_non_null(strstr(err.text, "Read-only"));
}

/* One that cannot be read just now is not one that is not there. */
static void test_not_read(void **state)
{
    struct wf_record *record = NULL;
    struct wf_err err = WF_ERR_INIT;

    (void)state;
    keep("alice", "refresh");
    faults[0] = (struct fault){"openat", "session-", EMFILE};
    assert_int_equal(wf_store_read(store, &conf, "alice", &record, &err), WF_INTERNAL);
    memset(faults, 0, sizeof(faults));
    assert_null(record);
    assert_non_null(strstr(err.text, "Too many open files"));
    assert_string_equal(kept(&conf), "refresh");
}

static const struct {
    const char *name;
    struct fault fault;
    const char *after; /* what stands then */
} failures[] = {
    {"full disk", {"write", "file", ENOSPC}, "old"},
    {"full disk, seen late", {"fsync", "file", ENOSPC}, "old"},
    {"full disk, seen last", {"close", "file", ENOSPC}, "old"},
    {"read-only folder", {"openat", ".tmp-", EROFS}, "old"},
    {"no rename", {"renameat", "session-", EIO}, "old"},
    {"folder not on the disk", {"fsync", "folder", EIO}, "new"},
};

static void test_failures(void **state)
{
    char path[512];

    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(failures); i++) {
        struct wf_err err = WF_ERR_INIT;
        keep("alice", "old");
        struct wf_record *record = make_record("alice", "new");
        faults[0] = failures[i].fault;
        enum wf_reason reason = wf_store_write(store, record, &err);
        memset(faults, 0, sizeof(faults));
        wf_record_free(record);
        if (reason != WF_CONFIG ||
            strstr(err.text, wf_errno_text(failures[i].fault.number)) == NULL)
            fail_msg("%s: %s", failures[i].name, err.text);
        if (strcmp(kept(&conf), failures[i].after) != 0)
            fail_msg("%s: %s", failures[i].name, kept(&conf));
        key_folder_find(folder, ".tmp-", path, sizeof(path));
        if (path[0] != '\0')
            fail_msg("%s leaves %s", failures[i].name, path);
    }
}

static void test_hosts(void **state)
{
    struct wf_store *other = NULL;
    struct wf_store *mine = store;
    const char *id = machine_id;

    (void)state;
    keep("alice", "refresh");
    machine_id = "fedcba9876543210fedcba9876543210\n";
    assert_int_equal(wf_store_open(folder, &key_log_sink, &other, NULL), WF_OK);
    store = other;
    assert_string_equal(kept(&conf), "-");
    assert_non_null(strstr(key_log, "is ignored: it was written on another host"));
    /* A home that both share has one for each */
    keep("alice", "other");
    assert_string_equal(kept(&conf), "other");
    assert_string_equal(key_log, "");
    store = mine;
    assert_string_equal(kept(&conf), "refresh");
    wf_store_free(other);
    /* Known by its name alone */
    machine_id = NULL;
    assert_int_equal(wf_store_open(folder, &key_log_sink, &other, NULL), WF_OK);
    machine_id = id;
    store = other;
    keep("alice", "by name");
    assert_string_equal(kept(&conf), "by name");
    store = mine;
    wf_store_free(other);
}

struct seen {
    unsigned good, bad, dead;
    char text[1024];
};

static void see(void *ctx, const char *name, const struct wf_record *record, const char *fault)
{
    struct seen *seen = ctx;
    size_t used = strlen(seen->text);

    assert_int_equal(strncmp(name, "session-", 8), 0);
    assert_true((record == NULL) == (fault != NULL));
    seen->good += record != NULL;
    seen->bad += record == NULL;
    seen->dead += record != NULL && record->ended != 0;
    (void)snprintf(seen->text + used, sizeof(seen->text) - used, "%s ",
                   record == NULL ? fault : record->user);
}

static void test_list(void **state)
{
    struct seen seen = {0};
    struct wf_record *record = make_record("carol", "x");

    (void)state;
    assert_int_equal(wf_store_list(store, see, &seen, NULL), WF_OK);
    assert_int_equal(seen.good + seen.bad, 0);
    keep("alice", "a");
    keep("bob", "b");
    assert_true(wf_record_end(record, 5, "x"));
    assert_int_equal(wf_store_write(store, record, NULL), WF_OK);
    wf_record_free(record);
    /* Neither a session nor the end of one */
    record = make_record("dave", "x");
    wf_secret_free(record->access);
    record->access = NULL;
    assert_int_equal(wf_store_write(store, record, NULL), WF_OK);
    wf_record_free(record);
    plant("session-0", "{", 0600);
    plant("other-0", "{}", 0600);
    assert_int_equal(wf_store_list(store, see, &seen, NULL), WF_OK);
    assert_int_equal(seen.good, 3);
    assert_int_equal(seen.bad, 2);
    assert_int_equal(seen.dead, 1);
    assert_non_null(strstr(seen.text, "alice"));
    assert_non_null(strstr(seen.text, "bob"));
}

static void *lock_in_thread(void *ctx)
{
    int lock = -1;

    (void)ctx;
    return (void *)(uintptr_t)wf_store_lock(store, "acme", "alice", 0, &lock, NULL);
}

static void test_locks(void **state)
{
    struct wf_err err = WF_ERR_INIT;
    int lock = -1;
    int other = -1;
    int ready[2];
    char byte = 0;
    pthread_t thread;
    void *found = NULL;

    (void)state;
    assert_int_equal(wf_store_lock(store, "acme", "alice", 0, &lock, &err), WF_OK);
    assert_int_equal(wf_store_lock(store, "acme", "alice", 30, &other, &err), WF_UNREACHABLE);
    assert_int_equal(pthread_create(&thread, NULL, lock_in_thread, NULL), 0);
    assert_int_equal(pthread_join(thread, &found), 0);
    assert_int_equal((uintptr_t)found, WF_UNREACHABLE);
    assert_int_equal(wf_store_lock(store, "acme", "bob", 0, &other, &err), WF_OK);
    wf_store_unlock(other);
    wf_store_unlock(lock);
    /* A holder that dies leaves nothing behind */
    assert_int_equal(pipe(ready), 0);
    pid_t child = fork();
    if (child == 0) {
        if (wf_store_lock(store, "acme", "alice", 0, &lock, NULL) != WF_OK)
            _exit(1);
        (void)!__real_write(ready[1], "x", 1);
        for (;;)
            (void)pause();
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    assert_int_equal(wf_store_lock(store, "acme", "alice", 0, &lock, &err), WF_UNREACHABLE);
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_int_equal(wf_store_lock(store, "acme", "alice", 0, &lock, &err), WF_OK);
    wf_store_unlock(lock);
    (void)__real_close(ready[0]);
    (void)__real_close(ready[1]);
    char path[512];
    for (int i = 0; i < 2; i++) {
        key_folder_find(folder, ".lock-session-", path, sizeof(path));
        assert_int_equal(unlink(path), 0);
    }
    faults[0] = (struct fault){"openat", ".lock-", EROFS};
    assert_int_equal(wf_store_lock(store, "acme", "alice", 0, &lock, &err), WF_CONFIG);
    memset(faults, 0, sizeof(faults));
}

static int set_up(void **state)
{
    return folder_set_up(state) != 0 || wf_store_open(folder, &key_log_sink, &store, NULL) != WF_OK;
}

static int tear_down(void **state)
{
    wf_store_free(store);
    return folder_tear_down(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_round_trip, empty, closed),
        cmocka_unit_test_setup_teardown(test_tombstone, empty, closed),
        cmocka_unit_test_setup_teardown(test_ignored, empty, closed),
        cmocka_unit_test_setup_teardown(test_files, empty, closed),
        cmocka_unit_test_setup_teardown(test_folder, empty, closed),
        cmocka_unit_test_setup_teardown(test_durable, empty, closed),
        cmocka_unit_test_setup_teardown(test_failures, empty, closed),
        cmocka_unit_test_setup_teardown(test_not_read, empty, closed),
        cmocka_unit_test_setup_teardown(test_end, empty, closed),
        cmocka_unit_test_setup_teardown(test_hosts, empty, closed),
        cmocka_unit_test_setup_teardown(test_list, empty, closed),
        cmocka_unit_test_setup_teardown(test_locks, empty, closed),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
