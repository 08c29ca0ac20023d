#include "config.h"

#include "qr.h"

#ifdef HAVE_QRENCODE

#include <qrencode.h>

/* Light modules around the code. The standard asks for four; readers do with two, and the lines
 * of a terminal are short. */
#define QUIET 2
/* The longest address of a code of WF_QR_SIDE_MAX modules has 458 bytes: version 14 of level L
 * has 73 modules a side. */
#define ADDRESS_MAX 1000
/* The longest text of such a code: ASCII, 80 lines of 160 bytes and a newline */
#define TEXT_MAX ((size_t)WF_QR_SIDE_MAX * (2 * WF_QR_SIDE_MAX + 1))

static bool is_light(const QRcode *code, int x, int y)
{
    if (x < 0 || y < 0 || x >= code->width || y >= code->width)
        return true;
    return (code->data[y * code->width + x] & 1) == 0;
}

/* Two rows of modules a line. The number of rows is odd: the last line has its upper half only. */
static void append_utf8(struct wf_buf *text, const QRcode *code)
{
    static const char *const blocks[2][2] = {{" ", "▄"}, {"▀", "█"}}; /* [upper][lower] */
    int end = code->width + QUIET;

    for (int y = -QUIET; y < end; y += 2) {
        for (int x = -QUIET; x < end; x++) {
            bool upper = is_light(code, x, y);
            bool lower = y + 1 < end && is_light(code, x, y + 1);
            wf_buf_append_text(text, blocks[upper][lower]);
        }
        wf_buf_append_byte(text, '\n');
    }
}

static void append_ascii(struct wf_buf *text, const QRcode *code)
{
    int end = code->width + QUIET;

    for (int y = -QUIET; y < end; y++) {
        for (int x = -QUIET; x < end; x++)
            wf_buf_append_text(text, is_light(code, x, y) ? "##" : "  ");
        wf_buf_append_byte(text, '\n');
    }
}

/* New, QRcode_free; NULL on failure. Level L: a screen has no stains, and the code is smallest. */
static QRcode *encode(struct wf_span address)
{
    QRcode *code = NULL;
    struct wf_buf text = WF_BUF_INIT(ADDRESS_MAX);

    wf_buf_append(&text, address.ptr, address.len);
    const char *borrowed = wf_buf_text_borrow(&text);
    if (borrowed != NULL && wf_text_is_printable(borrowed, text.len))
        code = QRcode_encodeString(borrowed, 0, QR_ECLEVEL_L, QR_MODE_8, 1);
    wf_buf_done(&text);
    return code;
}

bool wf_qr_append(struct wf_buf *out, struct wf_span address, bool utf8)
{
    bool done = false;
    struct wf_buf text = WF_BUF_INIT(TEXT_MAX);
    QRcode *code = encode(address);

    if (code == NULL || code->width + 2 * QUIET > WF_QR_SIDE_MAX)
        goto out;
    if (utf8)
        append_utf8(&text, code);
    else
        append_ascii(&text, code);
    /* A code is welcome, not needed: without room for it, out stays as it was and usable */
    if (!wf_buf_ok(&text) || text.len > out->max - out->len)
        goto out;
    wf_buf_append(out, text.data, text.len);
    done = wf_buf_ok(out);
out:
    wf_buf_done(&text);
    QRcode_free(code);
    return done;
}

#else

bool wf_qr_append(struct wf_buf *out, struct wf_span address, bool utf8)
{
    (void)out;
    (void)address;
    (void)utf8;
    return false;
}

#endif
