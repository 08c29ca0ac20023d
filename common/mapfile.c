#include "config.h"

#include "mapfile.h"

#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "file.h"
#include "user.h"

/* Both spans borrow the map's text. */
struct entry {
    struct wf_span value;
    struct wf_span name;
    size_t line;
};

struct wf_mapfile {
    struct wf_buf text;
    struct entry *entries; /* sorted by value once parsed */
    size_t count;
};

static int compare_values(struct wf_span a, struct wf_span b)
{
    int order = memcmp(a.ptr, b.ptr, a.len < b.len ? a.len : b.len);

    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

static int compare_entries(const void *a, const void *b)
{
    const struct entry *x = a;
    const struct entry *y = b;
    int order = compare_values(x->value, y->value);

    return order != 0 ? order : (x->line > y->line) - (x->line < y->line);
}

/* Cut the next word, which ends at a blank or tab, off the front of *rest. */
static struct wf_span next_word(struct wf_span *rest)
{
    size_t len = 0;

    while (len < rest->len && rest->ptr[len] != ' ' && rest->ptr[len] != '\t')
        len++;
    struct wf_span word = {rest->ptr, len};
    *rest = wf_text_trim(rest->ptr + len, rest->len - len);
    return word;
}

/* One line, trimmed, neither empty nor a comment. */
static enum wf_reason parse_line(const char *path, struct wf_span line, struct entry *entry,
                                 struct wf_err *err)
{
    entry->value = next_word(&line);
    entry->name = next_word(&line);
    if (entry->name.len == 0 || line.len > 0)
        return wf_fail(err, WF_CONFIG, "%s:%zu: expected two words, VALUE NAME", path, entry->line);
    if (entry->value.len > WF_CLAIM_MAX ||
        !wf_text_is_printable(entry->value.ptr, entry->value.len))
        return wf_fail(err, WF_CONFIG, "%s:%zu: VALUE is not printable ASCII of at most %d bytes",
                       path, entry->line, WF_CLAIM_MAX);
    if (wf_span_equals(entry->name, "-"))
        entry->name.len = 0;
    else if (!wf_user_is_valid(entry->name))
        return wf_fail(
            err, WF_CONFIG, "%s:%zu: \"%.*s\" is no valid local user name, nor \"-\" for nobody",
            path, entry->line, entry->name.len > 64 ? 64 : (int)entry->name.len, entry->name.ptr);
    return WF_OK;
}

static enum wf_reason parse_lines(struct wf_mapfile *map, const char *path, struct wf_err *err)
{
    struct wf_span rest = {wf_buf_text_borrow(&map->text), map->text.len};
    struct wf_span line;

    for (size_t number = 1; wf_text_next(&rest, '\n', &line); number++) {
        struct entry *entry = &map->entries[map->count];
        if (line.len == 0 || line.ptr[0] == '#')
            continue;
        entry->line = number;
        enum wf_reason reason = parse_line(path, line, entry, err);
        if (reason != WF_OK)
            return reason;
        map->count++;
    }
    return WF_OK;
}

static enum wf_reason refuse_duplicates(const struct wf_mapfile *map, const char *path,
                                        struct wf_err *err)
{
    for (size_t i = 1; i < map->count; i++) {
        const struct entry *first = &map->entries[i - 1];
        const struct entry *second = &map->entries[i];
        if (compare_values(first->value, second->value) == 0)
            return wf_fail(err, WF_CONFIG, "%s:%zu: this VALUE stands on line %zu already", path,
                           second->line, first->line);
    }
    return WF_OK;
}

/* Turn map->text into entries. */
static enum wf_reason parse(struct wf_mapfile *map, const char *path, struct wf_err *err)
{
    const char *text = wf_buf_text_borrow(&map->text);
    size_t lines = 1;

    if (text == NULL)
        return wf_fail(err, WF_INTERNAL, "out of memory reading %s", path);
    for (size_t i = 0; i < map->text.len; i++)
        lines += text[i] == '\n';
    map->entries = malloc(lines * sizeof(*map->entries));
    if (map->entries == NULL)
        return wf_fail(err, WF_INTERNAL, "out of memory reading %s", path);
    enum wf_reason reason = parse_lines(map, path, err);
    if (reason != WF_OK)
        return reason;
    /* The whole text was checked as it stands; only now may the values be folded, for a name in
     * upper case is a mistake, not another spelling */
    for (size_t i = 0; i < map->count; i++) {
        size_t at = (size_t)(map->entries[i].value.ptr - text);
        wf_text_fold((char *)map->text.data + at, map->entries[i].value.len);
    }
    if (map->count > 1)
        qsort(map->entries, map->count, sizeof(*map->entries), compare_entries);
    return refuse_duplicates(map, path, err);
}

static struct wf_mapfile *new_map(void)
{
    struct wf_mapfile *map = malloc(sizeof(*map));

    if (map != NULL)
        *map = (struct wf_mapfile){.text = WF_BUF_INIT(WF_MAPFILE_MAX)};
    return map;
}

enum wf_reason wf_mapfile_load(const char *path, struct wf_mapfile **ret, struct wf_err *err)
{
    enum wf_reason reason = WF_INTERNAL;
    struct wf_mapfile *map = new_map();

    if (map == NULL) {
        reason = wf_fail(err, WF_INTERNAL, "out of memory reading %s", path);
        goto out;
    }
    reason = wf_file_read(path, WF_FILE_PUBLIC, &map->text, err);
    if (reason == WF_OK)
        reason = parse(map, path, err);
    if (reason != WF_OK)
        goto out;
    *ret = map;
    map = NULL;
out:
    wf_mapfile_free(map);
    return reason;
}

enum wf_reason wf_mapfile_parse(const char *path, struct wf_span text, struct wf_mapfile **ret,
                                struct wf_err *err)
{
    enum wf_reason reason = WF_INTERNAL;
    struct wf_mapfile *map = new_map();

    if (map == NULL) {
        reason = wf_fail(err, WF_INTERNAL, "out of memory reading %s", path);
        goto out;
    }
    wf_buf_append(&map->text, text.ptr, text.len);
    reason = parse(map, path, err);
    if (reason != WF_OK)
        goto out;
    *ret = map;
    map = NULL;
out:
    wf_mapfile_free(map);
    return reason;
}

void wf_mapfile_free(struct wf_mapfile *map)
{
    if (map == NULL)
        return;
    wf_buf_done(&map->text);
    free(map->entries);
    free(map);
}

bool wf_mapfile_find(const struct wf_mapfile *map, struct wf_span value, struct wf_span *ret_name)
{
    size_t low = 0;
    size_t high = map->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = compare_values(value, map->entries[middle].value);
        if (order == 0) {
            *ret_name = map->entries[middle].name;
            return true;
        }
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return false;
}
