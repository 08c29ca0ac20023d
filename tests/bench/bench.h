/*
 * What the benchmarks share: clocks, medians, a pool of signed tokens and a folder with a
 * configuration. A failure of any of it ends the program: a benchmark of something else than it
 * says is worse than none.
 */
#ifndef WF_BENCH_H
#define WF_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mint.h"
#include "wfauth.h"

/* Where tokens come from; set it before the first one is made. */
extern const char *bench_issuer;
/* Tokens name it as their key */
#define BENCH_KID "T0kYr5cBbW2zD1oXbYyQ1m4mRkM7JvXh3b0q5uS6w8E"

/* End the program, saying what was needed, unless the condition holds. */
void bench_need(bool condition, const char *what);

/* Seconds of processor time of this thread: others who use the machine do not count. */
double bench_thread_seconds(void);
/* Seconds by the clock on the wall. */
double bench_wall_seconds(void);
/* Sorts the values. */
double bench_median(double *values, size_t n);
/* Bytes of this process that lie in memory. */
size_t bench_resident(void);

/* A token, and what remains of it for OpenSSL alone. Texts end in NUL. */
struct bench_token {
    char *text;
    size_t len;
    size_t signed_len;     /* header '.' payload */
    uint8_t signature[512]; /* as OpenSSL takes it */
    size_t signature_len;
};

struct bench_pool {
    const char *alg;
    enum mint_key key;
    const char *header; /* the JSON text */
    size_t wanted;      /* bytes of a token; the least that a token needs counts where it is less */
    struct bench_token *tokens;
    size_t count;
};

/* Make `count` tokens, all different. bench_pool_done. */
void bench_pool_init(struct bench_pool *pool, const char *alg, enum mint_key key, size_t wanted,
                     size_t count);
void bench_pool_done(struct bench_pool *pool);
/* Make place i a token whose jti has this number. One thread. */
void bench_pool_mint(struct bench_pool *pool, size_t i, uint64_t number);

/* A folder of this process's, private; removed at the end with what bench_write wrote. */
const char *bench_folder(void);
/* "FOLDER/NAME", kept. */
const char *bench_path(const char *name);
void bench_write(const char *name, const char *text);
void bench_folder_remove(void);

/* {"keys":[…]} with the pool's key as the last of `count`; the others have its numbers, but other
 * names. Kept. */
const char *bench_jwks(enum mint_key key, size_t count);
/* A configuration with one provider, whose further lines are given. Kept. */
const char *bench_config(const char *provider_lines, const char *service_lines);

/* A host that logs to nowhere, though each line is formatted. */
struct wf_host bench_host(const char *config);
/* A context with so many keys in its set. wf_context_free. */
struct wf_context *bench_context(enum mint_key key, size_t keys);
/* Have a token judged, and need it to be accepted. */
void bench_verify(struct wf_context *context, const struct bench_token *token);

#endif
