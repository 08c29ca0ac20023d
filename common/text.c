#include "config.h"

#include "text.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

/* Bytes of what a format makes, its NUL included: twice the longest line that is kept of it */
#define FORMATTED_MAX 2048

/* Length of the valid UTF-8 character at s (RFC 3629: shortest form, no surrogates, up to
 * U+10FFFF), its value in *ret; 0 if there is none. */
static size_t utf8_decode(const unsigned char *s, size_t len, uint32_t *ret)
{
    static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t need;
    uint32_t value;

    if (s[0] < 0x80) {
        *ret = s[0];
        return 1;
    }
    if ((s[0] & 0xe0) == 0xc0) {
        need = 2;
        value = s[0] & 0x1fU;
    } else if ((s[0] & 0xf0) == 0xe0) {
        need = 3;
        value = s[0] & 0x0fU;
    } else if ((s[0] & 0xf8) == 0xf0) {
        need = 4;
        value = s[0] & 0x07U;
    } else {
        return 0;
    }
    if (need > len)
        return 0;
    for (size_t i = 1; i < need; i++) {
        if ((s[i] & 0xc0) != 0x80)
            return 0;
        value = value << 6 | (s[i] & 0x3fU);
    }
    if (value < smallest[need] || value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff))
        return 0;
    *ret = value;
    return need;
}

/* Characters that act on a terminal or hide and reorder what a person reads. */
static bool is_harmful(uint32_t c)
{
    static const struct {
        uint32_t first;
        uint32_t last;
    } ranges[] = {
        {0x00, 0x1f},       /* C0 */
        {0x7f, 0x9f},       /* DEL, C1 */
        {0xad, 0xad},       /* soft hyphen */
        {0x61c, 0x61c},     /* Arabic letter mark */
        {0x180e, 0x180e},   /* Mongolian vowel separator: no width */
        {0x200b, 0x200f},   /* no width; directional marks */
        {0x2028, 0x202e},   /* line and paragraph separator; directional overrides */
        {0x2060, 0x2069},   /* word joiner; directional isolates */
        {0xfeff, 0xfeff},   /* byte order mark */
        {0xe0000, 0xe007f}, /* tags: a whole ASCII text that nobody sees */
    };

    for (size_t i = 0; i < WF_ARRAY_LEN(ranges); i++) {
        if (c >= ranges[i].first && c <= ranges[i].last)
            return true;
    }
    return false;
}

/* Length of the harmless character at s, or 0. */
static size_t clean_char(const char *s, size_t len)
{
    uint32_t c;
    size_t n = utf8_decode((const unsigned char *)s, len, &c);

    return n != 0 && is_harmful(c) ? 0 : n;
}

/* Bytes of the character at s whether or not it is harmless: what one '?' stands for. */
static size_t char_length(const char *s, size_t len)
{
    uint32_t c;
    size_t n = utf8_decode((const unsigned char *)s, len, &c);

    return n == 0 ? 1 : n;
}

void wf_text_sanitise(char *dst, size_t size, const char *src, size_t len)
{
    size_t out = 0;
    size_t in = 0;

    while (in < len) {
        if (src[in] >= 0x20 && src[in] < 0x7f) { /* the short way for nearly all there is */
            if (out == size - 1)
                break;
            dst[out++] = src[in++];
            continue;
        }
        size_t n = clean_char(src + in, len - in);
        size_t width = n == 0 ? 1 : n;
        if (width > size - 1 - out)
            break;
        if (n == 0)
            dst[out] = '?';
        else
            memcpy(dst + out, src + in, n);
        out += width;
        in += char_length(src + in, len - in);
    }
    dst[out] = '\0';
}

void wf_text_format(char *dst, size_t size, const char *fmt, va_list args)
{
    /* Room for foreign bytes that are replaced by fewer */
    char raw[FORMATTED_MAX];
    int n = vsnprintf(raw, sizeof(raw), fmt, args);

    wf_text_sanitise(dst, size, raw, n < 0 ? 0 : strlen(raw));
}

bool wf_text_is_printable(const char *s, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (s[i] < 0x20 || s[i] > 0x7e)
            return false;
    }
    return true;
}

