/*
 * pam_workfront.so as the real libpam loads it: what each call returns and says, without root and
 * without a network. What needs a provider is tested end to end.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include <security/pam_appl.h>

#include "err.h"

static char dir[] = "/tmp/wfauth-test-XXXXXX";
static char conf_path[64];
static char service_path[64];
static char state_path[64];

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(path, 0600), 0);
}

/* The person: answers in order, and what was shown. */
struct person {
    const char *answers[24]; /* NULL: the conversation fails */
    const char *endless;     /* the answer behind the last of them */
    int prompts;
    int messages;
    char seen[65536];
    pam_handle_t *renames; /* the host changes its items while the person answers; or NULL */
};

static int converse(int n, const struct pam_message **msg, struct pam_response **resp, void *data)
{
    struct person *person = data;

    *resp = calloc((size_t)n, sizeof(**resp));
    assert_non_null(*resp);
    for (int i = 0; i < n; i++) {
        size_t used = strlen(person->seen);
        (void)snprintf(person->seen + used, sizeof(person->seen) - used, "%s\n", msg[i]->msg);
        if (msg[i]->msg_style == PAM_ERROR_MSG || msg[i]->msg_style == PAM_TEXT_INFO) {
            person->messages++;
            continue;
        }
        /* The code is no password: it must be seen to be checked */
        assert_int_equal(msg[i]->msg_style, PAM_PROMPT_ECHO_ON);
        assert_true(person->prompts < 200);
        const char *answer = person->endless;
        if (person->prompts < 24 && (answer == NULL || person->answers[person->prompts] != NULL))
            answer = person->answers[person->prompts];
        person->prompts++;
        if (answer == NULL) {
            free(*resp);
            *resp = NULL;
            return PAM_CONV_ERR;
        }
        (*resp)[i].resp = strdup(answer);
        if (person->renames != NULL) {
            assert_int_equal(pam_set_item(person->renames, PAM_USER, "somebody-else"), PAM_SUCCESS);
            assert_int_equal(pam_set_item(person->renames, PAM_SERVICE, "another"), PAM_SUCCESS);
            assert_int_equal(pam_set_item(person->renames, PAM_RHOST, "192.0.2.9"), PAM_SUCCESS);
        }
    }
    return PAM_SUCCESS;
}

enum call { AUTHENTICATE, SETCRED, ACCOUNT, OPEN, CLOSE };

/* Who runs the program, as it says: "" nobody, and it is a login where it is root's own. */
static const char *ruser = "";

/* Run one call with these module arguments. Refusals come back raw, being "die". libpam never
 * returns PAM_IGNORE: where the account phase ignores, pam_permit behind it succeeds, and nothing
 * else does. */
static int run(struct person *person, enum call call, const char *args, int flags)
{
    const struct pam_conv conv = {converse, person};
    pam_handle_t *pamh = NULL;
    char text[2048];
    int code = PAM_SYSTEM_ERR;

    (void)snprintf(text, sizeof(text),
                   "auth [success=ok default=die] %s %s\n"
                   "account [ignore=ignore default=die] %s %s\naccount required pam_permit.so\n"
                   "session [success=ok default=die] %s %s\n",
                   TEST_MODULE, args, TEST_MODULE, args, TEST_MODULE, args);
    write_file(service_path, text);
    assert_int_equal(pam_start_confdir("wfauth-test", "nosuchuser", &conv, dir, &pamh),
                     PAM_SUCCESS);
    assert_int_equal(pam_set_item(pamh, PAM_RUSER, ruser), PAM_SUCCESS);
    switch (call) {
    case AUTHENTICATE:
        code = pam_authenticate(pamh, flags);
        break;
    case SETCRED:
        code = pam_setcred(pamh, PAM_ESTABLISH_CRED);
        break;
    case ACCOUNT:
        code = pam_acct_mgmt(pamh, flags);
        break;
    case OPEN:
        code = pam_open_session(pamh, flags);
        break;
    case CLOSE:
        code = pam_close_session(pamh, flags);
        break;
    }
    assert_int_equal(pam_end(pamh, code), PAM_SUCCESS);
    return code;
}

