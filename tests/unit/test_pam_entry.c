/*
 * The PAM module's entry points of authentication and account: what each makes of PAM's items, of
 * its arguments and of the core's answers. What the core answers is tested in its own files.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pamcore.h"

enum phase { AUTHENTICATE, ACCOUNT, OPEN, CLOSE, PHASES };

static int run(enum phase phase, int flags, const char *const args[])
{
    int n = count_args(args);
    const char *argv[8];

    memcpy(argv, args, (size_t)(n + 1) * sizeof(*args));
    switch (phase) {
    case AUTHENTICATE:
        return pam_sm_authenticate(the_handle, flags, n, argv);
    case ACCOUNT:
        return pam_sm_acct_mgmt(the_handle, flags, n, argv);
    case OPEN:
        return pam_sm_open_session(the_handle, flags, n, argv);
    case CLOSE:
        return pam_sm_close_session(the_handle, flags, n, argv);
    case PHASES:
        break;
    }
    return PAM_SYSTEM_ERR;
}

static const char *const no_args[] = {NULL};

static void assert_in_log(const char *name, const char *text)
{
    if (strstr(seen.log, text) == NULL)
        fail_msg("%s: the log does not say \"%s\":\n%s", name, text, seen.log);
}

/* The beginning of every call */

/* What goes wrong before the core is asked: said once, logged once with whose call it was, and the
 * core is not asked. */
static void test_not_begun(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *args[3];
        int missing;
        bool no_user;
        enum wf_reason context;
        int code;
        const char *trace;
        const char *logged[4];
    } rows[] = {
        {"an unknown argument", {"nullok"}, -1, false, WF_OK, PAM_SERVICE_ERR, "",
         {"service=\"wfauth-test\"", "user=\"alice\"", "reason=config", "unknown argument"}},
        {"a relative path", {"debug", "config=c"}, -1, false, WF_OK, PAM_SERVICE_ERR, "",
         {"service=\"wfauth-test\"", "user=\"alice\"", "reason=config", "absolute path"}},
        {"no user", {NULL}, -1, true, WF_OK, PAM_AUTHINFO_UNAVAIL, "",
         {"<4>", "verdict=refuse", "reason=pending", "names no user"}},
        {"no service", {NULL}, PAM_SERVICE, false, WF_OK, PAM_SERVICE_ERR, "",
         {"<4>", "verdict=refuse", "reason=internal", "names no PAM service"}},
        {"an unknown argument and no user", {"nullok"}, -1, true, WF_OK, PAM_SERVICE_ERR, "",
         {"<4>", "verdict=refuse", "reason=config", "unknown argument"}},
        {"a configuration with a mistake", {NULL}, -1, false, WF_CONFIG, PAM_SERVICE_ERR, "context",
         {"service=\"wfauth-test\"", "user=\"alice\"", "reason=config", "the core says so"}},
        {"no memory for it", {NULL}, -1, false, WF_INTERNAL, PAM_SERVICE_ERR, "context",
         {"service=\"wfauth-test\"", "user=\"alice\"", "reason=internal", "the core says so"}},
    };
    static const char *const actions[] = {"sign-in ", "account ", "session ", "session "};

    for (size_t i = 0; i < WF_ARRAY_LEN(rows); i++) {
        for (int phase = AUTHENTICATE; phase < PHASES; phase++) {
            char line[64];
            pam_core_start(NULL);
            core.context = rows[i].context;
            missing_item = rows[i].missing;
            no_user = rows[i].no_user;
            int code = run((enum phase)phase, 0, rows[i].args);
            missing_item = -1;
            no_user = false;
            if (code != rows[i].code || strcmp(seen.trace, rows[i].trace) != 0)
                fail_msg("%s: phase %d returns %d, \"%s\"", rows[i].name, phase, code, seen.trace);
            for (size_t k = 0; k < 4; k++)
                assert_in_log(rows[i].name, rows[i].logged[k]);
            (void)snprintf(line, sizeof(line), "<4>%s", actions[phase]);
            assert_in_log(rows[i].name, line);
            assert_non_null(strchr(person.shown, '\n'));
            assert_null(strchr(strchr(person.shown, '\n') + 1, '\n'));
            assert_null(pam_kept[0].cleanup);
            pam_core_end();
        }
    }
}

