#include "config.h"

#include "http_helper_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "http_frame.h"

/* What the helper may take beyond the request's own time-out, which it keeps itself: to start on
 * a busy machine, and to answer. */
#define GRACE_MS 2000
/* To start and sign once, with the largest key on a slow machine. */
#define SIGN_MS 5000
/* How long a helper that was killed may take to go. */
#define END_MS 1000

/* Refuse a program that somebody else may have put there. */
static enum wf_reason check_program(const char *path, struct wf_err *err)
{
    struct stat st;
    uid_t me = geteuid();

    if (path[0] != '/')
        return wf_fail(err, WF_CONFIG, "helper %s is not an absolute path", path);
    if (lstat(path, &st) != 0)
        return wf_fail(err, WF_CONFIG, "helper %s: %s: install wfauth again", path,
                       wf_errno_text(errno));
    if (!S_ISREG(st.st_mode))
        return wf_fail(err, WF_CONFIG, "helper %s is not a regular file: install wfauth again",
                       path);
    if (st.st_uid != 0 && st.st_uid != me)
        return wf_fail(err, WF_CONFIG, "helper %s belongs to user %u: chown root:root %s", path,
                       (unsigned)st.st_uid, path);
    if ((st.st_mode & (S_IWGRP | S_IWOTH)) != 0)
        return wf_fail(err, WF_CONFIG, "helper %s can be written by others: chmod go-w %s", path,
                       path);
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
        return wf_fail(err, WF_INTERNAL, "no socket pair for the helper: %s",
                       wf_errno_text(errno));
    pair[0] = move_up(pair[0]);
    pair[1] = move_up(pair[1]);
    if (pair[0] < 0 || pair[1] < 0) {
        close_pair(pair);
        return wf_fail(err, WF_INTERNAL, "no descriptor left for the helper");
    }
    ret[0] = pair[0];
    ret[1] = pair[1];
    return WF_OK;
}

