#include "config.h"

#include "json.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "buf.h"

/*
 * The reader of RFC 8259 is ours, and builds jansson's values. jansson's own does not look whether
 * the text that it collects for a string could grow: short of memory at the wrong byte it drops
 * that byte, so that one name is read as another, or ends the host by assert(); and it frees what
 * it collected, tokens among it, unwiped.
 */
struct parser {
    const char *text;
    size_t len;
    size_t at;
    size_t depth;
    bool out_of_memory; /* tells a failure of ours from one of the text */
};

static json_t *parse_value(struct parser *p);

static void skip_blanks(struct parser *p)
{
    while (p->at < p->len && (p->text[p->at] == ' ' || p->text[p->at] == '\t' ||
                              p->text[p->at] == '\n' || p->text[p->at] == '\r'))
        p->at++;
}

/* True, and one step on, if c is next. */
static bool take(struct parser *p, char c)
{
    if (p->at == p->len || p->text[p->at] != c)
        return false;
    p->at++;
    return true;
}

static json_t *made(struct parser *p, json_t *value)
{
    if (value == NULL)
        p->out_of_memory = true;
    return value;
}

/* 4HEXDIG */
static bool parse_hex(struct parser *p, uint32_t *ret)
{
    static const char digits[] = "0123456789abcdef0123456789ABCDEF";
    uint32_t value = 0;

    for (size_t i = 0; i < 4; i++) {
        const char *at = NULL;
        if (p->at < p->len && p->text[p->at] != '\0')
            at = strchr(digits, p->text[p->at]);
        if (at == NULL)
            return false;
        value = value << 4 | ((uint32_t)(at - digits) & 15U);
        p->at++;
    }
    *ret = value;
    return true;
}

static void append_utf8(struct wf_buf *out, uint32_t c)
{
    if (c < 0x80) {
        wf_buf_append_byte(out, (uint8_t)c);
    } else if (c < 0x800) {
        wf_buf_append_byte(out, (uint8_t)(0xc0 | c >> 6));
    } else if (c < 0x10000) {
        wf_buf_append_byte(out, (uint8_t)(0xe0 | c >> 12));
        wf_buf_append_byte(out, (uint8_t)(0x80 | (c >> 6 & 0x3f)));
    } else {
        wf_buf_append_byte(out, (uint8_t)(0xf0 | c >> 18));
        wf_buf_append_byte(out, (uint8_t)(0x80 | (c >> 12 & 0x3f)));
        wf_buf_append_byte(out, (uint8_t)(0x80 | (c >> 6 & 0x3f)));
    }
    if (c >= 0x80)
        wf_buf_append_byte(out, (uint8_t)(0x80 | (c & 0x3f)));
}

/* What stands behind "\u": a character, or two halves of one (§7). No NUL: a reader of C strings
 * would cut there. */
static bool parse_unicode(struct parser *p, struct wf_buf *out)
{
    uint32_t c;
    uint32_t low;

    if (!parse_hex(p, &c) || c == 0 || (c >= 0xdc00 && c <= 0xdfff))
        return false;
    if (c >= 0xd800 && c <= 0xdbff) {
        if (!take(p, '\\') || !take(p, 'u') || !parse_hex(p, &low) || low < 0xdc00 || low > 0xdfff)
            return false;
        c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
    }
    append_utf8(out, c);
    return true;
}

static bool parse_escape(struct parser *p, struct wf_buf *out)
{
    static const char names[] = "\"\\/bfnrt";
    static const char values[] = "\"\\/\b\f\n\r\t";

    if (take(p, 'u'))
        return parse_unicode(p, out);
    if (p->at == p->len || p->text[p->at] == '\0')
        return false;
    const char *name = strchr(names, p->text[p->at]);
    if (name == NULL)
        return false;
    wf_buf_append_byte(out, (uint8_t)values[name - names]);
    p->at++;
    return true;
}

