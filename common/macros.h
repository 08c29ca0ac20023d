/* Attributes and small macros that every file of the core may use. */
#ifndef WF_MACROS_H
#define WF_MACROS_H

#include <stddef.h>

#define WF_MUST_USE __attribute__((warn_unused_result))
/* What a module hands out; all else is hidden (-fvisibility=hidden). */
#define WF_EXPORT __attribute__((visibility("default")))
#define WF_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))

/* Number of elements of an array; a pointer does not compile. */
#define WF_ARRAY_LEN(a)                                                                            \
    (sizeof(a) / sizeof((a)[0]) +                                                                  \
     0 * sizeof(struct {                                                                           \
         _Static_assert(!__builtin_types_compatible_p(__typeof__(a), __typeof__(&(a)[0])),         \
                        "not an array");                                                           \
         int unused;                                                                               \
     }))

#endif
