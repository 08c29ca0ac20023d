#include "config.h"

#include "challenge.h"

#include <string.h>

#include "json.h"
#include "text.h"

static void copy(char ret[WF_CHALLENGE_TEXT_SIZE], struct wf_span text)
{
    wf_text_sanitise(ret, WF_CHALLENGE_TEXT_SIZE, text.ptr == NULL ? "" : text.ptr, text.len);
}

enum wf_reason wf_challenge_read(const char *text, size_t len, struct wf_challenge *ret,
                                 struct wf_err *err)
{
    struct json_t *object = NULL;
    struct wf_span status = {NULL, 0};
    struct wf_span scope = {NULL, 0};
    struct wf_span configuration = {NULL, 0};
    const struct wf_json_field fields[] = {
        {"status", WF_JSON_TEXT, &status, false},
        {"scope", WF_JSON_TEXT, &scope, false},
        {"openid-configuration", WF_JSON_TEXT, &configuration, false},
    };

    memset(ret, 0, sizeof(*ret));
    enum wf_reason reason = wf_json_parse(text, len, &object, err);
    if (reason == WF_OK)
        reason = wf_json_read(object, fields, WF_ARRAY_LEN(fields), err);
    if (reason == WF_OK) {
        copy(ret->status, status);
        copy(ret->scope, scope);
        copy(ret->configuration, configuration);
    }
    wf_json_free(object);
    return reason;
}

const char *wf_challenge_advice(const char *status)
{
    static const struct {
        const char *status;
        const char *text;
    } texts[] = {
        {"invalid_token", "the token is expired, revoked or of another service; get a new one"},
        {"401", "the token is expired, revoked or of another service; get a new one"},
        {"insufficient_scope",
         "the token may not be used for this service; get one with its scope"},
        {"403", "the token may not be used for this service; get one with its scope"},
        {"invalid_request", "the server does not understand the request"},
        {"400", "the server does not understand the request or takes the token for invalid"},
        {"temporarily_unavailable", "the server cannot check tokens now; try again later"},
    };

    for (size_t i = 0; i < WF_ARRAY_LEN(texts); i++) {
        if (strcmp(texts[i].status, status) == 0)
            return texts[i].text;
    }
    return "the server refuses the token";
}
