/*
 * wfauth-http: the only part of a PAM sign-in that touches the network. A host program starts it
 * with a socket as standard input (http_helper.c) and an empty environment; it gives up every
 * privilege, then answers one request after the other until the socket closes. It signs
 * assertions, too: libjwt 3 brings libcurl and libssl with it, so it stays out of root's processes.
 *
 * Usage: wfauth-http USER. Not for people. It is not set-user-id: started by somebody else it can
 * do no more than that person.
 */
#include "config.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "child.h"
#include "drop.h"
#include "http_curl.h"
#include "http_frame.h"

/* The socket is standard input. */
#define SOCKET STDIN_FILENO
/* A sign-in has ended long before; it is for hosts that leak the socket into children. */
#define IDLE_MS (10 * 60 * 1000)
/* To take an answer: the host waits for it. */
#define ANSWER_MS 10000

/* The host is gone: nobody wants the answer, and nothing may wait for a resolver's thread. */
static void leave(void)
{
    _exit(0);
}

static enum wf_reason sign(const struct wf_buf *request, struct wf_buf *out, struct wf_err *err)
{
    struct wf_buf jwt = WF_BUF_INIT(WF_ASSERTION_MAX);
    struct wf_assertion assertion;
    enum wf_reason reason = wf_frame_get_assertion(request->data + WF_FRAME_HEAD,
                                                   request->len - WF_FRAME_HEAD, &assertion, err);

    if (reason == WF_OK)
        reason = wf_assertion_sign(&assertion, &jwt, err);
    if (reason == WF_OK)
        wf_frame_put_signed(out, &jwt);
    wf_buf_done(&jwt);
    return reason;
}

static enum wf_reason answer(struct wf_http *http, const struct wf_buf *request,
                             enum wf_frame_kind kind, struct wf_buf *out, struct wf_err *err)
{
    struct wf_http_response response = WF_HTTP_RESPONSE_INIT;
    struct wf_http_request parsed;
    enum wf_reason reason = WF_INTERNAL;

    if (kind == WF_FRAME_ASSERTION)
        return sign(request, out, err);
    if (kind != WF_FRAME_HTTP_REQUEST)
        return wf_fail(err, WF_INTERNAL, "the helper got a frame of kind %d", (int)kind);
    reason = wf_frame_get_request(request->data + WF_FRAME_HEAD, request->len - WF_FRAME_HEAD,
                                  &parsed, err);
    if (reason == WF_OK)
        reason = wf_http_send(http, &parsed, &response, err);
    if (reason == WF_OK)
        wf_frame_put_answer(out, &response);
    wf_http_response_done(&response);
    return reason;
}

/* Serve until the socket closes. setup: what became of our privileges; unless WF_OK, the first
 * request is answered with it, unread. */
static void serve(enum wf_reason setup, struct wf_err *err)
{
    struct wf_buf in = WF_FRAME_BUF_INIT;
    struct wf_buf out = WF_FRAME_BUF_INIT;
    struct wf_http *http = setup == WF_OK ? wf_http_curl_new_watching(SOCKET, leave) : NULL;
    enum wf_frame_kind kind = WF_FRAME_REFUSAL;
    bool sent;

    do {
        if (wf_frame_receive(SOCKET, &in, &kind, wf_frame_now() + IDLE_MS, NULL) != WF_OK)
            break;
        wf_buf_reset(&out);
        enum wf_reason reason = setup == WF_OK ? answer(http, &in, kind, &out, err) : setup;
        wf_buf_reset(&in);
        if (reason != WF_OK)
            wf_frame_put_refusal(&out, reason, err->text);
        sent = wf_buf_ok(&out) &&
               wf_frame_send(SOCKET, &out, wf_frame_now() + ANSWER_MS, NULL) == WF_OK;
    } while (sent && setup == WF_OK);
    wf_buf_done(&in);
    wf_buf_done(&out);
}

int main(int argc, char **argv)
{
    struct wf_err err = WF_ERR_INIT;

    if (argc != 2 || !wf_child_has_socket()) {
        (void)fprintf(stderr, "wfauth-http is started by wfauth and pam_workfront, not by hand\n");
        return 2;
    }
    /* libcurl leaves signals alone here, so a connection that breaks must not end us */
    (void)signal(SIGPIPE, SIG_IGN);
    /* When a service is stopped all its processes are told to end. An answer with a new refresh
     * token in it may be on its way: what started us decides, and we leave when it does. */
    (void)signal(SIGTERM, SIG_IGN);
    serve(wf_drop(argv[1], &err), &err);
    /* Destructors of the libraries have nothing to add, and cost the host's time */
    _exit(0);
}
