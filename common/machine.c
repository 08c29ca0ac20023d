#include "config.h"

#include "machine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "answer.h"
#include "crypto.h"
#include "grant.h"
#include "http_deadline.h"
#include "json.h"
#include "oidc.h"
#include "workfront.h"

/* Seconds that an assertion is good for: the provider's clock may differ from ours by a minute. */
#define LIFETIME 120U
/* Milliseconds that the holder of the lock may take beyond its requests: to sign, and to store. */
#define LOCK_GRACE_MS 7000
/* Milliseconds to wait for others who look at the entry; who has it for longer gets a new token. */
#define FORGET_MS 200
/* Bytes of an entry: a token of the largest size, every byte escaped, and the rest. */
#define ENTRY_MAX ((size_t)128 * 1024)
#define HEX_SIZE (2 * WF_SHA256_LEN + 1)

/* One token to be had. */
struct job {
    const struct wf_endpoint *endpoint;
    struct wf_cachedir *dir;
    const struct wf_log *log;
    int64_t now;
    struct wf_secret *key;
    struct wf_secret *token;                /* what it gives */
    char name[sizeof("token-") + HEX_SIZE]; /* of the entry */
    char bound[HEX_SIZE];                   /* what else must be as it was */
};

static const char *first_of(const char *a, const char *b)
{
    return a != NULL ? a : b;
}

/* Who asserts what, and to whom; the key is not in it yet. */
static struct wf_assertion describe(const struct wf_provider_conf *conf, int64_t now)
{
    struct wf_assertion assertion = {.issued = now, .lifetime = LIFETIME};

    switch (conf->type) {
    case WF_PROVIDER_WORKFRONT:
        assertion.algorithm = "RS256";
        assertion.issuer = conf->customer_id;
        assertion.subject = conf->user_id;
        break;
    case WF_PROVIDER_OIDC:
        assertion.algorithm = conf->assertion_algorithm;
        assertion.issuer = first_of(conf->assertion_issuer, conf->client_id);
        assertion.subject = first_of(conf->assertion_subject, conf->client_id);
        assertion.audience = first_of(conf->assertion_audience, conf->url);
        break;
    }
    return assertion;
}

static enum wf_reason read_key(const struct wf_provider_conf *conf, struct wf_secret **ret,
                               struct wf_err *err)
{
    enum wf_reason reason = wf_conf_read_private_key(conf, ret, err);

    if (reason == WF_OK && *ret == NULL)
        reason =
            wf_fail(err, WF_CONFIG, "provider %s has no private_key_file to sign with", conf->name);
    return reason;
}

static enum wf_reason sign(const struct wf_endpoint *endpoint, const struct wf_secret *key,
                           int64_t now, struct wf_buf *out, struct wf_err *err)
{
    struct wf_assertion assertion = describe(endpoint->conf, now);

    if (assertion.issuer == NULL || assertion.subject == NULL)
        return wf_fail(err, WF_CONFIG, "provider %s has no client_id to sign for",
                       endpoint->conf->name);
    assertion.key = wf_secret_borrow(key);
    enum wf_reason reason = wf_http_sign(endpoint->http, &assertion, out, err);
    if (reason != WF_OK)
        wf_err_context(err, "signing with %.200s", endpoint->conf->private_key_file);
    return reason;
}

enum wf_reason wf_machine_sign(const struct wf_endpoint *endpoint, int64_t now, struct wf_buf *out,
                               struct wf_err *err)
{
    struct wf_secret *key = NULL;
    enum wf_reason reason = read_key(endpoint->conf, &key, err);

    if (reason == WF_OK)
        reason = sign(endpoint, key, now, out, err);
    wf_secret_free(key);
    return reason;
}

/* Keeping */

static struct wf_span part(const char *text)
{
    /* Each with its NUL, so that no two lists look alike */
    return text == NULL ? (struct wf_span){"", 1} : (struct wf_span){text, strlen(text) + 1};
}

static enum wf_reason hash(const struct wf_span *parts, size_t n, char ret[HEX_SIZE],
                           struct wf_err *err)
{
    uint8_t digest[WF_SHA256_LEN];
    enum wf_reason reason = wf_crypto_sha256_parts(parts, n, digest, err);

