#include "config.h"

#include "judge.h"

#include <stdlib.h>
#include <string.h>

#include "cachedir.h"
#include "crypto.h"
#include "json.h"
#include "jws.h"
#include "keyring.h"
#include "opaque.h"
#include "rules.h"

/* What is kept of one provider. */
struct station {
    const struct wf_provider_conf *conf;
    struct wf_cachedir *dir;
    struct wf_keyring *ring;
    struct wf_opaque *opaque; /* NULL: takes no opaque tokens */
};

struct wf_judge {
    const struct wf_conf *conf;
    const struct wf_log *log;
    struct wf_verdicts *verdicts;
    size_t count;
    struct station stations[];
};

/* One token under judgement. */
struct trial {
    struct wf_judge *judge;
    const struct wf_policy *policy;
    const char *rhost;
    const char *token;
    size_t len;
    int64_t now;
    uint8_t key[WF_VERDICT_KEY_SIZE];
};

static enum wf_reason open_station(struct station *station, const struct wf_provider_conf *conf,
                                   const struct wf_judge_host *host, struct wf_err *err)
{
    enum wf_reason reason = WF_INTERNAL;

    station->conf = conf;
    reason = wf_cachedir_open(conf->cache_dir, host->log, &station->dir, err);
    if (reason != WF_OK)
        return reason;
    const struct wf_endpoint_host asking = {station->dir, host->log, host->http_new};
    if (conf->type == WF_PROVIDER_OIDC)
        reason = wf_keyring_new(conf, &asking, &station->ring, err);
    if (reason == WF_OK && conf->token_pattern != NULL)
        reason = wf_opaque_new(conf, &asking, &station->opaque, err);
    return reason;
}

enum wf_reason wf_judge_new(const struct wf_judge_host *host, struct wf_judge **ret,
                            struct wf_err *err)
{
    enum wf_reason reason = WF_OK;
    size_t count = 0;
    struct wf_judge *judge = NULL;

    while (wf_conf_provider_at(host->conf, count) != NULL)
        count++;
    judge = calloc(1, sizeof(*judge) + count * sizeof(judge->stations[0]));
    if (judge == NULL)
        return wf_fail(err, WF_INTERNAL, "out of memory");
    judge->conf = host->conf;
    judge->log = host->log;
    judge->count = count;
    judge->verdicts = wf_verdicts_new(WF_VERDICTS_MAX);
    if (judge->verdicts == NULL)
        reason = wf_fail(err, WF_INTERNAL, "out of memory");
    for (size_t i = 0; reason == WF_OK && i < count; i++)
        reason = open_station(&judge->stations[i], wf_conf_provider_at(host->conf, i), host, err);
    if (reason == WF_OK)
        *ret = judge;
    else
        wf_judge_free(judge);
    return reason;
}

void wf_judge_free(struct wf_judge *judge)
{
    if (judge == NULL)
        return;
    wf_verdicts_free(judge->verdicts);
    for (size_t i = 0; i < judge->count; i++) {
        wf_opaque_free(judge->stations[i].opaque);
        wf_keyring_free(judge->stations[i].ring);
        wf_cachedir_free(judge->stations[i].dir);
    }
    free(judge);
}

void wf_judge_prepare(struct wf_judge *judge, int64_t now)
{
    for (size_t i = 0; i < judge->count; i++) {
        struct wf_err err = WF_ERR_INIT;
        const struct station *station = &judge->stations[i];
        if (station->ring != NULL && wf_keyring_prepare(station->ring, now, &err) != WF_OK)
            wf_log(judge->log, WF_LOG_WARNING, "%s", err.text);
    }
}

static struct station *station_of(struct wf_judge *judge, const struct wf_provider_conf *conf)
{
    for (size_t i = 0; i < judge->count; i++) {
        if (judge->stations[i].conf == conf)
            return &judge->stations[i];
    }
    return NULL;
}

