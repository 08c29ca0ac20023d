/* Who may ask how often, as all processes of a user count: by a file that may be lost, torn, locked
 * or not to be had, and in a child that was forked. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "boundscase.h"
#include "crypto.h"
#include "failalloc.h"
#include "within.h"

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

static bool no_hash;
enum wf_reason __real_wf_crypto_sha256(const void *data, size_t len, uint8_t ret[WF_SHA256_LEN],
                                       struct wf_err *err);
enum wf_reason __wrap_wf_crypto_sha256(const void *data, size_t len, uint8_t ret[WF_SHA256_LEN],
                                       struct wf_err *err);
enum wf_reason __wrap_wf_crypto_sha256(const void *data, size_t len, uint8_t ret[WF_SHA256_LEN],
                                       struct wf_err *err)
{
    return no_hash ? wf_fail(err, WF_INTERNAL, "scripted: no hash")
                   : __real_wf_crypto_sha256(data, len, ret, err);
}

/* Somebody sits on the lock: nobody waits for that longer than it says in bounds.h. */
static bool stuck;
static unsigned locks;
bool __real_wf_cachedir_lock(struct wf_cachedir *in, const char *name, unsigned wait_ms, int *ret);
bool __wrap_wf_cachedir_lock(struct wf_cachedir *in, const char *name, unsigned wait_ms, int *ret);
bool __wrap_wf_cachedir_lock(struct wf_cachedir *in, const char *name, unsigned wait_ms, int *ret)
{
    assert_int_equal(wait_ms, 200);
    locks++;
    *ret = -1;
    return !stuck && __real_wf_cachedir_lock(in, name, wait_ms, ret);
}

/* The file */

static const char *path_of(const char *name)
{
    static char path[200];

    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    return path;
}

/* Which file this is: another one after each change. */
static ino_t number_of(const char *name)
{
    struct stat st;

    assert_int_equal(stat(path_of(name), &st), 0);
    return st.st_ino;
}

static int reset(void **state)
{
    (void)state;
    key_folder_empty(folder);
    stuck = false;
    no_hash = false;
    no_pages = false;
    fail_alloc_at = 0;
    return 0;
}

/* Two objects stand for two processes. */
static void test_shared(void **state)
{
    struct wf_bounds *one = wf_bounds_new(dir, "bounds-shared", PATIENCE);
    struct wf_bounds *two = wf_bounds_new(dir, "bounds-shared", PATIENCE);
    struct wf_bounds *other = wf_bounds_new(dir, "bounds-other", PATIENCE);
    struct wf_bounds_pass pass;

    (void)state;
    assert_int_equal(entered(one, "192.0.2.1", NOW, 6), 6);
    assert_int_equal(entered(two, "192.0.2.1", NOW, 6), 4);
    assert_int_equal(entered(other, "192.0.2.1", NOW, 6), 6);
    assert_int_equal(wf_bounds_enter(two, NULL, NOW, &pass, NULL), WF_OK);
    assert_int_equal(pass.number, 11);
    wf_bounds_silent(two, &pass, 0, NOW);
    assert_false(enter(one, NULL, NOW + 4));
    assert_true(enter(one, NULL, NOW + 5));
    assert_false(enter(two, NULL, NOW + 6));
    /* Both have heard of the failure, whoever of them gets the answer */
    wf_bounds_answered(one, &(struct wf_bounds_pass){1, 0});
    assert_true(enter(two, "192.0.2.3", NOW + 40));
    assert_int_equal(entered(two, "192.0.2.4", NOW + 40, 5), 5);
    wf_bounds_free(one);
    wf_bounds_free(two);
    wf_bounds_free(other);
}

/* A failure that one process saw doubles the wait of the next one's. */
static void test_shared_silence(void **state)
{
    struct wf_bounds *one = wf_bounds_new(dir, "bounds-silent", PATIENCE);
    struct wf_bounds *two = wf_bounds_new(dir, "bounds-silent", PATIENCE);
    struct wf_bounds_pass pass = get_pass(one, NOW);

    (void)state;
    wf_bounds_silent(one, &pass, 0, NOW);
    pass = get_pass(two, NOW + 5);
    assert_int_equal(pass.failures, 1);
    wf_bounds_silent(two, &pass, 0, NOW + 5);
    assert_false(enter(one, NULL, NOW + 14));
    pass = get_pass(one, NOW + 15);
    assert_int_equal(pass.failures, 2);
    wf_bounds_answered(one, &pass);
    assert_int_equal(entered(two, NULL, NOW + 15, 5), 5);
    wf_bounds_free(one);
    wf_bounds_free(two);
}

