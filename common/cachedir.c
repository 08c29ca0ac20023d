#include "config.h"

#include "cachedir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <pwd.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "crypto.h"

/* Names of ours that no entry can have, since an entry's does not begin with '.' */
#define LOCK_PREFIX ".lock-"
#define TEMPORARY_PREFIX ".tmp-"
/* A temporary file of this age belongs to nobody any more: writing takes milliseconds. Seconds. */
#define TEMPORARY_AGE 3600
/* An entry of passwd, and of a name service that puts more there. */
#define PASSWD_MAX ((size_t)16 * 1024)
/* Entries that are looked at when there are too many: 700 KB of names. */
#define TRIM_MAX 8192
/* Between two tries for a lock. Milliseconds; the first ones come faster. */
#define POLL_MAX_MS 20

struct wf_cachedir {
    const struct wf_log *log;
    atomic_flag said; /* what is wrong with the folder stands in the log */
    char path[];
};

/* The folder */

/* May this part of a path be trusted? Whoever can write it could put another folder there; where
 * the sticky bit is set only what is their own (as in /tmp). The last part is the folder itself. */
static enum wf_reason judge_part(int fd, const char *path, size_t len, bool last,
                                 struct wf_err *err)
{
    uid_t me = geteuid();
    struct stat st;

    if (fstat(fd, &st) != 0)
        return wf_fail(err, WF_CONFIG, "cannot examine %.*s: %s", (int)len, path,
                       wf_errno_text(errno));
    if (st.st_uid != me && (last || st.st_uid != 0))
        return wf_fail(err, WF_CONFIG, "%.*s belongs to user %u, expected %u: chown it", (int)len,
                       path, (unsigned)st.st_uid, (unsigned)me);
    if ((st.st_mode & (S_IWGRP | S_IWOTH)) != 0 && (last || (st.st_mode & S_ISVTX) == 0))
        return wf_fail(err, WF_CONFIG, "%.*s can be written by others: chmod go-w it", (int)len,
                       path);
    return WF_OK;
}

/* Open a folder part by part, each judged. The descriptor is good for the …at calls alone. */
static enum wf_reason walk(const char *path, bool is_folder, int *ret_fd, struct wf_err *err)
{
    enum wf_reason reason = WF_INTERNAL;
    size_t at = 0;
    int fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);

    if (path[0] != '/' || fd < 0) {
        reason = wf_fail(err, WF_CONFIG, "%s is not an absolute path", path);
        goto out;
    }
    for (;;) {
        char part[NAME_MAX + 1];
        at += strspn(path + at, "/");
        size_t len = strcspn(path + at, "/");
        bool last = path[at + len + strspn(path + at + len, "/")] == '\0';
        if (len > NAME_MAX || (len == 2 && memcmp(path + at, "..", 2) == 0)) {
            reason = wf_fail(err, WF_CONFIG, "%s has a part that no folder can have", path);
            goto out;
        }
        (void)snprintf(part, sizeof(part), "%.*s", (int)len, len == 0 ? "." : path + at);
        int next = openat(fd, len == 0 ? "." : part, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        at += len;
        if (next < 0) {
            reason = wf_fail(err, WF_CONFIG, "cannot open folder %.*s%s: %s", (int)at, path,
                             errno == ENOTDIR ? " (no symbolic links here)" : "",
                             wf_errno_text(errno));
            goto out;
        }
        (void)close(fd);
        fd = next;
        reason = judge_part(fd, path, at, is_folder && last, err);
        if (reason != WF_OK || last)
            break;
    }
    if (reason == WF_OK) {
        *ret_fd = fd;
        fd = -1;
    }
out:
    if (fd >= 0)
        (void)close(fd);
    return reason;
}

/* Make a folder of ours unless it is there. What went wrong shows when it is opened. */
static void make(const char *path, mode_t mode)
{
    const char *slash = strrchr(path, '/');
    char parent[PATH_MAX];
    int in = -1;

    if (slash == NULL || (size_t)(slash - path) >= sizeof(parent))
        return;
    (void)snprintf(parent, sizeof(parent), "%.*s", (int)(slash - path), path);
    if (walk(parent[0] == '\0' ? "/" : parent, false, &in, NULL) != WF_OK)
        return;
    /* The host's umask is not ours to change, nor may it decide, and it may even keep us from
     * opening what we made. By name is safe here: it is ours, and nobody else can put something
     * else in its place, since walk() has judged where it is. */
    if (mkdirat(in, slash + 1, mode) == 0 && fchmodat(in, slash + 1, mode, 0) != 0)
        (void)unlinkat(in, slash + 1, AT_REMOVEDIR);
    (void)close(in);
}

