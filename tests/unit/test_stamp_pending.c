/* Sign-ins that wait for a session: claimed by whoever has the mark, once, in time, here. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "stampcase.h"

static void test_claim(void **state)
{
    char first[WF_MARK_SIZE];
    char text[4096];
    struct stat st;

    (void)state;
    pend();
    assert_int_equal(strlen(mark), 32);
    assert_int_equal(strspn(mark, "0123456789abcdef"), 32);
    memcpy(first, mark, sizeof(first));
    pend();
    assert_string_not_equal(first, mark);
    assert_int_equal(claim(), WF_OK);
    assert_int_equal(claim(), WF_EXPIRED);
    assert_int_equal(stat(find_file("pending-"), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    /* The mark is nowhere on the disk */
    (void)key_file_read(find_file("pending-"), text, sizeof(text));
    assert_null(strstr(text, first));
    assert_null(strstr(find_file("pending-"), first));
    assert_int_equal(claim_at("acme", "alice", first, NOW), WF_OK);
    assert_int_equal(count_files(""), 2);
    assert_string_equal(key_log, "");
}

static void test_marks(void **state)
{
    char other[WF_MARK_SIZE + 10];

    (void)state;
    pend();
    const char *const guesses[] = {"", "0", "../stamp", "\n\x1b[2J\xff", "pending-"};
    for (size_t i = 0; i < WF_ARRAY_LEN(guesses); i++) {
        assert_int_equal(claim_at("acme", "alice", guesses[i], NOW), WF_EXPIRED);
        assert_string_equal(last.text, "no sign-in waits under this mark");
    }
    for (size_t i = 0; i < WF_MARK_SIZE - 1; i++) {
        memcpy(other, mark, sizeof(mark));
        other[i] = other[i] == '0' ? '1' : '0';
        assert_int_equal(claim_at("acme", "alice", other, NOW), WF_EXPIRED);
    }
    (void)snprintf(other, sizeof(other), "%.31s", mark);
    assert_int_equal(claim_at("acme", "alice", other, NOW), WF_EXPIRED);
    (void)snprintf(other, sizeof(other), "%s ", mark);
    assert_int_equal(claim_at("acme", "alice", other, NOW), WF_EXPIRED);
    /* For another user, or at another provider, it opens nothing, and is not used up */
    assert_int_equal(claim_at("acme", "bob", mark, NOW), WF_EXPIRED);
    assert_int_equal(claim_at("other", "alice", mark, NOW), WF_EXPIRED);
    assert_int_equal(claim_at("acme", "", mark, NOW), WF_EXPIRED);
    assert_int_equal(claim(), WF_OK);
}

static void test_times(void **state)
{
    static const struct {
        int64_t after;
        enum wf_reason reason;
    } rows[] = {
        {0, WF_OK},           {WF_STAMP_PENDING - 1, WF_OK},
        {-300, WF_OK},        {WF_STAMP_PENDING, WF_EXPIRED},
        {-301, WF_EXPIRED},   {INT64_MAX / 2, WF_EXPIRED},
        {-NOW, WF_EXPIRED},
    };

    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(rows); i++) {
        pend();
        if (claim_at("acme", "alice", mark, NOW + rows[i].after) != rows[i].reason)
            fail_msg("row %zu: %s", i, last.text);
    }
}

/* Of another boot, or copied here from another host. */
static void test_elsewhere(void **state)
{
    struct wf_store *mine = store;
    struct wf_store *other = open_elsewhere();
    char theirs[4096];

    (void)state;
    pend();
    boot[0] = 'f';
    assert_int_equal(claim(), WF_EXPIRED);
    boot[0] = BOOT[0];
    store = other;
    assert_int_equal(claim(), WF_EXPIRED);
    store = mine;
    size_t len = key_file_read(find_file("pending-"), theirs, sizeof(theirs));
    assert_int_equal(claim(), WF_OK);
    /* Under the name that is looked for on the other host */
    store = other;
    pend();
    key_file_write(find_file("pending-"), theirs, len);
    assert_int_equal(claim(), WF_EXPIRED);
    assert_non_null(strstr(key_log, "on another host"));
    store = mine;
    wf_store_free(other);
}

