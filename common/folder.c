#include "config.h"

#include "folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <unistd.h>

#include "crypto.h"

/* Names of ours that no other file can have, since theirs do not begin with '.' */
#define LOCK_PREFIX ".lock-"
#define TEMPORARY_PREFIX ".tmp-"
/* A temporary file of this age belongs to nobody any more: writing takes milliseconds. Seconds. */
#define TEMPORARY_AGE 3600
/* An entry of passwd, and of a name service that puts more there. */
#define PASSWD_MAX ((size_t)16 * 1024)
/* Between two tries for a lock. Milliseconds; the first ones come faster. */
#define POLL_MAX_MS 20

void wf_folder_shut(int fd)
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

/* The name of a file or folder is on the disk when the folder that it is in is. */
static const char *sync_folder(int in)
{
    int fd = openat(in, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0)
        return wf_errno_text(errno);
    const char *fault = fsync(fd) != 0 ? wf_errno_text(errno) : NULL;
    (void)close(fd);
    return fault;
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
     * else in its place, since wf_folder_walk() has judged where it is. */
    if (mkdirat(in, name, mode) == 0) {
        if (fchmodat(in, name, mode, 0) != 0)
            (void)unlinkat(in, name, AT_REMOVEDIR);
        /* Else a crash takes what was kept in it along. Who may make a folder here need not be
         * allowed to read where, and then it is on the disk when the system likes */
        (void)sync_folder(in);
    }
    return openat(in, name, flags);
}

/* Why a part cannot be opened; and of one that is not there, why it has not been made, either. */
static void fail_part(int in, const char *path, size_t len, int number, struct wf_err *err)
{
    bool shut = number == ENOENT && in >= 0 && faccessat(in, ".", W_OK | X_OK, AT_EACCESS) != 0;
    const char *why = shut ? wf_errno_text(errno) : "";

    (void)wf_fail(err, WF_CONFIG, "cannot open folder %.*s%s: %s%s%s", (int)len, path,
                  number == ENOTDIR ? " (no symbolic links here)" : "", wf_errno_text(number),
                  shut ? ", and none can be made there: " : "", why);
}

int wf_folder_walk(const char *path, mode_t mode, struct wf_err *err)
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
            fail_part(fd, path, end, errno, err);
            break;
        }
        wf_folder_shut(fd);
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
    wf_folder_shut(fd);
    return -1;
}

/* Make a folder of ours unless it is there. What went wrong shows when it is opened. */
static void make(const char *path, mode_t mode)
{
    if (path != NULL)
        wf_folder_shut(wf_folder_walk(path, mode, NULL));
}

/* "A/wfauth", made if missing, with A, which is base and the "/part"s of sub, if those are missing,
 * too. */
static char *make_default(const char *base, const char *sub, mode_t parent_mode, mode_t mode)
{
    struct wf_buf path = WF_BUF_INIT(PATH_MAX);

    wf_buf_append_text(&path, base);
    make(wf_buf_text_borrow(&path), parent_mode);
    while (sub[0] != '\0') {
        size_t len = 1 + strcspn(sub + 1, "/");
        wf_buf_append(&path, sub, len);
        make(wf_buf_text_borrow(&path), parent_mode);
        sub += len;
    }
    wf_buf_append_text(&path, "/wfauth");
    make(wf_buf_text_borrow(&path), mode);
    char *text = wf_buf_steal(&path, NULL);
    wf_buf_done(&path);
    return text;
}

/* A service's user has a folder in root's, if an administrator has made one. NULL: none. */
static char *service_folder(const struct wf_folder_default *standard, const char *user)
{
    struct wf_buf path = WF_BUF_INIT(PATH_MAX);
    char *found = NULL;

    wf_buf_append_text(&path, WF_LOCALSTATEDIR);
    wf_buf_append_text(&path, standard->root_part);
    wf_buf_append_text(&path, "/wfauth/");
    wf_buf_append_text(&path, user);
    const char *text = wf_buf_text_borrow(&path);
    int fd = text == NULL ? -1 : wf_folder_walk(text, 0, NULL);
    if (fd >= 0)
        found = wf_buf_steal(&path, NULL);
    wf_folder_shut(fd);
    wf_buf_done(&path);
    return found;
}

/* The variable is what a person says of their own files, and nothing where the process is more than
 * that person. */
static char *person_folder(const struct wf_folder_default *standard, const char *home)
{
    const char *said = secure_getenv(standard->variable);

    if (said != NULL && said[0] == '/')
        return make_default(said, "", 0700, 0700);
    return home[0] == '/' ? make_default(home, standard->home_part, 0700, 0700) : NULL;
}

