/*
 * The core's operations as the PAM module's entry points call them, with answers that a test
 * chooses, and a record of what was called with what; the person; and the items that libpam gives to
 * modules alone. Include it once, in the test's file; link with $(pam_core_ldflags).
 */
#ifndef WF_TEST_PAMCORE_H
#define WF_TEST_PAMCORE_H

#include <stdint.h>
#include <syslog.h>

#include "call.h"
#include "failallocs.h"
#include "pamcase.h"

#define MARK "0123456789abcdef0123456789abcdef"
_Static_assert(sizeof(MARK) == WF_MARK_SIZE, "a mark as the core makes them");

/* What the core answers. */
static struct {
    enum wf_reason context, resume, begin, answer, verify, account, visit_begin, visit_end;
    bool wants_token;
    bool no_opinion;
    bool no_prompt;
    int answers_open;  /* how many answers a login takes */
    const char *path;  /* of a token file; NULL: none */
    const char *mark;  /* of a sign-in that succeeds; NULL: none */
} core;

/* What was called, a word each, and with what. */
static struct {
    char trace[512];
    char config[64];
    char state[64];
    bool debug;
    struct wf_request request;
    char service[64];
    char user[64];
    char rhost[64];
    char answer[600];
    size_t answer_len;
    char mark[64];
    char runtime[64];
    bool found; /* the account phase was given what the sign-in found */
    struct wf_result found_result;
    int contexts; /* made and not freed */
    int logins;
    char log[4096]; /* lines, each with its priority before it */
} seen;

static struct wf_context *const the_context = (void *)&core;
static struct wf_login *const the_login = (void *)&seen;

static void add_word(const char *word)
{
    size_t used = strlen(seen.trace);

    (void)snprintf(seen.trace + used, sizeof(seen.trace) - used, "%s%s", used == 0 ? "" : " ", word);
}

static void keep(char *ret, size_t size, const char *text)
{
    (void)snprintf(ret, size, "%s", text == NULL ? "(none)" : text);
}

static void keep_request(const struct wf_context *context, const struct wf_request *request)
{
    assert_ptr_equal(context, the_context);
    seen.request = *request;
    keep(seen.service, sizeof(seen.service), request->service);
    keep(seen.user, sizeof(seen.user), request->user);
    keep(seen.rhost, sizeof(seen.rhost), request->rhost);
}

static enum wf_reason give(enum wf_reason reason, struct wf_err *err)
{
    return reason == WF_OK ? WF_OK : wf_fail(err, reason, "the core says so");
}

static enum wf_reason give_result(enum wf_reason reason, struct wf_result *ret, struct wf_err *err)
{
    *ret = (struct wf_result){.reason = reason, .user = "alice", .subject = "s1"};
    if (reason == WF_OK && core.mark != NULL)
        memcpy(ret->mark, core.mark, strlen(core.mark) + 1);
    return give(reason, err);
}

