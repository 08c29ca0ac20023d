#include "config.h"

#include "conf.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <ini.h>

#include "conf_resolve.h"
#include "file.h"

/*
 * libinih does the splitting of "key = value"; what it would misread never reaches it. As built
 * by Debian it cuts lines at 198 bytes and takes the rest for a key, takes a line that begins with
 * a blank for more of the value above, cuts a value at a blank and ';', and knows no line numbers.
 * Its settings are variables of the process, shared with whoever else uses it, so they are neither
 * changed nor trusted. The reader below hands it one line at a time, in its simplest form, and
 * holds it to one answer for each.
 */
struct reader {
    struct wf_conf_pool *pool;
    struct wf_conf_sections *sections;
    struct wf_conf_mistakes *mistakes;
    struct wf_span rest;
    unsigned line;
    struct wf_conf_section *section; /* NULL: before the first, or in a refused one */
    bool refused;                    /* keys belong to a refused section */
    bool too_many;
    bool pending; /* the handler owes the key of the last line */
    bool broken;  /* libinih did not do what it is held to */
};

static struct wf_conf_place place_of(const struct reader *r, const char *key)
{
    return (struct wf_conf_place){r->line, r->section == NULL ? NULL : r->section->title, key};
}

/* The next line without its end, CR LF being one too. */
static struct wf_span cut_line(struct wf_span *rest)
{
    const char *end = memchr(rest->ptr, '\n', rest->len);
    struct wf_span line = {rest->ptr, end == NULL ? rest->len : (size_t)(end - rest->ptr)};
    size_t used = line.len + (end == NULL ? 0 : 1);

    *rest = (struct wf_span){rest->ptr + used, rest->len - used};
    if (line.len > 0 && line.ptr[line.len - 1] == '\r')
        line.len--;
    return line;
}

/* Printable text, in which a tab counts as a blank. */
static bool is_text(struct wf_span line)
{
    while (line.len > 0) {
        const char *tab = memchr(line.ptr, '\t', line.len);
        size_t len = tab == NULL ? line.len : (size_t)(tab - line.ptr);
        if (!wf_text_is_clean(line.ptr, len))
            return false;
        len += tab == NULL ? 0 : 1;
        line = (struct wf_span){line.ptr + len, line.len - len};
    }
    return true;
}

/* Whether a ';' or '#' behind a blank stands in the line: libinih cuts a value at the first, and
 * people mean a comment by the second. */
static bool has_inline_comment(struct wf_span line)
{
    for (size_t i = 1; i < line.len; i++) {
        if ((line.ptr[i] == ';' || line.ptr[i] == '#') &&
            (line.ptr[i - 1] == ' ' || line.ptr[i - 1] == '\t'))
            return true;
    }
    return false;
}

static void add_section(struct reader *r, enum wf_conf_section_kind kind, struct wf_span title,
                        struct wf_span name)
{
    struct wf_conf_section *section;
    const char *text = wf_conf_copy(r->pool, name.ptr, name.len);

    if (text == NULL)
        return;
    section = wf_conf_section_find(r->sections, kind, text);
    if (section != NULL) {
        wf_conf_mistake(r->mistakes, place_of(r, NULL),
                        "found [%s] again, expected it once; the first is on line %u",
                        section->title, section->line);
        return;
    }
    if (r->sections->count == WF_CONF_SECTIONS_MAX) {
        if (!r->too_many)
            wf_conf_mistake(r->mistakes, place_of(r, NULL), "found more than %d sections",
                            WF_CONF_SECTIONS_MAX);
        r->too_many = true;
        return;
    }
    section = wf_conf_alloc(r->pool, sizeof(*section));
    if (section == NULL)
        return;
    section->kind = kind;
    section->name = text;
    section->title = wf_conf_copy(r->pool, title.ptr, title.len);
    section->line = r->line;
    r->sections->items[r->sections->count++] = section;
    r->section = section;
    r->refused = false;
}

