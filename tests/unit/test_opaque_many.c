/* Look-ups of opaque tokens by many at once: threads, processes that share a folder, and forks in
 * between. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "opaque_case.h"
#include "within.h"

/* Posted by a thread that waits for another one's answer. */
static sem_t waits;
int __real_pthread_cond_wait(pthread_cond_t *cond, pthread_mutex_t *mutex);
int __wrap_pthread_cond_wait(pthread_cond_t *cond, pthread_mutex_t *mutex);
int __wrap_pthread_cond_wait(pthread_cond_t *cond, pthread_mutex_t *mutex)
{
    (void)sem_post(&waits);
    return __real_pthread_cond_wait(cond, mutex);
}

#define THREADS 8

static struct wf_opaque *shared;
static pthread_barrier_t start;
static unsigned wrong;

static void *same_token(void *arg)
{
    int64_t until = 0;

    (void)arg;
    (void)pthread_barrier_wait(&start);
    for (unsigned i = 0; i < 50; i++) {
        if (look_up_as(shared, TOKEN, 1, "192.0.2.1", NOW, &until, NULL) != WF_OK)
            (void)__atomic_add_fetch(&wrong, 1, __ATOMIC_RELAXED);
    }
    return NULL;
}

static void *many_tokens(void *arg)
{
    unsigned self = *(unsigned *)arg;
    int64_t until = 0;

    (void)pthread_barrier_wait(&start);
    for (unsigned i = 0; i < 200; i++) {
        char token[32];
        char rhost[32];
        snprintf(token, sizeof(token), "tok_%08x", (self + i) % 20);
        snprintf(rhost, sizeof(rhost), "192.0.2.%u", i % 20);
        enum wf_reason reason =
            look_up_as(shared, token, (self + i) % 20, rhost, NOW + i % 3, &until, NULL);
        if (reason != WF_OK && reason != WF_UNREACHABLE)
            (void)__atomic_add_fetch(&wrong, 1, __ATOMIC_RELAXED);
    }
    return NULL;
}

static void run_threads(void *(*body)(void *))
{
    pthread_t threads[THREADS];
    unsigned numbers[THREADS];

    wrong = 0;
    assert_int_equal(pthread_barrier_init(&start, NULL, THREADS), 0);
    for (unsigned i = 0; i < THREADS; i++) {
        numbers[i] = i;
        assert_int_equal(pthread_create(&threads[i], NULL, body, &numbers[i]), 0);
    }
    for (unsigned i = 0; i < THREADS; i++)
        (void)pthread_join(threads[i], NULL);
    (void)pthread_barrier_destroy(&start);
    assert_int_equal(wrong, 0);
}

static void test_threads(void **state)
{
    (void)state;
    empty_folder();
    shared = make(&oidc, dir);
    answer(WF_OK, 200, "{\"active\":true,\"sub\":\"u1\"}");
    run_threads(same_token);
    assert_int_equal(door.asked, 1);
    assert_int_equal(door.discovered, 1);
    run_threads(many_tokens);
    assert_within(door.asked, 2, 300);
    wf_opaque_free(shared);
}

/* Each is a process of its own, in a way: it shares nothing with the others but the folder. */
static void *cold_look_up(void *arg)
{
    unsigned self = *(unsigned *)arg;
    const enum wf_reason expected = door.reason;
    struct wf_opaque *own = make(&oidc, dir);
    int64_t until = 0;

    (void)pthread_barrier_wait(&start);
    if (look_up_as(own, TOKEN, self, NULL, NOW, &until, NULL) != expected)
        (void)__atomic_add_fetch(&wrong, 1, __ATOMIC_RELAXED);
    wf_opaque_free(own);
    return NULL;
}

