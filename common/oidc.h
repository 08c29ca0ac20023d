/*
 * Where a provider's endpoints are: OpenID Connect Discovery 1.0 and RFC 8414.
 *
 * What a provider says of itself is kept for a day on disk, for all processes of this user. The
 * issuer that it names must be the configured url, to the byte: else one provider could pass its
 * tokens off as another's (RFC 8414 §3.3).
 */
#ifndef WF_OIDC_H
#define WF_OIDC_H

#include <stdbool.h>
#include <stdint.h>

#include "buf.h"
#include "cachedir.h"
#include "endpoint.h"
#include "err.h"
#include "log.h"

/* Seconds for which a document is kept. */
#define WF_OIDC_METADATA_SECONDS 86400
/* Seconds for which nobody asks again after an answer that did not come or was no use. */
#define WF_OIDC_REST 5
/* Bytes of a name of an entry in the cache folder, its NUL included: "keys-", 64 hex digits. */
#define WF_OIDC_ENTRY_SIZE 72

/* Endpoints: texts of our own that have passed wf_url_check, NULL where the document has none. */
struct wf_oidc_metadata {
    char *jwks_uri;
    char *introspection_endpoint;
    char *userinfo_endpoint;
    char *token_endpoint;
    char *revocation_endpoint;
};
/* clang-format off */
#define WF_OIDC_METADATA_INIT {NULL, NULL, NULL, NULL, NULL}
/* clang-format on */

/* Free what it holds; the struct is empty again. */
void wf_oidc_metadata_done(struct wf_oidc_metadata *metadata);

/* Read a document. WF_CONFIG if its issuer is not `issuer` to the byte, or an endpoint must not be
 * connected to (wf_url_check). WF_MALFORMED for no JSON object, no issuer, a member of the wrong
 * type. WF_INTERNAL if memory is short. *ret, empty before, is written on success alone:
 * wf_oidc_metadata_done. Any thread. */
enum wf_reason wf_oidc_parse(const struct wf_provider_conf *conf, const char *text, size_t len,
                             struct wf_oidc_metadata *ret, struct wf_err *err) WF_MUST_USE;

/* Append the address of a provider's OpenID Connect discovery document. */
void wf_oidc_address(const struct wf_provider_conf *conf, struct wf_buf *out);

/* Ask the provider: ISSUER/.well-known/openid-configuration, and where that is not found (404),
 * RFC 8414's address. Two requests at most. WF_UNREACHABLE for no answer or no such document,
 * WF_CONFIG as wf_oidc_parse, WF_INTERNAL. *ret as there. */
enum wf_reason wf_oidc_discover(const struct wf_endpoint *endpoint, struct wf_oidc_metadata *ret,
                                struct wf_err *err) WF_MUST_USE;

/* The same from the folder, if that has it and it is younger than a day; else ask, and keep it. Of
 * many processes that need it one asks, and what it finds out is the others' answer, too: that
 * there is none, or a wrong one, holds for WF_OIDC_REST seconds. dir and log may be NULL. `now` in
 * seconds. Blocks for another one's requests up to wf_endpoint_budget_ms and 2 s, and for its own
 * two. */
enum wf_reason wf_oidc_find(const struct wf_endpoint *endpoint, struct wf_cachedir *dir,
                            const struct wf_log *log, int64_t now, struct wf_oidc_metadata *ret,
                            struct wf_err *err) WF_MUST_USE;
/* An endpoint did not answer as it should: the next wf_oidc_find asks again. dir may be NULL. */
void wf_oidc_forget(const struct wf_provider_conf *conf, struct wf_cachedir *dir);

/* "PREFIX-" and SHA-256, in hex, of what makes this provider a different one: url, ca_file, proxy.
 * prefix: at most 6 bytes. WF_INTERNAL if OpenSSL fails. */
enum wf_reason wf_oidc_entry_name(const struct wf_provider_conf *conf, const char *prefix,
                                  char ret[WF_OIDC_ENTRY_SIZE], struct wf_err *err) WF_MUST_USE;

#endif
