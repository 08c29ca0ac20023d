/*
 * Sessions of the host where something else fails: /proc, the lock, the disk, the door. The session
 * begins and ends all the same, and the log says what is missing.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "stamp.h"
#include "visit_case.h"

/* Calls of this kind from now on, and from which one to which they fail. */
struct fault {
    unsigned calls;
    unsigned first; /* 0: none */
    unsigned last;
    enum wf_reason reason;
};
enum fault_kind {
    ANCHOR,
    LOCK,
    PUT,
    REMOVE,
    FIND_LEFT,
    TAKE_PAST,
    KEEP_PAST,
    DOOR,
};
static struct fault faults[DOOR + 1];

static enum wf_reason fault(enum fault_kind kind, const char *text, struct wf_err *err)
{
    struct fault *f = &faults[kind];

    f->calls++;
    return f->calls >= f->first && f->calls <= f->last ? wf_fail(err, f->reason, "%s", text)
                                                       : WF_OK;
}

enum wf_reason __real_wf_anchor_process(struct wf_anchor *ret, struct wf_err *err);
enum wf_reason __wrap_wf_anchor_process(struct wf_anchor *ret, struct wf_err *err);
enum wf_reason __wrap_wf_anchor_process(struct wf_anchor *ret, struct wf_err *err)
{
    enum wf_reason reason = fault(ANCHOR, "no /proc", err);

    return reason == WF_OK ? __real_wf_anchor_process(ret, err) : reason;
}

enum wf_reason __real_wf_stamp_lock(const struct wf_store *store, const char *provider,
                                    const char *user, unsigned wait_ms, int *ret,
                                    struct wf_err *err);
enum wf_reason __wrap_wf_stamp_lock(const struct wf_store *store, const char *provider,
                                    const char *user, unsigned wait_ms, int *ret,
                                    struct wf_err *err);
enum wf_reason __wrap_wf_stamp_lock(const struct wf_store *store, const char *provider,
                                    const char *user, unsigned wait_ms, int *ret,
                                    struct wf_err *err)
{
    enum wf_reason reason = fault(LOCK, "somebody has it", err);

    /* Longer than a refresh, a token file and the end of two tokens take */
    assert_true(wait_ms >= 3 * 10000 + WF_EXPORT_MS);
    return reason == WF_OK ? __real_wf_stamp_lock(store, provider, user, wait_ms, ret, err)
                           : reason;
}

enum wf_reason __real_wf_stamp_put(const struct wf_store *store, const struct wf_stamp *stamp,
                                   struct wf_err *err);
enum wf_reason __wrap_wf_stamp_put(const struct wf_store *store, const struct wf_stamp *stamp,
                                   struct wf_err *err);
enum wf_reason __wrap_wf_stamp_put(const struct wf_store *store, const struct wf_stamp *stamp,
                                   struct wf_err *err)
{
    enum wf_reason reason = fault(PUT, "no stamp", err);

    return reason == WF_OK ? __real_wf_stamp_put(store, stamp, err) : reason;
}

enum wf_reason __real_wf_stamp_remove(const struct wf_store *store, const char *provider,
                                      const char *user, const struct wf_anchor *anchor,
                                      struct wf_stamp *ret, unsigned *ret_left, struct wf_err *err);
enum wf_reason __wrap_wf_stamp_remove(const struct wf_store *store, const char *provider,
                                      const char *user, const struct wf_anchor *anchor,
                                      struct wf_stamp *ret, unsigned *ret_left, struct wf_err *err);
enum wf_reason __wrap_wf_stamp_remove(const struct wf_store *store, const char *provider,
                                      const char *user, const struct wf_anchor *anchor,
                                      struct wf_stamp *ret, unsigned *ret_left, struct wf_err *err)
{
    enum wf_reason reason = fault(REMOVE, "it cannot be removed", err);

    return reason == WF_OK
               ? __real_wf_stamp_remove(store, provider, user, anchor, ret, ret_left, err)
               : reason;
}

enum wf_reason __real_wf_stamp_find_left(const struct wf_store *store, struct wf_stamp *ret,
                                         struct wf_err *err);
enum wf_reason __wrap_wf_stamp_find_left(const struct wf_store *store, struct wf_stamp *ret,
                                         struct wf_err *err);
enum wf_reason __wrap_wf_stamp_find_left(const struct wf_store *store, struct wf_stamp *ret,
                                         struct wf_err *err)
{
    enum wf_reason reason = fault(FIND_LEFT, "no list", err);

    return reason == WF_OK ? __real_wf_stamp_find_left(store, ret, err) : reason;
}

