/* Private keys for signing assertions: from PEM to what libjwt wants to know of them. */
#ifndef WF_PEM_H
#define WF_PEM_H

#include "buf.h"
#include "err.h"
#include "text.h"

enum wf_pem_alg {
    WF_PEM_RS256,
    WF_PEM_ES256,
};

/* Judge a private key and write it as a JWK (RFC 7518 §6.2.2, §6.3.2), which libjwt 3 takes keys
 * as. out: appended to; secret. WF_CONFIG for anything but an unencrypted RSA key of 2048 to 8192
 * bits or an EC key on P-256; WF_INTERNAL if memory is short. Never blocks, never prompts; any
 * thread. */
enum wf_reason wf_pem_to_jwk(struct wf_span pem, struct wf_buf *out, enum wf_pem_alg *ret_alg,
                             struct wf_err *err) WF_MUST_USE;

#endif
