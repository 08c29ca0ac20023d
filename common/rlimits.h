/* Limits of whoever started a program of ours (setrlimit(2)): su leaves a person's own as they are.
 * Programs only: they hold for the whole process. */
#ifndef WF_RLIMITS_H
#define WF_RLIMITS_H

#include <stddef.h>

#include "err.h"

/* See that a request can be sent and its answer be written to a file of file_max bytes: lower limits
 * are raised, for this process and what it starts; memory is tried. WF_CONFIG if one is lower and
 * may not be raised: the text says which, and what to type. Never blocks. */
enum wf_reason wf_rlimits_raise(size_t file_max, struct wf_err *err) WF_MUST_USE;

#endif
