#include "config.h"

#include "oidc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "age.h"
#include "crypto.h"
#include "http_frame.h"
#include "json.h"
#include "url.h"

/* Of what is kept on disk. */
#define ENTRY_VERSION 1
/* Milliseconds that the holder of the lock may take beyond its requests. */
#define LOCK_GRACE_MS 2000
/* A document: real ones have 1 to 8 KB. */
#define DOCUMENT_MAX ((size_t)64 * 1024)

void wf_oidc_metadata_done(struct wf_oidc_metadata *metadata)
{
    free(metadata->jwks_uri);
    free(metadata->introspection_endpoint);
    free(metadata->userinfo_endpoint);
    free(metadata->token_endpoint);
    free(metadata->revocation_endpoint);
    *metadata = (struct wf_oidc_metadata)WF_OIDC_METADATA_INIT;
}

/* One endpoint: absent, or a place that may be connected to. */
static enum wf_reason take_endpoint(const struct wf_provider_conf *conf, const char *name,
                                    struct wf_span value, char **ret, struct wf_err *err)
{
    if (value.len == 0)
        return WF_OK;
    char *text = strndup(value.ptr, value.len);
    if (text == NULL)
        return wf_fail(err, WF_INTERNAL, "out of memory for an endpoint");
    enum wf_reason reason = wf_url_check(text, conf->allow_http_loopback, err);
    if (reason != WF_OK) {
        free(text);
        wf_err_context(err, "%s of provider %s", name, conf->name);
        return reason;
    }
    *ret = text;
    return WF_OK;
}

/* What is asked over and what is kept over a day alike. */
static enum wf_reason read_document(const struct wf_provider_conf *conf, const struct json_t *json,
                                    struct wf_oidc_metadata *ret, struct wf_err *err)
{
    struct wf_oidc_metadata found = WF_OIDC_METADATA_INIT;
    struct wf_span issuer = {NULL, 0};
    const struct {
        const char *name;
        char **to;
    } endpoints[] = {
        {"jwks_uri", &found.jwks_uri},
        {"introspection_endpoint", &found.introspection_endpoint},
        {"userinfo_endpoint", &found.userinfo_endpoint},
        {"token_endpoint", &found.token_endpoint},
        {"revocation_endpoint", &found.revocation_endpoint},
    };
    struct wf_span values[WF_ARRAY_LEN(endpoints)] = {{NULL, 0}};
    const struct wf_json_field fields[] = {
        {"issuer", WF_JSON_TEXT, &issuer, true},
        {endpoints[0].name, WF_JSON_TEXT, &values[0], false},
        {endpoints[1].name, WF_JSON_TEXT, &values[1], false},
        {endpoints[2].name, WF_JSON_TEXT, &values[2], false},
        {endpoints[3].name, WF_JSON_TEXT, &values[3], false},
        {endpoints[4].name, WF_JSON_TEXT, &values[4], false},
    };

    enum wf_reason reason = wf_json_read(json, fields, WF_ARRAY_LEN(fields), err);
    if (reason == WF_OK && !wf_span_equals(issuer, conf->url))
        reason = wf_fail(err, WF_CONFIG,
                         "the provider calls itself \"%.*s\", but url is \"%.150s\": they must be "
                         "the same, to the last slash",
                         (int)(issuer.len < 150 ? issuer.len : 150), issuer.ptr, conf->url);
    for (size_t i = 0; reason == WF_OK && i < WF_ARRAY_LEN(endpoints); i++)
        reason = take_endpoint(conf, endpoints[i].name, values[i], endpoints[i].to, err);
    if (reason == WF_OK)
        *ret = found;
    else
        wf_oidc_metadata_done(&found);
    return reason;
}

enum wf_reason wf_oidc_parse(const struct wf_provider_conf *conf, const char *text, size_t len,
                             struct wf_oidc_metadata *ret, struct wf_err *err)
{
    struct json_t *json = NULL;
    enum wf_reason reason = wf_json_parse(text, len, &json, err);

    if (reason == WF_OK)
        reason = read_document(conf, json, ret, err);
    wf_json_free(json);
    return reason;
}

/* Asking */

/* An issuer with a path keeps it: behind it stands OpenID Connect's well-known part (Discovery 1.0
 * §4), before it RFC 8414's (§3). A slash at its end counts for neither. */
static bool make_url(struct wf_buf *out, const char *issuer, bool rfc8414)
{
    size_t len = strlen(issuer);
    const char *host = strstr(issuer, "://");

    size_t origin = host == NULL ? 0 : (size_t)(host - issuer) + 3;
    origin += strcspn(issuer + origin, "/");
    while (len > origin && issuer[len - 1] == '/')
        len--;
    if (!rfc8414)
        origin = len;
    wf_buf_append(out, issuer, origin);
    wf_buf_append_text(out, rfc8414 ? "/.well-known/oauth-authorization-server"
                                    : "/.well-known/openid-configuration");
    wf_buf_append(out, issuer + origin, len - origin);
    return wf_buf_ok(out);
}

