#include "config.h"

#include "authz.h"

#include <stdlib.h>
#include <string.h>

#include "base64.h"
#include "buf.h"
#include "crypto.h"
#include "json.h"
#include "url.h"

/* 256 bits make the 43 characters that RFC 7636 §4.1 asks for at least */
#define VERIFIER_BYTES 32
/* 128 bits that nobody guesses within two minutes, 22 characters that fit a QR code */
#define STATE_BYTES 16
/* Asks for a refresh token */
#define OFFLINE "offline_access"

struct wf_authz {
    const char *issuer; /* the provider's url, borrowed from the configuration */
    struct wf_secret *verifier;
    struct wf_secret *state;
    struct wf_buf address;
};

static enum wf_reason append_random(struct wf_buf *out, size_t len, struct wf_err *err)
{
    uint8_t bytes[VERIFIER_BYTES];
    enum wf_reason reason = wf_crypto_random(bytes, len, err);

    if (reason == WF_OK)
        wf_base64url_encode(out, bytes, len);
    explicit_bzero(bytes, sizeof(bytes));
    return reason;
}

static bool set_hint(struct json_t *json, const char *name, const char *value, size_t max)
{
    char clean[65];

    wf_text_sanitise(clean, max + 1, value == NULL ? "" : value, value == NULL ? 0 : strlen(value));
    return wf_json_set_text(json, name, (struct wf_span){clean, strlen(clean)});
}

/* ".base64url({"h":host,"s":service,"u":user})", for the callback page */
static enum wf_reason append_hint(struct wf_buf *out, const struct wf_authz_hint *hint)
{
    enum wf_reason reason = WF_INTERNAL;
    char *text = NULL;
    struct json_t *json = wf_json_new();

    if (json == NULL || !set_hint(json, "h", hint->host, 64) ||
        !set_hint(json, "s", hint->service, 32) || !set_hint(json, "u", hint->user, 32))
        goto out;
    text = wf_json_dump(json);
    if (text == NULL)
        goto out;
    wf_buf_append_byte(out, '.');
    wf_base64url_encode(out, text, strlen(text));
    reason = WF_OK;
out:
    free(text);
    wf_json_free(json);
    return reason;
}

static enum wf_reason make_secrets(struct wf_authz *authz, const struct wf_authz_hint *hint,
                                   struct wf_err *err)
{
    struct wf_buf text = WF_BUF_INIT(1024);
    enum wf_reason reason = append_random(&text, VERIFIER_BYTES, err);

    if (reason == WF_OK && wf_buf_ok(&text))
        authz->verifier = wf_secret_new(text.data, text.len);
    wf_buf_reset(&text);
    if (reason == WF_OK)
        reason = append_random(&text, STATE_BYTES, err);
    if (reason == WF_OK)
        reason = append_hint(&text, hint);
    if (reason == WF_OK && wf_buf_ok(&text))
        authz->state = wf_secret_new(text.data, text.len);
    if (reason == WF_OK && (authz->verifier == NULL || authz->state == NULL))
        reason = WF_INTERNAL;
    wf_buf_done(&text);
    return reason;
}

static bool has_word(const char *text, const char *word)
{
    size_t len = strlen(word);

    for (const char *at = text; (at = strstr(at, word)) != NULL; at += len) {
        if ((at == text || at[-1] == ' ') && (at[len] == ' ' || at[len] == '\0'))
            return true;
    }
    return false;
}

/* False if it does not fit. */
static bool append_scope(struct wf_buf *out, const char *scope, bool offline)
{
    struct wf_buf words = WF_BUF_INIT(WF_URL_MAX);
    bool fits = false;

    if (scope != NULL)
        wf_buf_append_text(&words, scope);
    if (offline && (scope == NULL || !has_word(scope, OFFLINE)))
        wf_buf_append_text(&words, scope == NULL ? OFFLINE : " " OFFLINE);
    fits = wf_buf_ok(&words);
    if (words.len > 0)
        wf_form_append(out, "scope", (struct wf_span){(const char *)words.data, words.len});
    wf_buf_done(&words);
    return fits;
}