    if (reason == WF_OK)
        wf_crypto_hex(digest, sizeof(digest), ret);
    return reason;
}

/* The entry's name: what makes it another token altogether. */
static enum wf_reason name_entry(const struct wf_provider_conf *conf,
                                 char ret[sizeof("token-") + HEX_SIZE], struct wf_err *err)
{
    const struct wf_assertion assertion = describe(conf, 0);
    const struct wf_span parts[] = {part(conf->url),          part(conf->client_id),
                                    part(assertion.issuer),   part(assertion.subject),
                                    part(assertion.audience), part(conf->scope)};
    char hex[HEX_SIZE];
    enum wf_reason reason = hash(parts, WF_ARRAY_LEN(parts), hex, err);

    if (reason == WF_OK)
        (void)snprintf(ret, sizeof("token-") + HEX_SIZE, "token-%s", hex);
    return reason;
}

static enum wf_reason prepare(struct job *job, struct wf_err *err)
{
    const struct wf_provider_conf *conf = job->endpoint->conf;
    struct wf_secret *secret = NULL;
    enum wf_reason reason = read_key(conf, &job->key, err);

    if (reason == WF_OK)
        reason = wf_conf_read_secret(conf, &secret, err);
    if (reason == WF_OK)
        reason = name_entry(conf, job->name, err);
    if (reason == WF_OK) {
        const struct wf_span key = wf_secret_borrow(job->key);
        const struct wf_span parts[] = {part(conf->ca_file), part(conf->proxy),
                                        part(wf_secret_borrow(secret).ptr), key};
        reason = hash(parts, WF_ARRAY_LEN(parts), job->bound, err);
    }
    wf_secret_free(secret);
    return reason;
}

/* Asking */

static int64_t keep_for(int64_t expires_in)
{
    if (expires_in == 0)
        return WF_MACHINE_KEEP_UNKNOWN;
    return expires_in - (expires_in >= 2 * WF_MACHINE_MARGIN ? WF_MACHINE_MARGIN : expires_in / 2);
}

/* Where assertions are taken. *ret: new, the caller frees. */
static enum wf_reason find_url(const struct job *job, const struct wf_endpoint *endpoint,
                               char **ret, struct wf_err *err)
{
    struct wf_oidc_metadata metadata = WF_OIDC_METADATA_INIT;
    enum wf_reason reason = WF_OK;

    switch (endpoint->conf->type) {
    case WF_PROVIDER_WORKFRONT:
        *ret = wf_workfront_exchange_url(endpoint->conf);
        return *ret != NULL ? WF_OK
                            : wf_fail(err, WF_INTERNAL, "no room for the exchange's address");
    case WF_PROVIDER_OIDC:
        break;
    }
    reason = wf_oidc_find(endpoint, job->dir, job->log, job->now, &metadata, err);
    if (reason == WF_OK && metadata.token_endpoint == NULL)
        reason =
            wf_fail(err, WF_CONFIG, "provider %s names no token endpoint", endpoint->conf->name);
    if (reason == WF_OK) {
        *ret = metadata.token_endpoint;
        metadata.token_endpoint = NULL;
    }
    wf_oidc_metadata_done(&metadata);
    return reason;
}

/* All requests of one token, within their time together. */
static enum wf_reason ask(const struct job *job, const struct wf_buf *assertion,
                          struct wf_tokens *ret, struct wf_err *err)
{
    const struct wf_provider_conf *conf = job->endpoint->conf;
    struct wf_http_deadline door;
    const struct wf_endpoint endpoint = {conf, &door.base};
    char *url = NULL;

    wf_http_deadline_init(&door, job->endpoint->http, wf_endpoint_budget_ms(conf));
    enum wf_reason reason = find_url(job, &endpoint, &url, err);
    if (reason == WF_OK)
        reason = wf_grant_assertion(&endpoint, url, conf->type == WF_PROVIDER_WORKFRONT,
                                    (struct wf_span){(const char *)assertion->data, assertion->len},
                                    ret, err);
    /* It may have moved, if it was found by discovery at all */
    if (reason == WF_CONFIG)
        wf_oidc_forget(conf, job->dir);
    free(url);
    return reason;
}