/* What passwd says of the effective user decides between a service's folder and a person's. */
static char *user_folder(const struct wf_folder_default *standard)
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
    if (standard->services && strchr(found->pw_name, '/') == NULL)
        path = service_folder(standard, found->pw_name);
    if (path == NULL)
        path = person_folder(standard, found->pw_dir);
out:
    wf_buf_done(&buf);
    return path;
}

char *wf_folder_choose(const char *configured, const struct wf_folder_default *standard)
{
    if (configured != NULL) {
        make(configured, 0700);
        return strdup(configured);
    }
    if (geteuid() == 0)
        return make_default(WF_LOCALSTATEDIR, standard->root_part, 0755, standard->root_mode);
    return user_folder(standard);
}

/* Files */

bool wf_folder_name_is_valid(const char *name)
{
    static const char allowed[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-.";
    size_t len = strlen(name);

    return len > 0 && len <= WF_FOLDER_NAME_MAX && name[0] != '.' && strspn(name, allowed) == len;
}

/* NULL, or what is wrong with a file that should be one of ours. */
static const char *judge_file(int fd, mode_t forbidden, struct stat *ret_st)
{
    if (fstat(fd, ret_st) != 0)
        return "it cannot be examined";
    if (!S_ISREG(ret_st->st_mode))
        return "it is no regular file";
    if (ret_st->st_uid != geteuid())
        return "it belongs to somebody else";
    if ((ret_st->st_mode & forbidden & WF_FOLDER_NOT_WRITABLE) != 0)
        return "it can be written by others";
    if ((ret_st->st_mode & forbidden) != 0)
        return "it is open to others";
    return NULL;
}

/* Open a file that should be one of ours. -1 if it is not, and why; NULL if there is none. errno is 0
 * where it could be opened. */
static int open_file(int in, const char *name, int flags, mode_t forbidden, struct stat *ret_st,
                     const char **ret_fault)
{
    int fd = openat(in, name, flags | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0600);

    if (fd < 0) {
        int number = errno;
        *ret_fault = number == ELOOP ? "it is a symbolic link" : wf_errno_text(number);
        if (number == ENOENT)
            *ret_fault = NULL;
        errno = number;
        return -1;
    }
    *ret_fault = judge_file(fd, forbidden, ret_st);
    if (*ret_fault == NULL)
        return fd;
    (void)close(fd);
    errno = 0;
    return -1;
}

/* After a signal the host's handler has run, and the call is made again. */
static bool is_interrupted(ssize_t n)
{
    return n < 0 && errno == EINTR;
}

/* Append len bytes. NULL, also where out has no room, or what went wrong, and *ret_number. */
static const char *read_all(int fd, struct wf_buf *out, size_t len, int *ret_number)
{
    uint8_t *room = wf_buf_room(out, len);
    size_t done = 0;

    if (room == NULL)
        return NULL;
    while (done < len) {
        ssize_t n = read(fd, room + done, len - done);
        if (n > 0) {
            done += (size_t)n;
        } else if (!is_interrupted(n)) {
            *ret_number = n == 0 ? 0 : errno;
            return n == 0 ? "it has become shorter" : wf_errno_text(errno);
        }
    }
    wf_buf_added(out, done);
    return NULL;
}

/* Whether that a file cannot be opened is its own fault: a link, a socket, one that is shut to us. */
static bool is_of_file(int number)
{
    return number == ELOOP || number == ENXIO || number == EACCES;
}

const char *wf_folder_read(int in, const char *name, mode_t forbidden, struct wf_buf *out)
{
    const char *fault = NULL;
    struct stat st;
    int number = 0;

    errno = 0;
    int fd = open_file(in, name, O_RDONLY, forbidden, &st, &fault);
    if (fd < 0) {
        errno = is_of_file(errno) ? 0 : errno;
        return fault;
    }
    if ((uint64_t)st.st_size > out->max)
        fault = "it is too large";
    else if (st.st_size == 0) /* what a machine leaves that stopped at the wrong moment */
        fault = "it is empty";
    else
        fault = read_all(fd, out, (size_t)st.st_size, &number);
    (void)close(fd);
    errno = number;
    return fault;
}

/* Writing more than this limit allows would kill the host with SIGXFSZ. */
static bool is_within_limit(size_t len)
{
    struct rlimit limit;

    /* RLIM_INFINITY is the largest value there is */
    return getrlimit(RLIMIT_FSIZE, &limit) != 0 || len <= limit.rlim_cur;
}

/* NULL, or what went wrong. */
static const char *write_all(int fd, const void *data, size_t len, bool durable)
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
    return durable && fsync(fd) != 0 ? wf_errno_text(errno) : NULL;
}

