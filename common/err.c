#include "config.h"

#include "err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "text.h"

static const char *const names[] = {
    [WF_OK] = "ok",
    [WF_TOO_LARGE] = "too-large",
    [WF_MALFORMED] = "malformed",
    [WF_ALGORITHM] = "algorithm",
    [WF_ISSUER] = "issuer",
    [WF_KEY] = "key",
    [WF_SIGNATURE] = "signature",
    [WF_TYPE] = "type",
    [WF_EXPIRED] = "expired",
    [WF_NOT_YET_VALID] = "not-yet-valid",
    [WF_AUDIENCE] = "audience",
    [WF_SCOPE] = "scope",
    [WF_INACTIVE] = "inactive",
    [WF_IDENTITY] = "identity",
    [WF_DENIED] = "denied",
    [WF_PENDING] = "pending",
    [WF_UNREACHABLE] = "unreachable",
    [WF_CONFIG] = "config",
    [WF_INTERNAL] = "internal",
};
_Static_assert(WF_ARRAY_LEN(names) == WF_REASON_COUNT, "every reason has a name");

static const char *const advice[] = {
    [WF_OK] = "You are signed in.",
    [WF_TOO_LARGE] = "What you entered is too long. Paste only the code.",
    [WF_MALFORMED] = "That is not a code of this sign-in. Open the new address and paste what it shows.",
    [WF_ALGORITHM] = "The token is not signed in a way that is accepted here. Ask your administrator.",
    [WF_ISSUER] = "The answer comes from another sign-in service than the one used here. Open the new address.",
    [WF_KEY] = "The token is signed with an unknown key. Get a new one.",
    [WF_SIGNATURE] = "The token's signature is wrong. Get a new one.",
    [WF_TYPE] = "That is not an access token. Get an access token.",
    [WF_EXPIRED] = "The code is wrong, used or older than two minutes. Open the new address and paste the new code at once.",
    [WF_NOT_YET_VALID] = "The token is not valid yet. Check the clocks.",
    [WF_AUDIENCE] = "The token is not meant for this service. Ask your administrator.",
    [WF_SCOPE] = "The token does not permit this service. Ask your administrator.",
    [WF_INACTIVE] = "This account is not active. Ask your administrator.",
    [WF_IDENTITY] = "You signed in as somebody else than the user asked for. Sign in as the right person.",
    [WF_DENIED] = "You are not allowed to use this service. Ask your administrator.",
    [WF_PENDING] = "The sign-in is not finished. Finish it in the browser.",
    [WF_UNREACHABLE] = "The sign-in service cannot be reached. Try again later.",
    [WF_CONFIG] = "Sign-in is not set up correctly here. Ask your administrator.",
    [WF_INTERNAL] = "Sign-in failed for an internal reason. Ask your administrator.",
};
_Static_assert(WF_ARRAY_LEN(advice) == WF_REASON_COUNT, "every reason has its advice");

enum wf_reason wf_fail(struct wf_err *err, enum wf_reason reason, const char *fmt, ...)
{
    va_list args;

    if (err != NULL) {
        va_start(args, fmt);
        wf_text_format(err->text, sizeof(err->text), fmt, args);
        va_end(args);
    }
    return reason == WF_OK ? WF_INTERNAL : reason;
}

void wf_err_context(struct wf_err *err, const char *fmt, ...)
{
    char raw[2 * WF_ERR_TEXT_MAX];
    char old[WF_ERR_TEXT_MAX];
    va_list args;

    if (err == NULL)
        return;
    memcpy(old, err->text, sizeof(old));
    old[sizeof(old) - 1] = '\0';
    va_start(args, fmt);
    int n = vsnprintf(raw, WF_ERR_TEXT_MAX, fmt, args);
    va_end(args);
    if (n < 0)
        return;
    size_t used = strlen(raw);
    (void)snprintf(raw + used, sizeof(raw) - used, ": %s", old);
    wf_text_sanitise(err->text, sizeof(err->text), raw, strlen(raw));
}

const char *wf_reason_name(enum wf_reason reason)
{
    return (unsigned)reason < WF_REASON_COUNT ? names[reason] : names[WF_INTERNAL];
}

const char *wf_reason_advice(enum wf_reason reason)
{
    return (unsigned)reason < WF_REASON_COUNT ? advice[reason] : advice[WF_INTERNAL];
}

bool wf_reason_is_outage(enum wf_reason reason)
{
    return reason == WF_UNREACHABLE || reason == WF_CONFIG || reason == WF_INTERNAL;
}

const char *wf_errno_text(int number)
{
    const char *text = strerrordesc_np(number);

    return text == NULL ? "unknown error" : text;
}
