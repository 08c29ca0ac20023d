#include "config.h"

#include "grant.h"

#include <string.h>

#include "client_auth.h"
#include "json.h"
#include "url.h"

static const char what[] = "the token endpoint";

/* A 4xx: whose fault is it? An answer that is not RFC 6749's JSON is judged by its status. */
static enum wf_reason judge_refusal(const struct wf_http_response *response, struct wf_err *err)
{
    enum wf_reason reason = WF_INTERNAL;
    struct json_t *json = NULL;
    struct wf_span error = {NULL, 0};

    if (wf_endpoint_json(response, what, &json, NULL) == WF_OK)
        error = wf_json_text(json, "error");
    if (wf_client_is_blamed(error) || response->status == 401 || response->status == 403 ||
        response->status == 404)
        reason = wf_fail(err, WF_CONFIG,
                         "%s refuses this client: status %d %.*s: check url, client_id, "
                         "client_secret_file and redirect_uri",
                         what, response->status, (int)(error.len < 64 ? error.len : 64),
                         error.ptr == NULL ? "" : error.ptr);
    else if (response->status == 400 && error.ptr != NULL)
        reason = wf_fail(err, WF_EXPIRED, "%s refuses the code: %.*s", what,
                         (int)(error.len < 64 ? error.len : 64), error.ptr);
    else
        reason = wf_fail(err, WF_UNREACHABLE, "%s answers status %d, expected an OAuth2 error",
                         what, response->status);
    wf_json_free(json);
    return reason;
}

/* RFC 6750 §2.1 allows these bytes; a Workfront session has hex digits alone. Anything else must
 * not get into a header. */
static bool token_is_plausible(const struct wf_secret *token)
{
    struct wf_span text = wf_secret_borrow(token);

    return text.len > 0 && text.len <= WF_TOKEN_MAX && wf_text_is_printable(text.ptr, text.len) &&
           memchr(text.ptr, ' ', text.len) == NULL;
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
        {"expires_in", WF_JSON_NUMBER, &tokens.expires_in, false},
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
    if (!token_is_plausible(tokens.access) ||
        (tokens.refresh != NULL && !token_is_plausible(tokens.refresh))) {
        reason = wf_fail(err, WF_MALFORMED, "a token is empty, too long or has forbidden bytes");
        goto out;
    }
    /* Workfront answers 0 for "as long as a session"; a negative or absurd number says no more */
    if (tokens.expires_in < 0 || tokens.expires_in > (int64_t)10 * 366 * 86400)
        tokens.expires_in = 0;
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

enum wf_reason wf_grant_code(const struct wf_endpoint *endpoint, const char *token_url,
                             const struct wf_secret *code, const struct wf_secret *verifier,
                             struct wf_tokens *ret, struct wf_err *err)
{
    enum wf_reason reason = WF_INTERNAL;
    struct wf_http_response response = WF_HTTP_RESPONSE_INIT;
    struct wf_buf body = WF_BUF_INIT(WF_HTTP_REQUEST_BODY_MAX);

    wf_form_append_text(&body, "grant_type", "authorization_code");
    wf_form_append(&body, "code", wf_secret_borrow(code));
    wf_form_append_text(&body, "redirect_uri", endpoint->conf->redirect_uri);
    wf_form_append(&body, "code_verifier", wf_secret_borrow(verifier));
    reason = wf_client_post(endpoint, token_url, &body, &response, err);
    if (reason != WF_OK)
        goto out;
    reason = wf_endpoint_status(&response, what, err);
    if (reason != WF_OK)
        goto out;
    reason = response.status == 200 ? read_tokens(&response, ret, err)
                                    : judge_refusal(&response, err);
out:
    wf_http_response_done(&response);
    wf_buf_done(&body);
    return reason;
}
