/* Map files: what is accepted holds valid names only, and finds each of its own values. */
#include "config.h"

#include "fuzz.h"

#include <string.h>

#include "buf.h"
#include "mapfile.h"
#include "user.h"

/* Read the first word of every line again, by other means, and ask for it. */
static void ask_for_all(const struct wf_mapfile *map, struct wf_span text)
{
    struct wf_span line;

    while (wf_text_next(&text, '\n', &line)) {
        char value[WF_CLAIM_MAX];
        size_t len = 0;
        struct wf_span name = {NULL, 0};
        if (line.len == 0 || line.ptr[0] == '#')
            continue;
        while (len < line.len && line.ptr[len] != ' ' && line.ptr[len] != '\t')
            len++;
        FUZZ_CLAIM(len > 0 && len <= sizeof(value));
        memcpy(value, line.ptr, len);
        wf_text_fold(value, len);
        FUZZ_CLAIM(wf_text_is_printable(value, len));
        FUZZ_CLAIM(wf_mapfile_find(map, (struct wf_span){value, len}, &name));
        FUZZ_CLAIM(name.len == 0 || wf_user_is_valid(name));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wf_mapfile *map = NULL;
    struct wf_err err = WF_ERR_INIT;
    struct wf_span text = {(const char *)data, size};
    struct wf_span name = {NULL, 0};

    if (size == 0 || size > WF_MAPFILE_MAX)
        return 0;
    if (wf_mapfile_parse("map", text, &map, &err) == WF_OK) {
        ask_for_all(map, text);
        FUZZ_CLAIM(!wf_mapfile_find(map, (struct wf_span){"", 0}, &name));
        /* No value holds a blank */
        FUZZ_CLAIM(!wf_mapfile_find(map, (struct wf_span){"a b", 3}, &name));
    } else {
        FUZZ_CLAIM(map == NULL);
        FUZZ_CLAIM(strncmp(err.text, "map:", 4) == 0);
    }
    wf_mapfile_free(map);
    return 0;
}
