/* What every fuzz target shares: its entry point, and a claim that must hold for any input. */
#ifndef WF_FUZZ_H
#define WF_FUZZ_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Stop at once, so that libFuzzer keeps the input. */
#define FUZZ_CLAIM(condition)                                                                     \
    do {                                                                                          \
        if (!(condition))                                                                         \
            __builtin_trap();                                                                     \
    } while (0)

#endif
