/* Sanitising: whatever comes in, what goes to a log or a terminal is clean, whole and bounded. */
#include "config.h"

#include "fuzz.h"

#include <string.h>

#include "text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const size_t rooms[] = {1, 2, 5, 64, 4096};
    const char *text = (const char *)data;
    char out[4096];
    uint64_t number = 7;

    for (size_t i = 0; i < WF_ARRAY_LEN(rooms); i++) {
        memset(out, 'x', sizeof(out));
        wf_text_sanitise(out, rooms[i], text, size);
        FUZZ_CLAIM(memchr(out, 0, rooms[i]) != NULL);
        FUZZ_CLAIM(wf_text_is_clean(out, strlen(out)));
    }
    if (wf_text_is_clean(text, size) && size < sizeof(out)) {
        /* Clean text passes unchanged */
        FUZZ_CLAIM(strlen(out) == size && (size == 0 || memcmp(out, data, size) == 0));
    }

    struct wf_span trimmed = wf_text_trim(text, size);
    FUZZ_CLAIM(trimmed.len <= size);
    struct wf_span rest = trimmed;
    struct wf_span field;
    size_t fields = 0;
    while (wf_text_next(&rest, ',', &field)) {
        FUZZ_CLAIM(field.len <= size);
        FUZZ_CLAIM(++fields <= size + 1);
        if (wf_text_number(field, 3, 100000, &number))
            FUZZ_CLAIM(number >= 3 && number <= 100000);
        if (wf_text_duration(field, 3, 100000, &number))
            FUZZ_CLAIM(number >= 3 && number <= 100000);
    }
    return 0;
}
