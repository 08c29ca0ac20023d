#include "config.h"

#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "http_frame.h"

/* How long a child that was killed, or has said its last, may take to go. */
#define END_MS 1000

/* Refuse a program that somebody else may have put there. */
static enum wf_reason check_program(const char *path, struct wf_err *err)
{
    struct stat st;
    uid_t me = geteuid();

    if (path[0] != '/')
        return wf_fail(err, WF_CONFIG, "%s is not an absolute path", path);
    if (lstat(path, &st) != 0)
        return wf_fail(err, WF_CONFIG, "%s: %s: install wfauth again", path, wf_errno_text(errno));
    if (!S_ISREG(st.st_mode))
        return wf_fail(err, WF_CONFIG, "%s is not a regular file: install wfauth again", path);
    if (st.st_uid != 0 && st.st_uid != me)
        return wf_fail(err, WF_CONFIG, "%s belongs to user %u: chown root:root %s", path,
                       (unsigned)st.st_uid, path);
    if ((st.st_mode & (S_IWGRP | S_IWOTH)) != 0)
        return wf_fail(err, WF_CONFIG, "%s can be written by others: chmod go-w %s", path, path);
    return WF_OK;
}

/* Move a descriptor above the standard ones, close-on-exec: a host that has closed those would
 * print into it. -1, with fd closed, if that fails. */
static int move_up(int fd)
{
    if (fd < 0 || fd > STDERR_FILENO)
        return fd;
    int moved = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    (void)close(fd);
    return moved;
}

static void close_pair(const int pair[2])
{
    for (size_t i = 0; i < 2; i++) {
        if (pair[i] >= 0)
            (void)close(pair[i]);
    }
}

static enum wf_reason make_pair(int ret[2], struct wf_err *err)
{
    int pair[2];

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
        return wf_fail(err, WF_INTERNAL, "no socket pair for a program: %s", wf_errno_text(errno));
    pair[0] = move_up(pair[0]);
    pair[1] = move_up(pair[1]);
    if (pair[0] < 0 || pair[1] < 0) {
        close_pair(pair);
        return wf_fail(err, WF_INTERNAL, "no descriptor left for a program");
    }
    ret[0] = pair[0];
    ret[1] = pair[1];
    return WF_OK;
}

/* What the program starts with: the socket as standard input, what is passed, and nothing else of
 * ours. */
static int add_actions(posix_spawn_file_actions_t *actions, int socket, int pass)
{
    int rc = posix_spawn_file_actions_adddup2(actions, socket, 0);

    if (rc == 0 && pass >= 0)
        rc = posix_spawn_file_actions_adddup2(actions, pass, WF_CHILD_PASSED);
    if (rc == 0)
        rc = posix_spawn_file_actions_addopen(actions, 1, "/dev/null", O_WRONLY, 0);
    if (rc == 0)
        rc = posix_spawn_file_actions_adddup2(actions, 1, 2);
#ifdef HAVE_POSIX_SPAWN_FILE_ACTIONS_ADDCLOSEFROM_NP
    /* The program may do it again; this one comes before its libraries are loaded */
    if (rc == 0)
        rc = posix_spawn_file_actions_addclosefrom_np(actions,
                                                      WF_CHILD_PASSED + (pass >= 0 ? 1 : 0));
#endif
    return rc;
}

/* No signal is ignored, handled or blocked there because it is here; and no terminal: a session of
 * its own, so that Ctrl-C reaches the host alone. */
static int set_attributes(posix_spawnattr_t *attr)
{
    sigset_t all;
    sigset_t none;

    (void)sigfillset(&all);
    (void)sigemptyset(&none);
    int rc = posix_spawnattr_setsigdefault(attr, &all);
    if (rc == 0)
        rc = posix_spawnattr_setsigmask(attr, &none);
    if (rc == 0)
        rc = posix_spawnattr_setflags(attr, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK |
                                                POSIX_SPAWN_SETSID);
    return rc;
}

/* Start the program, with an empty environment. Returns an errno value. */
static int spawn(const char *path, char *const argv[], int socket, int pass, pid_t *ret_pid)
{
    char *envp[] = {NULL};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attr;

    int rc = posix_spawn_file_actions_init(&actions);
    if (rc != 0)
        return rc;
    rc = posix_spawnattr_init(&attr);
    if (rc == 0) {
        rc = add_actions(&actions, socket, pass);
        if (rc == 0)
            rc = set_attributes(&attr);
        if (rc == 0)
            rc = posix_spawn(ret_pid, path, &actions, &attr, argv, envp);
        (void)posix_spawnattr_destroy(&attr);
    }
    (void)posix_spawn_file_actions_destroy(&actions);
    return rc;
}

