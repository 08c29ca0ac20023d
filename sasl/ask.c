#include "config.h"

#include "ask.h"

#include <string.h>

#include "option.h"

/* The application's answer to one question among those asked before; NULL if there is none. */
static const sasl_interact_t *answer_of(const sasl_interact_t *prompts, unsigned long id)
{
    for (const sasl_interact_t *p = prompts; p != NULL && p->id != SASL_CB_LIST_END; p++) {
        if (p->id == id && p->result != NULL)
            return p;
    }
    return NULL;
}

static int keep_name(const char *name, size_t len, char ret[WF_ASK_NAME_SIZE])
{
    if (len >= WF_ASK_NAME_SIZE)
        return SASL_BADPARAM;
    memcpy(ret, name, len);
    ret[len] = '\0';
    return SASL_OK;
}

static int keep_password(const void *data, size_t len, struct wf_secret **ret)
{
    wf_secret_free(*ret);
    *ret = wf_secret_new(data, len);
    return *ret == NULL ? SASL_NOMEM : SASL_OK;
}

/* A callback's function for an id. SASL hands out one type for all of them. */
static int find(const sasl_utils_t *utils, unsigned long id, void *ret_function, void **ret_context)
{
    sasl_callback_ft function = NULL;
    int code = utils->getcallback(utils->conn, id, &function, ret_context);

    if (code == SASL_OK && function == NULL)
        code = SASL_INTERACT;
    if (code == SASL_OK)
        memcpy(ret_function, &function, sizeof(function));
    return code;
}

/* SASL_INTERACT: the person must be asked. */
static int ask_name(const sasl_utils_t *utils, const sasl_interact_t *prompts, unsigned long id,
                    char ret[WF_ASK_NAME_SIZE])
{
    int (*get)(void *context, int id, const char **result, unsigned *len) = NULL;
    const sasl_interact_t *given = answer_of(prompts, id);
    void *context = NULL;
    const char *name = NULL;
    unsigned len = 0;

    if (given != NULL)
        return keep_name(given->result, given->len, ret);
    int code = find(utils, id, &get, &context);
    if (code != SASL_OK)
        return code;
    code = get(context, (int)id, &name, &len);
    if (code != SASL_OK)
        return code;
    /* Some applications leave the length out */
    return name == NULL ? SASL_BADPARAM : keep_name(name, len == 0 ? strlen(name) : len, ret);
}

static int ask_password(const sasl_utils_t *utils, const sasl_interact_t *prompts,
                        struct wf_secret **ret)
{
    int (*get)(sasl_conn_t * conn, void *context, int id, sasl_secret_t **secret) = NULL;
    const sasl_interact_t *given = answer_of(prompts, SASL_CB_PASS);
    void *context = NULL;
    sasl_secret_t *secret = NULL;

    if (given != NULL)
        return keep_password(given->result, given->len, ret);
    int code = find(utils, SASL_CB_PASS, &get, &context);
    if (code != SASL_OK)
        return code;
    /* The secret stays the application's */
    code = get(utils->conn, context, SASL_CB_PASS, &secret);
    if (code != SASL_OK)
        return code;
    return secret == NULL ? SASL_BADPARAM : keep_password(secret->data, secret->len, ret);
}

/* Questions for what no callback answered; the application frees nothing of it. */
static int make_prompts(const sasl_utils_t *utils, bool name, bool user, bool password,
                        sasl_interact_t **ret)
{
    const struct {
        bool wanted;
        sasl_interact_t question;
    } all[] = {
        {user, {SASL_CB_USER, "Authorization Name", "Act as (empty: yourself)", "", NULL, 0}},
        {name, {SASL_CB_AUTHNAME, "Authentication Name", "User name", NULL, NULL, 0}},
        {password, {SASL_CB_PASS, "Access Token", "Access token", NULL, NULL, 0}},
        {true, {SASL_CB_LIST_END, NULL, NULL, NULL, NULL, 0}},
    };
    sasl_interact_t *prompts = utils->malloc(sizeof(*prompts) * WF_ARRAY_LEN(all));
    size_t n = 0;

    if (prompts == NULL)
        return SASL_NOMEM;
    for (size_t i = 0; i < WF_ARRAY_LEN(all); i++) {
        if (all[i].wanted)
            prompts[n++] = all[i].question;
    }
    *ret = prompts;
    return SASL_INTERACT;
}

int wf_ask(const sasl_utils_t *utils, sasl_interact_t **prompts, struct wf_asked *ret)
{
    sasl_interact_t *given = prompts == NULL ? NULL : *prompts;
    int user = ask_name(utils, given, SASL_CB_USER, ret->user);
    int name = ask_name(utils, given, SASL_CB_AUTHNAME, ret->authname);
    int password = ask_password(utils, given, &ret->password);

    if (given != NULL) {
        utils->free(given);
        *prompts = NULL;
    }
    /* Who can act as nobody else has no callback for it */
    if (user == SASL_FAIL)
        user = SASL_OK;
    if ((user == SASL_INTERACT || name == SASL_INTERACT || password == SASL_INTERACT) &&
        prompts != NULL)
        return make_prompts(utils, name == SASL_INTERACT, user == SASL_INTERACT,
                            password == SASL_INTERACT, prompts);
    if (name != SASL_OK)
        return name;
    if (password != SASL_OK)
        return password;
    return user;
}

void wf_asked_done(struct wf_asked *asked)
{
    wf_secret_free(asked->password);
    asked->password = NULL;
}
