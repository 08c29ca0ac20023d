/*
 * Sessions at the provider that a new sign-in has replaced (refresh.h), and which are open there
 * still: they are told to it when the last session of this host is over (visit.c), since until then
 * somebody's tools may use a token of theirs, and no sign-in waits for it.
 *
 * They lie beside the sessions (store.h), in files of the same form. A few of each person are kept,
 * and what is lost of them ends by itself some day: nothing here is an error of a sign-in.
 */
#ifndef WF_PAST_H
#define WF_PAST_H

#include "store.h"

/* How many of one person at one provider. Another one takes the place of any. */
#define WF_PAST_MAX 8

/* Keep what has been replaced, tokens and all; nothing where it is over. WF_CONFIG if that cannot
 * be, WF_INTERNAL. Any thread; blocks for the disk. */
enum wf_reason wf_past_keep(const struct wf_store *store, const struct wf_record *record,
                            struct wf_err *err) WF_MUST_USE;

/* Take out one of this user's that this very provider gave:
 * of several who ask at once one has it. *ret: new, wf_record_free; NULL if there is none. What is
 * no good, or of another url or client, is removed on the way. WF_CONFIG, WF_INTERNAL. As above. */
enum wf_reason wf_past_take(const struct wf_store *store, const struct wf_provider_conf *provider,
                            const char *user, struct wf_record **ret,
                            struct wf_err *err) WF_MUST_USE;

#endif
