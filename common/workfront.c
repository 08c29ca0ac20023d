#include "config.h"

#include "workfront.h"

#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "url.h"

static const char what[] = "Workfront's user look-up";

static char *below(const struct wf_provider_conf *conf, const char *path)
{
    struct wf_buf url = WF_BUF_INIT(WF_URL_MAX);

    wf_buf_append_text(&url, conf->url);
    wf_buf_append_text(&url, path);
    char *text = wf_buf_steal(&url, NULL);
    wf_buf_done(&url);
    return text;
}

char *wf_workfront_authorize_url(const struct wf_provider_conf *conf)
{
    return below(conf, "/integrations/oauth2/authorize");
}

char *wf_workfront_token_url(const struct wf_provider_conf *conf)
{
    return below(conf, "/integrations/oauth2/api/v1/token");
}

char *wf_workfront_exchange_url(const struct wf_provider_conf *conf)
{
    return below(conf, "/integrations/oauth2/api/v1/jwt/exchange");
}

/* What the API answers, and the claim it becomes. Display names, which any Workfront planner may
 * be able to create, become claims apart from IDs: conf knows them by these names. */
static const struct {
    const char *object; /* NULL: a member of the user itself */
    const char *member;
    const char *claim;
} simple_claims[] = {
    {NULL, "ID", "ID"},
    {NULL, "username", "username"},
    {NULL, "emailAddr", "emailAddr"},
    {NULL, "accessLevelID", "accessLevelID"},
    {"accessLevel", "name", "accessLevel"},
    {NULL, "homeGroupID", "homeGroupID"},
    {"homeGroup", "name", "homeGroup"},
    {NULL, "homeTeamID", "homeTeamID"},
    {"homeTeam", "name", "homeTeam"},
};
static const char fields[] = "ID,username,emailAddr,isActive,accessLevelID,accessLevel:name,"
                             "homeGroupID,homeGroup:name,homeTeamID,homeTeam:name,roles:ID,"
                             "roles:name";

static void append_api(struct wf_buf *out, const struct wf_provider_conf *conf)
{
    wf_buf_append_text(out, conf->url);
    wf_buf_append_text(out, "/attask/api/");
    wf_buf_append_text(out, conf->api_version);
}

static char *search_url(const struct wf_provider_conf *conf)
{
    struct wf_buf url = WF_BUF_INIT(WF_URL_MAX);

    append_api(&url, conf);
    wf_buf_append_text(&url, "/user/search?");
    /* Workfront's wildcard for the session's own user */
    wf_form_append_text(&url, "ID", "$$USER.ID");
    wf_form_append_text(&url, "ID_Mod", "eq");
    wf_form_append_text(&url, "fields", fields);
    char *text = wf_buf_steal(&url, NULL);
    wf_buf_done(&url);
    return text;
}

/* Copy one text member; absent and null are left out, another type is refused. */
static enum wf_reason copy_text(const struct json_t *from, const char *member, struct json_t *to,
                                const char *claim, struct wf_err *err)
{
    struct wf_span text = {NULL, 0};
    const struct wf_json_field field = {member, WF_JSON_TEXT, &text, false};
    enum wf_reason reason = wf_json_read(from, &field, 1, err);

    if (reason == WF_OK && text.ptr != NULL && !wf_json_set_text(to, claim, text))
        reason = wf_fail(err, WF_INTERNAL, "out of memory");
    return reason;
}

static enum wf_reason copy_simple(const struct json_t *user, struct json_t *claims,
                                  struct wf_err *err)
{
    for (size_t i = 0; i < WF_ARRAY_LEN(simple_claims); i++) {
        const struct json_t *from = user;
        if (simple_claims[i].object != NULL) {
            const struct wf_json_field field = {simple_claims[i].object, WF_JSON_OBJECT, &from,
                                                false};
            from = NULL;
            enum wf_reason reason = wf_json_read(user, &field, 1, err);
            if (reason != WF_OK)
                return reason;
        }
        if (from == NULL)
            continue;
        enum wf_reason reason =
            copy_text(from, simple_claims[i].member, claims, simple_claims[i].claim, err);
        if (reason != WF_OK)
            return reason;
    }
    return WF_OK;
}

static enum wf_reason copy_roles(const struct json_t *user, struct json_t *claims,
                                 struct wf_err *err)
{
    const struct json_t *roles = NULL;
    const struct wf_json_field field = {"roles", WF_JSON_ARRAY, &roles, false};
    enum wf_reason reason = wf_json_read(user, &field, 1, err);

    for (size_t i = 0; reason == WF_OK && roles != NULL && i < wf_json_array_len(roles); i++) {
        const struct json_t *role = wf_json_array_object(roles, i);
        struct wf_span id = {NULL, 0};
        struct wf_span name = {NULL, 0};
        const struct wf_json_field members[] = {{"ID", WF_JSON_TEXT, &id, false},
                                                {"name", WF_JSON_TEXT, &name, false}};
        if (role == NULL)
            return wf_fail(err, WF_MALFORMED, "\"roles\" holds something else than objects");
        reason = wf_json_read(role, members, WF_ARRAY_LEN(members), err);
        if (reason == WF_OK && ((id.ptr != NULL && !wf_json_append_text(claims, "roleIDs", id)) ||
                                (name.ptr != NULL && !wf_json_append_text(claims, "roles", name))))
            reason = wf_fail(err, WF_INTERNAL, "out of memory");
    }
    return reason;
}

