/*
 * What a client presents: a bearer token that the person typed, or that a marker in the place of
 * the password names.
 */
#ifndef WF_MARKER_H
#define WF_MARKER_H

#include <stdbool.h>

#include "err.h"
#include "secret.h"

/* Which words in front of a "password" are taken for a marker, not for a token. */
enum wf_markers {
    WF_MARKERS_NO,
    WF_MARKERS_FILE,     /* file:PATH, the token is in that file */
    WF_MARKERS_PROVIDER, /* provider:NAME, a token is obtained there */
    WF_MARKERS_BOTH,
};

/* Whether OAUTHBEARER names the user to act as (a=). */
enum wf_authzid {
    WF_AUTHZID_AUTO,   /* where the application names one */
    WF_AUTHZID_ALWAYS, /* the authentication name where it names none: what Dovecot wants */
    WF_AUTHZID_NO,     /* never: what PostgreSQL wants */
};

/* The client's side of a service. Plain data. */
struct wf_client_conf {
    bool enabled; /* the mechanisms may be used at all */
    enum wf_markers markers;
    enum wf_authzid authzid;
    bool host; /* host= and port= are sent */
};

/* What WF_MARKERS_FILE reads: one line of 1..WF_MARKER_TOKEN_MAX bytes of printable ASCII without
 * blanks; blanks and newlines around it are dropped. A file with the rules of wf_file_read for
 * secrets. */
#define WF_MARKER_TOKEN_MAX ((size_t)65536)

/* True if `given` is the marker of a provider, and `markers` allows that. *ret_name: what it names,
 * borrowed from given; it may be anything. Any thread. */
bool wf_marker_is_provider(enum wf_markers markers, const char *given, size_t len,
                           struct wf_span *ret_name);

/* The token that `given` (1..any bytes, no NUL needed) stands for: itself, or what the file has
 * that it names, if `markers` allows that. The file is read anew at each call.
 * WF_MALFORMED: what is given, or the file has, is no token. WF_CONFIG: the file cannot be read or
 * may be read by others. WF_TOO_LARGE, WF_INTERNAL. The texts never hold
 * what was given, but for a file's path. *ret: new, wf_secret_free. Blocks for the disk.
 * Any thread. */
enum wf_reason wf_marker_token(enum wf_markers markers, const char *given, size_t len,
                               struct wf_secret **ret, struct wf_err *err) WF_MUST_USE;

#endif
