/* Look-ups of opaque tokens: what is remembered for whom, who shares, and what happens when the
 * provider does not answer, memory is short or many knock. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "failalloc.h"
#include "opaque_case.h"

/* Nothing that was found out for one policy, provider or client holds for another; on disk, too. */
static void test_keys(void **state)
{
    struct wf_provider_conf others[4] = {oidc, oidc, oidc, oidc};
    int64_t until = 0;

    (void)state;
    empty_folder();
    others[0].name = "other";
    others[1].client_id = "d";
    others[2].url = ISSUER "/";
    others[3].introspection = false;
    others[3].userinfo = true;
    struct wf_opaque *opaque = make(&oidc, dir);
    answer(WF_OK, 200, "{\"active\":true,\"sub\":\"u1\"}");
    assert_int_equal(look_up_as(opaque, TOKEN, 1, NULL, NOW, &until, NULL), WF_OK);
    assert_int_equal(look_up_as(opaque, TOKEN, 1, NULL, NOW, &until, NULL), WF_OK);
    assert_int_equal(door.asked, 1);
    assert_int_equal(look_up_as(opaque, TOKEN, 2, NULL, NOW, &until, NULL), WF_OK);
    assert_int_equal(door.asked, 2);
    wf_opaque_free(opaque);
    for (size_t i = 0; i < WF_ARRAY_LEN(others); i++) {
        opaque = make(&others[i], dir);
        answer(WF_OK, 200, "{\"active\":true,\"sub\":\"u1\"}");
        (void)look_up_as(opaque, TOKEN, 1, NULL, NOW, &until, NULL);
        if (door.asked + door.discovered == 0)
            fail_msg("row %zu: not asked", i);
        wf_opaque_free(opaque);
    }
    /* Another process with the same configuration asks nobody */
    opaque = make(&oidc, dir);
    answer(WF_OK, 200, "{\"active\":true,\"sub\":\"u1\"}");
    assert_int_equal(look_up_as(opaque, TOKEN, 1, NULL, NOW + 59, &until, NULL), WF_OK);
    assert_int_equal(door.asked + door.discovered, 0);
    assert_int_equal(until, NOW + 60);
    assert_int_equal(look_up_as(opaque, TOKEN, 1, NULL, NOW + 60, &until, NULL), WF_OK);
    assert_int_equal(door.asked, 1);
    wf_opaque_free(opaque);
}

/* Neither token nor subject stands in a name or, the token, in a file. */
static void test_no_token_on_disk(void **state)
{
    struct wf_opaque *opaque = make(&oidc, dir);
    char command[200];
    int64_t until = 0;

    (void)state;
    answer(WF_OK, 200, "{\"active\":true,\"sub\":\"u1\"}");
    assert_int_equal(look_up_as(opaque, TOKEN, 9, NULL, NOW, &until, NULL), WF_OK);
    snprintf(command, sizeof(command), "ls %s | grep -q opaque- && ! grep -r %s %s", folder, TOKEN,
             folder);
    assert_int_equal(system(command), 0);
    wf_opaque_free(opaque);
}

static void test_silence(void **state)
{
    struct wf_opaque *one = make(&oidc, dir);
    int64_t until = 0;
    struct wf_err err = WF_ERR_INIT;

    (void)state;
    empty_folder();
    answer(WF_UNREACHABLE, 0, "");
    assert_int_equal(look_up(one, NOW), WF_UNREACHABLE);
    unsigned asked = door.asked + door.discovered;
    assert_true(asked > 0);
    assert_int_equal(look_up_as(one, TOKEN, 7, "192.0.2.7", NOW + 4, &until, &err), WF_UNREACHABLE);
    assert_non_null(strstr(err.text, "asked again in 1 s"));
    assert_int_equal(door.asked + door.discovered, asked);
    struct wf_opaque *two = make(&oidc, dir);
    assert_int_equal(look_up(two, NOW + 4), WF_UNREACHABLE);
    assert_int_equal(door.asked + door.discovered, asked);
    answer(WF_OK, 200, "{\"active\":true}");
    assert_int_equal(look_up(two, NOW + 5), WF_OK);
    assert_int_equal(look_up_as(one, TOKEN, 8, NULL, NOW + 40, &until, NULL), WF_OK);
    /* Busy for 30 s */
    answer(WF_OK, 429, "{}");
    door.retry_after = 30;
    assert_int_equal(look_up_as(one, TOKEN, 10, NULL, NOW + 50, &until, NULL), WF_UNREACHABLE);
    answer(WF_OK, 200, "{\"active\":true}");
    assert_int_equal(look_up_as(one, TOKEN, 10, NULL, NOW + 79, &until, NULL), WF_UNREACHABLE);
    assert_int_equal(look_up_as(one, TOKEN, 10, NULL, NOW + 80, &until, NULL), WF_OK);
    wf_opaque_free(one);
    wf_opaque_free(two);
}

