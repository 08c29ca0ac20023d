#ifndef SB_PAGE_H
#define SB_PAGE_H
/* The pages a person sees. Every value in them goes through sb_str_html; the style is fixed text
 * and named by its hash in the Content-Security-Policy, scripts there are none.
 *
 * The administrator's pages (users, applications, secrets) will be further functions here and a
 * handler file beside authorize.c. */

#include "app.h"
#include "request.h"
#include "user.h"

/* What a sign-in or consent form carries. */
struct sb_form {
    const char *pending_id;
    const char *csrf;
    const char *alert; /* NULL: nothing to say */
};

/* Something is wrong that the person must read; never a redirect. */
void sb_page_error(struct sb_request *rq, int status, const char *text, const char *result);
/* User name and password. */
void sb_page_sign_in(struct sb_request *rq, int status, const struct sb_app *app,
                     const struct sb_form *form);
/* May this application use this account? The form will end at redirect_uri. */
void sb_page_consent(struct sb_request *rq, const struct sb_app *app, const struct sb_user *user,
                     const struct sb_form *form, const char *redirect_uri, bool offline);

/* The headers every page has: no-store, no-referrer, nosniff, and this policy. */
void sb_page_headers(struct sb_reply *reply, const char *policy);

#endif