static enum wf_reason make_address(struct wf_authz *authz, const struct wf_provider_conf *conf,
                                   const char *authorize_url, bool offline, struct wf_err *err)
{
    struct wf_span verifier = wf_secret_borrow(authz->verifier);
    uint8_t hash[WF_SHA256_LEN];
    struct wf_buf challenge = WF_BUF_INIT(64);
    enum wf_reason reason = wf_crypto_sha256(verifier.ptr, verifier.len, hash, err);

    if (reason != WF_OK)
        return reason;
    wf_base64url_encode(&challenge, hash, sizeof(hash));
    wf_buf_append_text(&authz->address, authorize_url);
    wf_buf_append_byte(&authz->address, '?');
    wf_form_append_text(&authz->address, "client_id", conf->client_id);
    wf_form_append_text(&authz->address, "redirect_uri", conf->redirect_uri);
    wf_form_append_text(&authz->address, "response_type", "code");
    bool fits = append_scope(&authz->address, conf->scope, offline);
    wf_form_append(&authz->address, "state", wf_secret_borrow(authz->state));
    wf_form_append_text(&authz->address, "code_challenge_method", "S256");
    wf_form_append_text(&authz->address, "code_challenge", wf_buf_text_borrow(&challenge));
    if (!fits || !wf_buf_ok(&challenge) || wf_buf_text_borrow(&authz->address) == NULL)
        reason = wf_fail(err, WF_CONFIG,
                         "the sign-in address is longer than %d bytes: shorten redirect_uri or "
                         "scope of provider %s",
                         WF_URL_MAX, conf->name);
    wf_buf_done(&challenge);
    return reason;
}

enum wf_reason wf_authz_new(const struct wf_provider_conf *conf, const char *authorize_url,
                            const struct wf_authz_hint *hint, bool offline, struct wf_authz **ret,
                            struct wf_err *err)
{
    enum wf_reason reason = WF_INTERNAL;
    struct wf_authz *authz = calloc(1, sizeof(*authz));

    if (authz == NULL)
        return wf_fail(err, WF_INTERNAL, "out of memory");
    authz->issuer = conf->url;
    authz->address = (struct wf_buf)WF_BUF_INIT(WF_URL_MAX);
    reason = make_secrets(authz, hint, err);
    if (reason != WF_OK)
        goto out;
    reason = make_address(authz, conf, authorize_url, offline, err);
    if (reason != WF_OK)
        goto out;
    *ret = authz;
    authz = NULL;
out:
    wf_authz_free(authz);
    return reason;
}

void wf_authz_free(struct wf_authz *authz)
{
    if (authz == NULL)
        return;
    wf_secret_free(authz->verifier);
    wf_secret_free(authz->state);
    wf_buf_done(&authz->address);
    free(authz);
}

const char *wf_authz_address_borrow(const struct wf_authz *authz)
{
    /* The NUL was set when the address was made */
    return (const char *)authz->address.data;
}

const struct wf_secret *wf_authz_verifier_borrow(const struct wf_authz *authz)
{
    return authz->verifier;
}

/* The decoded value of one parameter, wiped with out; absent leaves out empty and *ret_present
 * false. */
static enum wf_reason find(struct wf_span query, const char *name, struct wf_buf *out,
                           bool *ret_present, struct wf_err *err)
{
    struct wf_span raw;

    wf_buf_reset(out);
    if (wf_form_find(query, name, &raw) != WF_OK)
        return wf_fail(err, WF_MALFORMED, "the address has \"%s\" twice", name);
    *ret_present = raw.ptr != NULL;
    if (raw.ptr != NULL && wf_form_decode(out, raw) != WF_OK)
        return wf_fail(err, WF_MALFORMED, "\"%s\" in the address is broken or too long", name);
    return WF_OK;
}

static bool equals(const struct wf_buf *buf, struct wf_span expected)
{
    return buf->len == expected.len && wf_secret_equals_bytes(buf->data, expected.ptr, buf->len);
}

/* `state` ties the answer to this sign-in, `iss` (RFC 9207 §2.4) to this provider. They come
 * first: an error that somebody else planted is none of ours. */
static enum wf_reason check_origin(const struct wf_authz *authz, struct wf_span query,
                                   struct wf_buf *value, struct wf_err *err)
{
    bool present;
    enum wf_reason reason = find(query, "state", value, &present, err);

    if (reason != WF_OK)
        return reason;
    if (!present || !equals(value, wf_secret_borrow(authz->state)))
        return wf_fail(err, WF_MALFORMED, "the address belongs to another sign-in (state)");
    reason = find(query, "iss", value, &present, err);
    if (reason != WF_OK)
        return reason;
    if (present && !equals(value, (struct wf_span){authz->issuer, strlen(authz->issuer)}))
        return wf_fail(err, WF_ISSUER, "the address comes from another provider (iss)");
    return WF_OK;
}

