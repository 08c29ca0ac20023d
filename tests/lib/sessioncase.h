/*
 * What the tests of session share: a configuration, a folder for sessions, a passwd of their own, a
 * disk that can be full, and a session in it. Link with -Wl,--wrap=fsync,--wrap=wf_store_open.
 */
#ifndef WF_TEST_SESSIONCASE_H
#define WF_TEST_SESSIONCASE_H

#include <errno.h>
#include <pwd.h>

#include "fakedoor.h"
#include "fulldisk.h"
#include "keycase.h"
#include "refresh.h"
#include "session.h"

static char folder[64];
static char config_path[96];
static struct wf_context *context;

/* passwd */
static int passwd_number;
static const char *passwd_name = "alice";

int getpwuid_r(uid_t uid, struct passwd *pw, char *buf, size_t size, struct passwd **ret)
{
    *ret = NULL;
    if (passwd_number != 0 || passwd_name == NULL)
        return passwd_number;
    (void)snprintf(buf, size, "%s", passwd_name);
    *pw = (struct passwd){.pw_name = buf, .pw_uid = uid};
    *ret = pw;
    return 0;
}

enum wf_reason __real_wf_store_open(const char *configured, const struct wf_log *log,
                                    struct wf_store **ret, struct wf_err *err);
enum wf_reason __wrap_wf_store_open(const char *configured, const struct wf_log *log,
                                    struct wf_store **ret, struct wf_err *err);
enum wf_reason __wrap_wf_store_open(const char *configured, const struct wf_log *log,
                                    struct wf_store **ret, struct wf_err *err)
{
    assert_null(configured);
    return __real_wf_store_open(folder, log, ret, err);
}

#define ACME                                                                                       \
    "[provider acme]\ntype = workfront\nurl = https://acme.my.workfront.com\n"                     \
    "client_id = cid\nredirect_uri = https://login.acme.example/code\n"

#define OTHER "[provider other]\ntype = oidc\nurl = https://sso.example\n"

static inline void load(const char *text)
{
    const struct wf_host host = {
        .config = config_path, .log = key_log_sink, .http_new = fake_door_new};
    struct wf_err err = WF_ERR_INIT;
    FILE *file = fopen(config_path, "w");

    assert_non_null(file);
    assert_true(fputs(text, file) >= 0 && fclose(file) == 0);
    assert_int_equal(chmod(config_path, 0600), 0);
    wf_context_free(context);
    context = NULL;
    key_log[0] = '\0';
    if (wf_context_new(&host, &context, &err) != WF_OK)
        fail_msg("%s", err.text);
}

static inline int reset(void **state)
{
    (void)state;
    passwd_number = 0;
    passwd_name = "alice";
    disk_is_full = false;
    key_folder_empty(folder);
    fake_door_script(NULL, 0);
    load(ACME);
    return 0;
}

static inline struct wf_session *begin(void)
{
    const struct wf_provider_conf *provider = NULL;
    struct wf_session *session = NULL;
    struct wf_err err = WF_ERR_INIT;

    assert_int_equal(wf_session_provider(context, NULL, &provider, &err), WF_OK);
    if (wf_session_begin(context, provider, &session, &err) != WF_OK)
        fail_msg("%s", err.text);
    return session;
}

static inline struct wf_record *kept(void)
{
    const struct wf_provider_conf *acme = wf_conf_provider(wf_context_conf_borrow(context), "acme");
    struct wf_store *store = NULL;
    struct wf_record *record = NULL;

    assert_int_equal(wf_store_open(NULL, NULL, &store, NULL), WF_OK);
    assert_int_equal(wf_store_read(store, acme, "alice", &record, NULL), WF_OK);
    wf_store_free(store);
    return record;
}

#define TOKENS "\"token_type\":\"sessionID\",\"access_token\":\"a1\",\"expires_in\":3600"
#define USER(active)                                                                               \
    {                                                                                              \
        .status = 200, .body = "{\"data\":[{\"ID\":\"5f0e\",\"username\":\"al@acme.example\","     \
                               "\"isActive\":" active "}]}"                                        \
    }
#define LOGGED_OUT                                                                                 \
    {                                                                                              \
        .status = 200, .body = "{}"                                                                \
    }
#define GOOD                                                                                       \
    {                                                                                              \
        .status = 200, .body = "{" TOKENS ",\"refresh_token\":\"r1\"}"                             \
    }
static const struct fake_answer good[] = {GOOD, USER("true")};

static inline void sign_in(void)
{
    struct wf_session *session = begin();
    struct wf_session_info info;
    struct wf_err err = WF_ERR_INIT;

    fake_door_script(good, WF_ARRAY_LEN(good));
    if (wf_session_answer(session, "code\n", 5, &info, &err) != WF_OK)
        fail_msg("%s", err.text);
    wf_session_free(session);
    fake_door_script(NULL, 0);
}

static inline void case_begin(void)
{
    key_folder_make(folder, sizeof(folder));
    (void)snprintf(config_path, sizeof(config_path), "%s.conf", folder);
}

static inline void case_end(void)
{
    wf_context_free(context);
    key_folder_empty(folder);
    (void)rmdir(folder);
    (void)unlink(config_path);
}

#endif
