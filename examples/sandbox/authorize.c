#include "config.h"

#include "handlers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app.h"
#include "crypto.h"
#include "grant.h"
#include "page.h"
#include "user.h"

#define CONSENT_PATH "/integrations/oauth2/consent"
#define OFFLINE "offline_access"
/* Base64url of a SHA-256 without padding (RFC 7636 §4.2). */
#define CHALLENGE_LEN 43

/* The browser behind the request, made known when it is new. */
struct visitor {
    char *cookie;
    char *user_id; /* NULL: nobody has signed in */
    char *csrf;
};

static void set_cookie(struct sb_request *rq, const char *cookie)
{
    /* Lax, not Strict: people come here by links from elsewhere, signed in already. The prefix
     * makes browsers insist on Secure and Path=/. */
    char *header = sb_format("__Host-sandbox=%s; Path=/; Secure; HttpOnly; SameSite=Lax", cookie);
    sb_reply_header(&rq->reply, "Set-Cookie", header);
    free(header);
}

/* Only a cookie that we have issued counts. */
static bool visitor_known(struct sb_request *rq, struct visitor *ret)
{
    *ret = (struct visitor){0};
    if (!rq->cookie || !sb_browser_find(rq->db, rq->cookie, &ret->user_id))
        return false;
    ret->cookie = sb_dup(rq->cookie);
    ret->csrf = sb_browser_csrf(ret->cookie);
    return true;
}

static void visitor_done(struct visitor *visitor)
{
    free(visitor->cookie);
    free(visitor->user_id);
    free(visitor->csrf);
}

/* Another cookie for the browser from here on. Takes it. */
static void visitor_rename(struct visitor *visitor, char *cookie)
{
    free(visitor->cookie);
    free(visitor->csrf);
    visitor->cookie = cookie;
    visitor->csrf = sb_browser_csrf(cookie);
}

static void redirect(struct sb_request *rq, const char *location, const char *result)
{
    sb_reply_start(&rq->reply, 302, "text/plain");
    sb_page_headers(&rq->reply, "default-src 'none'");
    sb_reply_header(&rq->reply, "Location", location);
    rq->result = result;
}

static void add_param(struct sb_str *url, const char *name, const char *value)
{
    if (value)
        sb_str_param(url, name, value, strlen(value));
}

/* The redirect address with room for parameters (it may have a query of its own). */
static void add_redirect_uri(struct sb_str *url, const char *redirect_uri)
{
    sb_str_add(url, redirect_uri);
    if (!strchr(redirect_uri, '?'))
        sb_str_add(url, "?");
}

/* RFC 6749 §4.1.2.1. */
static void redirect_error(struct sb_request *rq, const char *redirect_uri, const char *state,
                           const char *error, const char *description)
{
    struct sb_str url = {0};
    add_redirect_uri(&url, redirect_uri);
    add_param(&url, "error", error);
    add_param(&url, "error_description", description);
    add_param(&url, "state", state);
    redirect(rq, url.at, error);
    sb_str_done(&url);
}

static void redirect_code(struct sb_request *rq, const struct sb_pending *pending,
                          const char *user_id)
{
    char *code = sb_code_issue(rq->db, pending, user_id, rq->settings->code_lifetime);
    struct sb_str url = {0};
    add_redirect_uri(&url, pending->redirect_uri);
    add_param(&url, "code", code);
    add_param(&url, "domain", rq->settings->domain);
    add_param(&url, "lane", rq->settings->lane);
    add_param(&url, "state", pending->state);
    redirect(rq, url.at, "code");
    sb_str_done(&url);
    free(code);
}

/* The application, when the request may be answered by a redirect at all; else the error page is
 * written: an unknown client or address must never be redirected to. Free with sb_app_free. */
static struct sb_app *client_of(struct sb_request *rq)
{
    const char *client_id = sb_params_text(&rq->query, "client_id");
    const char *redirect_uri = sb_params_text(&rq->query, "redirect_uri");
    if (sb_params_unfit(&rq->query)) {
        sb_page_error(rq, 400, "A parameter came twice, or holds what no parameter may hold.",
                      "invalid_request");
        return NULL;
    }
    struct sb_app *app = client_id ? sb_app_load(rq->db, client_id) : NULL;
    if (!app) {
        sb_page_error(rq, 400, "The application (client_id) is not known here.", "unknown_client");
        return NULL;
    }
    snprintf(rq->client_id, sizeof rq->client_id, "%s", app->client_id);
    if (!redirect_uri || !sb_app_has_redirect(app, redirect_uri)) {
        sb_page_error(rq, 400,
                      "The redirect address (redirect_uri) is not one of those registered for the "
                      "application.",
                      "redirect_mismatch");
        sb_app_free(app);
        return NULL;
    }
    return app;
}

