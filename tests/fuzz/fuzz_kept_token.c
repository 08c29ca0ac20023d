/* The entry of the cache folder that keeps a service's token: what holds is a token that fits into
 * a header, or a reason and a clean text, for a time within bounds; and it is read back as it is. */
#include "config.h"

#include "fuzz.h"

#include <string.h>

#include "grant.h"
#include "kept_token.h"

/* What the seeds are bound to, and their time */
#define BOUND "b"
#define NOW INT64_C(1700000000)

static void claim_bounds(const struct wf_kept_token *kept)
{
    FUZZ_CLAIM(kept->until > NOW && kept->until <= kept->fetched + WF_KEPT_TOKEN_LIFE);
    FUZZ_CLAIM((kept->reason == WF_OK) == (kept->token != NULL));
    FUZZ_CLAIM(kept->token == NULL || wf_grant_is_token(kept->token));
    FUZZ_CLAIM(kept->reason == WF_OK || kept->reason == WF_EXPIRED ||
               kept->reason == WF_UNREACHABLE || kept->reason == WF_CONFIG);
    for (const char *c = kept->text; *c != '\0'; c++)
        FUZZ_CLAIM((unsigned char)*c >= 0x20 && *c != 0x7f);
}

static void claim_round(const struct wf_kept_token *kept)
{
    struct wf_buf entry = WF_BUF_INIT(WF_KEPT_TOKEN_MAX);
    struct wf_kept_token again = {.reason = WF_INTERNAL};

    FUZZ_CLAIM(wf_kept_token_write(kept, BOUND, &entry));
    FUZZ_CLAIM(wf_kept_token_read(&entry, BOUND, NOW, &again, NULL) == WF_OK);
    FUZZ_CLAIM(again.reason == kept->reason && again.fetched == kept->fetched &&
               again.until == kept->until && strcmp(again.text, kept->text) == 0);
    FUZZ_CLAIM(kept->token == NULL || wf_secret_equals(again.token, kept->token));
    FUZZ_CLAIM(wf_kept_token_read(&entry, "another", NOW, &again, NULL) == WF_EXPIRED);
    FUZZ_CLAIM(wf_kept_token_read(&entry, BOUND, kept->until, &again, NULL) == WF_EXPIRED);
    wf_secret_free(again.token);
    wf_buf_done(&entry);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wf_buf entry = WF_BUF_INIT(WF_KEPT_TOKEN_MAX);
    struct wf_kept_token kept = {.reason = WF_INTERNAL};
    struct wf_err err = WF_ERR_INIT;

    wf_buf_append(&entry, data, size);
    if (wf_buf_ok(&entry)) {
        enum wf_reason reason = wf_kept_token_read(&entry, BOUND, NOW, &kept, &err);
        FUZZ_CLAIM(reason == WF_OK || reason == WF_EXPIRED || reason == WF_MALFORMED ||
                   reason == WF_TOO_LARGE);
        FUZZ_CLAIM(reason == WF_OK || (kept.reason == WF_INTERNAL && kept.token == NULL));
        if (reason == WF_OK) {
            claim_bounds(&kept);
            claim_round(&kept);
        }
        wf_secret_free(kept.token);
    }
    wf_buf_done(&entry);
    return 0;
}