/* What the program starts with: the socket as standard input and nothing else of ours. */
static int add_actions(posix_spawn_file_actions_t *actions, int socket)
{
    int rc = posix_spawn_file_actions_adddup2(actions, socket, 0);

    if (rc == 0)
        rc = posix_spawn_file_actions_addopen(actions, 1, "/dev/null", O_WRONLY, 0);
    if (rc == 0)
        rc = posix_spawn_file_actions_adddup2(actions, 1, 2);
#ifdef HAVE_POSIX_SPAWN_FILE_ACTIONS_ADDCLOSEFROM_NP
    /* The helper does it again; this one comes before its libraries are loaded */
    if (rc == 0)
        rc = posix_spawn_file_actions_addclosefrom_np(actions, 3);
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
static int spawn(const struct wf_http_helper *self, int socket, pid_t *ret_pid)
{
    char name[] = "wfauth-http";
    char *argv[] = {name, self->user, NULL};
    char *envp[] = {NULL};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attr;

    int rc = posix_spawn_file_actions_init(&actions);
    if (rc != 0)
        return rc;
    rc = posix_spawnattr_init(&attr);
    if (rc == 0) {
        rc = add_actions(&actions, socket);
        if (rc == 0)
            rc = set_attributes(&attr);
        if (rc == 0)
            rc = posix_spawn(ret_pid, self->path, &actions, &attr, argv, envp);
        (void)posix_spawnattr_destroy(&attr);
    }
    (void)posix_spawn_file_actions_destroy(&actions);
    return rc;
}

static enum wf_reason start_helper(struct wf_http_helper *self, struct wf_err *err)
{
    enum wf_reason reason = check_program(self->path, err);
    int pair[2] = {-1, -1};
    struct stat st;
    pid_t pid;

    if (reason == WF_OK)
        reason = make_pair(pair, err);
    if (reason != WF_OK)
        return reason;
    if (fstat(pair[0], &st) != 0) {
        reason = wf_fail(err, WF_INTERNAL, "fstat: %s", wf_errno_text(errno));
        goto out;
    }
    int rc = spawn(self, pair[1], &pid);
    if (rc != 0) {
        bool busy = rc == ENOMEM || rc == EAGAIN;
        reason = wf_fail(err, busy ? WF_INTERNAL : WF_CONFIG, "cannot start helper %s: %s",
                         self->path, wf_errno_text(rc));
        goto out;
    }
    self->fd = pair[0];
    pair[0] = -1;
    self->socket = st.st_ino;
    self->pid = pid;
    self->pidfd = move_up((int)syscall(SYS_pidfd_open, pid, 0));
    self->owner = getpid();
    reason = WF_OK;
out:
    close_pair(pair);
    return reason;
}

/* True if fd is still the socket we opened. */
static bool is_our_socket(const struct wf_http_helper *self)
{
    struct stat st;

    return fstat(self->fd, &st) == 0 && S_ISSOCK(st.st_mode) && st.st_ino == self->socket;
}

/* Kill the helper and take its exit status, so that no zombie stays. Nothing here waits without a
 * bound: where the host ignores SIGCHLD or reaps all children itself, there is nothing to take. */
static void end_child(const struct wf_http_helper *self)
{
    int64_t deadline = wf_frame_now() + END_MS;
    siginfo_t info;

    if (self->pidfd < 0) {
        /* Without a pidfd the number may be another process's by now, so nothing is killed: the
         * helper ends because its socket is closed */
        while (waitpid(self->pid, NULL, WNOHANG) == 0 && wf_frame_now() < deadline)
            (void)poll(NULL, 0, 1);
        return;
    }
    (void)syscall(SYS_pidfd_send_signal, self->pidfd, SIGKILL, NULL, 0);
    for (int64_t left = END_MS; left > 0; left = deadline - wf_frame_now()) {
        struct pollfd pfd = {self->pidfd, POLLIN, 0};
        if (poll(&pfd, 1, (int)left) >= 0 || errno != EINTR)
            break;
    }
    (void)waitid((idtype_t)P_PIDFD, (id_t)self->pidfd, &info, WEXITED | WNOHANG);
}

/* Forget the helper. In a forked child it is the parent's: only our copies are closed. */
static void end_helper(struct wf_http_helper *self)
{
    if (self->fd < 0)
        return;
    if (is_our_socket(self))
        (void)close(self->fd);
    else
        self->pidfd = -1; /* whoever closed the one will have closed the other */
    if (self->owner == getpid())
        end_child(self);
    if (self->pidfd >= 0)
        (void)close(self->pidfd);
    self->fd = -1;
    self->pidfd = -1;
}

/* True if the helper that was started earlier still listens. It leaves when it has been idle for
 * long; found out before the request is sent, that is no failure. */
static bool is_usable(const struct wf_http_helper *self)
{
    struct pollfd pfd = {self->fd, POLLIN, 0};

    return self->fd >= 0 && self->owner == getpid() && is_our_socket(self) &&
           poll(&pfd, 1, 0) == 0;
}

/* Send the frame, receive the one that answers it. */
static enum wf_reason exchange(const struct wf_http_helper *self, const struct wf_buf *request,
                               int64_t deadline, struct wf_buf *answer,
                               enum wf_frame_kind *ret_kind, struct wf_err *err)
{
    enum wf_reason reason = wf_frame_send(self->fd, request, deadline, err);

    if (reason == WF_OK)
        reason = wf_frame_receive(self->fd, answer, ret_kind, deadline, err);
    return reason;
}

/* Where the answer to a request goes, according to its kind. */
struct wanted {
    enum wf_frame_kind kind; /* WF_FRAME_HTTP_ANSWER or WF_FRAME_SIGNED */
    size_t max_body;
    struct wf_http_response *response;
    struct wf_buf *assertion;
};

static enum wf_reason read_answer(const struct wf_buf *frame, enum wf_frame_kind kind,
                                  const struct wanted *wanted, struct wf_err *err)
{
    const uint8_t *payload = frame->data + WF_FRAME_HEAD;
    size_t len = frame->len - WF_FRAME_HEAD;

    if (kind == WF_FRAME_REFUSAL)
        return wf_frame_get_refusal(payload, len, err);
    if (kind != wanted->kind)
        return wf_fail(err, WF_MALFORMED, "a frame of kind %d, expected %d", (int)kind,
                       (int)wanted->kind);
    if (kind == WF_FRAME_SIGNED)
        return wf_frame_get_signed(payload, len, wanted->assertion, err);
    return wf_frame_get_answer(payload, len, wanted->max_body, wanted->response, err);
}

/* Send a finished frame to a helper that runs, or to a new one, and read what it answers. what:
 * names the request in messages. */
static enum wf_reason ask(struct wf_http_helper *self, const struct wf_buf *frame, int64_t deadline,
                          const struct wanted *wanted, const char *what, struct wf_err *err)
{
    struct wf_buf answer = WF_FRAME_BUF_INIT;
    enum wf_frame_kind kind = WF_FRAME_REFUSAL;
    enum wf_reason reason = WF_INTERNAL;

    if (!wf_buf_ok(frame)) {
        reason = wf_fail(err, WF_INTERNAL, "out of memory for a request");
        goto out;
    }
    if (!is_usable(self)) {
        end_helper(self);
        reason = start_helper(self, err);
        if (reason != WF_OK)
            goto out;
    }
    reason = exchange(self, frame, deadline, &answer, &kind, err);
    bool broken = reason != WF_OK;
    if (!broken) {
        reason = read_answer(&answer, kind, wanted, err);
        broken = reason == WF_MALFORMED;
    }
    if (broken) {
        reason = reason == WF_MALFORMED ? WF_INTERNAL : reason;
        wf_err_context(err, "%s: helper %s", what, self->path);
    }
    /* What it says late must not pass for the next request's answer; and one that could not become
     * its user leaves by itself. A new one costs milliseconds. */
    if (broken || (reason != WF_OK && reason != WF_UNREACHABLE))
        end_helper(self);
out:
    wf_buf_done(&answer);
    return reason;
}

static enum wf_reason helper_send(struct wf_http *http, const struct wf_http_request *request,
                                  struct wf_http_response *ret, struct wf_err *err)
{
    int64_t deadline = wf_frame_now() + request->timeout_ms + GRACE_MS;
    const struct wanted wanted = {WF_FRAME_HTTP_ANSWER, request->max_body, ret, NULL};
    struct wf_buf frame = WF_FRAME_BUF_INIT;
    char what[WF_HTTP_DESCRIPTION_MAX];

    wf_http_describe(request, what);
    wf_frame_put_request(&frame, request);
    enum wf_reason reason =
        ask((struct wf_http_helper *)http, &frame, deadline, &wanted, what, err);
    wf_buf_done(&frame);
    return reason;
}

static enum wf_reason helper_sign(struct wf_http *http, const struct wf_assertion *assertion,
                                  struct wf_buf *out, struct wf_err *err)
{
    int64_t deadline = wf_frame_now() + SIGN_MS;
    const struct wanted wanted = {WF_FRAME_SIGNED, 0, NULL, out};
    struct wf_buf frame = WF_FRAME_BUF_INIT;

    wf_frame_put_assertion(&frame, assertion);
    enum wf_reason reason = ask((struct wf_http_helper *)http, &frame, deadline, &wanted,
                                "signing an assertion", err);
    wf_buf_done(&frame);
    return reason;
}

static void helper_free(struct wf_http *http)
{
    struct wf_http_helper *self = (struct wf_http_helper *)http;

    end_helper(self);
    free(self->path);
    free(self->user);
    free(self);
}

struct wf_http *wf_http_helper_new(const char *path, const char *user)
{
    static const struct wf_http_ops ops = {helper_send, helper_free, helper_sign};
    struct wf_http_helper *self = calloc(1, sizeof(*self));

    if (self == NULL)
        return NULL;
    self->base.ops = &ops;
    self->fd = -1;
    self->pidfd = -1;
    self->path = strdup(path);
    self->user = strdup(user);
    if (self->path == NULL || self->user == NULL) {
        helper_free(&self->base);
        return NULL;
    }
    return &self->base;
}