/* Characters that stand for themselves, as many as there are. */
static struct wf_span take_plain(struct parser *p)
{
    size_t start = p->at;

    while (p->at < p->len && (unsigned char)p->text[p->at] >= 0x20 && p->text[p->at] != '"' &&
           p->text[p->at] != '\\')
        p->at++;
    return (struct wf_span){p->text + start, p->at - start};
}

/* The rest of a string that has escapes, behind the part that has none. */
static bool parse_escaped(struct parser *p, struct wf_span plain, struct wf_buf *out)
{
    wf_buf_append(out, plain.ptr, plain.len);
    while (!take(p, '"')) {
        if (take(p, '\\')) {
            if (!parse_escape(p, out))
                return false;
            continue;
        }
        plain = take_plain(p);
        if (plain.len == 0)
            return false;
        wf_buf_append(out, plain.ptr, plain.len);
    }
    if (!wf_buf_ok(out))
        p->out_of_memory = true;
    return wf_buf_ok(out);
}

/* string = quotation-mark *char quotation-mark, the first mark being taken. *ret borrows the text,
 * or out where there are escapes. */
static bool parse_string(struct parser *p, struct wf_buf *out, struct wf_span *ret)
{
    struct wf_span plain = take_plain(p);

    if (!take(p, '"')) {
        if (!parse_escaped(p, plain, out))
            return false;
        plain = (struct wf_span){(const char *)out->data, out->len};
    }
    *ret = plain;
    return wf_text_is_utf8(plain.ptr, plain.len);
}

static json_t *parse_text(struct parser *p)
{
    struct wf_buf own = WF_BUF_INIT(p->len);
    struct wf_span text;
    json_t *value = NULL;

    if (parse_string(p, &own, &text))
        value = made(p, json_string_nocheck(""));
    /* In two steps: where only its own block is missing, the first would free the copy unwiped */
    if (value != NULL && text.len > 0 &&
        json_string_setn_nocheck(value, text.ptr, text.len) != 0) {
        p->out_of_memory = true;
        json_decref(value);
        value = NULL;
    }
    wf_buf_done(&own);
    return value;
}

static size_t skip_digits(struct parser *p)
{
    size_t start = p->at;

    while (p->at < p->len && p->text[p->at] >= '0' && p->text[p->at] <= '9')
        p->at++;
    return p->at - start;
}

/* [ frac ] [ exp ]; *ret_real: whether there was one. */
static bool skip_fraction(struct parser *p, bool *ret_real)
{
    *ret_real = false;
    if (take(p, '.')) {
        *ret_real = true;
        if (skip_digits(p) == 0)
            return false;
    }
    if (take(p, 'e') || take(p, 'E')) {
        *ret_real = true;
        if (!take(p, '+'))
            (void)take(p, '-');
        return skip_digits(p) > 0;
    }
    return true;
}

/* A real. strtod(3) asks the host's locale what a decimal point looks like; this one does not. */
static json_t *parse_real(struct parser *p, const char *start, size_t len)
{
    /* 17 digits make any double; more than a few times that is no number that somebody measured */
    char text[64];

    if (len >= sizeof(text))
        return NULL;
    memcpy(text, start, len);
    text[len] = '\0';
    locale_t c_locale = wf_text_locale();
    if (c_locale == (locale_t)0)
        return made(p, NULL);
    double value = strtod_l(text, NULL, c_locale);
    return isfinite(value) ? made(p, json_real(value)) : NULL;
}

/* number = [ minus ] int [ frac ] [ exp ] */
static json_t *parse_number(struct parser *p)
{
    size_t start = p->at;
    bool negative = take(p, '-');
    struct wf_span digits = {p->text + p->at, 0};
    uint64_t magnitude = 0;
    bool real;

    digits.len = skip_digits(p);
    if (digits.len == 0 || (digits.len > 1 && digits.ptr[0] == '0') || !skip_fraction(p, &real))
        return NULL;
    if (real)
        return parse_real(p, p->text + start, p->at - start);
    if (!wf_text_number(digits, 0, (uint64_t)INT64_MAX + negative, &magnitude))
        return NULL;
    /* By way of -1, since the smallest number has no positive twin */
    int64_t value = negative && magnitude > 0 ? -1 - (int64_t)(magnitude - 1) : (int64_t)magnitude;
    return made(p, json_integer(value));
}

