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
    uid_t user; /* whose it is */
    char *path;
    atomic_flag said; /* what is wrong with the folder stands in the log */
};

/* -1 is fine. */
static void shut(int fd)
{
    if (fd >= 0)
        (void)close(fd);
}

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

/* Open a folder. If it is missing and mode is not 0, it is made. -1, and errno: it cannot be. */
static int open_part(int in, const char *name, mode_t mode)
{
    const int flags = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    int fd = openat(in, name, flags);

    if (fd >= 0 || errno != ENOENT || mode == 0)
        return fd;
    /* The host's umask is not ours to change, nor may it decide, and it may even keep us from
     * opening what we made. By name is safe here: it is ours, and nobody else can put something
     * else in its place, since walk() has judged where it is. */
    if (mkdirat(in, name, mode) == 0 && fchmodat(in, name, mode, 0) != 0)
        (void)unlinkat(in, name, AT_REMOVEDIR);
    return openat(in, name, flags);
}

/* Open a folder part by part, each judged; the last one is made with this mode if that is not 0.
 * The descriptor is good for the …at calls alone; -1, and what is wrong in err. */
static int walk(const char *path, mode_t mode, struct wf_err *err)
{
    char part[NAME_MAX + 1] = "/";
    size_t end = 1; /* of this part */
    int fd = -1;

    if (path[0] != '/') {
        (void)wf_fail(err, WF_CONFIG, "%s is not an absolute path", path);
        return -1;
    }
    for (;;) {
        size_t next = end + strspn(path + end, "/");
        bool last = path[next] == '\0';
        int opened = open_part(fd, part, last ? mode : 0);
        if (opened < 0) {
            (void)wf_fail(err, WF_CONFIG, "cannot open folder %.*s%s: %s", (int)end, path,
                          errno == ENOTDIR ? " (no symbolic links here)" : "",
                          wf_errno_text(errno));
            break;
        }
        shut(fd);
        fd = opened;
        if (judge_part(fd, path, end, last, err) != WF_OK)
            break;
        if (last)
            return fd;
        size_t len = strcspn(path + next, "/");
        end = next + len;
        (void)snprintf(part, sizeof(part), "%.*s", (int)len, path + next);
        if (len >= sizeof(part) || strcmp(part, "..") == 0) {
            (void)wf_fail(err, WF_CONFIG, "%s has a part that no folder can have", path);
            break;
        }
    }
    shut(fd);
    return -1;
}

/* Make a folder of ours unless it is there. What went wrong shows when it is opened. */
static void make(const char *path, mode_t mode)
{
    if (path != NULL)
        shut(walk(path, mode, NULL));
}

/* "A/wfauth", made if missing, with A, which is base and sub, if that is missing, too. */
static char *make_default(const char *base, const char *sub, mode_t parent_mode, mode_t mode)
{
    struct wf_buf path = WF_BUF_INIT(PATH_MAX);

    wf_buf_append_text(&path, base);
    wf_buf_append_text(&path, sub);
    make(wf_buf_text_borrow(&path), parent_mode);
    wf_buf_append_text(&path, "/wfauth");
    make(wf_buf_text_borrow(&path), mode);
    char *text = wf_buf_steal(&path, NULL);
    wf_buf_done(&path);
    return text;
}

/* A service's user has a folder in root's, if an administrator has made one. NULL: none. */
static char *service_folder(const char *user)
{
    struct wf_buf path = WF_BUF_INIT(PATH_MAX);
    char *found = NULL;

    wf_buf_append_text(&path, WF_LOCALSTATEDIR "/cache/wfauth/");
    wf_buf_append_text(&path, user);
    const char *text = wf_buf_text_borrow(&path);
    int fd = text == NULL ? -1 : walk(text, 0, NULL);
    if (fd >= 0)
        found = wf_buf_steal(&path, NULL);
    shut(fd);
    wf_buf_done(&path);
    return found;
}

/* $XDG_CACHE_HOME is what a person says of their own files, and nothing where the process is more
 * than that person. */
static char *person_folder(const char *home)
{
    const char *cache = secure_getenv("XDG_CACHE_HOME");

    if (cache != NULL && cache[0] == '/')
        return make_default(cache, "", 0700, 0700);
    return home[0] == '/' ? make_default(home, "/.cache", 0700, 0700) : NULL;
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
        return make_default(WF_LOCALSTATEDIR, "/cache", 0755, 0711);
    return user_folder();
}

enum wf_reason wf_cachedir_open(const char *configured, const struct wf_log *log,
                                struct wf_cachedir **ret, struct wf_err *err)
{
    enum wf_reason reason = WF_INTERNAL;
    struct wf_cachedir *dir = NULL;
    struct wf_err why = WF_ERR_INIT;
    char *path = choose(configured);
    int fd = path == NULL ? -1 : walk(path, 0, &why);

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
    shut(fd);
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
    int in = walk(dir->path, 0, &err);
    if (in < 0 && !atomic_flag_test_and_set(&dir->said))
        wf_log(dir->log, WF_LOG_WARNING, "keys and answers are not kept on disk: %s", err.text);
    return in;
}

/* Entries */