#define IGNORED PAM_SUCCESS
#define PROVIDER                                                                                   \
    "[provider acme]\ntype = workfront\nurl = https://127.0.0.1:1\nclient_id = cid\n"              \
    "redirect_uri = https://login.acme.example/code\n"
#define GOOD_CONF PROVIDER "[service *]\nqr = no\n"

static char with_conf[192];

/* Faults of the set-up: refused, said, never PAM_IGNORE or success, in every phase. */
static const struct {
    const char *name;
    const char *conf; /* NULL: no file */
    const char *args; /* NULL: config=FILE */
} faults[] = {
    {"no configuration", NULL, NULL},
    {"empty configuration", "", NULL},
    {"a mistake", GOOD_CONF "nonsense = 1\n", NULL},
    {"not even INI", "hello\n", NULL},
    {"relative path", GOOD_CONF, "config=wfauth.conf"},
    {"unknown argument", GOOD_CONF, "nullok"},
    {"relative folder of sessions", GOOD_CONF, "state=lib/wfauth"},
    {"no folder of sessions", GOOD_CONF, "state="},
    {"empty service", GOOD_CONF, "service="},
    {"argument in capitals", GOOD_CONF, "DEBUG"},
};

static void test_faults(void **state)
{
    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(faults); i++) {
        char args[512];
        if (faults[i].conf != NULL)
            write_file(conf_path, faults[i].conf);
        else
            (void)unlink(conf_path);
        if (faults[i].args != NULL && strncmp(faults[i].args, "config=", 7) == 0)
            (void)snprintf(args, sizeof(args), "%s", faults[i].args);
        else
            (void)snprintf(args, sizeof(args), "%s %s", with_conf,
                           faults[i].args == NULL ? "" : faults[i].args);
        for (int call = AUTHENTICATE; call <= CLOSE; call++) {
            struct person person = {.answers = {"code"}};
            /* setcred has nothing to do with it, and nobody but root opens sessions */
            if (call == SETCRED || (call >= OPEN && getuid() != 0))
                continue;
            int code = run(&person, (enum call)call, args, 0);
            if (code != PAM_SERVICE_ERR)
                fail_msg("%s: call %d returns %d", faults[i].name, call, code);
            if (person.prompts != 0 || person.messages != 1)
                fail_msg("%s: %d prompts, %d messages", faults[i].name, person.prompts,
                         person.messages);
            assert_non_null(strstr(person.seen, wf_reason_advice(WF_CONFIG)));
        }
    }
}

static void test_silent(void **state)
{
    (void)state;
    struct person person = {.answers = {"code"}};

    (void)unlink(conf_path);
    assert_int_equal(run(&person, AUTHENTICATE, with_conf, PAM_SILENT), PAM_SERVICE_ERR);
    assert_int_equal(person.messages, 0);
}

static void test_setcred_and_account(void **state)
{
    (void)state;
    struct person person = {.answers = {NULL}};

    write_file(conf_path, GOOD_CONF);
    assert_int_equal(run(&person, SETCRED, with_conf, 0), PAM_SUCCESS);
    assert_int_equal(run(&person, ACCOUNT, with_conf, 0), IGNORED);
    write_file(conf_path, GOOD_CONF "deny_users = nosuchuser\n");
    assert_int_equal(run(&person, ACCOUNT, with_conf, 0), PAM_PERM_DENIED);
    /* The section by another name */
    write_file(conf_path, GOOD_CONF "[service other]\ndeny_users = nosuchuser\n");
    assert_int_equal(run(&person, ACCOUNT, with_conf, 0), IGNORED);
    char args[512];
    (void)snprintf(args, sizeof(args), "%s service=other", with_conf);
    assert_int_equal(run(&person, ACCOUNT, args, 0), PAM_PERM_DENIED);
    assert_int_equal(person.prompts, 0);
}

