#include "config.h"

#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static enum wf_reason judge(const char *path, enum wf_file_kind kind, const struct stat *st,
                            struct wf_err *err)
{
    uid_t me = geteuid();

    if (!S_ISREG(st->st_mode))
        return wf_fail(err, WF_CONFIG, "%s is not a regular file", path);
    if ((st->st_mode & (S_IWGRP | S_IWOTH)) != 0)
        return wf_fail(err, WF_CONFIG, "%s can be written by others: chmod go-w %s", path, path);
    if (kind == WF_FILE_SECRET && (st->st_mode & S_IRWXO) != 0)
        return wf_fail(err, WF_CONFIG, "%s can be read by others: chmod o-rwx %s", path, path);
    if (st->st_uid != 0 && st->st_uid != me)
        return wf_fail(err, WF_CONFIG,
                       "%s belongs to user %u, expected root or user %u: chown it%s", path,
                       (unsigned)st->st_uid, (unsigned)me,
                       kind == WF_FILE_SECRET ? ", or do this as that user" : "");
    if (kind == WF_FILE_SECRET && (st->st_mode & S_IRWXG) != 0 && st->st_gid != getegid())
        return wf_fail(err, WF_CONFIG,
                       "%s can be read by group %u: chmod g-rwx %s, or do this in that group", path,
                       (unsigned)st->st_gid, path);
    return WF_OK;
}

static enum wf_reason read_all(int fd, const char *path, struct wf_buf *out, struct wf_err *err)
{
    ssize_t n;

    do {
        /* One byte more than may be held tells a file that fits from one that does not */
        size_t space = out->max - out->len;
        size_t want = space < 4096 ? space : 4096;
        uint8_t probe;
        if (want == 0) {
            n = read(fd, &probe, 1);
            if (n > 0)
                return wf_fail(err, WF_CONFIG, "%s is larger than %zu bytes", path, out->max);
        } else {
            uint8_t *room = wf_buf_room(out, want);
            if (room == NULL)
                return wf_fail(err, WF_INTERNAL, "out of memory reading %s", path);
            n = read(fd, room, want);
            if (n > 0)
                wf_buf_added(out, (size_t)n);
        }
    } while (n > 0 || (n < 0 && errno == EINTR));
    if (n < 0)
        return wf_fail(err, WF_CONFIG, "cannot read %s: %s", path, wf_errno_text(errno));
    return WF_OK;
}

enum wf_reason wf_file_read(const char *path, enum wf_file_kind kind, struct wf_buf *out,
                            struct wf_err *err)
{
    enum wf_reason reason = WF_INTERNAL;
    struct stat st;

    if (path[0] != '/')
        return wf_fail(err, WF_CONFIG, "%s is not an absolute path", path);
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) {
        int number = errno;
        if (number == ELOOP)
            return wf_fail(err, WF_CONFIG, "%s is a symbolic link: name the file itself", path);
        return wf_fail(err, WF_CONFIG, "cannot open %s as user %u: %s", path, (unsigned)geteuid(),
                       wf_errno_text(number));
    }
    if (fstat(fd, &st) != 0)
        reason = wf_fail(err, WF_CONFIG, "cannot examine %s: %s", path, wf_errno_text(errno));
    else
        reason = judge(path, kind, &st, err);
    if (reason == WF_OK)
        reason = read_all(fd, path, out, err);
    (void)close(fd);
    return reason;
}
