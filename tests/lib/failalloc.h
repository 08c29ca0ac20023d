/*
 * An allocator that fails on demand. Link the test with -Wl,--wrap=malloc (and calloc, where the
 * code under test uses it): then the core's own calls come here; those inside shared libraries do
 * not.
 */
#ifndef WF_TEST_FAILALLOC_H
#define WF_TEST_FAILALLOC_H

#include <stdbool.h>
#include <stddef.h>

/* The how-manieth call from now fails, once; 0: none does. */
static unsigned fail_alloc_at;

static bool fail_alloc_now(void)
{
    return fail_alloc_at > 0 && --fail_alloc_at == 0;
}

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_malloc(size_t size)
{
    return fail_alloc_now() ? NULL : __real_malloc(size);
}

#endif