/* section-line = "[" ( "provider" / "service" ) 1*blank name "]". */
static bool take_section(struct reader *r, struct wf_span line)
{
    struct wf_span title = {line.ptr + 1, line.len - 1};

    r->section = NULL;
    r->refused = true;
    if (title.len == 0 || title.ptr[title.len - 1] != ']') {
        wf_conf_mistake(r->mistakes, place_of(r, NULL),
                        "found a section without ] at the end of the line, expected [KIND NAME]");
        return false;
    }
    title.len--;
    if (title.len > WF_CONF_SECTION_MAX) {
        wf_conf_mistake(r->mistakes, place_of(r, NULL),
                        "found a section name of %zu bytes, expected at most %d", title.len,
                        WF_CONF_SECTION_MAX);
        return false;
    }
    const char *blank = title.len == 0 ? NULL : memchr(title.ptr, ' ', title.len);
    size_t kind_len = blank == NULL ? title.len : (size_t)(blank - title.ptr);
    struct wf_span kind = {title.ptr, kind_len};
    struct wf_span name = wf_text_trim(title.ptr + kind_len, title.len - kind_len);
    if (wf_span_equals(kind, "provider") && wf_conf_is_section_name(name))
        add_section(r, WF_CONF_PROVIDER, title, name);
    else if (wf_span_equals(kind, "service") &&
             (wf_conf_is_section_name(name) || wf_span_equals(name, "*")))
        add_section(r, WF_CONF_SERVICE, title, name);
    else
        wf_conf_mistake(r->mistakes, place_of(r, NULL),
                        "found [%.*s], expected [provider NAME], [service NAME] or [service *], "
                        "where NAME is of letters, digits, - _ and .",
                        (int)title.len, title.ptr);
    return true;
}

/* key-line = 1*( letter / digit / "-" / "_" / "." ) *blank "=" *blank value. What is wrong is not
 * shown: it may be a piece of a key or a secret that was pasted here. */
static bool take_key(struct reader *r, struct wf_span line)
{
    const char *equals = memchr(line.ptr, '=', line.len);
    size_t len = equals == NULL ? line.len : (size_t)(equals - line.ptr);
    struct wf_span name = wf_text_trim(line.ptr, len);

    if (r->refused)
        return false;
    if (equals == NULL || !wf_conf_is_section_name(name)) {
        wf_conf_mistake(r->mistakes, place_of(r, NULL),
                        "found a line that is no \"key = value\", no [section] and no comment");
        return false;
    }
    if (r->section == NULL) {
        wf_conf_mistake(r->mistakes, place_of(r, NULL),
                        "found a key before the first section, expected [provider NAME] or "
                        "[service NAME] above it");
        return false;
    }
    r->pending = true;
    return true;
}

/* True if libinih may have the line, in which tabs have become blanks. */
static bool take_line(struct reader *r, struct wf_span line)
{
    struct wf_span trimmed = wf_text_trim(line.ptr, line.len);

    if (!is_text(line)) {
        wf_conf_mistake(r->mistakes, place_of(r, NULL),
                        "found control characters, invisible ones or invalid UTF-8, expected "
                        "plain text");
        return false;
    }
    /* Comments may be as long as they like: they end here */
    if (trimmed.len == 0 || trimmed.ptr[0] == ';' || trimmed.ptr[0] == '#')
        return false;
    if (line.len > WF_CONF_LINE_MAX)
        wf_conf_mistake(r->mistakes, place_of(r, NULL),
                        "found a line of %zu bytes, expected at most %d", line.len,
                        WF_CONF_LINE_MAX);
    else if (trimmed.ptr != line.ptr)
        wf_conf_mistake(r->mistakes, place_of(r, NULL),
                        "found a blank at the start of the line, expected each value on one line");
    else if (has_inline_comment(line))
        wf_conf_mistake(r->mistakes, place_of(r, NULL),
                        "found ; or # behind a blank, expected comments on lines of their own");
    else if (line.ptr[0] == '[')
        return take_section(r, trimmed);
    else
        return take_key(r, trimmed);
    return false;
}

/* libinih's fgets: one line and a newline into str of num bytes; NULL at the end. */
static char *next_line(char *str, int num, void *stream)
{
    struct reader *r = stream;
    struct wf_span line = {NULL, 0};

    if (r->pending)
        r->broken = true;
    r->pending = false;
    if (r->rest.len == 0 || r->broken || r->pool->failed)
        return NULL;
    line = cut_line(&r->rest);
    r->line++;
    if (num < WF_CONF_LINE_MAX + 2) {
        r->broken = true;
        return NULL;
    }
    if (!take_line(r, line))
        line.len = 0;
    for (size_t i = 0; i < line.len; i++)
        str[i] = line.ptr[i] == '\t' ? ' ' : line.ptr[i];
    str[line.len] = '\n';
    str[line.len + 1] = '\0';
    return str;
}

