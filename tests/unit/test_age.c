/* How old something is, at every edge. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "age.h"
#include "macros.h"

#define T0 INT64_C(1700000000)

static const struct {
    const char *name;
    int64_t then;
    int64_t life;
    bool past;
    bool below;
} rows[] = {
    {"now", T0, 900, true, true},
    {"almost too old", T0 - 899, 900, true, true},
    {"too old", T0 - 900, 900, true, false},
    {"in this second", T0, 1, true, true},
    {"no life", T0, 0, true, false},
    {"no life, ahead", T0 + 1, 0, true, true},
    {"a little ahead", T0 + 300, 900, true, true},
    {"too far ahead", T0 + 301, 900, false, false},
    {"never", 0, 315360000, true, false},
    {"before all clocks", INT64_MIN, INT64_C(1) << 53, true, false},
    {"after all clocks", INT64_MAX, INT64_C(1) << 53, false, false},
};

static void test_ages(void **state)
{
    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(rows); i++) {
        if (wf_age_is_past(rows[i].then, T0) != rows[i].past)
            fail_msg("%s: past", rows[i].name);
        if (wf_age_is_below(rows[i].then, T0, rows[i].life) != rows[i].below)
            fail_msg("%s: below", rows[i].name);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_ages)};

    return cmocka_run_group_tests_name("age", tests, NULL, NULL);
}
