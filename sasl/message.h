/*
 * The messages of OAUTHBEARER (RFC 7628 with RFC 5801's GS2 header) and XOAUTH2 (Google's): text
 * in, parts out, and back. No SASL library is needed for that, and nothing is judged.
 */
#ifndef WF_MESSAGE_H
#define WF_MESSAGE_H

#include <stdbool.h>

#include "wfauth.h"

/* Bytes of a name that a message may hold, as of a claim. */
#define WF_MESSAGE_NAME_MAX 320
/* Bytes of a whole message: the longest token, and 4 KB for the rest. */
#define WF_MESSAGE_MAX (WF_MARKER_TOKEN_MAX + 4096)
/* Bytes of the JSON of a refusal: every text of struct wf_sasl with each byte escaped. */
#define WF_MESSAGE_ERROR_MAX ((size_t)8192)

/* What a client's message says. Spans borrow the message. */
struct wf_message {
    char authzid[WF_MESSAGE_NAME_MAX + 1]; /* a= decoded, or user=; "": none */
    struct wf_span host;                   /* ptr NULL: none */
    unsigned port;                         /* 0: none */
    /* Empty: a request for discovery. Else printable ASCII without blanks */
    struct wf_span token;
};

/* Read a client's first message, 0..any bytes. WF_TOO_LARGE: more than WF_MESSAGE_MAX bytes.
 * WF_MALFORMED: it breaks the grammar; the text says where. *ret is written on success alone. Never
 * blocks, allocates nothing. Any thread. */
enum wf_reason wf_message_read_oauthbearer(const char *text, size_t len, struct wf_message *ret,
                                           struct wf_err *err) WF_MUST_USE;
enum wf_reason wf_message_read_xoauth2(const char *text, size_t len, struct wf_message *ret,
                                       struct wf_err *err) WF_MUST_USE;

/* Append a client's message. authzid, host: "" for none; port 0: none. False, out as it may be: a
 * name holds what no message can carry (a control character, no UTF-8), or memory is short. */
bool wf_message_write_oauthbearer(struct wf_buf *out, const char *authzid, const char *host,
                                  unsigned port, struct wf_span token) WF_MUST_USE;
bool wf_message_write_xoauth2(struct wf_buf *out, const char *user,
                              struct wf_span token) WF_MUST_USE;

/* Append the JSON that tells a client why (RFC 7628 §3.2.2). scope, configuration: "" for none.
 * False if memory is short. */
bool wf_message_error_oauthbearer(struct wf_buf *out, const char *status, const char *scope,
                                  const char *configuration) WF_MUST_USE;
bool wf_message_error_xoauth2(struct wf_buf *out, const char *status,
                              const char *scope) WF_MUST_USE;

/* True for what a client answers such a JSON with: one %x01 (RFC 7628 §3.2.3), or nothing, as
 * clients of XOAUTH2 do. */
bool wf_message_is_dummy(const char *text, size_t len);

#endif
