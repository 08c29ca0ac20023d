#include "config.h"

#include "forksafe.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define SIZE (WF_FORKSAFE_MAX * sizeof(struct wf_forksafe))

static bool zero_is_open(void)
{
    static const struct wf_forksafe zero;
    static const pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    static const pthread_cond_t cond = PTHREAD_COND_INITIALIZER;

    return memcmp(&zero.mutex, &mutex, sizeof(mutex)) == 0 &&
           memcmp(&zero.changed, &cond, sizeof(cond)) == 0;
}

struct wf_forksafe *wf_forksafe_new(void)
{
    if (!zero_is_open())
        return NULL;
    struct wf_forksafe *locks =
        mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (locks == MAP_FAILED)
        return NULL;
    pid_t owner = madvise(locks, SIZE, MADV_WIPEONFORK) == 0 ? 0 : getpid();
    for (size_t i = 0; i < WF_FORKSAFE_MAX; i++)
        locks[i].owner = owner;
    return locks;
}

void wf_forksafe_free(struct wf_forksafe *locks)
{
    /* Not destroyed: that would wait for those whom a parent left waiting on an old kernel */
    if (locks != NULL)
        (void)munmap(locks, SIZE);
}

bool wf_forksafe_lock(struct wf_forksafe *lock)
{
    if (lock->owner != 0 && lock->owner != getpid()) {
        memset(lock, 0, sizeof(*lock));
        lock->owner = getpid();
    }
    (void)pthread_mutex_lock(&lock->mutex);
    bool first = !lock->entered;
    lock->entered = true;
    return first;
}

void wf_forksafe_unlock(struct wf_forksafe *lock)
{
    (void)pthread_mutex_unlock(&lock->mutex);
}

void wf_forksafe_wait(struct wf_forksafe *lock)
{
    (void)pthread_cond_wait(&lock->changed, &lock->mutex);
}

void wf_forksafe_wake(struct wf_forksafe *lock)
{
    (void)pthread_cond_broadcast(&lock->changed);
}
