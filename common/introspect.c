#include "config.h"

#include "introspect.h"

#include <string.h>

#include "client_auth.h"
#include "grant.h"
#include "json.h"
#include "rules.h"
#include "url.h"

static const char introspection[] = "the introspection endpoint";
static const char userinfo[] = "the userinfo endpoint";

/* What an active answer says of the kind of token. RFC 7662 §2.2 defines token_type as that of
 * RFC 6749 §5.1 (Bearer), but providers use it and members of their own to tell what they were
 * asked about; a member that is absent or null tells nothing. `typ` (Keycloak: Bearer, Refresh,
 * Offline, ID) and `token_use` (Ory Hydra: access_token, refresh_token; Amazon Cognito: access, id)
 * are claims of JWTs, too, and judged by the rules.
 *
 * token_type   Bearer         RFC 7662; Keycloak, Hydra (for access tokens), Okta, ForgeRock
 *              access_token, refresh_token, id_token   glewlwyd (plug-ins oauth2 and oidc)
 *              DPoP, mac, pop, N_A   bound to a sender, or no access token: RFC 9449 §6.2, RFC 8693
 *                             §2.2.1
 * tokenName    access_token, refresh_token, id_token   ForgeRock AM, in what it answers of JWTs
 */
static const struct {
    const char *member;
    const char *accepted[2]; /* capitals do not count: RFC 6749 §5.1 */
} kinds[] = {
    {"token_type", {"Bearer", "access_token"}},
    {"tokenName", {"access_token", "access_token"}},
};

/* What stands in ID tokens alone: OpenID Connect Core §3.1.3.6, §3.3.2.11. */
static const char *const id_token_members[] = {"at_hash", "c_hash"};

static enum wf_reason judge_kind(const struct json_t *answer, struct wf_err *err)
{
    for (size_t i = 0; i < WF_ARRAY_LEN(kinds); i++) {
        struct wf_span kind = {NULL, 0};
        const struct wf_json_field field = {kinds[i].member, WF_JSON_TEXT, &kind, false};
        enum wf_reason reason = wf_json_read(answer, &field, 1, err);
        if (reason != WF_OK)
            return reason;
        if (kind.ptr != NULL && !wf_span_equals_fold(kind, kinds[i].accepted[0]) &&
            !wf_span_equals_fold(kind, kinds[i].accepted[1]))
            return wf_fail(err, WF_TYPE, "%s says %s \"%.*s\", expected %s", introspection,
                           kinds[i].member, (int)(kind.len < 32 ? kind.len : 32), kind.ptr,
                           kinds[i].accepted[0]);
    }
    for (size_t i = 0; i < WF_ARRAY_LEN(id_token_members); i++) {
        if (wf_json_present(answer, id_token_members[i]))
            return wf_fail(err, WF_TYPE, "%s describes an ID token (%s)", introspection,
                           id_token_members[i]);
    }
    return WF_OK;
}

static enum wf_reason judge_issuer(const struct wf_provider_conf *conf, const struct json_t *answer,
                                   const char *what, struct wf_err *err)
{
    struct wf_span iss = wf_json_text(answer, "iss");

    if (iss.ptr != NULL && !wf_span_equals(iss, conf->url))
        return wf_fail(err, WF_ISSUER, "%s says iss \"%.*s\", expected \"%s\"", what,
                       (int)(iss.len < 128 ? iss.len : 128), iss.ptr, conf->url);
    return WF_OK;
}

/* A broken provider is out of order: whoever knocks is not at fault. */
static enum wf_reason blame_provider(enum wf_reason reason, const char *what, struct wf_err *err)
{
    if (reason != WF_MALFORMED)
        return reason;
    wf_err_context(err, "%s", what);
    return WF_UNREACHABLE;
}

/* Its JSON, strictly. A signed answer is refused in words of its own: it is the client's entry at
 * the provider that asks for it. */
static enum wf_reason parse(const struct wf_http_response *response, const char *what,
                            struct json_t **ret, struct wf_err *err)
{
    static const char *const signed_types[] = {"application/token-introspection+jwt",
                                               "application/jwt"};