/* The file goes away: what each process knows itself holds. */
static void test_lost_file(void **state)
{
    struct wf_bounds *one = wf_bounds_new(dir, "bounds-lost", PATIENCE);
    struct wf_bounds *two = wf_bounds_new(dir, "bounds-lost", PATIENCE);

    (void)state;
    assert_int_equal(entered(one, NULL, NOW, 9), 9);
    struct wf_bounds_pass pass = get_pass(one, NOW);
    wf_cachedir_remove(dir, "bounds-lost");
    assert_int_equal(entered(one, NULL, NOW, 20), 1);
    wf_bounds_silent(one, &pass, 0, NOW);
    assert_true(enter(two, "192.0.2.2", NOW + 5));
    wf_cachedir_remove(dir, "bounds-lost");
    assert_int_equal(entered(one, "192.0.2.2", NOW + 5, 2), 1);
    wf_cachedir_remove(dir, "bounds-lost");
    /* two has heard of the failure: one tries, no more */
    assert_int_equal(entered(two, "192.0.2.2", NOW + 5 + PATIENCE, 2), 1);
    wf_bounds_free(one);
    wf_bounds_free(two);
}

static void flip(const char *name, off_t at)
{
    unsigned char byte = 0;
    int fd = open(path_of(name), O_RDWR);

    assert_true(fd >= 0);
    assert_int_equal(pread(fd, &byte, 1, at), 1);
    byte ^= 1;
    assert_int_equal(pwrite(fd, &byte, 1, at), 1);
    close(fd);
}

/* A file that is torn, or not ours, counts as none. */
static void test_bad_file(void **state)
{
    static const off_t places[] = {0, 31, 32, 40, 100, 4000};

    (void)state;
    for (size_t i = 0; i <= WF_ARRAY_LEN(places); i++) {
        struct wf_bounds *one = wf_bounds_new(dir, "bounds-bad", PATIENCE);
        struct wf_bounds *two = wf_bounds_new(dir, "bounds-bad", PATIENCE);
        wf_cachedir_remove(dir, "bounds-bad");
        assert_int_equal(entered(one, NULL, NOW, 10), 10);
        if (i < WF_ARRAY_LEN(places))
            flip("bounds-bad", places[i]);
        else
            assert_int_equal(truncate(path_of("bounds-bad"), 4000), 0);
        assert_int_equal(entered(two, NULL, NOW, 20), 10);
        wf_bounds_free(one);
        wf_bounds_free(two);
    }
}