bool wf_text_is_clean(const char *s, size_t len)
{
    size_t n;

    for (size_t i = 0; i < len; i += n) {
        n = clean_char(s + i, len - i);
        if (n == 0)
            return false;
    }
    return true;
}

bool wf_text_is_utf8(const char *s, size_t len)
{
    uint32_t c;
    size_t n;

    for (size_t i = 0; i < len; i += n) {
        n = (unsigned char)s[i] < 0x80 ? 1 : utf8_decode((const unsigned char *)s + i, len - i, &c);
        if (n == 0)
            return false;
    }
    return true;
}

static bool is_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

struct wf_span wf_text_trim(const char *s, size_t len)
{
    while (len > 0 && is_blank(s[0])) {
        s++;
        len--;
    }
    while (len > 0 && is_blank(s[len - 1]))
        len--;
    return (struct wf_span){s, len};
}

static char fold(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

void wf_text_fold(char *s, size_t len)
{
    for (size_t i = 0; i < len; i++)
        s[i] = fold(s[i]);
}

bool wf_span_equals(struct wf_span span, const char *word)
{
    return span.len == strlen(word) && (span.len == 0 || memcmp(span.ptr, word, span.len) == 0);
}

bool wf_span_equals_fold(struct wf_span span, const char *word)
{
    if (span.len != strlen(word))
        return false;
    for (size_t i = 0; i < span.len; i++) {
        if (fold(span.ptr[i]) != fold(word[i]))
            return false;
    }
    return true;
}

bool wf_text_number(struct wf_span span, uint64_t min, uint64_t max, uint64_t *ret)
{
    uint64_t value = 0;

    if (span.len == 0 || (span.len > 1 && span.ptr[0] == '0'))
        return false;
    for (size_t i = 0; i < span.len; i++) {
        if (span.ptr[i] < '0' || span.ptr[i] > '9')
            return false;
        uint64_t digit = (uint64_t)(span.ptr[i] - '0');
        if (value > (UINT64_MAX - digit) / 10)
            return false;
        value = value * 10 + digit;
    }
    if (value < min || value > max)
        return false;
    *ret = value;
    return true;
}

bool wf_text_duration(struct wf_span span, uint64_t min, uint64_t max, uint64_t *ret)
{
    static const struct {
        char unit;
        uint64_t seconds;
    } units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
    uint64_t factor = 1;
    uint64_t value;

    for (size_t i = 0; span.len > 0 && i < WF_ARRAY_LEN(units); i++) {
        if (span.ptr[span.len - 1] == units[i].unit) {
            factor = units[i].seconds;
            span.len--;
            break;
        }
    }
    if (!wf_text_number(span, 0, UINT64_MAX / factor, &value))
        return false;
    value *= factor;
    if (value < min || value > max)
        return false;
    *ret = value;
    return true;
}

bool wf_text_next(struct wf_span *rest, char separator, struct wf_span *ret_field)
{
    if (rest->ptr == NULL)
        return false;
    const char *end = rest->len == 0 ? NULL : memchr(rest->ptr, separator, rest->len);
    size_t len = end == NULL ? rest->len : (size_t)(end - rest->ptr);
    *ret_field = wf_text_trim(rest->ptr, len);
    if (end == NULL)
        *rest = (struct wf_span){NULL, 0};
    else
        *rest = (struct wf_span){end + 1, rest->len - len - 1};
    return true;
}

bool wf_text_split_claim(struct wf_span item, struct wf_span *ret_claim, struct wf_span *ret_value)
{
    for (size_t i = 0; i < item.len; i++) {
        const char *behind = item.ptr + i + 1;
        size_t left = item.len - i - 1;
        if (item.ptr[i] != ':' || (left >= 2 && behind[0] == '/' && behind[1] == '/'))
            continue;
        *ret_claim = (struct wf_span){item.ptr, i};
        *ret_value = (struct wf_span){behind, left};
        return true;
    }
    return false;
}

static pthread_once_t locale_once = PTHREAD_ONCE_INIT;
static locale_t c_locale;

static void make_locale(void)
{
    c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
}

locale_t wf_text_locale(void)
{
    return pthread_once(&locale_once, make_locale) == 0 ? c_locale : (locale_t)0;
}
