/* Replies remembered: how long, how many, and what of a file on disk is believed. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <dirent.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "crypto.h"
#include "failalloc.h"
#include "replies.h"

#define NOW 1700000000

static char folder[] = "/tmp/wfauth-test-XXXXXX";
static struct wf_cachedir *dir;

/* Wrapped calls */

void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size)
{
    return fail_alloc_now() ? NULL : __real_calloc(n, size);
}

static bool no_pages;
void *__real_mmap(void *at, size_t len, int prot, int flags, int fd, off_t offset);
void *__wrap_mmap(void *at, size_t len, int prot, int flags, int fd, off_t offset);
void *__wrap_mmap(void *at, size_t len, int prot, int flags, int fd, off_t offset)
{
    return no_pages ? MAP_FAILED : __real_mmap(at, len, prot, flags, fd, offset);
}

static int set_up(void **state)
{
    (void)state;
    return mkdtemp(folder) == NULL || wf_cachedir_open(folder, NULL, &dir, NULL) != WF_OK;
}

static int tear_down(void **state)
{
    char command[100];

    (void)state;
    wf_cachedir_free(dir);
    snprintf(command, sizeof(command), "rm -rf %s", folder);
    return system(command);
}

static void key_of(unsigned n, uint8_t key[WF_REPLIES_KEY_SIZE])
{
    memset(key, 0, WF_REPLIES_KEY_SIZE);
    memcpy(key, &n, sizeof(n));
    key[31] = 0xab;
}

static void put(struct wf_replies *replies, unsigned n, int64_t now, enum wf_reason reason,
                int64_t until, const char *body)
{
    struct wf_reply reply = WF_REPLY_INIT;
    uint8_t key[WF_REPLIES_KEY_SIZE];

    key_of(n, key);
    reply.reason = reason;
    reply.until = until;
    wf_buf_append_text(&reply.body, body);
    wf_replies_put(replies, key, now, &reply);
    wf_reply_done(&reply);
    assert_int_equal(reply.reason, WF_INTERNAL);
    assert_int_equal(reply.until, 0);
}

/* True if there is one, with that reason and body. */
static bool has(struct wf_replies *replies, unsigned n, int64_t now, enum wf_reason reason,
                const char *body)
{
    struct wf_reply reply = WF_REPLY_INIT;
    uint8_t key[WF_REPLIES_KEY_SIZE];

    key_of(n, key);
    bool found = wf_replies_get(replies, key, now, true, &reply);
    if (found) {
        assert_int_equal(reply.reason, reason);
        assert_int_equal(reply.body.len, strlen(body));
        assert_memory_equal(reply.body.data, body, strlen(body));
        assert_true(reply.until > now);
    } else {
        assert_int_equal(reply.body.len, 0);
        assert_int_equal(reply.reason, WF_INTERNAL);
        assert_int_equal(reply.until, 0);
    }
    wf_reply_done(&reply);
    return found;
}

/* reason, until (from now), how long it is found: 0 is never */
static const struct {
    const char *name;
    enum wf_reason reason;
    int until;
    int life;
} lives[] = {
    {"accepted", WF_OK, 1000, 60},
    {"accepted, dies earlier", WF_OK, 20, 20},
    {"accepted, dies in a second", WF_OK, 1, 1},
    {"accepted, dead", WF_OK, 0, 0},
    {"accepted, long dead", WF_OK, -100, 0},
    {"inactive", WF_INACTIVE, 1000, 10},
    {"type", WF_TYPE, 1000, 10},
    {"issuer", WF_ISSUER, 1000, 10},
    {"identity", WF_IDENTITY, 1000, 10},
    {"unreachable", WF_UNREACHABLE, 1000, 0},
    {"config", WF_CONFIG, 1000, 0},
    {"internal", WF_INTERNAL, 1000, 0},
    {"malformed", WF_MALFORMED, 1000, 0},
    {"pending", WF_PENDING, 1000, 0},
};

static void test_lives(void **state)
{
    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(lives); i++) {
        /* In memory, then by another process */
        for (int disk = 0; disk < 2; disk++) {
            unsigned n = 1000 + 10 * (unsigned)i;
            struct wf_replies *one = wf_replies_new(disk ? dir : NULL);
            struct wf_replies *two = disk ? wf_replies_new(dir) : one;
            put(one, n, NOW, lives[i].reason, NOW + lives[i].until, "text");
            bool there = lives[i].life > 0;
            if (has(two, n, NOW, lives[i].reason, "text") != there ||
                has(two, n, NOW + lives[i].life - 1, lives[i].reason, "text") != there ||
                has(two, n, NOW + lives[i].life, lives[i].reason, "text"))
                fail_msg("%s, disk %d", lives[i].name, disk);
            if (disk)
                wf_replies_free(two);
            wf_replies_free(one);
        }
    }
}