/* What the core is told, by the arguments and by PAM's items. */
static void test_request(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *args[5];
        const char *rhost;
        const char *tty;
        const char *info;
        const char *config;
        const char *state;
        const char *service;
        bool debug;
        bool hides;
        enum wf_proof proof;
    } rows[] = {
        {"nothing but a name", {NULL}, NULL, NULL, NULL, "(none)", "(none)", "wfauth-test", false,
         false, WF_PROOF_NONE},
        {"all arguments", {"config=/c", "state=/s", "service=other", "debug"}, NULL, NULL, NULL,
         "/c", "/s", "other", true, false, WF_PROOF_NONE},
        {"from far away", {NULL}, "192.0.2.1", "/dev/pts/1", "publickey x\n", "(none)", "(none)",
         "wfauth-test", false, false, WF_PROOF_NONE},
        {"over ssh", {NULL}, "192.0.2.1", "ssh", "", "(none)", "(none)", "wfauth-test", false, true,
         WF_PROOF_NONE},
        {"over ssh with a key", {NULL}, NULL, "ssh", "publickey x\n", "(none)", "(none)",
         "wfauth-test", false, true, WF_PROOF_METHOD},
    };

    for (size_t i = 0; i < WF_ARRAY_LEN(rows); i++) {
        for (int phase = AUTHENTICATE; phase < PHASES; phase++) {
            char variable[64];
            pam_core_start(rows[i].tty);
            if (rows[i].rhost != NULL)
                assert_int_equal(pam_set_item(the_handle, PAM_RHOST, rows[i].rhost), PAM_SUCCESS);
            (void)snprintf(variable, sizeof(variable), "SSH_AUTH_INFO_0=%s", rows[i].info);
            if (rows[i].info != NULL)
                assert_int_equal(pam_putenv(the_handle, variable), PAM_SUCCESS);
            if (run((enum phase)phase, 0, rows[i].args) != PAM_SUCCESS)
                fail_msg("%s: %s", rows[i].name, seen.log);
            assert_string_equal(seen.config, rows[i].config);
            assert_string_equal(seen.state, rows[i].state);
            assert_string_equal(seen.service, rows[i].service);
            assert_string_equal(seen.user, "alice");
            assert_string_equal(seen.rhost, rows[i].rhost == NULL ? "(none)" : rows[i].rhost);
            assert_int_equal(seen.debug, rows[i].debug);
            assert_int_equal(seen.request.hides_users, rows[i].hides);
            assert_int_equal(seen.request.proof, rows[i].proof);
            assert_true(seen.request.pins);
            /* As syslog calls them; nothing else is said */
            assert_string_equal(seen.log, rows[i].debug ? "<3>level 0\n<4>level 1\n<6>level 2\n"
                                                          "<7>level 3\n"
                                                        : "<3>level 0\n<4>level 1\n<6>level 2\n");
            assert_string_equal(person.shown, "");
            pam_core_end();
        }
    }
}

/* Signing in */

