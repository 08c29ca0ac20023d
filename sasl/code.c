#include "config.h"

#include "code.h"

#include <sasl/sasl.h>

/* A client learns which of three kinds its token's fault is of; the log says the rest. */
static const struct {
    int code;
    const char *oauthbearer;
    const char *xoauth2;
} rows[] = {
    [WF_OK] = {SASL_OK, NULL, NULL},
    [WF_TOO_LARGE] = {SASL_BADAUTH, "invalid_token", "401"},
    [WF_MALFORMED] = {SASL_BADAUTH, "invalid_token", "401"},
    [WF_ALGORITHM] = {SASL_BADAUTH, "invalid_token", "401"},
    [WF_ISSUER] = {SASL_BADAUTH, "invalid_token", "401"},
    [WF_KEY] = {SASL_BADAUTH, "invalid_token", "401"},
    [WF_SIGNATURE] = {SASL_BADAUTH, "invalid_token", "401"},
    [WF_TYPE] = {SASL_BADAUTH, "invalid_token", "401"},
    [WF_EXPIRED] = {SASL_BADAUTH, "invalid_token", "401"},
    [WF_NOT_YET_VALID] = {SASL_BADAUTH, "invalid_token", "401"},
    [WF_AUDIENCE] = {SASL_BADAUTH, "invalid_token", "401"},
    [WF_SCOPE] = {SASL_BADAUTH, "insufficient_scope", "403"},
    [WF_INACTIVE] = {SASL_BADAUTH, "invalid_token", "401"},
    [WF_IDENTITY] = {SASL_BADAUTH, "invalid_token", "401"},
    [WF_DENIED] = {SASL_BADAUTH, "invalid_token", "401"},
    /* Not "wrong password": clients would throw good tokens away */
    [WF_PENDING] = {SASL_UNAVAIL, NULL, NULL},
    [WF_UNREACHABLE] = {SASL_UNAVAIL, NULL, NULL},
    [WF_CONFIG] = {SASL_FAIL, NULL, NULL},
    [WF_INTERNAL] = {SASL_FAIL, NULL, NULL},
};
_Static_assert(WF_ARRAY_LEN(rows) == WF_REASON_COUNT, "every reason has its SASL code");

int wf_sasl_code(enum wf_reason reason)
{
    return (unsigned)reason < WF_REASON_COUNT ? rows[reason].code : SASL_FAIL;
}

const char *wf_sasl_status(enum wf_reason reason, bool xoauth2)
{
    if ((unsigned)reason >= WF_REASON_COUNT)
        return NULL;
    return xoauth2 ? rows[reason].xoauth2 : rows[reason].oauthbearer;
}
