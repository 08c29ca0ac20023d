#include "config.h"

#include "jws.h"

#include <string.h>

#include "base64.h"
#include "json.h"

static bool is_base64url(struct wf_span part)
{
    return part.len > 0 && wf_base64url_has_form(part.ptr, part.len);
}

/* Exactly three parts, whatever is in them. */
static bool split(const char *token, size_t len, struct wf_span parts[3])
{
    struct wf_span rest = {token, len};

    for (size_t i = 0; i < 2; i++) {
        const char *dot = rest.len == 0 ? NULL : memchr(rest.ptr, '.', rest.len);
        if (dot == NULL)
            return false;
        parts[i] = (struct wf_span){rest.ptr, (size_t)(dot - rest.ptr)};
        rest = (struct wf_span){dot + 1, rest.len - parts[i].len - 1};
    }
    parts[2] = rest;
    return memchr(rest.ptr, '.', rest.len) == NULL;
}

/* '{' is 'e' and the two bits 11 of the next character. Opaque tokens have dots, too. part: of one
 * character at least, behind which there is another or the dot. */
static bool begins_an_object(const char *part)
{
    return part[0] == 'e' && strchr("wxyz0123456789-_", part[1]) != NULL;
}

bool wf_jws_is_plausible(const char *token, size_t len)
{
    struct wf_span parts[3];

    return split(token, len, parts) && is_base64url(parts[0]) && is_base64url(parts[1]) &&
           is_base64url(parts[2]) && begins_an_object(parts[0].ptr);
}

/* One part as a JSON object. */
static enum wf_reason parse_part(struct wf_span part, const char *name, struct json_t **ret,
                                 struct wf_err *err)
{
    struct wf_buf bytes = WF_BUF_INIT(part.len);
    enum wf_reason reason = wf_base64url_decode(&bytes, part.ptr, part.len);

    if (reason == WF_OK)
        reason = wf_json_parse((const char *)bytes.data, bytes.len, ret, err);
    else if (reason == WF_MALFORMED)
        reason = wf_fail(err, WF_MALFORMED, "it is not base64url");
    else
        reason = wf_fail(err, WF_INTERNAL, "out of memory");
    wf_buf_done(&bytes);
    if (reason != WF_OK)
        wf_err_context(err, "the token's %s", name);
    return reason;
}

/* Members that change what the other two parts mean, which nobody here understands: refused even
 * where they look harmless (RFC 7515 §4.1.11, RFC 7797, RFC 7516, RFC 7519 §5.2). */
static enum wf_reason check_header(const struct json_t *header, struct wf_err *err)
{
    static const char *const foreign[] = {"crit", "b64", "zip", "enc"};
    struct wf_span text = {NULL, 0};
    const struct wf_json_field fields[] = {{"alg", WF_JSON_TEXT, &text, false},
                                           {"kid", WF_JSON_TEXT, &text, false},
                                           {"typ", WF_JSON_TEXT, &text, false},
                                           {"cty", WF_JSON_TEXT, &text, false}};

    for (size_t i = 0; i < WF_ARRAY_LEN(foreign); i++) {
        if (wf_json_present(header, foreign[i]))
            return wf_fail(err, WF_MALFORMED, "the token's header has \"%s\"", foreign[i]);
    }
    enum wf_reason reason = wf_json_read(header, fields, WF_ARRAY_LEN(fields), err);
    if (reason != WF_OK) {
        wf_err_context(err, "the token's header");
        return reason;
    }
    struct wf_span cty = wf_json_text(header, "cty");
    if (wf_span_equals_fold(cty, "JWT") || wf_span_equals_fold(cty, "application/jwt"))
        return wf_fail(err, WF_MALFORMED, "the token holds another token (cty)");
    return WF_OK;
}

enum wf_reason wf_jws_parse(const char *token, size_t len, struct wf_jws *ret, struct wf_err *err)
{
    enum wf_reason reason = WF_INTERNAL;
    struct wf_span parts[3];
    struct wf_jws jws = {.header = NULL};
    struct wf_buf signature = WF_BUF_INIT(len);

    if (!split(token, len, parts))
        return wf_fail(err, WF_MALFORMED, "the token does not have three parts");
    jws.header_text = parts[0];
    jws.signing_input = (struct wf_span){token, parts[0].len + 1 + parts[1].len};
    reason = parse_part(parts[0], "header", &jws.header, err);
    if (reason != WF_OK)
        goto out;
    reason = check_header(jws.header, err);
    if (reason != WF_OK)
        goto out;
    reason = parse_part(parts[1], "payload", &jws.payload, err);
    if (reason != WF_OK)
        goto out;
    reason = wf_base64url_decode(&signature, parts[2].ptr, parts[2].len);
    if (reason == WF_INTERNAL) {
        reason = wf_fail(err, WF_INTERNAL, "out of memory");
        goto out;
    }
    /* What is no base64url leaves nothing */
    if (signature.len == 0 || signature.len > WF_SIGNATURE_MAX) {
        reason = wf_fail(err, WF_MALFORMED, "the token's signature is not base64url of 1 to %d "
                                            "bytes", WF_SIGNATURE_MAX);
        goto out;
    }
    memcpy(jws.signature, signature.data, signature.len);
    jws.signature_len = signature.len;
    *ret = jws;
    jws = (struct wf_jws){.header = NULL};
    reason = WF_OK;
out:
    wf_buf_done(&signature);
    wf_jws_done(&jws);
    return reason;
}

void wf_jws_done(struct wf_jws *jws)
{
    wf_json_free(jws->header);
    wf_json_free(jws->payload);
    jws->header = NULL;
    jws->payload = NULL;
}

enum wf_reason wf_jws_header(const struct wf_jws *jws, struct wf_jws_header *ret,
                             struct wf_err *err)
{
    struct wf_span name = wf_json_text(jws->header, "alg");
    struct wf_jws_header header = {
        .kid = wf_json_text(jws->header, "kid"),
        .typ = wf_json_text(jws->header, "typ"),
    };

    if (name.ptr == NULL)
        return wf_fail(err, WF_ALGORITHM, "the token's header has no alg");
    if (!wf_alg_find(name, &header.alg))
        return wf_fail(err, WF_ALGORITHM, "alg \"%.*s\" is never accepted",
                       (int)(name.len < 32 ? name.len : 32), name.ptr);
    *ret = header;
    return WF_OK;
}