static const struct sign_in {
    const char *name;
    enum wf_reason resume, begin, answer;
    int open;               /* how many answers may be given */
    const char *answers[3]; /* NULL: the conversation fails */
    bool no_prompt;
    const char *renamed; /* PAM_USER becomes that */
    int code;
    const char *trace; /* behind "context" */
    const char *said;  /* NULL: nothing; "": a reason's advice */
    enum wf_reason advice;
    bool kept; /* for the account phase */
} sign_ins[] = {
    {.name = "a session of before", .resume = WF_OK, .trace = "resume", .kept = true},
    {.name = "it is over", .resume = WF_INACTIVE, .code = PAM_ACCT_EXPIRED, .trace = "resume",
     .said = "", .advice = WF_INACTIVE, .kept = true},
    {.name = "it may not be here", .resume = WF_DENIED, .code = PAM_PERM_DENIED, .trace = "resume",
     .said = "", .advice = WF_DENIED, .kept = true},
    {.name = "its provider is down", .resume = WF_UNREACHABLE, .code = PAM_AUTHINFO_UNAVAIL,
     .trace = "resume", .said = "", .advice = WF_UNREACHABLE, .kept = true},
    {.name = "a code", .resume = WF_PENDING, .open = 1, .answers = {"c"},
     .trace = "resume begin answer", .kept = true},
    {.name = "a wrong code", .resume = WF_PENDING, .open = 1, .answers = {"c"},
     .answer = WF_MALFORMED, .code = PAM_AUTH_ERR, .trace = "resume begin answer",
     .said = "the login's advice\n", .kept = true},
    {.name = "two wrong codes", .resume = WF_PENDING, .open = 2, .answers = {"c", "d"},
     .answer = WF_EXPIRED, .code = PAM_AUTH_ERR, .trace = "resume begin answer answer",
     .said = "the login's advice\n", .kept = true},
    {.name = "a code that cannot be judged", .resume = WF_PENDING, .open = 1, .answers = {"c"},
     .answer = WF_UNREACHABLE, .code = PAM_AUTHINFO_UNAVAIL, .trace = "resume begin answer",
     .said = "the login's advice\n", .kept = true},
    {.name = "nobody answers", .resume = WF_PENDING, .open = 3, .answers = {NULL},
     .code = PAM_CONV_ERR, .trace = "resume begin abandon"},
    {.name = "one answer, and nobody", .resume = WF_PENDING, .open = 3, .answers = {"c", NULL},
     .answer = WF_MALFORMED, .code = PAM_CONV_ERR, .trace = "resume begin answer abandon"},
    {.name = "no memory for a prompt", .resume = WF_PENDING, .open = 3, .no_prompt = true,
     .code = PAM_BUF_ERR, .trace = "resume begin abandon"},
    {.name = "no dialogue", .resume = WF_PENDING, .begin = WF_CONFIG, .open = 3,
     .code = PAM_SERVICE_ERR, .trace = "resume begin", .said = "the login's advice\n",
     .kept = true},
    {.name = "a closed dialogue", .resume = WF_PENDING, .open = 0, .code = PAM_AUTHINFO_UNAVAIL,
     .trace = "resume begin", .said = "another's\n", .kept = true},
    {.name = "a code of the user who was", .resume = WF_PENDING, .open = 1, .answers = {"c"},
     .renamed = "bob", .code = PAM_AUTH_ERR, .trace = "resume begin answer", .kept = true},
    {.name = "a code, and nobody's any more", .resume = WF_PENDING, .open = 1, .answers = {"c"},
     .renamed = "", .code = PAM_AUTH_ERR, .trace = "resume begin answer", .kept = true},
    {.name = "a refusal stays what it is", .resume = WF_PENDING, .open = 1, .answers = {"c"},
     .answer = WF_DENIED, .renamed = "bob", .code = PAM_PERM_DENIED,
     .trace = "resume begin answer", .said = "the login's advice\n", .kept = true},
};

static void set_up_sign_in(const struct sign_in *row)
{
    pam_core_start("ssh"); /* which asks once, and not in pieces */
    core.resume = row->resume;
    core.begin = row->begin;
    core.answer = row->answer;
    core.answers_open = row->open;
    core.no_prompt = row->no_prompt;
    person.renamed = row->renamed;
    memcpy(person.answers, row->answers, sizeof(row->answers));
}

static void test_sign_in(void **state)
{
    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(sign_ins); i++) {
        const struct sign_in *row = &sign_ins[i];
        char advice[512] = "";
        set_up_sign_in(row);
        int code = run(AUTHENTICATE, 0, no_args);
        if (code != row->code || strncmp(seen.trace, "context ", 8) != 0 ||
            strcmp(seen.trace + 8, row->trace) != 0)
            fail_msg("%s: returns %d, \"%s\"", row->name, code, seen.trace);
        if (row->said != NULL && row->said[0] == '\0')
            (void)snprintf(advice, sizeof(advice), "%s\n", wf_reason_advice(row->advice));
        else if (row->said != NULL)
            (void)snprintf(advice, sizeof(advice), "%s", row->said);
        if (strcmp(person.shown, advice) != 0)
            fail_msg("%s: shows \"%s\"", row->name, person.shown);
        if ((pam_kept[0].data != NULL) != row->kept)
            fail_msg("%s: the account phase knows, or not", row->name);
        /* One line a sign-in, and the core writes that of its verdict */
        if (row->begin != WF_OK || (row->renamed != NULL && row->code == PAM_AUTH_ERR))
            assert_in_log(row->name, "<4>sign-in service=\"wfauth-test\" user=\"alice\"");
        else if (strstr(seen.log, "sign-in") != NULL)
            fail_msg("%s: logs %s", row->name, seen.log);
        if (row->renamed != NULL && row->code == PAM_AUTH_ERR)
            assert_in_log(row->name, "reason=identity text=\"\\\"alice\\\" signed in, but PAM_USER "
                                     "has become");
        pam_core_end();
    }
}

