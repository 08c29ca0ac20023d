#include "config.h"

#include "cachedir.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "folder.h"

_Static_assert(WF_CACHEDIR_NAME_MAX == WF_FOLDER_NAME_MAX, "an entry is a file");

struct wf_cachedir {
    const struct wf_log *log;
    uid_t user; /* whose it is */
    char *path;
    atomic_flag said; /* what is wrong with the folder stands in the log */
};

enum wf_reason wf_cachedir_open(const char *configured, const struct wf_log *log,
                                struct wf_cachedir **ret, struct wf_err *err)
{
    static const struct wf_folder_default standard = {"/cache", 0711, true, "XDG_CACHE_HOME",
                                                      "/.cache"};
    enum wf_reason reason = WF_INTERNAL;
    struct wf_cachedir *dir = NULL;
    struct wf_err why = WF_ERR_INIT;
    char *path = wf_folder_choose(configured, &standard);
    int fd = path == NULL ? -1 : wf_folder_walk(path, 0, &why);

    if (path == NULL)
        (void)wf_fail(&why, WF_CONFIG, "user %u has no home to keep it in: set cache_dir",
                      (unsigned)geteuid());
    if (fd < 0) {
        wf_log(log, WF_LOG_WARNING, "keys and answers are not kept on disk: %s", why.text);
    } else {
        dir = calloc(1, sizeof(*dir));
        if (dir == NULL) {
            reason = wf_fail(err, WF_INTERNAL, "out of memory for the cache folder");
            goto out;
        }
        dir->log = log;
        dir->user = geteuid();
        dir->path = path;
        atomic_flag_clear(&dir->said);
        path = NULL;
    }
    *ret = dir;
    reason = WF_OK;
out:
    wf_folder_shut(fd);
    free(path);
    return reason;
}

void wf_cachedir_free(struct wf_cachedir *dir)
{
    if (dir == NULL)
        return;
    free(dir->path);
    free(dir);
}

/* The folder for one operation; -1, said once, if it cannot be used. */
static int enter(struct wf_cachedir *dir)
{
    struct wf_err err = WF_ERR_INIT;

    if (dir == NULL)
        return -1;
    /* Not worth a line: a daemon that has given root up, as it should */
    if (geteuid() != dir->user)
        return -1;
    int in = wf_folder_walk(dir->path, 0, &err);
    if (in < 0 && !atomic_flag_test_and_set(&dir->said))
        wf_log(dir->log, WF_LOG_WARNING, "keys and answers are not kept on disk: %s", err.text);
    return in;
}

/* The folder for one operation on the entry or lock of this name; -1 for a name that none has. */
static int enter_for(struct wf_cachedir *dir, const char *name)
{
    return wf_folder_name_is_valid(name) ? enter(dir) : -1;
}

bool wf_cachedir_read(struct wf_cachedir *dir, const char *name, struct wf_buf *out)
{
    wf_buf_reset(out);
    int in = enter_for(dir, name);
    if (in < 0)
        return true;
    const char *fault = wf_folder_read(in, name, WF_FOLDER_NOT_WRITABLE, out);
    (void)close(in);
    if (fault != NULL)
        wf_log(dir->log, WF_LOG_WARNING, "%s/%s is ignored: %s", dir->path, name, fault);
    return wf_buf_ok(out);
}

bool wf_cachedir_replace(struct wf_cachedir *dir, const char *name, const void *data, size_t len)
{
    int in = len <= WF_CACHEDIR_ENTRY_MAX ? enter_for(dir, name) : -1;

    if (in < 0)
        return false;
    const char *fault = wf_folder_replace(in, name, data, len, false);
    if (fault != NULL)
        wf_log(dir->log, WF_LOG_WARNING, "cannot write %s/%s: %s", dir->path, name, fault);
    (void)close(in);
    return fault == NULL;
}

bool wf_cachedir_remove(struct wf_cachedir *dir, const char *name)
{
    int in = enter_for(dir, name);

    /* Whoever cannot enter reads nothing there */
    if (in < 0)
        return true;
    int number = unlinkat(in, name, 0) == 0 || errno == ENOENT ? 0 : errno;
    (void)close(in);
    if (number != 0)
        wf_log(dir->log, WF_LOG_WARNING, "cannot remove %s/%s: %s", dir->path, name,
               wf_errno_text(number));
    return number == 0;
}

static int open_lock(struct wf_cachedir *dir, const char *name)
{
    const char *fault = NULL;
    int in = enter_for(dir, name);

    if (in < 0)
        return -1;
    int fd = wf_folder_lock_open(in, name, &fault);
    if (fault != NULL)
        wf_log(dir->log, WF_LOG_WARNING, "%s/.lock-%s is no lock: %s", dir->path, name, fault);
    (void)close(in);
    return fd;
}

bool wf_cachedir_lock(struct wf_cachedir *dir, const char *name, unsigned wait_ms, int *ret)
{
    int fd = open_lock(dir, name);

    *ret = -1;
    if (fd < 0)
        return true;
    int number = wf_folder_lock_wait(fd, wait_ms);
    if (number == 0) {
        *ret = fd;
        return true;
    }
    (void)close(fd);
    if (number == EWOULDBLOCK)
        return false;
    wf_log(dir->log, WF_LOG_WARNING, "no locks in %s: %s", dir->path, wf_errno_text(number));
    return true;
}

void wf_cachedir_unlock(int lock)
{
    wf_folder_unlock(lock);
}

/* Keeping the number bounded */

static int order(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

static int by_age(const void *a, const void *b)
{
    const struct timespec *x = &((const struct wf_folder_entry *)a)->age;
    const struct timespec *y = &((const struct wf_folder_entry *)b)->age;
    int by_second = order(x->tv_sec, y->tv_sec);

    return by_second != 0 ? by_second : order(x->tv_nsec, y->tv_nsec);
}

void wf_cachedir_trim(struct wf_cachedir *dir, const char *prefix, size_t most)
{
    struct wf_buf list = WF_BUF_INIT(WF_FOLDER_LIST_MAX * sizeof(struct wf_folder_entry));
    int in = enter(dir);

    if (in < 0)
        return;
    (void)wf_folder_list(in, prefix, &list);
    /* Where there were too many to remember, those that were seen are as good as any */
    struct wf_folder_entry *all = (struct wf_folder_entry *)(void *)list.data;
    size_t count = list.len / sizeof(all[0]);
    if (count > most) {
        qsort(all, count, sizeof(all[0]), by_age);
        for (size_t i = 0; i < count - most; i++)
            (void)unlinkat(in, all[i].name, 0);
    }
    (void)close(in);
    wf_buf_done(&list);
}