/* Write a new file of an unpredictable name. NULL, or what went wrong, and then no file is left. */
static const char *write_temporary(int in, const void *data, size_t len, bool durable,
                                   char *ret_name, size_t size)
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
    const char *fault = write_all(fd, data, len, durable);
    /* Some file systems report a full disk only here */
    if (close(fd) != 0 && fault == NULL)
        fault = wf_errno_text(errno);
    if (fault != NULL)
        (void)unlinkat(in, ret_name, 0);
    return fault;
}

const char *wf_folder_replace(int in, const char *name, const void *data, size_t len, bool durable)
{
    char temporary[sizeof(TEMPORARY_PREFIX) + 16];
    const char *fault = write_temporary(in, data, len, durable, temporary, sizeof(temporary));

    if (fault != NULL)
        return fault;
    if (renameat(in, temporary, in, name) != 0) {
        fault = wf_errno_text(errno);
        (void)unlinkat(in, temporary, 0);
        return fault;
    }
    return durable ? sync_folder(in) : NULL;
}

const char *wf_folder_create(int in, const char *name, const void *data, size_t len,
                             bool *ret_existed)
{
    char temporary[sizeof(TEMPORARY_PREFIX) + 16];
    const char *fault = write_temporary(in, data, len, true, temporary, sizeof(temporary));

    if (fault != NULL)
        return fault;
    /* A second name: unlike a renamed one it takes no other file's place, on network file systems,
     * too */
    int number = linkat(in, temporary, in, name, 0) == 0 ? 0 : errno;
    (void)unlinkat(in, temporary, 0);
    *ret_existed = number == EEXIST;
    if (number != 0)
        return *ret_existed ? NULL : wf_errno_text(number);
    return sync_folder(in);
}

const char *wf_folder_remove(int in, const char *name, bool durable, bool *ret_existed)
{
    int number = unlinkat(in, name, 0) == 0 ? 0 : errno;

    *ret_existed = number == 0;
    if (number != 0)
        return number == ENOENT ? NULL : wf_errno_text(number);
    return durable ? sync_folder(in) : NULL;
}

/* Locks */

static int64_t now_ms(void)
{
    struct timespec now = {0, 0};

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int wf_folder_lock_open(int in, const char *name, const char **ret_fault)
{
    char path[sizeof(LOCK_PREFIX) + WF_FOLDER_NAME_MAX];
    struct stat st;

    (void)snprintf(path, sizeof(path), LOCK_PREFIX "%s", name);
    int lock = open_file(in, path, O_RDWR | O_CREAT, WF_FOLDER_NOT_WRITABLE, &st, ret_fault);
    /* Made under a umask that takes even our own rights away, the next one could not open it */
    if (lock >= 0 && (st.st_mode & 0600) != 0600)
        (void)fchmod(lock, 0600);
    return lock;
}

int wf_folder_lock_wait(int lock, unsigned wait_ms)
{
    int64_t deadline = now_ms() + wait_ms;
    int pause = 1;

    while (flock(lock, LOCK_EX | LOCK_NB) != 0) {
        int number = errno;
        int64_t left = deadline - now_ms();
        if (number != EWOULDBLOCK && number != EINTR)
            return number;
        if (left <= 0)
            return EWOULDBLOCK;
        /* flock has no time-out but by a signal, and signals are the host's */
        (void)poll(NULL, 0, left < pause ? (int)left : pause);
        pause = pause * 2 > POLL_MAX_MS ? POLL_MAX_MS : pause * 2;
    }
    return 0;
}

void wf_folder_unlock(int lock)
{
    if (lock < 0)
        return;
    /* Said, not only closed: a child that another thread forked meanwhile holds a copy */
    (void)flock(lock, LOCK_UN);
    (void)close(lock);
}

/* Listing */

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
    struct wf_folder_entry found;
    struct stat st;

    for (const struct dirent *e = readdir(stream); e != NULL; e = readdir(stream)) {
        remove_leftover(in, e->d_name);
        if (!wf_folder_name_is_valid(e->d_name) ||
            strncmp(e->d_name, prefix, strlen(prefix)) != 0 ||
            fstatat(in, e->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0)
            continue;
        found.age = st.st_mtim;
        (void)snprintf(found.name, sizeof(found.name), "%.*s", WF_FOLDER_NAME_MAX, e->d_name);
        wf_buf_append(list, &found, sizeof(found));
    }
}

const char *wf_folder_list(int in, const char *prefix, struct wf_buf *list)
{
    int fd = openat(in, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    /* Of none it would say that it is a bad one, not why there is none */
    DIR *stream = fd < 0 ? NULL : fdopendir(fd);

    if (stream == NULL) {
        const char *fault = wf_errno_text(errno);
        wf_folder_shut(fd);
        return fault;
    }
    list_entries(stream, in, prefix, list);
    (void)closedir(stream);
    return wf_buf_ok(list) ? NULL : "too many files, or out of memory";
}
