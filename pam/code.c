#include "config.h"

#include "code.h"

#include <security/pam_modules.h>

static const int codes[] = {
    [WF_OK] = PAM_SUCCESS,
    [WF_TOO_LARGE] = PAM_AUTH_ERR,
    [WF_MALFORMED] = PAM_AUTH_ERR,
    [WF_ALGORITHM] = PAM_AUTH_ERR,
    [WF_ISSUER] = PAM_AUTH_ERR,
    [WF_KEY] = PAM_AUTH_ERR,
    [WF_SIGNATURE] = PAM_AUTH_ERR,
    [WF_TYPE] = PAM_AUTH_ERR,
    [WF_EXPIRED] = PAM_AUTH_ERR,
    [WF_NOT_YET_VALID] = PAM_AUTH_ERR,
    [WF_AUDIENCE] = PAM_AUTH_ERR,
    [WF_SCOPE] = PAM_AUTH_ERR,
    [WF_INACTIVE] = PAM_ACCT_EXPIRED,
    [WF_IDENTITY] = PAM_AUTH_ERR,
    [WF_DENIED] = PAM_PERM_DENIED,
    /* Neither is "wrong password": the next module of the stack gets its turn */
    [WF_PENDING] = PAM_AUTHINFO_UNAVAIL,
    [WF_UNREACHABLE] = PAM_AUTHINFO_UNAVAIL,
    [WF_CONFIG] = PAM_SERVICE_ERR,
    [WF_INTERNAL] = PAM_SERVICE_ERR,
};
_Static_assert(WF_ARRAY_LEN(codes) == WF_REASON_COUNT, "every reason has its PAM code");

int wf_pam_code(enum wf_reason reason)
{
    return (unsigned)reason < WF_REASON_COUNT ? codes[reason] : PAM_SERVICE_ERR;
}
