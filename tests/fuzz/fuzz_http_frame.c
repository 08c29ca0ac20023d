/* Frames between host and helper. Each value has one spelling, so what is read and written again
 * is the same bytes; and what is read keeps what its struct promises. */
#include "config.h"

#include "fuzz.h"

#include <string.h>

#include "http_frame.h"
#include "url.h"

#define ANSWER_MAX 100

static void claim_same(const struct wf_buf *again, const uint8_t *payload, size_t len)
{
    FUZZ_CLAIM(wf_buf_ok(again));
    FUZZ_CLAIM(again->len == WF_FRAME_HEAD + len);
    FUZZ_CLAIM(memcmp(again->data + WF_FRAME_HEAD, payload, len) == 0);
}

static void try_request(const uint8_t *payload, size_t len)
{
    struct wf_http_request request;
    struct wf_buf again = WF_FRAME_BUF_INIT;

    if (wf_frame_get_request(payload, len, &request, NULL) != WF_OK)
        return;
    FUZZ_CLAIM(strlen(request.url) <= WF_URL_MAX);
    FUZZ_CLAIM(request.header_count <= WF_HTTP_HEADERS_MAX);
    for (size_t i = 0; i < request.header_count; i++) {
        FUZZ_CLAIM(strlen(request.headers[i].name) <= WF_HTTP_HEADER_NAME_MAX);
        FUZZ_CLAIM(request.headers[i].value.len <= WF_HTTP_HEADER_VALUE_MAX);
    }
    FUZZ_CLAIM(request.body.len <= WF_HTTP_REQUEST_BODY_MAX);
    wf_frame_put_request(&again, &request);
    claim_same(&again, payload, len);
    wf_buf_done(&again);
}

static void try_answer(const uint8_t *payload, size_t len)
{
    struct wf_http_response answer = WF_HTTP_RESPONSE_INIT;
    struct wf_buf again = WF_FRAME_BUF_INIT;

    if (wf_frame_get_answer(payload, len, ANSWER_MAX, &answer, NULL) != WF_OK) {
        FUZZ_CLAIM(answer.body.data == NULL && answer.status == 0);
        return;
    }
    FUZZ_CLAIM(answer.status >= 200 && answer.status <= 599);
    FUZZ_CLAIM(answer.body.len <= ANSWER_MAX);
    FUZZ_CLAIM(answer.retry_after <= WF_HTTP_RETRY_AFTER_MAX);
    wf_frame_put_answer(&again, &answer);
    claim_same(&again, payload, len);
    wf_http_response_done(&answer);
    wf_buf_done(&again);
}

static void try_refusal(const uint8_t *payload, size_t len)
{
    struct wf_err err = WF_ERR_INIT;
    enum wf_reason reason = wf_frame_get_refusal(payload, len, &err);

    FUZZ_CLAIM(reason == WF_MALFORMED || reason == WF_UNREACHABLE || reason == WF_CONFIG ||
               reason == WF_INTERNAL);
    FUZZ_CLAIM(wf_text_is_clean(err.text, strlen(err.text)));
}

static void try_assertion(const uint8_t *payload, size_t len)
{
    struct wf_assertion assertion;
    struct wf_buf again = WF_FRAME_BUF_INIT;

    if (wf_frame_get_assertion(payload, len, &assertion, NULL) != WF_OK)
        return;
    FUZZ_CLAIM(assertion.issued >= 0);
    FUZZ_CLAIM(assertion.lifetime >= 1 && assertion.lifetime <= WF_ASSERTION_LIFETIME_MAX);
    FUZZ_CLAIM(strlen(assertion.issuer) <= WF_ASSERTION_TEXT_MAX);
    FUZZ_CLAIM(assertion.key.len <= WF_ASSERTION_KEY_MAX);
    wf_frame_put_assertion(&again, &assertion);
    claim_same(&again, payload, len);
    wf_buf_done(&again);
}

static void try_signed(const uint8_t *payload, size_t len)
{
    struct wf_buf jwt = WF_BUF_INIT(WF_ASSERTION_MAX);
    struct wf_buf again = WF_FRAME_BUF_INIT;

    if (wf_frame_get_signed(payload, len, &jwt, NULL) == WF_OK) {
        wf_frame_put_signed(&again, &jwt);
        claim_same(&again, payload, len);
    } else {
        FUZZ_CLAIM(jwt.len == 0);
    }
    wf_buf_done(&jwt);
    wf_buf_done(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum wf_frame_kind kind = WF_FRAME_REFUSAL;
    size_t len = 0;

    if (size < WF_FRAME_HEAD || wf_frame_get_head(data, &kind, &len, NULL) != WF_OK)
        return 0;
    FUZZ_CLAIM(len <= WF_FRAME_PAYLOAD_MAX);
    const uint8_t *payload = data + WF_FRAME_HEAD;
    size_t rest = size - WF_FRAME_HEAD;
    switch (kind) {
    case WF_FRAME_ASSERTION:
        try_assertion(payload, rest);
        break;
    case WF_FRAME_SIGNED:
        try_signed(payload, rest);
        break;
    case WF_FRAME_HTTP_REQUEST:
        try_request(payload, rest);
        break;
    case WF_FRAME_HTTP_ANSWER:
        try_answer(payload, rest);
        break;
    case WF_FRAME_REFUSAL:
        try_refusal(payload, rest);
        break;
    }
    return 0;
}