void __wrap_pam_syslog(const pam_handle_t *pamh, int priority, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void __wrap_pam_syslog(const pam_handle_t *pamh, int priority, const char *fmt, ...)
{
    size_t used = strlen(seen.log);
    va_list args;

    (void)pamh;
    used += (size_t)snprintf(seen.log + used, sizeof(seen.log) - used, "<%d>", priority);
    va_start(args, fmt);
    (void)vsnprintf(seen.log + used, sizeof(seen.log) - used, fmt, args);
    va_end(args);
    used = strlen(seen.log);
    (void)snprintf(seen.log + used, sizeof(seen.log) - used, "\n");
}

enum wf_reason __wrap_wf_context_new(const struct wf_host *host, struct wf_context **ret,
                                     struct wf_err *err);
enum wf_reason __wrap_wf_context_new(const struct wf_host *host, struct wf_context **ret,
                                     struct wf_err *err)
{
    add_word("context");
    keep(seen.config, sizeof(seen.config), host->config);
    keep(seen.state, sizeof(seen.state), host->state);
    seen.debug = host->log.debug;
    /* By the helper, by the system's clock */
    assert_true(host->http_new == NULL && host->clock == NULL);
    for (int level = WF_LOG_ERROR; level <= WF_LOG_DEBUG; level++)
        wf_log(&host->log, (enum wf_level)level, "level %d", level);
    if (core.context == WF_OK) {
        *ret = the_context;
        seen.contexts++;
    }
    return give(core.context, err);
}

void __wrap_wf_context_free(struct wf_context *context);
void __wrap_wf_context_free(struct wf_context *context)
{
    if (context == the_context)
        seen.contexts--;
    else
        assert_null(context);
}

bool __wrap_wf_wants_token(const struct wf_context *context, const char *service);
bool __wrap_wf_wants_token(const struct wf_context *context, const char *service)
{
    assert_ptr_equal(context, the_context);
    keep(seen.service, sizeof(seen.service), service);
    return core.wants_token;
}

enum wf_reason __wrap_wf_resume(const struct wf_context *context, const struct wf_request *request,
                                struct wf_result *ret_result, struct wf_err *err);
enum wf_reason __wrap_wf_resume(const struct wf_context *context, const struct wf_request *request,
                                struct wf_result *ret_result, struct wf_err *err)
{
    add_word("resume");
    keep_request(context, request);
    return give_result(core.resume, ret_result, err);
}

enum wf_reason __wrap_wf_login_begin(const struct wf_context *context,
                                     const struct wf_request *request, struct wf_login **ret,
                                     struct wf_err *err);
enum wf_reason __wrap_wf_login_begin(const struct wf_context *context,
                                     const struct wf_request *request, struct wf_login **ret,
                                     struct wf_err *err)
{
    add_word("begin");
    keep_request(context, request);
    if (core.begin == WF_OK) {
        *ret = the_login;
        seen.logins++;
    }
    return give(core.begin, err);
}

const char *__wrap_wf_login_prompt_borrow(struct wf_login *login);
const char *__wrap_wf_login_prompt_borrow(struct wf_login *login)
{
    assert_ptr_equal(login, the_login);
    return core.no_prompt ? NULL : "Code: ";
}

enum wf_reason __wrap_wf_login_answer(struct wf_login *login, const char *answer, size_t len,
                                      struct wf_result *ret_result, struct wf_err *err);
enum wf_reason __wrap_wf_login_answer(struct wf_login *login, const char *answer, size_t len,
                                      struct wf_result *ret_result, struct wf_err *err)
{
    add_word("answer");
    assert_ptr_equal(login, the_login);
    seen.answer_len = len;
    (void)snprintf(seen.answer, sizeof(seen.answer), "%.*s", len < 600 ? (int)len : 0, answer);
    core.answers_open--;
    return give_result(core.answer, ret_result, err);
}

bool __wrap_wf_login_is_open(const struct wf_login *login);
bool __wrap_wf_login_is_open(const struct wf_login *login)
{
    assert_ptr_equal(login, the_login);
    return core.answers_open > 0;
}

const char *__wrap_wf_login_advice(const struct wf_login *login, enum wf_reason reason);
const char *__wrap_wf_login_advice(const struct wf_login *login, enum wf_reason reason)
{
    assert_true(login == NULL || login == the_login);
    return reason == core.begin || reason == core.answer ? "the login's advice" : "another's";
}

void __wrap_wf_login_abandon(struct wf_login *login);
void __wrap_wf_login_abandon(struct wf_login *login)
{
    assert_ptr_equal(login, the_login);
    add_word("abandon");
}

void __wrap_wf_login_free(struct wf_login *login);
void __wrap_wf_login_free(struct wf_login *login)
{
    if (login == the_login)
        seen.logins--;
    else
        assert_null(login);
}

enum wf_reason __wrap_wf_verify(struct wf_context *context, const struct wf_request *request,
                                const char *token, size_t len, enum wf_passwd passwd,
                                struct wf_result *ret_result, char **ret_claims,
                                struct wf_err *err);
enum wf_reason __wrap_wf_verify(struct wf_context *context, const struct wf_request *request,
                                const char *token, size_t len, enum wf_passwd passwd,
                                struct wf_result *ret_result, char **ret_claims,
                                struct wf_err *err)
{
    add_word("verify");
    keep_request(context, request);
    assert_int_equal(passwd, WF_PASSWD_REQUIRED);
    assert_null(ret_claims);
    seen.answer_len = len;
    (void)snprintf(seen.answer, sizeof(seen.answer), "%.*s", len < 600 ? (int)len : 0, token);
    return give_result(core.verify, ret_result, err);
}

enum wf_reason __wrap_wf_account_check(const struct wf_context *context,
                                       const struct wf_request *request,
                                       const struct wf_result *found, bool *ret_opinion,
                                       struct wf_err *err);
enum wf_reason __wrap_wf_account_check(const struct wf_context *context,
                                       const struct wf_request *request,
                                       const struct wf_result *found, bool *ret_opinion,
                                       struct wf_err *err)
{
    add_word("account");
    keep_request(context, request);
    seen.found = found != NULL;
    if (found != NULL)
        seen.found_result = *found;
    *ret_opinion = !core.no_opinion;
    return give(core.account, err);
}

enum wf_reason __wrap_wf_visit_begin(const struct wf_context *context,
                                     const struct wf_request *request, const char *mark,
                                     const char *runtime_dir, char **ret_path, struct wf_err *err);
enum wf_reason __wrap_wf_visit_begin(const struct wf_context *context,
                                     const struct wf_request *request, const char *mark,
                                     const char *runtime_dir, char **ret_path, struct wf_err *err)
{
    add_word("visit");
    keep_request(context, request);
    keep(seen.mark, sizeof(seen.mark), mark);
    keep(seen.runtime, sizeof(seen.runtime), runtime_dir);
    if (core.visit_begin == WF_OK && core.path != NULL)
        *ret_path = __real_strdup(core.path);
    return give(core.visit_begin, err);
}

enum wf_reason __wrap_wf_visit_end(const struct wf_context *context,
                                   const struct wf_request *request, struct wf_err *err);
enum wf_reason __wrap_wf_visit_end(const struct wf_context *context,
                                   const struct wf_request *request, struct wf_err *err)
{
    add_word("leave");
    keep_request(context, request);
    return give(core.visit_end, err);
}

/* Items */

static const char *authtok;      /* what an earlier module asked for */
static char authtok_left[70000]; /* what was left for later ones; "": nothing */
static int authtok_code;         /* what leaving it returns */
static int missing_item = -1;    /* one that libpam does not know */
static bool no_user;             /* it names none, and does not say why */
static bool putenv_fails;

int __real_pam_get_item(const pam_handle_t *pamh, int type, const void **item);
int __wrap_pam_get_item(const pam_handle_t *pamh, int type, const void **item);
int __wrap_pam_get_item(const pam_handle_t *pamh, int type, const void **item)
{
    if (type == missing_item)
        return PAM_BAD_ITEM;
    if (type != PAM_AUTHTOK)
        return __real_pam_get_item(pamh, type, item);
    *item = authtok;
    return PAM_SUCCESS;
}

int __real_pam_set_item(pam_handle_t *pamh, int type, const void *item);
int __wrap_pam_set_item(pam_handle_t *pamh, int type, const void *item);
int __wrap_pam_set_item(pam_handle_t *pamh, int type, const void *item)
{
    if (type != PAM_AUTHTOK)
        return __real_pam_set_item(pamh, type, item);
    if (authtok_code == PAM_SUCCESS)
        (void)snprintf(authtok_left, sizeof(authtok_left), "%s", (const char *)item);
    return authtok_code;
}

int __real_pam_get_user(pam_handle_t *pamh, const char **user, const char *prompt);
int __wrap_pam_get_user(pam_handle_t *pamh, const char **user, const char *prompt);
int __wrap_pam_get_user(pam_handle_t *pamh, const char **user, const char *prompt)
{
    return no_user ? PAM_SUCCESS : __real_pam_get_user(pamh, user, prompt);
}

int __real_pam_putenv(pam_handle_t *pamh, const char *text);
int __wrap_pam_putenv(pam_handle_t *pamh, const char *text);
int __wrap_pam_putenv(pam_handle_t *pamh, const char *text)
{
    return putenv_fails ? PAM_BUF_ERR : __real_pam_putenv(pamh, text);
}

/* The person */

static struct {
    const char *answers[4]; /* NULL: the conversation fails */
    int prompts;
    bool hidden;         /* the last prompt */
    char shown[2048];    /* messages, a line each */
    const char *renamed; /* PAM_USER becomes that while they answer; NULL: it does not */
} person;
static pam_handle_t *the_handle;

static int person_converse(int n, const struct pam_message **msg, struct pam_response **resp,
                           void *data)
{
    size_t used = strlen(person.shown);

    (void)data;
    assert_int_equal(n, 1);
    *resp = __real_calloc(1, sizeof(**resp));
    assert_non_null(*resp);
    if (msg[0]->msg_style == PAM_ERROR_MSG) {
        (void)snprintf(person.shown + used, sizeof(person.shown) - used, "%s\n", msg[0]->msg);
        return PAM_SUCCESS;
    }
    person.hidden = msg[0]->msg_style == PAM_PROMPT_ECHO_OFF;
    assert_true(person.prompts < (int)WF_ARRAY_LEN(person.answers));
    const char *answer = person.answers[person.prompts++];
    if (person.renamed != NULL)
        assert_int_equal(pam_set_item(the_handle, PAM_USER, person.renamed), PAM_SUCCESS);
    if (answer == NULL) {
        free(*resp);
        *resp = NULL;
        return PAM_CONV_ERR;
    }
    (*resp)->resp = __real_strdup(answer);
    return PAM_SUCCESS;
}

/* A handle for alice, with nothing seen and nothing kept. tty "ssh": sshd's. */
static inline pam_handle_t *pam_core_start(const char *tty)
{
    static const struct pam_conv conv = {person_converse, NULL};

    memset(&core, 0, sizeof(core));
    memset(&seen, 0, sizeof(seen));
    memset(&person, 0, sizeof(person));
    authtok = NULL;
    authtok_left[0] = '\0';
    authtok_code = PAM_SUCCESS;
    pam_real_uid = 0;
    the_handle = pam_case_start(&conv);
    if (tty != NULL)
        assert_int_equal(pam_set_item(the_handle, PAM_TTY, tty), PAM_SUCCESS);
    return the_handle;
}

/* Nothing is left open. */
static inline void pam_core_end(void)
{
    assert_int_equal(seen.contexts, 0);
    assert_int_equal(seen.logins, 0);
    pam_case_end(the_handle);
}

static inline int count_args(const char *const args[])
{
    int n = 0;

    while (args[n] != NULL)
        n++;
    return n;
}

#endif