/* A host that wants no word gets none. */
static void test_silent(void **state)
{
    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(sign_ins); i++) {
        set_up_sign_in(&sign_ins[i]);
        assert_int_equal(run(AUTHENTICATE, PAM_SILENT, no_args), sign_ins[i].code);
        assert_string_equal(person.shown, "");
        pam_core_end();
    }
}

/* PAM_USER that is not there any more is somebody else's. */
static void test_user_gone(void **state)
{
    (void)state;
    pam_core_start(NULL);
    missing_item = PAM_USER;
    assert_int_equal(run(AUTHENTICATE, 0, no_args), PAM_AUTH_ERR);
    missing_item = -1;
    assert_in_log("gone", "reason=identity");
    pam_core_end();
}

/* By token */

static char longest[WF_ANSWER_MAX + 2]; /* of the bytes that an answer may have, and one more */

#define TOKEN "t.o.k"

static const struct {
    const char *name;
    const char *args[3];
    const char *before; /* what an earlier module asked for */
    const char *answer; /* NULL: nobody */
    const char *tty;
    enum wf_reason verify;
    int code;
    const char *judged; /* NULL: nothing is */
    int prompts;
    bool said;
    const char *left; /* NULL: nothing */
} tokens[] = {
    {"a good one", {NULL}, NULL, TOKEN, NULL, WF_OK, PAM_SUCCESS, TOKEN, 1, false, NULL},
    {"a bad one", {NULL}, NULL, TOKEN, NULL, WF_EXPIRED, PAM_AUTH_ERR, TOKEN, 1, true, NULL},
    {"a bad one over ssh", {NULL}, NULL, TOKEN, "ssh", WF_EXPIRED, PAM_AUTH_ERR, TOKEN, 1,
     false, NULL},
    {"no word in time", {NULL}, NULL, TOKEN, NULL, WF_UNREACHABLE, PAM_AUTHINFO_UNAVAIL, TOKEN,
     1, true, NULL},
    {"a password", {NULL}, NULL, "horse", NULL, WF_MALFORMED, PAM_AUTH_ERR, "horse", 1, false,
     "horse"},
    {"nothing", {NULL}, NULL, "", NULL, WF_MALFORMED, PAM_AUTH_ERR, "", 1, false, NULL},
    {"nobody", {NULL}, NULL, NULL, "ssh", WF_OK, PAM_CONV_ERR, NULL, 1, false, NULL},
    {"the first", {"use_first_pass"}, TOKEN, NULL, NULL, WF_OK, PAM_SUCCESS, TOKEN, 0, false,
     NULL},
    {"the first, a password", {"use_first_pass"}, "horse", NULL, NULL, WF_MALFORMED,
     PAM_AUTH_ERR, "horse", 0, false, NULL},
    {"the first, not there", {"use_first_pass"}, NULL, TOKEN, NULL, WF_OK, PAM_AUTH_ERR, NULL, 0,
     false, NULL},
    {"the first, empty", {"use_first_pass"}, "", TOKEN, NULL, WF_MALFORMED, PAM_AUTH_ERR, "", 0,
     false, NULL},
    {"the first or ours", {"try_first_pass"}, TOKEN, "horse", NULL, WF_OK, PAM_SUCCESS, TOKEN, 0,
     false, NULL},
    {"ours or the first", {"try_first_pass"}, NULL, TOKEN, NULL, WF_OK, PAM_SUCCESS, TOKEN, 1,
     false, NULL},
    {"ours alone", {NULL}, "horse", TOKEN, NULL, WF_OK, PAM_SUCCESS, TOKEN, 1, false, NULL},
    {"both words", {"try_first_pass", "use_first_pass"}, NULL, TOKEN, NULL, WF_OK, PAM_AUTH_ERR,
     NULL, 0, false, NULL},
};

