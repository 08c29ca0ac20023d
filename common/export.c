#include "config.h"

#include "export.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "child.h"
#include "http_frame.h"
#include "user.h"

/* "+" and a file, or "-" and a text. */
#define ANSWER_MAX (1 + WF_EXPORT_FILE_MAX)

enum wf_reason wf_export_path(const char *runtime_dir, const char *provider,
                              char ret[WF_EXPORT_PATH_SIZE], struct wf_err *err)
{
    if (runtime_dir == NULL)
        return wf_fail(err, WF_CONFIG,
                       "the session has no runtime directory: pam_systemd must stand above "
                       "pam_workfront in the service's session lines");
    size_t len = strlen(runtime_dir);
    if (runtime_dir[0] != '/' || !wf_text_is_clean(runtime_dir, len))
        return wf_fail(err, WF_CONFIG, "the runtime directory %.100s is no absolute path",
                       runtime_dir);
    if (len + strlen("/wfauth/") + strlen(provider) >= WF_EXPORT_PATH_SIZE)
        return wf_fail(err, WF_CONFIG, "the runtime directory's path is too long: %.100s…",
                       runtime_dir);
    (void)snprintf(ret, WF_EXPORT_PATH_SIZE, "%s/wfauth/%s", runtime_dir, provider);
    return WF_OK;
}

/* Wait for more of the answer. False behind its end. */
static bool receive_more(int fd, int64_t deadline, struct wf_buf *answer, enum wf_reason *ret,
                         struct wf_err *err)
{
    int64_t left = deadline - wf_frame_now();
    struct pollfd pfd = {fd, POLLIN, 0};

    if (left <= 0) {
        *ret = wf_fail(err, WF_UNREACHABLE, "the folder does not answer");
        return false;
    }
    /* One byte more than there can be */
    size_t most = ANSWER_MAX + 1 - answer->len;
    uint8_t *room = wf_buf_room(answer, most);
    if (room == NULL) {
        *ret = wf_fail(err, WF_INTERNAL, "out of memory for an answer");
        return false;
    }
    (void)poll(&pfd, 1, (int)left);
    ssize_t n = recv(fd, room, most, MSG_DONTWAIT);
    if (n > 0)
        wf_buf_added(answer, (size_t)n);
    else if (n < 0 && errno != EINTR && errno != EAGAIN)
        *ret = wf_fail(err, WF_INTERNAL, "it cannot be heard: %s", wf_errno_text(errno));
    if (answer->len > ANSWER_MAX)
        *ret = wf_fail(err, WF_INTERNAL, "it says too much");
    return *ret == WF_OK && n != 0;
}

static enum wf_reason read_answer(const struct wf_buf *answer, struct wf_err *err)
{
    if (answer->len > 0 && answer->data[0] == '+')
        return WF_OK;
    if (answer->len > 0 && answer->data[0] == '-')
        return wf_fail(err, WF_CONFIG, "%.*s", (int)answer->len - 1,
                       (const char *)answer->data + 1);
    return wf_fail(err, WF_INTERNAL, "it ended without a word: was it killed?");
}

/* Have the program do it. answer: empty, of ANSWER_MAX + 1 bytes. */
static enum wf_reason run(const char *what, const char *user, const char *path,
                          const struct wf_buf *request, struct wf_buf *answer, struct wf_err *err)
{
    char name[] = "wfauth-export";
    char what_copy[8];
    char user_copy[WF_USER_MAX + 1];
    char path_copy[WF_EXPORT_PATH_SIZE];
    char *argv[] = {name, what_copy, user_copy, path_copy, NULL};
    struct wf_child child = WF_CHILD_INIT;
    int64_t deadline = wf_frame_now() + WF_EXPORT_MS;
    bool fits = strlen(user) < sizeof(user_copy) && strlen(path) < sizeof(path_copy);

    (void)snprintf(what_copy, sizeof(what_copy), "%s", what);
    (void)snprintf(user_copy, sizeof(user_copy), "%s", user);
    (void)snprintf(path_copy, sizeof(path_copy), "%s", path);
    enum wf_reason reason =
        fits ? WF_OK : wf_fail(err, WF_CONFIG, "the name or the path is too long");
    if (reason == WF_OK)
        reason = wf_child_start(WF_EXPORT_PATH, argv, -1, &child, err);
    if (reason == WF_OK)
        reason = wf_frame_send(child.fd, request, deadline, err);
    if (reason == WF_OK) {
        (void)shutdown(child.fd, SHUT_WR);
        while (receive_more(child.fd, deadline, answer, &reason, err))
            continue;
    }
    if (reason == WF_OK)
        reason = read_answer(answer, err);
    /* It has said all, or is stuck */
    wf_child_kill(&child);
    if (reason != WF_OK)
        wf_err_context(err, "wfauth-export");
    return reason;
}

enum wf_reason wf_export_write(const char *user, const char *path, const struct wf_secret *token,
                               struct wf_err *err)
{
    struct wf_span text = wf_secret_borrow(token);
    struct wf_buf request = WF_BUF_INIT(WF_EXPORT_TOKEN_MAX);
    struct wf_buf answer = WF_BUF_INIT(ANSWER_MAX + 1);
    enum wf_reason reason = WF_INTERNAL;

    wf_buf_append(&request, text.ptr, text.len);
    if (wf_buf_ok(&request) && text.len > 0)
        reason = run("write", user, path, &request, &answer, err);
    else
        reason = wf_fail(err, WF_INTERNAL, "no memory for a token of %zu bytes", text.len);
    wf_buf_done(&request);
    wf_buf_done(&answer);
    return reason;
}

enum wf_reason wf_export_remove(const char *user, const char *path, struct wf_secret **ret_held,
                                struct wf_err *err)
{
    const struct wf_buf request = WF_BUF_INIT(0);
    struct wf_buf answer = WF_BUF_INIT(ANSWER_MAX + 1);
    struct wf_secret *held = NULL;
    enum wf_reason reason = run("remove", user, path, &request, &answer, err);

    if (reason != WF_OK)
        goto out;
    /* The person may have written anything there, and what is taken for a token is sent */
    struct wf_span text = wf_text_trim((const char *)answer.data + 1, answer.len - 1);
    if (text.len > 0 && wf_text_is_printable(text.ptr, text.len) &&
        memchr(text.ptr, ' ', text.len) == NULL) {
        held = wf_secret_new(text.ptr, text.len);
        if (held == NULL) {
            reason = wf_fail(err, WF_INTERNAL, "out of memory for a token");
            goto out;
        }
    }
    *ret_held = held;
out:
    wf_buf_done(&answer);
    return reason;
}
