/*
 * Threads that judge tokens on one context while the provider rotates its keys. The clock is a
 * number that the judging itself moves on, so all that is true at a moment follows from it: which
 * keys the provider names, which tokens must pass, how often it may be asked.
 */
#include "config.h"

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "http.h"
#include "mint.h"
#include "wfauth.h"

#define T0 INT64_C(1800000000)
#define ISSUER "https://sso.example"
#define THREADS 8

/* Each generation is one new key, that stands beside the one before: so a key is published for two
 * periods. All in seconds of our clock. */
#define PERIOD 90
#define GENERATIONS 40
/* With those that come behind, while the threads end */
#define ALL_GENERATIONS (GENERATIONS + 2)
#define FRESH 60     /* what the answers say; the least that is kept to */
#define COOL_DOWN 30 /* an unknown kid asks again after so long */
#define TICK 5
/* Tokens that are judged within a tick at least, by all threads together. */
#define TOKENS_IN_TICK 64
/* The clock waits for whoever began so long ago: no real one runs away from a thread. */
#define LAG (4 * TICK)

static char folder[] = "/tmp/wfauth-threads.XXXXXX";
static struct wf_context *context;
static const char *key_sets[ALL_GENERATIONS];
static const char *tokens[ALL_GENERATIONS];

/* Shared by the threads */
static _Atomic int64_t now;
static _Atomic int64_t began[THREADS]; /* what each is at; INT64_MAX: nothing */
static atomic_uint judged;
static atomic_uint documents;
static atomic_uint fetches;
static atomic_int newest_seen; /* of all generations of whose token we know that it passed */
static atomic_uint passed[GENERATIONS];
static atomic_uint refused_before[GENERATIONS];
static atomic_uint refused_after[GENERATIONS];
static atomic_uint wrongs;
static pthread_mutex_t wrong_lock = PTHREAD_MUTEX_INITIALIZER;
static char wrong[512]; /* the first one */

static int64_t clock_now(void)
{
    return atomic_load(&now);
}

static int64_t begin_of(int generation)
{
    return T0 + (int64_t)generation * PERIOD;
}

static int64_t end_of(int generation)
{
    return begin_of(generation + 2);
}

static int generation_at(int64_t at)
{
    return (int)((at - T0) / PERIOD);
}

/* Many threads at once; what it says other tests look at. */
static void log_write(void *ctx, enum wf_level level, const char *line)
{
    (void)ctx;
    (void)level;
    (void)line;
}

/* The provider */

static enum wf_reason door_send(struct wf_http *http, const struct wf_http_request *request,
                                struct wf_http_response *ret, struct wf_err *err)
{
    (void)http;
    ret->status = 200;
    (void)snprintf(ret->content_type, sizeof(ret->content_type), "application/json");
    if (strcmp(request->url, ISSUER "/.well-known/openid-configuration") == 0) {
        atomic_fetch_add(&documents, 1);
        wf_buf_append_text(&ret->body,
                           "{\"issuer\":\"" ISSUER "\",\"jwks_uri\":\"" ISSUER "/jwks\"}");
    } else {
        int generation = generation_at(atomic_load(&now));
        if (generation >= ALL_GENERATIONS)
            return wf_fail(err, WF_INTERNAL, "the clock ran away");
        atomic_fetch_add(&fetches, 1);
        ret->has_max_age = true;
        ret->max_age = FRESH;
        wf_buf_append_text(&ret->body, key_sets[generation]);
    }
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

/* Judging */

static enum wf_reason judge(int generation, struct wf_err *err)
{
    static const struct wf_request request = {.service = "imap"};
    struct wf_result result;

