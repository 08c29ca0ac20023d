/*
 * What tests of the program that writes token files share, beyond export_case.h: to write and
 * remove one, and to see that nothing is left. Include it once, in the test's file.
 */
#ifndef WF_TEST_EXPORT_FILE_H
#define WF_TEST_EXPORT_FILE_H

#include "export_case.h"
#include "keycase.h"

static inline enum wf_reason put(const char *token, struct wf_err *err)
{
    struct wf_secret *secret = wf_secret_new(token, strlen(token));

    assert_non_null(secret);
    enum wf_reason reason = wf_export_write("alice", export_file, secret, err);
    wf_secret_free(secret);
    return reason;
}

static inline void put_ok(const char *token)
{
    struct wf_err err = WF_ERR_INIT;

    if (put(token, &err) != WF_OK)
        fail_msg("%s", err.text);
}

/* What the removed file held; NULL: nothing of use. Static storage. */
static inline const char *take(void)
{
    static char held[256];
    struct wf_secret *secret = NULL;
    struct wf_err err = WF_ERR_INIT;

    if (wf_export_remove("alice", export_file, &secret, &err) != WF_OK)
        fail_msg("%s", err.text);
    if (secret == NULL)
        return NULL;
    (void)snprintf(held, sizeof(held), "%s", wf_secret_borrow(secret).ptr);
    wf_secret_free(secret);
    return held;
}

static size_t files_before;

static inline int reset(void **state)
{
    (void)state;
    export_reset();
    files_before = key_open_files();
    return 0;
}

/* No descriptor and no child is left, whatever happened. */
static inline int check_left(void **state)
{
    (void)state;
    if (key_open_files() != files_before) {
        print_error("descriptors are left\n");
        return -1;
    }
    if (waitpid(-1, NULL, WNOHANG) != -1 || errno != ECHILD) {
        print_error("a child is left\n");
        return -1;
    }
    return 0;
}

static inline int in_child(int (*function)(void))
{
    int status = 0;

    (void)fflush(NULL);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        _exit(function());
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

#endif
