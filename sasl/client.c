#include "config.h"

#include "client.h"

#include <stdlib.h>
#include <string.h>

#include "ask.h"
#include "code.h"
#include "message.h"
#include "side.h"

enum step {
    STEP_FIRST,
    STEP_SENT,   /* the token went out */
    STEP_FAILED, /* the server said why not, and got its empty answer */
};

struct exchange {
    const struct wf_mech *mech;
    enum step step;
    struct wf_asked asked;
    char provider[WF_NAME_SIZE]; /* where the token was obtained; "": it was given */
    struct wf_secret *token;     /* that was sent */
    struct wf_buf out;           /* what libsasl holds on to until the next step */
};

static int client_new(void *glob_context, sasl_client_params_t *cparams, void **conn_context)
{
    const struct wf_buf empty = WF_BUF_INIT(WF_MESSAGE_MAX);
    struct exchange *exchange = calloc(1, sizeof(*exchange));

    (void)cparams;
    if (exchange == NULL)
        return SASL_NOMEM;
    exchange->mech = glob_context;
    exchange->out = empty;
    *conn_context = exchange;
    return SASL_OK;
}

static void client_dispose(void *conn_context, const sasl_utils_t *utils)
{
    struct exchange *exchange = conn_context;

    (void)utils;
    if (exchange == NULL)
        return;
    wf_asked_done(&exchange->asked);
    wf_secret_free(exchange->token);
    wf_buf_done(&exchange->out);
    free(exchange);
}

/* n for a word that is none of these. */
static size_t index_of(const char *word, const char *const *words, size_t n)
{
    size_t i = 0;

    while (i < n && strcmp(word, words[i]) != 0)
        i++;
    return i;
}

/* The application's own configuration goes before wfauth.conf, where it has one: few clients do. A
 * word that is none of these allows no marker, and says nothing of the authzid. */
static void read_options(const sasl_utils_t *utils, struct wf_client_conf *conf)
{
    static const char *const markers[] = {"no", "file", "provider", "both"};
    static const char *const authzids[] = {"auto", "always", "no"};
    char value[WF_OPTION_SIZE];

    if (wf_option(utils, "oauthbearer_client_markers", value)) {
        size_t i = index_of(value, markers, WF_ARRAY_LEN(markers));
        conf->markers = i < WF_ARRAY_LEN(markers) ? (enum wf_markers)i : WF_MARKERS_NO;
    }
    if (wf_option(utils, "oauthbearer_client_authzid", value)) {
        size_t i = index_of(value, authzids, WF_ARRAY_LEN(authzids));
        if (i < WF_ARRAY_LEN(authzids))
            conf->authzid = (enum wf_authzid)i;
    }
    conf->host = wf_option_flag(utils, "oauthbearer_client_host", conf->host);
}

static int fail(const sasl_utils_t *utils, int code, const char *text)
{
    wf_option_say(utils, SASL_LOG_ERR, "%s", text);
    wf_option_detail(utils, text);
    return code;
}

/* The texts name a file, never what it holds. Where the provider does not take our signature this
 * is a failed authentication, to programs that show the code's words alone. */
static int fail_for(const sasl_utils_t *utils, enum wf_reason reason, const struct wf_err *err)
{
    bool has_code = wf_reason_is_outage(reason) || reason == WF_EXPIRED;

    return fail(utils, has_code ? wf_sasl_code(reason) : SASL_BADPARAM, err->text);
}

static int canonicalise(const struct exchange *exchange, sasl_client_params_t *cparams,
                        const char *authzid, sasl_out_params_t *oparams)
{
    const char *name = exchange->asked.authname;
    bool alone = authzid[0] == '\0';
    int code = cparams->canon_user(cparams->utils->conn, name, 0,
                                   SASL_CU_AUTHID | (alone ? SASL_CU_AUTHZID : 0), oparams);

    if (code == SASL_OK && !alone)
        code = cparams->canon_user(cparams->utils->conn, authzid, 0, SASL_CU_AUTHZID, oparams);
    return code;
}

