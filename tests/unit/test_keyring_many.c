/*
 * Keys among many: processes that start at once, threads, forks in between, and memory that is
 * short. The provider is a door of this file's own that counts in memory shared by all.
 */
#include "config.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>

#include <cmocka.h>

#include "http.h"
#include "keycase.h"
#include "keyring.h"
#include "keyring_entry.h"
#include "oidc.h"

#include "failalloc.h"

#define T0 1700000000
#define PROCESSES 100
#define THREADS 8

static struct wf_provider_conf conf = {
    .name = "mail",
    .type = WF_PROVIDER_OIDC,
    .url = ISSUER,
    .timeout = 1,
    .stale_keys = 3600,
};
static char folder[64];
static struct wf_cachedir *dir;

/* Shared by all processes of a test. */
static struct common {
    atomic_uint requests;
    atomic_uint failures; /* processes and threads that did not get what they should */
    atomic_uint generation; /* even: key a, odd: key b */
    atomic_bool down;
    atomic_int delay_ms;
    atomic_bool hold; /* in this process, until `go` is posted */
    pid_t holder;
    sem_t held;
    sem_t go;
} *common;

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

static bool no_page;
void *__real_mmap(void *at, size_t len, int prot, int flags, int fd, off_t offset);
void *__wrap_mmap(void *at, size_t len, int prot, int flags, int fd, off_t offset);
void *__wrap_mmap(void *at, size_t len, int prot, int flags, int fd, off_t offset)
{
    return no_page ? MAP_FAILED : __real_mmap(at, len, prot, flags, fd, offset);
}

/* The door */

static enum wf_reason door_send(struct wf_http *http, const struct wf_http_request *request,
                                struct wf_http_response *ret, struct wf_err *err)
{
    bool document = strstr(request->url, "/.well-known/openid-configuration") != NULL;

    (void)http;
    atomic_fetch_add(&common->requests, 1);
    if (atomic_load(&common->hold) && getpid() == common->holder) {
        sem_post(&common->held);
        sem_wait(&common->go);
    }
    int delay = atomic_load(&common->delay_ms);
    if (delay > 0)
        (void)usleep((unsigned)delay * 1000);
    if (atomic_load(&common->down))
        return wf_fail(err, WF_UNREACHABLE, "it is down");
    ret->status = 200;
    (void)snprintf(ret->content_type, sizeof(ret->content_type), "application/json");
    wf_buf_append_text(&ret->body, document ? DOCUMENT
                                   : atomic_load(&common->generation) % 2 == 0 ? KEYS_A
                                                                               : KEYS_B);
    return wf_buf_ok(&ret->body) ? WF_OK : wf_fail(err, WF_INTERNAL, "out of memory");
}

static void door_free(struct wf_http *http)
{
    free(http);
}

static struct wf_http *door_new(const char *helper_user)
{
    static const struct wf_http_ops ops = {.send = door_send, .free = door_free};
    struct wf_http *http = malloc(sizeof(*http));

    (void)helper_user;
    if (http != NULL)
        http->ops = &ops;
    return http;
}

static struct wf_keyring *new_ring(struct wf_cachedir *in)
{
    const struct wf_keyring_host host = {in, &key_log_sink, door_new};
    struct wf_keyring *ring = NULL;

    assert_int_equal(wf_keyring_new(&conf, &host, &ring, NULL), WF_OK);
    return ring;
}

static enum wf_reason find(struct wf_keyring *ring, const char *kid, int64_t now)
{
    struct wf_jws_header header = key_header(kid);
    struct wf_jwks *set = NULL;
    int64_t until = 0;

    enum wf_reason reason = wf_keyring_find(ring, &header, now, &set, &until, NULL);
    wf_jwks_unref(set);
    return reason;
}

static int reset(void **state)
{
    (void)state;
    key_folder_empty(folder);
    key_log[0] = '\0';
    atomic_store(&common->requests, 0);
    atomic_store(&common->failures, 0);
    atomic_store(&common->generation, 0);
    atomic_store(&common->down, false);
    atomic_store(&common->delay_ms, 0);
    atomic_store(&common->hold, false);
    common->holder = getpid();
    fail_alloc_at = 0;
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

/* Threads */

static struct wf_keyring *shared_ring;
static _Atomic int64_t clock_now;
static pthread_barrier_t barrier;

static void *cold_thread(void *arg)
{
    (void)arg;
    if (find(shared_ring, "a", T0) != WF_OK)
        atomic_fetch_add(&common->failures, 1);
    return NULL;
}

static void run_threads(void *(*body)(void *))
{
    pthread_t threads[THREADS];

    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, body, NULL), 0);
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(atomic_load(&common->failures), 0);
}

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