static void test_clock_back(void **state)
{
    (void)state;
    for (int disk = 0; disk < 2; disk++) {
        struct wf_replies *one = wf_replies_new(disk ? dir : NULL);
        struct wf_replies *two = disk ? wf_replies_new(dir) : one;
        put(one, 7, NOW, WF_OK, NOW + 60, "{}");
        assert_false(has(two, 7, NOW - 1, WF_OK, "{}"));
        if (disk)
            wf_replies_free(two);
        wf_replies_free(one);
    }
}

static void test_replaced(void **state)
{
    struct wf_replies *replies = wf_replies_new(NULL);

    (void)state;
    put(replies, 1, NOW, WF_OK, NOW + 60, "{}");
    put(replies, 2, NOW, WF_OK, NOW + 60, "{2}");
    put(replies, 1, NOW, WF_INACTIVE, NOW + 60, "no");
    assert_true(has(replies, 1, NOW, WF_INACTIVE, "no"));
    assert_true(has(replies, 2, NOW, WF_OK, "{2}"));
    assert_false(has(replies, 3, NOW, WF_OK, ""));
    /* The oldest, one between and the newest take new ones' places */
    put(replies, 3, NOW, WF_OK, NOW + 60, "{3}");
    put(replies, 2, NOW, WF_OK, NOW + 60, "{}");
    put(replies, 2, NOW, WF_OK, NOW + 60, "{22}");
    put(replies, 3, NOW, WF_OK, NOW + 60, "{33}");
    assert_true(has(replies, 1, NOW, WF_INACTIVE, "no"));
    assert_true(has(replies, 2, NOW, WF_OK, "{22}"));
    assert_true(has(replies, 3, NOW, WF_OK, "{33}"));
    /* And push nobody out */
    for (unsigned i = 0; i < WF_REPLIES_MAX; i++)
        put(replies, 3, NOW, WF_OK, NOW + 60, "{}");
    assert_true(has(replies, 2, NOW, WF_OK, "{22}"));
    assert_false(has(replies, 4, NOW, WF_OK, ""));
    put(replies, 4, NOW, WF_OK, NOW + 60, "");
    assert_false(has(replies, 4, NOW, WF_OK, ""));
    wf_replies_free(replies);
}

/* Keys whose first bits are the same do not hide each other. */
static void test_chain(void **state)
{
    struct wf_replies *replies = wf_replies_new(NULL);

    (void)state;
    for (unsigned i = 0; i < 3; i++)
        put(replies, 1 + 65536 * i, NOW, WF_OK, NOW + 60, "{}");
    put(replies, 1, NOW, WF_OK, NOW + 60, "{1}");
    put(replies, 1 + 65536, NOW, WF_INACTIVE, NOW + 60, "no");
    assert_true(has(replies, 1, NOW, WF_OK, "{1}"));
    assert_true(has(replies, 1 + 65536, NOW, WF_INACTIVE, "no"));
    assert_true(has(replies, 1 + 2 * 65536, NOW, WF_OK, "{}"));
    wf_replies_free(replies);
}

static void test_bounded(void **state)
{
    struct wf_replies *replies = wf_replies_new(NULL);
    static char body[WF_REPLIES_BODY_MAX + 2];

    (void)state;
    for (unsigned i = 0; i < WF_REPLIES_MAX; i++)
        put(replies, i, NOW, WF_OK, NOW + 60, "{}");
    assert_true(has(replies, 0, NOW, WF_OK, "{}"));
    put(replies, WF_REPLIES_MAX, NOW, WF_OK, NOW + 60, "{}");
    assert_false(has(replies, 0, NOW, WF_OK, "{}"));
    assert_true(has(replies, 1, NOW, WF_OK, "{}"));
    assert_true(has(replies, WF_REPLIES_MAX, NOW, WF_OK, "{}"));
    wf_replies_free(replies);

    replies = wf_replies_new(NULL);
    memset(body, 'x', WF_REPLIES_BODY_MAX);
    unsigned fit = (unsigned)(WF_REPLIES_BYTES_MAX / WF_REPLIES_BODY_MAX);
    for (unsigned i = 0; i <= fit; i++)
        put(replies, i, NOW, WF_OK, NOW + 60, body);
    assert_false(has(replies, 0, NOW, WF_OK, body));
    assert_true(has(replies, 1, NOW, WF_OK, body));
    assert_true(has(replies, fit, NOW, WF_OK, body));
    /* All of them are in use: there is no room for one byte more */
    put(replies, fit + 1, NOW, WF_OK, NOW + 60, "x");
    assert_false(has(replies, 1, NOW, WF_OK, body));
    assert_true(has(replies, 2, NOW, WF_OK, body));
    body[WF_REPLIES_BODY_MAX] = 'x';
    put(replies, 9999, NOW, WF_OK, NOW + 60, body);
    assert_false(has(replies, 9999, NOW, WF_OK, body));
    wf_replies_free(replies);
}