    return wf_verify(context, &request, tokens[generation], strlen(tokens[generation]),
                     WF_PASSWD_IGNORE, &result, NULL, err);
}

static void note_wrong(const char *rule, int generation, int64_t before, int64_t after,
                       const struct wf_err *err)
{
    pthread_mutex_lock(&wrong_lock);
    if (atomic_fetch_add(&wrongs, 1) == 0)
        (void)snprintf(wrong, sizeof(wrong),
                       "%s: generation %d, between %lld and %lld s; it lives %lld..%lld: %.200s",
                       rule, generation, (long long)(before - T0), (long long)(after - T0),
                       (long long)(begin_of(generation) - T0), (long long)(end_of(generation) - T0),
                       err->text);
    pthread_mutex_unlock(&wrong_lock);
}

/* One token. The second that it is judged at lies between `before` and `after`. */
static void judge_one(int generation)
{
    struct wf_err err = WF_ERR_INIT;
    int seen = atomic_load(&newest_seen);
    int64_t before = atomic_load(&now);
    enum wf_reason reason = judge(generation, &err);
    int64_t after = atomic_load(&now);

    if (reason != WF_OK && reason != WF_KEY)
        note_wrong("a reason that nobody gave", generation, before, after, &err);
    if (reason == WF_OK) {
        if (after < begin_of(generation))
            note_wrong("passed before its key was published", generation, before, after, &err);
        if (generation <= seen - 2)
            note_wrong("passed though a set without its key was in use", generation, before, after,
                       &err);
        /* Old keys serve while somebody fetches; nobody takes longer for that than LAG */
        if (before >= end_of(generation) + FRESH + 2 * LAG)
            note_wrong("passed long after its key was withdrawn", generation, before, after, &err);
        atomic_fetch_add(&passed[generation], 1);
        while (seen < generation && !atomic_compare_exchange_weak(&newest_seen, &seen, generation))
            ;
    } else {
        /* The first fetch of all finds it at once */
        int64_t known = generation == 0 ? T0 : begin_of(generation) + COOL_DOWN;
        if (before >= known && after < end_of(generation))
            note_wrong("refused though its key is published", generation, before, after, &err);
        atomic_fetch_add(before < begin_of(generation) ? &refused_before[generation]
                                                       : &refused_after[generation],
                         1);
    }
}

static void tick(void)
{
    int64_t at = atomic_load(&now);

    for (unsigned i = 0; i < THREADS; i++) {
        if (atomic_load(&began[i]) <= at - LAG) {
            (void)sched_yield();
            return;
        }
    }
    (void)atomic_compare_exchange_strong(&now, &at, at + TICK);
}

static void *thread(void *arg)
{
    unsigned self = *(const unsigned *)arg;

    for (unsigned i = self; atomic_load(&now) < end_of(GENERATIONS - 1); i++) {
        atomic_store(&began[self], atomic_load(&now));
        /* In turn one not yet known, the two that are published, two withdrawn ones */
        int generation = generation_at(atomic_load(&now)) + 1 - (int)(i % 5);
        if (generation >= 0 && generation < GENERATIONS)
            judge_one(generation);
        atomic_store(&began[self], INT64_MAX);
        if (atomic_fetch_add(&judged, 1) / TOKENS_IN_TICK > (atomic_load(&now) - T0) / TICK)
            tick();
    }
    return NULL;
}

static void test_rotation(void **state)
{
    pthread_t threads[THREADS];
    unsigned names[THREADS];

    (void)state;
    for (unsigned i = 0; i < THREADS; i++)
        atomic_store(&began[i], INT64_MAX);
    for (unsigned i = 0; i < THREADS; i++) {
        names[i] = i;
        assert_int_equal(pthread_create(&threads[i], NULL, thread, &names[i]), 0);
    }
    for (unsigned i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    if (atomic_load(&wrongs) > 0)
        fail_msg("%u times, first: %s", atomic_load(&wrongs), wrong);
    for (int i = 0; i < GENERATIONS; i++) {
        if (atomic_load(&passed[i]) == 0 || (i > 0 && atomic_load(&refused_before[i]) == 0) ||
            (i < GENERATIONS - 3 && atomic_load(&refused_after[i]) == 0))
            fail_msg("generation %d: passed %u times, refused %u times before and %u after", i,
                     atomic_load(&passed[i]), atomic_load(&refused_before[i]),
                     atomic_load(&refused_after[i]));
    }
    int64_t seconds = atomic_load(&now) - T0;
    if (atomic_load(&fetches) > seconds / COOL_DOWN + 1 ||
        atomic_load(&fetches) < seconds / (PERIOD + FRESH) || atomic_load(&documents) != 1)
        fail_msg("%u fetches and %u discoveries in %lld s", atomic_load(&fetches),
                 atomic_load(&documents), (long long)seconds);
}

/* Once the last ones are withdrawn, and that is looked for, none of them passes. */
static void test_afterwards(void **state)
{
    (void)state;
    atomic_store(&now, end_of(GENERATIONS - 1) + FRESH);
    for (int i = 0; i < GENERATIONS; i++) {
        struct wf_err err = WF_ERR_INIT;
        assert_int_equal(judge(i, &err), WF_KEY);
    }
    for (int i = GENERATIONS; i < ALL_GENERATIONS; i++)
        assert_int_equal(judge(i, NULL), WF_OK);
}

static const char *make_token(enum mint_key key, const char *alg, int generation)
{
    return mint_token(alg, key, mint_text("{\"alg\":\"%s\",\"kid\":\"k%d\"}", alg, generation),
                      mint_text("{\"iss\":\"" ISSUER "\",\"sub\":\"ann\",\"aud\":\"urn:mail\","
                                "\"exp\":%lld}",
                                (long long)end_of(GENERATIONS) + 86400));
}

static void make_tokens(void)
{
    static const struct {
        enum mint_key key;
        const char *alg;
    } kinds[] = {{MINT_P256, "ES256"},
                 {MINT_ED25519, "EdDSA"},
                 {MINT_RSA, "RS256"},
                 {MINT_P256_OTHER, "ES256"},
                 {MINT_ED25519_OTHER, "EdDSA"}};
    const char *before = NULL;

    for (int i = 0; i < ALL_GENERATIONS; i++) {
        enum mint_key key = kinds[(size_t)i % WF_ARRAY_LEN(kinds)].key;
        const char *jwk = mint_jwk(key, mint_text("\"kid\":\"k%d\"", i));
        key_sets[i] = before == NULL ? mint_jwks(jwk, NULL) : mint_jwks(before, jwk, NULL);
        tokens[i] = make_token(key, kinds[(size_t)i % WF_ARRAY_LEN(kinds)].alg, i);
        before = jwk;
    }
}

static int set_up(void **state)
{
    const char *config;
    FILE *file;

    (void)state;
    if (mkdtemp(folder) == NULL)
        return -1;
    make_tokens();
    config = mint_text("%s/wfauth.conf", folder);
    file = fopen(config, "w");
    if (file == NULL ||
        fprintf(file,
                "[provider sso]\n"
                "type = oidc\n"
                "url = " ISSUER "\n"
                "cache_dir = %s\n"
                "username = sub\n"
                "[service imap]\n"
                "provider = sso\n"
                "flow = token\n"
                "audience = urn:mail\n",
                folder) < 0 ||
        fclose(file) != 0 || chmod(config, 0600) != 0)
        return -1;
    atomic_store(&now, T0);
    const struct wf_host host = {
        .config = config, .log = {.write = log_write}, .http_new = door_new, .clock = clock_now};
    struct wf_err err = WF_ERR_INIT;
    if (wf_context_new(&host, &context, &err) != WF_OK) {
        print_error("%s\n", err.text);
        return -1;
    }
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    wf_context_free(context);
    int status = system(mint_text("rm -rf %s", folder));
    mint_done();
    return status;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rotation),
        cmocka_unit_test(test_afterwards),
    };

    return cmocka_run_group_tests_name("verify_threads", tests, set_up, tear_down);
}