static bool challenge_ok(const char *challenge)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    return strlen(challenge) == CHALLENGE_LEN && strspn(challenge, alphabet) == CHALLENGE_LEN;
}

/* The first thing wrong with the rest of the request: the error word and ret_text, or NULL. */
static const char *request_problem(const struct sb_request *rq, const struct sb_app *app,
                                   const char **ret_text)
{
    const char *type = sb_params_text(&rq->query, "response_type");
    const char *scope = sb_params_text(&rq->query, "scope");
    const char *challenge = sb_params_text(&rq->query, "code_challenge");
    const char *method = sb_params_text(&rq->query, "code_challenge_method");
    *ret_text = "response_type is missing";
    if (!type)
        return "invalid_request";
    *ret_text = "response_type must be code";
    if (strcmp(type, "code") != 0)
        return "unsupported_response_type";
    *ret_text = "the only scope is offline_access";
    if (scope && *scope && strcmp(scope, OFFLINE) != 0)
        return "invalid_scope";
    *ret_text = "this application must send a code_challenge (PKCE)";
    if (app->type == SB_SPA && !challenge)
        return "invalid_request";
    *ret_text = "code_challenge_method must be S256";
    if ((challenge || method) && (!method || strcmp(method, "S256") != 0))
        return "invalid_request";
    *ret_text = "code_challenge must be 43 characters of base64url";
    if (method && (!challenge || !challenge_ok(challenge)))
        return "invalid_request";
    return NULL;
}

static void show_sign_in(struct sb_request *rq, const struct visitor *visitor,
                         const struct sb_app *app, const char *pending_id, int status,
                         const char *alert)
{
    struct sb_form form = {.pending_id = pending_id, .csrf = visitor->csrf, .alert = alert};
    sb_page_sign_in(rq, status, app, &form);
    set_cookie(rq, visitor->cookie);
    rq->result = alert ? "sign-in-refused" : "sign-in";
}

/* The user who may act in this browser; NULL when nobody has signed in or the account has been
 * deactivated since. ret_alert: what to tell the person, or NULL. Free with sb_user_free. */
static struct sb_user *acting_user(struct sb_request *rq, const struct visitor *visitor,
                                   const char **ret_alert)
{
    struct sb_user *user = visitor->user_id ? sb_user_by_id(rq->db, visitor->user_id) : NULL;
    if (user && !user->active && !rq->settings->lenient_inactive) {
        *ret_alert = "This account has been deactivated.";
        sb_user_free(user);
        return NULL;
    }
    return user;
}

/* The page that comes next: sign-in for a stranger, consent for a person signed in. */
static void show_next(struct sb_request *rq, const struct visitor *visitor,
                      const struct sb_pending *pending, const struct sb_app *app,
                      const char *pending_id)
{
    const char *alert = NULL;
    struct sb_user *user = acting_user(rq, visitor, &alert);
    if (!user) {
        show_sign_in(rq, visitor, app, pending_id, 200, alert);
        return;
    }
    struct sb_form form = {.pending_id = pending_id, .csrf = visitor->csrf};
    sb_page_consent(rq, app, user, &form, pending->redirect_uri,
                    strcmp(pending->scope, OFFLINE) == 0);
    rq->result = "consent";
    sb_user_free(user);
}

void sb_authorize(struct sb_request *rq)
{
    struct sb_app *app = client_of(rq);
    if (!app)
        return;
    const char *redirect_uri = sb_params_text(&rq->query, "redirect_uri");
    const char *state = sb_params_text(&rq->query, "state");
    const char *scope = sb_params_text(&rq->query, "scope");
    const char *text = NULL;
    const char *problem = request_problem(rq, app, &text);
    if (problem) {
        redirect_error(rq, redirect_uri, state, problem, text);
        sb_app_free(app);
        return;
    }
    struct visitor visitor;
    if (!visitor_known(rq, &visitor))
        visitor_rename(&visitor, sb_browser_new(rq->db));
    struct sb_pending pending = {
        .client_id = sb_dup(app->client_id),
        .redirect_uri = sb_dup(redirect_uri),
        .state = sb_dup(state),
        .scope = sb_dup(scope ? scope : ""),
        .challenge = sb_dup(sb_params_text(&rq->query, "code_challenge")),
    };
    char *id = sb_pending_keep(rq->db, visitor.cookie, &pending);
    show_next(rq, &visitor, &pending, app, id);
    free(id);
    sb_pending_done(&pending);
    visitor_done(&visitor);
    sb_app_free(app);
}

/* The common start of sign-in and consent: a known browser, an authorize request of this very
 * browser, its application. False when the error page is written. */