static void refuse_key(struct reader *r, const char *name)
{
    enum wf_conf_section_kind kind = r->section->kind;
    const char *nearest = wf_conf_key_nearest(name, kind);
    enum wf_conf_key_id id;

    if (wf_conf_key_find(name, &id))
        wf_conf_mistake(r->mistakes, place_of(r, name),
                        "found in a %s section, expected in a %s section alone",
                        kind == WF_CONF_PROVIDER ? "provider" : "service",
                        kind == WF_CONF_PROVIDER ? "service" : "provider");
    else if (nearest != NULL)
        wf_conf_mistake(r->mistakes, place_of(r, name), "unknown key, did you mean \"%s\"?",
                        nearest);
    else
        wf_conf_mistake(r->mistakes, place_of(r, name), "unknown key, see wfauth.conf(5)");
}

static void take_value(struct reader *r, enum wf_conf_key_id id, const char *text)
{
    const struct wf_conf_key *key = wf_conf_key(id);
    struct wf_conf_value *value = &r->section->values[id];

    if (value->line != 0) {
        wf_conf_mistake(r->mistakes, place_of(r, key->name),
                        "found again, expected once; the first is on line %u", value->line);
        return;
    }
    value->line = r->line;
    value->text = wf_conf_copy(r->pool, text, strlen(text));
    value->good = value->text != NULL && key->kind(r->pool, &key->range, value);
    if (!value->good)
        wf_conf_refuse(r->mistakes, place_of(r, key->name), key, text);
}

/* libinih's handler. Its idea of the section is not asked: ours has a line number. */
static int take_pair(void *user, const char *section, const char *name, const char *value)
{
    struct reader *r = user;
    enum wf_conf_key_id id;

    (void)section;
    if (!r->pending || r->section == NULL || name == NULL || value == NULL) {
        r->broken = true;
        return 1;
    }
    r->pending = false;
    if (wf_conf_key_find(name, &id) && wf_conf_key_fits(wf_conf_key(id), r->section->kind))
        take_value(r, id, value);
    else
        refuse_key(r, name);
    return 1;
}

/* All sections and values of the text. WF_INTERNAL if libinih breaks its word or memory is short;
 * mistakes are no failure. */
static enum wf_reason read_sections(struct wf_conf_pool *pool, struct wf_span text,
                                    struct wf_conf_sections *sections,
                                    struct wf_conf_mistakes *mistakes, struct wf_err *err)
{
    static const char byte_order_mark[] = "\xef\xbb\xbf";
    struct reader r = {.pool = pool, .sections = sections, .mistakes = mistakes, .rest = text};

    /* What editors of other systems put in front; it means nothing in UTF-8 */
    if (text.len >= 3 && memcmp(text.ptr, byte_order_mark, 3) == 0)
        r.rest = (struct wf_span){text.ptr + 3, text.len - 3};
    int failed = ini_parse_stream(next_line, &r, take_pair, &r);
    sections->lines = r.line == 0 ? 1 : r.line;
    if (pool->failed)
        return wf_fail(err, WF_INTERNAL, "out of memory reading %.200s", mistakes->path);
    if (failed != 0 || r.broken || r.pending)
        return wf_fail(err, WF_INTERNAL, "libinih misread %.200s near line %u", mistakes->path,
                       r.line);
    return WF_OK;
}

/* Everything that one loading needs beside its result; on the heap, since hosts have threads with
 * small stacks. */
struct loading {
    struct wf_conf_sections sections;
    struct wf_conf_mistakes mistakes;
};

/* True where a secret is somebody else's, who hears of its mistakes: this process may not read it,
 * as the command that a person runs, and so does not need it. Root may read all: there it is the
 * file of a Machine to Machine provider, which a service of another user signs with, and which that
 * user or their group alone can read. */
static bool is_anothers(const struct wf_provider_conf *provider, const char *path)
{
    const mode_t never = S_IRWXO | S_IWGRP | S_IXGRP;
    struct stat st;

    if (geteuid() != 0)
        return eaccess(path, R_OK) != 0 && errno == EACCES;
    return wf_conf_is_machine(provider) && lstat(path, &st) == 0 && S_ISREG(st.st_mode) &&
           (st.st_mode & never) == 0 &&
           (st.st_uid != 0 || (st.st_gid != 0 && (st.st_mode & S_IRGRP) != 0));
}

