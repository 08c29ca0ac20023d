/*
 * A whole sign-in, libraries included, on an allocator of this file's own: when any one allocation
 * fails, or all from one on, nobody gets in who should not, nothing crashes and nothing leaks; and
 * no block is given back with a code, token, verifier or client secret still in it, for the host
 * process lives on and its next allocation, or a core dump, would find it.
 */
#include "config.h"

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "fakedoor.h"
#include "leftover.h"
#include "wfauth.h"

#define CODE "c0de-5ecret-of-the-per5on-C"
#define ACCESS "acce55-token-of-the-se55ion-A"
#define REFRESH "refre5h-token-of-the-se55ion-R"
#define SECRET "client-5ecret-of-the-w3b-App"

/* The verifier of the address, once it is known */
static char verifier[64];

/* passwd, without its files and caches */
int getpwnam_r(const char *name, struct passwd *pw, char *buf, size_t size, struct passwd **ret)
{
    (void)snprintf(buf, size, "%s", name);
    *pw = (struct passwd){.pw_name = buf, .pw_uid = 1001, .pw_gid = 1001};
    *ret = strcmp(name, "alice") == 0 ? pw : NULL;
    return 0;
}

static unsigned accepts;

static void write_log(void *ctx, enum wf_level level, const char *line)
{
    (void)ctx;
    (void)level;
    accepts += strstr(line, "verdict=accept") != NULL;
}

static char dir[] = "/tmp/wfauth-test-XXXXXX";
static char config_path[64];
static char secret_path[64];
static char map_path[64];

static const struct fake_answer good[] = {
    {.status = 200,
     .body = "{\"token_type\":\"sessionID\",\"access_token\":\"" ACCESS
             "\",\"refresh_token\":\"" REFRESH "\",\"expires_in\":0}"},
    {.status = 200,
     .body = "{\"data\":[{\"ID\":\"wf-1\",\"username\":\"alice@acme.example\",\"isActive\":true,"
             "\"homeGroupID\":\"g1\",\"homeGroup\":{\"name\":\"Staff\"},"
             "\"roles\":[{\"ID\":\"r1\",\"name\":\"One\"},{\"ID\":\"r2\",\"name\":\"Two\"}]}]}"},
};
static const struct fake_answer bob[] = {
    {.status = 200, .body = "{\"token_type\":\"sessionID\",\"access_token\":\"" ACCESS "\"}"},
    {.status = 200,
     .body = "{\"data\":[{\"ID\":\"wf-2\",\"username\":\"bob@acme.example\",\"isActive\":true,"
             "\"homeGroupID\":\"g1\"}]}"},
};
static const struct fake_answer denied[] = {
    {.status = 200, .body = "{\"token_type\":\"sessionID\",\"access_token\":\"" ACCESS "\"}"},
    {.status = 200,
     .body = "{\"data\":[{\"ID\":\"wf-1\",\"username\":\"alice@acme.example\",\"isActive\":true,"
             "\"homeGroupID\":\"g1\",\"roles\":[{\"ID\":\"r1\"},{\"ID\":\"evil\"}]}]}"},
};
static const struct fake_answer broken[] = {
    {.status = 200,
     .body = "{\"token_type\":\"sessionID\",\"access_token\":\"" ACCESS
             "\",\"refresh_token\":\"" REFRESH "\",\"access_token\":\"" ACCESS "\"}"},
};

/* One byte more, and where a library's buffer grows: without that byte it would be alice's. */
static const struct fake_answer alike[] = {
    {.status = 200, .body = "{\"token_type\":\"sessionID\",\"access_token\":\"" ACCESS "\"}"},
    {.status = 200,
     .body = "{\"data\":[{\"ID\":\"wf-2\",\"username\":\"alice@acme.exaXmple\",\"isActive\":true,"
             "\"homeGroupID\":\"g1\"}]}"},
};

/* One sign-in from the configuration to the end, in which allocations from..to fail. */
static enum wf_reason sign_in(unsigned long from, unsigned long to)
{
    const struct wf_host host = {
        .config = config_path, .log = {.write = write_log, .debug = true}, .http_new = fake_door_new};
    const struct wf_request request = {.service = "su", .user = "alice"};
    struct wf_context *context = NULL;
    struct wf_login *login = NULL;
    struct wf_result result;
    struct wf_err err = WF_ERR_INIT;

    accepts = 0;
    verifier[0] = '\0';
    leftover_begin(from, to);
    enum wf_reason reason = wf_context_new(&host, &context, &err);
    if (reason == WF_OK)
        reason = wf_login_begin(context, &request, &login, &err);
    if (reason == WF_OK)
        reason = wf_login_prompt_borrow(login) == NULL
                     ? WF_INTERNAL
                     : wf_login_answer(login, CODE, strlen(CODE), &result, &err);
    /* Only the request knows the verifier; what was freed before the login is rare */
    const struct fake_request *first = fake_door_request(0);
    const char *at = first == NULL ? NULL : strstr(first->body, "code_verifier=");
    if (at != NULL)
        (void)snprintf(verifier, sizeof(verifier), "%.43s", at + strlen("code_verifier="));
    wf_login_free(login);
    wf_context_free(context);
    leftover_end();
    if (reason == WF_OK && strcmp(result.user, "alice") != 0)
        return WF_IDENTITY;
    return reason;
}

