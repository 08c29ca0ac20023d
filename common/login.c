#include "config.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base64.h"
#include "context.h"
#include "crypto.h"
#include "delay.h"
#include "dialogue.h"
#include "http.h"
#include "identity.h"
#include "json.h"
#include "keep.h"
#include "provider.h"
#include "wfauth.h"

/* Names everything that may be wrong, since it must not tell which it was */
static const char hidden_advice[] =
    "That did not sign you in: the code was wrong, used, older than two minutes, or not for this "
    "user. Open the new address.";

struct wf_login {
    const struct wf_context *context;
    struct wf_request request;
    const struct wf_policy *policy;
    const struct wf_accepted *accepted;
    struct wf_dialogue dialogue;
    /* WF_OK, or why this user cannot sign in whatever the answer, with the text for the log */
    enum wf_reason user_verdict;
    struct wf_err user_err;
};
_Static_assert(WF_NAME_SIZE > WF_USER_MAX &&
                   WF_NAME_SIZE > WF_CONF_SECTION_MAX - sizeof("provider"),
               "a result holds every valid name");
_Static_assert(WF_ANSWER_MAX >= WF_PASTE_MAX, "what can be judged is read");

enum wf_reason wf_login_begin(const struct wf_context *context, const struct wf_request *request,
                              struct wf_login **ret, struct wf_err *err)
{
    enum wf_reason reason = WF_INTERNAL;
    struct wf_login *login = calloc(1, sizeof(*login));

    if (login == NULL)
        return wf_fail(err, WF_INTERNAL, "out of memory");
    login->context = context;
    login->request = *request;
    login->dialogue = (struct wf_dialogue)WF_DIALOGUE_INIT;
    login->dialogue.service = request->service;
    login->dialogue.user = request->user;
    reason = wf_conf_policy(wf_context_conf_borrow(context), request->service, &login->policy, err);
    if (reason != WF_OK)
        goto out;
    /* A person signs in at the first provider; the others serve tokens that name their issuer */
    login->accepted = &login->policy->accepted[0];
    login->dialogue.endpoint.conf = login->accepted->provider;
    reason = wf_context_http_new(context, login->dialogue.endpoint.conf,
                                 &login->dialogue.endpoint.http, err);
    if (reason != WF_OK)
        goto out;
    login->user_verdict = wf_identity_check_user(login->policy, request->user, &login->user_err);
    if (wf_reason_is_outage(login->user_verdict)) {
        *err = login->user_err;
        reason = login->user_verdict;
        goto out;
    }
    login->dialogue.offline =
        wf_conf_keeps_sessions(wf_context_conf_borrow(context), login->dialogue.endpoint.conf);
    reason = wf_dialogue_begin(&login->dialogue, err);
    if (reason != WF_OK)
        goto out;
    *ret = login;
    login = NULL;
out:
    wf_login_free(login);
    return reason;
}

static enum wf_qr resolve_qr(const struct wf_login *login)
{
    if (login->policy->qr != WF_QR_AUTO)
        return login->policy->qr;
    return login->request.hides_users ? WF_QR_NO : WF_QR_UTF8;
}

const char *wf_login_prompt_borrow(struct wf_login *login)
{
    return wf_dialogue_prompt_borrow(&login->dialogue, resolve_qr(login));
}

/* A code that cannot be right, sent where no code may be sent or none was given: a person who
 * watches texts, times and outages then sees the same for every user. Its refusal is no news;
 * that the provider is out of order is. */
static enum wf_reason send_decoy(struct wf_login *login, struct wf_err *err)
{
    enum wf_reason reason = WF_INTERNAL;
    uint8_t bytes[32];
    struct wf_buf text = WF_BUF_INIT(64);
    struct wf_secret *code = NULL;
    struct wf_tokens tokens = WF_TOKENS_INIT;

    reason = wf_crypto_random(bytes, sizeof(bytes), err);
    if (reason != WF_OK)
        goto out;
    wf_base64url_encode(&text, bytes, sizeof(bytes));
    code = wf_secret_new(text.data, text.len);
    if (code == NULL || !wf_buf_ok(&text)) {
        reason = wf_fail(err, WF_INTERNAL, "out of memory");
        goto out;
    }
    reason = wf_dialogue_redeem(&login->dialogue, code, &tokens, err);
    if (!wf_reason_is_outage(reason))
        reason = WF_EXPIRED;
out:
    wf_tokens_done(&tokens);
    wf_secret_free(code);
    wf_buf_done(&text);
    return reason;
}

static void copy_name(char *dst, size_t size, const char *src, size_t len)
{
    wf_text_sanitise(dst, size, src == NULL ? "" : src, src == NULL ? 0 : len);
}

static void name_provider(const struct wf_login *login, struct wf_result *result)
{
    const char *name = login->dialogue.endpoint.conf->name;

    copy_name(result->provider, sizeof(result->provider), name, strlen(name));
}

/* Judge the person whom the tokens belong to. An inactive account is told by its own name, so that
 * the account phase can refuse the same user however else they get past authentication; whose it
 * is must not be taken from a claim that is somebody else's name. */
static enum wf_reason judge_person(struct wf_login *login, const struct wf_tokens *tokens,
                                   struct json_t **ret_claims, struct wf_result *result,
                                   struct wf_err *err)
{
    enum wf_reason reason = wf_provider_claims(&login->dialogue.endpoint, tokens, ret_claims, err);
    const struct json_t *claims = *ret_claims;
    enum wf_reason identity;
    struct wf_err identity_err = WF_ERR_INIT;