void wf_oidc_address(const struct wf_provider_conf *conf, struct wf_buf *out)
{
    (void)make_url(out, conf->url, false);
}

/* One request. *ret_missing: there is no such address. */
static enum wf_reason ask(const struct wf_endpoint *endpoint, bool rfc8414, bool *ret_missing,
                          struct wf_oidc_metadata *ret, struct wf_err *err)
{
    struct wf_http_response response = WF_HTTP_RESPONSE_INIT;
    struct wf_buf url = WF_BUF_INIT(WF_URL_MAX);
    struct wf_http_request request;
    struct json_t *json = NULL;
    enum wf_reason reason = WF_INTERNAL;

    if (!make_url(&url, endpoint->conf->url, rfc8414)) {
        reason = wf_fail(err, WF_INTERNAL, "no room for the address of the discovery document");
        goto out;
    }
    wf_endpoint_prepare(endpoint, "GET", wf_buf_text_borrow(&url), &request);
    request.max_body = DOCUMENT_MAX;
    reason = wf_http_send(endpoint->http, &request, &response, err);
    if (reason == WF_OK)
        reason = wf_endpoint_status(&response, request.url, err);
    if (reason == WF_OK && response.status != 200) {
        *ret_missing = response.status == 404;
        reason = wf_fail(err, WF_UNREACHABLE, "%s answers with status %d: is url right?",
                         request.url, response.status);
    }
    if (reason == WF_OK)
        reason = wf_endpoint_json(&response, request.url, &json, err);
    if (reason == WF_OK) {
        reason = read_document(endpoint->conf, json, ret, err);
        if (reason != WF_OK)
            wf_err_context(err, "%s", request.url);
        /* Whoever is asking is not at fault */
        if (reason == WF_MALFORMED)
            reason = WF_UNREACHABLE;
    }
out:
    wf_json_free(json);
    wf_http_response_done(&response);
    wf_buf_done(&url);
    return reason;
}

enum wf_reason wf_oidc_discover(const struct wf_endpoint *endpoint, struct wf_oidc_metadata *ret,
                                struct wf_err *err)
{
    bool missing = false;
    enum wf_reason reason = ask(endpoint, false, &missing, ret, err);

    if (missing)
        reason = ask(endpoint, true, &missing, ret, err);
    return reason;
}

/* Keeping */

enum wf_reason wf_oidc_entry_name(const struct wf_provider_conf *conf, const char *prefix,
                                  char ret[WF_OIDC_ENTRY_SIZE], struct wf_err *err)
{
    const char *ca_file = conf->ca_file == NULL ? "" : conf->ca_file;
    const char *proxy = conf->proxy == NULL ? "" : conf->proxy;
    /* Each with its NUL, so that no two triples look alike */
    const struct wf_span parts[] = {
        {conf->url, strlen(conf->url) + 1},
        {ca_file, strlen(ca_file) + 1},
        {proxy, strlen(proxy) + 1},
    };
    uint8_t hash[WF_SHA256_LEN];

    enum wf_reason reason = wf_crypto_sha256_parts(parts, WF_ARRAY_LEN(parts), hash, err);
    if (reason != WF_OK)
        return reason;
    int n = snprintf(ret, WF_OIDC_ENTRY_SIZE, "%.6s-", prefix);
    wf_crypto_hex(hash, sizeof(hash), ret + n);
    return WF_OK;
}

/* What is kept: a document, or why there was none. */
struct kept {
    enum wf_reason reason; /* WF_OK: the document */
    struct wf_oidc_metadata metadata;
    char text[WF_ERR_TEXT_MAX];
};

/* Reasons that are kept, by their names */
static enum wf_reason read_failure(struct wf_span name, struct wf_span text, struct kept *ret,
                                   struct wf_err *err)
{
    if (wf_span_equals(name, wf_reason_name(WF_CONFIG)))
        ret->reason = WF_CONFIG;
    else if (wf_span_equals(name, wf_reason_name(WF_UNREACHABLE)))
        ret->reason = WF_UNREACHABLE;
    else
        return wf_fail(err, WF_MALFORMED, "its reason is none that is kept");
    wf_text_sanitise(ret->text, sizeof(ret->text), text.ptr, text.len);
    return WF_OK;
}

static enum wf_reason read_kept(const struct wf_provider_conf *conf, struct wf_buf *entry,
                                int64_t now, struct kept *ret, struct wf_err *err)
{
    int64_t version = 0;
    int64_t fetched = 0;
    struct wf_span failure = {NULL, 0};
    struct wf_span text = {NULL, 0};
    const struct wf_json_field fields[] = {
        {"v", WF_JSON_NUMBER, &version, true},
        {"fetched", WF_JSON_DATE, &fetched, true},
        {"failure", WF_JSON_TEXT, &failure, false},
        {"text", WF_JSON_TEXT, &text, false},
    };
    struct json_t *json = NULL;
    enum wf_reason reason = wf_json_parse((const char *)entry->data, entry->len, &json, err);

    if (reason == WF_OK)
        reason = wf_json_read(json, fields, WF_ARRAY_LEN(fields), err);
    if (reason == WF_OK && version != ENTRY_VERSION)
        reason = wf_fail(err, WF_MALFORMED, "it is of version %lld", (long long)version);
    int64_t life = failure.len > 0 ? WF_OIDC_REST : WF_OIDC_METADATA_SECONDS;
    if (reason == WF_OK && !wf_age_is_below(fetched, now, life))
        reason = WF_EXPIRED;
    if (reason == WF_OK)
        reason = failure.len > 0 ? read_failure(failure, text, ret, err)
                                 : read_document(conf, json, &ret->metadata, err);
    wf_json_free(json);
    return reason;
}

