/* A disk that is full: what must be on it before anybody goes on is not. Link the test with
 * -Wl,--wrap=fsync. */
#ifndef WF_TEST_FULLDISK_H
#define WF_TEST_FULLDISK_H

#include <errno.h>
#include <stdbool.h>

static bool disk_is_full;
int __real_fsync(int fd);
int __wrap_fsync(int fd);
int __wrap_fsync(int fd)
{
    errno = ENOSPC;
    return disk_is_full ? -1 : __real_fsync(fd);
}

#endif
