#include "config.h"

#include "json.h"

#include <stdlib.h>
#include <string.h>

#include <jansson.h>

struct json_t *wf_json_new(void)
{
    return json_object();
}

/* jansson checks the UTF-8 but lets a NUL pass, which a reader of C strings would cut at. */
static json_t *new_string(struct wf_span value)
{
    json_t *string = json_string("");

    if (string == NULL || value.len == 0)
        return string;
    /* In two steps: where only its own block is missing, the first would free the copy unwiped */
    if (memchr(value.ptr, '\0', value.len) == NULL &&
        json_string_setn(string, value.ptr, value.len) == 0)
        return string;
    json_decref(string);
    return NULL;
}

bool wf_json_set_text(struct json_t *object, const char *name, struct wf_span value)
{
    json_t *string = new_string(value);
    bool done = string != NULL && json_object_set(object, name, string) == 0;

    if (done)
        json_decref(string); /* the object has it */
    else
        wf_json_free(string);
    return done;
}

bool wf_json_set_string(struct json_t *object, const char *name, const char *value)
{
    return value == NULL || wf_json_set_text(object, name, (struct wf_span){value, strlen(value)});
}

bool wf_json_set_bool(struct json_t *object, const char *name, bool value)
{
    return json_object_set_new(object, name, json_boolean(value)) == 0;
}

bool wf_json_set_number(struct json_t *object, const char *name, int64_t value)
{
    return json_object_set_new(object, name, json_integer(value)) == 0;
}

bool wf_json_set_take(struct json_t *object, const char *name, struct json_t *value)
{
    return json_object_set_new(object, name, value) == 0;
}

bool wf_json_append_text(struct json_t *object, const char *name, struct wf_span value)
{
    json_t *array = json_object_get(object, name);

    if (array == NULL) {
        array = json_array();
        if (json_object_set_new(object, name, array) != 0)
            return false;
    }
    return json_array_append_new(array, new_string(value)) == 0;
}

char *wf_json_dump(const struct json_t *object)
{
    return json_dumps(object, JSON_COMPACT);
}

/* Straight into the buffer, which wipes what it outgrows: jansson's own would not. */
static int append(const char *text, size_t len, void *out)
{
    wf_buf_append(out, text, len);
    return wf_buf_ok(out) ? 0 : -1;
}

bool wf_json_write(const struct json_t *object, struct wf_buf *out)
{
    return json_dump_callback(object, append, out, JSON_COMPACT) == 0;
}

/* Strings are wiped through the pointer that jansson lends: it hands out its own memory. */
static void wipe(json_t *json)
{
    const char *key;
    json_t *value;
    size_t i;

    if (json_is_string(json)) {
        explicit_bzero((char *)(uintptr_t)json_string_value(json), json_string_length(json));
    } else if (json_is_array(json)) {
        json_array_foreach (json, i, value)
            wipe(value);
    } else if (json_is_object(json)) {
        json_object_foreach (json, key, value)
            wipe(value);
    }
}

void wf_json_free(struct json_t *object)
{
    if (object == NULL)
        return;
    wipe(object);
    json_decref(object);
}

/* Every whole number up to here is a double, too. */
#define DATE_MAX ((int64_t)1 << 53)

static bool is_date(const json_t *value)
{
    if (json_is_integer(value))
        return json_integer_value(value) >= -DATE_MAX && json_integer_value(value) <= DATE_MAX;
    return json_is_real(value) && json_real_value(value) >= (double)-DATE_MAX &&
           json_real_value(value) <= (double)DATE_MAX;
}

static bool type_fits(const json_t *value, enum wf_json_type type)
{
    switch (type) {
    case WF_JSON_TEXT:
    case WF_JSON_SECRET:
        return json_is_string(value);
    case WF_JSON_NUMBER:
        return json_is_integer(value);
    case WF_JSON_DATE:
        return is_date(value);
    case WF_JSON_BOOL:
        return json_is_boolean(value);
    case WF_JSON_OBJECT:
        return json_is_object(value);
    case WF_JSON_ARRAY:
        return json_is_array(value);
    }
    return false;
}

static const char *type_name(enum wf_json_type type)
{
    switch (type) {
    case WF_JSON_TEXT:
    case WF_JSON_SECRET:
        return "a string";
    case WF_JSON_NUMBER:
        return "an integer";
    case WF_JSON_DATE:
        return "a number of seconds";
    case WF_JSON_BOOL:
        return "true or false";
    case WF_JSON_OBJECT:
        return "an object";
    case WF_JSON_ARRAY:
        return "an array";
    }
    return "something else";
}

static bool is_absent(const json_t *value)
{
    return value == NULL || json_is_null(value);
}

static enum wf_reason check_field(const json_t *object, const struct wf_json_field *field,
                                  struct wf_err *err)
{
    const json_t *value = json_object_get(object, field->name);

