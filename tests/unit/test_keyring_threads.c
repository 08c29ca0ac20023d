/*
 * Threads that share one keyring: what they see while keys rotate, who fetches, who waits, and what
 * happens between two looks.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

#include "keymany.h"
#include "keyring_entry.h"

static _Atomic int64_t clock_now;
static pthread_barrier_t barrier;

/* Wrapped calls */

/* Reading a file, of which the first call waits as the door's does. */
static atomic_bool hold_read;
static atomic_uint reads;
ssize_t __real_read(int fd, void *to, size_t size);
ssize_t __wrap_read(int fd, void *to, size_t size);
ssize_t __wrap_read(int fd, void *to, size_t size)
{
    atomic_fetch_add(&reads, 1);
    if (atomic_exchange(&hold_read, false)) {
        sem_post(&common->held);
        sem_wait(&common->go);
    }
    return __real_read(fd, to, size);
}

/* A thread that is about to wait for another one's fetch. */
int __real_pthread_cond_wait(pthread_cond_t *cond, pthread_mutex_t *mutex);
int __wrap_pthread_cond_wait(pthread_cond_t *cond, pthread_mutex_t *mutex);
int __wrap_pthread_cond_wait(pthread_cond_t *cond, pthread_mutex_t *mutex)
{
    sem_post(&common->waiting);
    return __real_pthread_cond_wait(cond, mutex);
}

/* What others do in the moment behind the next unlocking, or behind the one that ends a fetch. */
static void (*meanwhile)(void);
static void (*behind_fetch)(void);
int __real_pthread_cond_broadcast(pthread_cond_t *cond);
int __wrap_pthread_cond_broadcast(pthread_cond_t *cond);
int __wrap_pthread_cond_broadcast(pthread_cond_t *cond)
{
    if (behind_fetch != NULL)
        meanwhile = behind_fetch;
    behind_fetch = NULL;
    return __real_pthread_cond_broadcast(cond);
}

int __real_pthread_mutex_unlock(pthread_mutex_t *mutex);
int __wrap_pthread_mutex_unlock(pthread_mutex_t *mutex);
int __wrap_pthread_mutex_unlock(pthread_mutex_t *mutex)
{
    int result = __real_pthread_mutex_unlock(mutex);
    void (*call)(void) = meanwhile;

    if (call != NULL) {
        meanwhile = NULL;
        call();
    }
    return result;
}

