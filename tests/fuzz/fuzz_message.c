/* A client's message: what is accepted is clean, bounded and means the same when written again. */
#include "config.h"

#include "fuzz.h"

#include <string.h>

#include "message.h"

static void claim_parts(const struct wf_message *message, const char *text, size_t size)
{
    FUZZ_CLAIM(strlen(message->authzid) <= WF_MESSAGE_NAME_MAX);
    FUZZ_CLAIM(wf_text_is_clean(message->authzid, strlen(message->authzid)));
    FUZZ_CLAIM(message->port <= 65535);
    if (message->token.len > 0) {
        FUZZ_CLAIM(message->token.ptr >= text &&
                   message->token.ptr + message->token.len <= text + size);
        FUZZ_CLAIM(wf_text_is_printable(message->token.ptr, message->token.len));
        FUZZ_CLAIM(memchr(message->token.ptr, ' ', message->token.len) == NULL);
    }
}

static void claim_round_trip(const struct wf_message *message)
{
    struct wf_message again;
    struct wf_buf out = WF_BUF_INIT(WF_MESSAGE_MAX);

    if (wf_message_write_oauthbearer(&out, message->authzid, "", message->port, message->token)) {
        FUZZ_CLAIM(wf_message_read_oauthbearer((const char *)out.data, out.len, &again, NULL) ==
                   WF_OK);
        FUZZ_CLAIM(strcmp(again.authzid, message->authzid) == 0);
        FUZZ_CLAIM(again.port == message->port && again.token.len == message->token.len);
        FUZZ_CLAIM(memcmp(again.token.ptr, message->token.ptr, again.token.len) == 0);
    }
    wf_buf_done(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    struct wf_message message;
    struct wf_err err = WF_ERR_INIT;

    if (wf_message_read_oauthbearer(text, size, &message, &err) == WF_OK) {
        claim_parts(&message, text, size);
        if (message.token.len > 0)
            claim_round_trip(&message);
    } else {
        FUZZ_CLAIM(err.text[0] != '\0' && wf_text_is_clean(err.text, strlen(err.text)));
    }
    if (wf_message_read_xoauth2(text, size, &message, NULL) == WF_OK)
        claim_parts(&message, text, size);
    return 0;
}