/* The one file in the folder whose name begins so. */
static void find_file(const char *prefix, char path[300])
{
    DIR *d = opendir(folder);
    struct dirent *entry;

    path[0] = '\0';
    assert_non_null(d);
    while ((entry = readdir(d)) != NULL) {
        if (strncmp(entry->d_name, prefix, strlen(prefix)) == 0) {
            assert_int_equal(path[0], '\0');
            snprintf(path, 300, "%s/%.200s", folder, entry->d_name);
        }
    }
    closedir(d);
}

static size_t slurp(const char *path, char *text, size_t size)
{
    int fd = open(path, O_RDONLY);
    assert_true(fd >= 0);
    ssize_t n = read(fd, text, size);
    assert_true(n > 0);
    close(fd);
    return (size_t)n;
}

static void spill(const char *path, const char *text, size_t len)
{
    int fd = open(path, O_WRONLY | O_TRUNC | O_CREAT, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, len), (ssize_t)len);
    close(fd);
}

static bool fresh_has(unsigned n)
{
    struct wf_replies *replies = wf_replies_new(dir);
    bool found = has(replies, n, NOW, WF_OK, "{\"sub\":\"u1\"}");

    wf_replies_free(replies);
    return found;
}

static void test_bad_files(void **state)
{
    struct wf_replies *replies = wf_replies_new(dir);
    char path[300];
    char other[300];
    char text[1000];

    (void)state;
    put(replies, 0x01020304, NOW, WF_OK, NOW + 60, "{\"sub\":\"u1\"}");
    find_file("opaque-04030201", path);
    size_t len = slurp(path, text, sizeof(text));
    assert_int_equal(len, 8 + 32 + 17 + 12);
    assert_true(fresh_has(0x01020304));
    for (size_t i = 0; i < len; i++) {
        text[i] ^= 1;
        spill(path, text, len);
        if (fresh_has(0x01020304))
            fail_msg("byte %zu", i);
        text[i] ^= 1;
    }
    for (size_t i = 0; i < len; i++) {
        spill(path, text, i);
        if (fresh_has(0x01020304))
            fail_msg("cut at %zu", i);
    }
    text[len] = ' ';
    spill(path, text, len + 1);
    assert_false(fresh_has(0x01020304));
    spill(path, text, len);
    assert_true(fresh_has(0x01020304));
    /* Under another token's name */
    snprintf(other, sizeof(other), "%s", path);
    strstr(other, "04030201")[0] = '1';
    assert_int_equal(rename(path, other), 0);
    assert_false(fresh_has(0x01020314));
    assert_false(fresh_has(0x01020304));
    wf_replies_free(replies);
}

static void put_second(struct wf_buf *out, uint64_t second)
{
    for (unsigned i = 0; i < 8; i++)
        wf_buf_append_byte(out, (uint8_t)(second >> (56 - 8 * i)));
}

/* An entry whose check is right, but not what it says: another version's, or a clock's that was
 * wrong. */
static const struct {
    const char *name;
    uint64_t stored;
    uint64_t until;
    uint8_t code; /* 0: accepted, 3: inactive */
    const char *body;
    bool found;
} entries[] = {
    {"a byte", NOW, NOW + 60, 0, "x", true},
    {"stored before all time", (uint64_t)INT64_MIN, NOW + 60, 0, "{}", false},
    {"for all time", (uint64_t)INT64_MIN, INT64_MAX, 0, "{}", false},
    {"accepted", NOW, NOW + 60, 0, "{}", true},
    {"accepted for longer", NOW, NOW + 61, 0, "{}", false},
    {"accepted for years", NOW, NOW + 100000000, 0, "{}", false},
    {"over", NOW - 60, NOW, 0, "{}", false},
    {"from the future", NOW + 1, NOW + 61, 0, "{}", false},
    {"stored never", UINT64_MAX, NOW + 60, 0, "{}", false},
    {"until for ever", NOW, UINT64_MAX, 0, "{}", false},
    {"until for almost ever", NOW, INT64_MAX, 0, "{}", false},
    {"refused", NOW, NOW + 10, 3, "no", true},
    {"refused for longer", NOW, NOW + 11, 3, "no", false},
    {"the last code", NOW, NOW + 10, 4, "no", true},
    {"a code behind it", NOW, NOW + 10, 5, "no", false},
    {"a code far behind it", NOW, NOW + 10, 255, "no", false},
    {"no body", NOW, NOW + 60, 0, "", false},
};

