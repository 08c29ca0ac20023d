#include "config.h"

#include "grant.h"

#include <stdio.h>
#include <string.h>

#include "client_auth.h"
#include "json.h"
#include "url.h"

static const char what[] = "the token endpoint";

/* A 4xx: whose fault is it? brought: what it refuses. only: the one error that
 * speaks of what was brought; NULL: whatever does not speak of the client. An answer that is not
 * RFC 6749's JSON is judged by its status. */
static enum wf_reason judge_refusal(const struct wf_http_response *response, const char *brought,
                                    const char *only, struct wf_err *err)
{
    enum wf_reason reason = WF_INTERNAL;
    struct json_t *json = NULL;
    struct wf_span error = {NULL, 0};

    if (wf_endpoint_json(response, what, &json, NULL) == WF_OK)
        error = wf_json_text(json, "error");
    int shown = (int)(error.len < 64 ? error.len : 64);
    bool fits = error.ptr != NULL && (only == NULL || wf_span_equals(error, only));
    if (wf_client_is_blamed(error) || response->status == 401 || response->status == 403 ||
        response->status == 404)
        reason = wf_fail(err, WF_CONFIG,
                         "%s refuses this client: status %d %.*s: check url, client_id, "
                         "client_secret_file and redirect_uri",
                         what, response->status, shown, error.ptr == NULL ? "" : error.ptr);
    else if (response->status == 400 && fits)
        reason =
            wf_fail(err, WF_EXPIRED, "%s refuses the %s: %.*s", what, brought, shown, error.ptr);
    else
        reason = wf_fail(err, WF_UNREACHABLE, "%s answers status %d %.*s, expected an OAuth2 error",
                         what, response->status, shown, error.ptr == NULL ? "" : error.ptr);
    wf_json_free(json);
    return reason;
}

bool wf_grant_is_token(const struct wf_secret *token)
{
    struct wf_span text = wf_secret_borrow(token);

    return text.len > 0 && text.len <= WF_TOKEN_MAX && wf_text_is_printable(text.ptr, text.len) &&
           memchr(text.ptr, ' ', text.len) == NULL;
}

/* How long something lives. It only advises, and the refresh token beside it may be the only one that
 * is still good: whatever it looks like, the answer counts. Some providers write it as a text, or
 * with a fraction. Workfront's 0 is "as long as a session"; a negative or absurd number, or another
 * thing, says no more. */
static int64_t read_seconds(const struct json_t *json, const char *name)
{
    const uint64_t longest = (uint64_t)10 * 366 * 86400;
    struct wf_span text = wf_json_text(json, name);
    uint64_t number = 0;
    int64_t seconds = 0;
    const struct wf_json_field field = {name, WF_JSON_DATE, &seconds, false};

    if (text.ptr != NULL)
        return wf_text_number(text, 0, longest, &number) ? (int64_t)number : 0;
    if (wf_json_read(json, &field, 1, NULL) != WF_OK)
        return 0;
    return seconds < 0 || seconds > (int64_t)longest ? 0 : seconds;
}

static enum wf_reason read_tokens(const struct wf_http_response *response, struct wf_tokens *ret,
                                  struct wf_err *err)
{
    enum wf_reason reason = WF_INTERNAL;
    struct json_t *json = NULL;
    struct wf_tokens tokens = WF_TOKENS_INIT;
    struct wf_span type = {NULL, 0};
    const struct wf_json_field fields[] = {
        {"access_token", WF_JSON_SECRET, &tokens.access, true},
        {"refresh_token", WF_JSON_SECRET, &tokens.refresh, false},
        {"token_type", WF_JSON_TEXT, &type, true},
    };

    reason = wf_endpoint_json(response, what, &json, err);
    if (reason != WF_OK)
        goto out;
    reason = wf_json_read(json, fields, WF_ARRAY_LEN(fields), err);
    if (reason != WF_OK)
        goto out;
    if (!wf_span_equals_fold(type, "sessionID") && !wf_span_equals_fold(type, "Bearer")) {
        reason = wf_fail(err, WF_MALFORMED, "token_type is neither sessionID nor Bearer");
        goto out;
    }
    if (!wf_grant_is_token(tokens.access) ||
        (tokens.refresh != NULL && !wf_grant_is_token(tokens.refresh))) {
        reason = wf_fail(err, WF_MALFORMED, "a token is empty, too long or has forbidden bytes");
        goto out;
    }
    tokens.expires_in = read_seconds(json, "expires_in");
    /* Keycloak's name, and that of others; RFC 6749 has none */
    tokens.refresh_expires_in = read_seconds(json, "refresh_expires_in");
    if (tokens.refresh_expires_in == 0)
        tokens.refresh_expires_in = read_seconds(json, "refresh_token_expires_in");
    *ret = tokens;
    tokens = (struct wf_tokens)WF_TOKENS_INIT;
    reason = WF_OK;
out:
    if (reason == WF_MALFORMED) {
        wf_err_context(err, "%s", what);
        reason = WF_UNREACHABLE;
    }
    wf_tokens_done(&tokens);
    wf_json_free(json);
    return reason;
}

