/*
 * flow = token in pam_workfront.so as the real libpam loads it, without root and without a network:
 * the keys are a file, the tokens from the mint, the stack's other module our own.
 */
#include "config.h"

#include <pwd.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include <security/pam_appl.h>

#include "mint.h"
#include "wfauth.h"

/* passwd is asked: somebody whom every system has, and who is nobody special */
#define USER "games"
#define PROMPTS_MAX 96

static char dir[] = "/tmp/wfauth-test-XXXXXX";
static const char *conf_path;
static const char *keys_path;
static const char *service_path;
static const char *state_path;

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(path, 0600), 0);
}

static void write_conf(const char *more)
{
    write_file(conf_path,
               mint_text("[provider staff]\ntype = oidc\nurl = https://sso.example\n"
                         "jwks_file = %s\nusername = sub\ncache_dir = %s/cache\n"
                         "[service *]\nflow = token\naudience = urn:mail\nmin_uid = 1\n%s",
                         keys_path, dir, more));
}

static const char *token_with(const char *name, const char *value)
{
    const char *good =
        mint_text("{\"iss\":\"https://sso.example\",\"sub\":\"%s\",\"aud\":\"urn:mail\","
                  "\"exp\":%lld}",
                  USER, (long long)time(NULL) + 600);

    return mint_token("ES256", MINT_P256, "{\"alg\":\"ES256\",\"kid\":\"k\"}",
                      name == NULL ? good : mint_change(good, name, value, (char *)NULL));
}

/* A good token of about so many bytes. */
static const char *token_of(size_t len)
{
    return token_with(
        "pad", mint_repeat("\"", "x", (len - strlen(token_with("pad", "\"\""))) * 3 / 4, "\""));
}

/* The person, and what was shown to them and asked. */
struct person {
    const char *answers[PROMPTS_MAX]; /* NULL: the conversation fails */
    int prompts;
    int messages;
    bool echoed;
    char seen[16384];
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
        if (msg[i]->msg_style != PAM_PROMPT_ECHO_OFF)
            person->echoed = true;
        assert_true(person->prompts < PROMPTS_MAX);
        const char *answer = person->answers[person->prompts++];
        if (answer == NULL) {
            free(*resp);
            *resp = NULL;
            return PAM_CONV_ERR;
        }
        (*resp)[i].resp = strdup(answer);
    }
    return PAM_SUCCESS;
}

/* What a whole stack said, and what it left to later modules as a password. */
struct outcome {
    int code;
    char left[1024]; /* "": nothing */
};

static struct outcome run(struct person *person, const char *stack, const char *tty, int flags)
{
    const struct pam_conv conv = {converse, person};
    struct outcome outcome = {PAM_SYSTEM_ERR, ""};
    pam_handle_t *pamh = NULL;

    write_file(service_path, stack);
    assert_int_equal(pam_start_confdir("wfauth-test", USER, &conv, dir, &pamh), PAM_SUCCESS);
    if (tty != NULL)
        assert_int_equal(pam_set_item(pamh, PAM_TTY, tty), PAM_SUCCESS);
    outcome.code = pam_authenticate(pamh, flags);
    const char *left = pam_getenv(pamh, "AUTHTOK");
    if (left != NULL)
        (void)snprintf(outcome.left, sizeof(outcome.left), "%s", left);
    assert_int_equal(pam_end(pamh, outcome.code), PAM_SUCCESS);
    return outcome;
}

/* The module with these words, between modules that ask before it and look behind it. */
static const char *stack_of(bool asked_before, const char *words)
{
    return mint_text("%sauth [success=ok ignore=ignore default=bad] %s config=%s state=%s %s\n"
                     "auth optional %s look\n",
                     asked_before ? mint_text("auth optional %s ask\n", TEST_PROBE) : "",
                     TEST_MODULE, conf_path, state_path, words, TEST_PROBE);
}

static void assert_seen(const char *name, const struct person *person, const char *text)
{
    if (strstr(person->seen, text) == NULL)
        fail_msg("%s: \"%s\" was not shown, but:\n%s", name, text, person->seen);
}

