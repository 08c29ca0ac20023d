/* What the tests of the configuration share: parse a text and keep its complaints. */
#ifndef WF_CONF_CASE_H
#define WF_CONF_CASE_H

#include <stdio.h>
#include <string.h>

#include "conf.h"
#include "within.h"

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

/* `from` stands once in the base; with `good` instead the file passes, with `bad` there is exactly
 * the one complaint. */
struct row {
    const char *name;
    const char *base;
    const char *from;
    const char *good;
    const char *bad;
    const char *told;
};

static inline void substitute(char *out, size_t size, const char *base, const char *from,
                              const char *to)
{
    const char *place = strstr(base, from);

    assert_non_null(place);
    assert_null(strstr(place + 1, from));
    int len = snprintf(out, size, "%.*s%s%s", (int)(place - base), base, to, place + strlen(from));
    assert_within(len, 0, size - 1);
}

static inline void try_rows(const struct row *rows, size_t n)
{
    char text[2000];
    struct lines lines;
    struct wf_err err = WF_ERR_INIT;

    for (size_t i = 0; i < n; i++) {
        const struct row *row = &rows[i];
        struct wf_conf *conf = NULL;
        substitute(text, sizeof(text), row->base, row->from, row->good);
        if (parse(text, &lines, &conf, &err) != WF_OK)
            fail_msg("%s: the good one is refused: %s", row->name, err.text);
        wf_conf_free(conf);
        conf = NULL;
        substitute(text, sizeof(text), row->base, row->from, row->bad);
        if (parse(text, &lines, &conf, &err) != WF_CONFIG)
            fail_msg("%s: accepted", row->name);
        assert_null(conf);
        if (lines.count != 1 || !told(lines.text[0], row->told))
            fail_msg("%s: %u lines, the first %s", row->name, lines.count, lines.text[0]);
    }
}

#endif
