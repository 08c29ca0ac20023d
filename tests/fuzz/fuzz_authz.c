/* Pasted text: a code comes out clean and bounded or not at all. */
#include "config.h"

#include "fuzz.h"

#include <string.h>

#include "authz.h"
#include "buf.h"
#include "url.h"

/* "%S" in the input becomes this sign-in's state, which no input could guess. */
static void fill_in(struct wf_buf *out, const char *data, size_t size, struct wf_span state)
{
    for (size_t i = 0; i < size; i++) {
        if (data[i] == '%' && i + 1 < size && data[i + 1] == 'S') {
            wf_buf_append(out, state.ptr, state.len);
            i++;
        } else {
            wf_buf_append_byte(out, (uint8_t)data[i]);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct wf_provider_conf conf = {.name = "acme",
                                                 .url = "https://a.example",
                                                 .client_id = "c",
                                                 .redirect_uri = "https://b.example/"};
    static const struct wf_authz_hint hint = {"h", "s", "u"};
    struct wf_authz *authz = NULL;
    struct wf_secret *code = NULL;
    struct wf_buf paste = WF_BUF_INIT(65536);
    struct wf_span state;
    struct wf_err err = WF_ERR_INIT;

    FUZZ_CLAIM(wf_authz_new(&conf, "https://a.example/authorize", &hint, false, &authz, &err) == WF_OK);
    const char *query = strchr(wf_authz_address_borrow(authz), '?') + 1;
    FUZZ_CLAIM(wf_form_find((struct wf_span){query, strlen(query)}, "state", &state) == WF_OK);
    fill_in(&paste, (const char *)data, size, state);
    if (wf_buf_ok(&paste)) {
        enum wf_reason reason =
            wf_authz_parse(authz, paste.data == NULL ? "" : (const char *)paste.data, paste.len,
                           &code, &err);
        if (reason == WF_OK) {
            struct wf_span text = wf_secret_borrow(code);
            FUZZ_CLAIM(text.len > 0 && text.len <= WF_CODE_MAX);
            FUZZ_CLAIM(wf_text_is_printable(text.ptr, text.len));
        } else {
            FUZZ_CLAIM(code == NULL && err.text[0] != '\0');
            FUZZ_CLAIM(wf_text_is_clean(err.text, strlen(err.text)));
        }
    }
    wf_secret_free(code);
    wf_buf_done(&paste);
    wf_authz_free(authz);
    return 0;
}
