#ifndef SB_FORM_H
#define SB_FORM_H
/* Just enough of a browser: find the form in one of our own pages. */

#include <stdbool.h>

#include "text.h"

/* The value of the page's hidden field. New string, or NULL when the page has none. */
char *sb_form_hidden(const char *page, const char *name);
/* Whether the page has an input or button with this name. */
bool sb_form_has(const char *page, const char *name);
/* Where the page's form is sent. New string, or NULL when it has no form. */
char *sb_form_action(const char *page);
/* The text of the element with role="alert". New string, or NULL. */
char *sb_form_alert(const char *page);

#endif