static void test_token(void **state)
{
    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(tokens); i++) {
        pam_core_start(tokens[i].tty);
        core.wants_token = true;
        core.verify = tokens[i].verify;
        authtok = tokens[i].before;
        person.answers[0] = tokens[i].answer;
        int code = run(AUTHENTICATE, 0, tokens[i].args);
        if (code != tokens[i].code || person.prompts != tokens[i].prompts ||
            strcmp(seen.trace, tokens[i].judged == NULL ? "context" : "context verify") != 0)
            fail_msg("%s: returns %d after %d prompts, \"%s\"", tokens[i].name, code, person.prompts,
                     seen.trace);
        if (tokens[i].judged != NULL) {
            assert_string_equal(seen.answer, tokens[i].judged);
            assert_int_equal(seen.answer_len, strlen(tokens[i].judged));
        }
        assert_true(person.prompts == 0 || person.hidden);
        if ((person.shown[0] != '\0') != tokens[i].said)
            fail_msg("%s: shows \"%s\"", tokens[i].name, person.shown);
        if (tokens[i].said)
            assert_non_null(strstr(person.shown, wf_token_advice(tokens[i].verify)));
        assert_string_equal(authtok_left, tokens[i].left == NULL ? "" : tokens[i].left);
        /* The account phase learns of what was judged */
        assert_int_equal(pam_kept[0].data != NULL, tokens[i].judged != NULL);
        assert_null(strstr(seen.log, "sign-in"));
        pam_core_end();
    }
}

/* The longest answer and what is longer, which is judged as too long: neither serves later modules.
 */
static void test_longest(void **state)
{
    (void)state;
    static const struct {
        size_t len;
        size_t judged;
        size_t left;
    } rows[] = {
        {WF_ANSWER_MAX - 1, WF_ANSWER_MAX - 1, WF_ANSWER_MAX - 1},
        {WF_ANSWER_MAX, WF_ANSWER_MAX, 0},
        {WF_ANSWER_MAX + 1, WF_ANSWER_MAX + 1, 0},
    };

    for (size_t i = 0; i < WF_ARRAY_LEN(rows); i++) {
        pam_core_start("ssh");
        core.wants_token = true;
        core.verify = WF_MALFORMED;
        memset(longest, 'x', sizeof(longest));
        longest[rows[i].len] = '\0';
        person.answers[0] = longest;
        assert_int_equal(run(AUTHENTICATE, 0, no_args), PAM_AUTH_ERR);
        assert_int_equal(seen.answer_len, rows[i].judged);
        assert_int_equal(strlen(authtok_left), rows[i].left);
        pam_core_end();
    }
    /* Nothing of a line before it is left behind a password */
    pam_core_start("ssh");
    core.wants_token = true;
    core.verify = WF_MALFORMED;
    longest[511] = '\0';
    person.answers[0] = longest;
    person.answers[1] = "horse";
    person.answers[2] = "";
    assert_int_equal(run(AUTHENTICATE, 0, no_args), PAM_AUTH_ERR);
    assert_string_equal(authtok_left, "horse");
    pam_core_end();
    /* A password that cannot be left for others is not a wrong one */
    pam_core_start("ssh");
    core.wants_token = true;
    core.verify = WF_MALFORMED;
    person.answers[0] = "horse";
    authtok_code = PAM_BUF_ERR;
    assert_int_equal(run(AUTHENTICATE, 0, no_args), PAM_BUF_ERR);
    assert_null(pam_kept[0].data);
    pam_core_end();
}

/* What comes after the verdict */

/* The account phase gets what the sign-in of the same handle found, word for word. */
static void test_account(void **state)
{
    (void)state;
    static const struct {
        bool signed_in;
        bool no_opinion;
        enum wf_reason reason;
        int code;
    } rows[] = {
        {true, false, WF_OK, PAM_SUCCESS},
        {true, false, WF_DENIED, PAM_PERM_DENIED},
        {true, false, WF_INACTIVE, PAM_ACCT_EXPIRED},
        {false, false, WF_OK, PAM_SUCCESS},
        {false, true, WF_OK, PAM_IGNORE},
        {false, false, WF_UNREACHABLE, PAM_AUTHINFO_UNAVAIL},
        {false, false, WF_CONFIG, PAM_SERVICE_ERR},
    };

    for (size_t i = 0; i < WF_ARRAY_LEN(rows); i++) {
        pam_core_start(NULL);
        core.account = rows[i].reason;
        core.no_opinion = rows[i].no_opinion;
        if (rows[i].signed_in)
            assert_int_equal(run(AUTHENTICATE, 0, no_args), PAM_SUCCESS);
        seen.log[0] = '\0';
        assert_int_equal(run(ACCOUNT, 0, no_args), rows[i].code);
        assert_int_equal(seen.found, rows[i].signed_in);
        if (rows[i].signed_in) {
            assert_int_equal(seen.found_result.reason, WF_OK);
            assert_string_equal(seen.found_result.user, "alice");
            assert_string_equal(seen.found_result.subject, "s1");
            /* But for the secret */
            assert_string_equal(seen.found_result.mark, "");
        }
        if (rows[i].reason == WF_OK)
            assert_string_equal(person.shown, "");
        else
            assert_non_null(strstr(person.shown, wf_reason_advice(rows[i].reason)));
        assert_null(strstr(seen.log, "account"));
        pam_core_end();
    }
}

