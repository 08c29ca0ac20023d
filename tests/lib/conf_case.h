/* What the tests of the configuration share: parse a text and keep its complaints. */
#ifndef WF_CONF_CASE_H
#define WF_CONF_CASE_H

#include <stdio.h>
#include <string.h>

#include "conf.h"

struct lines {
    unsigned count;
    char text[WF_CONF_MISTAKES_MAX + 1][WF_ERR_TEXT_MAX];
};

static inline void collect(void *ctx, const char *line)
{
    struct lines *lines = ctx;

    assert_true(lines->count < WF_ARRAY_LEN(lines->text));
    (void)snprintf(lines->text[lines->count++], WF_ERR_TEXT_MAX, "%s", line);
}

static inline enum wf_reason parse(const char *text, struct lines *lines, struct wf_conf **ret,
                                   struct wf_err *err)
{
    memset(lines, 0, sizeof(*lines));
    return wf_conf_parse("f.conf", text, strlen(text), collect, lines, ret, err);
}

/* The configuration of a text that must be good. */
static inline struct wf_conf *good(const char *text)
{
    struct lines lines;
    struct wf_conf *conf = NULL;
    struct wf_err err = WF_ERR_INIT;

    if (parse(text, &lines, &conf, &err) != WF_OK)
        fail_msg("refused: %s\n%s", err.text, text);
    return conf;
}

/* True if a complaint is this one, or begins so where `expected` ends in a '*'. */
static inline bool told(const char *text, const char *expected)
{
    size_t len = strlen(expected);

    return expected[len - 1] == '*' ? strncmp(text, expected, len - 1) == 0
                                    : strcmp(text, expected) == 0;
}

#endif
