#ifndef SB_FILE_H
#define SB_FILE_H
/* Whole files: read one, make one, replace one at once. */

#include <stdbool.h>
#include <stddef.h>

/* Read a file of at most `max` bytes. New bytes with a NUL behind them (ret_n, may be NULL: how
 * many), or NULL with errno set (EFBIG: longer). */
char *sb_file_read(const char *path, size_t max, size_t *ret_n);
/* Make a new file (mode 0600). False with errno set, also when there is one already. */
bool sb_file_create(const char *path, const char *text);
/* Replace a file (mode 0600) so that readers see the old or the new text, never a part. Failures
 * end the program. */
void sb_file_replace(const char *path, const char *text);

#endif
