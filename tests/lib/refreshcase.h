/*
 * What the tests of refresh share: a provider, a store in a folder of their own, a clock that
 * stands where it is put, a disk that can be full, and a session in it. Link with -Wl,--wrap=fsync.
 */
#ifndef WF_TEST_REFRESHCASE_H
#define WF_TEST_REFRESHCASE_H

#include <errno.h>

#include "fakedoor.h"
#include "keycase.h"
#include "refresh.h"

#define START 1700000000

static char folder[64];
static struct wf_store *store;
static int64_t now = START;
static struct wf_provider_conf conf;
static const struct wf_provider_conf standard = {
    .name = "acme",
    .type = WF_PROVIDER_WORKFRONT,
    .url = "https://acme.my.workfront.com",
    .client_id = "client",
    .redirect_uri = "https://login.acme.example/code",
    .api_version = "v20.0",
    .timeout = 30,
    .refresh_skew = 60,
};

static inline int64_t fake_clock(void)
{
    return now;
}

/* Writing what is no file of ours fails from the how-manieth fsync on. */
static unsigned fsyncs_left = 1000;
int __real_fsync(int fd);
int __wrap_fsync(int fd);
int __wrap_fsync(int fd)
{
    if (fsyncs_left == 0) {
        errno = ENOSPC;
        return -1;
    }
    fsyncs_left--;
    return __real_fsync(fd);
}

static inline struct wf_refresh make_refresh(struct wf_http *http)
{
    return (struct wf_refresh){.provider = &conf,
                               .store = store,
                               .log = &key_log_sink,
                               .clock = fake_clock,
                               .config = "/nowhere",
                               .http = http};
}

/* A session that began `age` seconds ago, with a token of this life. */
static inline void begin(int64_t age, int64_t life)
{
    struct wf_tokens tokens = {
        .access = wf_secret_new("a0", 2), .refresh = wf_secret_new("r0", 2), .expires_in = life};
    const struct wf_refresh refresh = make_refresh(NULL);
    struct wf_err err = WF_ERR_INIT;

    key_folder_empty(folder);
    key_log[0] = '\0';
    now = START - age;
    if (wf_refresh_keep(&refresh, "alice", "5f0e", &tokens, &err) != WF_OK)
        fail_msg("%s", err.text);
    now = START;
    wf_tokens_done(&tokens);
}

static inline struct wf_record *kept(void)
{
    struct wf_record *record = NULL;

    assert_int_equal(wf_store_read(store, &conf, "alice", &record, NULL), WF_OK);
    assert_non_null(record);
    return record;
}

static inline bool holds(const struct wf_secret *secret, const char *text)
{
    return text == NULL ? secret == NULL
                        : secret != NULL && wf_span_equals(wf_secret_borrow(secret), text);
}

/* Ask for a session; the access token in it, "" for none. */
static inline enum wf_reason ask(const char *refused, const struct fake_answer *answers, size_t n,
                                 char token[32], struct wf_err *err)
{
    struct wf_http *http = fake_door_new(NULL);
    const struct wf_refresh refresh = make_refresh(http);
    struct wf_secret *dead = refused == NULL ? NULL : wf_secret_new(refused, strlen(refused));
    struct wf_record *record = NULL;

    fake_door_script(answers, n);
    enum wf_reason reason = wf_refresh_session(&refresh, "alice", dead, &record, err);
    assert_true((reason == WF_OK) == (record != NULL));
    (void)snprintf(token, 32, "%s", record == NULL ? "" : wf_secret_borrow(record->access).ptr);
    wf_record_free(record);
    wf_secret_free(dead);
    wf_http_free(http);
    return reason;
}

#define TOKENS "\"token_type\":\"sessionID\",\"access_token\":\"a1\""
static const struct fake_answer rotated = {
    .status = 200, .body = "{" TOKENS ",\"refresh_token\":\"r1\",\"expires_in\":3600}"};

static inline int set_up(void **state)
{
    (void)state;
    conf = standard;
    key_folder_make(folder, sizeof(folder));
    return wf_store_open(folder, &key_log_sink, &store, NULL) != WF_OK;
}

static inline int tear_down(void **state)
{
    (void)state;
    wf_store_free(store);
    key_folder_empty(folder);
    return rmdir(folder);
}

#endif