static enum wf_reason judge_error(const struct wf_buf *value, struct wf_err *err)
{
    struct wf_span code = {(const char *)value->data, value->len};

    if (wf_span_equals(code, "access_denied"))
        return wf_fail(err, WF_DENIED, "the person or the provider denied the sign-in");
    return wf_fail(err, WF_EXPIRED, "the provider answered error=%.*s",
                   (int)(code.len < 64 ? code.len : 64), code.ptr == NULL ? "" : code.ptr);
}

static enum wf_reason parse_query(const struct wf_authz *authz, struct wf_span query,
                                  struct wf_buf *ret_code, struct wf_err *err)
{
    bool present;
    enum wf_reason reason = check_origin(authz, query, ret_code, err);

    if (reason != WF_OK)
        return reason;
    reason = find(query, "error", ret_code, &present, err);
    if (reason != WF_OK)
        return reason;
    if (present)
        return judge_error(ret_code, err);
    reason = find(query, "code", ret_code, &present, err);
    if (reason == WF_OK && !present)
        reason = wf_fail(err, WF_MALFORMED, "the address holds no code");
    return reason;
}

/* The query of an address, or the text itself if it is a query; ptr NULL if it is neither. A code
 * may hold '=' and '/', so only "://" and "name=" of a parameter that we know tell. */
static struct wf_span query_of(struct wf_span paste)
{
    const char *mark = memchr(paste.ptr, '?', paste.len);
    struct wf_span query = {NULL, 0};
    struct wf_span state;

    if (mark != NULL && memmem(paste.ptr, paste.len, "://", 3) != NULL)
        query = (struct wf_span){mark + 1, paste.len - (size_t)(mark + 1 - paste.ptr)};
    else if (wf_form_find(paste, "state", &state) != WF_OK || state.ptr != NULL)
        query = paste;
    else if (memmem(paste.ptr, paste.len, "://", 3) != NULL)
        query = (struct wf_span){paste.ptr + paste.len, 0};
    if (query.ptr != NULL) {
        const char *fragment = query.len == 0 ? NULL : memchr(query.ptr, '#', query.len);
        if (fragment != NULL)
            query.len = (size_t)(fragment - query.ptr);
    }
    return query;
}

enum wf_reason wf_authz_parse(const struct wf_authz *authz, const char *paste, size_t len,
                              struct wf_secret **ret_code, struct wf_err *err)
{
    enum wf_reason reason = WF_INTERNAL;
    struct wf_span text = wf_text_trim(paste, len);
    struct wf_buf code = WF_BUF_INIT(WF_PASTE_MAX);
    struct wf_secret *secret = NULL;
    struct wf_span query;

    if (len > WF_PASTE_MAX)
        return wf_fail(err, WF_TOO_LARGE, "%zu bytes pasted, expected at most %zu", len,
                       WF_PASTE_MAX);
    if (text.len == 0)
        return wf_fail(err, WF_MALFORMED, "nothing was pasted");
    if (!wf_text_is_printable(text.ptr, text.len) || memchr(text.ptr, ' ', text.len) != NULL)
        return wf_fail(err, WF_MALFORMED, "the paste has blanks or unprintable bytes inside");
    query = query_of(text);
    if (query.ptr != NULL) {
        reason = parse_query(authz, query, &code, err);
        if (reason != WF_OK)
            goto out;
    } else {
        wf_buf_append(&code, text.ptr, text.len);
    }
    if (!wf_buf_ok(&code))
        goto out;
    if (code.len > WF_CODE_MAX) {
        reason = wf_fail(err, WF_TOO_LARGE, "the code has %zu bytes, expected at most %zu",
                         code.len, WF_CODE_MAX);
        goto out;
    }
    /* A decoded code may hold what the paste itself may not */
    if (code.len == 0 || !wf_text_is_printable((const char *)code.data, code.len)) {
        reason = wf_fail(err, WF_MALFORMED, "the code is empty or has unprintable bytes");
        goto out;
    }
    secret = wf_secret_new(code.data, code.len);
    if (secret == NULL) {
        reason = wf_fail(err, WF_INTERNAL, "out of memory");
        goto out;
    }
    *ret_code = secret;
    reason = WF_OK;
out:
    wf_buf_done(&code);
    return reason;
}