static bool write_message(struct exchange *exchange, const sasl_client_params_t *cparams,
                          const struct wf_client_conf *conf, const char *authzid)
{
    char unused[WF_OPTION_SIZE];
    const char *name = exchange->asked.authname;
    unsigned port = 0;

    wf_buf_reset(&exchange->out);
    if (exchange->mech->xoauth2)
        return wf_message_write_xoauth2(&exchange->out, authzid[0] == '\0' ? name : authzid,
                                        wf_secret_borrow(exchange->token));
    if (!conf->host || !wf_option_address(cparams->ipremoteport, unused, sizeof(unused), &port))
        port = 0;
    return wf_message_write_oauthbearer(
        &exchange->out, authzid,
        conf->host && cparams->serverFQDN != NULL ? cparams->serverFQDN : "", port,
        wf_secret_borrow(exchange->token));
}

/* Whom to act as: what the application says, unless the configuration knows better. XOAUTH2 has no
 * other name to give. */
static const char *choose_authzid(const struct exchange *exchange,
                                  const struct wf_client_conf *conf)
{
    switch (conf->authzid) {
    case WF_AUTHZID_AUTO:
        return exchange->asked.user;
    case WF_AUTHZID_ALWAYS:
        return exchange->asked.user[0] != '\0' ? exchange->asked.user : exchange->asked.authname;
    case WF_AUTHZID_NO:
        return exchange->mech->xoauth2 ? exchange->asked.user : "";
    }
    return "";
}

static int send_token(struct exchange *exchange, sasl_client_params_t *cparams,
                      sasl_interact_t **prompts, sasl_out_params_t *oparams)
{
    const struct wf_side *side = exchange->mech->side;
    const sasl_utils_t *utils = cparams->utils;
    struct wf_sasl sasl = {.port = 0};
    struct wf_err err = WF_ERR_INIT;
    enum wf_reason reason =
        wf_sasl_describe(side->context, wf_side_service(side, cparams->service), &sasl, &err);

    if (reason != WF_OK)
        return fail_for(utils, reason, &err);
    if (!sasl.client.enabled)
        return fail(utils, SASL_NOMECH,
                    "this service has client = no in wfauth.conf: choose another mechanism");
    read_options(utils, &sasl.client);
    int code = wf_ask(utils, prompts, &exchange->asked);
    if (code != SASL_OK)
        return code;
    struct wf_span given = wf_secret_borrow(exchange->asked.password);
    /* Of a try that failed behind it */
    wf_secret_free(exchange->token);
    exchange->token = NULL;
    reason = wf_sasl_token(side->context, sasl.client.markers, given.ptr, given.len,
                           &exchange->token, exchange->provider, &err);
    if (reason != WF_OK)
        return fail_for(utils, reason, &err);
    const char *authzid = choose_authzid(exchange, &sasl.client);
    code = canonicalise(exchange, cparams, authzid, oparams);
    if (code == SASL_OK && !write_message(exchange, cparams, &sasl.client, authzid))
        code = fail(utils, SASL_BADPARAM, "a name that no message can carry, or no memory");
    wf_asked_done(&exchange->asked);
    return code;
}

/* The server's JSON, in words. True if it is the token that is at fault: a server that cannot check
 * any now may take it later. */
static bool explain(const sasl_utils_t *utils, const char *text, unsigned len)
{
    struct wf_challenge challenge;
    struct wf_buf line = WF_BUF_INIT(WF_LOG_LINE_MAX);

    /* Empty where it cannot be read: advice there is all the same */
    (void)!wf_challenge_read(text, len, &challenge, NULL);
    wf_buf_append_text(&line, wf_challenge_advice(challenge.status));
    if (challenge.status[0] != '\0')
        wf_buf_append_format(&line, " (server: %s)", challenge.status);
    if (challenge.scope[0] != '\0')
        wf_buf_append_format(&line, ", scope wanted: %s", challenge.scope);
    const char *said = wf_buf_text_borrow(&line);
    if (said == NULL)
        said = "the server refuses the token";
    /* Few clients show sasl_errdetail, and without a log level libsasl passes on errors alone */
    wf_option_say(utils, SASL_LOG_ERR, "%s", said);
    wf_option_detail(utils, said);
    wf_buf_done(&line);
    return strcmp(challenge.status, "temporarily_unavailable") != 0;
}

