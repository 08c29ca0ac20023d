/* Provider answers as JSON: read by a table, nothing of a refused answer stays behind. */
#include "config.h"

#include "fuzz.h"

#include <string.h>

#include "json.h"

static void read_fields(const struct json_t *object)
{
    struct wf_span text = {NULL, 0};
    struct wf_secret *secret = NULL;
    int64_t number = 0;
    bool flag = false;
    const struct json_t *array = NULL;
    const struct json_t *inner = NULL;
    struct wf_err err = WF_ERR_INIT;
    const struct wf_json_field fields[] = {
        {"token_type", WF_JSON_TEXT, &text, true},
        {"access_token", WF_JSON_SECRET, &secret, true},
        {"expires_in", WF_JSON_NUMBER, &number, false},
        {"isActive", WF_JSON_BOOL, &flag, false},
        {"data", WF_JSON_ARRAY, &array, false},
        {"error", WF_JSON_OBJECT, &inner, false},
    };

    if (wf_json_read(object, fields, WF_ARRAY_LEN(fields), &err) != WF_OK) {
        FUZZ_CLAIM(secret == NULL);
        FUZZ_CLAIM(err.text[0] != 0 && wf_text_is_clean(err.text, strlen(err.text)));
        return;
    }
    FUZZ_CLAIM(secret != NULL && text.ptr != NULL);
    FUZZ_CLAIM(memchr(text.ptr, 0, text.len) == NULL);
    if (array != NULL) {
        for (size_t i = 0; i < wf_json_array_len(array) && i < 10; i++)
            (void)wf_json_array_object(array, i);
    }
    wf_secret_free(secret);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct json_t *object = NULL;
    struct wf_err err = WF_ERR_INIT;

    if (wf_json_parse((const char *)data, size, &object, &err) == WF_OK) {
        FUZZ_CLAIM(object != NULL);
        read_fields(object);
        (void)wf_json_has(object, "token_type", (struct wf_span){"sessionID", 9});
    } else {
        FUZZ_CLAIM(object == NULL);
        FUZZ_CLAIM(wf_text_is_clean(err.text, strlen(err.text)));
    }
    wf_json_free(object);
    return 0;
}
