/*
 * Keys among many: processes and threads that start at once, a lock that somebody holds, forks in
 * between, and memory that is short.
 */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "keymany.h"
#include "keyring_entry.h"
#include "oidc.h"

#include "failalloc.h"

#define PROCESSES 100

/* Wrapped calls */

void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size)
{
    return fail_alloc_now() ? NULL : __real_calloc(n, size);
}

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

/* The lock of the keys among processes: who asked for it, and a holder who never lets go. */
static bool lock_hangs;
static unsigned locks;
static unsigned lock_wait_ms;
bool __real_wf_cachedir_lock(struct wf_cachedir *in, const char *name, unsigned wait_ms, int *ret);
bool __wrap_wf_cachedir_lock(struct wf_cachedir *in, const char *name, unsigned wait_ms, int *ret);
bool __wrap_wf_cachedir_lock(struct wf_cachedir *in, const char *name, unsigned wait_ms, int *ret)
{
    if (strncmp(name, "keys-", 5) != 0)
        return __real_wf_cachedir_lock(in, name, wait_ms, ret);
    locks++;
    lock_wait_ms = wait_ms;
    if (!lock_hangs)
        return __real_wf_cachedir_lock(in, name, wait_ms, ret);
    *ret = -1;
    return false;
}

static bool no_page;
void *__real_mmap(void *at, size_t len, int prot, int flags, int fd, off_t offset);
void *__wrap_mmap(void *at, size_t len, int prot, int flags, int fd, off_t offset);
void *__wrap_mmap(void *at, size_t len, int prot, int flags, int fd, off_t offset)
{
    return no_page ? MAP_FAILED : __real_mmap(at, len, prot, flags, fd, offset);
}

static int reset(void **state)
{
    (void)state;
    key_reset();
    fail_alloc_at = 0;
    lock_hangs = false;
    locks = 0;
    return 0;
}

/* Processes */

static void many_processes(enum wf_reason expected)
{
    pid_t children[PROCESSES];

    for (size_t i = 0; i < PROCESSES; i++) {
        children[i] = fork();
        assert_true(children[i] >= 0);
        if (children[i] == 0) {
            struct wf_keyring *ring = new_ring(dir);
            if (find(ring, "a", T0) != expected)
                atomic_fetch_add(&common->failures, 1);
            wf_keyring_free(ring);
            _exit(0);
        }
    }
    for (size_t i = 0; i < PROCESSES; i++)
        assert_int_equal(waitpid(children[i], NULL, 0), children[i]);
    assert_int_equal(atomic_load(&common->failures), 0);
}

static void test_cold_processes(void **state)
{
    (void)state;
    atomic_store(&common->delay_ms, 50);
    many_processes(WF_OK);
    assert_int_equal(atomic_load(&common->requests), 2);
}

static void test_cold_processes_down(void **state)
{
    (void)state;
    atomic_store(&common->delay_ms, 50);
    atomic_store(&common->down, true);
    many_processes(WF_UNREACHABLE);
    assert_int_equal(atomic_load(&common->requests), 1);
}

/* Another process has the lock: with keys that fit we go on, without we wait and then ask. */
static void test_locked(void **state)
{
    char name[WF_OIDC_ENTRY_SIZE];
    struct wf_keyring *ring = new_ring(dir);
    int theirs = -1;

    (void)state;
    assert_int_equal(find(ring, "a", T0), WF_OK);
    assert_int_equal(wf_oidc_entry_name(&conf, "keys", name, NULL), WF_OK);
    assert_true(wf_cachedir_lock(dir, name, 0, &theirs));
    assert_int_equal(find(ring, "a", T0 + 300), WF_OK);
    assert_int_equal(lock_wait_ms, 0);
    assert_int_equal(atomic_load(&common->requests), 2);
    assert_non_null(strstr(key_log, "another process is fetching"));
    assert_int_equal(find(ring, "a", T0 + 300), WF_OK);
    wf_cachedir_unlock(theirs);
    assert_int_equal(find(ring, "a", T0 + 300), WF_OK);
    assert_int_equal(atomic_load(&common->requests), 2);
    assert_int_equal(find(ring, "a", T0 + 301), WF_OK);
    assert_true(atomic_load(&common->requests) > 2);
    wf_keyring_free(ring);
}

/* The holder never lets go. Discovery and a fetch of two time-outs each, and four seconds, are time
 * enough. */
static void test_lock_hangs(void **state)
{
    struct wf_keyring *ring = new_ring(dir);
    struct wf_keyring *other = new_ring(dir);

    (void)state;
    lock_hangs = true;
    assert_int_equal(find(ring, "a", T0), WF_OK);
    assert_int_equal(lock_wait_ms, 2 * 2 * 30000 + 4000);
    assert_int_equal(atomic_load(&common->requests), 2);
    /* What is in the folder nobody needs the lock for */
    assert_int_equal(locks, 1);
    assert_int_equal(find(other, "a", T0 + 1), WF_OK);
    assert_int_equal(locks, 1);
    /* Stale ones that do not fit are as good as none */
    atomic_fetch_add(&common->generation, 1);
    assert_int_equal(find(ring, "b", T0 + 300), WF_OK);
    assert_int_equal(lock_wait_ms, 2 * 2 * 30000 + 4000);
    assert_int_equal(locks, 2);
    assert_int_equal(atomic_load(&common->requests), 3);
    wf_keyring_free(other);
    wf_keyring_free(ring);
}