static bool name_is_valid(const char *name)
{
    static const char allowed[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-.";
    size_t len = strlen(name);

    return len > 0 && len <= WF_CACHEDIR_NAME_MAX && name[0] != '.' && strspn(name, allowed) == len;
}

/* The folder for one operation on the entry or lock of this name; -1 for a name that none has. */
static int enter_for(struct wf_cachedir *dir, const char *name)
{
    return name_is_valid(name) ? enter(dir) : -1;
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

/* Open a file that should be one of ours. -1 if it is not, and why; NULL if there is none. */
static int open_file(int in, const char *name, int flags, struct stat *ret_st,
                     const char **ret_fault)
{
    int fd = openat(in, name, flags | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0600);

    if (fd < 0) {
        int number = errno;
        *ret_fault = number == ELOOP ? "it is a symbolic link" : wf_errno_text(number);
        if (number == ENOENT)
            *ret_fault = NULL;
        return -1;
    }
    *ret_fault = judge_file(fd, ret_st);
    if (*ret_fault == NULL)
        return fd;
    (void)close(fd);
    return -1;
}

/* After a signal the host's handler has run, and the call is made again. */
static bool is_interrupted(ssize_t n)
{
    return n < 0 && errno == EINTR;
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
        else if (!is_interrupted(n))
            break;
    }
    wf_buf_added(out, done);
}

bool wf_cachedir_read(struct wf_cachedir *dir, const char *name, struct wf_buf *out)
{
    const char *fault = NULL;
    struct stat st;

    wf_buf_reset(out);
    int in = enter_for(dir, name);
    if (in < 0)
        return true;
    int fd = open_file(in, name, O_RDONLY, &st, &fault);
    (void)close(in);
    if (fd >= 0) {
        if ((uint64_t)st.st_size > out->max)
            fault = "it is too large";
        else if (st.st_size == 0) /* what a machine leaves that stopped at the wrong moment */
            fault = "it is empty";
        else
            read_all(fd, out, (size_t)st.st_size);
        (void)close(fd);
    }
    if (fault != NULL)
        wf_log(dir->log, WF_LOG_WARNING, "%s/%s is ignored: %s", dir->path, name, fault);
    return wf_buf_ok(out);
}

/* Writing more than this limit allows would kill the host with SIGXFSZ. */
static bool is_within_limit(size_t len)
{
    struct rlimit limit;

    /* RLIM_INFINITY is the largest value there is */
    return getrlimit(RLIMIT_FSIZE, &limit) != 0 || len <= limit.rlim_cur;
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
        else if (!is_interrupted(n))
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
    int in = len <= WF_CACHEDIR_ENTRY_MAX ? enter_for(dir, name) : -1;

    if (in < 0)
        return false;
    const char *fault = write_temporary(in, data, len, temporary, sizeof(temporary));
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
    int in = enter_for(dir, name);

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
    const char *fault = NULL;
    struct stat st;
    int in = enter_for(dir, name);

    if (in < 0)
        return -1;
    (void)snprintf(path, sizeof(path), LOCK_PREFIX "%s", name);
    int fd = open_file(in, path, O_RDWR | O_CREAT, &st, &fault);
    if (fault != NULL)
        wf_log(dir->log, WF_LOG_WARNING, "%s/%s is no lock: %s", dir->path, path, fault);
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
        int number = errno;
        bool held = number == EWOULDBLOCK || number == EINTR;
        int64_t left = deadline - now_ms();
        if (!held)
            wf_log(dir->log, WF_LOG_WARNING, "no locks in %s: %s", dir->path,
                   wf_errno_text(number));
        if (!held || left <= 0) {
            (void)close(fd);
            return !held;
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

static int order(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

static int by_age(const void *a, const void *b)
{
    const struct timespec *x = &((const struct found *)a)->age;
    const struct timespec *y = &((const struct found *)b)->age;
    int by_second = order(x->tv_sec, y->tv_sec);

    return by_second != 0 ? by_second : order(x->tv_nsec, y->tv_nsec);
}

/* What a process left that died while writing. */
static void remove_leftover(int in, const char *name)
{
    struct timespec now = {0, 0};
    struct stat st;

    (void)clock_gettime(CLOCK_REALTIME, &now);
    if (strncmp(name, TEMPORARY_PREFIX, strlen(TEMPORARY_PREFIX)) == 0 &&
        fstatat(in, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
        now.tv_sec - st.st_mtime > TEMPORARY_AGE)
        (void)unlinkat(in, name, 0);
}

static void list_entries(DIR *stream, int in, const char *prefix, struct wf_buf *list)
{
    struct found found;
    struct stat st;

    for (const struct dirent *e = readdir(stream); e != NULL; e = readdir(stream)) {
        remove_leftover(in, e->d_name);
        if (!name_is_valid(e->d_name) || strncmp(e->d_name, prefix, strlen(prefix)) != 0 ||
            fstatat(in, e->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0)
            continue;
        found.age = st.st_mtim;
        (void)snprintf(found.name, sizeof(found.name), "%.*s", WF_CACHEDIR_NAME_MAX, e->d_name);
        wf_buf_append(list, &found, sizeof(found));
    }
}

void wf_cachedir_trim(struct wf_cachedir *dir, const char *prefix, size_t most)
{
    struct wf_buf list = WF_BUF_INIT(TRIM_MAX * sizeof(struct found));
    int in = enter(dir);

    if (in < 0)
        return;
    int fd = openat(in, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *stream = fdopendir(fd);
    if (stream == NULL) {
        shut(fd);
    } else {
        list_entries(stream, in, prefix, &list);
        (void)closedir(stream);
    }
    /* Where there were too many to remember, those that were seen are as good as any */
    struct found *all = (struct found *)(void *)list.data;
    size_t count = list.len / sizeof(all[0]);
    if (count > most) {
        qsort(all, count, sizeof(all[0]), by_age);
        for (size_t i = 0; i < count - most; i++)
            (void)unlinkat(in, all[i].name, 0);
    }
    (void)close(in);
    wf_buf_done(&list);
}