static bool is_found(const char *path, uint64_t stored, uint64_t until, uint8_t code,
                     const char *body)
{
    uint8_t key[WF_REPLIES_KEY_SIZE];
    uint8_t check[WF_SHA256_LEN];
    struct wf_buf rest = WF_BUF_INIT(100000);
    struct wf_buf entry = WF_BUF_INIT(100000);
    struct wf_reply reply = WF_REPLY_INIT;
    struct wf_replies *replies = wf_replies_new(dir);

    key_of(0x31323334, key);
    put_second(&rest, stored);
    put_second(&rest, until);
    wf_buf_append_byte(&rest, code);
    wf_buf_append_text(&rest, body);
    const struct wf_span parts[] = {{(const char *)key, sizeof(key)},
                                    {(const char *)rest.data, rest.len}};
    assert_int_equal(wf_crypto_sha256_parts(parts, WF_ARRAY_LEN(parts), check, NULL), WF_OK);
    wf_buf_append(&entry, "wfreply1", 8);
    wf_buf_append(&entry, check, sizeof(check));
    wf_buf_append(&entry, rest.data, rest.len);
    spill(path, (const char *)entry.data, entry.len);
    bool found = wf_replies_get(replies, key, NOW, true, &reply);
    wf_reply_done(&reply);
    wf_replies_free(replies);
    wf_buf_done(&rest);
    wf_buf_done(&entry);
    return found;
}

static void test_entries(void **state)
{
    struct wf_replies *replies = wf_replies_new(dir);
    char path[300];

    (void)state;
    put(replies, 0x31323334, NOW, WF_OK, NOW + 60, "{}");
    wf_replies_free(replies);
    find_file("opaque-34333231", path);
    for (size_t i = 0; i < WF_ARRAY_LEN(entries); i++) {
        if (is_found(path, entries[i].stored, entries[i].until, entries[i].code,
                     entries[i].body) != entries[i].found)
            fail_msg("%s", entries[i].name);
    }
    /* As long as may be, and longer */
    static char body[WF_REPLIES_BODY_MAX + 2];
    memset(body, 'x', WF_REPLIES_BODY_MAX);
    assert_true(is_found(path, NOW, NOW + 60, 0, body));
    body[WF_REPLIES_BODY_MAX] = 'x';
    assert_false(is_found(path, NOW, NOW + 60, 0, body));
}

/* What was found on disk once need not be read again; and nobody reads it who was told not to. */
static void test_taken_over(void **state)
{
    struct wf_replies *one = wf_replies_new(dir);
    struct wf_replies *two = wf_replies_new(dir);
    struct wf_reply reply = WF_REPLY_INIT;
    uint8_t key[WF_REPLIES_KEY_SIZE];

    (void)state;
    put(one, 0x21222324, NOW, WF_OK, NOW + 60, "{}");
    key_of(0x21222324, key);
    assert_false(wf_replies_get(two, key, NOW, false, &reply));
    assert_true(has(two, 0x21222324, NOW, WF_OK, "{}"));
    wf_replies_free(one);
    wf_cachedir_trim(dir, "opaque-24232221", 0);
    assert_true(has(two, 0x21222324, NOW + 59, WF_OK, "{}"));
    assert_false(has(two, 0x21222324, NOW + 60, WF_OK, "{}"));
    wf_replies_free(two);
}

static unsigned count_files(void)
{
    unsigned n = 0;
    DIR *d = opendir(folder);

    assert_non_null(d);
    while (readdir(d) != NULL)
        n++;
    closedir(d);
    return n - 2;
}

