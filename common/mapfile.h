/*
 * The map file: which person is which local user, where no rule says it.
 *
 *     # comment, on a line of its own
 *     alice.miller@acme.example   alice
 *     admin@acme.example          root
 *     bob@acme.example            -
 *
 * A line is VALUE and NAME with blanks or tabs between. VALUE is the whole claim (printable ASCII
 * without blanks, upper and lower case alike); NAME a valid local name, special ones included, or
 * "-" for nobody: that person is refused. Each VALUE stands once.
 */
#ifndef WF_MAPFILE_H
#define WF_MAPFILE_H

#include <stdbool.h>

#include "err.h"
#include "text.h"

/* The whole file: twenty thousand people fit. */
#define WF_MAPFILE_MAX ((size_t)1 << 20)

struct wf_mapfile;

/* Read the file (wf_file_read's rules for WF_FILE_PUBLIC) and check all of it, so that a mistake
 * shows at the next sign-in of anybody and not only at that of the person it stands for.
 * WF_CONFIG with FILE:LINE, or where the file is missing or not to be trusted; WF_INTERNAL if
 * memory is short. *ret: new, wf_mapfile_free. Blocks for the disk alone. Any thread. */
enum wf_reason wf_mapfile_load(const char *path, struct wf_mapfile **ret,
                               struct wf_err *err) WF_MUST_USE;

/* The same from memory (0..WF_MAPFILE_MAX bytes, copied); path only names it in messages. What
 * tests and fuzzing call. */
enum wf_reason wf_mapfile_parse(const char *path, struct wf_span text, struct wf_mapfile **ret,
                                struct wf_err *err) WF_MUST_USE;

/* NULL is fine. */
void wf_mapfile_free(struct wf_mapfile *map);

/* True if there is a line for the value, which must have been folded. *ret_name: the name,
 * borrowed as long as the map lives; empty for nobody. Any thread. */
bool wf_mapfile_find(const struct wf_mapfile *map, struct wf_span value,
                     struct wf_span *ret_name) WF_MUST_USE;

#endif
