#include "config.h"

#include "base64.h"

#include <string.h>

static const char url_alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
static const char classic_alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static void encode(struct wf_buf *out, const uint8_t *in, size_t len, const char *alphabet,
                   bool padded)
{
    for (size_t i = 0; i < len; i += 3) {
        size_t left = len - i;
        uint32_t group = (uint32_t)in[i] << 16;
        if (left > 1)
            group |= (uint32_t)in[i + 1] << 8;
        if (left > 2)
            group |= in[i + 2];
        for (size_t k = 0; k < 4; k++) {
            if (k <= left)
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

/* What each byte stands for: its value, marked as one of the alphabet, or 0 for a foreign byte. By
 * table, since decoding is a tenth of what a token costs if each byte is compared with ranges. */
#define MARK 0x40
#define V(c, value) [c] = MARK | (value)
static const uint8_t values[256] = {
    V('A', 0), V('B', 1), V('C', 2), V('D', 3), V('E', 4), V('F', 5), V('G', 6), V('H', 7),
    V('I', 8), V('J', 9), V('K', 10), V('L', 11), V('M', 12), V('N', 13), V('O', 14), V('P', 15),
    V('Q', 16), V('R', 17), V('S', 18), V('T', 19), V('U', 20), V('V', 21), V('W', 22),
    V('X', 23), V('Y', 24), V('Z', 25), V('a', 26), V('b', 27), V('c', 28), V('d', 29),
    V('e', 30), V('f', 31), V('g', 32), V('h', 33), V('i', 34), V('j', 35), V('k', 36),
    V('l', 37), V('m', 38), V('n', 39), V('o', 40), V('p', 41), V('q', 42), V('r', 43),
    V('s', 44), V('t', 45), V('u', 46), V('v', 47), V('w', 48), V('x', 49), V('y', 50),
    V('z', 51), V('0', 52), V('1', 53), V('2', 54), V('3', 55), V('4', 56), V('5', 57),
    V('6', 58), V('7', 59), V('8', 60), V('9', 61), V('-', 62), V('_', 63),
};
#undef V

static uint8_t value_of(char c)
{
    return values[(unsigned char)c];
}

bool wf_base64url_has_form(const char *text, size_t len)
{
    uint8_t all = MARK;

    for (size_t i = 0; i < len; i++)
        all &= value_of(text[i]);
    return (all & MARK) != 0;
}

/* Four characters to three bytes; the return value lacks MARK if a character is foreign. */
static uint8_t decode_group(const char *text, uint8_t *bytes)
{
    uint8_t a = value_of(text[0]);
    uint8_t b = value_of(text[1]);
    uint8_t c = value_of(text[2]);
    uint8_t d = value_of(text[3]);

    /* Whatever marks do not fit into a byte fall off */
    bytes[0] = (uint8_t)(a << 2 | (b >> 4 & 3));
    bytes[1] = (uint8_t)(b << 4 | (c >> 2 & 15));
    bytes[2] = (uint8_t)(c << 6 | (d & 63));
    return a & b & c & d;
}

/* The last 2 or 3 characters; false for a foreign one or for bits behind the last byte. */
static bool decode_rest(const char *text, size_t n, uint8_t *bytes)
{
    const char group[4] = {text[0], text[1], n == 3 ? text[2] : 'A', 'A'};
    uint8_t three[3];

    if ((decode_group(group, three) & MARK) == 0 || three[2] != 0 || (n == 2 && three[1] != 0))
        return false;
    memcpy(bytes, three, n - 1);
    return true;
}

enum wf_reason wf_base64url_decode(struct wf_buf *out, const char *text, size_t len)
{
    uint8_t all = MARK;
    size_t i = 0;
    size_t bytes = len / 4 * 3 + (len % 4 == 0 ? 0 : len % 4 - 1);
    uint8_t *room;

    if (len % 4 == 1)
        return WF_MALFORMED;
    if (bytes > out->max - out->len)
        return WF_INTERNAL;
    room = wf_buf_room(out, bytes);
    if (room == NULL)
        return WF_INTERNAL;
    for (; i + 4 <= len; i += 4)
        all &= decode_group(text + i, room + i / 4 * 3);
    if ((all & MARK) == 0 || (i < len && !decode_rest(text + i, len - i, room + i / 4 * 3)))
        return WF_MALFORMED;
    wf_buf_added(out, bytes);
    return WF_OK;
}
