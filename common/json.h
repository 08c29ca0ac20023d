/*
 * JSON from outside, over jansson, which only json.c includes. Objects are strict: no duplicate
 * names, bounded size and depth, no NUL inside strings, nothing behind the value.
 */
#ifndef WF_JSON_H
#define WF_JSON_H

#include <stdbool.h>
#include <stdint.h>

#include "buf.h"
#include "err.h"
#include "secret.h"
#include "text.h"

struct json_t; /* jansson's; opaque here */

/* Nesting that a provider's answer or a token may have: real ones stay below 6. */
#define WF_JSON_DEPTH_MAX 16

/* Parse one JSON object. WF_MALFORMED with the position for anything else; WF_INTERNAL if memory
 * is short. *ret_object: new, wf_json_free. Any thread. */
enum wf_reason wf_json_parse(const char *text, size_t len, struct json_t **ret_object,
                             struct wf_err *err) WF_MUST_USE;

/* A new empty object, NULL if memory is short. wf_json_free. */
struct json_t *wf_json_new(void);
/* Add or replace a string member; false, and nothing changed, if the value is no valid UTF-8 or
 * holds a NUL, or memory is short. */
bool wf_json_set_text(struct json_t *object, const char *name, struct wf_span value) WF_MUST_USE;
/* The same from a text that ends in NUL. NULL: no such member is set, and true. */
bool wf_json_set_string(struct json_t *object, const char *name, const char *value) WF_MUST_USE;
bool wf_json_set_bool(struct json_t *object, const char *name, bool value) WF_MUST_USE;
bool wf_json_set_number(struct json_t *object, const char *name, int64_t value) WF_MUST_USE;
/* Put a value in, which is taken over whatever the result. */
bool wf_json_set_take(struct json_t *object, const char *name, struct json_t *value) WF_MUST_USE;
/* Append a string to the array member `name`, which is made if absent. */
bool wf_json_append_text(struct json_t *object, const char *name, struct wf_span value) WF_MUST_USE;
/* Compact text, malloc'ed, NULL on failure; the caller frees. */
char *wf_json_dump(const struct json_t *object);
/* Append the same to out. False if memory is short or there is no room. */
bool wf_json_write(const struct json_t *object, struct wf_buf *out) WF_MUST_USE;

/* Wipe all strings of the tree and free it. The caller's must be the only reference. NULL is
 * fine. */
void wf_json_free(struct json_t *object);

enum wf_json_type {
    WF_JSON_TEXT,   /* struct wf_span: borrowed as long as the object lives */
    WF_JSON_SECRET, /* struct wf_secret *: new, wf_secret_free */
    WF_JSON_NUMBER, /* int64_t: an integer; a real is of the wrong type */
    WF_JSON_DATE,   /* int64_t: seconds; RFC 7519 §2 allows fractions, which are cut off. Beyond
                       2^53 it is of the wrong type: no clock gets there */
    WF_JSON_BOOL,   /* bool */
    WF_JSON_OBJECT, /* const struct json_t *: borrowed */
    WF_JSON_ARRAY,  /* const struct json_t *: borrowed */
};

/* One row of a table that says what an answer must hold. */
struct wf_json_field {
    const char *name;
    enum wf_json_type type;
    void *ret; /* as the type says; untouched where the member is absent or null, so set it to
                * its empty value first (a secret to NULL: a failure frees what it holds) */
    bool required;
};

/* Read the members that the table names, ignore all others. WF_MALFORMED, naming the member, if
 * one is of the wrong type, or required and absent, null or empty; then no *ret holds anything
 * that must be freed. WF_INTERNAL if memory is short. */
enum wf_reason wf_json_read(const struct json_t *object, const struct wf_json_field *fields,
                            size_t n, struct wf_err *err) WF_MUST_USE;

/* The member `name` as text: the string itself, borrowed. A span with ptr NULL if the member is
 * absent or no string. */
struct wf_span wf_json_text(const struct json_t *object, const char *name);
/* True if the member is a string, or an array that holds a string, that equals value. */
bool wf_json_has(const struct json_t *object, const char *name, struct wf_span value);
/* True if the member is absent, null, a string, or an array of strings alone. */
bool wf_json_is_text_or_list(const struct json_t *object, const char *name);
/* Word by word through a member that is a string of words between blanks or an array of strings,
 * as `scope` may be: the next word, borrowed, or ptr NULL. *pos starts as 0. */
struct wf_span wf_json_next_word(const struct json_t *object, const char *name, size_t *pos);
/* True if the member is there and not null. */
bool wf_json_present(const struct json_t *object, const char *name);
size_t wf_json_array_len(const struct json_t *array);
/* Element i as an object, borrowed; NULL if there is none or it is no object. */
const struct json_t *wf_json_array_object(const struct json_t *array, size_t i);

#endif