/* Under what a verdict, and on disk a look-up, is kept: nothing that was judged for one service, or
 * under another configuration, holds for this. The two choose the provider, too. */
static enum wf_reason make_key(struct trial *t, struct wf_err *err)
{
    static const char how[] = "bearer";
    const struct wf_span parts[] = {
        {how, sizeof(how)}, /* with its NUL, as the service's: no two lists of parts look alike */
        {(const char *)wf_conf_digest_borrow(t->judge->conf), WF_SHA256_LEN},
        {t->policy->service, strlen(t->policy->service) + 1},
        {t->token, t->len},
    };

    return wf_crypto_sha256_parts(parts, WF_ARRAY_LEN(parts), t->key, err);
}

/* A verdict from before; NULL if there is none that holds. One that a set of keys signed for dies
 * with that set, so that a key that was withdrawn lets nobody in. */
static struct wf_verdict *remembered(const struct trial *t)
{
    struct wf_verdict *verdict = wf_verdicts_get(t->judge->verdicts, t->key, t->now);

    if (verdict != NULL && verdict->keys != NULL) {
        const struct station *station = station_of(t->judge, verdict->accepted->provider);
        if (!wf_keyring_is_current(station->ring, verdict->keys, t->now)) {
            wf_verdict_unref(verdict);
            verdict = NULL;
        }
    }
    return verdict;
}

/* By the rules, and if it passes, remembered. Takes claims and keys over. */
static enum wf_reason conclude_take(const struct trial *t, const struct wf_case *c,
                                    const struct wf_accepted *accepted, struct json_t *claims,
                                    struct wf_jwks *keys, int64_t bound, struct wf_verdict **ret,
                                    struct wf_err *err)
{
    int64_t until = 0;
    enum wf_reason reason = wf_rules_judge(c, &until, err);

    if (reason != WF_OK) {
        wf_json_free(claims);
        wf_jwks_unref(keys);
        return reason;
    }
    const struct wf_verdict verdict = {
        .accepted = accepted,
        .source = c->source,
        .claims = claims,
        .keys = keys,
        .judged = t->now,
        .until = until < bound ? until : bound,
    };
    reason = wf_verdict_new_take(&verdict, ret, err);
    if (reason == WF_OK)
        wf_verdicts_put(t->judge->verdicts, t->key, *ret);
    return reason;
}

/* The unverified iss chooses among the service's providers, and does nothing else. */
static enum wf_reason choose_provider(const struct wf_policy *policy, const struct wf_jws *jws,
                                      const struct wf_accepted **ret, struct wf_err *err)
{
    struct wf_span iss = wf_json_text(jws->payload, "iss");

    for (size_t i = 0; i < policy->accepted_count; i++) {
        const struct wf_provider_conf *provider = policy->accepted[i].provider;
        if (provider->type == WF_PROVIDER_OIDC && wf_span_equals(iss, provider->url)) {
            *ret = &policy->accepted[i];
            return WF_OK;
        }
    }
    if (iss.ptr == NULL)
        return wf_fail(err, WF_ISSUER, "the token has no iss");
    return wf_fail(err, WF_ISSUER, "iss is \"%.*s\", which is no provider of service [%s]",
                   (int)(iss.len < 128 ? iss.len : 128), iss.ptr, policy->service);
}

static enum wf_reason verify_signature(const struct trial *t, const struct station *station,
                                       const struct wf_jws *jws, const struct wf_jws_header *header,
                                       struct wf_jwks **ret, int64_t *ret_until, struct wf_err *err)
{
    struct wf_jwks *keys = NULL;
    int64_t until = 0;

    if ((station->conf->algorithms & 1U << header->alg) == 0)
        return wf_fail(err, WF_ALGORITHM, "%s is not in algorithms of provider %s",
                       wf_alg_name(header->alg), station->conf->name);
    enum wf_reason reason = wf_keyring_find(station->ring, header, t->now, &keys, &until, err);
    if (reason == WF_OK)
        reason = wf_jwks_verify(keys, header, jws, err);
    if (reason != WF_OK) {
        wf_jwks_unref(keys);
        return reason;
    }
    *ret = keys;
    *ret_until = until;
    return WF_OK;
}

