/*
 * Structs of ours as members of a JSON object, and back, by a table that says which member is what:
 * what all that is kept on disk is written and read by. All functions: any thread.
 */
#ifndef WF_MEMBER_H
#define WF_MEMBER_H

#include <stdbool.h>
#include <stddef.h>

#include "err.h"

struct json_t;

enum wf_member_type {
    WF_MEMBER_TEXT,   /* char *: malloc'ed; NULL: absent */
    WF_MEMBER_WORD,   /* char[]: clean (wf_text_is_clean), with its NUL; "": absent */
    WF_MEMBER_SECRET, /* struct wf_secret *: NULL: absent */
    WF_MEMBER_NUMBER, /* int64_t: 0: absent, if it is not required */
};

struct wf_member {
    const char *name;
    enum wf_member_type type;
    size_t offset; /* in the struct */
    size_t size;   /* of a WF_MEMBER_WORD, its NUL included */
    bool required;
};
/* Members of one struct, at most. */
#define WF_MEMBERS_MAX 32

/* offset and size, as an initialiser's. */
/* clang-format off */
#define WF_MEMBER_AT(type, member) offsetof(type, member), sizeof(((type *)0)->member)
/* clang-format on */

/* Add what `from` holds to an object. False if memory is short, or a text is no valid UTF-8. */
bool wf_members_write(const struct wf_member *members, size_t n, const void *from,
                      struct json_t *object) WF_MUST_USE;

/* Fill in `to`, whose members are empty, from an object; others of the object are ignored. On
 * success wf_members_done, on failure they are empty again. WF_MALFORMED, naming the member, if one
 * is of the wrong type, too long or unclean, or required and absent or empty; WF_INTERNAL if memory
 * is short. */
enum wf_reason wf_members_read(const struct wf_member *members, size_t n,
                               const struct json_t *object, void *to,
                               struct wf_err *err) WF_MUST_USE;

/* Free what the members own, secrets wiped, and leave them empty. */
void wf_members_done(const struct wf_member *members, size_t n, void *of);

#endif