/* Of two sign-ins in one handle the later counts. */
static void test_twice(void **state)
{
    (void)state;
    pam_core_start(NULL);
    assert_int_equal(run(AUTHENTICATE, 0, no_args), PAM_SUCCESS);
    core.resume = WF_DENIED;
    assert_int_equal(run(AUTHENTICATE, 0, no_args), PAM_PERM_DENIED);
    assert_int_equal(run(ACCOUNT, 0, no_args), PAM_SUCCESS);
    assert_int_equal(seen.found_result.reason, WF_DENIED);
    pam_core_end();
}

/* Without memory nobody gets in, whatever is missing first, and nothing is left. */
static void test_memory(void **state)
{
    (void)state;
    for (size_t token = 0; token < 2; token++) {
        bool failed = true;
        for (unsigned n = 1; failed; n++) {
            pam_core_start(NULL);
            assert_int_equal(pam_set_item(the_handle, PAM_RHOST, "192.0.2.1"), PAM_SUCCESS);
            core.wants_token = token == 1;
            core.mark = MARK;
            core.resume = WF_PENDING;
            core.answers_open = 1;
            person.answers[0] = "c";
            fail_alloc_at = n;
            int code = run(AUTHENTICATE, 0, no_args);
            failed = fail_alloc_at == 0;
            fail_alloc_at = 0;
            if (failed ? code != PAM_SERVICE_ERR && code != PAM_BUF_ERR : code != PAM_SUCCESS)
                fail_msg("allocation %u: %d", n, code);
            if (failed && code == PAM_SERVICE_ERR)
                assert_in_log("memory", "reason=internal");
            pam_core_end();
        }
    }
}

/* What libpam does not keep refuses, too: the mark comes first, then what was found. */
static void test_not_kept(void **state)
{
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        pam_core_start(NULL);
        core.resume = i == 2 ? WF_DENIED : WF_OK;
        core.mark = i == 0 ? MARK : NULL;
        pam_keeps_nothing = true;
        int code = run(AUTHENTICATE, 0, no_args);
        pam_keeps_nothing = false;
        assert_int_equal(code, PAM_SERVICE_ERR);
        assert_in_log("kept", i == 0 ? "keep the mark" : "keep what the sign-in found");
        assert_in_log("kept", "<4>sign-in service=\"wfauth-test\" user=\"alice\" verdict=refuse "
                              "reason=internal");
        pam_core_end();
    }
}

/* The credential phase has nothing to do but for the mark that nobody took. */
static void test_setcred(void **state)
{
    (void)state;
    pam_core_start("ssh");
    core.mark = MARK;
    assert_int_equal(run(AUTHENTICATE, 0, no_args), PAM_SUCCESS);
    for (size_t i = 0; i < 2; i++) {
        const char *found = pam_getenv(the_handle, "WFAUTH_SIGN_IN");
        assert_non_null(found);
        assert_string_equal(found, MARK);
        assert_int_equal(pam_sm_setcred(the_handle, PAM_ESTABLISH_CRED, 0, NULL), PAM_SUCCESS);
    }
    assert_null(pam_getenv(the_handle, "WFAUTH_SIGN_IN"));
    pam_core_end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_not_begun), cmocka_unit_test(test_request),
        cmocka_unit_test(test_sign_in),   cmocka_unit_test(test_silent),
        cmocka_unit_test(test_user_gone), cmocka_unit_test(test_token),
        cmocka_unit_test(test_longest),   cmocka_unit_test(test_account),
        cmocka_unit_test(test_twice),     cmocka_unit_test(test_memory),
        cmocka_unit_test(test_not_kept),  cmocka_unit_test(test_setcred),
    };
    return cmocka_run_group_tests_name("pam_entry", tests, pam_case_setup, pam_case_teardown);
}