/* True if the folder says what there is. */
static bool load(const struct wf_provider_conf *conf, struct wf_cachedir *dir,
                 const struct wf_log *log, const char *name, int64_t now, struct kept *ret)
{
    struct wf_buf entry = WF_BUF_INIT(DOCUMENT_MAX);
    struct wf_err err = WF_ERR_INIT;
    enum wf_reason reason = WF_EXPIRED;

    if (wf_cachedir_read(dir, name, &entry) && entry.len > 0)
        reason = read_kept(conf, &entry, now, ret, &err);
    if (reason != WF_OK && reason != WF_EXPIRED)
        wf_log(log, WF_LOG_WARNING, "kept metadata of provider %s is ignored: %s", conf->name,
               err.text);
    wf_buf_done(&entry);
    return reason == WF_OK;
}

/* Best effort: what is not kept is asked for again. */
static void save(const struct wf_provider_conf *conf, struct wf_cachedir *dir, const char *name,
                 int64_t now, const struct kept *kept)
{
    const struct wf_oidc_metadata *metadata = &kept->metadata;
    bool failed = kept->reason != WF_OK;
    struct json_t *json = dir == NULL ? NULL : wf_json_new();
    char *text = NULL;

    if (json != NULL && wf_json_set_number(json, "v", ENTRY_VERSION) &&
        wf_json_set_number(json, "fetched", now) && wf_json_set_string(json, "issuer", conf->url) &&
        wf_json_set_string(json, "failure", failed ? wf_reason_name(kept->reason) : NULL) &&
        wf_json_set_string(json, "text", failed ? kept->text : NULL) &&
        wf_json_set_string(json, "jwks_uri", metadata->jwks_uri) &&
        wf_json_set_string(json, "introspection_endpoint", metadata->introspection_endpoint) &&
        wf_json_set_string(json, "userinfo_endpoint", metadata->userinfo_endpoint) &&
        wf_json_set_string(json, "token_endpoint", metadata->token_endpoint) &&
        wf_json_set_string(json, "revocation_endpoint", metadata->revocation_endpoint))
        text = wf_json_dump(json);
    if (text != NULL)
        (void)wf_cachedir_replace(dir, name, text, strlen(text));
    free(text);
    wf_json_free(json);
}

/* Ask, and tell the others. */
static void discover(const struct wf_endpoint *endpoint, struct wf_cachedir *dir, const char *name,
                     int64_t now, struct kept *ret)
{
    struct wf_err err = WF_ERR_INIT;
    int64_t start = wf_frame_now();

    ret->reason = wf_oidc_discover(endpoint, &ret->metadata, &err);
    memcpy(ret->text, err.text, sizeof(ret->text));
    /* Who has come meanwhile waits for this, however long it took; lack of memory is our own */
    if (ret->reason != WF_INTERNAL)
        save(endpoint->conf, dir, name, now + (wf_frame_now() - start) / 1000, ret);
}

enum wf_reason wf_oidc_find(const struct wf_endpoint *endpoint, struct wf_cachedir *dir,
                            const struct wf_log *log, int64_t now, struct wf_oidc_metadata *ret,
                            struct wf_err *err)
{
    struct kept kept = {WF_OK, WF_OIDC_METADATA_INIT, ""};
    const struct wf_provider_conf *conf = endpoint->conf;
    char name[WF_OIDC_ENTRY_SIZE];
    int lock = -1;
    enum wf_reason reason = wf_oidc_entry_name(conf, "meta", name, err);

    if (reason != WF_OK)
        return reason;
    if (!load(conf, dir, log, name, now, &kept)) {
        /* Without the lock after so long a time somebody hangs, who must not keep everybody
         * waiting. What is wrong with the entry has been said. */
        unsigned wait_ms = wf_endpoint_budget_ms(conf) + LOCK_GRACE_MS;
        if (!wf_cachedir_lock(dir, name, wait_ms, &lock) ||
            !load(conf, dir, NULL, name, now, &kept))
            discover(endpoint, dir, name, now, &kept);
        wf_cachedir_unlock(lock);
    }
    if (kept.reason != WF_OK)
        return wf_fail(err, kept.reason, "%s", kept.text);
    *ret = kept.metadata;
    return WF_OK;
}

void wf_oidc_forget(const struct wf_provider_conf *conf, struct wf_cachedir *dir)
{
    char name[WF_OIDC_ENTRY_SIZE];

    if (wf_oidc_entry_name(conf, "meta", name, NULL) == WF_OK)
        wf_cachedir_remove(dir, name);
}
