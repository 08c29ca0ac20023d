#include "config.h"

#include "anchor.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "folder.h"
#include "text.h"

/* Bytes of "stat": 52 numbers of at most 20 digits, and a name of at most 64 bytes. */
#define STAT_SIZE 2048
/* Bytes of "status" up to its line "Uid:", of which the longest is the name, escaped. */
#define STATUS_SIZE 1024
/* Processes between us and what we descend from: a person's are few, and each takes three reads. */
#define DEPTH_MAX 128

/* What "stat" says (proc_pid_stat(5)). */
struct process {
    int fd; /* its folder: what is read in it is of this very process, even where its number is used
             * again; -1: none */
    uint64_t pid;
    uint64_t parent;
    uint64_t session;
    uint64_t tty;
    uint64_t start;
    bool ended; /* a zombie: its number is taken, but nobody is there */
};

/* The kernel's own; a folder of this name in a jail says what whoever made it likes. -1 and errno: in
 * that nothing can be opened. */
static int open_proc(void)
{
    struct statfs fs;
    int fd = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);

    if (fd >= 0 && (fstatfs(fd, &fs) != 0 || fs.f_type != PROC_SUPER_MAGIC)) {
        wf_folder_shut(fd);
        fd = -1;
        errno = ENOSYS;
    }
    return fd;
}

/* The first size - 1 bytes of a file, and a NUL. The length; or -1 and errno, and ret is "". */
static ssize_t read_text(int in, const char *name, char *ret, size_t size)
{
    int fd = openat(in, name, O_RDONLY | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC);
    size_t len = 0;
    ssize_t n = 0;

    ret[0] = '\0';
    if (fd < 0)
        return -1;
    while (len < size - 1) {
        n = read(fd, ret + len, size - 1 - len);
        if (n > 0)
            len += (size_t)n;
        else if (n == 0 || errno != EINTR)
            break;
    }
    int number = errno;
    (void)close(fd);
    errno = number;
    ret[n < 0 ? 0 : len] = '\0';
    return n < 0 ? -1 : (ssize_t)len;
}

/* A field of "stat" that counts. */
struct field {
    unsigned number; /* as proc_pid_stat(5) counts; in order */
    uint64_t max;
    size_t offset; /* in struct process */
};

static const struct field fields[] = {
    {4, INT_MAX, offsetof(struct process, parent)},
    {6, INT_MAX, offsetof(struct process, session)},
    {7, INT_MAX, offsetof(struct process, tty)},
    {22, INT64_MAX, offsetof(struct process, start)},
};

/* "1234 (name) S 1 …": the name may hold anything, blanks and ')' too. False if it is no such
 * text. */
static bool parse_stat(const char *text, size_t len, struct process *ret)
{
    const char *name = memchr(text, '(', len);
    const char *end = memrchr(text, ')', len);
    struct wf_span word = {NULL, 0};
    uint64_t number = 0;
    size_t found = 0;

    if (name == NULL || end == NULL ||
        !wf_text_number(wf_text_trim(text, (size_t)(name - text)), 1, INT_MAX, &ret->pid))
        return false;
    struct wf_span rest = {end + 1, (size_t)(text + len - end - 1)};
    for (unsigned i = 2; found < WF_ARRAY_LEN(fields) && wf_text_next(&rest, ' ', &word); i++) {
        if (i == 3)
            ret->ended = wf_span_equals(word, "Z") || wf_span_equals(word, "X");
        if (i != fields[found].number)
            continue;
        if (!wf_text_number(word, 0, fields[found].max, &number))
            return false;
        memcpy((char *)ret + fields[found].offset, &number, sizeof(number));
        found++;
    }
    return found == WF_ARRAY_LEN(fields);
}

/* Read it, once more where ret->fd has been read before. 0, or an errno value: ENOENT, ESRCH: it has
 * gone. */
static int read_process(struct process *ret)
{
    char text[STAT_SIZE];
    ssize_t len = read_text(ret->fd, "stat", text, sizeof(text));

    if (len < 0)
        return errno;
    return parse_stat(text, (size_t)len, ret) ? 0 : EPROTO;
}

