/*
 * What tests of look-ups share: a door for many threads that answers discovery by itself, a
 * provider, a folder, and one look-up in a line.
 */
#ifndef WF_TEST_OPAQUE_CASE_H
#define WF_TEST_OPAQUE_CASE_H

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "http.h"
#include "json.h"
#include "opaque.h"

#define NOW 1700000000
#define ISSUER "https://sso.acme.example"

/* A door for many threads: discovery is answered by itself, all else by one answer, until the next
 * is set. */
static struct {
    pthread_mutex_t lock;
    enum wf_reason reason;
    int status;
    const char *type;
    const char *body;
    uint32_t retry_after;
    bool no_endpoints;
    unsigned asked; /* all but discovery */
    unsigned discovered;
    char last[4096]; /* body and headers of the last request */
    /* The next request of this process posts `held`, and goes on when `go` is posted */
    atomic_int delay_ms; /* of discovery */
    /* The monotonic clock, for tests that wrap it, and by how much it goes on with a request */
    _Atomic int64_t clock_ms;
    atomic_int takes_ms;
    atomic_bool hold;
    pid_t holder;
    sem_t held;
    sem_t go;
} door = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void answer(enum wf_reason reason, int status, const char *body)
{
    door.reason = reason;
    door.status = status;
    door.type = "application/json";
    door.body = body;
    door.retry_after = 0;
    door.asked = 0;
    door.discovered = 0;
}

static const char *documents(void)
{
    return door.no_endpoints ? "{\"issuer\":\"" ISSUER "\",\"jwks_uri\":\"" ISSUER "/k\"}"
                             : "{\"issuer\":\"" ISSUER "\",\"jwks_uri\":\"" ISSUER "/k\","
                               "\"introspection_endpoint\":\"" ISSUER "/introspect\","
                               "\"userinfo_endpoint\":\"" ISSUER "/userinfo\"}";
}

static enum wf_reason door_send(struct wf_http *http, const struct wf_http_request *request,
                                struct wf_http_response *ret, struct wf_err *err)
{
    enum wf_reason reason = WF_OK;
    size_t used = 0;

    (void)http;
    if (getpid() == door.holder && atomic_exchange(&door.hold, false)) {
        (void)sem_post(&door.held);
        (void)sem_wait(&door.go);
    }
    atomic_fetch_add(&door.clock_ms, atomic_load(&door.takes_ms));
    bool discovery = strstr(request->url, "/.well-known/") != NULL;
    if (discovery && atomic_load(&door.delay_ms) > 0)
        (void)usleep((unsigned)atomic_load(&door.delay_ms) * 1000);
    (void)pthread_mutex_lock(&door.lock);
    if (discovery) {
        door.discovered++;
    } else {
        door.asked++;
        used = (size_t)snprintf(door.last, sizeof(door.last), "%s\n%.*s\n", request->url,
                                (int)request->body.len,
                                request->body.ptr == NULL ? "" : request->body.ptr);
        for (size_t i = 0; i < request->header_count && used < sizeof(door.last); i++)
            used += (size_t)snprintf(door.last + used, sizeof(door.last) - used, "%s: %.*s\n",
                                     request->headers[i].name, (int)request->headers[i].value.len,
                                     request->headers[i].value.ptr);
    }
    if (door.reason != WF_OK) {
        reason = wf_fail(err, door.reason, "the door is shut");
    } else {
        const char *body = discovery ? documents() : door.body;
        ret->status = discovery ? 200 : door.status;
        ret->retry_after = discovery ? 0 : door.retry_after;
        (void)snprintf(ret->content_type, sizeof(ret->content_type), "%s",
                       discovery ? "application/json" : door.type);
        wf_buf_append_text(&ret->body, body);
        if (!wf_buf_ok(&ret->body))
            reason = wf_fail(err, WF_INTERNAL, "no memory");
    }
    (void)pthread_mutex_unlock(&door.lock);
    return reason;
}

static void door_free(struct wf_http *http)
{
    free(http);
}