    for (size_t i = 0; i < WF_ARRAY_LEN(signed_types); i++) {
        if (strcmp(response->content_type, signed_types[i]) == 0)
            return wf_fail(err, WF_UNREACHABLE,
                           "%s answers with a signed token (%s): have the provider answer this "
                           "client in JSON",
                           what, signed_types[i]);
    }
    return wf_endpoint_json(response, what, ret, err);
}

static enum wf_reason judge_introspection(const struct wf_provider_conf *conf,
                                          const struct json_t *answer, struct wf_err *err)
{
    bool active = false;
    const struct wf_json_field field = {"active", WF_JSON_BOOL, &active, true};
    enum wf_reason reason = wf_json_read(answer, &field, 1, err);

    if (reason != WF_OK)
        return reason;
    if (!active)
        return wf_fail(err, WF_INACTIVE, "%s says that the token is not active", introspection);
    reason = wf_rules_check_types(answer, err);
    if (reason == WF_OK)
        reason = judge_issuer(conf, answer, introspection, err);
    if (reason == WF_OK)
        reason = judge_kind(answer, err);
    return reason;
}

static enum wf_reason judge_userinfo(const struct wf_provider_conf *conf,
                                     const struct json_t *answer, struct wf_err *err)
{
    struct wf_span sub = {NULL, 0};
    const struct wf_json_field field = {"sub", WF_JSON_TEXT, &sub, true};
    enum wf_reason reason = wf_json_read(answer, &field, 1, err);

    if (reason == WF_OK)
        reason = wf_rules_check_types(answer, err);
    if (reason == WF_OK)
        reason = judge_issuer(conf, answer, userinfo, err);
    return reason;
}

/* The error of a 4xx, borrowed from *ret, which may stay NULL. */
static struct wf_span error_of(const struct wf_http_response *response, const char *what,
                               struct json_t **ret)
{
    if (wf_endpoint_json(response, what, ret, NULL) != WF_OK)
        return (struct wf_span){NULL, 0};
    return wf_json_text(*ret, "error");
}

/* RFC 7662 §2.3: a token that is none is answered with active = false, so any 4xx is about us. */
static enum wf_reason refuse_introspection(const struct wf_http_response *response,
                                           struct wf_err *err)
{
    int status = response->status;
    struct json_t *json = NULL;
    struct wf_span error = error_of(response, introspection, &json);
    bool blamed = wf_client_is_blamed(error) || status == 401 || status == 403 || status == 404 ||
                  status == 405;
    enum wf_reason reason = wf_fail(
        err, blamed ? WF_CONFIG : WF_UNREACHABLE,
        blamed ? "%s refuses this client: status %d %.*s: check url, client_id, client_auth "
                 "and the client's rights at the provider"
               : "%s answers status %d %.*s, expected 200",
        introspection, status, (int)(error.len < 64 ? error.len : 64),
        error.ptr == NULL ? "" : error.ptr);

    wf_json_free(json);
    return reason;
}

/* RFC 6750 §3.1 */
static enum wf_reason refuse_userinfo(const struct wf_http_response *response, struct wf_err *err)
{
    int status = response->status;
    struct json_t *json = NULL;
    struct wf_span error = error_of(response, userinfo, &json);
    enum wf_reason reason;

    if (status == 401 || status == 403 || wf_span_equals(error, "invalid_token"))
        reason =
            wf_fail(err, WF_INACTIVE, "%s does not take the token: status %d", userinfo, status);
    else if (status == 404 || status == 405)
        reason = wf_fail(err, WF_CONFIG, "%s answers status %d: check url", userinfo, status);
    else
        reason =
            wf_fail(err, WF_UNREACHABLE, "%s answers status %d, expected 200", userinfo, status);
    wf_json_free(json);
    return reason;
}

/* What the two endpoints differ in. */
struct kind {
    const char *what;
    enum wf_reason (*judge)(const struct wf_provider_conf *conf, const struct json_t *answer,
                            struct wf_err *err);
    enum wf_reason (*refuse)(const struct wf_http_response *response, struct wf_err *err);
};
static const struct kind of_introspection = {introspection, judge_introspection,
                                             refuse_introspection};
