/* The limits of whoever started us, by a kernel that has as many as it is told. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <errno.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include <cmocka.h>

#include "rlimits.h"

#define FILE_MAX 5000
#define MIB ((rlim_t)1024 * 1024)
#define INF RLIM_INFINITY

static struct rlimit limits[RLIMIT_NLIMITS];
static int deaf; /* a resource that the kernel does not tell of, or -1 */
static bool privileged;
static size_t memory;
static size_t mapped;
static unsigned changed;

int __wrap_getrlimit(__rlimit_resource_t resource, struct rlimit *limit);
int __wrap_setrlimit(__rlimit_resource_t resource, const struct rlimit *limit);
void *__wrap_mmap(void *at, size_t len, int prot, int flags, int fd, off_t offset);
int __wrap_munmap(void *at, size_t len);

int __wrap_getrlimit(__rlimit_resource_t resource, struct rlimit *limit)
{
    if (deaf == (int)resource) {
        errno = EINVAL;
        return -1;
    }
    *limit = limits[resource];
    return 0;
}

int __wrap_setrlimit(__rlimit_resource_t resource, const struct rlimit *limit)
{
    assert_true(limit->rlim_cur <= limit->rlim_max);
    if (limit->rlim_max > limits[resource].rlim_max && !privileged) {
        errno = EPERM;
        return -1;
    }
    limits[resource] = *limit;
    changed++;
    return 0;
}

/* Room is what both limits leave. */
void *__wrap_mmap(void *at, size_t len, int prot, int flags, int fd, off_t offset)
{
    assert_null(at);
    assert_int_equal(prot, PROT_READ | PROT_WRITE);
    assert_int_equal(flags, MAP_PRIVATE | MAP_ANONYMOUS);
    assert_true(fd == -1 && offset == 0);
    if (len > memory || len > limits[RLIMIT_AS].rlim_cur || len > limits[RLIMIT_DATA].rlim_cur) {
        errno = ENOMEM;
        return MAP_FAILED;
    }
    mapped += len;
    return &mapped;
}

int __wrap_munmap(void *at, size_t len)
{
    assert_ptr_equal(at, &mapped);
    mapped -= len;
    return 0;
}

static int reset(void **state)
{
    (void)state;
    for (size_t i = 0; i < RLIMIT_NLIMITS; i++)
        limits[i] = (struct rlimit){INF, INF};
    deaf = -1;
    privileged = false;
    memory = SIZE_MAX;
    mapped = 0;
    changed = 0;
    return 0;
}

static void test_enough(void **state)
{
    const struct rlimit most = {INF, INF};

    (void)state;
    assert_int_equal(wf_rlimits_raise(FILE_MAX, NULL), WF_OK);
    for (size_t i = 0; i < RLIMIT_NLIMITS; i++)
        assert_memory_equal(&limits[i], &most, sizeof(most));
    assert_int_equal(mapped, 0);
}

/* Each is refused one below what is needed, and raised where that may be. */
static const struct {
    const char *name;
    __rlimit_resource_t resource;
    rlim_t least;
    const char *text;
} needs[] = {
    {"file", RLIMIT_FSIZE, FILE_MAX, "4999 bytes of a file are allowed, and 5000 needed: raise ulimit -f"},
    {"descriptors", RLIMIT_NOFILE, 64, "63 descriptors are allowed, and 64 needed: raise ulimit -n"},
    {"time", RLIMIT_CPU, 30, "29 seconds of processor time are allowed, and 30 needed: raise ulimit -t"},
    {"stack", RLIMIT_STACK, MIB, "1048575 bytes of stack are allowed, and 1048576 needed: raise ulimit -s"},
    {"address space", RLIMIT_AS, 64 * MIB, "67108864 bytes of memory are needed: Cannot allocate memory: raise ulimit -v and -d"},
    {"data", RLIMIT_DATA, 64 * MIB, "67108864 bytes of memory are needed: Cannot allocate memory: raise ulimit -v and -d"},
};

static void test_each(void **state)
{
    for (size_t i = 0; i < WF_ARRAY_LEN(needs); i++) {
        const rlim_t least = needs[i].least;
        const bool memory_is_it = needs[i].resource == RLIMIT_AS || needs[i].resource == RLIMIT_DATA;
        const struct {
            const char *name;
            struct rlimit before;
            bool privileged;
            enum wf_reason reason;
            struct rlimit after;
        } cases[] = {
            {"just enough", {least, least}, false, WF_OK, {least, least}},
            {"soft", {least - 1, least}, false, WF_OK, {least, least}},
            {"soft, and more above", {0, INF}, false, WF_OK, {memory_is_it ? INF : least, INF}},
            {"hard", {1, least - 1}, false, WF_CONFIG, {least - 1, least - 1}},
            {"hard, root's", {1, least - 1}, true, WF_OK, {memory_is_it ? INF : least, memory_is_it ? INF : least}},
        };
        for (size_t j = 0; j < WF_ARRAY_LEN(cases); j++) {
            struct wf_err err = WF_ERR_INIT;
            (void)reset(state);
            limits[needs[i].resource] = cases[j].before;
            privileged = cases[j].privileged;
            enum wf_reason reason = wf_rlimits_raise(FILE_MAX, &err);
            const struct rlimit *after = &limits[needs[i].resource];
            if (reason != cases[j].reason || after->rlim_cur != cases[j].after.rlim_cur ||
                after->rlim_max != cases[j].after.rlim_max)
                fail_msg("%s, %s: %s: %llu %llu", needs[i].name, cases[j].name,
                         wf_reason_name(reason), (unsigned long long)after->rlim_cur,
                         (unsigned long long)after->rlim_max);
            assert_int_equal(changed, j == 0 && !memory_is_it ? 0 : 1);
            if (reason != WF_OK) {
                assert_non_null(strstr(err.text, "nothing was asked, since the answer might be lost: "));
                assert_non_null(strstr(err.text, needs[i].text));
            }
            assert_int_equal(mapped, 0);
        }
    }
}

static void test_kernel(void **state)
{
    struct wf_err err = WF_ERR_INIT;

    (void)state;
    memory = 64 * MIB - 1;
    assert_int_equal(wf_rlimits_raise(FILE_MAX, &err), WF_CONFIG);
    assert_non_null(strstr(err.text, "of memory are needed"));
    memory++;
    deaf = RLIMIT_NOFILE;
    assert_int_equal(wf_rlimits_raise(FILE_MAX, &err), WF_CONFIG);
    assert_non_null(strstr(err.text, "0 descriptors are allowed"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_enough, reset),
        cmocka_unit_test_setup(test_each, reset),
        cmocka_unit_test_setup(test_kernel, reset),
    };
    return cmocka_run_group_tests_name("rlimits", tests, NULL, NULL);
}
