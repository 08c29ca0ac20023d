/* Where a host hides whether a user exists, a refusal must not tell by its time. */
#ifndef WF_DELAY_H
#define WF_DELAY_H

#include <time.h>

/* How long every refusal takes then: longer than one or two requests usually do, and as long as
 * pam_unix delays a wrong password. */
#define WF_DELAY_SECONDS 2

/* Sleep until WF_DELAY_SECONDS after start, a reading of CLOCK_MONOTONIC. Signals that the host
 * handles do not shorten it. */
void wf_delay_until(const struct timespec *start);

#endif
