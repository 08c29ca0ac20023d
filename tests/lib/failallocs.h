/*
 * The same with every allocation that the core asks for by itself: link the test with
 * -Wl,--wrap=malloc,--wrap=calloc,--wrap=strdup,--wrap=strndup.
 */
#ifndef WF_TEST_FAILALLOCS_H
#define WF_TEST_FAILALLOCS_H

#include "failalloc.h"

void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size)
{
    return fail_alloc_now() ? NULL : __real_calloc(n, size);
}

char *__real_strdup(const char *text);
char *__wrap_strdup(const char *text);
char *__wrap_strdup(const char *text)
{
    return fail_alloc_now() ? NULL : __real_strdup(text);
}

char *__real_strndup(const char *text, size_t len);
char *__wrap_strndup(const char *text, size_t len);
char *__wrap_strndup(const char *text, size_t len)
{
    return fail_alloc_now() ? NULL : __real_strndup(text, len);
}

#endif