/* What is remembered needs no look-up, however many knock. */
static void test_flood(void **state)
{
    struct wf_opaque *opaque = make(&oidc, NULL);
    int64_t until = 0;
    struct wf_err err = WF_ERR_INIT;
    unsigned in = 0;

    (void)state;
    answer(WF_OK, 200, "{\"active\":true}");
    assert_int_equal(look_up_as(opaque, TOKEN, 0, "192.0.2.1", NOW, &until, NULL), WF_OK);
    answer(WF_OK, 200, "{\"active\":false}");
    for (unsigned i = 1; i < 100; i++) {
        char token[32];
        snprintf(token, sizeof(token), "tok_%08x", i);
        in += look_up_as(opaque, token, i, "192.0.2.1", NOW, &until, &err) == WF_INACTIVE;
    }
    assert_int_equal(in, 9);
    assert_int_equal(door.asked, 9);
    assert_non_null(strstr(err.text, "too many tokens from this address"));
    assert_int_equal(look_up_as(opaque, TOKEN, 0, "192.0.2.1", NOW, &until, NULL), WF_OK);
    assert_int_equal(look_up_as(opaque, TOKEN, 101, "192.0.2.2", NOW, &until, NULL), WF_INACTIVE);
    wf_opaque_free(opaque);
}

/* One look-up in 64 tidies the folder up. */
static void test_tidy(void **state)
{
    struct wf_opaque *opaque = NULL;
    char command[200];
    int64_t until = 0;

    (void)state;
    empty_folder();
    opaque = make(&oidc, dir);
    answer(WF_OK, 500, "{}");
    for (unsigned i = 1; i <= 64; i++) {
        char rhost[32];
        snprintf(rhost, sizeof(rhost), "192.0.2.%u", i);
        if (i == 64) {
            snprintf(command, sizeof(command), "cd %s && touch $(seq -f opaque-%%.0f 4200)",
                     folder);
            assert_int_equal(system(command), 0);
        }
        assert_int_equal(look_up_as(opaque, TOKEN, i, rhost, NOW, &until, NULL), WF_UNREACHABLE);
    }
    snprintf(command, sizeof(command), "test $(ls %s | grep -c opaque-) -eq 4096", folder);
    assert_int_equal(system(command), 0);
    wf_opaque_free(opaque);
}

/* Every allocation fails once: the verdict is an acceptance that is one, or internal. */
static void test_no_memory(void **state)
{
    (void)state;
    answer(WF_OK, 200, "{\"active\":true,\"sub\":\"u1\"}");
    for (unsigned n = 1; n < 300; n++) {
        struct wf_opaque *opaque = make(&oidc, NULL);
        int64_t until = 0;
        door.asked = 0;
        fail_alloc_at = n;
        enum wf_reason reason = look_up_as(opaque, TOKEN, 1, NULL, NOW, &until, NULL);
        bool failed = fail_alloc_at == 0;
        fail_alloc_at = 0;
        /* A copy that was not made may be a cache that was not filled, or a token that was not
         * compared */
        if (reason != WF_OK && reason != WF_INTERNAL && reason != WF_MALFORMED)
            fail_msg("%u: %s", n, wf_reason_name(reason));
        if (reason == WF_MALFORMED && door.asked > 0)
            fail_msg("%u: malformed, but sent", n);
        wf_opaque_free(opaque);
        if (!failed)
            return;
    }
    fail_msg("no end");
}

/* Threads */

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
    assert_in_range(door.asked, 2, 300);
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

/* A thread whose look-up, for policy 1, is under way until let_go */

static pthread_t held_thread;
static enum wf_reason held_reason;

static void *held_look_up(void *arg)
{
    int64_t until = 0;

    held_reason = look_up_as(arg, TOKEN, 1, NULL, NOW, &until, NULL);
    return NULL;
}

static void hold(struct wf_opaque *opaque)
{
    held_reason = WF_INTERNAL;
    atomic_store(&door.hold, true);
    assert_int_equal(pthread_create(&held_thread, NULL, held_look_up, opaque), 0);
    assert_int_equal(sem_wait(&door.held), 0);
}

static void let_go(void)
{
    assert_int_equal(sem_post(&door.go), 0);
    assert_int_equal(pthread_join(held_thread, NULL), 0);
    assert_int_equal(held_reason, WF_OK);
}

/* Who asks for something else does not wait for that answer, let alone get it. */
static void test_apart(void **state)
{
    struct wf_opaque *opaque = make(&oidc, NULL);
    int64_t until = 0;

    (void)state;
    answer(WF_OK, 200, "{\"active\":true,\"sub\":\"u1\"}");
    hold(opaque);
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
    hold(opaque);
    pid_t child = fork();
    if (child == 0) {
        (void)alarm(10);
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
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_no_token_on_disk),
        cmocka_unit_test(test_silence),
        cmocka_unit_test(test_flood),
        cmocka_unit_test(test_tidy),
        cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_cold),
        cmocka_unit_test(test_apart),
#if !defined(__SANITIZE_THREAD__)
        cmocka_unit_test(test_fork),
#endif
    };
    return cmocka_run_group_tests_name("opaque kept", tests, set_up, tear_down);
}
