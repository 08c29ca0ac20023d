#include "config.h"

#include "message.h"

#include <string.h>

#define KVSEP '\x01'
/* More pairs than RFC 7628 §3.1 names are of no use to anybody. */
#define PAIRS_MAX 16

/* What is left of a message; `at` is the byte where it begins, for texts of errors. */
struct reader {
    const char *ptr;
    size_t len;
    size_t at;
};

static void skip(struct reader *r, size_t n)
{
    r->ptr += n;
    r->len -= n;
    r->at += n;
}

static bool take_text(struct reader *r, const char *text)
{
    size_t n = strlen(text);

    if (r->len < n || memcmp(r->ptr, text, n) != 0)
        return false;
    skip(r, n);
    return true;
}

/* What stands before the next `end`, which is taken, too. ptr NULL if there is none. */
static struct wf_span take_until(struct reader *r, char end)
{
    const char *found = memchr(r->ptr, end, r->len);
    struct wf_span span = {NULL, 0};

    if (found != NULL) {
        span = (struct wf_span){r->ptr, (size_t)(found - r->ptr)};
        skip(r, span.len + 1);
    }
    return span;
}

static enum wf_reason malformed(const struct reader *r, const char *expected, struct wf_err *err)
{
    return wf_fail(err, WF_MALFORMED, "the message, at byte %zu: expected %s", r->at, expected);
}

/* saslname = 1*(UTF8-char-safe / "=2C" / "=3D"), no NUL, '=' or ',' (RFC 5801 §4). ret is all zeros
 * before. */
static bool decode_saslname(struct wf_span name, char ret[WF_MESSAGE_NAME_MAX + 1])
{
    struct reader r = {name.ptr, name.len, 0};
    size_t len = 0;

    while (r.len > 0 && len < WF_MESSAGE_NAME_MAX) {
        if (take_text(&r, "=2C")) {
            ret[len++] = ',';
        } else if (take_text(&r, "=3D")) {
            ret[len++] = '=';
        } else if (r.ptr[0] == '=') {
            return false;
        } else {
            ret[len++] = r.ptr[0];
            skip(&r, 1);
        }
    }
    return len > 0 && r.len == 0 && wf_text_is_clean(ret, len);
}

/*
 * gs2-header  = [gs2-nonstd-flag ","] gs2-cb-flag "," [gs2-authzid] ","
 * gs2-cb-flag = ("p=" cb-name) / "n" / "y"
 * gs2-authzid = "a=" saslname                                (RFC 5801 §4)
 *
 * gs2-nonstd-flag is for mechanisms without GSS-API's framing of tokens, which this is not; there
 * is no channel to bind a bearer token to, so "p" is refused.
 */
static enum wf_reason read_gs2(struct reader *r, struct wf_message *ret, struct wf_err *err)
{
    if (take_text(r, "p="))
        return malformed(r, "n or y: no channel binding is offered", err);
    if (!take_text(r, "n,") && !take_text(r, "y,"))
        return malformed(r, "n or y, and a comma", err);
    if (take_text(r, "a=")) {
        if (!decode_saslname(take_until(r, ','), ret->authzid))
            return malformed(
                r, "a name of 1 to 320 bytes, with =2C and =3D for , and =, and a comma", err);
    } else if (!take_text(r, ",")) {
        return malformed(r, "a= or a comma", err);
    }
    return WF_OK;
}