static bool take_word(struct parser *p, const char *word)
{
    size_t len = strlen(word);

    if (p->len - p->at < len || memcmp(p->text + p->at, word, len) != 0)
        return false;
    p->at += len;
    return true;
}

/* member = string name-separator value, in an object that has no such name yet. */
static bool parse_member(struct parser *p, json_t *object)
{
    struct wf_buf own = WF_BUF_INIT(p->len);
    struct wf_span name;
    json_t *value = NULL;
    bool good = false;

    skip_blanks(p);
    if (!take(p, '"') || !parse_string(p, &own, &name))
        goto out;
    skip_blanks(p);
    if (json_object_getn(object, name.ptr, name.len) != NULL || !take(p, ':'))
        goto out;
    value = parse_value(p);
    if (value == NULL)
        goto out;
    good = json_object_setn_nocheck(object, name.ptr, name.len, value) == 0;
    if (!good) {
        p->out_of_memory = true;
        wf_json_free(value);
        value = NULL;
    }
out:
    json_decref(value);
    wf_buf_done(&own);
    return good;
}

static bool parse_element(struct parser *p, json_t *array)
{
    json_t *value = parse_value(p);

    if (value == NULL)
        return false;
    if (json_array_append(array, value) == 0) {
        json_decref(value);
        return true;
    }
    p->out_of_memory = true;
    wf_json_free(value);
    return false;
}

/* The inside of an array or object, the first bracket being taken. */
static json_t *parse_inside(struct parser *p, json_t *whole, char end,
                            bool (*parse_one)(struct parser *p, json_t *whole))
{
    bool good = made(p, whole) != NULL && p->depth < WF_JSON_DEPTH_MAX;

    p->depth++;
    skip_blanks(p);
    if (good && !take(p, end)) {
        do {
            good = parse_one(p, whole);
            skip_blanks(p);
        } while (good && take(p, ','));
        good = good && take(p, end);
    }
    p->depth--;
    if (good)
        return whole;
    wf_json_free(whole);
    return NULL;
}

/* value = false / null / true / object / array / number / string, blanks in front; NULL if there
 * is none. */
static json_t *parse_value(struct parser *p)
{
    skip_blanks(p);
    if (take(p, '{'))
        return parse_inside(p, json_object(), '}', parse_member);
    if (take(p, '['))
        return parse_inside(p, json_array(), ']', parse_element);
    if (take(p, '"'))
        return parse_text(p);
    if (take_word(p, "true"))
        return json_true();
    if (take_word(p, "false"))
        return json_false();
    if (take_word(p, "null"))
        return json_null();
    return parse_number(p);
}

enum wf_reason wf_json_parse(const char *text, size_t len, struct json_t **ret_object,
                             struct wf_err *err)
{
    struct parser p = {.text = text, .len = len};
    json_t *json = parse_value(&p);

    skip_blanks(&p);
    if (json == NULL || p.at < len) {
        wf_json_free(json);
        if (p.out_of_memory)
            return wf_fail(err, WF_INTERNAL, "out of memory parsing JSON");
        /* Not what stands there: it may be a token */
        return wf_fail(err, WF_MALFORMED,
                       "no valid JSON, or nested more than %d deep (byte %zu of %zu)",
                       WF_JSON_DEPTH_MAX, p.at, len);
    }
    if (!json_is_object(json)) {
        wf_json_free(json);
        return wf_fail(err, WF_MALFORMED, "JSON, but not an object");
    }
    *ret_object = json;
    return WF_OK;
}
