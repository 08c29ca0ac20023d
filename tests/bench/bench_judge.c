/*
 * What judging a token costs, against nothing but its signature on the same machine in the same
 * moment: OpenSSL's EVP_DigestVerifyInit and EVP_DigestVerify with a key that is kept. All that is
 * compared takes turns in short rounds, and the medians of the rounds' ratios are printed, so that
 * neither the machine's mood nor its other users count.
 */
#include "config.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/rsa.h>

#include "bench.h"
#include "conf.h"
#include "judge.h"
#include "verdict.h"

#define ROUNDS 61
/* Verdicts that are kept: a token that comes again after more others than this is new again */
#define POOL (4 * WF_VERDICTS_MAX)
#define THREADS_MAX 8

/* One thing to be judged in turns. */
struct subject {
    struct bench_pool pool;
    EVP_PKEY *key;
    EVP_MD_CTX *ready;
    struct wf_conf *conf;
    const struct wf_policy *policy;
    struct wf_judge *fresh_judge; /* sees every token for the first time */
    struct wf_judge *judge;       /* knows the first token */
    struct wf_context *fresh_context;
    struct wf_context *context;
    struct wf_host host;
    int64_t now;
    size_t at;
};

enum way { RAW, COPIED, JUDGE, VERIFY, JUDGE_AGAIN, VERIFY_AGAIN, WAYS };

static void start_digest(EVP_MD_CTX *ctx, const struct subject *s)
{
    const EVP_MD *digest = s->pool.key == MINT_ED25519 ? NULL : EVP_sha256();
    EVP_PKEY_CTX *inner = NULL;

    bench_need(EVP_DigestVerifyInit(ctx, &inner, digest, NULL, s->key) == 1 &&
                   (s->pool.alg[0] != 'P' ||
                    (EVP_PKEY_CTX_set_rsa_padding(inner, RSA_PKCS1_PSS_PADDING) == 1 &&
                     EVP_PKEY_CTX_set_rsa_pss_saltlen(inner, RSA_PSS_SALTLEN_DIGEST) == 1)),
               "OpenSSL does not begin");
}

static void raw(const struct subject *s, const struct bench_token *token, bool copied)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();

    if (copied)
        bench_need(EVP_MD_CTX_copy_ex(ctx, s->ready) == 1, "OpenSSL does not copy");
    else
        start_digest(ctx, s);
    bench_need(EVP_DigestVerify(ctx, token->signature, token->signature_len,
                                (const uint8_t *)token->text, token->signed_len) == 1,
               "OpenSSL does not verify");
    EVP_MD_CTX_free(ctx);
}

static void judge(const struct subject *s, struct wf_judge *with, const struct bench_token *token)
{
    struct wf_verdict *verdict = NULL;
    struct wf_err err = WF_ERR_INIT;

    if (wf_judge_token(with, s->policy, NULL, token->text, token->len, s->now, &verdict, &err) !=
        WF_OK)
        bench_need(false, err.text);
    wf_verdict_unref(verdict);
}

/* Seconds for n tokens from number `first` on, one way. */
static double lap(struct subject *s, enum way way, size_t first, size_t n)
{
    double start = bench_thread_seconds();

    for (size_t i = 0; i < n; i++) {
        const struct bench_token *token = &s->pool.tokens[(first + i) % s->pool.count];
        switch (way) {
        case RAW:
        case COPIED:
            raw(s, token, way == COPIED);
            break;
        case JUDGE:
            judge(s, s->fresh_judge, token);
            break;
        case VERIFY:
            bench_verify(s->fresh_context, token);
            break;
        case JUDGE_AGAIN:
            judge(s, s->judge, &s->pool.tokens[0]);
            break;
        case VERIFY_AGAIN:
            bench_verify(s->context, &s->pool.tokens[0]);
            break;
        case WAYS:
            break;
        }
    }
    return bench_thread_seconds() - start;
}

static void subject_init(struct subject *s, const char *alg, enum mint_key key, size_t bytes,
                         size_t keys, size_t count)
{
    struct wf_err err = WF_ERR_INIT;

    *s = (struct subject){.now = time(NULL)};
    bench_pool_init(&s->pool, alg, key, bytes, count);
    s->key = mint_key(key);
    s->ready = EVP_MD_CTX_new();
    start_digest(s->ready, s);
    s->fresh_context = bench_context(key, keys);
    s->context = bench_context(key, keys);
    s->host = bench_host(bench_path("wfauth.conf"));
    bench_need(wf_conf_load(s->host.config, NULL, NULL, &s->conf, &err) == WF_OK &&
                   wf_conf_policy(s->conf, "imap", &s->policy, &err) == WF_OK,
               err.text);
    const struct wf_judge_host host = {s->conf, &s->host.log, NULL};
    bench_need(wf_judge_new(&host, &s->fresh_judge, &err) == WF_OK &&
                   wf_judge_new(&host, &s->judge, &err) == WF_OK,
               err.text);
}

