#include "config.h"

#include "handlers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "app.h"
#include "crypto.h"
#include "grant.h"
#include "user.h"

/* RFC 7636 §4.1. */
#define VERIFIER_MIN 43
#define VERIFIER_MAX 128

/* What the client says about itself. */
struct credentials {
    char *client_id;
    char *secret; /* NULL: none was sent */
};

static void credentials_done(struct credentials *credentials)
{
    free(credentials->client_id);
    free(credentials->secret);
}

static void refuse(struct sb_request *rq, const char *error, const char *description)
{
    sb_reply_oauth_error(rq, 400, error, description);
}

/* RFC 6749 §5.2: 401, and the scheme that the client may use. */
static void refuse_client(struct sb_request *rq, const char *description)
{
    sb_reply_oauth_error(rq, 401, "invalid_client", description);
    sb_reply_header(&rq->reply, "WWW-Authenticate", "Basic realm=\"Workfront\"");
}

/* RFC 6749 §2.3.1: both halves form-urlencoded, then joined by a colon, then base64. */
static bool parse_basic(const char *header, struct credentials *ret)
{
    const char *at = header + strlen("Basic");
    at += strspn(at, " ");
    size_t n = 0;
    char *text = sb_base64_decode(at, strlen(at), &n);
    char *colon = text ? memchr(text, ':', n) : NULL;
    if (colon) {
        ret->client_id = sb_form_decode(text, (size_t)(colon - text));
        ret->secret = sb_form_decode(colon + 1, n - (size_t)(colon - text) - 1);
    }
    free(text);
    return ret->client_id && ret->secret;
}

/* Find the credentials: in the header or in the body, never in both. False when the refusal is
 * written. */
static bool find_credentials(struct sb_request *rq, struct credentials *ret)
{
    const char *client_id = sb_params_text(&rq->form, "client_id");
    const char *secret = sb_params_text(&rq->form, "client_secret");
    if (!rq->authorization) {
        rq->auth = secret ? "body" : "none";
        ret->client_id = sb_dup(client_id);
        ret->secret = sb_dup(secret);
        if (!client_id)
            refuse_client(rq, "client_id is missing");
        return client_id != NULL;
    }
    rq->auth = "basic";
    if (strncasecmp(rq->authorization, "Basic ", 6) != 0 || !parse_basic(rq->authorization, ret)) {
        refuse_client(rq, "the Authorization header is not well-formed Basic");
        return false;
    }
    if (secret || (client_id && strcmp(client_id, ret->client_id) != 0)) {
        refuse(rq, "invalid_request", "credentials in the header and in the body");
        return false;
    }
    return true;
}

/* The application that sent the request; NULL when the refusal is written. Free with
 * sb_app_free. */
static struct sb_app *authenticate(struct sb_request *rq)
{
    struct credentials who = {0};
    struct sb_app *app = NULL;
    if (find_credentials(rq, &who)) {
        app = sb_app_load(rq->db, who.client_id);
        const char *problem = NULL;
        if (!app)
            problem = "unknown client";
        else if (app->type == SB_SPA && who.secret && *who.secret)
            problem = "this application has no client secret";
        else if (app->type != SB_SPA && !who.secret)
            problem = "the client secret is missing";
        else if (app->type != SB_SPA && !sb_secret_check(rq->db, app->client_id, who.secret))
            problem = "the client secret is wrong";
        if (app)
            snprintf(rq->client_id, sizeof rq->client_id, "%s", app->client_id);
        if (problem) {
            refuse_client(rq, problem);
            sb_app_free(app);
            app = NULL;
        }
    }
    credentials_done(&who);
    return app;
}

/* Answer with an access token for a consent, and a refresh token unless it is NULL. */
static void answer(struct sb_request *rq, const char *consent_id, const char *user_id,
                   const char *refresh_token)
{
    const struct sb_settings *settings = rq->settings;
    char *access = sb_session_issue(rq->db, consent_id, settings->session_lifetime);
    json_t *json = json_pack(
        "{s:s, s:s, s:I, s:s}", "token_type", settings->bearer_style ? "Bearer" : "sessionID",
        "access_token", access, "expires_in",
        settings->bearer_style ? (json_int_t)settings->session_lifetime : (json_int_t)0, "wid",
        user_id);
    if (refresh_token)
        json_object_set_new(json, "refresh_token", json_string(refresh_token));
    char *text = json_dumps(json, JSON_COMPACT);
    sb_reply_json(rq, 200, text, "tokens");
    free(text);
    json_decref(json);
    free(access);
}

/* RFC 7636 §4.6. A web application's code is bound when the sandbox is told so (bind_pkce);
 * where it is not, challenge and verifier are ignored. NULL, or what is wrong. */
static const char *pkce_problem(const struct sb_request *rq, const struct sb_app *app,
                                const struct sb_code *code)
{
    const char *verifier = sb_params_text(&rq->form, "code_verifier");
    if (app->type == SB_WEB && !app->bind_pkce)
        return NULL;
    if (!code->challenge) /* RFC 9700 §4.8.2: a downgrade otherwise */
        return verifier ? "code_verifier without a code_challenge" : NULL;
    if (!verifier)
        return "code_verifier is missing";
    size_t n = strlen(verifier);
    if (n < VERIFIER_MIN || n > VERIFIER_MAX)
        return "code_verifier must have 43 to 128 characters";
    char *challenge = sb_sha256_base64url(verifier, n);
    bool same = sb_equal(challenge, code->challenge);
    free(challenge);
    return same ? NULL : "code_verifier does not fit the code_challenge";
}

