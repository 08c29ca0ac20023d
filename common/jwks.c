#include "config.h"

#include "jwks.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "jwk.h"

struct wf_jwks {
    atomic_uint refs;
    size_t count;
    struct wf_jwk *keys[];
};

static struct wf_jwks *set_new(size_t room)
{
    struct wf_jwks *set = calloc(1, sizeof(*set) + room * sizeof(set->keys[0]));

    if (set != NULL)
        atomic_init(&set->refs, 1);
    return set;
}

/* Take in what may verify, leave out the rest: one broken key must not lock out the others. */
static enum wf_reason add_keys(struct wf_jwks *set, const struct json_t *array, size_t *skipped,
                               struct wf_err *err)
{
    for (size_t i = 0; i < wf_json_array_len(array); i++) {
        const struct json_t *json = wf_json_array_object(array, i);
        struct wf_jwk *key = NULL;
        if (json == NULL)
            return wf_fail(err, WF_MALFORMED, "element %zu of \"keys\" is no object", i);
        enum wf_reason reason = wf_jwk_new(json, &key, err);
        if (reason == WF_KEY)
            (*skipped)++;
        else if (reason != WF_OK)
            return reason;
        else
            set->keys[set->count++] = key;
    }
    return WF_OK;
}

enum wf_reason wf_jwks_parse(const char *text, size_t len, struct wf_jwks **ret,
                             size_t *ret_skipped, struct wf_err *err)
{
    enum wf_reason reason = WF_INTERNAL;
    struct json_t *json = NULL;
    const struct json_t *array = NULL;
    const struct wf_json_field field = {"keys", WF_JSON_ARRAY, &array, true};
    struct wf_jwks *set = NULL;
    size_t skipped = 0;

    reason = wf_json_parse(text, len, &json, err);
    if (reason != WF_OK)
        goto out;
    reason = wf_json_read(json, &field, 1, err);
    if (reason != WF_OK)
        goto out;
    if (wf_json_array_len(array) > WF_JWKS_KEYS_MAX) {
        reason = wf_fail(err, WF_MALFORMED, "%zu keys, expected at most %d",
                         wf_json_array_len(array), WF_JWKS_KEYS_MAX);
        goto out;
    }
    set = set_new(wf_json_array_len(array));
    if (set == NULL) {
        reason = wf_fail(err, WF_INTERNAL, "out of memory for keys");
        goto out;
    }
    reason = add_keys(set, array, &skipped, err);
    if (reason != WF_OK)
        goto out;
    *ret = set;
    if (ret_skipped != NULL)
        *ret_skipped = skipped;
    set = NULL;
out:
    wf_jwks_unref(set);
    wf_json_free(json);
    return reason;
}

struct wf_jwks *wf_jwks_ref(struct wf_jwks *set)
{
    (void)atomic_fetch_add_explicit(&set->refs, 1, memory_order_relaxed);
    return set;
}

void wf_jwks_unref(struct wf_jwks *set)
{
    if (set == NULL || atomic_fetch_sub_explicit(&set->refs, 1, memory_order_acq_rel) != 1)
        return;
    for (size_t i = 0; i < set->count; i++)
        wf_jwk_free(set->keys[i]);
    free(set);
}

size_t wf_jwks_count(const struct wf_jwks *set)
{
    return set->count;
}

static bool fits(const struct wf_jwk *key, const struct wf_jws_header *header)
{
    struct wf_span kid = wf_jwk_kid_borrow(key);

    if ((wf_jwk_algs(key) & 1U << header->alg) == 0)
        return false;
    if (header->kid.ptr == NULL)
        return true;
    return kid.ptr != NULL && kid.len == header->kid.len &&
           memcmp(kid.ptr, header->kid.ptr, kid.len) == 0;
}

bool wf_jwks_fits(const struct wf_jwks *set, const struct wf_jws_header *header)
{
    for (size_t i = 0; i < set->count; i++) {
        if (fits(set->keys[i], header))
            return true;
    }
    return false;
}

enum wf_reason wf_jwks_verify(const struct wf_jwks *set, const struct wf_jws_header *header,
                              const struct wf_jws *jws, struct wf_err *err)
{
    enum wf_reason reason = WF_KEY;
    unsigned tries = 0;

    for (size_t i = 0; i < set->count; i++) {
        if (!fits(set->keys[i], header))
            continue;
        if (tries++ == WF_JWKS_TRIES_MAX)
            return wf_fail(err, WF_KEY, "more than %d keys fit a token that does not name one",
                           WF_JWKS_TRIES_MAX);
        reason = wf_jwk_verify(set->keys[i], header->alg, jws->signing_input, jws->signature,
                               jws->signature_len, err);
        if (reason != WF_SIGNATURE)
            return reason;
    }
    if (tries == 0)
        reason = wf_fail(err, WF_KEY, "no key of the provider fits the token (%s, %s)",
                         wf_alg_name(header->alg),
                         header->kid.ptr == NULL ? "no kid" : "its kid is unknown");
    return reason;
}