static struct wf_http *door_new(const char *helper_user)
{
    static const struct wf_http_ops ops = {door_send, door_free, NULL};
    struct wf_http *http = malloc(sizeof(*http));

    assert_string_equal(helper_user, "_wfauth");
    if (http != NULL)
        http->ops = &ops;
    return http;
}

static const struct wf_provider_conf oidc = {
    .name = "mail",
    .type = WF_PROVIDER_OIDC,
    .url = ISSUER,
    .client_id = "c",
    .timeout = 10,
    .helper_user = "_wfauth",
    .introspection = true,
    .token_pattern = "tok_[0-9a-f]+",
};
static char folder[] = "/tmp/wfauth-test-XXXXXX";
static struct wf_cachedir *dir;

static int set_up(void **state)
{
    (void)state;
    door.holder = getpid();
    if (sem_init(&door.held, 0, 0) != 0 || sem_init(&door.go, 0, 0) != 0)
        return -1;
    return mkdtemp(folder) == NULL || wf_cachedir_open(folder, NULL, &dir, NULL) != WF_OK;
}

static int tear_down(void **state)
{
    char command[100];

    (void)state;
    wf_cachedir_free(dir);
    snprintf(command, sizeof(command), "rm -rf %s", folder);
    return system(command);
}

static void empty_folder(void)
{
    char command[100];

    snprintf(command, sizeof(command), "rm -rf %s/*", folder);
    assert_int_equal(system(command), 0);
}

static struct wf_opaque *make(const struct wf_provider_conf *conf, struct wf_cachedir *where)
{
    const struct wf_endpoint_host host = {where, NULL, door_new};
    struct wf_opaque *opaque = NULL;
    struct wf_err err = WF_ERR_INIT;

    if (wf_opaque_new(conf, &host, &opaque, &err) != WF_OK)
        fail_msg("%s", err.text);
    return opaque;
}

#define TOKEN "tok_0123456789abcdef"

/* key: its number stands for the policy */
static enum wf_reason look_up_as(struct wf_opaque *opaque, const char *token, unsigned policy,
                                 const char *rhost, int64_t now, int64_t *ret_until,
                                 struct wf_err *err)
{
    uint8_t key[32] = {0};
    struct json_t *claims = NULL;
    enum wf_source source = WF_SOURCE_JWT;

    memcpy(key, &policy, sizeof(policy));
    enum wf_reason reason = wf_opaque_look_up(opaque, token, strlen(token), key, rhost, now,
                                              &claims, &source, ret_until, err);
    if ((reason == WF_OK) != (claims != NULL))
        fail_msg("%s, claims %s", wf_reason_name(reason), claims == NULL ? "missing" : "given");
    if (reason == WF_OK && source == WF_SOURCE_JWT)
        fail_msg("no source");
    wf_json_free(claims);
    return reason;
}

static inline enum wf_reason look_up(struct wf_opaque *opaque, int64_t now)
{
    int64_t until = 0;
    struct wf_err err = WF_ERR_INIT;

    return look_up_as(opaque, TOKEN, 1, "192.0.2.1", now, &until, &err);
}

/* A thread whose look-up, for policy 1, is under way until let_go */

static pthread_t held_thread;
static enum wf_reason held_reason;
static int64_t held_now;

static inline void *held_look_up(void *arg)
{
    int64_t until = 0;

    held_reason = look_up_as(arg, TOKEN, 1, NULL, held_now, &until, NULL);
    return NULL;
}

static inline void hold(struct wf_opaque *opaque, int64_t now)
{
    held_reason = WF_INTERNAL;
    held_now = now;
    atomic_store(&door.hold, true);
    assert_int_equal(pthread_create(&held_thread, NULL, held_look_up, opaque), 0);
    assert_int_equal(sem_wait(&door.held), 0);
}

static inline void let_go(void)
{
    assert_int_equal(sem_post(&door.go), 0);
    assert_int_equal(pthread_join(held_thread, NULL), 0);
    assert_int_equal(held_reason, WF_OK);
}

#endif