    if (is_absent(value)) {
        if (field->required)
            return wf_fail(err, WF_MALFORMED, "\"%s\" is missing", field->name);
        return WF_OK;
    }
    if (!type_fits(value, field->type))
        return wf_fail(err, WF_MALFORMED, "\"%s\" is not %s", field->name, type_name(field->type));
    if (field->required && json_is_string(value) && json_string_length(value) == 0)
        return wf_fail(err, WF_MALFORMED, "\"%s\" is empty", field->name);
    return WF_OK;
}

static bool take_field(const json_t *object, const struct wf_json_field *field)
{
    const json_t *value = json_object_get(object, field->name);

    if (is_absent(value))
        return true;
    switch (field->type) {
    case WF_JSON_TEXT:
        *(struct wf_span *)field->ret =
            (struct wf_span){json_string_value(value), json_string_length(value)};
        return true;
    case WF_JSON_SECRET: {
        struct wf_secret **ret = field->ret;
        *ret = wf_secret_new(json_string_value(value), json_string_length(value));
        return *ret != NULL;
    }
    case WF_JSON_NUMBER:
        *(int64_t *)field->ret = json_integer_value(value);
        return true;
    case WF_JSON_DATE:
        *(int64_t *)field->ret = json_is_integer(value) ? json_integer_value(value)
                                                        : (int64_t)json_real_value(value);
        return true;
    case WF_JSON_BOOL:
        *(bool *)field->ret = json_is_true(value);
        return true;
    case WF_JSON_OBJECT:
    case WF_JSON_ARRAY:
        *(const json_t **)field->ret = value;
        return true;
    }
    return false;
}

static void give_back_secrets(const struct wf_json_field *fields, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (fields[i].type != WF_JSON_SECRET)
            continue;
        struct wf_secret **ret = fields[i].ret;
        wf_secret_free(*ret);
        *ret = NULL;
    }
}

enum wf_reason wf_json_read(const struct json_t *object, const struct wf_json_field *fields,
                            size_t n, struct wf_err *err)
{
    for (size_t i = 0; i < n; i++) {
        enum wf_reason reason = check_field(object, &fields[i], err);
        if (reason != WF_OK)
            return reason;
    }
    for (size_t i = 0; i < n; i++) {
        if (!take_field(object, &fields[i])) {
            give_back_secrets(fields, i);
            return wf_fail(err, WF_INTERNAL, "out of memory reading \"%s\"", fields[i].name);
        }
    }
    return WF_OK;
}

struct wf_span wf_json_text(const struct json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);

    return (struct wf_span){json_string_value(value), json_string_length(value)};
}

static bool string_equals(const json_t *json, struct wf_span value)
{
    return json_is_string(json) && json_string_length(json) == value.len &&
           (value.len == 0 || memcmp(json_string_value(json), value.ptr, value.len) == 0);
}

bool wf_json_has(const struct json_t *object, const char *name, struct wf_span value)
{
    const json_t *member = json_object_get(object, name);

    if (!json_is_array(member))
        return string_equals(member, value);
    for (size_t i = 0; i < json_array_size(member); i++) {
        if (string_equals(json_array_get(member, i), value))
            return true;
    }
    return false;
}

bool wf_json_is_text_or_list(const struct json_t *object, const char *name)
{
    const json_t *member = json_object_get(object, name);

    if (is_absent(member) || json_is_string(member))
        return true;
    if (!json_is_array(member))
        return false;
    for (size_t i = 0; i < json_array_size(member); i++) {
        if (!json_is_string(json_array_get(member, i)))
            return false;
    }
    return true;
}

struct wf_span wf_json_next_word(const struct json_t *object, const char *name, size_t *pos)
{
    const json_t *member = json_object_get(object, name);
    struct wf_span word = {NULL, 0};

    if (json_is_array(member)) {
        const json_t *element = json_array_get(member, *pos);
        (*pos)++;
        return (struct wf_span){json_string_value(element), json_string_length(element)};
    }
    const char *text = json_string_value(member);
    size_t len = json_string_length(member);
    while (*pos < len && text[*pos] == ' ')
        (*pos)++;
    if (*pos < len) {
        word.ptr = text + *pos;
        while (*pos < len && text[*pos] != ' ')
            (*pos)++;
        word.len = (size_t)(text + *pos - word.ptr);
    }
    return word;
}

bool wf_json_present(const struct json_t *object, const char *name)
{
    return !is_absent(json_object_get(object, name));
}

size_t wf_json_array_len(const struct json_t *array)
{
    return json_array_size(array);
}

const struct json_t *wf_json_array_object(const struct json_t *array, size_t i)
{
    const json_t *value = json_array_get(array, i);

    return json_is_object(value) ? value : NULL;
}
