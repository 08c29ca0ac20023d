/*
 * A process that is forked while one of our locks is held: the child finds it open, and nothing
 * behind it that might be half of a change. The fork happens inside of the call that opens the
 * lock, so there is no better and no worse moment to hit.
 */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "bounds.h"
#include "context.h"
#include "fakedoor.h"
#include "forksafe.h"
#include "json.h"
#include "keycase.h"
#include "keyring.h"
#include "replies.h"
#include "verdict.h"

#define NOW 1700000000

/* Wrapped calls */

static bool old_kernel;
int __real_madvise(void *at, size_t len, int advice);
int __wrap_madvise(void *at, size_t len, int advice);
int __wrap_madvise(void *at, size_t len, int advice)
{
    if (old_kernel && advice == MADV_WIPEONFORK) {
        errno = EINVAL;
        return -1;
    }
    return __real_madvise(at, len, advice);
}

static bool no_page;
void *__real_mmap(void *at, size_t len, int prot, int flags, int fd, off_t offset);
void *__wrap_mmap(void *at, size_t len, int prot, int flags, int fd, off_t offset);
void *__wrap_mmap(void *at, size_t len, int prot, int flags, int fd, off_t offset)
{
    return no_page ? MAP_FAILED : __real_mmap(at, len, prot, flags, fd, offset);
}

static unsigned unmapped;
int __real_munmap(void *at, size_t len);
int __wrap_munmap(void *at, size_t len);
int __wrap_munmap(void *at, size_t len)
{
    unmapped++;
    return __real_munmap(at, len);
}

static unsigned pids;
pid_t __real_getpid(void);
pid_t __wrap_getpid(void);
pid_t __wrap_getpid(void)
{
    pids++;
    return __real_getpid();
}

/* What a child finds that is forked when a lock is opened the next time: true if all is well. */
static bool (*in_child)(void);
static bool child_was_fine;

static bool fork_now(bool (*body)(void))
{
    int status = 0;
    pid_t child = fork();

    if (child == 0) {
        (void)alarm(120);
        _exit(body() ? 0 : 1);
    }
    return child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status) &&
           WEXITSTATUS(status) == 0;
}

int __real_pthread_mutex_unlock(pthread_mutex_t *mutex);
int __wrap_pthread_mutex_unlock(pthread_mutex_t *mutex);
int __wrap_pthread_mutex_unlock(pthread_mutex_t *mutex)
{
    bool (*body)(void) = in_child;

    in_child = NULL;
    if (body != NULL)
        child_was_fine = fork_now(body);
    return __real_pthread_mutex_unlock(mutex);
}

static void arm(bool (*body)(void))
{
    child_was_fine = false;
    in_child = body;
}

static int reset(void **state)
{
    (void)state;
    old_kernel = false;
    no_page = false;
    in_child = NULL;
    return 0;
}

/* The locks themselves */

static struct wf_forksafe *locks;

static bool take(size_t i)
{
    bool first = wf_forksafe_lock(&locks[i]);

    wf_forksafe_unlock(&locks[i]);
    return first;
}

static bool take_each(void)
{
    for (size_t i = 0; i < WF_FORKSAFE_MAX; i++) {
        if (!take(i) || take(i))
            return false;
    }
    return true;
}

/* Also in a child of the child, before and while that holds them. */
static bool take_each_in_children(void)
{
    if (!fork_now(take_each) || !take_each())
        return false;
    (void)!wf_forksafe_lock(&locks[1]);
    return fork_now(take_each);
}

static void test_locks(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        old_kernel = i == 1;
        locks = wf_forksafe_new();
        assert_non_null(locks);
        assert_true(take_each());
        assert_false(wf_forksafe_lock(&locks[0]));
        assert_false(wf_forksafe_lock(&locks[WF_FORKSAFE_MAX - 1]));
        arm(take_each_in_children);
        wf_forksafe_unlock(&locks[0]);
        assert_true(child_was_fine);
        wf_forksafe_unlock(&locks[WF_FORKSAFE_MAX - 1]);
        assert_false(take(0));
        wf_forksafe_free(locks);
    }
    unmapped = 0;
    wf_forksafe_free(NULL);
    assert_int_equal(unmapped, 0);
}