/* Under sudo and su there is no login: nothing happens, and nothing can be wrong. */
static void test_no_login(void **state)
{
    (void)state;
    struct person person = {.answers = {NULL}};

    (void)unlink(conf_path);
    ruser = "somebody";
    assert_int_equal(run(&person, OPEN, with_conf, 0), PAM_SUCCESS);
    assert_int_equal(run(&person, CLOSE, with_conf, 0), PAM_SUCCESS);
    ruser = "";
    int code = getuid() == 0 ? PAM_SERVICE_ERR : PAM_SUCCESS;
    assert_int_equal(run(&person, OPEN, with_conf, PAM_SILENT), code);
    assert_int_equal(run(&person, CLOSE, with_conf, PAM_SILENT), code);
    assert_int_equal(person.messages, 0);
    write_file(conf_path, GOOD_CONF);
    assert_int_equal(run(&person, OPEN, with_conf, 0), PAM_SUCCESS);
    assert_int_equal(run(&person, CLOSE, with_conf, 0), PAM_SUCCESS);
    assert_int_equal(person.messages, 0);
}

/* Answers that are refused before anything is sent, and how often the person is asked. */
static char a511[512], a512[513], a1023[1024], a2000[2001], a4095[4096], a5000[5001];
static char a250[251];

static const struct {
    const char *name;
    const char *answers[24];
    int code;
    int prompts;
    const char *seen;
} dialogues[] = {
    {"nobody answers", {NULL, NULL}, PAM_CONV_ERR, 5, "https://127.0.0.1:1/integrations/oauth2/"},
    {"three bad answers", {"a b", "", "\x1b"}, PAM_AUTH_ERR, 3, "That is not a code"},
    {"two, then nobody", {"a b", "", NULL, NULL}, PAM_CONV_ERR, 7, "That is not a code"},
    {"512 bytes are an answer", {a512, NULL, NULL}, PAM_SERVICE_ERR, 1, NULL},
    {"511 bytes fill sudo's line", {a511, "a b", "", "x y", "x y"}, PAM_AUTH_ERR, 5, "in pieces"},
    {"1023 bytes fill the line of ssh", {a1023, "a b", "", "x y", "x y"}, PAM_AUTH_ERR, 5, "in pieces"},
    {"4095 bytes fill a terminal's line", {a4095, "a b", "", "x y", "x y"}, PAM_AUTH_ERR, 5, "in pieces"},
    {"a piece that fills the line", {a1023, a1023, "", "x y", "x y"}, PAM_AUTH_ERR, 5, "too long"},
    {"5000 bytes", {a5000, "x y", "x y"}, PAM_AUTH_ERR, 3, "too long"},
    {"no piece after the first failure", {NULL, "a b", "", "x y", "x y"}, PAM_AUTH_ERR, 5, "in pieces"},
};

static void test_dialogues(void **state)
{
    (void)state;
    write_file(conf_path, GOOD_CONF);
    memset(a250, 'a', sizeof(a250) - 1);
    memset(a511, 'a', sizeof(a511) - 1);
    memset(a512, 'a', sizeof(a512) - 1);
    memset(a1023, 'a', sizeof(a1023) - 1);
    memset(a2000, 'a', sizeof(a2000) - 1);
    memset(a4095, 'a', sizeof(a4095) - 1);
    memset(a5000, 'a', sizeof(a5000) - 1);
    for (size_t i = 0; i < WF_ARRAY_LEN(dialogues); i++) {
        struct person person = {.prompts = 0};
        memcpy(person.answers, dialogues[i].answers, sizeof(person.answers));
        int code = run(&person, AUTHENTICATE, with_conf, 0);
        /* An answer that is sent meets no helper program here (PAM_SERVICE_ERR), or, where one
         * is installed, no provider (PAM_AUTHINFO_UNAVAIL) */
        if (code != dialogues[i].code &&
            !(dialogues[i].code == PAM_SERVICE_ERR && code == PAM_AUTHINFO_UNAVAIL))
            fail_msg("%s: returns %d\n%s", dialogues[i].name, code, person.seen);
        if (person.prompts != dialogues[i].prompts)
            fail_msg("%s: %d prompts\n%s", dialogues[i].name, person.prompts, person.seen);
        if (dialogues[i].seen != NULL && strstr(person.seen, dialogues[i].seen) == NULL)
            fail_msg("%s: not seen\n%s", dialogues[i].name, person.seen);
    }
}

