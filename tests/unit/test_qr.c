#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "failalloc.h"
#include "qr.h"

#define SPAN(literal) ((struct wf_span){(literal), sizeof(literal) - 1})
#define SIDE_MAX 90
/* Pixels of a module in the picture */
#define SCALE 4

#define ADDRESS                                                                                    \
    "https://acme.my.workfront.com/integrations/oauth2/authorize?client_id=2f1c&response_type="    \
    "code&redirect_uri=https%3A%2F%2Flogin.acme.example%2Fcode&state=4c78821c0000d6fa8d5e52f07a1"  \
    "&code_challenge_method=S256&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"

#ifdef HAVE_QRENCODE

/* The modules that a terminal shows: 'w' where something is drawn, 'b' where not. */
struct picture {
    int width;
    int height;
    char modules[SIDE_MAX][SIDE_MAX];
};

/* Read one character of the text, its halves to *upper and *lower. */
static size_t read_block(const char *text, char *upper, char *lower)
{
    static const struct {
        const char *bytes;
        char upper;
        char lower;
    } blocks[] = {{" ", 'b', 'b'}, {"▀", 'w', 'b'}, {"▄", 'b', 'w'}, {"█", 'w', 'w'}};

    for (size_t i = 0; i < WF_ARRAY_LEN(blocks); i++) {
        if (strncmp(text, blocks[i].bytes, strlen(blocks[i].bytes)) != 0)
            continue;
        *upper = blocks[i].upper;
        *lower = blocks[i].lower;
        return strlen(blocks[i].bytes);
    }
    fail_msg("unknown character in \"%.20s\"", text);
    return 1;
}

static void see_utf8(const char *text, struct picture *picture)
{
    int x = 0;
    int y = 0;

    while (*text != '\0') {
        assert_true(x < SIDE_MAX && y + 1 < SIDE_MAX);
        if (*text == '\n') {
            assert_true(picture->width == 0 || picture->width == x);
            picture->width = x;
            x = 0;
            y += 2;
            text++;
        } else {
            text += read_block(text, &picture->modules[y][x], &picture->modules[y + 1][x]);
            x++;
        }
    }
    assert_int_equal(x, 0);
    /* The lower half of the last line is not drawn, so that it is no light strip of its own */
    for (x = 0; x < picture->width; x++)
        assert_int_equal(picture->modules[y - 1][x], 'b');
    picture->height = y - 1;
}

static void see_ascii(const char *text, struct picture *picture)
{
    int x = 0;
    int y = 0;

    while (*text != '\0') {
        assert_true(x < SIDE_MAX && y < SIDE_MAX);
        if (*text == '\n') {
            assert_true(picture->width == 0 || picture->width == x);
            picture->width = x;
            x = 0;
            y++;
            text++;
        } else {
            assert_true(strncmp(text, "##", 2) == 0 || strncmp(text, "  ", 2) == 0);
            picture->modules[y][x++] = *text == '#' ? 'w' : 'b';
            text += 2;
        }
    }
    assert_int_equal(x, 0);
    picture->height = y;
}

static void draw(struct wf_span address, bool utf8, struct picture *picture)
{
    struct wf_buf out = WF_BUF_INIT(20000);

    memset(picture, 0, sizeof(*picture));
    assert_true(wf_qr_append(&out, address, utf8));
    if (utf8)
        see_utf8(wf_buf_text_borrow(&out), picture);
    else
        see_ascii(wf_buf_text_borrow(&out), picture);
    assert_int_equal(picture->width, picture->height);
    wf_buf_done(&out);
}

static void write_pgm(const struct picture *picture, const char *path)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    assert_true(fprintf(file, "P5\n%d %d\n255\n", picture->width * SCALE, picture->height * SCALE) >
                0);
    for (int y = 0; y < picture->height * SCALE; y++) {
        for (int x = 0; x < picture->width * SCALE; x++)
            (void)fputc(picture->modules[y / SCALE][x / SCALE] == 'w' ? 255 : 0, file);
    }
    assert_int_equal(fclose(file), 0);
}

static void expect_decoded(const struct picture *picture, const char *expected)
{
    char path[] = "/tmp/wf-test-qr.XXXXXX.pgm";
    char command[100];
    char text[1000] = "";
    int fd = mkstemps(path, 4);

    assert_true(fd >= 0);
    assert_int_equal(close(fd), 0);
    write_pgm(picture, path);
    (void)snprintf(command, sizeof(command), "zbarimg -q --raw --nodbus %s 2>/dev/null", path);
    FILE *pipe = popen(command, "r");
    assert_non_null(pipe);
    size_t n = fread(text, 1, sizeof(text) - 1, pipe);
    (void)pclose(pipe);
    assert_int_equal(unlink(path), 0);
    if (n > 0 && text[n - 1] == '\n')
        text[n - 1] = '\0';
    assert_string_equal(text, expected);
}