enum wf_reason wf_child_start(const char *path, char *const argv[], int pass, struct wf_child *ret,
                              struct wf_err *err)
{
    enum wf_reason reason = check_program(path, err);
    int pair[2] = {-1, -1};
    /* A low one would be overwritten by the standard ones before its turn comes */
    int passed = pass < 0 ? -1 : fcntl(pass, F_DUPFD_CLOEXEC, WF_CHILD_PASSED + 1);
    struct stat st;
    pid_t pid;

    if (reason == WF_OK && pass >= 0 && passed < 0)
        reason = wf_fail(err, WF_INTERNAL, "no descriptor left for %s", path);
    if (reason == WF_OK)
        reason = make_pair(pair, err);
    if (reason != WF_OK)
        goto out;
    if (fstat(pair[0], &st) != 0) {
        reason = wf_fail(err, WF_INTERNAL, "fstat: %s", wf_errno_text(errno));
        goto out;
    }
    int rc = spawn(path, argv, pair[1], passed, &pid);
    if (rc != 0) {
        bool busy = rc == ENOMEM || rc == EAGAIN;
        reason = wf_fail(err, busy ? WF_INTERNAL : WF_CONFIG, "cannot start %s: %s", path,
                         wf_errno_text(rc));
        goto out;
    }
    *ret = (struct wf_child){.fd = pair[0], .socket = st.st_ino, .pid = pid, .owner = getpid()};
    ret->pidfd = move_up((int)syscall(SYS_pidfd_open, pid, 0));
    pair[0] = -1;
    reason = WF_OK;
out:
    if (passed >= 0)
        (void)close(passed);
    close_pair(pair);
    return reason;
}

/* True if fd is still the socket we opened. */
static bool is_our_socket(const struct wf_child *child)
{
    struct stat st;

    return fstat(child->fd, &st) == 0 && S_ISSOCK(st.st_mode) && st.st_ino == child->socket;
}

bool wf_child_is_ours(const struct wf_child *child)
{
    return child->fd >= 0 && child->owner == getpid() && is_our_socket(child);
}

/* Take its exit status, so that no zombie stays. Nothing here waits without a bound: where the host
 * ignores SIGCHLD or reaps all children itself, there is nothing to take. */
static void reap(const struct wf_child *child)
{
    int64_t deadline = wf_frame_now() + END_MS;
    siginfo_t info;

    if (child->pidfd < 0) {
        while (waitpid(child->pid, NULL, WNOHANG) == 0 && wf_frame_now() < deadline)
            (void)poll(NULL, 0, 1);
        return;
    }
    for (int64_t left = END_MS; left > 0; left = deadline - wf_frame_now()) {
        struct pollfd pfd = {child->pidfd, POLLIN, 0};
        if (poll(&pfd, 1, (int)left) >= 0 || errno != EINTR)
            break;
    }
    (void)waitid((idtype_t)P_PIDFD, (id_t)child->pidfd, &info, WEXITED | WNOHANG);
}

static void end(struct wf_child *child, bool killed)
{
    if (child->fd < 0)
        return;
    if (is_our_socket(child))
        (void)close(child->fd);
    else
        child->pidfd = -1; /* whoever closed the one will have closed the other */
    if (child->owner == getpid()) {
        /* Without a pidfd the number may be another process's by now, so nothing is killed: it ends
         * because its socket is closed */
        if (killed && child->pidfd >= 0)
            (void)syscall(SYS_pidfd_send_signal, child->pidfd, SIGKILL, NULL, 0);
        reap(child);
    }
    if (child->pidfd >= 0)
        (void)close(child->pidfd);
    *child = (struct wf_child)WF_CHILD_INIT;
}

void wf_child_kill(struct wf_child *child)
{
    end(child, true);
}

void wf_child_leave(struct wf_child *child)
{
    end(child, false);
}

bool wf_child_has_socket(void)
{
    int domain = 0;
    socklen_t len = sizeof(domain);

    return getsockopt(STDIN_FILENO, SOL_SOCKET, SO_DOMAIN, &domain, &len) == 0 && domain == AF_UNIX;
}
