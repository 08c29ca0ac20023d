/*
 * What the tests of cachedir share: a folder, and system calls that are watched and that fail on
 * demand. Link with -Wl,--wrap=openat,--wrap=close and what the test wraps itself.
 */
#ifndef WF_TEST_CACHECASE_H
#define WF_TEST_CACHECASE_H

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>

#include "keycase.h"

static char folder[64];

/* Calls of this name fail with this number. what: how the file's name begins, or for a call with
 * a descriptor "file" or "folder"; NULL: all. */
struct fault {
    const char *call;
    const char *what;
    int number;
};
static struct fault faults[2];
/* Descriptors closed that were not open, and files opened in a way that can be deceived. */
static unsigned misuses;

static inline bool fault_now(const char *call, const char *what)
{
    for (size_t i = 0; i < WF_ARRAY_LEN(faults); i++) {
        const struct fault *f = &faults[i];
        if (f->call == NULL || strcmp(f->call, call) != 0 ||
            (f->what != NULL && strncmp(f->what, what, strlen(f->what)) != 0))
            continue;
        errno = f->number;
        return true;
    }
    return false;
}

static inline const char *fault_what(int fd)
{
    struct stat st;

    return fstatat(fd, "", &st, AT_EMPTY_PATH) == 0 && S_ISREG(st.st_mode) ? "file" : "folder";
}

/* Every walk to a folder starts at "/": here it can start at a root of the test's own. */
static const char *fake_root;
int __real_openat(int in, const char *path, int flags, ...);
int __wrap_openat(int in, const char *path, int flags, ...);
int __wrap_openat(int in, const char *path, int flags, ...)
{
    bool alone = strcmp(path, "/") == 0 || strcmp(path, ".") == 0;
    mode_t mode = 0;

    if ((flags & O_CREAT) != 0) {
        va_list args;
        va_start(args, flags);
        mode = va_arg(args, mode_t);
        va_end(args);
        misuses += mode != 0600;
        misuses += strncmp(path, ".tmp-", 5) == 0 && (flags & O_EXCL) == 0;
    }
    misuses += (flags & O_CLOEXEC) == 0 || ((flags & O_NOFOLLOW) == 0 && !alone);
    misuses += in < 0 && path[0] != '/';
    if (fault_now("openat", path))
        return -1;
    if (fake_root != NULL && strcmp(path, "/") == 0)
        path = fake_root;
    return __real_openat(in, path, flags, mode);
}

int __real_close(int fd);
int __wrap_close(int fd);
int __wrap_close(int fd)
{
    bool fails = fault_now("close", fault_what(fd));
    int number = errno;

    if (__real_close(fd) != 0)
        misuses++;
    errno = number;
    return fails ? -1 : 0;
}

static inline const char *in_folder(const char *name)
{
    static char path[256];

    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    return path;
}

static inline void plant(const char *name, const char *text, mode_t mode)
{
    FILE *file = fopen(in_folder(name), "wx");

    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(in_folder(name), mode), 0);
}

/* Before and after each test */

static size_t open_files;

static inline int empty(void **state)
{
    (void)state;
    key_folder_empty(folder);
    key_log[0] = '\0';
    misuses = 0;
    open_files = key_open_files();
    return 0;
}

/* Whatever happened, no descriptor is left behind, and nobody else's was closed. */
static inline int closed(void **state)
{
    (void)state;
    if (key_open_files() == open_files && misuses == 0)
        return 0;
    (void)fprintf(stderr, "%zu descriptors, %zu before; %u misused\n", key_open_files(), open_files,
                  misuses);
    return -1;
}

/* Before and after all tests. Where a host has closed its standard input, 0 is a descriptor like
 * any other; whether the folder or the file in it has it depends on how deep the folder is. */

static bool deep;

static inline int folder_set_up(void **state)
{
    (void)state;
    (void)__real_close(STDIN_FILENO);
    key_folder_make(folder, sizeof(folder));
    if (!deep)
        return 0;
    (void)snprintf(folder + strlen(folder), sizeof(folder) - strlen(folder), "/deep");
    return mkdir(folder, 0700);
}

static inline int folder_tear_down(void **state)
{
    (void)state;
    key_folder_empty(folder);
    int rc = rmdir(folder);
    if (deep) {
        *strrchr(folder, '/') = '\0';
        rc |= rmdir(folder);
    }
    return rc;
}

#endif
