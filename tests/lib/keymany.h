/* What the tests of one keyring among many threads and processes share: a provider in memory that
 * all of them see, which counts, rotates its keys, and can be down, slow, or held. */
#ifndef WF_TEST_KEYMANY_H
#define WF_TEST_KEYMANY_H

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/mman.h>

#include "http.h"
#include "keycase.h"
#include "keyring.h"

#define T0 1700000000
#define THREADS 8

static struct wf_provider_conf conf = {
    .name = "mail",
    .type = WF_PROVIDER_OIDC,
    .url = ISSUER,
    .timeout = 30,
    .stale_keys = 3600,
};
static char folder[64];
static struct wf_cachedir *dir;

/* Shared by all processes of a test. */
static struct common {
    atomic_uint requests;
    atomic_uint failures;   /* processes and threads that did not get what they should */
    atomic_uint generation; /* even: key a, odd: key b */
    atomic_bool down;
    atomic_int delay_ms;
    atomic_bool hold; /* in this process, until `go` is posted */
    pid_t holder;
    sem_t held;
    sem_t go;
    sem_t waiting;
} * common;

/* The door */

static inline enum wf_reason door_send(struct wf_http *http, const struct wf_http_request *request,
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
    wf_buf_append_text(&ret->body, document                                    ? DOCUMENT
                                   : atomic_load(&common->generation) % 2 == 0 ? KEYS_A
                                                                               : KEYS_B);
    return wf_buf_ok(&ret->body) ? WF_OK : wf_fail(err, WF_INTERNAL, "out of memory");
}

static inline void door_free(struct wf_http *http)
{
    free(http);
}

static inline struct wf_http *door_new(const char *helper_user)
{
    static const struct wf_http_ops ops = {.send = door_send, .free = door_free};
    struct wf_http *http = malloc(sizeof(*http));

    (void)helper_user;
    if (http != NULL)
        http->ops = &ops;
    return http;
}

static inline struct wf_keyring *new_ring(struct wf_cachedir *in)
{
    const struct wf_endpoint_host host = {in, &key_log_sink, door_new};
    struct wf_keyring *ring = NULL;

    assert_int_equal(wf_keyring_new(&conf, &host, &ring, NULL), WF_OK);
    return ring;
}

static inline enum wf_reason find(struct wf_keyring *ring, const char *kid, int64_t now)
{
    struct wf_jws_header header = key_header(kid);
    struct wf_jwks *set = NULL;
    int64_t until = 0;

    enum wf_reason reason = wf_keyring_find(ring, &header, now, &set, &until, NULL);
    wf_jwks_unref(set);
    return reason;
}

static inline void key_reset(void)
{
    key_folder_empty(folder);
    key_log[0] = '\0';
    atomic_store(&common->requests, 0);
    atomic_store(&common->failures, 0);
    atomic_store(&common->generation, 0);
    atomic_store(&common->down, false);
    atomic_store(&common->delay_ms, 0);
    atomic_store(&common->hold, false);
    common->holder = getpid();
    while (sem_trywait(&common->waiting) == 0)
        ;
}

static struct wf_keyring *shared_ring;

static inline void *cold_thread(void *arg)
{
    (void)arg;
    if (find(shared_ring, "a", T0) != WF_OK)
        atomic_fetch_add(&common->failures, 1);
    return NULL;
}

static inline void run_threads(void *(*body)(void *))
{
    pthread_t threads[THREADS];

    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, body, NULL), 0);
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(atomic_load(&common->failures), 0);
}

static inline int set_up(void **state)
{
    (void)state;
    common = mmap(NULL, sizeof(*common), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (common == MAP_FAILED || sem_init(&common->held, 1, 0) != 0 ||
        sem_init(&common->go, 1, 0) != 0 || sem_init(&common->waiting, 1, 0) != 0)
        return -1;
    key_folder_make(folder, sizeof(folder));
    return wf_cachedir_open(folder, &key_log_sink, &dir, NULL) == WF_OK && dir != NULL ? 0 : -1;
}

static inline int tear_down(void **state)
{
    (void)state;
    key_folder_empty(folder);
    wf_cachedir_free(dir);
    return rmdir(folder);
}

#endif
