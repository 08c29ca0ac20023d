#include "config.h"

#include "server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "code.h"
#include "message.h"
#include "side.h"

/* An address of IPv6 with a zone. */
#define HOST_SIZE 80

enum step {
    STEP_FIRST,  /* nothing came yet */
    STEP_ASKED,  /* an empty challenge went out */
    STEP_FAILED, /* the JSON went out: whatever comes now, the exchange has failed */
};

/* One exchange. */
struct exchange {
    const struct wf_mech *mech;
    enum step step;
    enum wf_reason reason; /* of the failure */
    const char *status;    /* what the JSON says of it */
    struct wf_buf json;
};

static int server_new(void *glob_context, sasl_server_params_t *sparams, const char *challenge,
                      unsigned challen, void **conn_context)
{
    struct exchange *exchange = calloc(1, sizeof(*exchange));
    const struct wf_buf empty = WF_BUF_INIT(WF_MESSAGE_ERROR_MAX);

    (void)sparams;
    (void)challenge;
    (void)challen;
    if (exchange == NULL)
        return SASL_NOMEM;
    exchange->mech = glob_context;
    exchange->json = empty;
    *conn_context = exchange;
    return SASL_OK;
}

static void server_dispose(void *conn_context, const sasl_utils_t *utils)
{
    struct exchange *exchange = conn_context;

    (void)utils;
    if (exchange == NULL)
        return;
    wf_buf_done(&exchange->json);
    free(exchange);
}

/* What a client must have meant to connect to (RFC 7628 §3.1): a token sent to another server and
 * handed on to this one is refused. */
static enum wf_reason check_place(const struct wf_sasl *sasl, const sasl_utils_t *utils,
                                  const struct wf_message *message, struct wf_err *err)
{
    char host[WF_OPTION_SIZE];
    char port[WF_OPTION_SIZE];
    const char *name = wf_option(utils, "oauthbearer_host", host) ? host : sasl->host;
    uint64_t number = sasl->port;

    if (wf_option(utils, "oauthbearer_port", port) &&
        !wf_text_number((struct wf_span){port, strlen(port)}, 1, 65535, &number))
        return wf_fail(err, WF_CONFIG, "oauthbearer_port is \"%.64s\", expected 1 to 65535", port);
    if (name != NULL && message->host.ptr != NULL && !wf_span_equals_fold(message->host, name))
        return wf_fail(err, WF_AUDIENCE, "the client connected to \"%.*s\", not to \"%.64s\"",
                       (int)(message->host.len < 128 ? message->host.len : 128), message->host.ptr,
                       name);
    if (number != 0 && message->port != 0 && message->port != number)
        return wf_fail(err, WF_AUDIENCE, "the client connected to port %u, not to %u",
                       message->port, (unsigned)number);
    return WF_OK;
}

/* Both ids of the host's, which then asks its own policy whether one may act as the other. What the
 * client calls itself is the token's user where it is only another way to write that. */
static int canonicalise(const struct wf_side *side, sasl_server_params_t *sparams,
                        const char *service, const struct wf_result *result,
                        const struct wf_message *message, sasl_out_params_t *oparams)
{
    const char *authzid = message->authzid;
    bool same = authzid[0] == '\0' ||
                wf_sasl_is_same_user(side->context, service, result, authzid, strlen(authzid));
    /* The token was the proof: an account is not needed in any auxprop store */
    unsigned flags = SASL_CU_AUTHID | SASL_CU_EXTERNALLY_VERIFIED | (same ? SASL_CU_AUTHZID : 0);
    int code = sparams->canon_user(sparams->utils->conn, result->user,
                                   (unsigned)strlen(result->user), flags, oparams);

    if (code == SASL_OK && !same)
        code = sparams->canon_user(sparams->utils->conn, authzid, (unsigned)strlen(authzid),
                                   SASL_CU_AUTHZID | SASL_CU_EXTERNALLY_VERIFIED, oparams);
    if (code != SASL_OK)
        return code;
    wf_mech_finish(oparams);
    return SASL_OK;
}

/* Tell the client why, and wait for its empty answer; or, of what is not its fault, fail at once.
 */
static int refuse(struct exchange *exchange, const sasl_utils_t *utils, const struct wf_sasl *sasl,
                  enum wf_reason reason, bool is_request, const char **serverout,
                  unsigned *serveroutlen)
{
    bool xoauth2 = exchange->mech->xoauth2;
    const char *status = wf_sasl_status(reason, xoauth2);
    bool written = false;

    if (status == NULL) {
        wf_option_detail(utils, reason == WF_UNREACHABLE || reason == WF_PENDING
                                    ? "tokens cannot be checked at the moment"
                                    : "tokens cannot be checked on this server");
        return wf_sasl_code(reason);
    }
    if (is_request)
        status = xoauth2 ? "400" : "invalid_request";
    if (xoauth2)
        written = wf_message_error_xoauth2(&exchange->json, status, sasl->scope);
    else
        written =
            wf_message_error_oauthbearer(&exchange->json, status, sasl->scope, sasl->configuration);
    const char *text = written ? wf_buf_text_borrow(&exchange->json) : NULL;
    if (text == NULL)
        return SASL_NOMEM;
    exchange->step = STEP_FAILED;
    exchange->reason = reason;
    exchange->status = status;
    *serverout = text;
    *serveroutlen = (unsigned)exchange->json.len;
    return SASL_CONTINUE;
}

/* For clients that show the server's last words and not its JSON (libldap): the same in words. */
static void say_refused(const struct exchange *exchange, const sasl_utils_t *utils)
{
    char text[256];

    (void)snprintf(text, sizeof(text), "the token was refused: %s",
                   wf_challenge_advice(exchange->status));
    wf_option_detail(utils, text);
}

