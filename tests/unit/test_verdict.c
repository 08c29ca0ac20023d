#include "config.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "failalloc.h"
#include "json.h"
#include "verdict.h"

#define NOW INT64_C(1800000000)
/* As in verdict.c: places that one row has */
#define WAYS 8

static _Atomic size_t frees;

void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size)
{
    return fail_alloc_now() ? NULL : __real_calloc(n, size);
}

void __real_free(void *block);
void __wrap_free(void *block);
void __wrap_free(void *block)
{
    frees += block != NULL;
    __real_free(block);
}

struct id {
    uint8_t bytes[WF_VERDICT_KEY_SIZE];
};

/* Keys of the same row differ in what stands behind the first eight bytes. */
static struct id id_of(uint64_t row, uint8_t rest)
{
    struct id id;

    memset(id.bytes, rest, sizeof(id.bytes));
    memcpy(id.bytes, &row, sizeof(row));
    return id;
}

static struct wf_verdict *verdict_new(int64_t judged, int64_t until)
{
    const struct wf_verdict from = {
        .source = WF_SOURCE_JWT, .claims = wf_json_new(), .judged = judged, .until = until};
    struct wf_verdict *verdict = NULL;

    assert_int_equal(wf_verdict_new_take(&from, &verdict, NULL), WF_OK);
    return verdict;
}

static struct wf_verdict *put(struct wf_verdicts *table, struct id id)
{
    struct wf_verdict *verdict = verdict_new(NOW, NOW + 300);

    wf_verdicts_put(table, id.bytes, verdict);
    wf_verdict_unref(verdict);
    return verdict; /* the table's alone */
}

static bool has(struct wf_verdicts *table, struct id id, const struct wf_verdict *expected)
{
    struct wf_verdict *found = wf_verdicts_get(table, id.bytes, NOW);
    bool same = found == expected;

    assert_true(found == NULL || same);
    wf_verdict_unref(found);
    return found != NULL;
}

static void test_verdict(void **state)
{
    static const char keys[] = "{\"keys\":[]}";
    struct wf_verdict from = {.source = WF_SOURCE_SESSION, .judged = 1, .until = 2};
    struct wf_verdict *verdict = NULL;

    (void)state;
    from.claims = wf_json_new();
    assert_int_equal(wf_jwks_parse(keys, strlen(keys), &from.keys, NULL, NULL), WF_OK);
    assert_int_equal(wf_verdict_new_take(&from, &verdict, NULL), WF_OK);
    assert_memory_equal(verdict, &from, sizeof(from));
    /* The verdict and the keys; claims are the library's blocks */
    frees = 0;
    wf_verdict_unref(verdict);
    assert_int_equal(frees, 2);
    wf_verdict_unref(NULL);
}

static void test_no_memory(void **state)
{
    static const char keys[] = "{\"keys\":[]}";
    struct wf_verdict from = {.judged = 1, .until = 2};
    struct wf_verdict *verdict = NULL;

    (void)state;
    from.claims = wf_json_new();
    assert_int_equal(wf_jwks_parse(keys, strlen(keys), &from.keys, NULL, NULL), WF_OK);
    frees = 0;
    fail_alloc_at = 1;
    assert_int_equal(wf_verdict_new_take(&from, &verdict, NULL), WF_INTERNAL);
    assert_null(verdict);
    assert_int_equal(frees, 1);
    for (unsigned n = 1; n <= 2; n++) {
        fail_alloc_at = n;
        assert_null(wf_verdicts_new(16));
    }
    fail_alloc_at = 0;
    wf_verdicts_free(NULL);
}

static void test_get(void **state)
{
    static const struct {
        const char *name;
        int64_t now;
        bool found;
    } rows[] = {
        {"at once", NOW, true},
        {"in the last second", NOW + 299, true},
        {"over", NOW + 300, false},
        {"a clock that went back a minute", NOW - 60, true},
        {"a clock that went back further", NOW - 61, false},
        {"another age", 0, false},
    };

    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(rows); i++) {
        struct wf_verdicts *table = wf_verdicts_new(16);
        struct id id = id_of(5, 1);
        struct wf_verdict *kept = put(table, id);
        struct wf_verdict *found = wf_verdicts_get(table, id.bytes, rows[i].now);
        if (found != (rows[i].found ? kept : NULL))
            fail_msg("%s: %d", rows[i].name, found != NULL);
        wf_verdict_unref(found);
        /* What did not hold once is gone for good */
        assert_int_equal(has(table, id, kept), rows[i].found);
        wf_verdicts_free(table);
    }
}

static void test_keys(void **state)
{
    struct wf_verdicts *table = wf_verdicts_new(16);
    struct id a = id_of(5, 1);
    struct id b = id_of(5, 2);
    struct id c = id_of(7, 1); /* the same row of two */
    struct id d = id_of(6, 1);

    (void)state;
    assert_null(wf_verdicts_get(table, a.bytes, NOW));
    struct wf_verdict *kept = put(table, a);
    assert_true(has(table, a, kept));
    assert_false(has(table, b, NULL));
    assert_false(has(table, c, NULL));
    assert_false(has(table, d, NULL));
    for (size_t i = 0; i < WF_VERDICT_KEY_SIZE; i++) {
        struct id near = a;
        near.bytes[i] ^= 0x80;
        assert_false(has(table, near, NULL));
    }
    struct wf_verdict *second = put(table, b);
    assert_true(has(table, a, kept));
    assert_true(has(table, b, second));
    /* The same key again takes its own place, and frees what stood there */
    frees = 0;
    struct wf_verdict *again = put(table, a);
    assert_int_equal(frees, 1);
    assert_true(has(table, a, again));
    assert_true(has(table, b, second));
    wf_verdicts_free(table);
}

