#include "config.h"

#include "oidc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "answer.h"
#include "crypto.h"
#include "json.h"
#include "member.h"
#include "url.h"

/* Milliseconds that the holder of the lock may take beyond its requests. */
#define LOCK_GRACE_MS 2000
/* A document: real ones have 1 to 8 KB. */
#define DOCUMENT_MAX ((size_t)64 * 1024)

#define AT(member) WF_MEMBER_AT(struct wf_oidc_metadata, member)
static const struct wf_member endpoints[] = {
    {"jwks_uri", WF_MEMBER_TEXT, AT(jwks_uri), false},
    {"introspection_endpoint", WF_MEMBER_TEXT, AT(introspection_endpoint), false},
    {"userinfo_endpoint", WF_MEMBER_TEXT, AT(userinfo_endpoint), false},
    {"token_endpoint", WF_MEMBER_TEXT, AT(token_endpoint), false},
    {"revocation_endpoint", WF_MEMBER_TEXT, AT(revocation_endpoint), false},
};

void wf_oidc_metadata_done(struct wf_oidc_metadata *metadata)
{
    wf_members_done(endpoints, WF_ARRAY_LEN(endpoints), metadata);
}

/* One endpoint: absent, which "" is, too, or a place that may be connected to. */
static enum wf_reason check_endpoint(const struct wf_provider_conf *conf, const char *name,
                                     char **url, struct wf_err *err)
{
    if (*url != NULL && **url == '\0') {
        free(*url);
        *url = NULL;
    }
    if (*url == NULL)
        return WF_OK;
    enum wf_reason reason = wf_url_check(*url, conf->allow_http_loopback, err);
    if (reason != WF_OK)
        wf_err_context(err, "%s of provider %s", name, conf->name);
    return reason;
}

/* What is asked over and what is kept over a day alike. */
static enum wf_reason read_document(const struct wf_provider_conf *conf, const struct json_t *json,
                                    struct wf_oidc_metadata *ret, struct wf_err *err)
{
    struct wf_oidc_metadata found = WF_OIDC_METADATA_INIT;
    struct wf_span issuer = {NULL, 0};
    const struct wf_json_field fields[] = {{"issuer", WF_JSON_TEXT, &issuer, true}};

    enum wf_reason reason = wf_json_read(json, fields, WF_ARRAY_LEN(fields), err);
    if (reason == WF_OK)
        reason = wf_members_read(endpoints, WF_ARRAY_LEN(endpoints), json, &found, err);
    if (reason == WF_OK && !wf_span_equals(issuer, conf->url))
        reason = wf_fail(err, WF_CONFIG,
                         "the provider calls itself \"%.*s\", but url is \"%.150s\": they must be "
                         "the same, to the last slash",
                         (int)(issuer.len < 150 ? issuer.len : 150), issuer.ptr, conf->url);
    for (size_t i = 0; reason == WF_OK && i < WF_ARRAY_LEN(endpoints); i++)
        reason = check_endpoint(conf, endpoints[i].name,
                                (char **)(void *)((char *)&found + endpoints[i].offset), err);
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

/* A document that is looked for. */
struct search {
    const struct wf_endpoint *endpoint;
    struct wf_oidc_metadata metadata;
};

static enum wf_reason ask_metadata(void *value, int64_t *hold, struct wf_err *err)
{
    struct search *search = value;

    (void)hold;
    return wf_oidc_discover(search->endpoint, &search->metadata, err);
}

static bool write_metadata(const void *value, struct json_t *entry)
{
    const struct search *search = value;

    return wf_json_set_string(entry, "issuer", search->endpoint->conf->url) &&
           wf_members_write(endpoints, WF_ARRAY_LEN(endpoints), &search->metadata, entry);
}

static enum wf_reason read_metadata(void *value, const struct json_t *entry, struct wf_err *err)
{
    struct search *search = value;

    return read_document(search->endpoint->conf, entry, &search->metadata, err);
}

enum wf_reason wf_oidc_find(const struct wf_endpoint *endpoint, struct wf_cachedir *dir,
                            const struct wf_log *log, int64_t now, struct wf_oidc_metadata *ret,
                            struct wf_err *err)
{
    static const struct wf_answer_kind kind = {
        .what = "metadata",
        .max = DOCUMENT_MAX,
        .life = WF_OIDC_METADATA_SECONDS,
        .rest = WF_OIDC_REST,
        .grace_ms = LOCK_GRACE_MS,
        .ask = ask_metadata,
        .write = write_metadata,
        .read = read_metadata,
    };
    const struct wf_provider_conf *conf = endpoint->conf;
    struct search search = {endpoint, WF_OIDC_METADATA_INIT};
    char name[WF_OIDC_ENTRY_SIZE];
    const struct wf_answer answer = {&kind, conf, dir, log, name, conf->url, now};
    enum wf_reason reason = wf_oidc_entry_name(conf, "meta", name, err);

    if (reason == WF_OK)
        reason = wf_answer_get(&answer, &search, err);
    if (reason == WF_OK)
        *ret = search.metadata;
    return reason;
}

void wf_oidc_forget(const struct wf_provider_conf *conf, struct wf_cachedir *dir)
{
    char name[WF_OIDC_ENTRY_SIZE];

    if (wf_oidc_entry_name(conf, "meta", name, NULL) == WF_OK)
        wf_cachedir_remove(dir, name);
}