static bool is_letter(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

/* key = 1*(ALPHA) */
static bool is_key(struct wf_span key)
{
    for (size_t i = 0; i < key.len; i++) {
        if (!is_letter(key.ptr[i]))
            return false;
    }
    return key.len > 0;
}

/* value = *(VCHAR / SP / HTAB / CR / LF) */
static bool is_value(struct wf_span value)
{
    for (size_t i = 0; i < value.len; i++) {
        char c = value.ptr[i];
        if (!(c >= 0x20 && c <= 0x7e) && c != '\t' && c != '\r' && c != '\n')
            return false;
    }
    return true;
}

/* auth-scheme 1*SP token; the scheme's letters may be of any case (RFC 9110 §11.1). What a token
 * may look like, the configuration knows. */
static bool read_auth(struct wf_span value, struct wf_span *ret_token)
{
    const char *blank = memchr(value.ptr, ' ', value.len);

    if (blank == NULL ||
        !wf_span_equals_fold((struct wf_span){value.ptr, (size_t)(blank - value.ptr)}, "bearer"))
        return false;
    struct wf_span token = {blank, value.len - (size_t)(blank - value.ptr)};
    while (token.len > 0 && token.ptr[0] == ' ')
        token = (struct wf_span){token.ptr + 1, token.len - 1};
    for (size_t i = 0; i < token.len; i++) {
        if (!(token.ptr[i] > 0x20 && token.ptr[i] < 0x7f))
            return false;
    }
    *ret_token = token;
    return token.len > 0;
}

struct slot {
    const char *key;
    struct wf_span *to;
};

/* The pairs that count. */
struct pairs {
    struct wf_span auth;
    struct wf_span host;
    struct wf_span port;
};

static enum wf_reason keep_pair(const struct reader *r, struct wf_span key, struct wf_span value,
                                struct pairs *pairs, struct wf_err *err)
{
    const struct slot known[] = {
        {"auth", &pairs->auth}, {"host", &pairs->host}, {"port", &pairs->port}};

    for (size_t i = 0; i < WF_ARRAY_LEN(known); i++) {
        if (!wf_span_equals(key, known[i].key))
            continue;
        if (known[i].to->ptr != NULL)
            return malformed(r, "no key twice", err);
        *known[i].to = value;
    }
    return WF_OK;
}

/* *kvpair kvsep, with kvpair = key "=" value kvsep; and nothing behind that. */
static enum wf_reason read_pairs(struct reader *r, struct pairs *pairs, struct wf_err *err)
{
    for (unsigned i = 0; i <= PAIRS_MAX; i++) {
        const char end[] = {KVSEP, '\0'};
        if (take_text(r, end))
            return r->len == 0 ? WF_OK : malformed(r, "nothing more", err);
        struct wf_span key = take_until(r, '=');
        if (!is_key(key))
            return malformed(r, "a key of letters and =, or %x01 at the end", err);
        struct wf_span value = take_until(r, KVSEP);
        /* auth is long, and read_auth looks at each of its bytes */
        if (value.ptr == NULL || (!wf_span_equals(key, "auth") && !is_value(value)))
            return malformed(r, "a value of printable ASCII and %x01", err);
        enum wf_reason reason = keep_pair(r, key, value, pairs, err);
        if (reason != WF_OK)
            return reason;
    }
    return malformed(r, "at most 16 pairs", err);
}

static enum wf_reason keep_pairs(const struct reader *r, const struct pairs *pairs,
                                 struct wf_message *ret, struct wf_err *err)
{
    uint64_t port = 0;

    if (pairs->port.ptr != NULL && !wf_text_number(pairs->port, 1, 65535, &port))
        return malformed(r, "port=1 to port=65535", err);
    if (pairs->host.ptr != NULL && pairs->host.len == 0)
        return malformed(r, "a name in host=", err);
    if (pairs->auth.ptr == NULL)
        return malformed(r, "auth=", err);
    ret->host = pairs->host;
    ret->port = (unsigned)port;
    /* Empty: "tell me where to get a token" (RFC 7628 §4.3) */
    if (pairs->auth.len > 0 && !read_auth(pairs->auth, &ret->token))
        return malformed(r, "auth=Bearer and a token, one or more blanks between them", err);
    return WF_OK;
}

static enum wf_reason check_size(size_t len, struct wf_err *err)
{
    if (len > WF_MESSAGE_MAX)
        return wf_fail(err, WF_TOO_LARGE, "the message has %zu bytes, more than %zu", len,
                       WF_MESSAGE_MAX);
    return WF_OK;
}

/* client-resp = (gs2-header kvsep *kvpair kvsep) / kvsep    (RFC 7628 §3.1)
 * The lone kvsep answers an error, and there was none yet. */
enum wf_reason wf_message_read_oauthbearer(const char *text, size_t len, struct wf_message *ret,
                                           struct wf_err *err)
{
    const char sep[] = {KVSEP, '\0'};
    struct reader r = {text, len, 0};
    struct pairs pairs = {{NULL, 0}, {NULL, 0}, {NULL, 0}};
    struct wf_message found;
    enum wf_reason reason = check_size(len, err);

    memset(&found, 0, sizeof(found));
    if (reason == WF_OK)
        reason = read_gs2(&r, &found, err);
    if (reason == WF_OK && !take_text(&r, sep))
        reason = malformed(&r, "%x01 behind the GS2 header", err);
    if (reason == WF_OK)
        reason = read_pairs(&r, &pairs, err);
    if (reason == WF_OK)
        reason = keep_pairs(&r, &pairs, &found, err);
    if (reason == WF_OK)
        *ret = found;
    return reason;
}

/* "user=" name %x01 "auth=Bearer " token %x01 %x01, in this order */
enum wf_reason wf_message_read_xoauth2(const char *text, size_t len, struct wf_message *ret,
                                       struct wf_err *err)
{
    const char sep[] = {KVSEP, '\0'};
    struct reader r = {text, len, 0};
    struct wf_message found;
    enum wf_reason reason = check_size(len, err);

    if (reason != WF_OK)
        return reason;
    memset(&found, 0, sizeof(found));
    if (!take_text(&r, "user="))
        return malformed(&r, "user=", err);
    struct wf_span user = take_until(&r, KVSEP);
    if (user.ptr == NULL || user.len > WF_MESSAGE_NAME_MAX || !wf_text_is_clean(user.ptr, user.len))
        return malformed(&r, "a name of at most 320 bytes and %x01", err);
    memcpy(found.authzid, user.ptr, user.len);
    if (!take_text(&r, "auth="))
        return malformed(&r, "auth=", err);
    struct wf_span auth = take_until(&r, KVSEP);
    if (auth.ptr == NULL || (auth.len > 0 && !read_auth(auth, &found.token)))
        return malformed(&r, "Bearer and a token, a blank between them, and %x01", err);
    if (!take_text(&r, sep) || r.len > 0)
        return malformed(&r, "one %x01 more and nothing behind it", err);
    *ret = found;
    return WF_OK;
}

/* Writing */

static bool append_saslname(struct wf_buf *out, const char *name)
{
    if (!wf_text_is_clean(name, strlen(name)))
        return false;
    for (size_t i = 0; name[i] != '\0'; i++) {
        if (name[i] == ',')
            wf_buf_append_text(out, "=2C");
        else if (name[i] == '=')
            wf_buf_append_text(out, "=3D");
        else
            wf_buf_append_byte(out, (uint8_t)name[i]);
    }
    return true;
}

static void append_auth(struct wf_buf *out, struct wf_span token)
{
    wf_buf_append_text(out, "auth=Bearer ");
    wf_buf_append(out, token.ptr, token.len);
    wf_buf_append_byte(out, KVSEP);
    wf_buf_append_byte(out, KVSEP);
}

bool wf_message_write_oauthbearer(struct wf_buf *out, const char *authzid, const char *host,
                                  unsigned port, struct wf_span token)
{
    wf_buf_append_text(out, "n,");
    if (authzid[0] != '\0') {
        wf_buf_append_text(out, "a=");
        if (!append_saslname(out, authzid))
            return false;
    }
    wf_buf_append_byte(out, ',');
    wf_buf_append_byte(out, KVSEP);
    if (host[0] != '\0') {
        if (!wf_text_is_printable(host, strlen(host)))
            return false;
        wf_buf_append_text(out, "host=");
        wf_buf_append_text(out, host);
        wf_buf_append_byte(out, KVSEP);
    }
    if (port != 0) {
        wf_buf_append_format(out, "port=%u", port);
        wf_buf_append_byte(out, KVSEP);
    }
    append_auth(out, token);
    return wf_buf_ok(out);
}

bool wf_message_write_xoauth2(struct wf_buf *out, const char *user, struct wf_span token)
{
    if (!wf_text_is_clean(user, strlen(user)))
        return false;
    wf_buf_append_text(out, "user=");
    wf_buf_append_text(out, user);
    wf_buf_append_byte(out, KVSEP);
    append_auth(out, token);
    return wf_buf_ok(out);
}

/* A string of JSON (RFC 8259 §7). Scopes and addresses are printable ASCII; what else came here
 * would be escaped all the same. */
static void append_json(struct wf_buf *out, const char *text)
{
    wf_buf_append_byte(out, '"');
    for (size_t i = 0; text[i] != '\0'; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c == '"' || c == '\\')
            wf_buf_append_format(out, "\\%c", c);
        else if (c < 0x20 || c > 0x7e)
            wf_buf_append_format(out, "\\u%04x", c);
        else
            wf_buf_append_byte(out, c);
    }
    wf_buf_append_byte(out, '"');
}

static void append_member(struct wf_buf *out, const char *name, const char *value)
{
    if (value[0] == '\0')
        return;
    wf_buf_append_format(out, ",\"%s\":", name);
    append_json(out, value);
}

bool wf_message_error_oauthbearer(struct wf_buf *out, const char *status, const char *scope,
                                  const char *configuration)
{
    wf_buf_append_text(out, "{\"status\":");
    append_json(out, status);
    append_member(out, "scope", scope);
    append_member(out, "openid-configuration", configuration);
    wf_buf_append_byte(out, '}');
    return wf_buf_ok(out);
}

bool wf_message_error_xoauth2(struct wf_buf *out, const char *status, const char *scope)
{
    wf_buf_append_text(out, "{\"status\":");
    append_json(out, status);
    append_member(out, "schemes", "bearer");
    append_member(out, "scope", scope);
    wf_buf_append_byte(out, '}');
    return wf_buf_ok(out);
}

bool wf_message_is_dummy(const char *text, size_t len)
{
    return len == 0 || (len == 1 && text[0] == KVSEP);
}