/* The one user of {"data":[{…}]}; WF_IDENTITY if it is not one. */
static enum wf_reason only_user(const struct json_t *answer, const struct json_t **ret,
                                struct wf_err *err)
{
    const struct json_t *data = NULL;
    const struct wf_json_field field = {"data", WF_JSON_ARRAY, &data, true};
    enum wf_reason reason = wf_json_read(answer, &field, 1, err);

    if (reason != WF_OK)
        return reason;
    if (wf_json_array_len(data) != 1)
        return wf_fail(err, WF_IDENTITY, "%zu users, expected the session's own alone",
                       wf_json_array_len(data));
    *ret = wf_json_array_object(data, 0);
    if (*ret == NULL)
        return wf_fail(err, WF_MALFORMED, "the user is not an object");
    return WF_OK;
}

static enum wf_reason read_user(const struct json_t *answer, struct json_t **ret_claims,
                                struct wf_err *err)
{
    enum wf_reason reason = WF_INTERNAL;
    const struct json_t *user = NULL;
    struct json_t *claims = NULL;
    struct wf_span id = {NULL, 0};
    bool active = false;
    const struct wf_json_field required[] = {{"ID", WF_JSON_TEXT, &id, true},
                                             {"isActive", WF_JSON_BOOL, &active, true}};

    reason = only_user(answer, &user, err);
    if (reason != WF_OK)
        goto out;
    reason = wf_json_read(user, required, WF_ARRAY_LEN(required), err);
    if (reason != WF_OK)
        goto out;
    claims = wf_json_new();
    if (claims == NULL) {
        reason = wf_fail(err, WF_INTERNAL, "out of memory");
        goto out;
    }
    reason = copy_simple(user, claims, err);
    if (reason != WF_OK)
        goto out;
    reason = copy_roles(user, claims, err);
    if (reason != WF_OK)
        goto out;
    *ret_claims = claims;
    claims = NULL;
    if (!active)
        reason = wf_fail(err, WF_INACTIVE, "Workfront says the account is not active");
out:
    wf_json_free(claims);
    return reason;
}

static enum wf_reason judge_answer(const struct wf_http_response *response,
                                   struct json_t **ret_claims, struct wf_err *err)
{
    struct json_t *json = NULL;
    enum wf_reason reason = wf_endpoint_status(response, what, err);

    if (reason != WF_OK)
        return reason;
    if (response->status == 401)
        return wf_fail(err, WF_INACTIVE, "%s: the session is dead (401)", what);
    if (response->status != 200)
        return wf_fail(err, WF_CONFIG, "%s answers status %d: check url and api_version", what,
                       response->status);
    reason = wf_endpoint_json(response, what, &json, err);
    if (reason != WF_OK)
        return reason;
    reason = read_user(json, ret_claims, err);
    if (reason == WF_MALFORMED) {
        wf_err_context(err, "%s", what);
        reason = WF_UNREACHABLE;
    }
    wf_json_free(json);
    return reason;
}

enum wf_reason wf_workfront_lookup(const struct wf_endpoint *endpoint,
                                   const struct wf_secret *session, struct json_t **ret_claims,
                                   struct wf_err *err)
{
    enum wf_reason reason = WF_INTERNAL;
    struct wf_http_response response = WF_HTTP_RESPONSE_INIT;
    struct wf_http_request request;
    char *url = search_url(endpoint->conf);

    *ret_claims = NULL;
    if (url == NULL)
        return wf_fail(err, WF_INTERNAL, "no room for the look-up's address");
    wf_endpoint_prepare(endpoint, "GET", url, &request);
    request.headers[request.header_count++] =
        (struct wf_http_header){"sessionID", wf_secret_borrow(session)};
    reason = wf_http_send(endpoint->http, &request, &response, err);
    if (reason == WF_OK)
        reason = judge_answer(&response, ret_claims, err);
    wf_http_response_done(&response);
    free(url);
    return reason;
}

enum wf_reason wf_workfront_logout(const struct wf_endpoint *endpoint,
                                   const struct wf_secret *session, struct wf_err *err)
{
    static const char logout[] = "Workfront's log-out";
    struct wf_http_response response = WF_HTTP_RESPONSE_INIT;
    struct wf_http_request request;
    struct wf_buf url = WF_BUF_INIT(WF_URL_MAX);
    enum wf_reason reason = WF_INTERNAL;

    append_api(&url, endpoint->conf);
    wf_buf_append_text(&url, "/logout");
    if (!wf_buf_ok(&url)) {
        reason = wf_fail(err, WF_INTERNAL, "no room for the log-out's address");
        goto out;
    }
    wf_endpoint_prepare(endpoint, "GET", wf_buf_text_borrow(&url), &request);
    request.headers[request.header_count++] =
        (struct wf_http_header){"sessionID", wf_secret_borrow(session)};
    reason = wf_http_send(endpoint->http, &request, &response, err);
    if (reason == WF_OK)
        reason = wf_endpoint_status(&response, logout, err);
    /* 401: that session is over */
    if (reason == WF_OK && response.status != 200 && response.status != 401)
        reason = wf_fail(err, WF_CONFIG, "%s answers status %d: check url and api_version", logout,
                         response.status);
out:
    wf_http_response_done(&response);
    wf_buf_done(&url);
    return reason;
}