static const char *code_problem(const struct sb_request *rq, const struct sb_app *app,
                                const struct sb_code *code)
{
    const char *redirect_uri = sb_params_text(&rq->form, "redirect_uri");
    if (strcmp(code->client_id, app->client_id) != 0)
        return "the code was issued to another client";
    if (code->expired)
        return "the code has expired";
    if (!redirect_uri || strcmp(redirect_uri, code->redirect_uri) != 0)
        return "redirect_uri is not the one of the authorize request";
    return pkce_problem(rq, app, code);
}

/* An account deactivated after consent gets no further tokens. */
static bool user_may(const struct sb_request *rq, const char *user_id)
{
    struct sb_user *user = sb_user_by_id(rq->db, user_id);
    bool may = user && (user->active || rq->settings->lenient_inactive);
    sb_user_free(user);
    return may;
}

static void exchange_code(struct sb_request *rq, const struct sb_app *app)
{
    const char *text = sb_params_text(&rq->form, "code");
    struct sb_code code = {0};
    if (!text) {
        refuse(rq, "invalid_request", "code is missing");
        return;
    }
    if (!sb_code_find(rq->db, text, &code)) {
        refuse(rq, "invalid_grant", "the code is not known");
        return;
    }
    const char *problem = NULL;
    if (code.used) {
        /* RFC 6749 §4.1.2: somebody else has the code too; end what it brought. */
        sb_consent_revoke(rq->db, code.consent_id);
        problem = "the code has been used already";
    } else {
        problem = code_problem(rq, app, &code);
    }
    if (!problem && !user_may(rq, code.user_id))
        problem = "the user is not active";
    if (problem) {
        refuse(rq, "invalid_grant", problem);
    } else {
        sb_code_use(rq->db, &code);
        char *refresh = *code.scope ? sb_refresh_issue(rq->db, code.consent_id) : NULL;
        answer(rq, code.consent_id, code.user_id, refresh);
        free(refresh);
    }
    sb_code_done(&code);
}

/* NULL, or why the refresh token is no good. */
static const char *refresh_problem(struct sb_request *rq, const struct sb_app *app,
                                   const struct sb_refresh *refresh)
{
    if (strcmp(refresh->client_id, app->client_id) != 0)
        return "the refresh token was issued to another client";
    if (refresh->replaced && rq->settings->strict_rotation)
        sb_consent_revoke(rq->db, refresh->consent_id);
    if (refresh->replaced)
        return "the refresh token has been replaced";
    if (refresh->revoked)
        return "the refresh token has been revoked";
    /* Absolute and inactivity expiry belong here: now against refresh->created plus
     * app->absolute_expiry, and against refresh->last_used plus app->inactivity_expiry. With
     * rotation the absolute time must count from the consent, not from the last rotation. */
    if (!user_may(rq, refresh->user_id))
        return "the user is not active";
    return NULL;
}

static void refresh_tokens(struct sb_request *rq, const struct sb_app *app)
{
    const char *text = sb_params_text(&rq->form, "refresh_token");
    const char *redirect_uri = sb_params_text(&rq->form, "redirect_uri");
    struct sb_refresh refresh = {0};
    if (!text || (redirect_uri && !sb_app_has_redirect(app, redirect_uri))) {
        refuse(rq, "invalid_request",
               text ? "redirect_uri is not registered" : "refresh_token is missing");
        return;
    }
    if (!sb_refresh_find(rq->db, text, &refresh)) {
        refuse(rq, "invalid_grant", "the refresh token is not known");
        return;
    }
    const char *problem = refresh_problem(rq, app, &refresh);
    if (problem) {
        refuse(rq, "invalid_grant", problem);
    } else {
        sb_refresh_use(rq->db, &refresh, app->rotation);
        char *next = app->rotation ? sb_refresh_issue(rq->db, refresh.consent_id) : NULL;
        answer(rq, refresh.consent_id, refresh.user_id, next ? next : text);
        free(next);
    }
    sb_refresh_done(&refresh);
}

void sb_token(struct sb_request *rq)
{
    if ((rq->body != SB_BODY_FORM && rq->body != SB_BODY_JSON) || sb_params_unfit(&rq->form)) {
        refuse(rq, "invalid_request",
               "the body must be a form or a JSON object of strings, each name once");
        return;
    }
    struct sb_app *app = authenticate(rq);
    if (!app)
        return;
    const char *type = sb_params_text(&rq->form, "grant_type");
    bool code = type && strcmp(type, "authorization_code") == 0;
    bool refresh = type && strcmp(type, "refresh_token") == 0;
    if (!type)
        refuse(rq, "invalid_request", "grant_type is missing");
    else if (!code && !refresh)
        refuse(rq, "unsupported_grant_type", "authorization_code or refresh_token");
    else if (app->type == SB_M2M)
        refuse(rq, "unauthorized_client", "a Machine to Machine application exchanges a JWT");
    else if (code)
        exchange_code(rq, app);
    else
        refresh_tokens(rq, app);
    sb_app_free(app);
}

/* The place of the JWT exchange: client_id, client_secret and jwt_token, an RS256 signature by
 * one of the application's public keys (table public_key), iss, sub and exp; the answer is a
 * token answer without a refresh token. */
void sb_jwt_exchange(struct sb_request *rq)
{
    sb_reply_api_error(rq, 501, "com.attask.common.NotImplementedException",
                       "the sandbox does not exchange JWTs yet", "not-implemented");
}
