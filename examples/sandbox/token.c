#include "config.h"

#include "handlers.h"

#include <stdlib.h>
#include <string.h>

#include "app.h"
#include "crypto.h"
#include "db.h"
#include "grant.h"
#include "issue.h"

/* RFC 7636 §4.1. */
#define VERIFIER_MIN 43
#define VERIFIER_MAX 128

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

static void exchange_code(struct sb_request *rq, const struct sb_app *app)
{
    const char *text = sb_params_text(&rq->form, "code");
    struct sb_code code = {0};
    if (!text) {
        sb_refuse(rq, "invalid_request", "code is missing");
        return;
    }
    if (!sb_code_find(rq->db, text, &code)) {
        sb_refuse(rq, "invalid_grant", "the code is not known");
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
    if (!problem && !sb_user_may(rq, code.user_id))
        problem = "the user is not active";
    if (problem) {
        sb_refuse(rq, "invalid_grant", problem);
    } else {
        sb_code_use(rq->db, &code);
        char *refresh = *code.scope ? sb_refresh_issue(rq->db, code.consent_id) : NULL;
        sb_answer_tokens(rq, code.consent_id, code.user_id, refresh);
        free(refresh);
    }
    sb_code_done(&code);
}

/* Whether a time is over; 0 seconds: it never is. */
static bool over(long long since, long long seconds)
{
    return seconds && sb_now() >= since + seconds;
}

/* NULL, or why the refresh token is no good. */
static const char *refresh_problem(struct sb_request *rq, const struct sb_app *app,
                                   const struct sb_refresh *refresh)
{
    if (strcmp(refresh->client_id, app->client_id) != 0)
        return "the refresh token was issued to another client";
    /* RFC 9700 §4.14.2: somebody else has the token too, and nobody can say who of the two is the
     * rightful one. */
    if (refresh->replaced && !rq->settings->lenient_rotation)
        sb_consent_revoke(rq->db, refresh->consent_id);
    if (refresh->replaced)
        return "the refresh token has been replaced";
    if (refresh->revoked)
        return "the refresh token has been revoked";
    if (over(rq->settings->absolute_per_token ? refresh->created : refresh->consented,
             app->absolute_expiry))
        return "the refresh token has expired";
    if (over(refresh->last_used, app->inactivity_expiry))
        return "the refresh token has expired: it was not used for too long";
    if (!sb_user_may(rq, refresh->user_id))
        return "the user is not active";
    return NULL;
}

static void refresh_tokens(struct sb_request *rq, const struct sb_app *app)
{
    const char *text = sb_params_text(&rq->form, "refresh_token");
    const char *redirect_uri = sb_params_text(&rq->form, "redirect_uri");
    struct sb_refresh refresh = {0};
    if (!text || (redirect_uri && !sb_app_has_redirect(app, redirect_uri))) {
        sb_refuse(rq, "invalid_request",
                  text ? "redirect_uri is not registered" : "refresh_token is missing");
        return;
    }
    if (!sb_refresh_find(rq->db, text, &refresh)) {
        sb_refuse(rq, "invalid_grant", "the refresh token is not known");
        return;
    }
    const char *problem = refresh_problem(rq, app, &refresh);
    if (problem) {
        sb_refuse(rq, "invalid_grant", problem);
    } else {
        sb_refresh_use(rq->db, &refresh, app->rotation);
        char *next = app->rotation ? sb_refresh_issue(rq->db, refresh.consent_id) : NULL;
        sb_answer_tokens(rq, refresh.consent_id, refresh.user_id, next ? next : text);
        free(next);
    }
    sb_refresh_done(&refresh);
}

void sb_token(struct sb_request *rq)
{
    if ((rq->body != SB_BODY_FORM && rq->body != SB_BODY_JSON) || sb_params_unfit(&rq->form)) {
        sb_refuse(rq, "invalid_request",
                  "the body must be a form or a JSON object of strings, each name once");
        return;
    }
    struct sb_app *app = sb_authenticate(rq);
    if (!app)
        return;
    const char *type = sb_params_text(&rq->form, "grant_type");
    bool code = type && strcmp(type, "authorization_code") == 0;
    bool refresh = type && strcmp(type, "refresh_token") == 0;
    if (!type)
        sb_refuse(rq, "invalid_request", "grant_type is missing");
    else if (!code && !refresh)
        sb_refuse(rq, "unsupported_grant_type", "authorization_code or refresh_token");
    else if (app->type == SB_M2M)
        sb_refuse(rq, "unauthorized_client", "a Machine to Machine application exchanges a JWT");
    else if (code)
        exchange_code(rq, app);
    else
        refresh_tokens(rq, app);
    sb_app_free(app);
}