/* "A/B", made if missing, with A if that is missing, too. */
static char *make_default(const char *parent, mode_t parent_mode, mode_t mode)
{
    struct wf_buf path = WF_BUF_INIT(PATH_MAX);

    wf_buf_append_text(&path, parent);
    wf_buf_append_text(&path, "/wfauth");
    if (wf_buf_ok(&path)) {
        make(parent, parent_mode);
        make(wf_buf_text_borrow(&path), mode);
    }
    return wf_buf_steal(&path, NULL);
}

/* A service's user has a folder in root's, if an administrator has made one. NULL: none. */
static char *service_folder(const char *user)
{
    struct wf_buf path = WF_BUF_INIT(PATH_MAX);
    int fd = -1;

    wf_buf_append_text(&path, WF_LOCALSTATEDIR "/cache/wfauth/");
    wf_buf_append_text(&path, user);
    const char *text = wf_buf_text_borrow(&path);
    if (text == NULL || walk(text, true, &fd, NULL) != WF_OK) {
        wf_buf_done(&path);
        return NULL;
    }
    (void)close(fd);
    return wf_buf_steal(&path, NULL);
}

/* $XDG_CACHE_HOME is what a person says of their own files, and nothing where the process is more
 * than that person. */
static char *person_folder(const char *home)
{
    const char *cache = secure_getenv("XDG_CACHE_HOME");
    char path[PATH_MAX];

    if (cache != NULL && cache[0] == '/')
        return make_default(cache, 0700, 0700);
    int n = snprintf(path, sizeof(path), "%s/.cache", home);
    if (n < 0 || (size_t)n >= sizeof(path) || home[0] != '/')
        return NULL;
    return make_default(path, 0700, 0700);
}

/* What passwd says of the effective user decides between a service's folder and a person's. */
static char *user_folder(void)
{
    /* Wipes what it held: some name services put the password's hash there */
    struct wf_buf buf = WF_BUF_INIT(PASSWD_MAX);
    uint8_t *room = wf_buf_room(&buf, PASSWD_MAX);
    struct passwd entry;
    struct passwd *found = NULL;
    char *path = NULL;

    if (room == NULL || getpwuid_r(geteuid(), &entry, (char *)room, PASSWD_MAX, &found) != 0 ||
        found == NULL)
        goto out;
    if (strchr(found->pw_name, '/') == NULL)
        path = service_folder(found->pw_name);
    if (path == NULL)
        path = person_folder(found->pw_dir);
out:
    wf_buf_done(&buf);
    return path;
}

/* A folder for this process, made if need be. NULL if memory is short or none can be named. */
static char *choose(const char *configured)
{
    if (configured != NULL) {
        make(configured, 0700);
        return strdup(configured);
    }
    if (geteuid() == 0)
        return make_default(WF_LOCALSTATEDIR "/cache", 0755, 0711);
    return user_folder();
}

enum wf_reason wf_cachedir_open(const char *configured, const struct wf_log *log,
                                struct wf_cachedir **ret, struct wf_err *err)
{
    enum wf_reason reason = WF_INTERNAL;
    struct wf_cachedir *dir = NULL;
    struct wf_err why = WF_ERR_INIT;
    char *path = choose(configured);
    int fd = -1;

    if (path == NULL)
        reason = wf_fail(&why, WF_CONFIG, "user %u has no home to keep it in: set cache_dir",
                         (unsigned)geteuid());
    else
        reason = walk(path, true, &fd, &why);
    if (reason != WF_OK) {
        wf_log(log, WF_LOG_WARNING, "keys and answers are not kept on disk: %s", why.text);
        *ret = NULL;
        reason = WF_OK;
        goto out;
    }
    dir = calloc(1, sizeof(*dir) + strlen(path) + 1);
    if (dir == NULL) {
        reason = wf_fail(err, WF_INTERNAL, "out of memory for the cache folder");
        goto out;
    }
    dir->log = log;
    atomic_flag_clear(&dir->said);
    memcpy(dir->path, path, strlen(path));
    *ret = dir;
out:
    if (fd >= 0)
        (void)close(fd);
    free(path);
    return reason;
}

void wf_cachedir_free(struct wf_cachedir *dir)
{
    free(dir);
}

/* The folder for one operation; -1, said once, if it cannot be used. */
static int enter(struct wf_cachedir *dir)
{
    struct wf_err err = WF_ERR_INIT;
    int fd = -1;

    if (dir == NULL)
        return -1;
    if (walk(dir->path, true, &fd, &err) != WF_OK && !atomic_flag_test_and_set(&dir->said))
        wf_log(dir->log, WF_LOG_WARNING, "keys and answers are not kept on disk: %s", err.text);
    return fd;
}

/* Entries */