static void test_trim(void **state)
{
    struct wf_replies *replies = wf_replies_new(dir);
    char path[300];

    (void)state;
    wf_cachedir_trim(dir, "opaque-", 0);
    snprintf(path, sizeof(path), "%s/keys-0", folder);
    spill(path, "x", 1);
    for (unsigned i = 0; i < WF_REPLIES_MAX + 10; i++) {
        snprintf(path, sizeof(path), "%s/opaque-%u", folder, i);
        spill(path, "x", 1);
    }
    wf_replies_trim(replies);
    assert_int_equal(count_files(), WF_REPLIES_MAX + 1);
    wf_replies_free(replies);
}

/* What can never be found is not written, either. */
static void test_not_written(void **state)
{
    struct wf_replies *replies = wf_replies_new(dir);

    (void)state;
    wf_cachedir_trim(dir, "opaque-", 0);
    unsigned before = count_files();
    put(replies, 5, NOW, WF_OK, NOW, "{}");
    put(replies, 5, NOW, WF_OK, NOW - 1, "{}");
    put(replies, 5, NOW, WF_DENIED, NOW + 60, "{}");
    put(replies, 5, NOW, WF_OK, NOW + 60, "");
    assert_int_equal(count_files(), before);
    put(replies, 5, NOW, WF_OK, NOW + 1, "{}");
    assert_int_equal(count_files(), before + 1);
    wf_replies_free(replies);
}

/* A forked child has none of its parent's, and as much room for its own. */
static void test_fork(void **state)
{
    struct wf_replies *replies = wf_replies_new(NULL);
    static char body[WF_REPLIES_BODY_MAX + 1];
    int status = -1;

    (void)state;
    memset(body, 'x', WF_REPLIES_BODY_MAX);
    /* As many as may be, and almost as many bytes */
    for (unsigned i = 0; i < WF_REPLIES_MAX; i++)
        put(replies, i, NOW, WF_OK, NOW + 60, i > 0 && i % 16 == 0 ? body : "{}");
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        bool good = !has(replies, 9, NOW, WF_OK, "{}");
        put(replies, 1, NOW, WF_OK, NOW + 60, "{}");
        put(replies, 2, NOW, WF_OK, NOW + 60, body);
        good = good && has(replies, 1, NOW, WF_OK, "{}") && has(replies, 2, NOW, WF_OK, body);
        _exit(good ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_true(has(replies, 9, NOW, WF_OK, "{}"));
    wf_replies_free(replies);
}

/* Memory that is short costs what is remembered, and nothing is kept or believed by half. */
static void test_memory(void **state)
{
    bool failed = true;

    (void)state;
    fail_alloc_at = 1;
    assert_null(wf_replies_new(NULL));
    no_pages = true;
    assert_null(wf_replies_new(NULL));
    no_pages = false;
    wf_replies_free(NULL);
    for (unsigned n = 1; failed; n++) {
        struct wf_replies *one = wf_replies_new(dir);
        struct wf_replies *two = wf_replies_new(dir);
        struct wf_reply reply = WF_REPLY_INIT;
        uint8_t key[WF_REPLIES_KEY_SIZE];
        wf_cachedir_trim(dir, "opaque-", 0);
        unsigned before = count_files();
        key_of(9, key);
        reply.reason = WF_OK;
        reply.until = NOW + 60;
        wf_buf_append_text(&reply.body, "{\"sub\":\"u1\"}");
        fail_alloc_at = n;
        wf_replies_put(one, key, NOW, &reply);
        failed = fail_alloc_at == 0;
        fail_alloc_at = 0;
        wf_reply_done(&reply);
        if (count_files() != before + fresh_has(9) || (!failed && !fresh_has(9)))
            fail_msg("kept, allocation %u", n);
        put(one, 9, NOW, WF_OK, NOW + 60, "{\"sub\":\"u1\"}");
        fail_alloc_at = n;
        bool found = wf_replies_get(two, key, NOW, true, &reply);
        failed = failed || fail_alloc_at == 0;
        fail_alloc_at = 0;
        if (found ? reply.body.len != 12 : reply.body.len != 0 || reply.reason != WF_INTERNAL)
            fail_msg("found, allocation %u", n);
        wf_reply_done(&reply);
        wf_replies_free(one);
        wf_replies_free(two);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lives),      cmocka_unit_test(test_clock_back),
        cmocka_unit_test(test_replaced),   cmocka_unit_test(test_bounded),
        cmocka_unit_test(test_bad_files),  cmocka_unit_test(test_entries),
        cmocka_unit_test(test_trim),       cmocka_unit_test(test_taken_over),
        cmocka_unit_test(test_chain),      cmocka_unit_test(test_not_written),
        cmocka_unit_test(test_fork),       cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests_name("replies", tests, set_up, tear_down);
}