/* A full row loses what was not used for longest, and nothing else. */
static void test_full_row(void **state)
{
    for (uint8_t victim = 0; victim < WAYS; victim++) {
        struct wf_verdicts *table = wf_verdicts_new(16);
        struct wf_verdict *kept[WAYS];
        for (uint8_t i = 0; i < WAYS; i++)
            kept[i] = put(table, id_of(3, i));
        struct wf_verdict *neighbour = put(table, id_of(4, 0));
        for (uint8_t i = 0; i < WAYS; i++)
            assert_true(i == victim || has(table, id_of(3, i), kept[i]));
        frees = 0;
        struct wf_verdict *added = put(table, id_of(3, 100));
        assert_int_equal(frees, 1);
        for (uint8_t i = 0; i < WAYS; i++)
            assert_int_equal(has(table, id_of(3, i), kept[i]), i != victim);
        assert_true(has(table, id_of(3, 100), added));
        assert_true(has(table, id_of(4, 0), neighbour));
        wf_verdicts_free(table);
    }
    (void)state;
}

/* Reading counts as use, in the order of reading. */
static void test_order_of_use(void **state)
{
    struct wf_verdicts *table = wf_verdicts_new(8);
    struct wf_verdict *kept[WAYS];

    (void)state;
    for (uint8_t i = 0; i < WAYS; i++)
        kept[i] = put(table, id_of(0, i));
    for (uint8_t i = WAYS; i-- > 0;)
        assert_true(has(table, id_of(0, i), kept[i]));
    (void)put(table, id_of(0, 100));
    (void)put(table, id_of(0, 101));
    for (uint8_t i = 0; i < WAYS; i++)
        assert_int_equal(has(table, id_of(0, i), kept[i]), i < WAYS - 2);
    wf_verdicts_free(table);
}

/* A place that an expired verdict left is taken before anything is thrown out. */
static void test_free_place(void **state)
{
    struct wf_verdicts *table = wf_verdicts_new(8);
    struct wf_verdict *kept[WAYS];
    struct id id = id_of(0, 5);
    struct wf_verdict *brief = verdict_new(NOW, NOW + 1);

    (void)state;
    for (uint8_t i = 0; i < WAYS; i++)
        kept[i] = i == 5 ? NULL : put(table, id_of(0, i));
    wf_verdicts_put(table, id.bytes, brief);
    wf_verdict_unref(brief);
    assert_null(wf_verdicts_get(table, id.bytes, NOW + 1));
    struct wf_verdict *added = put(table, id_of(0, 100));
    for (uint8_t i = 0; i < WAYS; i++)
        assert_true(i == 5 || has(table, id_of(0, i), kept[i]));
    assert_true(has(table, id_of(0, 100), added));
    wf_verdicts_free(table);
}

/* The bound: a table for n keeps at most n, rounded up to whole rows, and at least so many. */
static void test_bound(void **state)
{
    static const struct {
        size_t max;
        size_t rows;
    } tables[] = {{1, 1}, {8, 1}, {9, 2}, {16, 2}, {17, 3}, {1024, 128}};

    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(tables); i++) {
        struct wf_verdicts *table = wf_verdicts_new(tables[i].max);
        size_t kept = 0;
        for (uint64_t row = 0; row < 4 * tables[i].rows; row++) {
            for (uint8_t k = 0; k < WAYS; k++)
                (void)put(table, id_of(row, k));
        }
        for (uint64_t row = 0; row < 4 * tables[i].rows; row++) {
            for (uint8_t k = 0; k < WAYS; k++) {
                struct id id = id_of(row, k);
                struct wf_verdict *found = wf_verdicts_get(table, id.bytes, NOW);
                kept += found != NULL;
                wf_verdict_unref(found);
            }
        }
        assert_int_equal(kept, tables[i].rows * WAYS);
        wf_verdicts_free(table);
    }
}

/* One that was handed out lives on when the table throws it out. */
static void test_references(void **state)
{
    struct wf_verdicts *table = wf_verdicts_new(8);
    struct id id = id_of(0, 1);

    (void)state;
    (void)put(table, id);
    struct wf_verdict *found = wf_verdicts_get(table, id.bytes, NOW);
    wf_verdicts_free(table);
    assert_int_equal(found->until, NOW + 300);
    frees = 0;
    wf_verdict_unref(found);
    assert_int_equal(frees, 1);
}

static void *run(void *arg)
{
    struct wf_verdicts *table = arg;

    for (unsigned i = 0; i < 20000; i++) {
        struct id id = id_of(i % 7, (uint8_t)(i % 11));
        struct wf_verdict *found = wf_verdicts_get(table, id.bytes, NOW + i % 400);
        if (found == NULL) {
            struct wf_verdict *verdict = verdict_new(NOW, NOW + 300);
            wf_verdicts_put(table, id.bytes, verdict);
            wf_verdict_unref(verdict);
        }
        wf_verdict_unref(found);
    }
    return NULL;
}

static void test_threads(void **state)
{
    struct wf_verdicts *table = wf_verdicts_new(32);
    pthread_t threads[4];

    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, run, table), 0);
    for (size_t i = 0; i < WF_ARRAY_LEN(threads); i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    wf_verdicts_free(table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_verdict),    cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_get),        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_full_row),   cmocka_unit_test(test_order_of_use),
        cmocka_unit_test(test_free_place),
        cmocka_unit_test(test_bound),      cmocka_unit_test(test_references),
        cmocka_unit_test(test_threads),
    };
    return cmocka_run_group_tests_name("verdict", tests, NULL, NULL);
}
