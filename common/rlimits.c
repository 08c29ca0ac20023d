#include "config.h"

#include "rlimits.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "text.h"

/* As wfauth-http has them (drop.c), where they are explained. */
#define DESCRIPTORS 64
#define CPU_SECONDS 30
#define MEMORY ((size_t)64 * 1024 * 1024)
/* Of the first thread: what a resolver's has in drop.c. */
#define STACK ((rlim_t)1024 * 1024)

struct need {
    const char *what;
    const char *ulimit;
    __rlimit_resource_t resource;
    rlim_t least;
};

/* Beside the file's size */
static const struct need needs[] = {
    {"descriptors", "-n", RLIMIT_NOFILE, DESCRIPTORS},
    {"seconds of processor time", "-t", RLIMIT_CPU, CPU_SECONDS},
    {"bytes of stack", "-s", RLIMIT_STACK, STACK},
};

/* True if it is at least that, perhaps by now; else *ret_found is what it is. */
static bool raise_limit(__rlimit_resource_t resource, rlim_t least, rlim_t *ret_found)
{
    struct rlimit limit;

    if (getrlimit(resource, &limit) != 0) {
        *ret_found = 0;
        return false;
    }
    if (limit.rlim_cur >= least)
        return true;
    /* Beyond the hard one takes a capability that root in a container may lack */
    const struct rlimit wanted = {least, limit.rlim_max > least ? limit.rlim_max : least};
    if (setrlimit(resource, &wanted) == 0)
        return true;
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(resource, &limit);
    *ret_found = limit.rlim_cur;
    return false;
}

/* Whatever limit there is, of address space, of data, or the machine's own, this meets it. */
static bool has_memory(void)
{
    void *room = mmap(NULL, MEMORY, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    return room != MAP_FAILED && munmap(room, MEMORY) == 0;
}

static enum wf_reason meet(const struct need *need, struct wf_err *err)
{
    rlim_t found;

    if (raise_limit(need->resource, need->least, &found))
        return WF_OK;
    return wf_fail(err, WF_CONFIG,
                   "nothing was asked, since the answer might be lost: %llu %s are allowed, and "
                   "%llu needed: raise ulimit %s",
                   (unsigned long long)found, need->what, (unsigned long long)need->least,
                   need->ulimit);
}

enum wf_reason wf_rlimits_raise(size_t file_max, struct wf_err *err)
{
    const struct need file = {"bytes of a file", "-f", RLIMIT_FSIZE, file_max};
    enum wf_reason reason = meet(&file, err);
    rlim_t found;

    for (size_t i = 0; reason == WF_OK && i < WF_ARRAY_LEN(needs); i++)
        reason = meet(&needs[i], err);
    if (reason != WF_OK)
        return reason;
    /* As far as that goes: what is left counts */
    (void)raise_limit(RLIMIT_AS, RLIM_INFINITY, &found);
    (void)raise_limit(RLIMIT_DATA, RLIM_INFINITY, &found);
    if (!has_memory())
        return wf_fail(err, WF_CONFIG,
                       "nothing was asked, since the answer might be lost: %zu bytes of memory are "
                       "needed: %s: raise ulimit -v and -d",
                       MEMORY, wf_errno_text(errno));
    return WF_OK;
}