/* What the host set when the sign-in began counts to its end, whatever happens to the items: libpam
 * frees the old texts, and whose sign-in it is must not change on the way. */
static void test_items_change(void **state)
{
    (void)state;
    struct person person = {.answers = {"a b", "c d", "e f"}};
    const struct pam_conv conv = {converse, &person};
    pam_handle_t *pamh = NULL;
    char text[1024];

    write_file(conf_path, GOOD_CONF);
    (void)snprintf(text, sizeof(text), "auth required %s %s\n", TEST_MODULE, with_conf);
    write_file(service_path, text);
    assert_int_equal(pam_start_confdir("wfauth-test", "nosuchuser", &conv, dir, &pamh),
                     PAM_SUCCESS);
    assert_int_equal(pam_set_item(pamh, PAM_RHOST, "192.0.2.1"), PAM_SUCCESS);
    person.renames = pamh;
    assert_int_equal(pam_authenticate(pamh, 0), PAM_AUTH_ERR);
    assert_int_equal(pam_end(pamh, PAM_AUTH_ERR), PAM_SUCCESS);
    assert_int_equal(person.prompts, 3);
    size_t named = 0;
    for (const char *at = person.seen; (at = strstr(at, "Sign in as ")) != NULL; at++) {
        static const char wanted[] = "Sign in as nosuchuser on ";
        assert_memory_equal(at, wanted, strlen(wanted));
        assert_non_null(strstr(at, " (wfauth-test) with "));
        named++;
    }
    assert_int_equal(named, 3);
}

/* The 1023 bytes of a cut line and 80 pieces are too long; what comes then is another answer. */
static void test_pieces_without_end(void **state)
{
    (void)state;
    struct person person = {.answers = {a1023}, .endless = a250};

    write_file(conf_path, GOOD_CONF);
    memset(a1023, 'a', sizeof(a1023) - 1);
    memset(a250, 'a', sizeof(a250) - 1);
    int code = run(&person, AUTHENTICATE, with_conf, 0);
    assert_true(code == PAM_SERVICE_ERR || code == PAM_AUTHINFO_UNAVAIL);
    assert_int_equal(person.prompts, 1 + 80 + 1);
    assert_non_null(strstr(person.seen, "too long"));
}

static int make_dir(void **state)
{
    (void)state;
    if (mkdtemp(dir) == NULL)
        return -1;
    (void)snprintf(conf_path, sizeof(conf_path), "%s/wfauth.conf", dir);
    (void)snprintf(service_path, sizeof(service_path), "%s/wfauth-test", dir);
    (void)snprintf(state_path, sizeof(state_path), "%s/state", dir);
    (void)snprintf(with_conf, sizeof(with_conf), "config=%s state=%s", conf_path, state_path);
    return mkdir(state_path, 0700);
}

static int remove_dir(void **state)
{
    (void)state;
    (void)unlink(conf_path);
    (void)unlink(service_path);
    (void)rmdir(state_path);
    return rmdir(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_faults),
        cmocka_unit_test(test_silent),
        cmocka_unit_test(test_setcred_and_account),
        cmocka_unit_test(test_no_login),
        cmocka_unit_test(test_dialogues),
        cmocka_unit_test(test_pieces_without_end),
        cmocka_unit_test(test_items_change),
    };
    return cmocka_run_group_tests_name("pam", tests, make_dir, remove_dir);
}