static enum wf_reason judge_jws(const struct trial *t, struct wf_verdict **ret, struct wf_err *err)
{
    enum wf_reason reason = WF_INTERNAL;
    struct wf_jws jws;
    struct wf_jws_header header;
    const struct wf_accepted *accepted = NULL;
    struct wf_jwks *keys = NULL;
    int64_t bound = 0;

    reason = wf_jws_parse(t->token, t->len, &jws, err);
    if (reason != WF_OK)
        return reason;
    reason = wf_rules_check_types(jws.payload, err);
    if (reason == WF_OK)
        reason = wf_jws_header(&jws, &header, err);
    if (reason == WF_OK)
        reason = choose_provider(t->policy, &jws, &accepted, err);
    if (reason == WF_OK)
        reason = verify_signature(t, station_of(t->judge, accepted->provider), &jws, &header, &keys,
                                  &bound, err);
    if (reason == WF_OK) {
        const struct wf_case c = {
            .source = WF_SOURCE_JWT,
            .claims = jws.payload,
            .typ = header.typ,
            .policy = t->policy,
            .provider = accepted->provider,
            .now = t->now,
        };
        struct json_t *claims = jws.payload;
        jws.payload = NULL;
        reason = conclude_take(t, &c, accepted, claims, keys, bound, ret, err);
    }
    wf_jws_done(&jws);
    return reason;
}

/* The one provider of the service whose pattern the token matches. */
static const struct wf_accepted *opaque_provider(const struct trial *t)
{
    for (size_t i = 0; i < t->policy->accepted_count; i++) {
        const struct wf_accepted *accepted = &t->policy->accepted[i];
        const struct station *station = station_of(t->judge, accepted->provider);
        if (station->opaque != NULL && wf_opaque_matches(station->opaque, t->token, t->len))
            return accepted;
    }
    return NULL;
}

static enum wf_reason judge_opaque(const struct trial *t, const struct wf_accepted *accepted,
                                   struct wf_verdict **ret, struct wf_err *err)
{
    struct json_t *claims = NULL;
    int64_t bound = 0;
    struct wf_case c = {
        .typ = {NULL, 0},
        .policy = t->policy,
        .provider = accepted->provider,
        .now = t->now,
    };
    enum wf_reason reason =
        wf_opaque_look_up(station_of(t->judge, accepted->provider)->opaque, t->token, t->len,
                          t->key, t->rhost, t->now, &claims, &c.source, &bound, err);

    if (reason != WF_OK)
        return reason;
    c.claims = claims;
    return conclude_take(t, &c, accepted, claims, NULL, bound, ret, err);
}

enum wf_reason wf_judge_token(struct wf_judge *judge, const struct wf_policy *policy,
                              const char *rhost, const char *token, size_t len, int64_t now,
                              struct wf_verdict **ret, struct wf_err *err)
{
    struct trial t = {judge, policy, rhost, token, len, now, {0}};
    const struct wf_accepted *opaque = NULL;

    if (len > policy->max_token)
        return wf_fail(err, WF_TOO_LARGE, "the token has %zu bytes, more than max_token = %u", len,
                       (unsigned)policy->max_token);
    enum wf_reason reason = make_key(&t, err);
    if (reason != WF_OK)
        return reason;
    struct wf_verdict *found = remembered(&t);
    if (found != NULL) {
        *ret = found;
        return WF_OK;
    }
    /* What looks like a JWT is one: it goes to its issuer's keys, never to a look-up elsewhere */
    if (!wf_jws_is_plausible(token, len))
        opaque = opaque_provider(&t);
    return opaque != NULL ? judge_opaque(&t, opaque, ret, err) : judge_jws(&t, ret, err);
}