    if (claims == NULL)
        return reason == WF_OK ? WF_INTERNAL : reason;
    struct wf_span subject =
        wf_json_text(claims, wf_provider_subject_claim(login->dialogue.endpoint.conf));
    copy_name(result->subject, sizeof(result->subject), subject.ptr, subject.len);
    identity =
        wf_identity_judge(login->policy, &login->accepted->naming, claims, login->request.user,
                          WF_PASSWD_REQUIRED, result->user, &identity_err);
    if (reason == WF_OK && identity == WF_OK) {
        identity = wf_keep_pin(login->context, &login->request, login->accepted->provider, claims,
                               &identity_err);
        if (identity != WF_OK)
            result->user[0] = '\0';
    }
    if (reason == WF_OK) {
        reason = identity;
        *err = identity_err;
    }
    return reason;
}

/* What was asked for to be kept, and is not, must not stay open. */
static void give_back(const struct wf_login *login, const struct wf_tokens *tokens)
{
    struct wf_err err = WF_ERR_INIT;
    const struct wf_log *log = wf_context_log_borrow(login->context);

    if (login->dialogue.offline &&
        wf_provider_revoke(&login->dialogue.endpoint, log, tokens->refresh, tokens->access, &err) !=
            WF_OK)
        wf_log(log, WF_LOG_WARNING, "a session at provider %s that nobody uses stays open: %s",
               login->dialogue.endpoint.conf->name, err.text);
}

static enum wf_reason redeem(struct wf_login *login, const struct wf_secret *code,
                             struct wf_result *result, struct wf_err *err)
{
    struct wf_tokens tokens = WF_TOKENS_INIT;
    struct json_t *claims = NULL;
    enum wf_reason reason = wf_dialogue_redeem(&login->dialogue, code, &tokens, err);

    if (reason != WF_OK)
        goto out;
    reason = judge_person(login, &tokens, &claims, result, err);
    if (reason == WF_OK)
        wf_keep_sign_in(login->context, &login->request, login->accepted->provider, &tokens, claims,
                        result);
    else if (reason == WF_IDENTITY || reason == WF_DENIED)
        give_back(login, &tokens);
out:
    wf_json_free(claims);
    wf_tokens_done(&tokens);
    return reason;
}

/* The verdict on one answer; the rest of wf_login_answer is bookkeeping. */
static enum wf_reason judge(struct wf_login *login, const char *answer, size_t len,
                            struct wf_result *result, struct wf_err *err)
{
    struct wf_secret *code = NULL;
    struct wf_err decoy_err = WF_ERR_INIT;
    enum wf_reason decoy;
    enum wf_reason reason = wf_authz_parse(login->dialogue.authz, answer, len, &code, err);

    if (reason == WF_OK && login->user_verdict == WF_OK) {
        reason = redeem(login, code, result, err);
        goto out;
    }
    if (login->user_verdict != WF_OK && (reason == WF_OK || login->request.hides_users)) {
        reason = login->user_verdict;
        *err = login->user_err;
    } else if (!login->request.hides_users) {
        goto out;
    }
    decoy = send_decoy(login, &decoy_err);
    if (wf_reason_is_outage(decoy)) {
        reason = decoy;
        *err = decoy_err;
    }
out:
    wf_secret_free(code);
    return reason;
}

static void audit(const struct wf_login *login, enum wf_reason reason,
                  const struct wf_result *result, const struct wf_err *err)
{
    wf_context_audit(login->context, "sign-in", &login->request, result, reason, err);
}

/* Whether the dialogue goes on, and with which words. */
static void decide_next(struct wf_login *login, enum wf_reason reason)
{
    bool again =
        login->request.hides_users ? !wf_reason_is_outage(reason) : wf_dialogue_is_mendable(reason);

    wf_dialogue_go_on(&login->dialogue, reason != WF_OK && again, wf_login_advice(login, reason));
}

enum wf_reason wf_login_answer(struct wf_login *login, const char *answer, size_t len,
                               struct wf_result *ret_result, struct wf_err *err)
{
    enum wf_reason reason = WF_INTERNAL;
    struct wf_err own = WF_ERR_INIT;
    struct timespec start;

    *ret_result = (struct wf_result){.reason = WF_INTERNAL};
    name_provider(login, ret_result);
    if (!login->dialogue.open) {
        reason = wf_fail(err, WF_INTERNAL, "no answer is expected any more");
        goto out;
    }
    (void)clock_gettime(CLOCK_MONOTONIC, &start);
    reason = judge(login, answer, len, ret_result, &own);
    audit(login, reason, ret_result, &own);
    if (err != NULL)
        *err = own;
    if (reason != WF_OK && login->request.hides_users && !wf_reason_is_outage(reason))
        wf_delay_until(&start);
    decide_next(login, reason);
    ret_result->reason = reason;
out:
    return reason;
}

bool wf_login_is_open(const struct wf_login *login)
{
    return login->dialogue.open;
}

const char *wf_login_advice(const struct wf_login *login, enum wf_reason reason)
{
    if (login == NULL || reason == WF_OK || wf_reason_is_outage(reason))
        return wf_reason_advice(reason);
    if (login->request.hides_users)
        return hidden_advice;
    /* The code was never sent anywhere: say what would have been said had it been wrong */
    if (login->user_verdict != WF_OK && reason == login->user_verdict)
        return wf_reason_advice(WF_EXPIRED);
    return wf_reason_advice(reason);
}

void wf_login_abandon(struct wf_login *login)
{
    struct wf_result nobody = {.reason = WF_PENDING};
    struct wf_err err = WF_ERR_INIT;

    if (!login->dialogue.open)
        return;
    login->dialogue.open = false;
    name_provider(login, &nobody);
    enum wf_reason reason = wf_fail(&err, WF_PENDING, "no answer was given");
    audit(login, reason, &nobody, &err);
}

void wf_login_free(struct wf_login *login)
{
    if (login == NULL)
        return;
    wf_dialogue_done(&login->dialogue);
    free(login);
}
