#include "config.h"

#include <getopt.h>
#include <stdio.h>

#include "cmd.h"
#include "session.h"

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
    (void)fprintf(stderr, "usage: wfauth [-c FILE] token [--new] [PROVIDER]\n"
                          "       wfauth [-c FILE] token --list\n");
    return WF_EXIT_USAGE;
}

/* PROVIDER USER WHEN STATE; texts were clean when they were kept, but files can be edited. */
static void print_record(void *ctx, const char *name, const struct wf_record *record,
                         const char *fault)
{
    char when[WF_CMD_TIME_SIZE];

    (void)ctx;
    if (record == NULL) {
        wf_cmd_complain("%s is ignored: %s", name, fault);
        return;
    }
    wf_cmd_time(record->ended != 0 ? record->ended : record->signed_in, when);
    wf_cmd_say("%s %s %s %s%s", record->provider, record->user, when,
               record->ended != 0 ? "ended: " : "signed in", record->ended != 0 ? record->why : "");
}

static int list(const struct wf_context *context)
{
    struct wf_err err = WF_ERR_INIT;
    enum wf_reason reason = wf_session_list(context, print_record, NULL, &err);

    if (reason != WF_OK)
        (void)fprintf(stderr, "%s: %s\n", wf_reason_name(reason), err.text);
    return wf_exit_of(reason);
}

static int print_token(const struct wf_context *context, const char *name, bool renew)
{
    const struct wf_provider_conf *provider = NULL;
    struct wf_secret *token = NULL;
    struct wf_cmd_ticker ticker;
    struct wf_err err = WF_ERR_INIT;
    enum wf_reason reason = wf_session_provider(context, name, &provider, &err);

    /* Else the one that is not wanted would be printed */
    if (reason == WF_OK && renew)
        reason = wf_token_forget(context, provider->name, &err);
    wf_cmd_ticker_begin(&ticker, false);
    if (reason == WF_OK)
        reason = wf_token(context, provider->name, &token, &err);
    wf_cmd_ticker_end(&ticker);
    int status = print(reason, token, &err);
    wf_secret_free(token);
    return status;
}

int wf_cmd_token(const struct wf_cmd_global *global, int argc, char **argv)
{
    static const struct option longs[] = {
        {"new", no_argument, NULL, 'n'},
        {"list", no_argument, NULL, 'l'},
        {NULL, 0, NULL, 0},
    };
    int status = WF_EXIT_USAGE;
    bool renew = false;
    bool all = false;
    int c;

    optind = 0;
    while ((c = getopt_long(argc, argv, "+nl", longs, NULL)) != -1) {
        if (c != 'n' && c != 'l')
            return token_usage();
        renew = renew || c == 'n';
        all = all || c == 'l';
    }
    if (optind + (all ? 0 : 1) < argc || (all && renew))
        return token_usage();
    struct wf_context *context = wf_cmd_context(global, &status);
    if (context == NULL)
        return status;
    status = all ? list(context) : print_token(context, argv[optind], renew);
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