/* Who gets in, what is said, and what later modules get for a password. */
static void test_verdicts(void **state)
{
    (void)state;
    const char *good = token_with(NULL, NULL);
    const struct {
        const char *name;
        const char *answer;
        int code;
        enum wf_reason said; /* WF_OK: nothing */
        bool handed_on;
    } rows[] = {
        {"a good token", good, PAM_SUCCESS, WF_OK, false},
        {"expired", token_with("exp", "1000000000"), PAM_AUTH_ERR, WF_EXPIRED, false},
        {"another audience", token_with("aud", "\"urn:other\""), PAM_AUTH_ERR, WF_AUDIENCE, false},
        {"another issuer", token_with("iss", "\"https://x.example\""), PAM_AUTH_ERR, WF_ISSUER,
         false},
        {"another person's", token_with("sub", "\"man\""), PAM_AUTH_ERR, WF_IDENTITY, false},
        {"an ID token", token_with("at_hash", "\"x\""), PAM_AUTH_ERR, WF_TYPE, false},
        {"a changed signature",
         mint_join(mint_text("%.*s", (int)(strrchr(good, '.') - good), good),
                   mint_sign("ES256", MINT_P256_OTHER, "x")),
         PAM_AUTH_ERR, WF_SIGNATURE, false},
        {"an ordinary password", "correct horse", PAM_AUTH_ERR, WF_OK, true},
        {"nothing", "", PAM_AUTH_ERR, WF_OK, false},
        {"an opaque token that nobody takes", "0123456789abcdef", PAM_AUTH_ERR, WF_OK, true},
    };

    write_conf("");
    for (size_t i = 0; i < WF_ARRAY_LEN(rows); i++) {
        struct person person = {.answers = {rows[i].answer}};
        struct outcome outcome = run(&person, stack_of(false, ""), NULL, 0);
        if (outcome.code != rows[i].code || person.prompts != 1 || person.echoed)
            fail_msg("%s: returns %d after %d prompts\n%s", rows[i].name, outcome.code,
                     person.prompts, person.seen);
        assert_seen(rows[i].name, &person, "Access token: ");
        if (rows[i].said != WF_OK)
            assert_seen(rows[i].name, &person, wf_token_advice(rows[i].said));
        else if (person.messages != 0)
            fail_msg("%s: %s", rows[i].name, person.seen);
        if (strcmp(outcome.left, rows[i].handed_on ? rows[i].answer : "") != 0)
            fail_msg("%s: left for later modules: \"%s\"", rows[i].name, outcome.left);
    }
}

/* What an earlier module asked for, and whether we ask. */
static void test_first_pass(void **state)
{
    (void)state;
    const char *good = token_with(NULL, NULL);
    const struct {
        const char *name;
        bool asked_before;
        const char *words;
        const char *answers[3];
        int code;
        int prompts;
    } rows[] = {
        {"use_first_pass", true, "use_first_pass", {good}, PAM_SUCCESS, 1},
        {"use_first_pass, a password", true, "use_first_pass", {"horse", good}, PAM_AUTH_ERR, 1},
        {"use_first_pass, nothing there", false, "use_first_pass", {good}, PAM_AUTH_ERR, 0},
        {"try_first_pass", true, "try_first_pass", {good}, PAM_SUCCESS, 1},
        {"try_first_pass, a password", true, "try_first_pass", {"horse", good}, PAM_AUTH_ERR, 1},
        {"try_first_pass, nothing there", false, "try_first_pass", {good}, PAM_SUCCESS, 1},
        {"neither: we ask ourselves", true, "", {"horse", good}, PAM_SUCCESS, 2},
    };

    write_conf("");
    for (size_t i = 0; i < WF_ARRAY_LEN(rows); i++) {
        struct person person = {.prompts = 0};
        memcpy(person.answers, rows[i].answers, sizeof(rows[i].answers));
        int code = run(&person, stack_of(rows[i].asked_before, rows[i].words), NULL, 0).code;
        if (code != rows[i].code || person.prompts != rows[i].prompts)
            fail_msg("%s: returns %d after %d prompts\n%s", rows[i].name, code, person.prompts,
                     person.seen);
    }
}