/* Another version's file has another magic, though its hash is right. */
static void test_version(void **state)
{
    struct wf_bounds *one = wf_bounds_new(dir, "bounds-v", PATIENCE);
    struct wf_bounds *two = wf_bounds_new(dir, "bounds-v", PATIENCE);
    uint8_t text[16384];

    (void)state;
    assert_int_equal(entered(one, NULL, NOW, 10), 10);
    FILE *file = fopen(path_of("bounds-v"), "r+");
    assert_non_null(file);
    size_t len = fread(text, 1, sizeof(text), file);
    assert_within(len, WF_SHA256_LEN + 8, sizeof(text) - 1);
    assert_memory_equal(text + WF_SHA256_LEN, "wfbound1", 8);
    text[WF_SHA256_LEN + 7] = '2';
    assert_int_equal(wf_crypto_sha256(text + WF_SHA256_LEN, len - WF_SHA256_LEN, text, NULL),
                     WF_OK);
    rewind(file);
    assert_int_equal(fwrite(text, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(entered(two, NULL, NOW, 20), 10);
    wf_bounds_free(one);
    wf_bounds_free(two);
}

/* Somebody sits on the lock: what this process counts itself holds, and the file stays theirs. */
static void test_stuck_lock(void **state)
{
    struct wf_bounds *one = wf_bounds_new(dir, "bounds-stuck", PATIENCE);
    struct wf_bounds *two = wf_bounds_new(dir, "bounds-stuck", PATIENCE);
    struct wf_bounds_pass pass;

    (void)state;
    assert_int_equal(entered(one, NULL, NOW, 10), 10);
    ino_t before = number_of("bounds-stuck");
    stuck = true;
    assert_int_equal(entered(two, NULL, NOW, 20), 10);
    assert_int_equal(wf_bounds_enter(two, "192.0.2.1", NOW, &pass, NULL), WF_OK);
    assert_int_equal(pass.number, 11);
    wf_bounds_silent(two, &pass, 0, NOW);
    assert_false(enter(two, "192.0.2.1", NOW + 4));
    wf_bounds_answered(two, &pass);
    assert_true(enter(two, "192.0.2.1", NOW + 4));
    assert_int_equal(number_of("bounds-stuck"), before);
    wf_bounds_free(one);
    wf_bounds_free(two);
}

/* Where there is no folder nothing but this process counts, and nobody's descriptor is closed. */
static void test_no_folder(void **state)
{
    struct wf_bounds *bounds = wf_bounds_new(NULL, "bounds-none", PATIENCE);

    (void)state;
    struct wf_bounds_pass pass = get_pass(bounds, NOW);
    wf_bounds_silent(bounds, &pass, 0, NOW);
    assert_false(enter(bounds, NULL, NOW + 4));
    wf_bounds_answered(bounds, &pass);
    assert_true(enter(bounds, NULL, NOW + 4));
    assert_true(fcntl(STDIN_FILENO, F_GETFD) >= 0);
    wf_bounds_free(bounds);
}

/* Where a host has closed its standard input, 0 is a lock like any other. */
static void test_lock_zero(void **state)
{
    char deep[80];
    struct wf_cachedir *in = NULL;
    int lock = -1;

    (void)state;
    /* In a folder that deep it is the lock that gets 0 */
    (void)snprintf(deep, sizeof(deep), "%s/deep", folder);
    assert_int_equal(wf_cachedir_open(deep, NULL, &in, NULL), WF_OK);
    struct wf_bounds *one = wf_bounds_new(in, "bounds-zero", PATIENCE);
    struct wf_bounds *two = wf_bounds_new(in, "bounds-zero", PATIENCE);
    int spare = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
    assert_int_equal(close(STDIN_FILENO), 0);
    assert_true(wf_cachedir_lock(in, "bounds-other", 200, &lock));
    assert_int_equal(lock, 0);
    wf_cachedir_unlock(lock);
    struct wf_bounds_pass pass = get_pass(one, NOW);
    wf_bounds_silent(one, &pass, 0, NOW);
    assert_false(enter(two, NULL, NOW + 4));
    wf_bounds_answered(one, &pass);
    assert_int_equal(entered(two, NULL, NOW + 40, 5), 5);
    assert_int_equal(dup2(spare, STDIN_FILENO), STDIN_FILENO);
    close(spare);
    wf_bounds_free(one);
    wf_bounds_free(two);
    wf_cachedir_free(in);
    key_folder_empty(deep);
}

/* What does not change the file does not write it: a flood would be one of writes, too. */
static void test_written_for_news_alone(void **state)
{
    struct wf_bounds *one = wf_bounds_new(dir, "bounds-news", PATIENCE);
    struct wf_bounds *two = wf_bounds_new(dir, "bounds-news", PATIENCE);
    struct wf_bounds_pass untouched = {77, 78};

    (void)state;
    /* Turned away by the file */
    struct wf_bounds_pass early = get_pass(one, NOW);
    assert_int_equal(entered(one, NULL, NOW, 10), 10);
    ino_t before = number_of("bounds-news");
    assert_int_equal(wf_bounds_enter(two, NULL, NOW, &untouched, NULL), WF_UNREACHABLE);
    assert_int_equal(untouched.failures, 77);
    assert_int_equal(untouched.number, 78);
    /* An answer, where none was missing: nobody waits for the lock, either */
    locks = 0;
    wf_bounds_answered(one, &early);
    assert_int_equal(locks, 0);
    assert_int_equal(number_of("bounds-news"), before);
    /* A silence that somebody has noted who began as early */
    wf_bounds_silent(one, &early, 0, NOW);
    before = number_of("bounds-news");
    wf_bounds_silent(two, &early, 0, NOW);
    assert_int_equal(number_of("bounds-news"), before);
    wf_bounds_free(one);
    wf_bounds_free(two);
}

/* Whoever is answered says so to all, if they or this process know of a failure. */
static void test_answered(void **state)
{
    static const struct {
        const char *name;
        bool knows;        /* this process */
        uint32_t failures; /* when it began */
        bool in;
    } rows[] = {
        {"neither", false, 0, false},
        {"heard of it then", false, 1, true},
        {"hears of it now", true, 0, true},
    };

    for (size_t i = 0; i < WF_ARRAY_LEN(rows); i++) {
        (void)reset(state);
        struct wf_bounds *one = wf_bounds_new(dir, "bounds-a", PATIENCE);
        struct wf_bounds *two = wf_bounds_new(dir, "bounds-a", PATIENCE);
        struct wf_bounds *three = wf_bounds_new(dir, "bounds-a", PATIENCE);
        struct wf_bounds_pass pass = get_pass(one, NOW);
        wf_bounds_silent(two, &pass, 0, NOW);
        if (rows[i].knows)
            assert_false(enter(one, NULL, NOW + 1));
        pass.failures = rows[i].failures;
        wf_bounds_answered(one, &pass);
        if (enter(three, NULL, NOW + 2) != rows[i].in)
            fail_msg("%s", rows[i].name);
        wf_bounds_free(one);
        wf_bounds_free(two);
        wf_bounds_free(three);
    }
}

/* A forked child begins anew: what it has of its parent may be half of a change. */
static void test_fork(void **state)
{
    struct wf_bounds *bounds = wf_bounds_new(NULL, "x", PATIENCE);
    int status = -1;

    (void)state;
    assert_int_equal(entered(bounds, NULL, NOW, 10), 10);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        int count = (int)entered(bounds, NULL, NOW, 20);
        wf_bounds_free(bounds);
        _exit(count);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 10);
    assert_false(enter(bounds, NULL, NOW));
    wf_bounds_free(bounds);
}

/* Whatever is short, nobody is forgotten, and the file stays whole. */
static void test_short(void **state)
{
    struct wf_bounds_pass pass = {77, 78};
    struct wf_err err = WF_ERR_INIT;

    (void)state;
    fail_alloc_at = 1;
    assert_null(wf_bounds_new(NULL, "x", PATIENCE));
    no_pages = true;
    assert_null(wf_bounds_new(NULL, "x", PATIENCE));
    no_pages = false;
    wf_bounds_free(NULL);
    struct wf_bounds *one = wf_bounds_new(dir, "bounds-short", PATIENCE);
    assert_int_equal(entered(one, NULL, NOW, 5), 5);
    no_hash = true;
    assert_int_equal(wf_bounds_enter(one, NULL, NOW, &pass, &err), WF_INTERNAL);
    assert_string_equal(err.text, "scripted: no hash");
    assert_int_equal(pass.number, 78);
    no_hash = false;
    assert_int_equal(entered(one, NULL, NOW, 20), 5);
    uint32_t number = 10;
    bool failed = true;
    for (unsigned n = 1; failed; n++) {
        struct wf_bounds *two = wf_bounds_new(dir, "bounds-short", PATIENCE);
        struct wf_bounds *three = wf_bounds_new(dir, "bounds-short", PATIENCE);
        int64_t now = NOW + 1000 * (int64_t)n;
        fail_alloc_at = n;
        (void)enter(two, "192.0.2.1", now);
        wf_bounds_silent(two, &pass, 0, now);
        wf_bounds_answered(two, &pass);
        failed = fail_alloc_at == 0;
        fail_alloc_at = 0;
        pass = get_pass(three, now + 500);
        if (pass.number <= number)
            fail_msg("allocation %u", n);
        number = pass.number;
        wf_bounds_free(two);
        wf_bounds_free(three);
    }
    wf_bounds_free(one);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_shared, reset),
        cmocka_unit_test_setup(test_shared_silence, reset),
        cmocka_unit_test_setup(test_lost_file, reset),
        cmocka_unit_test_setup(test_bad_file, reset),
        cmocka_unit_test_setup(test_version, reset),
        cmocka_unit_test_setup(test_stuck_lock, reset),
        cmocka_unit_test_setup(test_no_folder, reset),
        cmocka_unit_test_setup(test_lock_zero, reset),
        cmocka_unit_test_setup(test_written_for_news_alone, reset),
        cmocka_unit_test_setup(test_answered, reset),
        cmocka_unit_test_setup(test_fork, reset),
        cmocka_unit_test_setup(test_short, reset),
    };
    return cmocka_run_group_tests_name("bounds, shared", tests, set_up, tear_down);
}
