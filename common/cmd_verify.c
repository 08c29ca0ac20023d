#include "config.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "cmd.h"
#include "json.h"
#include "text.h"

/* A line, or the whole of standard input: far above any max_token, so that it is the rules that
 * refuse a long token. */
#define INPUT_MAX ((size_t)1 << 20)

struct options {
    const char *service;
    const char *user;
    bool json;
    bool lines;
};

static int usage(void)
{
    (void)fprintf(stderr,
                  "usage: wfauth [-c FILE] verify [-s SERVICE] [-u USER] [--json] [--lines]\n");
    return WF_EXIT_USAGE;
}

static bool parse_options(int argc, char **argv, struct options *ret)
{
    enum { OPTION_JSON = 256, OPTION_LINES };
    static const struct option longs[] = {
        {"service", required_argument, NULL, 's'},
        {"user", required_argument, NULL, 'u'},
        {"json", no_argument, NULL, OPTION_JSON},
        {"lines", no_argument, NULL, OPTION_LINES},
        {NULL, 0, NULL, 0},
    };
    int c;

    *ret = (struct options){.service = "*"};
    optind = 0;
    while ((c = getopt_long(argc, argv, "+s:u:", longs, NULL)) != -1) {
        switch (c) {
        case 's':
            ret->service = optarg;
            break;
        case 'u':
            ret->user = optarg;
            break;
        case OPTION_JSON:
            ret->json = true;
            break;
        case OPTION_LINES:
            ret->lines = true;
            break;
        default: /* getopt has complained */
            return false;
        }
    }
    return optind == argc;
}

static enum wf_reason verify(struct wf_context *context, const struct options *options,
                             const char *token, size_t len, struct wf_result *result,
                             char **ret_claims, struct wf_err *err)
{
    const struct wf_request request = {.service = options->service, .user = options->user};
    enum wf_passwd passwd = options->user != NULL ? WF_PASSWD_REQUIRED : WF_PASSWD_IGNORE;
    struct wf_span text = wf_text_trim(token, len);

    return wf_verify(context, &request, text.ptr, text.len, passwd, result, ret_claims, err);
}

/* The members that JSON output has in common with text. */
static bool fill_json(struct json_t *object, enum wf_reason reason, const struct wf_result *result,
                      const struct wf_err *err)
{
    const struct {
        const char *name;
        const char *value;
        bool when_refused;
    } members[] = {
        {"verdict", reason == WF_OK ? "accept" : "refuse", true},
        {"user", result->user, false},
        {"provider", result->provider, false},
        {"subject", result->subject, false},
        {"reason", reason == WF_OK ? NULL : wf_reason_name(reason), true},
        {"text", reason == WF_OK ? NULL : err->text, true},
    };

    for (size_t i = 0; i < WF_ARRAY_LEN(members); i++) {
        const char *value = members[i].value;
        if (value == NULL || (reason != WF_OK && !members[i].when_refused))
            continue;
        if (!wf_json_set_string(object, members[i].name, value))
            return false;
    }
    return true;
}

/* One object on one line. False if memory is short. */
static bool print_json(enum wf_reason reason, const struct wf_result *result, const char *claims,
                       const struct wf_err *err)
{
    struct json_t *object = wf_json_new();
    struct json_t *inner = NULL;
    char *text = NULL;
    bool fine = object != NULL && fill_json(object, reason, result, err);

    if (fine && reason == WF_OK)
        fine = claims != NULL &&
               wf_json_parse(claims, strlen(claims), &inner, NULL) == WF_OK &&
               wf_json_set_number(object, "expires", result->expires) &&
               wf_json_set_take(object, "claims", inner);
    text = fine ? wf_json_dump(object) : NULL;
    fine = text != NULL && puts(text) >= 0;
    free(text);
    wf_json_free(object);
    return fine;
}

static int verify_one(struct wf_context *context, const struct options *options,
                      const char *token, size_t len)
{
    struct wf_result result;
    struct wf_err err = WF_ERR_INIT;
    char *claims = NULL;
    enum wf_reason reason = verify(context, options, token, len, &result,
                                   options->json ? &claims : NULL, &err);
    int status = wf_exit_of(reason);

    if (options->json) {
        if (!print_json(reason, &result, claims, &err))
            status = WF_EXIT_USAGE;
    } else if (reason == WF_OK) {
        (void)puts(result.user);
    } else {
        (void)fprintf(stderr, "%s: %s\n", wf_reason_name(reason), err.text);
    }
    free(claims);
    return status;
}

static bool answer_line(struct wf_context *context, const struct options *options,
                        const char *token, size_t len)
{
    struct wf_result result;
    struct wf_err err = WF_ERR_INIT;
    char *claims = NULL;
    enum wf_reason reason = verify(context, options, token, len, &result,
                                   options->json ? &claims : NULL, &err);
    bool fine = true;

    if (options->json)
        fine = print_json(reason, &result, claims, &err);
    else if (reason == WF_OK)
        fine = printf("accept %s\n", result.user) >= 0;
    else
        fine = printf("refuse %s %s\n", wf_reason_name(reason), err.text) >= 0;
    free(claims);
    return fflush(stdout) == 0 && fine;
}

/* One token a line, one answer a line. The last line need not end. */
static int verify_lines(struct wf_context *context, const struct options *options)
{
    struct wf_buf line = WF_BUF_INIT(INPUT_MAX);
    int status = WF_EXIT_DONE;
    int c = 0;

    while (c != EOF && status == WF_EXIT_DONE) {
        wf_buf_reset(&line);
        for (c = getc_unlocked(stdin); c != EOF && c != '\n'; c = getc_unlocked(stdin)) {
            /* Of an endless line the first megabyte is judged, as too large */
            if (line.len < INPUT_MAX - 1)
                wf_buf_append_byte(&line, (uint8_t)c);
        }
        if (c == EOF && line.len == 0)
            break;
        const char *text = wf_buf_text_borrow(&line);
        if (text == NULL || !answer_line(context, options, text, line.len))
            status = WF_EXIT_USAGE;
    }
    if (ferror(stdin))
        status = WF_EXIT_USAGE;
    wf_buf_done(&line);
    return status;
}

static int verify_input(struct wf_context *context, const struct options *options)
{
    struct wf_buf input = WF_BUF_INIT(INPUT_MAX);
    int status = WF_EXIT_USAGE;
    size_t n = 0;

    do {
        size_t space = INPUT_MAX - 1 - input.len;
        uint8_t *room = wf_buf_room(&input, space < 4096 ? space : 4096);
        if (room == NULL)
            break;
        n = fread(room, 1, space < 4096 ? space : 4096, stdin);
        wf_buf_added(&input, n);
    } while (n > 0);
    const char *text = wf_buf_text_borrow(&input);
    if (text == NULL || ferror(stdin))
        wf_cmd_complain("cannot read the token from standard input");
    else
        status = verify_one(context, options, text, input.len);
    wf_buf_done(&input);
    return status;
}

int wf_cmd_verify(const struct wf_cmd_global *global, int argc, char **argv)
{
    struct options options;
    int status = WF_EXIT_USAGE;

    if (!parse_options(argc, argv, &options))
        return usage();
    struct wf_context *context = wf_cmd_context(global, &status);
    if (context == NULL)
        return status;
    status = options.lines ? verify_lines(context, &options) : verify_input(context, &options);
    wf_context_free(context);
    return status;
}
