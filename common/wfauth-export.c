/*
 * wfauth-export: the file with a person's token, written or removed as that person (export.h says
 * why). Whoever opens or closes a session starts it with a socket as standard input and an empty
 * environment.
 *
 * Usage: wfauth-export write|remove USER PATH. Not for people. It is not set-user-id: started by
 * somebody else it can do no more than that person.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "child.h"
#include "drop.h"
#include "export.h"
#include "folder.h"

#define SOCKET STDIN_FILENO
/* Who started it has given up long before. Seconds. */
#define LIFE (2 * WF_EXPORT_MS / 1000)

/* PATH = RUNTIME_DIR "/wfauth/" PROVIDER */
struct place {
    char runtime[WF_EXPORT_PATH_SIZE];
    char folder[WF_EXPORT_PATH_SIZE];
    const char *name;
};

static bool split(const char *path, struct place *ret)
{
    const char *name = strrchr(path, '/');

    if (path[0] != '/' || strlen(path) >= sizeof(ret->folder) || name[1] == '\0')
        return false;
    (void)snprintf(ret->folder, sizeof(ret->folder), "%.*s", (int)(name - path), path);
    ret->name = name + 1;
    name = strrchr(ret->folder, '/');
    if (name == NULL || name == ret->folder || strcmp(name, "/wfauth") != 0)
        return false;
    (void)snprintf(ret->runtime, sizeof(ret->runtime), "%.*s", (int)(name - ret->folder),
                   ret->folder);
    return true;
}

/* All that comes. False if that is not a token. */
static bool read_token(struct wf_buf *token)
{
    while (token->len <= WF_EXPORT_TOKEN_MAX) {
        /* One byte more than there can be */
        size_t most = WF_EXPORT_TOKEN_MAX + 1 - token->len;
        uint8_t *room = wf_buf_room(token, most);
        /* No signal has a handler here, so none interrupts this */
        ssize_t n = room == NULL ? -1 : recv(SOCKET, room, most, 0);
        if (n <= 0)
            return n == 0;
        wf_buf_added(token, (size_t)n);
    }
    return false;
}

static enum wf_reason write_file(const struct place *place, struct wf_buf *token,
                                 struct wf_err *err)
{
    struct wf_buf nothing = WF_BUF_INIT(0);
    const char *fault = NULL;
    int runtime = wf_folder_walk(place->runtime, 0, err);
    int folder = runtime < 0 ? -1 : wf_folder_walk(place->folder, 0700, err);

    wf_folder_shut(runtime);
    if (folder < 0)
        return WF_CONFIG;
    /* For what it removes: what one of us left that was stopped while writing */
    (void)wf_folder_list(folder, place->name, &nothing);
    wf_buf_done(&nothing);
    wf_buf_append_byte(token, '\n');
    fault = wf_buf_ok(token)
                ? wf_folder_replace(folder, place->name, token->data, token->len, false)
                : "out of memory";
    wf_folder_shut(folder);
    return fault == NULL ? WF_OK
                         : wf_fail(err, WF_CONFIG, "cannot write %s/%s: %s", place->folder,
                                   place->name, fault);
}

static enum wf_reason remove_file(const struct place *place, struct wf_buf *held,
                                  struct wf_err *err)
{
    struct stat st;
    const char *fault = NULL;
    bool existed = false;

    /* systemd takes the whole runtime directory away */
    if (lstat(place->folder, &st) != 0 && errno == ENOENT)
        return WF_OK;
    int runtime = wf_folder_walk(place->runtime, 0, err);
    int folder = runtime < 0 ? -1 : wf_folder_walk(place->folder, 0, err);
    if (folder >= 0) {
        /* Something else in its place says nothing, and goes, too */
        (void)wf_folder_read(folder, place->name, WF_FOLDER_PRIVATE, held);
        fault = wf_folder_remove(folder, place->name, false, &existed);
        /* Unless another provider's file is there */
        (void)unlinkat(runtime, "wfauth", AT_REMOVEDIR);
    }
    wf_folder_shut(folder);
    wf_folder_shut(runtime);
    if (folder < 0)
        return WF_CONFIG;
    return fault == NULL ? WF_OK
                         : wf_fail(err, WF_CONFIG, "cannot remove %s/%s: %s", place->folder,
                                   place->name, fault);
}

static enum wf_reason work(char **args, bool removes, struct wf_buf *data, struct wf_err *err)
{
    struct place place;

    /* First, since what is closed with something unread in it loses the answer, too */
    if (!read_token(data))
        return wf_fail(err, WF_INTERNAL, "what came is no token");
    if (!removes && strcmp(args[0], "write") != 0)
        return wf_fail(err, WF_INTERNAL, "asked to do something else");
    if (!split(args[2], &place))
        return wf_fail(err, WF_INTERNAL, "%s is no path of a token", args[2]);
    enum wf_reason reason = wf_drop_to_person(args[1], WF_EXPORT_FILE_MAX, err);
    if (reason == WF_OK)
        reason = removes ? remove_file(&place, data, err) : write_file(&place, data, err);
    return reason;
}

static void answer(char mark, const void *data, size_t len)
{
    struct wf_buf out = WF_BUF_INIT(1 + WF_EXPORT_FILE_MAX);

    wf_buf_append_byte(&out, (uint8_t)mark);
    wf_buf_append(&out, data, len);
    if (wf_buf_ok(&out))
        (void)!send(SOCKET, out.data, out.len, MSG_NOSIGNAL);
    wf_buf_done(&out);
}

int main(int argc, char **argv)
{
    struct wf_err err = WF_ERR_INIT;
    struct wf_buf data = WF_BUF_INIT(WF_EXPORT_FILE_MAX);

    if (argc != 4 || !wf_child_has_socket()) {
        (void)fprintf(stderr, "wfauth-export is started by pam_workfront, not by hand\n");
        return 2;
    }
    (void)alarm(LIFE);
    bool removes = strcmp(argv[1], "remove") == 0;
    if (work(argv + 1, removes, &data, &err) == WF_OK)
        answer('+', data.data, removes ? data.len : 0);
    else
        answer('-', err.text, strlen(err.text));
    wf_buf_done(&data);
    /* Destructors of the libraries have nothing to add */
    _exit(0);
}