static enum wf_reason read_message(const struct exchange *exchange, const char *text, size_t len,
                                   struct wf_message *ret, struct wf_err *err)
{
    return exchange->mech->xoauth2 ? wf_message_read_xoauth2(text, len, ret, err)
                                   : wf_message_read_oauthbearer(text, len, ret, err);
}

static int judge(struct exchange *exchange, sasl_server_params_t *sparams, const char *clientin,
                 unsigned clientinlen, const char **serverout, unsigned *serveroutlen,
                 sasl_out_params_t *oparams)
{
    const struct wf_side *side = exchange->mech->side;
    char rhost[HOST_SIZE];
    const struct wf_request request = {
        .service = wf_side_service(side, sparams->service),
        .rhost =
            wf_option_address(sparams->ipremoteport, rhost, sizeof(rhost), NULL) ? rhost : NULL,
    };
    struct wf_sasl sasl = {.port = 0};
    struct wf_message message;
    struct wf_result result;
    struct wf_err err = WF_ERR_INIT;
    enum wf_reason reason = wf_sasl_describe(side->context, request.service, &sasl, &err);

    if (reason == WF_OK)
        reason = read_message(exchange, clientin, clientinlen, &message, &err);
    if (reason == WF_OK)
        reason = check_place(&sasl, sparams->utils, &message, &err);
    bool is_request = reason != WF_OK;
    if (is_request) {
        wf_sasl_audit(side->context, &request, reason, &err);
    } else if (message.token.len == 0) {
        /* Nobody signs in here: the client asks where to get a token */
        reason = WF_MALFORMED;
    } else {
        reason = wf_verify(side->context, &request, message.token.ptr, message.token.len,
                           WF_PASSWD_IF_KNOWN, &result, NULL, &err);
    }
    if (reason == WF_OK)
        return canonicalise(side, sparams, request.service, &result, &message, oparams);
    return refuse(exchange, sparams->utils, &sasl, reason, is_request, serverout, serveroutlen);
}

static int server_step(void *conn_context, sasl_server_params_t *sparams, const char *clientin,
                       unsigned clientinlen, const char **serverout, unsigned *serveroutlen,
                       sasl_out_params_t *oparams)
{
    struct exchange *exchange = conn_context;
    int code = SASL_BADPROT;

    if (exchange == NULL)
        return SASL_BADPROT;
    *serverout = NULL;
    *serveroutlen = 0;
    switch (exchange->step) {
    case STEP_FIRST:
        if (clientinlen == 0) {
            /* An empty initial response stands for none in some protocols */
            exchange->step = STEP_ASKED;
            *serverout = "";
            return SASL_CONTINUE;
        }
        break;
    case STEP_ASKED:
        break;
    case STEP_FAILED:
        say_refused(exchange, sparams->utils);
        /* Nothing that could come now makes it succeed, and another token least of all */
        return wf_message_is_dummy(clientin, clientinlen) ? wf_sasl_code(exchange->reason)
                                                          : SASL_BADPROT;
    }
    wf_option_speak_for(sparams->utils);
    code = judge(exchange, sparams, clientin, clientinlen, serverout, serveroutlen, oparams);
    wf_option_speak_for(NULL);
    return code;
}

/* No SASL_SEC_NOPLAINTEXT: a bearer token is as good as a password to whoever sees it. */
static void fill(sasl_server_plug_t *plug, const char *name, struct wf_mech *mech)
{
    *plug = (sasl_server_plug_t){
        .mech_name = name,
        .security_flags = SASL_SEC_NOANONYMOUS | SASL_SEC_PASS_CREDENTIALS,
        .features = SASL_FEAT_WANT_CLIENT_FIRST | SASL_FEAT_ALLOWS_PROXY,
        .glob_context = mech,
        .mech_new = server_new,
        .mech_step = server_step,
        .mech_dispose = server_dispose,
        .mech_free = wf_mech_free,
    };
}

/* False where the host's list of mechanisms has neither: then nothing is read, fetched or said. */
static bool is_wanted(const sasl_utils_t *utils)
{
    char list[WF_OPTION_SIZE];
    struct wf_span rest = {list, 0};
    struct wf_span word;
    bool wanted = false;

    if (!wf_option(utils, "mech_list", list))
        return true;
    for (size_t i = 0; list[i] != '\0'; i++) {
        if (list[i] == '\t')
            list[i] = ' ';
    }
    rest.len = strlen(list);
    while (wf_text_next(&rest, ' ', &word))
        wanted = wanted || wf_span_equals_fold(word, WF_OAUTHBEARER) ||
                 wf_span_equals_fold(word, WF_XOAUTH2);
    return wanted;
}

int wf_server_init(const sasl_utils_t *utils, sasl_server_plug_t **pluglist, int *plugcount)
{
    struct wf_side *side = NULL;
    enum wf_reason reason = is_wanted(utils) ? wf_side_new(utils, &side) : WF_OK;

    if (reason == WF_INTERNAL)
        return SASL_NOMEM;
    if (reason != WF_OK || side == NULL)
        return SASL_OK;
    fill(&side->plugs.server[0], WF_OAUTHBEARER, &side->mechs[0]);
    fill(&side->plugs.server[1], WF_XOAUTH2, &side->mechs[1]);
    /* Postfix's smtpd is root here, and in a jail when the first client comes */
    if (geteuid() == 0)
        wf_context_prepare(side->context);
    *pluglist = side->plugs.server;
    *plugcount = (int)WF_ARRAY_LEN(side->plugs.server);
    return SASL_OK;
}