/* A lock costs no system call, but on an old kernel, and leaves nothing behind. */
static void test_cost(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        old_kernel = i == 1;
        unmapped = 0;
        locks = wf_forksafe_new();
        pids = 0;
        assert_true(take(0));
        assert_false(take(0));
        assert_int_equal(pids, i == 1 ? 2 : 0);
        wf_forksafe_free(locks);
        assert_int_equal(unmapped, 1);
    }
}

static void *wait_for_wake(void *arg)
{
    bool *woken = arg;

    (void)!wf_forksafe_lock(&locks[0]);
    while (!*woken)
        wf_forksafe_wait(&locks[0]);
    wf_forksafe_unlock(&locks[0]);
    return NULL;
}

static void test_wake(void **state)
{
    bool woken = false;
    pthread_t threads[2];

    (void)state;
    locks = wf_forksafe_new();
    for (size_t i = 0; i < WF_ARRAY_LEN(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, wait_for_wake, &woken), 0);
    (void)!wf_forksafe_lock(&locks[0]);
    woken = true;
    wf_forksafe_wake(&locks[0]);
    wf_forksafe_unlock(&locks[0]);
    for (size_t i = 0; i < WF_ARRAY_LEN(threads); i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    wf_forksafe_free(locks);
}

/* What lies behind them */

static struct wf_bounds *bounds;

static bool counts_anew(void)
{
    struct wf_bounds_pass pass;

    for (int i = 0; i < WF_BOUNDS_ADDRESS; i++) {
        if (wf_bounds_enter(bounds, "192.0.2.1", NOW, &pass, NULL) != WF_OK)
            return false;
    }
    return wf_bounds_enter(bounds, "192.0.2.1", NOW, &pass, NULL) == WF_UNREACHABLE;
}

static void test_bounds(void **state)
{
    struct wf_bounds_pass pass;

    (void)state;
    bounds = wf_bounds_new(NULL, "x", 10);
    for (int i = 0; i < WF_BOUNDS_ADDRESS - 1; i++)
        assert_int_equal(wf_bounds_enter(bounds, "192.0.2.1", NOW, &pass, NULL), WF_OK);
    arm(counts_anew);
    assert_int_equal(wf_bounds_enter(bounds, "192.0.2.1", NOW, &pass, NULL), WF_OK);
    assert_true(child_was_fine);
    assert_int_equal(wf_bounds_enter(bounds, "192.0.2.1", NOW, &pass, NULL), WF_UNREACHABLE);
    wf_bounds_free(bounds);
}

static struct wf_replies *replies;

static bool put_and_get(uint8_t first)
{
    const uint8_t key[WF_REPLIES_KEY_SIZE] = {first};
    struct wf_reply in = WF_REPLY_INIT;
    struct wf_reply out = WF_REPLY_INIT;

    in.reason = WF_OK;
    in.until = NOW + 10;
    wf_buf_append_text(&in.body, "{}");
    wf_replies_put(replies, key, NOW, &in);
    bool found = wf_replies_get(replies, key, NOW, false, &out);
    wf_reply_done(&in);
    wf_reply_done(&out);
    return found;
}

static bool remembers_anew(void)
{
    const uint8_t key[WF_REPLIES_KEY_SIZE] = {1};
    struct wf_reply out = WF_REPLY_INIT;

    bool found = wf_replies_get(replies, key, NOW, false, &out);
    return !found && put_and_get(1) && put_and_get(2);
}

static void test_replies(void **state)
{
    (void)state;
    replies = wf_replies_new(NULL);
    assert_true(put_and_get(1));
    arm(remembers_anew);
    assert_true(put_and_get(2));
    assert_true(child_was_fine);
    assert_true(put_and_get(3));
    wf_replies_free(replies);
}

#define VERDICTS 200
static struct wf_verdicts *verdicts;

static bool keep(uint8_t number)
{
    const uint8_t key[WF_VERDICT_KEY_SIZE] = {number};
    const struct wf_verdict from = {.judged = NOW, .until = NOW + 10};
    struct wf_verdict *verdict = NULL;

    if (wf_verdict_new_take(&from, &verdict, NULL) != WF_OK)
        return false;
    wf_verdicts_put(verdicts, key, verdict);
    struct wf_verdict *found = wf_verdicts_get(verdicts, key, NOW);
    bool same = found == verdict;
    wf_verdict_unref(found);
    wf_verdict_unref(verdict);
    return same;
}

static bool judges_anew(void)
{
    for (uint8_t i = 0; i < VERDICTS; i++) {
        const uint8_t key[WF_VERDICT_KEY_SIZE] = {i};
        if (wf_verdicts_get(verdicts, key, NOW) != NULL || !keep(i))
            return false;
    }
    return true;
}

static void test_verdicts(void **state)
{
    (void)state;
    verdicts = wf_verdicts_new(1000);
    for (uint8_t i = 0; i < VERDICTS; i++)
        assert_true(keep(i));
    arm(judges_anew);
    assert_true(keep(7));
    assert_true(child_was_fine);
    for (uint8_t i = 0; i < VERDICTS; i++) {
        const uint8_t key[WF_VERDICT_KEY_SIZE] = {i};
        struct wf_verdict *found = wf_verdicts_get(verdicts, key, NOW);
        assert_non_null(found);
        wf_verdict_unref(found);
    }
    wf_verdicts_free(verdicts);
}

static struct wf_keyring *ring;

static enum wf_reason find(int64_t now)
{
    struct wf_jws_header header = key_header("a");
    struct wf_jwks *set = NULL;
    int64_t until = 0;

    enum wf_reason reason = wf_keyring_find(ring, &header, now, &set, &until, NULL);
    wf_jwks_unref(set);
    return reason;
}

static bool finds(void)
{
    static const struct fake_answer up[] = {{.status = 200, .body = DOCUMENT},
                                            {.status = 200, .body = KEYS_A}};

    fake_door_script(up, WF_ARRAY_LEN(up));
    return find(NOW + 1) == WF_OK && fake_door_count() == 2 && find(NOW + 2) == WF_OK;
}

/* The keys are kept, not so the failure: it is many words. */
static void test_keyring(void **state)
{
    static const struct wf_provider_conf conf = {
        .name = "mail", .type = WF_PROVIDER_OIDC, .url = ISSUER, .timeout = 1};
    const struct wf_endpoint_host host = {NULL, NULL, fake_door_new};
    static const struct fake_answer down[] = {{.reason = WF_UNREACHABLE}};

    (void)state;
    assert_int_equal(wf_keyring_new(&conf, &host, &ring, NULL), WF_OK);
    fake_door_script(down, WF_ARRAY_LEN(down));
    assert_int_equal(find(NOW), WF_UNREACHABLE);
    arm(finds);
    assert_int_equal(find(NOW + 1), WF_UNREACHABLE);
    assert_true(child_was_fine);
    wf_keyring_free(ring);
}

static struct wf_context *context;
static struct wf_judge *judge;

static bool same_judge(void)
{
    struct wf_judge *found = NULL;

    return wf_context_judge(context, &found, NULL) == WF_OK && found != NULL;
}

static void test_context(void **state)
{
    char folder[64];
    char path[100];
    const struct wf_host host = {.config = path};
    struct wf_err err = WF_ERR_INIT;

    (void)state;
    key_folder_make(folder, sizeof(folder));
    (void)snprintf(path, sizeof(path), "%s/conf", folder);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fprintf(file, "[provider mail]\ntype = oidc\nurl = " ISSUER "\ncache_dir = %s\n",
                        folder) > 0);
    assert_int_equal(fclose(file), 0);
    if (wf_context_new(&host, &context, &err) != WF_OK)
        fail_msg("%s", err.text);
    arm(same_judge);
    assert_int_equal(wf_context_judge(context, &judge, NULL), WF_OK);
    assert_true(child_was_fine);
    wf_context_free(context);
    key_folder_empty(folder);
    assert_int_equal(rmdir(folder), 0);
}

/* No page for the locks: nothing is made, and nothing is lost. */
static void test_no_page(void **state)
{
    (void)state;
    no_page = true;
    assert_null(wf_forksafe_new());
    assert_null(wf_bounds_new(NULL, "x", 10));
    assert_null(wf_replies_new(NULL));
    assert_null(wf_verdicts_new(10));
    const struct wf_host host = {.config = "/nowhere"};
    assert_int_equal(wf_context_new(&host, &context, NULL), WF_INTERNAL);
    no_page = false;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_locks, reset),   cmocka_unit_test_setup(test_cost, reset),
        cmocka_unit_test_setup(test_wake, reset),    cmocka_unit_test_setup(test_bounds, reset),
        cmocka_unit_test_setup(test_replies, reset), cmocka_unit_test_setup(test_verdicts, reset),
        cmocka_unit_test_setup(test_keyring, reset), cmocka_unit_test_setup(test_context, reset),
        cmocka_unit_test_setup(test_no_page, reset),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
