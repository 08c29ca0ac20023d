#include "config.h"

#include "base64.h"

static const char url_alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
static const char classic_alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static void encode(struct wf_buf *out, const uint8_t *in, size_t len, const char *alphabet,
                   bool padded)
{
    for (size_t i = 0; i < len; i += 3) {
        size_t n = len - i < 3 ? len - i : 3;
        uint32_t group = (uint32_t)in[i] << 16;
        if (n > 1)
            group |= (uint32_t)in[i + 1] << 8;
        if (n > 2)
            group |= in[i + 2];
        for (size_t k = 0; k < 4; k++) {
            if (k <= n)
                wf_buf_append_byte(out, (uint8_t)alphabet[group >> (18 - 6 * k) & 63]);
            else if (padded)
                wf_buf_append_byte(out, '=');
        }
    }
}

void wf_base64url_encode(struct wf_buf *out, const void *data, size_t len)
{
    encode(out, data, len, url_alphabet, false);
}

void wf_base64_encode(struct wf_buf *out, const void *data, size_t len)
{
    encode(out, data, len, classic_alphabet, true);
}

/* 0..63, or 64 for a byte outside the alphabet */
static uint32_t value_of(char c)
{
    if (c >= 'A' && c <= 'Z')
        return (uint32_t)(c - 'A');
    if (c >= 'a' && c <= 'z')
        return (uint32_t)(c - 'a') + 26;
    if (c >= '0' && c <= '9')
        return (uint32_t)(c - '0') + 52;
    if (c == '-')
        return 62;
    return c == '_' ? 63 : 64;
}

/* Decode up to four characters to up to three bytes; false for a foreign character or for bits
 * behind the last byte. */
static bool decode_group(const char *text, size_t n, uint8_t *bytes)
{
    uint32_t group = 0;

    for (size_t k = 0; k < 4; k++) {
        uint32_t value = k < n ? value_of(text[k]) : 0;
        if (value > 63)
            return false;
        group = group << 6 | value;
    }
    if ((n == 2 && (group & 0xffff) != 0) || (n == 3 && (group & 0xff) != 0))
        return false;
    for (size_t k = 0; k + 1 < n; k++)
        bytes[k] = (uint8_t)(group >> (16 - 8 * k));
    return true;
}

enum wf_reason wf_base64url_decode(struct wf_buf *out, const char *text, size_t len)
{
    enum wf_reason reason = WF_INTERNAL;
    size_t bytes = len / 4 * 3 + (len % 4 == 0 ? 0 : len % 4 - 1);
    uint8_t *room;

    if (len % 4 == 1)
        return WF_MALFORMED;
    if (bytes > out->max - out->len)
        return WF_INTERNAL;
    room = wf_buf_room(out, bytes);
    if (room == NULL)
        return WF_INTERNAL;
    for (size_t i = 0; i < len; i += 4) {
        if (!decode_group(text + i, len - i < 4 ? len - i : 4, room + i / 4 * 3)) {
            reason = WF_MALFORMED;
            goto out;
        }
    }
    wf_buf_added(out, bytes);
    reason = WF_OK;
out:
    return reason;
}