/* Of all that need the endpoint one asks; and if there is no answer, that is everybody's. */
static void test_cold(void **state)
{
    struct wf_opaque *later = make(&oidc, dir);
    struct wf_err err = WF_ERR_INIT;
    int64_t until = 0;

    (void)state;
    atomic_store(&door.delay_ms, 20);
    empty_folder();
    answer(WF_OK, 200, "{\"active\":true,\"sub\":\"u1\"}");
    run_threads(cold_look_up);
    assert_int_equal(door.discovered, 1);
    assert_int_equal(door.asked, THREADS);
    empty_folder();
    answer(WF_UNREACHABLE, 0, "");
    run_threads(cold_look_up);
    assert_int_equal(door.discovered, 1);
    /* They count as one failure */
    assert_int_equal(look_up_as(later, TOKEN, 100, NULL, NOW + 4, &until, &err), WF_UNREACHABLE);
    assert_non_null(strstr(err.text, "asked again in 1 s"));
    assert_int_equal(door.discovered, 1);
    atomic_store(&door.delay_ms, 0);
    wf_opaque_free(later);
}

static void *second_look_up(void *arg)
{
    int64_t until = 0;

    if (look_up_as(arg, TOKEN, 1, NULL, NOW, &until, NULL) != WF_OK)
        (void)__atomic_add_fetch(&wrong, 1, __ATOMIC_RELAXED);
    (void)sem_post(&waits);
    return NULL;
}

/* Who asks for the same waits for that answer, and gets it. */
static void test_together(void **state)
{
    struct wf_opaque *opaque = make(&oidc, NULL);
    pthread_t thread;

    (void)state;
    wrong = 0;
    assert_int_equal(sem_init(&waits, 0, 0), 0);
    answer(WF_OK, 200, "{\"active\":true,\"sub\":\"u1\"}");
    hold(opaque, NOW);
    assert_int_equal(pthread_create(&thread, NULL, second_look_up, opaque), 0);
    assert_int_equal(sem_wait(&waits), 0);
    assert_int_equal(door.asked, 0);
    let_go();
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(wrong, 0);
    assert_int_equal(door.asked, 1);
    wf_opaque_free(opaque);
}

/* Who asks for something else does not wait for that answer, let alone get it. */
static void test_apart(void **state)
{
    struct wf_opaque *opaque = make(&oidc, NULL);
    int64_t until = 0;

    (void)state;
    answer(WF_OK, 200, "{\"active\":true,\"sub\":\"u1\"}");
    hold(opaque, NOW);
    door.body = "{\"active\":false}";
    assert_int_equal(look_up_as(opaque, TOKEN, 2, NULL, NOW, &until, NULL), WF_INACTIVE);
    door.body = "{\"active\":true,\"sub\":\"u1\"}";
    let_go();
    assert_int_equal(door.asked, 2);
    wf_opaque_free(opaque);
}

#if !defined(__SANITIZE_THREAD__)
/* A child that is forked meanwhile waits for no flight that never lands, and for no lock. */
static void fork_meanwhile(struct wf_cachedir *where, bool cold)
{
    struct wf_opaque *opaque = make(&oidc, where);
    int64_t until = 0;
    int status = 0;

    empty_folder();
    answer(WF_OK, 200, "{\"active\":true,\"sub\":\"u1\"}");
    if (!cold)
        assert_int_equal(look_up_as(opaque, TOKEN, 3, NULL, NOW, &until, NULL), WF_OK);
    hold(opaque, NOW);
    pid_t child = fork();
    if (child == 0) {
        (void)alarm(120);
        _exit(look_up_as(opaque, TOKEN, 2, NULL, NOW, &until, NULL) == WF_OK &&
                      look_up_as(opaque, TOKEN, 1, NULL, NOW, &until, NULL) == WF_OK
                  ? 0
                  : 1);
    }
    assert_true(child > 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    let_go();
    wf_opaque_free(opaque);
}

static void test_fork(void **state)
{
    (void)state;
    fork_meanwhile(NULL, true);
    fork_meanwhile(NULL, false);
    fork_meanwhile(dir, false);
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_cold),
        cmocka_unit_test(test_together),
        cmocka_unit_test(test_apart),
#if !defined(__SANITIZE_THREAD__)
        cmocka_unit_test(test_fork),
#endif
    };
    return cmocka_run_group_tests_name("opaque many", tests, set_up, tear_down);
}
