#include "config.h"

#include "age.h"

/* Nothing is added to or taken from `then`, which may be as far away as a number can be. */

bool wf_age_is_past(int64_t then, int64_t now)
{
    return then <= now + WF_AGE_SLACK;
}

bool wf_age_is_below(int64_t then, int64_t now, int64_t life)
{
    return wf_age_is_past(then, now) && then > now - life;
}