/* The same, by its name in /proc. ret->fd is to be shut, whatever the result. */
static int enter_process(int proc, const char *name, struct process *ret)
{
    ret->fd = openat(proc, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
    return ret->fd < 0 ? errno : read_process(ret);
}

static int enter_number(int proc, uint64_t pid, struct process *ret)
{
    char name[24];

    (void)snprintf(name, sizeof(name), "%llu", (unsigned long long)pid);
    return enter_process(proc, name, ret);
}

/* Whoever has started `child`, while that is still their child: a parent that has died may have left
 * its number to somebody else, but its child then has another parent. False if there is none
 * (nobody has number 0), or it cannot be told. */
static bool enter_parent(int proc, struct process *child, struct process *ret)
{
    uint64_t parent = child->parent;

    return enter_number(proc, parent, ret) == 0 && read_process(child) == 0 &&
           child->parent == parent && ret->start <= child->start;
}

static bool read_boot(int proc, char ret[WF_BOOT_SIZE])
{
    char text[WF_BOOT_SIZE + 2];

    (void)read_text(proc, "sys/kernel/random/boot_id", text, sizeof(text));
    struct wf_span boot = wf_text_trim(text, strlen(text));
    if (boot.len != WF_BOOT_SIZE - 1 || !wf_text_is_printable(boot.ptr, boot.len))
        return false;
    memcpy(ret, boot.ptr, boot.len);
    ret[boot.len] = '\0';
    return true;
}

static enum wf_reason fail_proc(struct wf_err *err, int number)
{
    return wf_fail(err, WF_INTERNAL, "/proc does not tell which process this is: %s",
                   wf_errno_text(number));
}

/* Making */

enum wf_reason wf_anchor_boot(char ret[WF_BOOT_SIZE], struct wf_err *err)
{
    int proc = open_proc();
    bool found = read_boot(proc, ret);

    wf_folder_shut(proc);
    return found ? WF_OK : wf_fail(err, WF_INTERNAL, "/proc does not tell which boot this is");
}

/* WF_PENDING: it has ended. */
static enum wf_reason bind_leader(int proc, const struct process *self, struct wf_anchor *ret,
                                  struct wf_err *err)
{
    struct process leader = {.fd = -1};
    /* 0, which nobody has: a leader outside of this namespace */
    int number = enter_number(proc, self->session, &leader);

    if (number == 0 && leader.ended)
        number = ESRCH;
    ret->pid = (pid_t)self->session;
    ret->start = leader.start;
    ret->tty = self->tty;
    wf_folder_shut(leader.fd);
    if (number == ENOENT || number == ESRCH)
        return wf_fail(err, WF_PENDING, "the leader of this terminal's session has gone");
    return number == 0 ? WF_OK : fail_proc(err, number);
}

static enum wf_reason bind_us(enum wf_anchor_kind kind, struct wf_anchor *ret, struct wf_err *err)
{
    enum wf_reason reason = WF_INTERNAL;
    struct process self = {.fd = -1};
    struct wf_anchor anchor = {.kind = kind};
    int proc = open_proc();
    int number = proc < 0 ? errno : enter_process(proc, "self", &self);

    if (number == 0 && !read_boot(proc, anchor.boot))
        number = EPROTO;
    if (number != 0) {
        reason = fail_proc(err, number);
        goto out;
    }
    switch (kind) {
    case WF_ANCHOR_PROCESS:
        anchor.pid = (pid_t)self.pid;
        anchor.start = self.start;
        reason = WF_OK;
        break;
    case WF_ANCHOR_TERMINAL:
        reason = self.tty == 0 ? wf_fail(err, WF_PENDING, "this process has no terminal")
                               : bind_leader(proc, &self, &anchor, err);
        break;
    }
    if (reason == WF_OK)
        *ret = anchor;
out:
    wf_folder_shut(self.fd);
    wf_folder_shut(proc);
    return reason;
}

enum wf_reason wf_anchor_process(struct wf_anchor *ret, struct wf_err *err)
{
    return bind_us(WF_ANCHOR_PROCESS, ret, err);
}

enum wf_reason wf_anchor_terminal(struct wf_anchor *ret, struct wf_err *err)
{
    return bind_us(WF_ANCHOR_TERMINAL, ret, err);
}

/* Asking */

bool wf_anchor_equals(const struct wf_anchor *a, const struct wf_anchor *b)
{
    return a->kind == b->kind && a->pid == b->pid && a->start == b->start && a->tty == b->tty &&
           strcmp(a->boot, b->boot) == 0;
}

static bool is_it(const struct process *process, const struct wf_anchor *anchor)
{
    return process->pid == (uint64_t)anchor->pid && process->start == anchor->start &&
           !process->ended;
}

static bool lives(int proc, const struct wf_anchor *anchor)
{
    struct process process = {.fd = -1};
    char boot[WF_BOOT_SIZE];
    bool found = read_boot(proc, boot) && strcmp(boot, anchor->boot) == 0 &&
                 enter_number(proc, (uint64_t)anchor->pid, &process) == 0 &&
                 is_it(&process, anchor);

    wf_folder_shut(process.fd);
    return found;
}

/* From this process up. */
static bool descends(int proc, struct process *self, const struct wf_anchor *anchor)
{
    struct process child = *self;
    bool found = is_it(&child, anchor);
    bool higher = !found;

    self->fd = -1;
    for (unsigned depth = 0; higher && depth < DEPTH_MAX; depth++) {
        struct process parent = {.fd = -1};
        higher = enter_parent(proc, &child, &parent);
        found = higher && is_it(&parent, anchor);
        wf_folder_shut(child.fd);
        child = parent;
        higher = higher && !found;
    }
    wf_folder_shut(child.fd);
    return found;
}

static bool holds(int proc, struct process *self, const struct wf_anchor *anchor)
{
    bool inside = false;

    switch (anchor->kind) {
    case WF_ANCHOR_PROCESS:
        inside = descends(proc, self, anchor);
        break;
    case WF_ANCHOR_TERMINAL:
        inside = self->tty != 0 && self->tty == anchor->tty &&
                 self->session == (uint64_t)anchor->pid;
        break;
    }
    return inside;
}

bool wf_anchor_lives(const struct wf_anchor *anchor)
{
    int proc = open_proc();
    bool found = lives(proc, anchor);

    wf_folder_shut(proc);
    return found;
}

bool wf_anchor_has_gone(const struct wf_anchor *anchor)
{
    struct process process = {.fd = -1};
    char boot[WF_BOOT_SIZE];
    bool gone = false;
    int proc = open_proc();

    if (!read_boot(proc, boot))
        goto out;
    gone = strcmp(boot, anchor->boot) != 0;
    if (!gone) {
        int number = enter_number(proc, (uint64_t)anchor->pid, &process);
        gone = number == ENOENT || number == ESRCH || (number == 0 && !is_it(&process, anchor));
    }
out:
    wf_folder_shut(process.fd);
    wf_folder_shut(proc);
    return gone;
}

bool wf_anchor_holds_us(const struct wf_anchor *anchor)
{
    struct process self = {.fd = -1};
    int proc = open_proc();
    /* A terminal's leader is looked at after us: while we are in its session nobody gets its number */
    bool inside = enter_process(proc, "self", &self) == 0 && holds(proc, &self, anchor) &&
                  lives(proc, anchor);

    wf_folder_shut(self.fd);
    wf_folder_shut(proc);
    return inside;
}

/* The first number of the line "Uid:", which is the real user id; (uid_t)-1 if it cannot be told. */
static uid_t read_user(int fd)
{
    static const char mark[] = "\nUid:\t";
    char text[STATUS_SIZE];
    uint64_t user = 0;

    (void)read_text(fd, "status", text, sizeof(text));
    /* The name, which stands above it, has its newlines escaped */
    const char *line = strstr(text, mark);
    if (line == NULL)
        return (uid_t)-1;
    line += strlen(mark);
    if (!wf_text_number((struct wf_span){line, strcspn(line, "\t\n")}, 0, UINT32_MAX, &user))
        return (uid_t)-1;
    return (uid_t)user;
}

uid_t wf_anchor_caller(void)
{
    struct process self = {.fd = -1};
    struct process parent = {.fd = -1};
    uid_t user = getuid();

    if (user != 0)
        return user;
    int proc = open_proc();
    bool known = enter_process(proc, "self", &self) == 0 && enter_parent(proc, &self, &parent);

    user = known ? read_user(parent.fd) : (uid_t)-1;
    wf_folder_shut(parent.fd);
    wf_folder_shut(self.fd);
    wf_folder_shut(proc);
    return user;
}
