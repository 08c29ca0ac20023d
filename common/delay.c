#include "config.h"

#include "delay.h"

#include <errno.h>

void wf_delay_until(const struct timespec *start)
{
    struct timespec until = {start->tv_sec + WF_DELAY_SECONDS, start->tv_nsec};

    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == EINTR)
        continue;
}
