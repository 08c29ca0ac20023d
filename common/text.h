/*
 * Text from outside: make it harmless, trim it, read numbers from it. No locale is consulted:
 * letters are ASCII letters.
 */
#ifndef WF_TEXT_H
#define WF_TEXT_H

#include <locale.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>

#include "macros.h"

/* A piece of text that somebody else owns: pointer and length, no NUL needed. */
struct wf_span {
    const char *ptr;
    size_t len;
};

/* Copy src (len bytes) to dst, at most size - 1 bytes and a NUL, replacing every control byte
 * (NUL, newline, escape, DEL, C1), every invalid UTF-8 byte and the invisible characters that
 * reorder or hide text (U+00AD, U+061C, U+180E, U+200B..200F, U+2028..202E, U+2060..2069, U+FEFF,
 * U+E0000..E007F) by '?'. Cut at a character boundary. size must be at least 1. Never fails; any thread. */
void wf_text_sanitise(char *dst, size_t size, const char *src, size_t len);

/* The same with what a format makes of its arguments, of which the first 2 KB count. */
void wf_text_format(char *dst, size_t size, const char *fmt, va_list args) WF_PRINTF(3, 0);

/* True if every byte is printable ASCII (0x20..0x7e). An empty text is. */
bool wf_text_is_printable(const char *s, size_t len);

/* True if the bytes are valid UTF-8 without control characters or the invisible ones named at
 * wf_text_sanitise. */
bool wf_text_is_clean(const char *s, size_t len);
/* True if all of it is UTF-8 (RFC 3629), whatever the characters do. */
bool wf_text_is_utf8(const char *s, size_t len);

/* Drop blanks, tabs, CR, LF, vertical tab and form feed from both ends. The result borrows s. */
struct wf_span wf_text_trim(const char *s, size_t len);

/* Fold A-Z to a-z in place. */
void wf_text_fold(char *s, size_t len);

/* True if the span holds exactly this word. */
bool wf_span_equals(struct wf_span span, const char *word);
/* The same, A-Z and a-z alike. */
bool wf_span_equals_fold(struct wf_span span, const char *word);

/* Read a decimal number of digits alone: no sign, blank, leading zero (but "0") or overflow.
 * True, and *ret written, if it lies in min..max. */
bool wf_text_number(struct wf_span span, uint64_t min, uint64_t max, uint64_t *ret) WF_MUST_USE;

/* Read a duration: a number with s, m, h or d behind it, or a bare number of seconds. *ret is in
 * seconds. True if it lies in min..max. */
bool wf_text_duration(struct wf_span span, uint64_t min, uint64_t max, uint64_t *ret) WF_MUST_USE;

/* Cut the next field off *rest at the separator byte and trim it. False when *rest is used up
 * (rest->ptr NULL). An empty list has one empty field, as "a,,b" has an empty one. */
bool wf_text_next(struct wf_span *rest, char separator, struct wf_span *ret_field) WF_MUST_USE;

/* Split "CLAIM:VALUE" at the first ':' that no "//" follows, since a claim's name may be an
 * address ("https://acme.example/groups:staff"; not one with a port). False, nothing written, if
 * there is no such ':': then the item is a plain name. Either part may come out empty; both
 * borrow item. */
bool wf_text_split_claim(struct wf_span item, struct wf_span *ret_claim,
                         struct wf_span *ret_value) WF_MUST_USE;

/* The "C" locale, for the functions of the C library that would ask the host's, which in a program
 * like su comes from whoever calls it. Never freed; (locale_t)0 if memory is short. Any thread. */
locale_t wf_text_locale(void);

#endif
