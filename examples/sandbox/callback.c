#include "config.h"

#include "handlers.h"

#include <stdlib.h>
#include <string.h>

#include "crypto.h"
#include "page.h"

/* Append ` 'sha256-…'` for the text of the first such element of the page: what the
 * Content-Security-Policy allows is exactly what stands in the file. */
static void add_hash(struct sb_str *policy, const char *directive, const char *page,
                     const char *open, const char *close)
{
    const char *at = strstr(page, open);
    const char *end = at ? strstr(at, close) : NULL;
    if (!end)
        return;
    at += strlen(open);
    char *hash = sb_sha256_base64(at, (size_t)(end - at));
    sb_str_addf(policy, "; %s 'sha256-%s'", directive, hash);
    free(hash);
}

void sb_callback(struct sb_request *rq)
{
    const char *page = rq->settings->callback_page;
    if (!page) {
        sb_page_error(rq, 404, "The sandbox was started without a callback page.", "no-page");
        return;
    }
    struct sb_str policy = {0};
    sb_str_add(&policy, "default-src 'none'; base-uri 'none'; form-action 'none'; "
                        "frame-ancestors 'none'");
    add_hash(&policy, "style-src", page, "<style>", "</style>");
    add_hash(&policy, "script-src", page, "<script>", "</script>");
    sb_reply_start(&rq->reply, 200, "text/html; charset=utf-8");
    sb_page_headers(&rq->reply, policy.at);
    sb_str_add(&rq->reply.body, page);
    rq->result = "page";
    sb_str_done(&policy);
}
