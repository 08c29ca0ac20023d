#include "config.h"

#include "text.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void *sb_alloc(size_t bytes)
{
    void *p = calloc(1, bytes ? bytes : 1);
    if (!p) {
        fputs("wfauth-sandbox: out of memory\n", stderr);
        exit(1);
    }
    return p;
}

char *sb_dupn(const char *bytes, size_t n)
{
    char *copy = sb_alloc(n + 1);
    if (n)
        memcpy(copy, bytes, n);
    return copy;
}

char *sb_dup(const char *text)
{
    return text ? sb_dupn(text, strlen(text)) : NULL;
}

__attribute__((format(printf, 1, 0))) static char *format_va(const char *format, va_list args)
{
    char *text = NULL;
    if (vasprintf(&text, format, args) < 0) {
        fputs("wfauth-sandbox: out of memory\n", stderr);
        exit(1);
    }
    return text;
}

char *sb_format(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char *text = format_va(format, args);
    va_end(args);
    return text;
}

void sb_str_addn(struct sb_str *s, const char *bytes, size_t n)
{
    if (n > SIZE_MAX / 4 - s->len) {
        fputs("wfauth-sandbox: text too long\n", stderr);
        exit(1);
    }
    if (s->len + n + 1 > s->size) {
        size_t size = (s->len + n + 1) * 2;
        char *grown = sb_alloc(size);
        if (s->len)
            memcpy(grown, s->at, s->len);
        free(s->at);
        s->at = grown;
        s->size = size;
    }
    if (n)
        memcpy(s->at + s->len, bytes, n);
    s->len += n;
    s->at[s->len] = '\0';
}

void sb_str_add(struct sb_str *s, const char *text)
{
    sb_str_addn(s, text, strlen(text));
}

void sb_str_addf(struct sb_str *s, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char *text = format_va(format, args);
    va_end(args);
    sb_str_add(s, text);
    free(text);
}

/* The entity for one byte, NULL when the byte may stand as it is. */
static const char *html_entity(char c)
{
    switch (c) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\'':
        return "&#39;";
    default:
        return NULL;
    }
}

static bool is_control(const char *at, size_t width)
{
    unsigned char c = (unsigned char)at[0];
    if (width == 1)
        return c < 0x20 || c == 0x7f;
    /* C1 controls, U+0080..U+009F: some terminals obey them. */
    return width == 2 && c == 0xc2 && (unsigned char)at[1] < 0xa0;
}

void sb_str_html(struct sb_str *s, const char *bytes, size_t n)
{
    size_t width = 0;
    for (size_t i = 0; i < n; i += width) {
        width = sb_utf8_char(bytes + i, n - i);
        const char *entity = width == 1 ? html_entity(bytes[i]) : NULL;
        if (!width || is_control(bytes + i, width)) {
            sb_str_add(s, "\xef\xbf\xbd");
            width = width ? width : 1;
        } else if (entity) {
            sb_str_add(s, entity);
        } else {
            sb_str_addn(s, bytes + i, width);
        }
    }
}

void sb_str_visible(struct sb_str *s, const char *bytes, size_t n)
{
    size_t width = 0;
    for (size_t i = 0; i < n; i += width) {
        width = sb_utf8_char(bytes + i, n - i);
        if (!width || is_control(bytes + i, width)) {
            sb_str_addf(s, "\\x%02x", (unsigned)(unsigned char)bytes[i]);
            width = 1;
        } else if (bytes[i] == '\\') {
            sb_str_add(s, "\\\\");
        } else {
            sb_str_addn(s, bytes + i, width);
        }
    }
}

/* RFC 3986 §2.3 unreserved characters, the ones that every decoder leaves alone. */
static bool is_unreserved(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

static void add_encoded(struct sb_str *s, const char *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (is_unreserved(bytes[i]))
            sb_str_addn(s, bytes + i, 1);
        else
            sb_str_addf(s, "%%%02X", (unsigned)(unsigned char)bytes[i]);
    }
}

void sb_str_param(struct sb_str *s, const char *name, const char *value, size_t n)
{
    char last = s->len ? s->at[s->len - 1] : '&';
    if (last != '?' && last != '&')
        sb_str_add(s, "&");
    add_encoded(s, name, strlen(name));
    sb_str_add(s, "=");
    add_encoded(s, value, n);
}

const char *sb_str_text(const struct sb_str *s)
{
    return s->at ? s->at : "";
}

char *sb_str_steal(struct sb_str *s)
{
    char *text = s->at ? s->at : sb_dupn("", 0);
    *s = (struct sb_str){0};
    return text;
}

void sb_str_done(struct sb_str *s)
{
    free(s->at);
    *s = (struct sb_str){0};
}

size_t sb_utf8_char(const char *bytes, size_t n)
{
    const unsigned char *b = (const unsigned char *)bytes;
    if (n == 0)
        return 0;
    if (b[0] < 0x80)
        return 1;
    size_t width = b[0] >= 0xf0 ? 4 : b[0] >= 0xe0 ? 3 : 2;
    if (b[0] < 0xc2 || b[0] > 0xf4 || n < width)
        return 0;
    for (size_t i = 1; i < width; i++) {
        if ((b[i] & 0xc0) != 0x80)
            return 0;
    }
    /* The second byte decides about overlong forms, surrogates and the upper end. */
    if ((b[0] == 0xe0 && b[1] < 0xa0) || (b[0] == 0xed && b[1] > 0x9f) ||
        (b[0] == 0xf0 && b[1] < 0x90) || (b[0] == 0xf4 && b[1] > 0x8f))
        return 0;
    return width;
}

bool sb_utf8(const char *bytes, size_t n)
{
    for (size_t i = 0; i < n;) {
        size_t width = sb_utf8_char(bytes + i, n - i);
        if (!width)
            return false;
        i += width;
    }
    return true;
}

bool sb_has_control(const char *text)
{
    for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
        if (*c < 0x20 || *c == 0x7f)
            return true;
    }
    return false;
}

int sb_hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

char *sb_form_decode(const char *bytes, size_t n)
{
    char *out = sb_alloc(n + 1);
    size_t used = 0;
    for (size_t i = 0; i < n; i++) {
        char c = bytes[i] == '+' ? ' ' : bytes[i];
        if (c == '%') {
            int high = n - i > 2 ? sb_hex_digit(bytes[i + 1]) : -1;
            int low = n - i > 2 ? sb_hex_digit(bytes[i + 2]) : -1;
            if (high < 0 || low < 0) {
                free(out);
                return NULL;
            }
            c = (char)(high * 16 + low);
            i += 2;
        }
        if (!c) {
            free(out);
            return NULL;
        }
        out[used++] = c;
    }
    return out;
}

bool sb_number(const char *text, long long min, long long max, long long *ret)
{
    long long value = 0;
    if (!text || !*text)
        return false;
    for (const char *c = text; *c; c++) {
        if (*c < '0' || *c > '9' || value > (max - (*c - '0')) / 10)
            return false;
        value = value * 10 + (*c - '0');
    }
    if (value < min)
        return false;
    *ret = value;
    return true;
}
