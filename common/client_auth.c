#include "config.h"

#include "client_auth.h"

#include <string.h>
#include <time.h>

#include "base64.h"
#include "url.h"

/* Seconds that an assertion is good for: the provider's clock may differ from ours by a minute. */
#define LIFETIME 120U

/* invalid_request is not among them: some providers answer it for a code that is no code. */
bool wf_client_is_blamed(struct wf_span error)
{
    static const char *const codes[] = {"invalid_client", "unauthorized_client",
                                        "unsupported_grant_type", "invalid_scope"};

    for (size_t i = 0; i < WF_ARRAY_LEN(codes); i++) {
        if (wf_span_equals(error, codes[i]))
            return true;
    }
    return false;
}

/* "Basic base64(id:secret)", both halves form-urlencoded first (RFC 6749 §2.3.1). */
static void append_basic(struct wf_buf *out, const char *client_id, const struct wf_secret *secret)
{
    struct wf_buf pair = WF_BUF_INIT(8192);

    wf_url_encode(&pair, (struct wf_span){client_id, strlen(client_id)});
    wf_buf_append_byte(&pair, ':');
    wf_url_encode(&pair, wf_secret_borrow(secret));
    wf_buf_append_text(out, "Basic ");
    if (wf_buf_ok(&pair))
        wf_base64_encode(out, pair.data, pair.len);
    else
        out->failed = true;
    wf_buf_done(&pair);
}

static enum wf_reason prove_by_secret(const struct wf_endpoint *endpoint, struct wf_buf *basic,
                                      struct wf_buf *body, struct wf_err *err)
{
    const struct wf_provider_conf *conf = endpoint->conf;
    struct wf_secret *secret = NULL;
    enum wf_reason reason = wf_conf_read_secret(conf, &secret, err);

    if (reason != WF_OK)
        return reason;
    /* A public client has no secret to put anywhere */
    if (secret != NULL && conf->client_auth == WF_CLIENT_AUTH_BASIC) {
        append_basic(basic, conf->client_id, secret);
    } else {
        wf_form_append_text(body, "client_id", conf->client_id);
        if (secret != NULL)
            wf_form_append(body, "client_secret", wf_secret_borrow(secret));
    }
    wf_secret_free(secret);
    return WF_OK;
}

/* RFC 7523 §3. The key is read anew each time: a key that was replaced works at once. */
static enum wf_reason prove_by_key(const struct wf_endpoint *endpoint, struct wf_buf *body,
                                   struct wf_err *err)
{
    static const char type[] = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
    const struct wf_provider_conf *conf = endpoint->conf;
    struct wf_secret *key = NULL;
    struct wf_buf jwt = WF_BUF_INIT(WF_ASSERTION_MAX);
    enum wf_reason reason = WF_INTERNAL;

    reason = wf_conf_read_private_key(conf, &key, err);
    if (reason != WF_OK)
        goto out;
    if (key == NULL) {
        reason = wf_fail(err, WF_CONFIG, "client_auth = private_key_jwt needs private_key_file");
        goto out;
    }
    const struct wf_assertion assertion = {
        .key = wf_secret_borrow(key),
        .algorithm = conf->assertion_algorithm,
        .issuer = conf->client_id,
        .subject = conf->client_id,
        .audience = conf->url,
        .issued = time(NULL),
        .lifetime = LIFETIME,
    };
    reason = wf_http_sign(endpoint->http, &assertion, &jwt, err);
    if (reason != WF_OK) {
        wf_err_context(err, "private_key_file %s", conf->private_key_file);
        goto out;
    }
    wf_form_append_text(body, "client_id", conf->client_id);
    wf_form_append_text(body, "client_assertion_type", type);
    wf_form_append(body, "client_assertion", (struct wf_span){(const char *)jwt.data, jwt.len});
    reason = WF_OK;
out:
    wf_secret_free(key);
    wf_buf_done(&jwt);
    return reason;
}

static enum wf_reason prove(const struct wf_endpoint *endpoint, struct wf_buf *basic,
                            struct wf_buf *body, struct wf_err *err)
{
    switch (endpoint->conf->client_auth) {
    case WF_CLIENT_AUTH_BASIC:
    case WF_CLIENT_AUTH_BODY:
        return prove_by_secret(endpoint, basic, body, err);
    case WF_CLIENT_AUTH_PRIVATE_KEY_JWT:
        return prove_by_key(endpoint, body, err);
    }
    return wf_fail(err, WF_INTERNAL, "unknown kind of client authentication");
}

enum wf_reason wf_client_post(const struct wf_endpoint *endpoint, const char *url,
                              struct wf_buf *body, struct wf_http_response *ret, struct wf_err *err)
{
    static const char type[] = "application/x-www-form-urlencoded";
    struct wf_http_request request;
    struct wf_buf basic = WF_BUF_INIT(WF_HTTP_HEADER_VALUE_MAX);
    enum wf_reason reason = prove(endpoint, &basic, body, err);

    if (reason != WF_OK)
        goto out;
    if (!wf_buf_ok(body) || !wf_buf_ok(&basic)) {
        reason = wf_fail(err, WF_INTERNAL, "no room for the request to %.200s", url);
        goto out;
    }
    wf_endpoint_prepare(endpoint, "POST", url, &request);
    request.headers[request.header_count++] =
        (struct wf_http_header){"Content-Type", {type, sizeof(type) - 1}};
    if (basic.len > 0)
        request.headers[request.header_count++] =
            (struct wf_http_header){"Authorization", {(const char *)basic.data, basic.len}};
    request.body = (struct wf_span){(const char *)body->data, body->len};
    reason = wf_http_send(endpoint->http, &request, ret, err);
out:
    wf_buf_done(&basic);
    return reason;
}