enum wf_reason __real_wf_past_take(const struct wf_store *store,
                                   const struct wf_provider_conf *provider, const char *user,
                                   struct wf_record **ret, struct wf_err *err);
enum wf_reason __wrap_wf_past_take(const struct wf_store *store,
                                   const struct wf_provider_conf *provider, const char *user,
                                   struct wf_record **ret, struct wf_err *err);
enum wf_reason __wrap_wf_past_take(const struct wf_store *store,
                                   const struct wf_provider_conf *provider, const char *user,
                                   struct wf_record **ret, struct wf_err *err)
{
    enum wf_reason reason = fault(TAKE_PAST, "it cannot be taken", err);

    return reason == WF_OK ? __real_wf_past_take(store, provider, user, ret, err) : reason;
}

enum wf_reason __real_wf_past_keep(const struct wf_store *store, const struct wf_record *record,
                                   struct wf_err *err);
enum wf_reason __wrap_wf_past_keep(const struct wf_store *store, const struct wf_record *record,
                                   struct wf_err *err);
enum wf_reason __wrap_wf_past_keep(const struct wf_store *store, const struct wf_record *record,
                                   struct wf_err *err)
{
    enum wf_reason reason = fault(KEEP_PAST, "it cannot be kept", err);

    return reason == WF_OK ? __real_wf_past_keep(store, record, err) : reason;
}

enum wf_reason __real_wf_context_http_new(const struct wf_context *context,
                                          const struct wf_provider_conf *provider,
                                          struct wf_http **ret, struct wf_err *err);
enum wf_reason __wrap_wf_context_http_new(const struct wf_context *context,
                                          const struct wf_provider_conf *provider,
                                          struct wf_http **ret, struct wf_err *err);
enum wf_reason __wrap_wf_context_http_new(const struct wf_context *context,
                                          const struct wf_provider_conf *provider,
                                          struct wf_http **ret, struct wf_err *err)
{
    enum wf_reason reason = fault(DOOR, "no door", err);

    return reason == WF_OK ? __real_wf_context_http_new(context, provider, ret, err) : reason;
}

/* The copy of the file's path that the host gets. */
static bool path_fails;
char *__real_strdup(const char *text);
char *__wrap_strdup(const char *text);
char *__wrap_strdup(const char *text)
{
    return path_fails && strcmp(text, export_file) == 0 ? NULL : __real_strdup(text);
}

static const char *mark;

static void start(void)
{
    clear_all();
    memset(faults, 0, sizeof(faults));
    path_fails = false;
    state_load(EXPORTS);
    keep("id-1", "a1", 3600);
    mark = pend("alice", "id-1");
    fake_door_script(logout, 2);
}

static void break_at(enum fault_kind kind, unsigned first, unsigned last, enum wf_reason reason)
{
    faults[kind] = (struct fault){0, first, last, reason};
}

/* Whether there is a token file. */
static bool begin(const char *with)
{
    char *path = NULL;

    assert_int_equal(wf_visit_begin(state_context, &ssh, with, export_runtime, &path, NULL), WF_OK);
    bool given = path != NULL;
    assert_int_equal(export_is_there(export_file), given);
    free(path);
    return given;
}

/* Whether a sudo in this session would find who has signed in. */
static bool is_bound(void)
{
    struct wf_stamp stamp = {.signed_in = 0};
    struct wf_store *store = state_store();
    enum wf_reason reason = wf_stamp_find(store, "acme", "alice", &stamp, NULL);

    wf_store_free(store);
    if (reason == WF_OK && stamp.exported[0] != '\0')
        assert_true(export_is_there(export_file));
    return reason == WF_OK;
}

static void heard(const char *text)
{
    if (strstr(key_log, text) == NULL)
        fail_msg("the log lacks \"%s\":\n%s", text, key_log);
}

static void not_heard(const char *text)
{
    if (strstr(key_log, text) != NULL)
        fail_msg("the log has \"%s\":\n%s", text, key_log);
}

#define NO_TOKEN "this session of alice gets no token: "
#define NOT_BOUND "this session of alice is not bound to its sign-in: "

static void test_good(void **state)
{
    (void)state;
    start();
    assert_true(begin(mark));
    assert_true(is_bound());
    assert_int_equal(faults[PUT].calls, 1);
    assert_string_equal(key_log, "");
}

static void test_no_proc(void **state)
{
    (void)state;
    start();
    break_at(ANCHOR, 1, 1, WF_INTERNAL);
    assert_false(begin(mark));
    assert_int_equal(faults[LOCK].calls + faults[PUT].calls, 0);
    heard(NOT_BOUND "no /proc");
    not_heard(NO_TOKEN);
}