static const struct {
    const char *name;
    const struct fake_answer *script;
    size_t n;
    enum wf_reason reason;
} rows[] = {
    {"good", good, WF_ARRAY_LEN(good), WF_OK},
    {"somebody else", bob, WF_ARRAY_LEN(bob), WF_IDENTITY},
    {"one byte from alice", alike, WF_ARRAY_LEN(alike), WF_IDENTITY},
    {"denied by a role", denied, WF_ARRAY_LEN(denied), WF_DENIED},
    {"a token twice", broken, WF_ARRAY_LEN(broken), WF_UNREACHABLE},
};

/* The first sign-in of a process fills caches that stay. */
static void warm_up(const struct fake_answer *script, size_t n)
{
    fake_door_script(script, n);
    (void)sign_in(0, 0);
}

static void test_short_of_memory(void **state)
{
    (void)state;
    if (!LEFTOVER_REPLACED)
        skip();
    for (size_t i = 0; i < WF_ARRAY_LEN(rows); i++) {
        warm_up(rows[i].script, rows[i].n);
        unsigned long all = leftover_calls;
        assert_true(all > 50);
        for (unsigned long at = 1; at <= 2 * all; at++) {
            unsigned long from = (at + 1) / 2;
            fake_door_script(rows[i].script, rows[i].n);
            enum wf_reason reason = sign_in(from, at % 2 == 1 ? from : ULONG_MAX);
            if (leftover_blocks != 0)
                fail_msg("%s: allocation %lu: %ld blocks leak", rows[i].name, from,
                         leftover_blocks);
            if (left_behind != NULL)
                fail_msg("%s: allocation %lu: \"%s\" left behind", rows[i].name, from, left_behind);
            /* An allocation that is not vital may fail unseen, but only into the same verdict; one
             * while the configuration is read may be taken for a mistake in it, never for a
             * provider that is down: then the next module of the stack would get its turn */
            if (reason != rows[i].reason && reason != WF_INTERNAL && reason != WF_CONFIG)
                fail_msg("%s: allocation %lu: %s", rows[i].name, from, wf_reason_name(reason));
            if (accepts != (reason == WF_OK))
                fail_msg("%s: allocation %lu: %u accepts", rows[i].name, from, accepts);
        }
    }
}

static void test_nothing_left_behind(void **state)
{
    (void)state;
    if (!LEFTOVER_REPLACED)
        skip();
    for (size_t i = 0; i < WF_ARRAY_LEN(rows); i++) {
        fake_door_script(rows[i].script, rows[i].n);
        enum wf_reason reason = sign_in(0, 0);
        if (reason != rows[i].reason)
            fail_msg("%s: %s", rows[i].name, wf_reason_name(reason));
        if (left_behind != NULL)
            fail_msg("%s: \"%s\" was left behind in a freed block", rows[i].name, left_behind);
    }
}

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(path, 0600), 0);
}

static int make_files(void **state)
{
    char text[1024];

    (void)state;
    leftover_secrets[0] = CODE;
    leftover_secrets[1] = ACCESS;
    leftover_secrets[2] = REFRESH;
    leftover_secrets[3] = SECRET;
    leftover_secrets[4] = verifier;
    if (mkdtemp(dir) == NULL)
        return -1;
    (void)snprintf(config_path, sizeof(config_path), "%s/wfauth.conf", dir);
    (void)snprintf(secret_path, sizeof(secret_path), "%s/secret", dir);
    (void)snprintf(map_path, sizeof(map_path), "%s/map", dir);
    write_file(secret_path, SECRET "\n");
    write_file(map_path, "boss@acme.example alice\n");
    (void)snprintf(text, sizeof(text),
                   "[provider acme]\ntype = workfront\nurl = https://acme.my.workfront.com\n"
                   "client_id = cid\nclient_secret_file = %s\n"
                   "redirect_uri = https://login.acme.example/code\n"
                   "[service *]\nprovider = acme\nmap_file = %s\nstrip_domain = acme.example\n"
                   "require = homeGroupID:g1\ndeny_users = roleIDs:evil\nqr = utf8\n",
                   secret_path, map_path);
    write_file(config_path, text);
    return 0;
}

static int remove_files(void **state)
{
    (void)state;
    (void)unlink(config_path);
    (void)unlink(secret_path);
    (void)unlink(map_path);
    return rmdir(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_left_behind),
        cmocka_unit_test(test_short_of_memory),
    };
    return cmocka_run_group_tests_name("login_memory", tests, make_files, remove_files);
}
