/*
 * A provider's keys with what is known about them, in memory and as an entry of the cache folder;
 * and the entry that says that a provider did not answer. keyring.c decides what they are worth;
 * one that is out of bounds is WF_MALFORMED, as what entry.h finds.
 */
#ifndef WF_KEYRING_ENTRY_H
#define WF_KEYRING_ENTRY_H

#include <stdint.h>

#include "buf.h"
#include "conf.h"
#include "crypto.h"
#include "entry.h"
#include "err.h"
#include "http.h"
#include "jwks.h"
#include "text.h"

/* Seconds for which an answer is fresh, whatever it says; and if it says nothing. Less would let a
 * provider keep us busy, more would keep a withdrawn key alive. */
#define WF_KEYS_FRESH_MIN 60
#define WF_KEYS_FRESH_MAX 86400
#define WF_KEYS_FRESH_DEFAULT 300
/* Seconds of rest after a request that failed: doubled each time, up to a minute. */
#define WF_KEYS_REST_MIN 5
#define WF_KEYS_REST_MAX 60

/* Immutable once made. */
struct wf_keys {
    struct wf_jwks *set;
    int64_t fetched;     /* seconds since 1970 */
    int64_t fresh_until; /* WF_KEYS_FRESH_MIN..MAX later */
    int64_t discovered;  /* when jwks_uri was read from the provider; 0: a while ago */
    uint8_t hash[WF_SHA256_LEN]; /* of text */
    char etag[WF_HTTP_ETAG_SIZE];
    char *jwks_uri; /* "" for a jwks_file */
    char *text;     /* the JWKS as it came */
    size_t len;
};

/* What keys are made of; the spans are copied. */
struct wf_keys_parts {
    struct wf_span text;
    struct wf_span jwks_uri;
    struct wf_span etag;
    int64_t fetched;
    int64_t fresh_until;
    int64_t discovered;
};

/* Parse and keep. Where `known` (may be NULL) has the same text its set is shared: what was
 * verified with it stays so. ret_skipped, if not NULL: keys that were left out just now, with err
 * saying why the last one was. WF_MALFORMED for no JWKS; WF_INTERNAL. *ret: wf_keys_free. */
enum wf_reason wf_keys_new(const struct wf_keys_parts *parts, const struct wf_keys *known,
                           struct wf_keys **ret, size_t *ret_skipped,
                           struct wf_err *err) WF_MUST_USE;
/* NULL is fine. */
void wf_keys_free(struct wf_keys *keys);

/* Append the entry. False if memory is short. */
bool wf_keys_write(const struct wf_keys *keys, const struct wf_provider_conf *conf,
                   struct wf_buf *out) WF_MUST_USE;
/* Read an entry; known as above. WF_EXPIRED: of another provider. WF_MALFORMED, WF_INTERNAL. */
enum wf_reason wf_keys_read(const struct wf_provider_conf *conf, struct wf_span text,
                            const struct wf_keys *known, struct wf_keys **ret,
                            struct wf_err *err) WF_MUST_USE;

/* A request that failed: nobody asks again before entry->until, WF_KEYS_REST_MIN..MAX seconds after
 * entry->fetched. False if memory is short. */
bool wf_keys_failure_write(const struct wf_entry *failure, const struct wf_provider_conf *conf,
                           struct wf_buf *out) WF_MUST_USE;
/* WF_EXPIRED: of another provider. WF_MALFORMED, WF_INTERNAL. */
enum wf_reason wf_keys_failure_read(const struct wf_provider_conf *conf, struct wf_span text,
                                    struct wf_entry *ret, struct wf_err *err) WF_MUST_USE;

#endif
