#include "config.h"

#include <getopt.h>
#include <stdio.h>

#include "cmd.h"

static int print(enum wf_reason reason, const struct wf_secret *secret, const struct wf_err *err)
{
    struct wf_span text = wf_secret_borrow(secret);

    if (reason != WF_OK)
        (void)fprintf(stderr, "%s: %s\n", wf_reason_name(reason), err->text);
    else if (fwrite(text.ptr, 1, text.len, stdout) != text.len || putchar('\n') == EOF)
        return WF_EXIT_USAGE;
    return wf_exit_of(reason);
}

static int token_usage(void)
{
    (void)fprintf(stderr, "usage: wfauth [-c FILE] token [--new] PROVIDER\n");
    return WF_EXIT_USAGE;
}

int wf_cmd_token(const struct wf_cmd_global *global, int argc, char **argv)
{
    static const struct option longs[] = {
        {"new", no_argument, NULL, 'n'},
        {NULL, 0, NULL, 0},
    };
    struct wf_secret *token = NULL;
    struct wf_err err = WF_ERR_INIT;
    int status = WF_EXIT_USAGE;
    bool renew = false;
    int c;

    optind = 0;
    while ((c = getopt_long(argc, argv, "+n", longs, NULL)) != -1) {
        if (c != 'n')
            return token_usage();
        renew = true;
    }
    if (optind + 1 != argc)
        return token_usage();
    struct wf_context *context = wf_cmd_context(global, &status);
    if (context == NULL)
        return status;
    if (renew)
        wf_token_forget(context, argv[optind]);
    enum wf_reason reason = wf_token(context, argv[optind], &token, &err);
    status = print(reason, token, &err);
    wf_secret_free(token);
    wf_context_free(context);
    return status;
}

int wf_cmd_assert(const struct wf_cmd_global *global, int argc, char **argv)
{
    struct wf_secret *assertion = NULL;
    struct wf_err err = WF_ERR_INIT;
    int status = WF_EXIT_USAGE;

    if (argc != 2 || argv[1][0] == '-') {
        (void)fprintf(stderr, "usage: wfauth [-c FILE] assert PROVIDER\n");
        return WF_EXIT_USAGE;
    }
    struct wf_context *context = wf_cmd_context(global, &status);
    if (context == NULL)
        return status;
    enum wf_reason reason = wf_assert(context, argv[1], &assertion, &err);
    status = print(reason, assertion, &err);
    wf_secret_free(assertion);
    wf_context_free(context);
    return status;
}