/* Secret files are judged when the configuration is loaded, so that the administrator hears of a
 * mistake before the first person signs in. */
static void check_secret_file(const struct wf_provider_conf *provider, enum wf_conf_key_id id,
                              const char *path, struct loading *loading)
{
    const struct wf_conf_section *section =
        wf_conf_section_find(&loading->sections, WF_CONF_PROVIDER, provider->name);
    struct wf_err err = WF_ERR_INIT;
    struct wf_secret *secret = NULL;

    if (path == NULL || section == NULL)
        return;
    if (is_anothers(provider, path))
        return;
    enum wf_reason reason = id == WF_KEY_CLIENT_SECRET_FILE
                                ? wf_conf_read_secret(provider, &secret, &err)
                                : wf_conf_read_private_key(provider, &secret, &err);
    if (reason != WF_OK)
        wf_conf_mistake(
            &loading->mistakes,
            (struct wf_conf_place){section->values[id].line, section->title, wf_conf_key(id)->name},
            "%s", err.text);
    wf_secret_free(secret);
}

static void check_secret_files(struct wf_conf *conf, struct loading *loading)
{
    for (size_t i = 0; i < conf->provider_count; i++) {
        const struct wf_provider_conf *provider = &conf->providers[i];
        check_secret_file(provider, WF_KEY_CLIENT_SECRET_FILE, provider->client_secret_file,
                          loading);
        check_secret_file(provider, WF_KEY_PRIVATE_KEY_FILE, provider->private_key_file, loading);
    }
}

static enum wf_reason parse(const char *path, struct wf_span text, bool check_files,
                            void (*report)(void *ctx, const char *line), void *ctx,
                            struct wf_conf **ret, struct wf_err *err)
{
    enum wf_reason reason = WF_INTERNAL;
    struct wf_conf *conf = calloc(1, sizeof(*conf));
    struct loading *loading = calloc(1, sizeof(*loading));

    if (conf == NULL || loading == NULL) {
        reason = wf_fail(err, WF_INTERNAL, "out of memory reading %.200s", path);
        goto out;
    }
    loading->mistakes.path = path;
    reason = wf_crypto_sha256(text.ptr, text.len, conf->digest, err);
    if (reason != WF_OK)
        goto out;
    reason = read_sections(&conf->pool, text, &loading->sections, &loading->mistakes, err);
    if (reason != WF_OK)
        goto out;
    wf_conf_resolve(conf, &loading->sections, &loading->mistakes);
    if (conf->pool.failed) {
        reason = wf_fail(err, WF_INTERNAL, "out of memory reading %.200s", path);
        goto out;
    }
    if (check_files)
        check_secret_files(conf, loading);
    reason = wf_conf_mistakes_report(&loading->mistakes, report, ctx, err);
    if (reason != WF_OK)
        goto out;
    *ret = conf;
    conf = NULL;
    reason = WF_OK;
out:
    free(loading);
    wf_conf_free(conf);
    return reason;
}

enum wf_reason wf_conf_parse(const char *path, const char *text, size_t len,
                             void (*report)(void *ctx, const char *line), void *ctx,
                             struct wf_conf **ret, struct wf_err *err)
{
    if (len > WF_CONF_FILE_MAX)
        return wf_fail(err, WF_CONFIG, "%s is larger than %zu bytes", path, WF_CONF_FILE_MAX);
    return parse(path, (struct wf_span){text, len}, false, report, ctx, ret, err);
}

enum wf_reason wf_conf_load(const char *path, void (*report)(void *ctx, const char *line),
                            void *ctx, struct wf_conf **ret, struct wf_err *err)
{
    struct wf_buf text = WF_BUF_INIT(WF_CONF_FILE_MAX);
    enum wf_reason reason = wf_file_read(path, WF_FILE_PUBLIC, &text, err);

    if (reason == WF_OK)
        reason = parse(path, (struct wf_span){(const char *)text.data, text.len}, true, report, ctx,
                       ret, err);
    wf_buf_done(&text);
    return reason;
}