static int reset(void **state)
{
    (void)state;
    key_reset();
    return 0;
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
        enum wf_reason reason = wf_keyring_find(shared_ring, &header, now, &set, &until, NULL);
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

static void expect_waiting(void)
{
    struct timespec until;

    assert_int_equal(clock_gettime(CLOCK_REALTIME, &until), 0);
    until.tv_sec += 120;
    assert_int_equal(sem_timedwait(&common->waiting, &until), 0);
}

static void *unknown_thread(void *arg)
{
    (void)arg;
    if (find(shared_ring, "b", T0 + 300) != WF_OK)
        atomic_fetch_add(&common->failures, 1);
    return NULL;
}

/* A thread whose token the stale keys do not fit, or who has none, waits for the one that fetches,
 * and then asks itself if that was not enough. */
static void test_waiting_threads(void **state)
{
    static const struct {
        const char *name;
        bool cold;
        void *(*fetches)(void *);
        void *(*waits)(void *);
        unsigned generation; /* that the fetch brings */
        unsigned requests;
        unsigned failures; /* who wants a key that is withdrawn */
    } rows[] = {
        {"cold", true, cold_thread, cold_thread, 0, 2, 0},
        {"stale that do not fit", false, stale_thread, unknown_thread, 1, 3, 1},
        {"stale when they come", true, cold_thread, stale_thread, 0, 3, 0},
    };
    pthread_t threads[2];

    for (size_t i = 0; i < WF_ARRAY_LEN(rows); i++) {
        (void)reset(state);
        shared_ring = new_ring(NULL);
        assert_true(rows[i].cold || find(shared_ring, "a", T0) == WF_OK);
        atomic_store(&common->hold, true);
        assert_int_equal(pthread_create(&threads[0], NULL, rows[i].fetches, NULL), 0);
        assert_int_equal(sem_wait(&common->held), 0);
        atomic_store(&common->generation, rows[i].generation);
        assert_int_equal(pthread_create(&threads[1], NULL, rows[i].waits, NULL), 0);
        expect_waiting();
        atomic_store(&common->hold, false);
        assert_int_equal(sem_post(&common->go), 0);
        assert_int_equal(pthread_join(threads[0], NULL), 0);
        assert_int_equal(pthread_join(threads[1], NULL), 0);
        if (atomic_load(&common->failures) != rows[i].failures ||
            atomic_load(&common->requests) != rows[i].requests)
            fail_msg("%s: %u failures, %u requests", rows[i].name, atomic_load(&common->failures),
                     atomic_load(&common->requests));
        wf_keyring_free(shared_ring);
    }
}

/* A file that one thread reads, another one neither goes on with nor reads again. */
static void test_file_threads(void **state)
{
    struct wf_jws_header header = key_header("a");
    struct wf_jwks *set = NULL;
    int64_t until = 0;
    char path[128];
    pthread_t threads[2];

    (void)state;
    (void)snprintf(path, sizeof(path), "%s/jwks.json", folder);
    FILE *file = fopen(path, "wx");
    assert_non_null(file);
    assert_true(fputs(KEYS_A, file) >= 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(path, 0644), 0);
    conf.jwks_file = path;
    shared_ring = new_ring(NULL);
    atomic_store(&reads, 0);
    assert_int_equal(wf_keyring_find(shared_ring, &header, T0, &set, &until, NULL), WF_OK);
    assert_true(wf_keyring_is_current(shared_ring, set, T0 + 9));
    unsigned once = atomic_load(&reads);
    atomic_store(&hold_read, true);
    assert_int_equal(pthread_create(&threads[0], NULL, stale_thread, NULL), 0);
    assert_int_equal(sem_wait(&common->held), 0);
    assert_false(wf_keyring_is_current(shared_ring, set, T0 + 300));
    assert_int_equal(pthread_create(&threads[1], NULL, stale_thread, NULL), 0);
    expect_waiting();
    assert_int_equal(sem_post(&common->go), 0);
    assert_int_equal(pthread_join(threads[0], NULL), 0);
    assert_int_equal(pthread_join(threads[1], NULL), 0);
    assert_int_equal(atomic_load(&common->failures), 0);
    assert_int_equal(atomic_load(&reads), 2 * once);
    wf_jwks_unref(set);
    wf_keyring_free(shared_ring);
    conf.jwks_file = NULL;
}

static void fetch_soon(void)
{
    atomic_store(&common->down, false);
    assert_int_equal(find(shared_ring, "a", T0 + WF_KEYS_REST_MIN), WF_OK);
}

static void fetch_much_later(void)
{
    assert_int_equal(find(shared_ring, "a", T0 + 1000), WF_OK);
}

/* Others change what was just looked at: no answer without keys, and no endless loop. */
static void test_overtaken(void **state)
{
    struct wf_jws_header header = key_header("a");
    struct wf_jwks *set = NULL;
    struct wf_err err = WF_ERR_INIT;
    int64_t until = 0;

    (void)state;
    shared_ring = new_ring(NULL);
    atomic_store(&common->down, true);
    assert_int_equal(find(shared_ring, "a", T0), WF_UNREACHABLE);
    meanwhile = fetch_soon;
    assert_int_equal(wf_keyring_find(shared_ring, &header, T0 + 1, &set, &until, &err),
                     WF_UNREACHABLE);
    assert_null(set);
    assert_string_equal(err.text, "no keys of provider mail");
    assert_int_equal(find(shared_ring, "a", T0 + 1), WF_OK);
    wf_keyring_free(shared_ring);
    /* A clock that ran on by more than clocks do */
    shared_ring = new_ring(NULL);
    behind_fetch = fetch_much_later;
    assert_int_equal(find(shared_ring, "a", T0), WF_UNREACHABLE);
    assert_int_equal(find(shared_ring, "a", T0 + 1000), WF_OK);
    wf_keyring_free(shared_ring);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_rotation, reset),
        cmocka_unit_test_setup(test_stale_threads, reset),
        cmocka_unit_test_setup(test_waiting_threads, reset),
        cmocka_unit_test_setup(test_file_threads, reset),
        cmocka_unit_test_setup(test_overtaken, reset),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