static void subject_done(struct subject *s)
{
    wf_judge_free(s->fresh_judge);
    wf_judge_free(s->judge);
    wf_conf_free(s->conf);
    wf_context_free(s->fresh_context);
    wf_context_free(s->context);
    EVP_MD_CTX_free(s->ready);
    bench_pool_done(&s->pool);
}

/* Medians of each way's seconds for one token, and of its ratio to raw in the same round. */
static void measure(struct subject *s, size_t n, double seconds[WAYS], double ratios[WAYS])
{
    static double laps[WAYS][ROUNDS];
    static double relative[WAYS][ROUNDS];

    /* Once round, so that the caches are full */
    (void)lap(s, JUDGE, 0, s->pool.count);
    (void)lap(s, VERIFY, 0, s->pool.count);
    (void)lap(s, JUDGE_AGAIN, 0, 1);
    (void)lap(s, VERIFY_AGAIN, 0, 1);
    for (size_t round = 0; round < ROUNDS; round++) {
        for (enum way way = RAW; way < WAYS; way++) {
            laps[way][round] = lap(s, way, s->at, n) / (double)n;
            relative[way][round] = laps[way][round] / laps[RAW][round];
        }
        s->at += n;
    }
    for (enum way way = RAW; way < WAYS; way++) {
        seconds[way] = bench_median(laps[way], ROUNDS);
        ratios[way] = bench_median(relative[way], ROUNDS);
    }
}

static enum mint_key key_of(const char *alg)
{
    return alg[0] == 'R' || alg[0] == 'P' ? MINT_RSA
           : strcmp(alg, "ES256") == 0    ? MINT_P256
                                          : MINT_ED25519;
}

static void row(const char *alg, size_t bytes, size_t keys)
{
    struct subject s;
    double seconds[WAYS];
    double ratios[WAYS];

    subject_init(&s, alg, key_of(alg), bytes, keys, POOL);
    measure(&s, 48, seconds, ratios);
    printf("%-6s %6zu %5zu %9.0f %8.1f %8.2f | %7.2f %7.2f | %7.3f %7.3f\n", alg,
           s.pool.tokens[0].len, keys, 1 / seconds[RAW], seconds[RAW] * 1e6, ratios[COPIED],
           ratios[JUDGE], ratios[VERIFY], ratios[JUDGE_AGAIN], ratios[VERIFY_AGAIN]);
    (void)fflush(stdout);
    subject_done(&s);
}

static void print_ratios(void)
{
    static const struct {
        const char *alg;
        size_t bytes;
        size_t keys;
    } rows[] = {
        {"RS256", 900, 1},  {"PS256", 900, 1},  {"ES256", 900, 1},  {"EdDSA", 900, 1},
        {"ES256", 500, 1},  {"RS256", 700, 1},  {"RS256", 2048, 1}, {"RS256", 4096, 1},
        {"RS256", 8192, 1}, {"RS256", 900, 10}, {"RS256", 900, 100},
    };

    printf("One thread, processor time; ratios to raw (EVP_DigestVerifyInit and EVP_DigestVerify, "
           "key kept).\n"
           "Wanted for RS256 of 900 bytes: unseen at most 1.5, seen at most 0.15.\n\n"
           "                                                  | unseen token    | seen token\n"
           "alg     bytes  keys     raw/s   raw us   copied |   judge  verify |   judge  verify\n");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        row(rows[i].alg, rows[i].bytes, rows[i].keys);
}

/* Distinct tokens in turns through one context. What memory does not hold is minted piece by piece
 * while nobody looks at the clock, and judged once. */
static void print_many(size_t most)
{
    enum { PIECE = 1000 };
    struct bench_pool pool;

    printf("\nDistinct tokens in turns through one context, which remembers %d (ES256, 900 bytes):\n"
           "   distinct     judged   per s of CPU   resident MB\n",
           WF_VERDICTS_MAX);
    bench_pool_init(&pool, "ES256", MINT_P256, 900, PIECE);
    for (size_t distinct = 1; distinct <= most; distinct *= 10) {
        struct wf_context *context = bench_context(MINT_P256, 1);
        size_t tokens = distinct <= PIECE ? 20 * PIECE : distinct;
        double spent = 0;
        for (size_t done = 0; done < tokens;) {
            size_t n = distinct < PIECE ? distinct : PIECE;
            for (size_t i = 0; distinct > PIECE && i < n; i++)
                bench_pool_mint(&pool, i, done + i);
            double start = bench_thread_seconds();
            for (size_t i = 0; i < n; i++)
                bench_verify(context, &pool.tokens[i]);
            spent += bench_thread_seconds() - start;
            done += n;
        }
        printf("%11zu %10zu %14.0f %13.1f\n", distinct, tokens, (double)tokens / spent,
               (double)bench_resident() / 1e6);
        (void)fflush(stdout);
        wf_context_free(context);
    }
    bench_pool_done(&pool);
}