/* Keys rotate while all use them. Whoever sees an answer sees one of the provider's sets. */
static void *rotating_thread(void *arg)
{
    (void)arg;
    for (int i = 0; i < 2000; i++) {
        /* In step: real clocks do not run away from a thread */
        if (i % 50 == 0 && pthread_barrier_wait(&barrier) == PTHREAD_BARRIER_SERIAL_THREAD) {
            atomic_fetch_add(&common->generation, 1);
            atomic_fetch_add(&clock_now, 20);
        }
        int64_t now = atomic_load(&clock_now);
        struct wf_jws_header header = key_header(i % 2 == 0 ? "a" : "b");
        struct wf_jwks *set = NULL;
        int64_t until = 0;
        enum wf_reason reason =
            wf_keyring_find(shared_ring, &header, now, &set, &until, NULL);
        if (reason != WF_OK && reason != WF_KEY)
            atomic_fetch_add(&common->failures, 1);
        if (reason == WF_OK && (!wf_jwks_fits(set, &header) || until <= now))
            atomic_fetch_add(&common->failures, 1);
        if (reason == WF_OK)
            (void)wf_keyring_is_current(shared_ring, set, now);
        wf_jwks_unref(set);
    }
    return NULL;
}

static void test_rotation(void **state)
{
    (void)state;
    atomic_store(&clock_now, T0);
    assert_int_equal(pthread_barrier_init(&barrier, NULL, THREADS), 0);
    shared_ring = new_ring(dir);
    run_threads(rotating_thread);
    /* The clock went 800 s: one fetch in 30 s at most, and the document */
    assert_true(atomic_load(&common->requests) <= 800 / 30 + 2);
    assert_true(atomic_load(&common->requests) >= 10);
    assert_int_equal(pthread_barrier_destroy(&barrier), 0);
    wf_keyring_free(shared_ring);
}

static void *stale_thread(void *arg)
{
    (void)arg;
    if (find(shared_ring, "a", T0 + 300) != WF_OK)
        atomic_fetch_add(&common->failures, 1);
    return NULL;
}

/* One thread fetches, the others go on with stale keys. */
static void test_stale_threads(void **state)
{
    struct wf_jws_header header = key_header("a");
    struct wf_jwks *set = NULL;
    int64_t until = 0;
    pthread_t thread;

    (void)state;
    shared_ring = new_ring(NULL);
    assert_int_equal(find(shared_ring, "a", T0), WF_OK);
    atomic_store(&common->hold, true);
    assert_int_equal(pthread_create(&thread, NULL, stale_thread, NULL), 0);
    assert_int_equal(sem_wait(&common->held), 0);
    assert_int_equal(wf_keyring_find(shared_ring, &header, T0 + 300, &set, &until, NULL), WF_OK);
    assert_true(wf_keyring_is_current(shared_ring, set, T0 + 300));
    wf_jwks_unref(set);
    assert_int_equal(atomic_load(&common->requests), 3);
    atomic_store(&common->hold, false);
    assert_int_equal(sem_post(&common->go), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(atomic_load(&common->failures), 0);
    wf_keyring_free(shared_ring);
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
        (void)alarm(20);
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
        const struct wf_keyring_host host = {dir, &key_log_sink, door_new};
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
    const struct wf_keyring_host host = {dir, &key_log_sink, door_new};
    struct wf_keyring *ring = NULL;

    (void)state;
    no_page = true;
    enum wf_reason reason = wf_keyring_new(&conf, &host, &ring, NULL);
    no_page = false;
    assert_int_equal(reason, WF_INTERNAL);
    assert_null(ring);
    wf_keyring_free(NULL);
    fail_each(T0, true);
    fail_each(T0 + 100, false);
}

static int set_up(void **state)
{
    (void)state;
    common = mmap(NULL, sizeof(*common), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (common == MAP_FAILED || sem_init(&common->held, 1, 0) != 0 ||
        sem_init(&common->go, 1, 0) != 0)
        return -1;
    key_folder_make(folder, sizeof(folder));
    return wf_cachedir_open(folder, &key_log_sink, &dir, NULL) == WF_OK && dir != NULL ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    key_folder_empty(folder);
    wf_cachedir_free(dir);
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_cold_processes, reset),
        cmocka_unit_test_setup(test_cold_processes_down, reset),
        cmocka_unit_test_setup(test_locked, reset),
        cmocka_unit_test_setup(test_cold_threads, reset),
        cmocka_unit_test_setup(test_rotation, reset),
        cmocka_unit_test_setup(test_stale_threads, reset),
#if !defined(__SANITIZE_THREAD__)
        cmocka_unit_test_setup(test_fork, reset),
        cmocka_unit_test_setup(test_fork_old_kernel, reset),
#endif
        cmocka_unit_test_setup(test_memory, reset),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
