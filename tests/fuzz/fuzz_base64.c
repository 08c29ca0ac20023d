/* base64url: what decodes has exactly one spelling, and a refusal leaves the buffer alone. */
#include "config.h"

#include "fuzz.h"

#include <string.h>

#include "base64.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wf_buf plain = WF_BUF_INIT((size_t)1024 * 1024);
    struct wf_buf again = WF_BUF_INIT((size_t)2048 * 1024);

    if (wf_base64url_decode(&plain, (const char *)data, size) == WF_OK) {
        wf_base64url_encode(&again, plain.data, plain.len);
        FUZZ_CLAIM(wf_buf_ok(&again));
        FUZZ_CLAIM(again.len == size);
        FUZZ_CLAIM(size == 0 || memcmp(again.data, data, size) == 0);
    } else {
        FUZZ_CLAIM(plain.len == 0);
    }
    wf_buf_done(&plain);
    wf_buf_done(&again);
    return 0;
}
