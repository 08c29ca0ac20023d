#include "config.h"

#include "buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The first allocation: most of what we hold is smaller. */
#define FIRST_SIZE 256

void wf_buf_reset(struct wf_buf *buf)
{
    if (buf->data != NULL)
        explicit_bzero(buf->data, buf->size);
    buf->len = 0;
    buf->failed = false;
}

void wf_buf_done(struct wf_buf *buf)
{
    if (buf == NULL)
        return;
    wf_buf_reset(buf);
    free(buf->data);
    buf->data = NULL;
    buf->size = 0;
}

/* Grow by a new block, copy, wipe, free: realloc would leave a copy behind. On failure nothing
 * changed. */
static bool grow(struct wf_buf *buf, size_t need)
{
    size_t size = buf->size == 0 ? FIRST_SIZE : buf->size;

    while (size < need)
        size = size > SIZE_MAX / 2 ? need : size * 2;
    uint8_t *data = malloc(size);
    if (data == NULL)
        return false;
    if (buf->data != NULL) {
        memcpy(data, buf->data, buf->len);
        explicit_bzero(buf->data, buf->size);
        free(buf->data);
    }
    buf->data = data;
    buf->size = size;
    return true;
}

uint8_t *wf_buf_room(struct wf_buf *buf, size_t len)
{
    if (buf->failed)
        return NULL;
    /* One byte more than counted, for the NUL that wf_buf_text_borrow() sets */
    if (len > buf->max - buf->len || len > SIZE_MAX - 1 - buf->len ||
        (buf->len + len + 1 > buf->size && !grow(buf, buf->len + len + 1))) {
        buf->failed = true;
        return NULL;
    }
    return buf->data + buf->len;
}

void wf_buf_added(struct wf_buf *buf, size_t len)
{
    /* The block may be larger than the maximum, so both bounds count */
    if (buf->failed || buf->size == 0 || len > buf->size - 1 - buf->len ||
        len > buf->max - buf->len)
        buf->failed = true;
    else
        buf->len += len;
}

void wf_buf_append(struct wf_buf *buf, const void *data, size_t len)
{
    uint8_t *room = wf_buf_room(buf, len);

    if (room == NULL)
        return;
    if (len > 0)
        memcpy(room, data, len);
    buf->len += len;
}

void wf_buf_append_text(struct wf_buf *buf, const char *text)
{
    wf_buf_append(buf, text, strlen(text));
}

void wf_buf_append_byte(struct wf_buf *buf, uint8_t byte)
{
    wf_buf_append(buf, &byte, 1);
}

void wf_buf_append_format(struct wf_buf *buf, const char *fmt, ...)
{
    char text[1024];
    va_list args;

    va_start(args, fmt);
    int n = vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    if (n < 0 || (size_t)n >= sizeof(text))
        buf->failed = true;
    else
        wf_buf_append(buf, text, (size_t)n);
}

bool wf_buf_ok(const struct wf_buf *buf)
{
    return !buf->failed;
}

const char *wf_buf_text_borrow(struct wf_buf *buf)
{
    uint8_t *end = wf_buf_room(buf, 0);

    if (end == NULL)
        return NULL;
    *end = '\0';
    return (const char *)buf->data;
}

char *wf_buf_steal(struct wf_buf *buf, size_t *ret_len)
{
    if (wf_buf_text_borrow(buf) == NULL)
        return NULL;
    char *data = (char *)buf->data;
    if (ret_len != NULL)
        *ret_len = buf->len;
    buf->data = NULL;
    buf->len = 0;
    buf->size = 0;
    return data;
}