/* A real reader (Debian: zbar-tools) finds the address in both drawings. */
static void test_read_by_zbarimg(void **state)
{
    (void)state;
    struct picture picture;
    char longest[458 + 1];

    if (system("command -v zbarimg >/dev/null") != 0) {
        print_message("zbarimg is not installed (Debian: zbar-tools)\n");
        skip();
    }
    draw(SPAN(ADDRESS), true, &picture);
    expect_decoded(&picture, ADDRESS);
    draw(SPAN("https://acme.example/c?d=e"), true, &picture);
    expect_decoded(&picture, "https://acme.example/c?d=e");
    draw(SPAN("https://acme.example/c?d=e"), false, &picture);
    expect_decoded(&picture, "https://acme.example/c?d=e");
    draw((struct wf_span){"https://acme.example/behind", 21}, true, &picture);
    expect_decoded(&picture, "https://acme.example/");
    memset(longest, 'a', sizeof(longest));
    longest[458] = '\0';
    draw((struct wf_span){longest, 458}, true, &picture);
    expect_decoded(&picture, longest);
}

/* Without a reader: two rows of light around, and the upper left finder pattern. */
static void test_frame(void **state)
{
    (void)state;
    struct picture utf8;
    struct picture ascii;
    static const char *const finder[] = {"bbbbbbbw", "bwwwwwbw", "bwbbbwbw", "bwbbbwbw",
                                         "bwbbbwbw", "bwwwwwbw", "bbbbbbbw", "wwwwwwww"};

    draw(SPAN("https://acme.example/"), true, &utf8);
    draw(SPAN("https://acme.example/"), false, &ascii);
    assert_int_equal(utf8.width, ascii.width);
    for (int y = 0; y < utf8.height; y++) {
        assert_memory_equal(utf8.modules[y], ascii.modules[y], (size_t)utf8.width);
        for (int x = 0; x < utf8.width; x++) {
            if (y < 2 || x < 2 || y >= utf8.height - 2 || x >= utf8.width - 2)
                assert_int_equal(utf8.modules[y][x], 'w');
        }
    }
    for (int y = 0; y < 8; y++)
        assert_memory_equal(&utf8.modules[y + 2][2], finder[y], 8);
}

/* The largest addresses of a version at level L (ISO/IEC 18004 table 7, bytes): one byte more
 * takes the next version, or is refused. */
static void test_sizes(void **state)
{
    (void)state;
    static const struct {
        size_t len;
        bool utf8;
        int modules; /* 0: no code */
    } rows[] = {
        {1, true, 21},   {17, true, 21},  {18, true, 25}, {78, false, 33},
        {458, false, 73}, {459, false, 0}, {458, true, 73}, {459, true, 0}, {1000, true, 0},
        {1001, true, 0}, {5000, true, 0}, {0, true, 0},
    };
    char text[5000];

    memset(text, 'a', sizeof(text));
    for (size_t i = 0; i < WF_ARRAY_LEN(rows); i++) {
        struct picture picture;
        struct wf_span address = {text, rows[i].len};
        if (rows[i].modules > 0) {
            draw(address, rows[i].utf8, &picture);
            assert_int_equal(picture.width, rows[i].modules + 4);
            assert_true(picture.width <= WF_QR_SIDE_MAX);
        } else {
            struct wf_buf out = WF_BUF_INIT(20000);
            wf_buf_append_text(&out, "kept");
            assert_false(wf_qr_append(&out, address, rows[i].utf8));
            assert_string_equal(wf_buf_text_borrow(&out), "kept");
            wf_buf_done(&out);
        }
    }
}

static void test_no_code(void **state)
{
    (void)state;
    struct wf_buf out = WF_BUF_INIT(20000);

    wf_buf_append_text(&out, "kept");
    assert_false(wf_qr_append(&out, SPAN("https://acme.example/\n"), true));
    assert_false(wf_qr_append(&out, SPAN("https://acme.example/\0x"), true));
    assert_false(wf_qr_append(&out, SPAN("https://acm\xc3\xa9.example/"), true));
    /* No room in out: the prompt goes on without the code */
    out.max = 400;
    assert_false(wf_qr_append(&out, SPAN("https://acme.example/"), true));
    assert_string_equal(wf_buf_text_borrow(&out), "kept");
    wf_buf_done(&out);
}

static void test_no_memory(void **state)
{
    (void)state;
    bool done = false;
    unsigned n = 0;

    while (!done) {
        struct wf_buf out = WF_BUF_INIT(20000);
        fail_alloc_at = ++n;
        done = wf_qr_append(&out, SPAN("https://acme.example/"), true);
        assert_int_equal(done, out.len > 0);
        /* Nothing follows a failure */
        if (!wf_buf_ok(&out))
            assert_false(wf_qr_append(&out, SPAN("https://acme.example/"), true));
        wf_buf_done(&out);
    }
    fail_alloc_at = 0;
    assert_true(n > 3);
}

#else

static void test_without_library(void **state)
{
    (void)state;
    struct wf_buf out = WF_BUF_INIT(20000);

    assert_false(wf_qr_append(&out, SPAN("https://acme.example/"), true));
    assert_string_equal(wf_buf_text_borrow(&out), "");
    wf_buf_done(&out);
}

#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
#ifdef HAVE_QRENCODE
        cmocka_unit_test(test_read_by_zbarimg), cmocka_unit_test(test_frame),
        cmocka_unit_test(test_sizes),           cmocka_unit_test(test_no_code),
        cmocka_unit_test(test_no_memory),
#else
        cmocka_unit_test(test_without_library),
#endif
    };
    return cmocka_run_group_tests_name("qr", tests, NULL, NULL);
}
