#include "config.h"

#include "handlers.h"

#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "app.h"
#include "crypto.h"
#include "db.h"
#include "grant.h"
#include "issue.h"
#include "key.h"
#include "user.h"

/* The documentation asks for "a few minutes"; how many Workfront allows it does not say. */
#define LIFETIME_MAX 600
/* A client's clock may be ahead of ours by so many seconds. */
#define LEEWAY 60

/* A JWT in its three parts. */
struct jwt {
    const char *text; /* signed_n bytes of it are what was signed: header, dot, claims */
    size_t signed_n;
    json_t *header;
    json_t *claims;
    char *signature;
    size_t signature_n;
};

static void jwt_done(struct jwt *jwt)
{
    json_decref(jwt->header);
    json_decref(jwt->claims);
    free(jwt->signature);
}

/* The JSON object in a part; NULL when it is none. */
static json_t *part_object(const char *text, size_t n)
{
    size_t length = 0;
    char *bytes = sb_base64url_decode(text, n, &length);
    json_t *value = bytes ? json_loadb(bytes, length, JSON_REJECT_DUPLICATES, NULL) : NULL;
    free(bytes);
    if (json_is_object(value))
        return value;
    json_decref(value);
    return NULL;
}

/* RFC 7515 §7.1. False when it is no compact serialisation of a JWS with JSON objects. */
static bool jwt_parse(const char *text, struct jwt *ret)
{
    const char *dot = strchr(text, '.');
    const char *second = dot ? strchr(dot + 1, '.') : NULL;
    if (!second)
        return false;
    ret->text = text;
    ret->signed_n = (size_t)(second - text);
    ret->header = part_object(text, (size_t)(dot - text));
    ret->claims = part_object(dot + 1, (size_t)(second - dot) - 1);
    ret->signature = sb_base64url_decode(second + 1, strlen(second + 1), &ret->signature_n);
    return ret->header && ret->claims && ret->signature;
}

static const char *text_of(const json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}

/* Whether there is a number by this name, and which. */
static bool seconds_of(const json_t *claims, const char *name, double *ret)
{
    const json_t *value = json_object_get(claims, name);
    *ret = json_number_value(value);
    return json_is_number(value);
}

/* What is wrong with header and signature; NULL when they are right. */
static const char *signature_problem(struct sb_request *rq, const struct sb_app *app,
                                     const struct jwt *jwt)
{
    const char *algorithm = text_of(jwt->header, "alg");
    if (!algorithm || strcmp(algorithm, "RS256") != 0)
        return "jwt_token: alg must be RS256";
    if (json_object_get(jwt->header, "crit")) /* RFC 7515 §4.1.11: we understand none */
        return "jwt_token: crit is not understood";
    if (sb_key_count(rq->db, app->client_id) == 0)
        return "the application has no public key";
    if (!sb_key_verify(rq->db, app->client_id, jwt->text, jwt->signed_n, jwt->signature,
                       jwt->signature_n))
        return "jwt_token: none of the application's public keys fits the signature";
    return NULL;
}

static bool is_ours(sqlite3 *db, const char *issuer)
{
    char *customer = sb_customer_id(db);
    bool same = issuer && strcmp(issuer, customer) == 0;
    free(customer);
    return same;
}

/* What is wrong with the times; NULL when they are right. */
static const char *time_problem(const struct sb_request *rq, const json_t *claims)
{
    double now = (double)sb_now();
    double expires;
    double begins;
    if (!seconds_of(claims, "exp", &expires))
        return "jwt_token: exp is missing or no number";
    if (expires <= now)
        return "jwt_token: has expired";
    if (expires > now + LIFETIME_MAX + LEEWAY && !rq->settings->lenient_jwt)
        return "jwt_token: exp is too far ahead";
    static const char *const begin[] = {"nbf", "iat"};
    for (size_t i = 0; i < SB_ARRAY_LEN(begin); i++) {
        if (json_object_get(claims, begin[i]) &&
            (!seconds_of(claims, begin[i], &begins) || begins > now + LEEWAY))
            return "jwt_token: nbf or iat is ahead, or no number";
    }
    return NULL;
}

/* Note that the JWT was used: by its jti, else by what was signed (RS256 signs the same text in
 * the same way each time). False when it was used before. */
static bool use_once(sqlite3 *db, const struct sb_app *app, const struct jwt *jwt)
{
    const char *jti = text_of(jwt->claims, "jti");
    double expires;
    seconds_of(jwt->claims, "exp", &expires);
    char *name =
        jti ? sb_format("jti:%s", jti) : sb_format("jwt:%.*s", (int)jwt->signed_n, jwt->text);
    char *hash = sb_sha256_hex(name, strlen(name));
    sb_db_run(db, "DELETE FROM assertion WHERE expires <= ?", "i", sb_now());
    bool fresh = sb_db_run(db, "INSERT INTO assertion (client_id, hash, expires) VALUES (?, ?, ?)",
                           "tti", app->client_id, hash, (long long)expires + 1);
    free(hash);
    free(name);
    return fresh;
}

/* What is wrong with the JWT, in the order in which it may be looked at; NULL when nothing is.
 * ret_user_id: borrowed from the JWT. */
static const char *problem_of(struct sb_request *rq, const struct sb_app *app,
                              const struct jwt *jwt, const char **ret_user_id)
{
    const char *problem = signature_problem(rq, app, jwt);
    if (problem)
        return problem;
    if (!is_ours(rq->db, text_of(jwt->claims, "iss")))
        return "jwt_token: iss is not the Customer ID";
    problem = time_problem(rq, jwt->claims);
    if (problem)
        return problem;
    *ret_user_id = text_of(jwt->claims, "sub");
    if (!*ret_user_id)
        return "jwt_token: sub is missing";
    if (!sb_user_may(rq, *ret_user_id))
        return "jwt_token: sub is not the ID of an active user";
    if (!rq->settings->lenient_jwt && !use_once(rq->db, app, jwt))
        return "jwt_token: was used before";
    return NULL;
}

static void exchange(struct sb_request *rq, const struct sb_app *app)
{
    const char *text = sb_params_text(&rq->form, "jwt_token");
    struct jwt jwt = {0};
    const char *user_id = NULL;
    if (!text) {
        sb_refuse(rq, "invalid_request", "jwt_token is missing");
        return;
    }
    const char *problem =
        jwt_parse(text, &jwt) ? problem_of(rq, app, &jwt, &user_id) : "jwt_token: is no signed JWT";
    if (problem) {
        sb_refuse(rq, "invalid_grant", problem);
    } else {
        char *consent = sb_consent_new(rq->db, app->client_id, user_id, "");
        sb_answer_tokens(rq, consent, user_id, NULL);
        free(consent);
    }
    jwt_done(&jwt);
}

/* The documentation has client_id, client_secret and jwt_token in a form, and no other way. */
void sb_jwt_exchange(struct sb_request *rq)
{
    if (rq->body != SB_BODY_FORM || sb_params_unfit(&rq->form)) {
        sb_refuse(rq, "invalid_request", "the body must be a form, each name once");
        return;
    }
    if (rq->authorization) {
        sb_refuse(rq, "invalid_request", "client_id and client_secret belong into the form");
        return;
    }
    struct sb_app *app = sb_authenticate(rq);
    if (!app)
        return;
    if (app->type != SB_M2M)
        sb_refuse(rq, "unauthorized_client", "only a Machine to Machine application has JWTs");
    else
        exchange(rq, app);
    sb_app_free(app);
}