/* Post a form that brings something, and read the tokens that it buys. */
static enum wf_reason buy(const struct wf_endpoint *endpoint, const char *token_url,
                          struct wf_buf *body, const char *brought, const char *only,
                          struct wf_tokens *ret, struct wf_err *err)
{
    struct wf_http_response response = WF_HTTP_RESPONSE_INIT;
    enum wf_reason reason = wf_client_post(endpoint, token_url, body, &response, err);

    if (reason == WF_OK)
        reason = wf_endpoint_status(&response, what, err);
    if (reason == WF_OK)
        reason = response.status == 200 ? read_tokens(&response, ret, err)
                                        : judge_refusal(&response, brought, only, err);
    if (reason != WF_OK)
        ret->rest = response.retry_after < WF_ENDPOINT_REST_MAX ? response.retry_after
                                                                : WF_ENDPOINT_REST_MAX;
    wf_http_response_done(&response);
    return reason;
}

enum wf_reason wf_grant_code(const struct wf_endpoint *endpoint, const char *token_url,
                             const struct wf_secret *code, const struct wf_secret *verifier,
                             struct wf_tokens *ret, struct wf_err *err)
{
    struct wf_buf body = WF_BUF_INIT(WF_HTTP_REQUEST_BODY_MAX);

    wf_form_append_text(&body, "grant_type", "authorization_code");
    wf_form_append(&body, "code", wf_secret_borrow(code));
    wf_form_append_text(&body, "redirect_uri", endpoint->conf->redirect_uri);
    wf_form_append(&body, "code_verifier", wf_secret_borrow(verifier));
    enum wf_reason reason = buy(endpoint, token_url, &body, "code", NULL, ret, err);
    wf_buf_done(&body);
    return reason;
}

enum wf_reason wf_grant_refresh(const struct wf_endpoint *endpoint, const char *token_url,
                                const struct wf_secret *refresh, struct wf_tokens *ret,
                                struct wf_err *err)
{
    struct wf_buf body = WF_BUF_INIT(WF_HTTP_REQUEST_BODY_MAX);

    wf_form_append_text(&body, "grant_type", "refresh_token");
    wf_form_append(&body, "refresh_token", wf_secret_borrow(refresh));
    /* RFC 6749 has no such parameter here; Workfront's documentation has */
    if (endpoint->conf->type == WF_PROVIDER_WORKFRONT)
        wf_form_append_text(&body, "redirect_uri", endpoint->conf->redirect_uri);
    /* Only this error says that the session is over (RFC 6749 §5.2): another one may be a mistake
     * of the configuration's, for which nobody should have to sign in again */
    enum wf_reason reason =
        buy(endpoint, token_url, &body, "refresh token", "invalid_grant", ret, err);
    wf_buf_done(&body);
    return reason;
}

enum wf_reason wf_grant_revoke(const struct wf_endpoint *endpoint, const char *revocation_url,
                               const struct wf_secret *token, const char *hint, struct wf_err *err)
{
    static const char endpoint_name[] = "the revocation endpoint";
    struct wf_http_response response = WF_HTTP_RESPONSE_INIT;
    struct wf_buf body = WF_BUF_INIT(WF_HTTP_REQUEST_BODY_MAX);

    wf_form_append(&body, "token", wf_secret_borrow(token));
    wf_form_append_text(&body, "token_type_hint", hint);
    enum wf_reason reason = wf_client_post(endpoint, revocation_url, &body, &response, err);
    if (reason == WF_OK)
        reason = wf_endpoint_status(&response, endpoint_name, err);
    /* A token that it does not know is revoked enough (§2.2): that, too, is 200 */
    if (reason == WF_OK && response.status != 200)
        reason = wf_fail(err, WF_CONFIG, "%s answers status %d: check client_id and its rights",
                         endpoint_name, response.status);
    wf_http_response_done(&response);
    wf_buf_done(&body);
    return reason;
}

enum wf_reason wf_grant_assertion(const struct wf_endpoint *endpoint, const char *url,
                                  bool exchange, struct wf_span assertion, struct wf_tokens *ret,
                                  struct wf_err *err)
{
    struct wf_provider_conf conf = *endpoint->conf;
    const struct wf_endpoint here = {&conf, endpoint->http};
    struct wf_buf body = WF_BUF_INIT(WF_HTTP_REQUEST_BODY_MAX);
    char brought[WF_ERR_TEXT_MAX];

    if (exchange) {
        /* The documentation knows no other place for the secret */
        conf.client_auth = WF_CLIENT_AUTH_BODY;
        wf_form_append(&body, "jwt_token", assertion);
    } else {
        wf_form_append_text(&body, "grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer");
        wf_form_append(&body, "assertion", assertion);
        wf_form_append_text(&body, "scope", conf.scope);
    }
    /* A key that was removed, a user who was, a clock that is wrong: all say invalid_grant (RFC
     * 7523 §3.1), or what a provider thinks that it should say */
    (void)snprintf(
        brought, sizeof(brought),
        "assertion signed with %.150s for %.64s (is its public key still there, the user "
        "active, and this host's clock right?)",
        conf.private_key_file, exchange ? conf.user_id : conf.assertion_subject);
    enum wf_reason reason = buy(&here, url, &body, brought, NULL, ret, err);
    wf_buf_done(&body);
    return reason;
}
