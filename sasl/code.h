/* What a host program and a client are told for each reason. */
#ifndef WF_CODE_H
#define WF_CODE_H

#include "wfauth.h"

/* The SASL_… result. WF_OK is SASL_OK; an outage is never SASL_BADAUTH. Any thread. */
int wf_sasl_code(enum wf_reason reason);

/* What the JSON of a refusal says: RFC 6750 §3.1's words for OAUTHBEARER, HTTP's numbers for
 * XOAUTH2. NULL for reasons that are told by no JSON: success and outages. Static storage. Any
 * thread. */
const char *wf_sasl_status(enum wf_reason reason, bool xoauth2);

#endif
