/*
 * The allocator that fails on demand, for OpenSSL's allocations, too. Link with
 * -Wl,--wrap=malloc,--wrap=calloc; main() calls fail_crypto() before anything else of OpenSSL's.
 */
#ifndef WF_TEST_FAILCRYPTO_H
#define WF_TEST_FAILCRYPTO_H

#include <openssl/crypto.h>
#include <stdlib.h>

#include "failalloc.h"

void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size)
{
    return fail_alloc_now() ? NULL : __real_calloc(n, size);
}

static void *crypto_malloc(size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    return __wrap_malloc(size);
}

static void *crypto_realloc(void *old, size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    return fail_alloc_now() ? NULL : realloc(old, size);
}

static void crypto_free(void *block, const char *file, int line)
{
    (void)file;
    (void)line;
    free(block);
}

static bool fail_crypto(void)
{
    return CRYPTO_set_mem_functions(crypto_malloc, crypto_realloc, crypto_free) == 1;
}

#endif
