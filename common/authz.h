/*
 * One sign-in by authorization code: the address to open, and what comes back from the person
 * (RFC 6749 §4.1, RFC 7636 with S256, RFC 9207).
 */
#ifndef WF_AUTHZ_H
#define WF_AUTHZ_H

#include <stdbool.h>

#include "conf.h"
#include "err.h"
#include "secret.h"

/* What a person may paste: an address of WF_URL_MAX with room for blanks and long codes. */
#define WF_PASTE_MAX ((size_t)4096)
/* RFC 6749 leaves the size of a code open; real ones stay below 1 KiB. */
#define WF_CODE_MAX ((size_t)2048)

/* For whom the sign-in is, told to the callback page inside `state` so that it can say where the
 * code may be pasted. Cut to 64, 32 and 32 bytes. NULL is the same as "". */
struct wf_authz_hint {
    const char *host;
    const char *service;
    const char *user;
};

struct wf_authz;

/* Begin: a new verifier, state and address. authorize_url: without query. offline: a
 * refresh token is asked for by the scope offline_access (OpenID Connect Core §11, and Workfront's
 * way), beside those of the configuration. WF_INTERNAL if memory or
 * randomness is short or the address does not fit WF_URL_MAX (WF_CONFIG). *ret: new,
 * wf_authz_free. */
enum wf_reason wf_authz_new(const struct wf_provider_conf *conf, const char *authorize_url,
                            const struct wf_authz_hint *hint, bool offline,
                            struct wf_authz **ret, struct wf_err *err) WF_MUST_USE;
/* Wipes and frees; NULL is fine. */
void wf_authz_free(struct wf_authz *authz);

/* The address to open, and the verifier that redeems its code. Borrowed as long as authz lives. */
const char *wf_authz_address_borrow(const struct wf_authz *authz);
const struct wf_secret *wf_authz_verifier_borrow(const struct wf_authz *authz);

/* Read what the person pasted: the code alone, or the address at which the browser ended (or its
 * query), of which `state`, and `iss` where present, are compared with ours. Blanks and line ends
 * around it are dropped. Not escaped or decoded where it is a bare code.
 * WF_TOO_LARGE: over WF_PASTE_MAX, or the code over WF_CODE_MAX. WF_MALFORMED: empty, control or
 * blank bytes inside, broken escapes, parameters twice, no code, no state or that of another
 * sign-in. WF_ISSUER: `iss` is not this provider's address. WF_DENIED: the provider says
 * `error=access_denied`; other errors are WF_EXPIRED. *ret_code: new, wf_secret_free. */
enum wf_reason wf_authz_parse(const struct wf_authz *authz, const char *paste, size_t len,
                              struct wf_secret **ret_code, struct wf_err *err) WF_MUST_USE;

#endif
