#ifndef SB_TEXT_H
#define SB_TEXT_H
/* Text for the sandbox: a growing string, the one HTML escape, percent-encoding, checks.
 *
 * The sandbox is a program of its own, so running out of memory simply ends it: none of these
 * functions fails. Nothing here is shared with the project's core, on purpose: a second
 * implementation cannot share the first one's mistakes. */

#include <stdbool.h>
#include <stddef.h>

#define SB_ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

/* A growing string. All zero is the empty string; `at` may be NULL while `len` is 0, and is
 * followed by a NUL otherwise. Text may hold NUL bytes. */
struct sb_str {
    char *at;
    size_t len;
    size_t size;
};

/* Memory that is there or the program ends. Free with free(). */
void *sb_alloc(size_t bytes);
/* A copy of a string; NULL stays NULL. Free with free(). */
char *sb_dup(const char *text);
/* A copy of n bytes with a NUL behind them. Free with free(). */
char *sb_dupn(const char *bytes, size_t n);
/* Formatted text as a new string. Free with free(). */
char *sb_format(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Append a string, n bytes, or formatted text. */
void sb_str_add(struct sb_str *s, const char *text);
void sb_str_addn(struct sb_str *s, const char *bytes, size_t n);
void sb_str_addf(struct sb_str *s, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Append bytes so that they are text in HTML, inside elements and inside quoted attributes.
 * Control characters and broken UTF-8 become U+FFFD. Every foreign value in a page goes through
 * here; there is no second way. */
void sb_str_html(struct sb_str *s, const char *bytes, size_t n);

/* Append `name=value` in application/x-www-form-urlencoded, after '&' when the string already
 * has a parameter (that is, unless it is empty or ends in '?' or '&'). */
void sb_str_param(struct sb_str *s, const char *name, const char *value, size_t n);

/* Append bytes for a terminal: control characters, DEL, C1 controls and broken UTF-8 become
 * \xNN, the backslash is doubled. */
void sb_str_visible(struct sb_str *s, const char *bytes, size_t n);

/* The string inside, "" when empty: borrowed until the next change. */
const char *sb_str_text(const struct sb_str *s);
/* Hand the string over and start again empty; "" when nothing was added. Free with free(). */
char *sb_str_steal(struct sb_str *s);
/* Free the inside. */
void sb_str_done(struct sb_str *s);

/* The length of the UTF-8 character at the start of the bytes (1..4), 0 when it is broken:
 * overlong, a surrogate, above U+10FFFF or cut off. */
size_t sb_utf8_char(const char *bytes, size_t n);
/* Whether all the bytes are UTF-8. NUL counts as a character. */
bool sb_utf8(const char *bytes, size_t n);
/* Whether the string has a control character (including DEL). */
bool sb_has_control(const char *text);

/* The value of one hexadecimal digit, -1 for anything else. */
int sb_hex_digit(char c);
/* Undo percent-encoding, and '+' for a blank (RFC 6749 appendix B), strictly: a '%' without two
 * digits is refused, as is a NUL. New string or NULL. */
char *sb_form_decode(const char *bytes, size_t n);
/* A decimal number in a range, digits only. False when it is anything else. */
bool sb_number(const char *text, long long min, long long max, long long *ret);

#endif
