#include "config.h"

#include "form.h"

#include <stdlib.h>
#include <string.h>

/* Undo the entities that sb_str_html writes. New string. */
static char *unescape(const char *text, size_t n)
{
    static const struct {
        const char *entity;
        char c;
    } entities[] = {{"&amp;", '&'}, {"&lt;", '<'}, {"&gt;", '>'}, {"&quot;", '"'}, {"&#39;", '\''}};
    struct sb_str out = {0};
    for (size_t i = 0; i < n;) {
        size_t width = 1;
        char c = text[i];
        for (size_t e = 0; e < SB_ARRAY_LEN(entities); e++) {
            size_t length = strlen(entities[e].entity);
            if (n - i >= length && memcmp(text + i, entities[e].entity, length) == 0) {
                width = length;
                c = entities[e].c;
                break;
            }
        }
        sb_str_addn(&out, &c, 1);
        i += width;
    }
    return sb_str_steal(&out);
}

/* The attribute of the tag that starts at `tag`. New string, or NULL. Our pages quote all values
 * and never have '>' inside one. */
static char *attribute(const char *tag, const char *name)
{
    size_t n = strcspn(tag, ">");
    char *wanted = sb_format(" %s=\"", name);
    const char *at = memmem(tag, n, wanted, strlen(wanted));
    char *value = NULL;
    if (at) {
        at += strlen(wanted);
        value = unescape(at, strcspn(at, "\">"));
    }
    free(wanted);
    return value;
}

/* The next tag with this name attribute, NULL behind the last. */
static const char *find_named(const char *page, const char *name)
{
    for (const char *tag = strchr(page, '<'); tag; tag = strchr(tag + 1, '<')) {
        char *found = attribute(tag, "name");
        bool same = found && strcmp(found, name) == 0;
        free(found);
        if (same)
            return tag;
    }
    return NULL;
}

char *sb_form_hidden(const char *page, const char *name)
{
    const char *tag = find_named(page, name);
    return tag ? attribute(tag, "value") : NULL;
}

bool sb_form_has(const char *page, const char *name)
{
    return find_named(page, name) != NULL;
}

char *sb_form_action(const char *page)
{
    const char *form = strstr(page, "<form ");
    return form ? attribute(form, "action") : NULL;
}

char *sb_form_alert(const char *page)
{
    const char *at = strstr(page, "role=\"alert\">");
    if (!at)
        return NULL;
    at += strlen("role=\"alert\">");
    return unescape(at, strcspn(at, "<"));
}
