/*
 * What is known of a signed-in session: of one local user at one provider. store.h says where it is
 * kept. All functions: any thread, a record by one at a time; they never block.
 */
#ifndef WF_RECORD_H
#define WF_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "conf.h"
#include "err.h"
#include "member.h"
#include "secret.h"

/* Bytes of a record on disk: two tokens of 16 KiB and as much of a person's claims, every byte
 * escaped, and the rest. */
#define WF_STORE_RECORD_MAX ((size_t)128 * 1024)
/* Bytes of the reason of an end. */
#define WF_STORE_WHY_MAX 200

/* Times are seconds since 1970, UTC; 0: unknown, or not so. Texts are owned by the record. */
struct wf_record {
    char *provider;  /* section name */
    char *user;      /* local user */
    char *url;       /* the provider's */
    char *client_id; /* ours there */
    char *subject;   /* the provider's permanent ID of the person */
    struct wf_secret *refresh; /* NULL: none was given; or ended */
    struct wf_secret *access;  /* NULL: ended */
    int64_t uid;              /* the user's when they signed in; 0: not kept */
    int64_t obtained;         /* when the tokens came */
    int64_t access_expires;   /* 0: the provider did not say */
    int64_t signed_in;        /* when the person last proved who they are */
    int64_t absolute_expires; /* of the refresh token, whatever happens */
    int64_t idle_expires;     /* of the refresh token, if it is not used before */
    int64_t warned;           /* when the log last said that one of the two is near */
    int64_t refreshing; /* when a refresh began whose answer is not in this record: it is under way,
                         * or was lost, perhaps with a new refresh token in it */
    int64_t failed;     /* when a refresh last failed, and the session may live */
    int64_t failed_as;  /* wf_record_failure reads it */
    int64_t rest;       /* seconds behind `failed`: wf_record_rest reads it */
    char *failure;      /* in clean words; NULL if none failed since the tokens came */
    /* When the provider last said that the person is active, and all that it said of them then: a
     * JSON object. 0 and NULL: never since the sign-in, or too much to keep. */
    int64_t confirmed;
    char *claims;
    /* A tombstone: the session is over, and everything but the tokens is still known. */
    int64_t ended;
    char *why; /* clean text; NULL before the end */
};

/* A new record for this user and provider without tokens. NULL if memory is short. */
struct wf_record *wf_record_new(const struct wf_provider_conf *provider, const char *user,
                                const char *subject);
/* Whether what was read from a file is a session, or the end of one: WF_MALFORMED otherwise. */
enum wf_reason wf_record_check(const struct wf_record *record, struct wf_err *err) WF_MUST_USE;
/* NULL, or why a record is not of this user and provider as it is configured now. Static. */
const char *wf_record_fault(const struct wf_record *record, const struct wf_provider_conf *provider,
                            const char *user);
/* Wipes the tokens. NULL is fine. */
void wf_record_free(struct wf_record *record);
/* For how long after a failed refresh nobody tries again at least: who waited for it gets what it
 * got. And at most, whatever stands there. Seconds. */
#define WF_RECORD_REST 5
#define WF_RECORD_REST_MAX 3600
/* Note why a refresh failed. rest: seconds for which the provider wants to be left alone; 0: it did
 * not say. False, and nothing changed, if memory is short. */
bool wf_record_fail(struct wf_record *record, int64_t now, enum wf_reason reason, int64_t rest,
                    const char *text) WF_MUST_USE;
/* For how long after `failed` nobody tries again: WF_RECORD_REST..WF_RECORD_REST_MAX, in seconds. */
int64_t wf_record_rest(const struct wf_record *record);
/* What that was: WF_CONFIG, WF_INTERNAL, else WF_UNREACHABLE. */
enum wf_reason wf_record_failure(const struct wf_record *record);
/* Make it a tombstone: the tokens are wiped. False, and nothing changed, if memory is short. */
bool wf_record_end(struct wf_record *record, int64_t now, const char *why) WF_MUST_USE;

/* What it is on disk. */
#define WF_RECORD_MEMBERS 23
extern const struct wf_member wf_record_members[WF_RECORD_MEMBERS];

#endif
