/* Addresses and forms: what passes the check is printable and https; decoding undoes encoding. */
#include "config.h"

#include "fuzz.h"

#include <string.h>

#include "url.h"

static void check_address(const uint8_t *data, size_t size)
{
    char url[WF_URL_MAX + 16];
    if (size >= sizeof(url) || memchr(data, 0, size) != NULL)
        return;
    memcpy(url, data, size);
    url[size] = 0;
    struct wf_err err = WF_ERR_INIT;
    if (wf_url_check(url, false, &err) == WF_OK) {
        FUZZ_CLAIM(strncmp(url, "https://", 8) == 0);
        FUZZ_CLAIM(size <= WF_URL_MAX);
        FUZZ_CLAIM(wf_text_is_printable(url, size));
        FUZZ_CLAIM(strpbrk(url, "\\# ") == NULL);
    } else {
        FUZZ_CLAIM(err.text[0] != 0);
    }
    if (wf_url_check(url, true, NULL) == WF_OK)
        FUZZ_CLAIM(strncmp(url, "http", 4) == 0);
}

static void check_form(struct wf_span span)
{
    struct wf_buf encoded = WF_BUF_INIT((size_t)4096 * 1024);
    struct wf_buf decoded = WF_BUF_INIT((size_t)1024 * 1024);
    struct wf_span value;

    if (memchr(span.ptr, 0, span.len) == NULL) {
        wf_url_encode(&encoded, span);
        struct wf_span text = {(const char *)encoded.data, encoded.len};
        if (span.len > 0) {
            FUZZ_CLAIM(wf_form_decode(&decoded, text) == WF_OK);
            FUZZ_CLAIM(decoded.len == span.len);
            FUZZ_CLAIM(memcmp(decoded.data, span.ptr, span.len) == 0);
        }
    }
    wf_buf_reset(&decoded);
    if (wf_form_find(span, "code", &value) == WF_OK && value.ptr != NULL) {
        FUZZ_CLAIM(value.ptr >= span.ptr && value.ptr + value.len <= span.ptr + span.len);
        if (wf_form_decode(&decoded, value) == WF_OK && decoded.len > 0)
            FUZZ_CLAIM(memchr(decoded.data, 0, decoded.len) == NULL);
    }
    wf_buf_done(&encoded);
    wf_buf_done(&decoded);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check_address(data, size);
    if (size > 0)
        check_form((struct wf_span){(const char *)data, size});
    return 0;
}