static const struct {
    const char *name;
    const char *from;
    const char *to;
    bool good;
} pendings[] = {
    {"good", "", "", true},
    {"another version", "\"version\":1", "\"version\":2", false},
    {"another host", "\"host\":\"", "\"host\":\"0", false},
    {"no host", "\"host\"", "\"x\"", false},
    {"another user", "\"user\":\"alice", "\"user\":\"bob", false},
    {"no user", "\"user\"", "\"x\"", false},
    {"another provider", "\"provider\":\"acme", "\"provider\":\"acne", false},
    {"no subject", "\"subject\"", "\"x\"", false},
    {"another boot", "\"boot\":\"0", "\"boot\":\"1", false},
    {"no boot", "\"boot\"", "\"x\"", false},
    {"another mark", "\"mark\":\"", "\"mark\":\"0000000000000000000000000000000000000000000000000000000000000000\",\"x\":\"", false},
    {"half a mark", "\"mark\":\"", "\"mark\":\"0\",\"x\":\"", false},
    {"no mark", "\"mark\"", "\"x\"", false},
    {"no time", "\"since\"", "\"x\"", false},
    {"never signed in", "\"signed_in\":900", "\"signed_in\":9.5", false},
    {"a path that is unclean", "{", "{\"exported\":\"/\\u0007\",", false},
    {"cut", "}", "", false},
};

static void test_pending_files(void **state)
{
    char good[4096];
    char bad[8192];

    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(pendings); i++) {
        pend();
        (void)key_file_read(find_file("pending-"), good, sizeof(good));
        const char *at = strstr(good, pendings[i].from);
        if (at == NULL)
            fail_msg("%s: nothing to replace", pendings[i].name);
        (void)snprintf(bad, sizeof(bad), "%.*s%s%s", (int)(at - good), good, pendings[i].to,
                       at + strlen(pendings[i].from));
        key_file_write(find_file("pending-"), bad, strlen(bad));
        if (claim() != (pendings[i].good ? WF_OK : WF_EXPIRED))
            fail_msg("%s: %s", pendings[i].name, last.text);
        key_folder_empty(folder);
    }
}

/* Who could have put it there? */
static void test_pending_foreign(void **state)
{
    char path[512];

    (void)state;
    pend();
    (void)snprintf(path, sizeof(path), "%s", find_file("pending-"));
    assert_int_equal(chmod(path, 0640), 0);
    assert_int_equal(claim(), WF_EXPIRED);
    assert_non_null(strstr(key_log, "open to others"));
    assert_int_equal(chmod(path, 0600), 0);
    if (geteuid() == 0) {
        assert_int_equal(chown(path, 4242, 0), 0);
        assert_int_equal(claim(), WF_EXPIRED);
        assert_int_equal(chown(path, 0, 0), 0);
    }
    assert_int_equal(rename(path, in_folder("elsewhere")), 0);
    assert_int_equal(symlink("elsewhere", path), 0);
    assert_int_equal(claim(), WF_EXPIRED);
    assert_int_equal(rename(in_folder("elsewhere"), path), 0);
    /* A second name of it is used up with it: what it is called does not count alone */
    assert_int_equal(link(path, in_folder("pending-second")), 0);
    assert_int_equal(claim(), WF_OK);
    assert_int_equal(rename(in_folder("pending-second"), path), 0);
    pend();
    assert_int_equal(claim(), WF_OK);
    assert_int_equal(chmod(folder, 0750), 0);
    assert_int_equal(claim(), WF_CONFIG);
    assert_int_equal(chmod(folder, 0700), 0);
}

static void quicker(void)
{
    assert_int_equal(claim(), WF_OK);
}

static void test_once(void **state)
{
    enum { ROUNDS = 20, RUNNERS = 4 };
    int gate[2];

    (void)state;
    pend();
    before_unlink = quicker;
    assert_int_equal(claim(), WF_EXPIRED);
    assert_non_null(strstr(last.text, "somebody else"));
    for (unsigned round = 0; round < ROUNDS; round++) {
        pid_t pids[RUNNERS];
        unsigned won = 0;
        pend();
        assert_int_equal(pipe(gate), 0);
        for (unsigned i = 0; i < RUNNERS; i++) {
            pids[i] = fork();
            if (pids[i] == 0) {
                char byte = 0;
                (void)__real_close(gate[1]);
                ssize_t n = read(gate[0], &byte, 1);
                enum wf_reason reason = n == 0 ? claim() : WF_INTERNAL;
                _exit(reason == WF_OK ? 0 : reason == WF_EXPIRED ? 1 : 2);
            }
        }
        assert_true(__real_close(gate[0]) == 0 && __real_close(gate[1]) == 0);
        for (unsigned i = 0; i < RUNNERS; i++) {
            int status = -1;
            assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
            assert_true(WIFEXITED(status) && WEXITSTATUS(status) <= 1);
            won += status == 0;
        }
        assert_int_equal(won, 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_claim, begin, closed),
        cmocka_unit_test_setup_teardown(test_marks, begin, closed),
        cmocka_unit_test_setup_teardown(test_times, begin, closed),
        cmocka_unit_test_setup_teardown(test_elsewhere, begin, closed),
        cmocka_unit_test_setup_teardown(test_pending_files, begin, closed),
        cmocka_unit_test_setup_teardown(test_pending_foreign, begin, closed),
        cmocka_unit_test_setup_teardown(test_once, begin, closed),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
