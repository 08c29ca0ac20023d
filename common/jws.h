/*
 * A compact JWS that carries claims (RFC 7515 §3.1, RFC 7519 §7.2): taken apart strictly, nothing
 * believed. The signature is jwk's, the claims are rules'.
 */
#ifndef WF_JWS_H
#define WF_JWS_H

#include <stdint.h>

#include "buf.h"
#include "err.h"
#include "jwk.h"
#include "text.h"

struct json_t;

/* The largest signature: RSA of WF_RSA_BITS_MAX. */
#define WF_SIGNATURE_MAX (WF_RSA_BITS_MAX / 8)

/* What the header says, once for many tokens: an issuer's tokens differ in it only when its key
 * changes. Plain data; spans point into `names`. */
struct wf_jws_header {
    enum wf_alg alg;
    struct wf_span kid; /* ptr NULL: none */
    struct wf_span typ; /* ptr NULL: none */
};

/* One token taken apart. In the caller's storage; wf_jws_done after use. Spans borrow the token. */
struct wf_jws {
    struct wf_span header_text;   /* base64url */
    struct wf_span signing_input; /* header '.' payload */
    struct json_t *header;
    struct json_t *payload;
    uint8_t signature[WF_SIGNATURE_MAX];
    size_t signature_len;
};

/* True if the token has the form of a compact JWS: three parts of base64url characters, none
 * empty, the first beginning as base64url of '{' does. Decides where a bearer string goes, nothing
 * more. */
bool wf_jws_is_plausible(const char *token, size_t len);

/* Take a token apart. WF_MALFORMED for anything but three strict base64url parts of which the
 * first two hold JSON objects without duplicate names; for `crit`, `b64`, `zip`, `enc` (JWE) and
 * `cty` JWT (nested) in the header; for a header member of the wrong type. A signature that cannot
 * be one by its length is WF_SIGNATURE only later. WF_INTERNAL if memory is short. *ret is written
 * on success alone. Any thread. */
enum wf_reason wf_jws_parse(const char *token, size_t len, struct wf_jws *ret,
                            struct wf_err *err) WF_MUST_USE;
/* Wipes and frees what it holds; fine for a zeroed struct. */
void wf_jws_done(struct wf_jws *jws);

/* The header's alg, kid and typ. WF_ALGORITHM if alg is missing or not one that is ever verified.
 * The spans borrow jws. */
enum wf_reason wf_jws_header(const struct wf_jws *jws, struct wf_jws_header *ret,
                             struct wf_err *err) WF_MUST_USE;

#endif
