/* Many threads that need the same token at once: one asks, also where that takes a while, and all
 * get what it got. */
#include "config.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include <cmocka.h>

#include "machine.h"

#define THREADS 8
#define T0 1700000000

static char folder[64];
static char key_path[96];
static struct wf_cachedir *dir;
static pthread_barrier_t barrier;

/* A door that counts, is slow, and answers each time with another token, or not at all. */
static atomic_uint sent;
static atomic_bool out_of_order;

static enum wf_reason slow_send(struct wf_http *http, const struct wf_http_request *request,
                                struct wf_http_response *ret, struct wf_err *err)
{
    const struct timespec while_others_come = {0, 50 * 1000 * 1000};
    unsigned number = atomic_fetch_add(&sent, 1) + 1;

    (void)http;
    (void)request;
    (void)nanosleep(&while_others_come, NULL);
    if (atomic_load(&out_of_order))
        return wf_fail(err, WF_UNREACHABLE, "scripted: refusal %u", number);
    ret->status = 200;
    (void)snprintf(ret->content_type, sizeof(ret->content_type), "application/json");
    wf_buf_append_format(&ret->body,
                         "{\"token_type\":\"Bearer\",\"access_token\":\"t%u\",\"expires_in\":600}",
                         number);
    return WF_OK;
}

static enum wf_reason slow_sign(struct wf_http *http, const struct wf_assertion *assertion,
                                struct wf_buf *out, struct wf_err *err)
{
    (void)http;
    (void)assertion;
    (void)err;
    wf_buf_append_text(out, "a.b.c");
    return WF_OK;
}

static void leave(struct wf_http *http)
{
    (void)http;
}

static const struct wf_http_ops ops = {slow_send, leave, slow_sign};

struct asked {
    enum wf_reason reason;
    char text[WF_ERR_TEXT_MAX]; /* the token, or the error */
};

static void *ask(void *arg)
{
    struct asked *ret = arg;
    struct wf_provider_conf conf = {
        .name = "relay",
        .type = WF_PROVIDER_WORKFRONT,
        .url = "https://acme.example",
        .client_id = "m",
        .private_key_file = key_path,
        .customer_id = "c",
        .user_id = "u",
        .timeout = 5,
    };
    struct wf_http http = {&ops};
    const struct wf_endpoint endpoint = {&conf, &http};
    struct wf_secret *token = NULL;
    struct wf_err err = WF_ERR_INIT;

    (void)pthread_barrier_wait(&barrier);
    ret->reason = wf_machine_token(&endpoint, dir, NULL, T0, &token, &err);
    (void)snprintf(ret->text, sizeof(ret->text), "%s",
                   token != NULL ? wf_secret_borrow(token).ptr : err.text);
    wf_secret_free(token);
    return NULL;
}

static void ask_all(struct asked ret[THREADS])
{
    pthread_t threads[THREADS];

    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, ask, &ret[i]), 0);
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
}

static int set_up(void **state)
{
    (void)state;
    (void)snprintf(folder, sizeof(folder), "/tmp/test_machine.XXXXXX");
    assert_non_null(mkdtemp(folder));
    (void)snprintf(key_path, sizeof(key_path), "%s/key", folder);
    FILE *file = fopen(key_path, "w");
    assert_non_null(file);
    assert_int_equal(fputs("the key", file) < 0, 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(key_path, 0600), 0);
    atomic_store(&sent, 0);
    atomic_store(&out_of_order, false);
    assert_int_equal(pthread_barrier_init(&barrier, NULL, THREADS), 0);
    return wf_cachedir_open(folder, NULL, &dir, NULL) == WF_OK && dir != NULL ? 0 : -1;
}

static int tear_down(void **state)
{
    char command[96];

    (void)state;
    wf_cachedir_free(dir);
    (void)pthread_barrier_destroy(&barrier);
    (void)snprintf(command, sizeof(command), "rm -rf '%s'", folder);
    return system(command);
}

static void test_one_asks(void **state)
{
    struct asked asked[THREADS];

    (void)state;
    ask_all(asked);
    assert_int_equal(atomic_load(&sent), 1);
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(asked[i].reason, WF_OK);
        assert_string_equal(asked[i].text, "t1");
    }
}

/* One that is refused is refused for all. */
static void test_one_is_refused(void **state)
{
    struct asked asked[THREADS];

    (void)state;
    atomic_store(&out_of_order, true);
    ask_all(asked);
    assert_int_equal(atomic_load(&sent), 1);
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(asked[i].reason, WF_UNREACHABLE);
        assert_string_equal(asked[i].text, "scripted: refusal 1");
    }
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {CASE(test_one_asks), CASE(test_one_is_refused)};

    return cmocka_run_group_tests_name("machine_threads", tests, NULL, NULL);
}
