#include "config.h"

#include "keyring_fetch.h"

#include <string.h>

#include "http_deadline.h"
#include "oidc.h"

static int64_t lifetime(const struct wf_http_response *response)
{
    if (!response->has_max_age)
        return WF_KEYS_FRESH_DEFAULT;
    if (response->max_age < WF_KEYS_FRESH_MIN)
        return WF_KEYS_FRESH_MIN;
    return response->max_age > WF_KEYS_FRESH_MAX ? WF_KEYS_FRESH_MAX : response->max_age;
}

/* Keys of an answer: 200 with a JWKS, or 304 if we said what we have. Its content type is not
 * looked at, since keys are served from all kinds of file stores: what parses is one. */
static enum wf_reason read_answer(const struct wf_keys *old, bool asked_by_tag,
                                  const struct wf_http_response *response,
                                  struct wf_keys_parts *parts, struct wf_keys **ret,
                                  size_t *ret_skipped, struct wf_err *err)
{
    struct wf_keys *keys = NULL;
    enum wf_reason reason = WF_OK;

    if (response->status == 304 && asked_by_tag) {
        parts->text = (struct wf_span){old->text, old->len};
        if (parts->etag.len == 0)
            parts->etag = (struct wf_span){old->etag, strlen(old->etag)};
    } else if (response->status == 200) {
        parts->text = (struct wf_span){(const char *)response->body.data, response->body.len};
    } else {
        reason = wf_endpoint_status(response, "the address of the keys", err);
        return reason != WF_OK ? reason
                               : wf_fail(err, WF_UNREACHABLE,
                                         "the address of the keys answers with status %d",
                                         response->status);
    }
    reason = wf_keys_new(parts, old, &keys, ret_skipped, err);
    if (reason != WF_OK)
        return reason == WF_MALFORMED ? WF_UNREACHABLE : reason;
    if (wf_jwks_count(keys->set) == 0 && old != NULL && wf_jwks_count(old->set) > 0) {
        /* That would lock out everybody: more likely something went wrong there */
        wf_keys_free(keys);
        return wf_fail(err, WF_UNREACHABLE, "there is no usable key any more among the keys");
    }
    *ret = keys;
    return WF_OK;
}

static enum wf_reason get_keys(const struct wf_endpoint *endpoint, const struct wf_keys *old,
                               const char *url, int64_t discovered, int64_t now,
                               struct wf_keys **ret, size_t *ret_skipped, struct wf_err *err)
{
    struct wf_http_response response = WF_HTTP_RESPONSE_INIT;
    struct wf_http_request request;
    bool tag = old != NULL && old->etag[0] != '\0' && strcmp(old->jwks_uri, url) == 0;

    wf_endpoint_prepare(endpoint, "GET", url, &request);
    request.headers[request.header_count++] = (struct wf_http_header){
        "Accept", {"application/jwk-set+json, application/json", 42}};
    if (tag)
        request.headers[request.header_count++] = (struct wf_http_header){
            "If-None-Match", {old->etag, strlen(old->etag)}};
    enum wf_reason reason = wf_http_send(endpoint->http, &request, &response, err);
    if (reason == WF_OK) {
        struct wf_keys_parts parts = {
            .jwks_uri = {url, strlen(url)},
            .etag = {response.etag, strlen(response.etag)},
            .fetched = now,
            .fresh_until = now + lifetime(&response),
            .discovered = discovered,
        };
        reason = read_answer(old, tag, &response, &parts, ret, ret_skipped, err);
        if (reason != WF_OK)
            wf_err_context(err, "%s", url);
    }
    wf_http_response_done(&response);
    return reason;
}

enum wf_reason wf_keys_fetch(const struct wf_provider_conf *conf,
                             const struct wf_endpoint_host *host, const struct wf_keys *old,
                             bool rediscover, int64_t now, struct wf_keys **ret,
                             size_t *ret_skipped, struct wf_err *err)
{
    struct wf_oidc_metadata metadata = WF_OIDC_METADATA_INIT;
    struct wf_http *door = host->http_new(conf->helper_user);
    struct wf_http_deadline bounded;
    const struct wf_endpoint endpoint = {conf, &bounded.base};
    enum wf_reason reason = WF_OK;
    const char *url = NULL;
    int64_t discovered = now;

    wf_http_deadline_init(&bounded, door, wf_endpoint_budget_ms(conf));
    if (rediscover) {
        wf_oidc_forget(conf, host->dir);
    } else if (old != NULL && old->discovered <= now &&
               now - old->discovered < WF_OIDC_METADATA_SECONDS) {
        url = old->jwks_uri;
        discovered = old->discovered;
    }
    if (url == NULL) {
        reason = wf_oidc_find(&endpoint, host->dir, host->log, now, &metadata, err);
        url = metadata.jwks_uri;
    }
    if (reason == WF_OK && url == NULL)
        reason = wf_fail(err, WF_CONFIG, "the provider names no jwks_uri: set jwks_file");
    if (reason == WF_OK)
        reason = get_keys(&endpoint, old, url, discovered, now, ret, ret_skipped, err);
    if (reason != WF_OK)
        wf_err_context(err, "provider %s", conf->name);
    wf_http_free(door);
    wf_oidc_metadata_done(&metadata);
    return reason;
}