static bool resume(struct sb_request *rq, const struct sb_params *params, struct visitor *visitor,
                   struct sb_pending *ret_pending, struct sb_app **ret_app)
{
    const char *id = sb_params_text(params, "request");
    const char *csrf = sb_params_text(&rq->form, "csrf");
    if (sb_params_unfit(&rq->query) || !visitor_known(rq, visitor) ||
        (rq->post && (rq->body != SB_BODY_FORM || !csrf || !sb_equal(csrf, visitor->csrf)))) {
        sb_page_error(rq, 403,
                      "This form was not made for this browser, or cookies are switched off. "
                      "Start again at the application.",
                      "csrf");
        return false;
    }
    if (!id || !sb_pending_find(rq->db, visitor->cookie, id, ret_pending)) {
        sb_page_error(rq, 400,
                      "This request has been answered already, or is too old. Start again at the "
                      "application.",
                      "unknown_request");
        return false;
    }
    *ret_app = sb_app_load(rq->db, ret_pending->client_id);
    snprintf(rq->client_id, sizeof rq->client_id, "%s", ret_pending->client_id);
    return *ret_app != NULL;
}

/* Why the person may not sign in; NULL when they may. */
static const char *sign_in_problem(const struct sb_request *rq, const struct sb_user *user)
{
    const struct sb_param *password = sb_params_find(&rq->form, "password");
    if (!sb_password_check(user ? user->password_hash : NULL, password ? password->value : "",
                           password ? password->len : 0))
        return "User name or password is wrong.";
    if (!user->active && !rq->settings->lenient_inactive)
        return "This account has been deactivated.";
    return NULL;
}

void sb_sign_in(struct sb_request *rq)
{
    struct visitor visitor = {0};
    struct sb_pending pending = {0};
    struct sb_app *app = NULL;
    if (resume(rq, &rq->form, &visitor, &pending, &app)) {
        const char *id = sb_params_text(&rq->form, "request");
        /* Not as text: the sandbox has users whose names hold NUL bytes. */
        const struct sb_param *name = sb_params_find(&rq->form, "username");
        struct sb_user *user = name ? sb_user_by_name(rq->db, name->value, name->len) : NULL;
        const char *problem = sign_in_problem(rq, user);
        if (problem) {
            show_sign_in(rq, &visitor, app, id, 403, problem);
        } else {
            visitor_rename(&visitor, sb_browser_sign_in(rq->db, visitor.cookie, user->id));
            struct sb_str url = {0};
            sb_str_add(&url, CONSENT_PATH "?");
            add_param(&url, "request", id);
            redirect(rq, url.at, "signed-in");
            rq->reply.status = 303; /* GET, whatever the browser did before */
            set_cookie(rq, visitor.cookie);
            sb_str_done(&url);
        }
        sb_user_free(user);
    }
    sb_app_free(app);
    sb_pending_done(&pending);
    visitor_done(&visitor);
}

/* "Use another account": the same request, signed out. */
static void switch_account(struct sb_request *rq, struct visitor *visitor, const struct sb_app *app,
                           const char *id)
{
    visitor_rename(visitor, sb_browser_sign_in(rq->db, visitor->cookie, NULL));
    show_sign_in(rq, visitor, app, id, 200, NULL);
}

static void decide(struct sb_request *rq, struct visitor *visitor, const struct sb_pending *pending,
                   const struct sb_app *app)
{
    const char *id = sb_params_text(&rq->form, "request");
    const char *decision = sb_params_text(&rq->form, "decision");
    const char *alert = NULL;
    struct sb_user *user = acting_user(rq, visitor, &alert);
    if (!user) {
        show_sign_in(rq, visitor, app, id, 200, alert);
    } else if (decision && strcmp(decision, "switch") == 0) {
        switch_account(rq, visitor, app, id);
    } else if (!sb_app_has_redirect(app, pending->redirect_uri)) {
        /* Edited by the administrator while the person was reading. */
        sb_page_error(rq, 400, "The redirect address is no longer registered.",
                      "redirect_mismatch");
    } else if (decision && strcmp(decision, "allow") == 0) {
        sb_pending_forget(rq->db, id);
        redirect_code(rq, pending, user->id);
    } else {
        sb_pending_forget(rq->db, id);
        redirect_error(rq, pending->redirect_uri, pending->state, "access_denied",
                       "the person denied access");
    }
    sb_user_free(user);
}

void sb_consent(struct sb_request *rq)
{
    struct visitor visitor = {0};
    struct sb_pending pending = {0};
    struct sb_app *app = NULL;
    const struct sb_params *params = rq->post ? &rq->form : &rq->query;
    if (resume(rq, params, &visitor, &pending, &app)) {
        if (rq->post)
            decide(rq, &visitor, &pending, app);
        else
            show_next(rq, &visitor, &pending, app, sb_params_text(params, "request"));
    }
    sb_app_free(app);
    sb_pending_done(&pending);
    visitor_done(&visitor);
}
