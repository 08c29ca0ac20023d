#include "config.h"

#include "member.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "secret.h"
#include "text.h"

static const enum wf_json_type types[] = {
    [WF_MEMBER_TEXT] = WF_JSON_TEXT,
    [WF_MEMBER_WORD] = WF_JSON_TEXT,
    [WF_MEMBER_SECRET] = WF_JSON_SECRET,
    [WF_MEMBER_NUMBER] = WF_JSON_NUMBER,
};

static void *place(const struct wf_member *member, void *of)
{
    return (char *)of + member->offset;
}

static const void *find(const struct wf_member *member, const void *of)
{
    return (const char *)of + member->offset;
}

static char *get_text(const struct wf_member *member, const void *of)
{
    char *text = NULL;

    memcpy(&text, find(member, of), sizeof(text));
    return text;
}

static struct wf_secret *get_secret(const struct wf_member *member, const void *of)
{
    struct wf_secret *secret = NULL;

    memcpy(&secret, find(member, of), sizeof(secret));
    return secret;
}

static int64_t get_number(const struct wf_member *member, const void *of)
{
    int64_t number = 0;

    memcpy(&number, find(member, of), sizeof(number));
    return number;
}

/* Writing */

static bool write_number(const struct wf_member *member, int64_t number, struct json_t *object)
{
    return (number == 0 && !member->required) ||
           wf_json_set_number(object, member->name, number);
}

static bool write_text(const struct wf_member *member, struct wf_span text, struct json_t *object)
{
    return text.ptr == NULL || wf_json_set_text(object, member->name, text);
}

static bool write_one(const struct wf_member *member, const void *from, struct json_t *object)
{
    const char *text = NULL;
    bool done = false;

    switch (member->type) {
    case WF_MEMBER_TEXT:
        text = get_text(member, from);
        done = wf_json_set_string(object, member->name, text);
        break;
    case WF_MEMBER_WORD:
        text = find(member, from);
        done = text[0] == '\0' || wf_json_set_string(object, member->name, text);
        break;
    case WF_MEMBER_SECRET:
        done = write_text(member, wf_secret_borrow(get_secret(member, from)), object);
        break;
    case WF_MEMBER_NUMBER:
        done = write_number(member, get_number(member, from), object);
        break;
    }
    return done;
}

bool wf_members_write(const struct wf_member *members, size_t n, const void *from,
                      struct json_t *object)
{
    for (size_t i = 0; i < n; i++) {
        if (!write_one(&members[i], from, object))
            return false;
    }
    return true;
}

/* Reading */

static enum wf_reason keep_word(const struct wf_member *member, struct wf_span text, void *to,
                                struct wf_err *err)
{
    if (text.len >= member->size)
        return wf_fail(err, WF_MALFORMED, "%s has %zu bytes, expected at most %zu", member->name,
                       text.len, member->size - 1);
    if (!wf_text_is_clean(text.ptr, text.len))
        return wf_fail(err, WF_MALFORMED, "%s has characters that do not belong there",
                       member->name);
    memcpy(place(member, to), text.ptr, text.len);
    return WF_OK;
}

static enum wf_reason keep_text(const struct wf_member *member, struct wf_span text, void *to,
                                struct wf_err *err)
{
    char *copy = NULL;

    if (text.ptr == NULL)
        return WF_OK;
    if (member->type == WF_MEMBER_WORD)
        return keep_word(member, text, to, err);
    copy = strndup(text.ptr, text.len);
    if (copy == NULL)
        return wf_fail(err, WF_INTERNAL, "out of memory for %s", member->name);
    memcpy(place(member, to), &copy, sizeof(copy));
    return WF_OK;
}

enum wf_reason wf_members_read(const struct wf_member *members, size_t n,
                               const struct json_t *object, void *to, struct wf_err *err)
{
    struct wf_span texts[WF_MEMBERS_MAX] = {{NULL, 0}};
    struct wf_json_field fields[WF_MEMBERS_MAX] = {{.name = NULL}};

    if (n > WF_MEMBERS_MAX)
        return wf_fail(err, WF_INTERNAL, "a table of %zu members", n);
    for (size_t i = 0; i < n; i++) {
        bool is_text = types[members[i].type] == WF_JSON_TEXT;
        fields[i] = (struct wf_json_field){members[i].name, types[members[i].type],
                                           is_text ? (void *)&texts[i] : place(&members[i], to),
                                           members[i].required};
    }
    enum wf_reason reason = wf_json_read(object, fields, n, err);
    for (size_t i = 0; i < n && reason == WF_OK; i++)
        reason = keep_text(&members[i], texts[i], to, err);
    if (reason != WF_OK)
        wf_members_done(members, n, to);
    return reason;
}

static void clear(const struct wf_member *member, void *of)
{
    if (member->type == WF_MEMBER_TEXT)
        free(get_text(member, of));
    else if (member->type == WF_MEMBER_SECRET)
        wf_secret_free(get_secret(member, of));
    memset(place(member, of), 0, member->size);
}

void wf_members_done(const struct wf_member *members, size_t n, void *of)
{
    for (size_t i = 0; i < n; i++)
        clear(&members[i], of);
}
