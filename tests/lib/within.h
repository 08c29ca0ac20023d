/* cmocka 2 deprecates assert_in_range, and cmocka 1 has nothing in its place. */
#ifndef WF_TEST_WITHIN_H
#define WF_TEST_WITHIN_H

#include <stdint.h>

/* min <= value <= max, each evaluated once. */
#define assert_within(value, min, max)                                                             \
    do {                                                                                           \
        const intmax_t seen_ = (intmax_t)(value);                                                  \
        if (seen_ < (intmax_t)(min) || seen_ > (intmax_t)(max))                                    \
            fail_msg("%s is %jd, expected %s..%s", #value, seen_, #min, #max);                     \
    } while (0)

#endif