/* A failure from before does not send us to the network while another process is at it. */
static void test_locked_after_failure(void **state)
{
    struct wf_keyring *ring = new_ring(dir);

    (void)state;
    assert_int_equal(find(ring, "a", T0), WF_OK);
    atomic_store(&common->down, true);
    assert_int_equal(find(ring, "a", T0 + 300), WF_OK);
    assert_int_equal(atomic_load(&common->requests), 3);
    lock_hangs = true;
    assert_int_equal(find(ring, "a", T0 + 300 + WF_KEYS_REST_MIN), WF_OK);
    assert_int_equal(atomic_load(&common->requests), 3);
    wf_keyring_free(ring);
}

/* Threads */

static void test_cold_threads(void **state)
{
    for (int i = 0; i < 2; i++) {
        (void)reset(state);
        old_kernel = i == 1;
        shared_ring = new_ring(NULL);
        old_kernel = false;
        atomic_store(&common->delay_ms, 20);
        run_threads(cold_thread);
        assert_int_equal(atomic_load(&common->requests), 2);
        wf_keyring_free(shared_ring);
    }
}

#if !defined(__SANITIZE_THREAD__)
/* A child that is forked while a thread fetches neither waits for that thread nor finds a lock. */
static void fork_meanwhile(void)
{
    pthread_t thread;
    int status = 0;

    shared_ring = new_ring(NULL);
    atomic_store(&common->hold, true);
    assert_int_equal(pthread_create(&thread, NULL, cold_thread, NULL), 0);
    assert_int_equal(sem_wait(&common->held), 0);
    pid_t child = fork();
    if (child == 0) {
        (void)alarm(120);
        _exit(find(shared_ring, "a", T0) == WF_OK && find(shared_ring, "a", T0) == WF_OK ? 0 : 1);
    }
    assert_true(child > 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    atomic_store(&common->hold, false);
    assert_int_equal(sem_post(&common->go), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(atomic_load(&common->failures), 0);
    wf_keyring_free(shared_ring);
}

static void test_fork(void **state)
{
    (void)state;
    fork_meanwhile();
}

static void test_fork_old_kernel(void **state)
{
    (void)state;
    old_kernel = true;
    fork_meanwhile();
    old_kernel = false;
}
#endif

/* Each allocation of ours fails once: the answer is an error or right, and the next one is right. */
static void fail_each(int64_t at, bool cold)
{
    for (unsigned n = 1;; n++) {
        struct wf_keyring *ring = NULL;
        const struct wf_endpoint_host host = {dir, &key_log_sink, door_new};
        struct wf_err err = WF_ERR_INIT;
        if (cold)
            key_folder_empty(folder);
        key_log[0] = '\0';
        fail_alloc_at = n;
        enum wf_reason reason = wf_keyring_new(&conf, &host, &ring, &err);
        if (reason == WF_OK)
            reason = find(ring, "a", at);
        bool done = fail_alloc_at > 0;
        fail_alloc_at = 0;
        if (reason != WF_OK && reason != WF_INTERNAL && reason != WF_UNREACHABLE)
            fail_msg("allocation %u: %s", n, wf_reason_name(reason));
        if (ring != NULL && find(ring, "a", at + WF_KEYS_REST_MAX) != WF_OK)
            fail_msg("after allocation %u", n);
        wf_keyring_free(ring);
        if (done)
            break;
    }
}

static void test_memory(void **state)
{
    const struct wf_endpoint_host host = {dir, &key_log_sink, door_new};
    struct wf_keyring *ring = NULL;
    struct wf_err err = WF_ERR_INIT;

    (void)state;
    no_page = true;
    enum wf_reason reason = wf_keyring_new(&conf, &host, &ring, &err);
    no_page = false;
    assert_int_equal(reason, WF_INTERNAL);
    assert_string_equal(err.text, "out of memory for keys");
    assert_null(ring);
    wf_keyring_free(NULL);
    fail_each(T0, true);
    fail_each(T0 + 100, false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_cold_processes, reset),
        cmocka_unit_test_setup(test_cold_processes_down, reset),
        cmocka_unit_test_setup(test_locked, reset),
        cmocka_unit_test_setup(test_lock_hangs, reset),
        cmocka_unit_test_setup(test_locked_after_failure, reset),
        cmocka_unit_test_setup(test_cold_threads, reset),
#if !defined(__SANITIZE_THREAD__)
        cmocka_unit_test_setup(test_fork, reset),
        cmocka_unit_test_setup(test_fork_old_kernel, reset),
#endif
        cmocka_unit_test_setup(test_memory, reset),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