/* What the server says to the token. Nothing: it is content. JSON: it is not (RFC 7628 §3.2.2), and
 * waits for the empty answer. Anything else is none of this mechanism's: some applications step
 * once more with what the server said at the end. */
static int hear(struct exchange *exchange, const sasl_client_params_t *cparams,
                const char *serverin, unsigned serverinlen, const char **clientout,
                unsigned *clientoutlen, sasl_out_params_t *oparams)
{
    static const char dummy[] = "\x01";

    if (serverinlen > 0 && serverin[0] == '{') {
        bool refused = explain(cparams->utils, serverin, serverinlen);
        /* The next one is a new one */
        if (refused && exchange->provider[0] != '\0')
            wf_token_refused(exchange->mech->side->context, exchange->provider, exchange->token);
        exchange->step = STEP_FAILED;
        *clientout = dummy;
        *clientoutlen = 1;
        return SASL_CONTINUE;
    }
    wf_mech_finish(oparams);
    return SASL_OK;
}

static int client_step(void *conn_context, sasl_client_params_t *cparams, const char *serverin,
                       unsigned serverinlen, sasl_interact_t **prompt_need, const char **clientout,
                       unsigned *clientoutlen, sasl_out_params_t *oparams)
{
    struct exchange *exchange = conn_context;
    int code = SASL_BADPROT;

    if (exchange == NULL)
        return SASL_BADPROT;
    *clientout = NULL;
    *clientoutlen = 0;
    switch (exchange->step) {
    case STEP_FIRST:
        wf_option_speak_for(cparams->utils);
        code = send_token(exchange, cparams, prompt_need, oparams);
        wf_option_speak_for(NULL);
        if (code == SASL_OK) {
            exchange->step = STEP_SENT;
            *clientout = (const char *)exchange->out.data;
            *clientoutlen = (unsigned)exchange->out.len;
            /* Done only when the server has said so: an application that takes it for done now
             * would not listen to why it failed */
            code = SASL_CONTINUE;
        }
        break;
    case STEP_SENT:
        code = hear(exchange, cparams, serverin, serverinlen, clientout, clientoutlen, oparams);
        break;
    case STEP_FAILED:
        code = SASL_BADAUTH;
        break;
    }
    return code;
}

static void fill(sasl_client_plug_t *plug, const char *name, struct wf_mech *mech)
{
    *plug = (sasl_client_plug_t){
        .mech_name = name,
        .security_flags = SASL_SEC_NOANONYMOUS | SASL_SEC_PASS_CREDENTIALS,
        .features = SASL_FEAT_WANT_CLIENT_FIRST | SASL_FEAT_ALLOWS_PROXY,
        .glob_context = mech,
        .mech_new = client_new,
        .mech_step = client_step,
        .mech_dispose = client_dispose,
        .mech_free = wf_mech_free,
    };
}

int wf_client_init(const sasl_utils_t *utils, sasl_client_plug_t **pluglist, int *plugcount)
{
    struct wf_side *side = NULL;
    enum wf_reason reason = wf_side_new(utils, &side);

    if (reason == WF_INTERNAL)
        return SASL_NOMEM;
    if (reason != WF_OK || side == NULL)
        return SASL_OK;
    if (!wf_sasl_has_clients(side->context)) {
        wf_side_free(side);
        return SASL_OK;
    }
    fill(&side->plugs.client[0], WF_OAUTHBEARER, &side->mechs[0]);
    fill(&side->plugs.client[1], WF_XOAUTH2, &side->mechs[1]);
    *pluglist = side->plugs.client;
    *plugcount = (int)WF_ARRAY_LEN(side->plugs.client);
    return SASL_OK;
}