static bool name_is_valid(const char *name)
{
    static const char allowed[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-.";
    size_t len = strlen(name);

    return len > 0 && len <= WF_CACHEDIR_NAME_MAX && name[0] != '.' && strspn(name, allowed) == len;
}

/* NULL, or what is wrong with a file that should be one of ours. */
static const char *judge_file(int fd, struct stat *ret_st)
{
    if (fstat(fd, ret_st) != 0)
        return "it cannot be examined";
    if (!S_ISREG(ret_st->st_mode))
        return "it is no regular file";
    if (ret_st->st_uid != geteuid())
        return "it belongs to somebody else";
    if ((ret_st->st_mode & (S_IWGRP | S_IWOTH)) != 0)
        return "it can be written by others";
    return NULL;
}

/* Append len bytes, fewer where the file has become shorter. */
static void read_all(int fd, struct wf_buf *out, size_t len)
{
    uint8_t *room = wf_buf_room(out, len);
    size_t done = 0;

    while (room != NULL && done < len) {
        ssize_t n = read(fd, room + done, len - done);
        if (n > 0)
            done += (size_t)n;
        else if (n == 0 || errno != EINTR)
            break;
    }
    wf_buf_added(out, done);
}

bool wf_cachedir_read(struct wf_cachedir *dir, const char *name, struct wf_buf *out)
{
    const char *fault = NULL;
    struct stat st;
    int fd = -1;

    wf_buf_reset(out);
    int in = name_is_valid(name) ? enter(dir) : -1;
    if (in < 0)
        return true;
    fd = openat(in, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) {
        int number = errno;
        if (number != ENOENT)
            fault = number == ELOOP ? "it is a symbolic link" : wf_errno_text(number);
        goto out;
    }
    fault = judge_file(fd, &st);
    if (fault == NULL && (uint64_t)st.st_size > out->max)
        fault = "it is too large";
    /* What a machine leaves that stopped at the wrong moment */
    if (fault == NULL && st.st_size == 0)
        fault = "it is empty";
    if (fault == NULL)
        read_all(fd, out, (size_t)st.st_size);
out:
    if (fault != NULL)
        wf_log(dir->log, WF_LOG_WARNING, "%s/%s is ignored: %s", dir->path, name, fault);
    if (fd >= 0)
        (void)close(fd);
    (void)close(in);
    return wf_buf_ok(out);
}

/* Writing more than this limit allows would kill the host with SIGXFSZ. */
static bool is_within_limit(size_t len)
{
    struct rlimit limit;

    return getrlimit(RLIMIT_FSIZE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY ||
           len <= limit.rlim_cur;
}

/* NULL, or what went wrong. */
static const char *write_all(int fd, const void *data, size_t len)
{
    const uint8_t *from = data;
    size_t done = 0;

    /* The host's umask must not decide who reads it, not even that we do not */
    if (fchmod(fd, 0600) != 0)
        return wf_errno_text(errno);
    while (done < len) {
        ssize_t n = write(fd, from + done, len - done);
        if (n > 0)
            done += (size_t)n;
        else if (n == 0 || errno != EINTR)
            return n == 0 ? "nothing taken" : wf_errno_text(errno);
    }
    return NULL;
}

/* Write a new file of an unpredictable name. NULL, or what went wrong, and then no file is left. */
static const char *write_temporary(int in, const void *data, size_t len, char *ret_name,
                                   size_t size)
{
    uint64_t random = 0;

    if (!is_within_limit(len))
        return "the process may not write files of this size (RLIMIT_FSIZE)";
    if (wf_crypto_random(&random, sizeof(random), NULL) != WF_OK)
        return "no random name";
    (void)snprintf(ret_name, size, TEMPORARY_PREFIX "%016" PRIx64, random);
    int fd = openat(in, ret_name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return wf_errno_text(errno);
    const char *fault = write_all(fd, data, len);
    /* Some file systems report a full disk only here */
    if (close(fd) != 0 && fault == NULL)
        fault = wf_errno_text(errno);
    if (fault != NULL)
        (void)unlinkat(in, ret_name, 0);
    return fault;
}

bool wf_cachedir_replace(struct wf_cachedir *dir, const char *name, const void *data, size_t len)
{
    char temporary[sizeof(TEMPORARY_PREFIX) + 16];
    const char *fault = NULL;

    if (!name_is_valid(name) || len > WF_CACHEDIR_ENTRY_MAX)
        return false;
    int in = enter(dir);
    if (in < 0)
        return false;
    fault = write_temporary(in, data, len, temporary, sizeof(temporary));
    if (fault == NULL && renameat(in, temporary, in, name) != 0) {
        fault = wf_errno_text(errno);
        (void)unlinkat(in, temporary, 0);
    }
    if (fault != NULL)
        wf_log(dir->log, WF_LOG_WARNING, "cannot write %s/%s: %s", dir->path, name, fault);
    (void)close(in);
    return fault == NULL;
}

void wf_cachedir_remove(struct wf_cachedir *dir, const char *name)
{
    int in = name_is_valid(name) ? enter(dir) : -1;

    if (in < 0)
        return;
    (void)unlinkat(in, name, 0);
    (void)close(in);
}

/* Locks */

static int64_t now_ms(void)
{
    struct timespec now = {0, 0};

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int open_lock(struct wf_cachedir *dir, const char *name)
{
    char path[sizeof(LOCK_PREFIX) + WF_CACHEDIR_NAME_MAX];
    struct stat st;
    int in = name_is_valid(name) ? enter(dir) : -1;

    if (in < 0)
        return -1;
    (void)snprintf(path, sizeof(path), LOCK_PREFIX "%s", name);
    int fd = openat(in, path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY,
                    0600);
    const char *fault = fd < 0 ? wf_errno_text(errno) : judge_file(fd, &st);
    if (fault != NULL) {
        wf_log(dir->log, WF_LOG_WARNING, "%s/%s is no lock: %s", dir->path, path, fault);
        if (fd >= 0)
            (void)close(fd);
        fd = -1;
    }
    (void)close(in);
    return fd;
}

bool wf_cachedir_lock(struct wf_cachedir *dir, const char *name, unsigned wait_ms, int *ret)
{
    int64_t deadline = now_ms() + wait_ms;
    int pause = 1;
    /* Each call opens the file anew: flock(2) then works between threads, too */
    int fd = open_lock(dir, name);

    *ret = -1;
    if (fd < 0)
        return true;
    while (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        int64_t left = deadline - now_ms();
        if (errno != EWOULDBLOCK && errno != EINTR) {
            wf_log(dir->log, WF_LOG_WARNING, "no locks in %s: %s", dir->path, wf_errno_text(errno));
            (void)close(fd);
            return true;
        }
        if (left <= 0) {
            (void)close(fd);
            return false;
        }
        /* flock has no time-out but by a signal, and signals are the host's */
        (void)poll(NULL, 0, left < pause ? (int)left : pause);
        pause = pause * 2 > POLL_MAX_MS ? POLL_MAX_MS : pause * 2;
    }
    *ret = fd;
    return true;
}

void wf_cachedir_unlock(int lock)
{
    if (lock < 0)
        return;
    /* Said, not only closed: a child that another thread forked meanwhile holds a copy */
    (void)flock(lock, LOCK_UN);
    (void)close(lock);
}

/* Keeping the number bounded */

struct found {
    struct timespec age;
    char name[WF_CACHEDIR_NAME_MAX + 1];
};

static int by_age(const void *a, const void *b)
{
    const struct timespec *x = &((const struct found *)a)->age;
    const struct timespec *y = &((const struct found *)b)->age;

    if (x->tv_sec != y->tv_sec)
        return x->tv_sec < y->tv_sec ? -1 : 1;
    return x->tv_nsec < y->tv_nsec ? -1 : x->tv_nsec > y->tv_nsec;
}

/* What a process left that died while writing. */
static void remove_leftover(int in, const char *name)
{
    struct timespec now = {0, 0};
    struct stat st;

    (void)clock_gettime(CLOCK_REALTIME, &now);
    if (strncmp(name, TEMPORARY_PREFIX, strlen(TEMPORARY_PREFIX)) == 0 &&
        fstatat(in, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && now.tv_sec - st.st_mtime > TEMPORARY_AGE)
        (void)unlinkat(in, name, 0);
}

void wf_cachedir_trim(struct wf_cachedir *dir, const char *prefix, size_t most)
{
    struct wf_buf list = WF_BUF_INIT(TRIM_MAX * sizeof(struct found));
    int in = enter(dir);
    int fd = in < 0 ? -1 : openat(in, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *stream = fd < 0 ? NULL : fdopendir(fd);
    struct found found;
    struct stat st;

    if (stream == NULL) {
        if (fd >= 0)
            (void)close(fd);
        goto out;
    }
    for (const struct dirent *e = readdir(stream); e != NULL; e = readdir(stream)) {
        remove_leftover(in, e->d_name);
        if (!name_is_valid(e->d_name) || strncmp(e->d_name, prefix, strlen(prefix)) != 0 ||
            fstatat(in, e->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0)
            continue;
        found.age = st.st_mtim;
        (void)snprintf(found.name, sizeof(found.name), "%.*s", WF_CACHEDIR_NAME_MAX, e->d_name);
        wf_buf_append(&list, &found, sizeof(found));
    }
    (void)closedir(stream);
    /* Where there were too many to remember, those that were seen are as good as any */
    struct found *all = (struct found *)(void *)list.data;
    size_t count = list.len / sizeof(found);
    if (count > 0)
        qsort(all, count, sizeof(all[0]), by_age);
    for (size_t i = 0; i + most < count; i++)
        (void)unlinkat(in, all[i].name, 0);
out:
    if (in >= 0)
        (void)close(in);
    wf_buf_done(&list);
}
