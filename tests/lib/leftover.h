/*
 * An allocator of the test's own, libraries included: it counts, it fails on demand, and it looks
 * at each block that is given back for secrets that are still in it: the host process lives on, and
 * its next allocation, or a core dump, would find them. One file of a test includes it.
 */
#ifndef WF_TEST_LEFTOVER_H
#define WF_TEST_LEFTOVER_H

#include <malloc.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "macros.h"

/* The sanitizers bring their own allocator, which may not be replaced. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define LEFTOVER_REPLACED 0
#else
#define LEFTOVER_REPLACED 1
#endif

#define LEFTOVER_TAIL 8

/* What is looked for, the test's to set; a NULL or short one is left out. */
static const char *leftover_secrets[12];
/* The one that was found last since leftover_begin; NULL: none was. */
static const char *left_behind;

static bool leftover_watching;
static unsigned long leftover_calls;
static unsigned long leftover_from; /* 0: never */
static unsigned long leftover_to;
static long leftover_blocks;

/* From now on allocations from..to fail (from 0: none does), and all are counted. */
static void leftover_begin(unsigned long from, unsigned long to)
{
    leftover_calls = 0;
    leftover_blocks = 0;
    leftover_from = from;
    leftover_to = to;
    left_behind = NULL;
    leftover_watching = true;
}

/* Then leftover_calls allocations were made, and leftover_blocks are still held. */
static void leftover_end(void)
{
    leftover_watching = false;
}

#if LEFTOVER_REPLACED
/* Seen by the libraries too */
#define LEFTOVER_SHARED __attribute__((visibility("default")))
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void __libc_free(void *ptr);

static bool leftover_fails(void)
{
    if (!leftover_watching)
        return false;
    leftover_calls++;
    return leftover_from != 0 && leftover_calls >= leftover_from && leftover_calls <= leftover_to;
}

static void leftover_inspect(const void *ptr)
{
    for (size_t i = 0; i < WF_ARRAY_LEN(leftover_secrets); i++) {
        const char *secret = leftover_secrets[i];
        /* The end of one: what came later in the same block may have overwritten its beginning */
        size_t len = secret == NULL ? 0 : strlen(secret);
        if (len >= LEFTOVER_TAIL && memmem(ptr, malloc_usable_size((void *)(uintptr_t)ptr),
                                           secret + len - LEFTOVER_TAIL, LEFTOVER_TAIL) != NULL)
            left_behind = secret;
    }
}

LEFTOVER_SHARED void *malloc(size_t size)
{
    void *ptr = leftover_fails() ? NULL : __libc_malloc(size);

    leftover_blocks += leftover_watching && ptr != NULL;
    return ptr;
}

LEFTOVER_SHARED void *calloc(size_t n, size_t size)
{
    void *ptr = leftover_fails() ? NULL : __libc_calloc(n, size);

    leftover_blocks += leftover_watching && ptr != NULL;
    return ptr;
}

LEFTOVER_SHARED void free(void *ptr)
{
    if (ptr != NULL && leftover_watching) {
        leftover_inspect(ptr);
        leftover_blocks--;
    }
    __libc_free(ptr);
}

LEFTOVER_SHARED void *realloc(void *ptr, size_t size)
{
    void *moved = malloc(size);

    if (moved == NULL || ptr == NULL)
        return moved;
    size_t old = malloc_usable_size(ptr);
    memcpy(moved, ptr, old < size ? old : size);
    free(ptr);
    return moved;
}
#endif

#endif
