#ifndef SB_EXCHANGE_H
#define SB_EXCHANGE_H
/* Between libmicrohttpd and the handlers: read a request from a connection, send an answer into
 * it, misbehave on the way when a fault says so. */

#include <stdatomic.h>
#include <stdbool.h>

#include <microhttpd.h>

#include "fault.h"
#include "request.h"

/* Bytes of a request's body. Long enough for hostile user names, short enough to hold. */
#define SB_BODY_MAX (256 * 1024)

/* Fill query, headers, cookie of the request from the connection. */
void sb_exchange_read(struct MHD_Connection *connection, struct sb_request *rq);
/* Fill form and body kind from the whole body. */
void sb_exchange_read_body(struct MHD_Connection *connection, struct sb_request *rq,
                           const struct sb_str *body);

/* Wait; ms -1: for ever. False when the client has gone or the server stops. */
bool sb_exchange_wait(struct MHD_Connection *connection, const atomic_bool *stopping, long long ms);

/* Whether the fault answers by itself; then the answer is in rq->reply. */
bool sb_exchange_canned(struct sb_request *rq, const struct sb_fault *fault);
/* Send rq->reply, spoilt as the fault says. */
enum MHD_Result sb_exchange_send(struct MHD_Connection *connection, struct sb_request *rq,
                                 const struct sb_fault *fault, const atomic_bool *stopping);

#endif
