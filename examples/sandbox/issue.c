#include "config.h"

#include "issue.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <jansson.h>

#include "crypto.h"
#include "grant.h"
#include "user.h"

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

void sb_refuse(struct sb_request *rq, const char *error, const char *description)
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
        sb_refuse(rq, "invalid_request", "credentials in the header and in the body");
        return false;
    }
    return true;
}

struct sb_app *sb_authenticate(struct sb_request *rq)
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

void sb_answer_tokens(struct sb_request *rq, const char *consent_id, const char *user_id,
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

bool sb_user_may(const struct sb_request *rq, const char *user_id)
{
    struct sb_user *user = sb_user_by_id(rq->db, user_id);
    bool may = user && (user->active || rq->settings->lenient_inactive);
    sb_user_free(user);
    return may;
}