static const struct kind of_userinfo = {userinfo, judge_userinfo, refuse_userinfo};

static enum wf_reason read_answer(const struct wf_endpoint *endpoint, const struct kind *kind,
                                  const struct wf_http_response *response,
                                  struct json_t **ret_claims, struct wf_err *err)
{
    struct json_t *answer = NULL;
    enum wf_reason reason = wf_endpoint_status(response, kind->what, err);

    if (reason != WF_OK)
        return reason;
    if (response->status != 200)
        return kind->refuse(response, err);
    reason = parse(response, kind->what, &answer, err);
    if (reason != WF_OK)
        return reason;
    reason = blame_provider(kind->judge(endpoint->conf, answer, err), kind->what, err);
    if (reason == WF_OK) {
        *ret_claims = answer;
        answer = NULL;
    }
    wf_json_free(answer);
    return reason;
}

enum wf_reason wf_introspect(const struct wf_endpoint *endpoint, const char *url,
                             const struct wf_secret *token, struct json_t **ret_claims,
                             struct wf_err *err)
{
    enum wf_reason reason = WF_INTERNAL;
    struct wf_http_response response = WF_HTTP_RESPONSE_INIT;
    struct wf_buf body = WF_BUF_INIT(WF_HTTP_REQUEST_BODY_MAX);
    struct wf_span text = wf_secret_borrow(token);

    if (text.len == 0 || text.len > WF_TOKEN_MAX || !wf_text_is_printable(text.ptr, text.len) ||
        memchr(text.ptr, ' ', text.len) != NULL) {
        reason = wf_fail(err, WF_MALFORMED, "the token is empty, too long or has forbidden bytes");
        goto out;
    }
    wf_form_append(&body, "token", text);
    /* A hint, no filter: a provider that does not find it there looks elsewhere (RFC 7662 §2.1) */
    wf_form_append_text(&body, "token_type_hint", "access_token");
    reason = wf_client_post(endpoint, url, &body, &response, err);
    if (reason == WF_OK)
        reason = read_answer(endpoint, &of_introspection, &response, ret_claims, err);
out:
    wf_http_response_done(&response);
    wf_buf_done(&body);
    return reason;
}

/* b64token = 1*( ALPHA / DIGIT / "-" / "." / "_" / "~" / "+" / "/" ) *"="     RFC 6750 §2.1 */
static bool is_b64token(struct wf_span text)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/";
    size_t len = text.len == 0 ? 0 : strspn(text.ptr, alphabet);

    if (len == 0)
        return false;
    return len + strspn(text.ptr + len, "=") == text.len;
}

enum wf_reason wf_userinfo(const struct wf_endpoint *endpoint, const char *url,
                           const struct wf_secret *token, struct json_t **ret_claims,
                           struct wf_err *err)
{
    enum wf_reason reason = WF_INTERNAL;
    static const char scheme[] = "Bearer ";
    struct wf_http_response response = WF_HTTP_RESPONSE_INIT;
    struct wf_http_request request;
    struct wf_buf header = WF_BUF_INIT(sizeof(scheme) + WF_TOKEN_MAX);
    struct wf_span text = wf_secret_borrow(token);

    if (text.len > WF_HTTP_HEADER_VALUE_MAX - (sizeof(scheme) - 1) || !is_b64token(text)) {
        reason = wf_fail(err, WF_MALFORMED, "the token is empty, too long or has forbidden bytes");
        goto out;
    }
    wf_buf_append_text(&header, scheme);
    wf_buf_append(&header, text.ptr, text.len);
    if (!wf_buf_ok(&header)) {
        reason = wf_fail(err, WF_INTERNAL, "out of memory for a request");
        goto out;
    }
    wf_endpoint_prepare(endpoint, "GET", url, &request);
    request.headers[request.header_count++] =
        (struct wf_http_header){"Authorization", {(const char *)header.data, header.len}};
    reason = wf_http_send(endpoint->http, &request, &response, err);
    if (reason == WF_OK)
        reason = read_answer(endpoint, &of_userinfo, &response, ret_claims, err);
out:
    wf_http_response_done(&response);
    wf_buf_done(&header);
    return reason;
}
