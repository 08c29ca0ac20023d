#include "config.h"

#include "secret.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct wf_secret {
    size_t len;
    char bytes[];
};

#define SECRET_MAX ((size_t)1 << 20)

struct wf_secret *wf_secret_new(const void *data, size_t len)
{
    if (len > SECRET_MAX)
        return NULL;
    struct wf_secret *secret = malloc(sizeof(*secret) + len + 1);
    if (secret == NULL)
        return NULL;
    secret->len = len;
    if (len > 0)
        memcpy(secret->bytes, data, len);
    secret->bytes[len] = '\0';
    return secret;
}

void wf_secret_free(struct wf_secret *secret)
{
    if (secret == NULL)
        return;
    explicit_bzero(secret, sizeof(*secret) + secret->len + 1);
    free(secret);
}

struct wf_span wf_secret_borrow(const struct wf_secret *secret)
{
    if (secret == NULL)
        return (struct wf_span){NULL, 0};
    return (struct wf_span){secret->bytes, secret->len};
}

bool wf_secret_equals_bytes(const void *a, const void *b, size_t len)
{
    const volatile uint8_t *x = a;
    const volatile uint8_t *y = b;
    uint8_t difference = 0;

    for (size_t i = 0; i < len; i++)
        difference |= (uint8_t)(x[i] ^ y[i]);
    return difference == 0;
}

bool wf_secret_equals(const struct wf_secret *a, const struct wf_secret *b)
{
    if (a == NULL || b == NULL || a->len != b->len)
        return false;
    return wf_secret_equals_bytes(a->bytes, b->bytes, a->len);
}
