/* What a server says to a refused token: nothing of it gets to a terminal or a log as it came. */
#include "config.h"

#include "fuzz.h"

#include <string.h>

#include "challenge.h"
#include "text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wf_challenge challenge;
    struct wf_err err = WF_ERR_INIT;
    enum wf_reason reason = wf_challenge_read((const char *)data, size, &challenge, &err);
    const char *texts[] = {challenge.status, challenge.scope, challenge.configuration};

    for (size_t i = 0; i < WF_ARRAY_LEN(texts); i++) {
        FUZZ_CLAIM(strlen(texts[i]) < WF_CHALLENGE_TEXT_SIZE);
        FUZZ_CLAIM(wf_text_is_clean(texts[i], strlen(texts[i])));
        FUZZ_CLAIM(reason == WF_OK || texts[i][0] == '\0');
    }
    FUZZ_CLAIM(wf_challenge_advice(challenge.status)[0] != '\0');
    return 0;
}
