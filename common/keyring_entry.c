#include "config.h"

#include "keyring_entry.h"

#include <stdlib.h>
#include <string.h>

#include "http_cache.h"
#include "json.h"

static char *dup_span(struct wf_span span)
{
    return span.len == 0 ? strdup("") : strndup(span.ptr, span.len);
}

static enum wf_reason make_set(struct wf_keys *keys, const struct wf_keys *known,
                               size_t *ret_skipped, struct wf_err *err)
{
    if (known != NULL && memcmp(known->hash, keys->hash, sizeof(keys->hash)) == 0) {
        keys->set = wf_jwks_ref(known->set);
        return WF_OK;
    }
    return wf_jwks_parse(keys->text, keys->len, &keys->set, ret_skipped, err);
}

enum wf_reason wf_keys_new(const struct wf_keys_parts *parts, const struct wf_keys *known,
                           struct wf_keys **ret, size_t *ret_skipped, struct wf_err *err)
{
    enum wf_reason reason = WF_INTERNAL;
    struct wf_keys *keys = calloc(1, sizeof(*keys));

    if (keys == NULL)
        goto out;
    keys->fetched = parts->fetched;
    keys->fresh_until = parts->fresh_until;
    keys->discovered = parts->discovered;
    keys->len = parts->text.len;
    keys->text = malloc(keys->len + 1);
    keys->jwks_uri = dup_span(parts->jwks_uri);
    if (keys->text == NULL || keys->jwks_uri == NULL)
        goto out;
    if (keys->len > 0)
        memcpy(keys->text, parts->text.ptr, keys->len);
    keys->text[keys->len] = '\0';
    if (parts->etag.len > 0 && parts->etag.len < sizeof(keys->etag))
        memcpy(keys->etag, parts->etag.ptr, parts->etag.len);
    reason = wf_crypto_sha256(keys->text, keys->len, keys->hash, err);
    if (reason == WF_OK)
        reason = make_set(keys, known, ret_skipped, err);
    if (reason == WF_OK) {
        *ret = keys;
        return WF_OK;
    }
    wf_keys_free(keys);
    return reason;
out:
    wf_keys_free(keys);
    return wf_fail(err, WF_INTERNAL, "out of memory for keys");
}

void wf_keys_free(struct wf_keys *keys)
{
    if (keys == NULL)
        return;
    wf_jwks_unref(keys->set);
    free(keys->jwks_uri);
    free(keys->text);
    free(keys);
}

/* Entries */

bool wf_keys_write(const struct wf_keys *keys, const struct wf_provider_conf *conf,
                   struct wf_buf *out)
{
    const struct wf_entry entry = {.fetched = keys->fetched, .until = keys->fresh_until};
    char hash[2 * WF_SHA256_LEN + 1];
    struct json_t *json = wf_entry_new(&entry, conf->url);

    wf_crypto_hex(keys->hash, WF_SHA256_LEN, hash);
    bool done = json != NULL && wf_json_set_string(json, "jwks_uri", keys->jwks_uri) &&
                wf_json_set_string(json, "etag", keys->etag) &&
                wf_json_set_string(json, "sha256", hash) &&
                wf_json_set_text(json, "jwks", (struct wf_span){keys->text, keys->len}) &&
                wf_json_write(json, out);
    wf_json_free(json);
    return done;
}

enum wf_reason wf_keys_read(const struct wf_provider_conf *conf, struct wf_span text,
                            const struct wf_keys *known, struct wf_keys **ret, struct wf_err *err)
{
    struct wf_keys_parts parts = {0};
    struct wf_entry entry;
    struct wf_span hash = {NULL, 0};
    char actual[2 * WF_SHA256_LEN + 1];
    const struct wf_json_field fields[] = {
        {"jwks_uri", WF_JSON_TEXT, &parts.jwks_uri, true},
        {"etag", WF_JSON_TEXT, &parts.etag, false},
        {"sha256", WF_JSON_TEXT, &hash, true},
        {"jwks", WF_JSON_TEXT, &parts.text, true},
    };
    struct json_t *json = NULL;
    struct wf_keys *keys = NULL;
    enum wf_reason reason = wf_entry_read(text, conf->url, &entry, &json, err);

    if (reason == WF_OK)
        reason = wf_json_read(json, fields, WF_ARRAY_LEN(fields), err);
    if (reason != WF_OK)
        goto out;
    parts.fetched = entry.fetched;
    parts.fresh_until = entry.until;
    int64_t lifetime = parts.fresh_until - parts.fetched;
    if (lifetime < WF_KEYS_FRESH_MIN || lifetime > WF_KEYS_FRESH_MAX) {
        reason = wf_fail(err, WF_MALFORMED, "its lifetime of %lld s is out of bounds",
                         (long long)lifetime);
        goto out;
    }
    if (parts.etag.len > 0 && !wf_http_etag_is_valid(parts.etag)) {
        reason = wf_fail(err, WF_MALFORMED, "its ETag is none");
        goto out;
    }
    reason = wf_keys_new(&parts, known, &keys, NULL, err);
    if (reason != WF_OK)
        goto out;
    wf_crypto_hex(keys->hash, WF_SHA256_LEN, actual);
    if (!wf_span_equals(hash, actual)) {
        reason = wf_fail(err, WF_MALFORMED, "its keys are not those that were written");
        goto out;
    }
    *ret = keys;
    keys = NULL;
out:
    wf_keys_free(keys);
    wf_json_free(json);
    return reason;
}

bool wf_keys_failure_write(const struct wf_entry *failure, const struct wf_provider_conf *conf,
                           struct wf_buf *out)
{
    struct json_t *json = wf_entry_new(failure, conf->url);
    bool done = json != NULL && wf_json_write(json, out);

    wf_json_free(json);
    return done;
}

enum wf_reason wf_keys_failure_read(const struct wf_provider_conf *conf, struct wf_span text,
                                    struct wf_entry *ret, struct wf_err *err)
{
    struct wf_entry entry;
    struct json_t *json = NULL;
    enum wf_reason reason = wf_entry_read(text, conf->url, &entry, &json, err);

    wf_json_free(json);
    if (reason != WF_OK)
        return reason;
    if (entry.reason != WF_CONFIG && entry.reason != WF_UNREACHABLE)
        return wf_fail(err, WF_MALFORMED, "its reason is none that is kept");
    int64_t rest = entry.until - entry.fetched;
    if (rest < WF_KEYS_REST_MIN || rest > WF_KEYS_REST_MAX)
        return wf_fail(err, WF_MALFORMED, "its rest is out of bounds");
    *ret = entry;
    return WF_OK;
}