static void test_locked(void **state)
{
    (void)state;
    start();
    break_at(LOCK, 1, 1, WF_UNREACHABLE);
    assert_false(begin(mark));
    heard(NO_TOKEN "somebody has it");
    not_heard(NOT_BOUND);
    assert_true(is_bound());
}

static void test_not_put(void **state)
{
    (void)state;
    start();
    break_at(PUT, 1, 1, WF_CONFIG);
    assert_false(begin(mark));
    heard(NO_TOKEN "no stamp");
    not_heard(NOT_BOUND);
    assert_true(is_bound());
    assert_int_equal(faults[PUT].calls, 2);
    /* Nor the second time */
    start();
    break_at(PUT, 1, 2, WF_CONFIG);
    assert_false(begin(mark));
    heard(NO_TOKEN "no stamp");
    heard(NOT_BOUND "no stamp");
    assert_false(is_bound());
    /* Nobody has signed in, so that there is nothing to be bound */
    start();
    break_at(PUT, 1, 1, WF_CONFIG);
    assert_false(begin(NULL));
    assert_int_equal(faults[PUT].calls, 1);
}

/* A runtime directory that is no good: the stamp of what was meant goes again. */
static void test_not_forgotten(void **state)
{
    (void)state;
    start();
    assert_int_equal(chmod(export_runtime, 0777), 0);
    break_at(REMOVE, 1, 1, WF_CONFIG);
    assert_false(begin(NULL));
    heard(NO_TOKEN "wfauth-export: ");
    heard("it cannot be removed");
    start();
    assert_int_equal(chmod(export_runtime, 0777), 0);
    break_at(REMOVE, 1, 1, WF_EXPIRED);
    assert_false(begin(NULL));
    heard(NO_TOKEN "wfauth-export: ");
    not_heard("it cannot be removed");
    start();
    assert_int_equal(chmod(export_runtime, 0777), 0);
    assert_false(begin(NULL));
    assert_int_equal(faults[REMOVE].calls, 1);
    assert_int_equal(strchr(key_log, '\n')[1], '\0');
}

static void test_no_path(void **state)
{
    (void)state;
    start();
    path_fails = true;
    assert_false(begin(mark));
    path_fails = false;
    heard(NO_TOKEN "out of memory for a path");
    not_heard("wfauth-export");
    assert_true(is_bound());
}

/* Whatever keeps the stamp from going keeps the file: nobody knows whether this was the last. */
static void test_ends(void **state)
{
    (void)state;
    static const struct {
        enum fault_kind kind;
        enum wf_reason reason;
        const char *text;
    } cases[] = {
        {ANCHOR, WF_INTERNAL, "the session of alice ends, and its stamp stays: no /proc"},
        {LOCK, WF_UNREACHABLE, "the session of alice ends, and its stamp stays: somebody has it"},
        {REMOVE, WF_CONFIG, "the session of alice ends, and its stamp stays: it cannot be removed"},
    };

    for (size_t i = 0; i < WF_ARRAY_LEN(cases); i++) {
        start();
        assert_true(begin(mark));
        replace("p1");
        memset(faults, 0, sizeof(faults));
        break_at(cases[i].kind, 1, 1, cases[i].reason);
        assert_int_equal(wf_visit_end(state_context, &ssh, NULL), WF_OK);
        heard(cases[i].text);
        assert_true(export_is_there(export_file));
        assert_int_equal(fake_door_count(), 0);
        assert_int_equal(faults[REMOVE].calls, cases[i].kind == REMOVE);
        assert_int_equal(faults[LOCK].calls, cases[i].kind != ANCHOR);
        assert_int_equal(faults[TAKE_PAST].calls, 0);
    }
}

static void test_no_door(void **state)
{
    (void)state;
    start();
    assert_true(begin(mark));
    break_at(DOOR, 1, 1, WF_INTERNAL);
    assert_int_equal(wf_visit_end(state_context, &ssh, NULL), WF_OK);
    heard("provider acme does not know that a token of alice is over: no door");
    assert_false(export_is_there(export_folder));
    assert_int_equal(fake_door_count(), 0);
}