/* One of several threads on one context. */
struct worker {
    struct wf_context *context;
    const struct bench_pool *pool;
    size_t first;
    size_t count;
    bool again; /* always the first of them */
    double cpu;
};

/* What came of several. */
struct crew {
    double rate; /* tokens a second by the clock on the wall */
    double cpu;  /* seconds of processor time for a token */
};

static void *work(void *arg)
{
    struct worker *w = arg;
    double start = bench_thread_seconds();

    for (size_t i = 0; i < w->count; i++)
        bench_verify(w->context,
                     &w->pool->tokens[(w->first + (w->again ? 0 : i)) % w->pool->count]);
    w->cpu = bench_thread_seconds() - start;
    return NULL;
}

static struct crew run_threads(struct wf_context *context, const struct bench_pool *pool, size_t n,
                               size_t count, bool again)
{
    struct worker workers[THREADS_MAX];
    pthread_t threads[THREADS_MAX];
    static size_t first;
    double start = bench_wall_seconds();
    double cpu = 0;

    for (size_t i = 0; i < n; i++) {
        workers[i] = (struct worker){context, pool, first, count, again, 0};
        first += count + 1;
        bench_need(pthread_create(&threads[i], NULL, work, &workers[i]) == 0, "no thread");
    }
    for (size_t i = 0; i < n; i++) {
        bench_need(pthread_join(threads[i], NULL) == 0, "no thread");
        cpu += workers[i].cpu;
    }
    return (struct crew){.rate = (double)(n * count) / (bench_wall_seconds() - start),
                         .cpu = cpu / (double)(n * count)};
}

static void print_threads(void)
{
    enum { TIMES = 9, KINDS = 2 };
    static double rate[KINDS][THREADS_MAX + 1][TIMES];
    static double cpu[KINDS][THREADS_MAX + 1][TIMES];
    struct bench_pool pool;

    bench_pool_init(&pool, "RS256", MINT_RSA, 900, POOL);
    struct wf_context *context = bench_context(MINT_RSA, 1);
    (void)run_threads(context, &pool, 1, POOL, false);
    for (size_t round = 0; round < TIMES; round++) {
        for (size_t n = 1; n <= THREADS_MAX; n *= 2) {
            for (size_t seen = 0; seen < KINDS; seen++) {
                size_t count = (seen == 1 ? 32768 : 2048) / n;
                struct crew crew = run_threads(context, &pool, n, count, seen == 1);
                rate[seen][n][round] = crew.rate;
                cpu[seen][n][round] = crew.cpu * 1e6;
            }
        }
    }
    printf("\nThreads on one context (RS256, 900 bytes), %ld cores: by the clock on the wall, and "
           "in processor\ntime, which other users of the machine do not change.\n\n"
           "          | unseen tokens                 | each its own token again\n"
           "  threads |      /s  per thread   us CPU  |      /s  per thread   us CPU\n",
           sysconf(_SC_NPROCESSORS_ONLN));
    for (size_t n = 1; n <= THREADS_MAX; n *= 2) {
        printf("%9zu", n);
        for (size_t seen = 0; seen < KINDS; seen++) {
            double r = bench_median(rate[seen][n], TIMES);
            printf(" | %7.0f %11.0f %8.2f%s", r, r / (double)n, bench_median(cpu[seen][n], TIMES),
                   seen == 0 ? " " : "\n");
        }
    }
    wf_context_free(context);
    bench_pool_done(&pool);
}

int main(int argc, char **argv)
{
    const char *which = argc > 1 ? argv[1] : "ratios";

    if (strcmp(which, "ratios") == 0) {
        print_ratios();
    } else if (strcmp(which, "many") == 0) {
        print_many(argc > 2 ? strtoul(argv[2], NULL, 10) : 1000000);
    } else if (strcmp(which, "threads") == 0) {
        print_threads();
    } else if (strcmp(which, "row") == 0 && argc == 5) {
        row(argv[2], strtoul(argv[3], NULL, 10), strtoul(argv[4], NULL, 10));
    } else {
        (void)fprintf(stderr, "usage: bench_judge [ratios | many [MOST] | threads | "
                              "row ALG BYTES KEYS]\n");
    }
    bench_folder_remove();
    mint_done();
    return 0;
}
