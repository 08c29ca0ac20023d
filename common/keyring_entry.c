#include "config.h"

#include "keyring_entry.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http_cache.h"
#include "json.h"

/* Of both entries: what another version wrote is ignored. */
#define ENTRY_VERSION 1

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

/* What all entries begin with. False if memory is short, as for json: NULL, which takes nothing. */
static bool begin(struct json_t *json, const struct wf_provider_conf *conf)
{
    return wf_json_set_number(json, "v", ENTRY_VERSION) && wf_json_set_string(json, "provider", conf->url);
}

static bool dump(struct json_t *json, struct wf_buf *out)
{
    char *text = wf_json_dump(json);

    if (text != NULL)
        wf_buf_append_text(out, text);
    free(text);
    return text != NULL && wf_buf_ok(out);
}

bool wf_keys_write(const struct wf_keys *keys, const struct wf_provider_conf *conf,
                   struct wf_buf *out)
{
    char hash[2 * WF_SHA256_LEN + 1];
    struct json_t *json = wf_json_new();
    bool done;

    wf_crypto_hex(keys->hash, WF_SHA256_LEN, hash);
    done = begin(json, conf) && wf_json_set_number(json, "fetched", keys->fetched) &&
           wf_json_set_number(json, "fresh_until", keys->fresh_until) &&
           wf_json_set_string(json, "jwks_uri", keys->jwks_uri) && wf_json_set_string(json, "etag", keys->etag) &&
           wf_json_set_string(json, "sha256", hash) &&
           wf_json_set_text(json, "jwks", (struct wf_span){keys->text, keys->len}) &&
           dump(json, out);
    wf_json_free(json);
    return done;
}

/* An entry of this version and this provider. */
static enum wf_reason parse_entry(const struct wf_provider_conf *conf, struct wf_span entry,
                                  struct json_t **ret, struct wf_err *err)
{
    int64_t version = 0;
    struct wf_span provider = {NULL, 0};
    const struct wf_json_field fields[] = {
        {"v", WF_JSON_NUMBER, &version, true},
        {"provider", WF_JSON_TEXT, &provider, true},
    };
    struct json_t *json = NULL;
    enum wf_reason reason = wf_json_parse(entry.ptr, entry.len, &json, err);

    if (reason == WF_OK)
        reason = wf_json_read(json, fields, WF_ARRAY_LEN(fields), err);
    if (reason == WF_OK && version != ENTRY_VERSION)
        reason = wf_fail(err, WF_MALFORMED, "it is of version %lld, not %d", (long long)version,
                         ENTRY_VERSION);
    if (reason == WF_OK && !wf_span_equals(provider, conf->url))
        reason = wf_fail(err, WF_MALFORMED, "it is of \"%.*s\", not of \"%.100s\"",
                         (int)(provider.len < 100 ? provider.len : 100), provider.ptr, conf->url);
    if (reason == WF_OK)
        *ret = json;
    else
        wf_json_free(json);
    return reason;
}

enum wf_reason wf_keys_read(const struct wf_provider_conf *conf, struct wf_span entry,
                            const struct wf_keys *known, struct wf_keys **ret, struct wf_err *err)
{
    struct wf_keys_parts parts = {0};
    struct wf_span hash = {NULL, 0};
    char actual[2 * WF_SHA256_LEN + 1];
    const struct wf_json_field fields[] = {
        {"fetched", WF_JSON_DATE, &parts.fetched, true},
        {"fresh_until", WF_JSON_DATE, &parts.fresh_until, true},
        {"jwks_uri", WF_JSON_TEXT, &parts.jwks_uri, true},
        {"etag", WF_JSON_TEXT, &parts.etag, false},
        {"sha256", WF_JSON_TEXT, &hash, true},
        {"jwks", WF_JSON_TEXT, &parts.text, true},
    };
    struct json_t *json = NULL;
    struct wf_keys *keys = NULL;
    enum wf_reason reason = parse_entry(conf, entry, &json, err);

    if (reason == WF_OK)
        reason = wf_json_read(json, fields, WF_ARRAY_LEN(fields), err);
    if (reason != WF_OK)
        goto out;
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

bool wf_keys_failure_write(const struct wf_keys_failure *failure,
                           const struct wf_provider_conf *conf, struct wf_buf *out)
{
    struct json_t *json = wf_json_new();
    bool done = begin(json, conf) && wf_json_set_number(json, "failed", failure->failed) &&
                wf_json_set_number(json, "rest", failure->rest) &&
                wf_json_set_string(json, "reason", wf_reason_name(failure->reason)) &&
                wf_json_set_string(json, "text", failure->text) && dump(json, out);

    wf_json_free(json);
    return done;
}

enum wf_reason wf_keys_failure_read(const struct wf_provider_conf *conf, struct wf_span entry,
                                    struct wf_keys_failure *ret, struct wf_err *err)
{
    struct wf_keys_failure failure = {.reason = WF_UNREACHABLE};
    struct wf_span name = {NULL, 0};
    struct wf_span text = {NULL, 0};
    const struct wf_json_field fields[] = {
        {"failed", WF_JSON_DATE, &failure.failed, true},
        {"rest", WF_JSON_NUMBER, &failure.rest, true},
        {"reason", WF_JSON_TEXT, &name, true},
        {"text", WF_JSON_TEXT, &text, true},
    };
    struct json_t *json = NULL;
    enum wf_reason reason = parse_entry(conf, entry, &json, err);

    if (reason == WF_OK)
        reason = wf_json_read(json, fields, WF_ARRAY_LEN(fields), err);
    if (reason != WF_OK)
        goto out;
    if (wf_span_equals(name, wf_reason_name(WF_CONFIG)))
        failure.reason = WF_CONFIG;
    else if (!wf_span_equals(name, wf_reason_name(WF_UNREACHABLE)))
        reason = wf_fail(err, WF_MALFORMED, "its reason is none that is kept");
    if (failure.rest < WF_KEYS_REST_MIN || failure.rest > WF_KEYS_REST_MAX)
        reason = wf_fail(err, WF_MALFORMED, "its rest is out of bounds");
    if (reason != WF_OK)
        goto out;
    failure.retry = failure.failed + failure.rest;
    wf_text_sanitise(failure.text, sizeof(failure.text), text.ptr, text.len);
    *ret = failure;
out:
    wf_json_free(json);
    return reason;
}