/* A kind of answer, whose value is the job that it is for. What is wrong with the key is found
 * before, and not kept: it is seen without asking, and mended here. */
static enum wf_reason ask_token(void *value, int64_t *hold, struct wf_err *err)
{
    struct job *job = value;
    struct wf_buf assertion = WF_BUF_INIT(WF_ASSERTION_MAX);
    struct wf_tokens tokens = WF_TOKENS_INIT;
    enum wf_reason reason = sign(job->endpoint, job->key, job->now, &assertion, err);

    if (reason != WF_OK) {
        *hold = 0;
        goto out;
    }
    reason = ask(job, &assertion, &tokens, err);
    if (reason == WF_OK) {
        job->token = tokens.access;
        tokens.access = NULL;
        *hold = keep_for(tokens.expires_in);
    } else {
        *hold = tokens.rest > WF_MACHINE_REST ? tokens.rest : WF_MACHINE_REST;
    }
out:
    wf_tokens_done(&tokens);
    wf_buf_done(&assertion);
    return reason;
}

static bool write_token(const void *value, struct json_t *entry)
{
    const struct job *job = value;

    return wf_json_set_text(entry, "token", wf_secret_borrow(job->token));
}

static enum wf_reason read_token(void *value, const struct json_t *entry, struct wf_err *err)
{
    struct job *job = value;
    struct wf_secret *token = NULL;
    const struct wf_json_field fields[] = {{"token", WF_JSON_SECRET, &token, true}};
    enum wf_reason reason = wf_json_read(entry, fields, WF_ARRAY_LEN(fields), err);

    if (reason == WF_OK && !wf_grant_is_token(token))
        reason = wf_fail(err, WF_MALFORMED, "its token has forbidden bytes");
    if (reason == WF_OK)
        job->token = token;
    else
        wf_secret_free(token);
    return reason;
}

static struct wf_answer answer_of(const struct job *job)
{
    static const struct wf_answer_kind kind = {
        .what = "token",
        .max = ENTRY_MAX,
        .life = WF_MACHINE_LIFE,
        .rest = WF_ENDPOINT_REST_MAX,
        .grace_ms = LOCK_GRACE_MS,
        .ask = ask_token,
        .write = write_token,
        .read = read_token,
    };

    return (struct wf_answer){&kind,      job->endpoint->conf, job->dir, job->log,
                              job->name, job->bound,          job->now};
}

enum wf_reason wf_machine_token(const struct wf_endpoint *endpoint, struct wf_cachedir *dir,
                                const struct wf_log *log, int64_t now, struct wf_secret **ret,
                                struct wf_err *err)
{
    struct job job = {.endpoint = endpoint, .dir = dir, .log = log, .now = now};
    const struct wf_answer answer = answer_of(&job);
    enum wf_reason reason = prepare(&job, err);

    if (reason == WF_OK)
        reason = wf_answer_get(&answer, &job, err);
    if (reason == WF_OK)
        *ret = job.token;
    wf_secret_free(job.key);
    return reason;
}

enum wf_reason wf_machine_forget(const struct wf_provider_conf *conf, struct wf_cachedir *dir,
                                 struct wf_err *err)
{
    char name[sizeof("token-") + HEX_SIZE];
    enum wf_reason reason = name_entry(conf, name, err);

    if (reason == WF_OK && !wf_cachedir_remove(dir, name))
        reason = wf_fail(err, WF_CONFIG, "the token that is kept cannot be removed");
    return reason;
}

void wf_machine_refused(const struct wf_provider_conf *conf, struct wf_cachedir *dir, int64_t now,
                        const struct wf_secret *token)
{
    const struct wf_endpoint endpoint = {conf, NULL};
    struct job job = {.endpoint = &endpoint, .dir = dir, .now = now};
    const struct wf_answer answer = answer_of(&job);
    int lock = -1;

    if (prepare(&job, NULL) == WF_OK && wf_cachedir_lock(dir, job.name, FORGET_MS, &lock) &&
        wf_answer_kept(&answer, &job) && wf_secret_equals(job.token, token))
        wf_cachedir_remove(dir, job.name);
    wf_cachedir_unlock(lock);
    wf_secret_free(job.token);
    wf_secret_free(job.key);
}