/* No door is opened for a token that is not there. */
static void test_nothing_to_tell(void **state)
{
    (void)state;
    start();
    assert_true(begin(mark));
    forget();
    assert_int_equal(wf_visit_end(state_context, &ssh, NULL), WF_OK);
    assert_int_equal(faults[DOOR].calls, 1);
    assert_int_equal(fake_door_count(), 1);
    start();
    assert_true(begin(mark));
    assert_int_equal(unlink(export_file), 0);
    assert_int_equal(wf_visit_end(state_context, &ssh, NULL), WF_OK);
    assert_int_equal(faults[DOOR].calls, 1);
    assert_int_equal(fake_door_count(), 1);
    assert_int_equal(wf_visit_end(state_context, &ssh, NULL), WF_OK);
    assert_int_equal(faults[DOOR].calls, 1);
    assert_string_equal(key_log, "");
}

/* Sessions that were replaced: one that cannot be taken, and one that cannot be kept again. */
static void test_replaced(void **state)
{
    (void)state;
    start();
    assert_true(begin(mark));
    replace("p1");
    break_at(TAKE_PAST, 1, 1, WF_CONFIG);
    assert_int_equal(wf_visit_end(state_context, &ssh, NULL), WF_OK);
    assert_string_equal(key_log, "it cannot be taken\n");
    assert_int_equal(fake_door_count(), 1);
    for (unsigned i = 0; i < 2; i++) {
        start();
        assert_true(begin(mark));
        replace("p1");
        if (i == 0)
            break_at(KEEP_PAST, 1, 1, WF_CONFIG);
        fake_door_script(NULL, 0);
        assert_int_equal(wf_visit_end(state_context, &ssh, NULL), WF_OK);
        (i == 0 ? heard : not_heard)("nobody will tell of it again");
        fake_door_script(logout, 2);
        assert_int_equal(wf_visit_end(state_context, &ssh, NULL), WF_OK);
        assert_int_equal(fake_door_count(), i);
    }
    /* Whoever has been told is not told again */
    start();
    assert_true(begin(mark));
    replace("p1");
    break_at(KEEP_PAST, 1, 1, WF_CONFIG);
    assert_int_equal(wf_visit_end(state_context, &ssh, NULL), WF_OK);
    assert_int_equal(faults[KEEP_PAST].calls, 0);
    assert_string_equal(key_log, "");
}

/* A session of alice's that has a token, and whose process goes without a word. */
static void leave(void)
{
    char *path = NULL;
    int status = -1;

    start();
    (void)fflush(NULL);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        _exit(wf_visit_begin(state_context, &ssh, NULL, export_runtime, &path, NULL) == WF_OK &&
                      path != NULL
                  ? 0
                  : 1);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    assert_true(export_is_there(export_file));
}

/* What bob's end says, and whether alice's file is gone then. */
static void bob_ends(const char *text, bool gone)
{
    struct wf_request bob = ssh;

    bob.user = "bob";
    key_log[0] = '\0';
    assert_int_equal(wf_visit_end(state_context, &bob, NULL), WF_OK);
    assert_string_equal(key_log, text);
    assert_int_equal(export_is_there(export_file), !gone);
}

#define WITHOUT_A_WORD "a session of alice has ended without a word\n"

static void test_left(void **state)
{
    (void)state;
    leave();
    break_at(FIND_LEFT, 1, 1, WF_CONFIG);
    bob_ends("no list\n", false);
    assert_int_equal(fake_door_count(), 0);
    bob_ends(WITHOUT_A_WORD, true);
    assert_int_equal(fake_door_count(), 1);
}

/* bob's own stamp is the first that is removed, or would be. */
static void test_left_at_another(void **state)
{
    (void)state;
    leave();
    state_load_whole(ANOTHER, EXPORTS);
    break_at(REMOVE, 2, 2, WF_CONFIG);
    bob_ends(WITHOUT_A_WORD "it cannot be removed\n", false);
    /* Somebody else was quicker */
    break_at(REMOVE, 2, 2, WF_EXPIRED);
    bob_ends(WITHOUT_A_WORD, false);
    export_instead = "/nonexistent/wfauth-export";
    memset(faults, 0, sizeof(faults));
    bob_ends(WITHOUT_A_WORD "wfauth-export: /nonexistent/wfauth-export: No such file or directory: "
                            "install wfauth again\n",
             false);
    assert_int_equal(faults[DOOR].calls, 0);
}

#define CASE(function) cmocka_unit_test_setup_teardown(function, reset, check_left)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_good),     CASE(test_no_proc),       CASE(test_locked),
        CASE(test_not_put),  CASE(test_not_forgotten), CASE(test_no_path),
        CASE(test_ends),     CASE(test_no_door),       CASE(test_nothing_to_tell),
        CASE(test_replaced), CASE(test_left),          CASE(test_left_at_another),
    };
    return cmocka_run_group_tests_name("visit_faults", tests, set_up, tear_down);
}
