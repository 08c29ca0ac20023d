/*
 * A host of the test's own that keeps sessions: configuration, folder of state, clock, log, door
 * and passwd. Include it once, in the test's file; link with
 * -Wl,--wrap=getpwnam_r,--wrap=wf_refresh_session.
 */
#ifndef WF_TEST_STATEFUL_H
#define WF_TEST_STATEFUL_H

#include <pty.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "context.h"
#include "fakedoor.h"
#include "fakepasswd.h"
#include "keycase.h"
#include "refresh.h"
#include "store.h"

#define STATEFUL_NOW 1800000000
#define STATEFUL_PROVIDER                                                                          \
    "[provider acme]\ntype = workfront\nurl = https://acme.my.workfront.com\n"                     \
    "client_id = cid\nredirect_uri = https://login.acme.example/code\n"                            \
    "strip_domain = acme.example\n"
#define STATEFUL_ACME STATEFUL_PROVIDER "[service *]\nprovider = acme\n"

/* What the provider says of a person, and other answers. */
#define STATEFUL_PERSON(id, name, active)                                                          \
    {                                                                                              \
        .status = 200, .body = "{\"data\":[{\"ID\":\"" id "\",\"username\":\"" name                \
                               "@acme.example\",\"isActive\":" active "}]}"                        \
    }
#define STATEFUL_TOKENS(access, refresh)                                                           \
    {                                                                                              \
        .status = 200, .body = "{\"token_type\":\"sessionID\",\"access_token\":\"" access          \
                               "\",\"refresh_token\":\"" refresh "\",\"expires_in\":3600}"         \
    }
#define STATEFUL_DEAD                                                                              \
    {                                                                                              \
        .status = 401, .body = "{}"                                                                \
    }
#define STATEFUL_GRANT_ENDED                                                                       \
    {                                                                                              \
        .status = 400, .body = "{\"error\":\"invalid_grant\"}"                                     \
    }
#define STATEFUL_OK                                                                                \
    {                                                                                              \
        .status = 200, .body = "{}"                                                                \
    }

static char state_folder[64];
static char state_config[96];
static struct wf_context *state_context;
static int64_t state_now;
/* Somebody else has the session's record to themselves, and does this */
static void (*state_busy)(void);

static inline int64_t state_clock(void)
{
    return state_now;
}

/* The program wfauth-refresh has tests of its own: here the answer comes by the test's door. */
enum wf_reason __real_wf_refresh_session(const struct wf_refresh *refresh, const char *user,
                                         const struct wf_secret *refused, struct wf_record **ret,
                                         struct wf_err *err);
enum wf_reason __wrap_wf_refresh_session(const struct wf_refresh *refresh, const char *user,
                                         const struct wf_secret *refused, struct wf_record **ret,
                                         struct wf_err *err);
enum wf_reason __wrap_wf_refresh_session(const struct wf_refresh *refresh, const char *user,
                                         const struct wf_secret *refused, struct wf_record **ret,
                                         struct wf_err *err)
{
    struct wf_refresh here = *refresh;

    if (state_busy != NULL) {
        state_busy();
        return wf_fail(err, WF_UNREACHABLE, "somebody else is at it and takes too long");
    }
    here.http = fake_door_new("nobody");
    enum wf_reason reason = __real_wf_refresh_session(&here, user, refused, ret, err);
    wf_http_free(here.http);
    return reason;
}

/* Begin anew with this configuration, head and rest. */
static inline void state_load_whole(const char *head, const char *rest)
{
    const struct wf_host host = {.config = state_config,
                                 .log = key_log_sink,
                                 .http_new = fake_door_new,
                                 .clock = state_clock,
                                 .state = state_folder};
    struct wf_err err = WF_ERR_INIT;
    FILE *file = fopen(state_config, "w");

    assert_non_null(file);
    assert_true(fprintf(file, "%s%s", head, rest) > 0 && fclose(file) == 0);
    assert_int_equal(chmod(state_config, 0600), 0);
    wf_context_free(state_context);
    state_context = NULL;
    state_now = STATEFUL_NOW;
    key_log[0] = '\0';
    fake_passwd_number = 0;
    state_busy = NULL;
    fake_door_script(NULL, 0);
    if (wf_context_new(&host, &state_context, &err) != WF_OK)
        fail_msg("%s\n%s", err.text, key_log);
}

static inline void state_load(const char *more)
{
    state_load_whole(STATEFUL_ACME, more);
}

/* True if `check` is true in a process that has a terminal, which it leads. */
static inline bool state_at_terminal(bool (*check)(void))
{
    int terminal = -1;
    int status = -1;
    pid_t pid = forkpty(&terminal, NULL, NULL, NULL);

    assert_true(pid >= 0);
    if (pid == 0)
        _exit(check() ? 0 : 1);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    (void)close(terminal);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static inline const struct wf_provider_conf *state_acme(void)
{
    return wf_conf_provider(wf_context_conf_borrow(state_context), "acme");
}

static inline struct wf_store *state_store(void)
{
    struct wf_store *store = NULL;

    assert_int_equal(wf_context_store(state_context, &store, NULL), WF_OK);
    return store;
}

/* alice's session as it is kept; the caller frees. */
static inline struct wf_record *state_record(void)
{
    struct wf_store *store = state_store();
    struct wf_record *record = NULL;

    assert_int_equal(wf_store_read(store, state_acme(), "alice", &record, NULL), WF_OK);
    wf_store_free(store);
    return record;
}

static inline int state_setup(void **state)
{
    (void)state;
    (void)snprintf(state_folder, sizeof(state_folder), "/tmp/wfauth-test-XXXXXX");
    if (mkdtemp(state_folder) == NULL)
        return -1;
    (void)snprintf(state_config, sizeof(state_config), "%s.conf", state_folder);
    return 0;
}

static inline int state_teardown(void **state)
{
    (void)state;
    wf_context_free(state_context);
    key_folder_empty(state_folder);
    (void)unlink(state_config);
    return rmdir(state_folder);
}

#endif
