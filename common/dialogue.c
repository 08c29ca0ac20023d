#include "config.h"

#include "dialogue.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "http.h"
#include "prompt.h"
#include "provider.h"
#include "text.h"

#define ANSWERS_MAX 3

/* A new address for the next answer; the old one's code is then of another sign-in. */
static enum wf_reason renew(struct wf_dialogue *dialogue, struct wf_err *err)
{
    enum wf_reason reason = WF_INTERNAL;
    struct wf_authz *authz = NULL;
    char *url = NULL;
    const struct wf_authz_hint hint = {dialogue->host, dialogue->service, dialogue->user};

    reason = wf_provider_authorize_url(&dialogue->endpoint, &url, err);
    if (reason != WF_OK)
        goto out;
    reason = wf_authz_new(dialogue->endpoint.conf, url, &hint, dialogue->offline, &authz, err);
    if (reason != WF_OK)
        goto out;
    wf_authz_free(dialogue->authz);
    dialogue->authz = authz;
out:
    free(url);
    return reason;
}

static void learn_host(struct wf_dialogue *dialogue)
{
    char name[HOST_NAME_MAX + 1];

    if (gethostname(name, sizeof(name)) != 0)
        name[0] = '\0';
    wf_text_sanitise(dialogue->host, sizeof(dialogue->host), name, strlen(name));
}

enum wf_reason wf_dialogue_begin(struct wf_dialogue *dialogue, struct wf_err *err)
{
    dialogue->prompt = (struct wf_buf)WF_BUF_INIT(WF_PROMPT_MAX);
    learn_host(dialogue);
    enum wf_reason reason = renew(dialogue, err);
    dialogue->open = reason == WF_OK;
    return reason;
}

void wf_dialogue_done(struct wf_dialogue *dialogue)
{
    wf_authz_free(dialogue->authz);
    wf_http_free(dialogue->endpoint.http);
    wf_buf_done(&dialogue->prompt);
}

const char *wf_dialogue_prompt_borrow(struct wf_dialogue *dialogue, enum wf_qr qr)
{
    const struct wf_prompt prompt = {
        .problem = dialogue->problem,
        .title = wf_provider_title(dialogue->endpoint.conf),
        .host = dialogue->host,
        .service = dialogue->service,
        .user = dialogue->user,
        .address = wf_authz_address_borrow(dialogue->authz),
        .qr = qr,
    };

    wf_buf_reset(&dialogue->prompt);
    wf_prompt_append(&dialogue->prompt, &prompt);
    return wf_buf_text_borrow(&dialogue->prompt);
}

enum wf_reason wf_dialogue_redeem(const struct wf_dialogue *dialogue, const struct wf_secret *code,
                                  struct wf_tokens *ret, struct wf_err *err)
{
    return wf_provider_redeem(&dialogue->endpoint, code, wf_authz_verifier_borrow(dialogue->authz),
                              ret, err);
}

bool wf_dialogue_is_mendable(enum wf_reason reason)
{
    return reason == WF_TOO_LARGE || reason == WF_MALFORMED || reason == WF_ISSUER ||
           reason == WF_EXPIRED || reason == WF_IDENTITY;
}

void wf_dialogue_go_on(struct wf_dialogue *dialogue, bool again, const char *problem)
{
    dialogue->answers++;
    dialogue->problem = problem;
    dialogue->open = again && dialogue->answers < ANSWERS_MAX && renew(dialogue, NULL) == WF_OK;
}