/* A token that fills the program's line is asked for in pieces of 250 bytes. */
static void test_pieces(void **state)
{
    (void)state;
    static const size_t lines[] = {511, 1023, 4095};
    const char *token = token_of(6000);
    size_t len = strlen(token);

    write_conf("");
    for (size_t i = 0; i < WF_ARRAY_LEN(lines); i++) {
        struct person person = {.answers = {mint_text("%.*s", (int)lines[i], token)}};
        size_t n = 1;
        for (size_t at = 0; at < len; at += 250)
            person.answers[n++] = mint_text("%.250s", token + at);
        person.answers[n++] = "";
        assert_int_equal(run(&person, stack_of(false, ""), NULL, 0).code, PAM_SUCCESS);
        assert_int_equal(person.prompts, n);
        assert_false(person.echoed);
        assert_seen("pieces", &person, "in pieces");
    }
    /* One more byte is a whole line, in a program that reads longer ones */
    struct person person = {.answers = {token}};
    assert_int_equal(run(&person, stack_of(false, ""), NULL, 0).code, PAM_SUCCESS);
    assert_int_equal(person.prompts, 1);
}

/* Whoever gives each prompt the same cut line, as ssh's "password" method does, is not asked for
 * ever, and what was cut is not handed on. */
static void test_cut(void **state)
{
    (void)state;
    const char *cut = mint_text("%.1023s", token_of(2000));
    struct person person = {.answers = {cut, cut, cut, cut}};

    write_conf("");
    struct outcome outcome = run(&person, stack_of(false, ""), NULL, 0);
    assert_int_equal(outcome.code, PAM_AUTH_ERR);
    assert_int_equal(person.prompts, 2);
    assert_string_equal(outcome.left, "");
    assert_seen("cut", &person, wf_token_advice(WF_TOO_LARGE));
}

static void test_others(void **state)
{
    (void)state;
    const char *good = token_with(NULL, NULL);
    struct person silent = {.answers = {token_with("exp", "1")}};
    struct person nobody = {.answers = {NULL}};
    struct person denied = {.answers = {good}};
    struct person lost = {.answers = {good}};
    struct person over_ssh = {.answers = {token_with("exp", "1")}};
    struct timespec start, end;

    write_conf("");
    assert_int_equal(run(&silent, stack_of(false, ""), NULL, PAM_SILENT).code, PAM_AUTH_ERR);
    assert_int_equal(silent.messages, 0);
    assert_int_equal(run(&nobody, stack_of(false, ""), NULL, 0).code, PAM_CONV_ERR);
    /* Over ssh a refusal says nothing and takes its time */
    (void)clock_gettime(CLOCK_MONOTONIC, &start);
    assert_int_equal(run(&over_ssh, stack_of(false, ""), "ssh", 0).code, PAM_AUTH_ERR);
    (void)clock_gettime(CLOCK_MONOTONIC, &end);
    assert_int_equal(over_ssh.messages, 0);
    assert_true(end.tv_sec - start.tv_sec >= 1);
    write_conf("deny_users = " USER "\n");
    assert_int_equal(run(&denied, stack_of(false, ""), NULL, 0).code, PAM_PERM_DENIED);
    /* Nothing fails open */
    write_conf("");
    assert_int_equal(unlink(keys_path), 0);
    int code = run(&lost, stack_of(false, ""), NULL, 0).code;
    write_file(keys_path, mint_jwks(mint_jwk(MINT_P256, "\"kid\":\"k\""), (char *)NULL));
    assert_int_equal(code, PAM_SERVICE_ERR);
}

static int set_up(void **state)
{
    (void)state;
    if (getpwnam(USER) == NULL) {
        (void)puts("no user " USER " on this system");
        exit(77);
    }
    if (mkdtemp(dir) == NULL)
        return -1;
    conf_path = mint_text("%s/wfauth.conf", dir);
    keys_path = mint_text("%s/jwks.json", dir);
    service_path = mint_text("%s/wfauth-test", dir);
    state_path = mint_text("%s/state", dir);
    write_file(keys_path, mint_jwks(mint_jwk(MINT_P256, "\"kid\":\"k\""), (char *)NULL));
    return mkdir(mint_text("%s/cache", dir), 0700) == 0 ? mkdir(state_path, 0700) : -1;
}

static int tear_down(void **state)
{
    (void)state;
    int done = system(mint_text("rm -rf %s", dir));
    mint_done();
    return done;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_verdicts), cmocka_unit_test(test_first_pass),
        cmocka_unit_test(test_pieces),   cmocka_unit_test(test_cut),
        cmocka_unit_test(test_others),
    };
    return cmocka_run_group_tests_name("pam_token", tests, set_up, tear_down);
}
