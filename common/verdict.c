#include "config.h"

#include "verdict.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "forksafe.h"
#include "json.h"

/* A key belongs to one row, by its first bytes, which a hash has spread; a full row loses the
 * place that was not used for longest. */
#define WAYS 8
/* Threads that look in different rows at once seldom meet at one lock */
#define LOCKS 16
_Static_assert(LOCKS <= WF_FORKSAFE_MAX, "on one page");
#define CLOCK_SLACK 60

struct shared_verdict {
    struct wf_verdict verdict; /* first: a verdict's address is this one's */
    atomic_uint refs;
};

struct place {
    uint8_t key[WF_VERDICT_KEY_SIZE];
    struct wf_verdict *verdict; /* NULL: free */
    uint64_t used;
};

struct wf_verdicts {
    struct wf_forksafe *locks; /* LOCKS of them; each of every LOCKSth row */
    atomic_uint_fast64_t uses;
    size_t rows;
    struct place *places; /* rows * WAYS */
};

enum wf_reason wf_verdict_new_take(const struct wf_verdict *from, struct wf_verdict **ret,
                                   struct wf_err *err)
{
    struct shared_verdict *shared = malloc(sizeof(*shared));

    if (shared == NULL) {
        wf_json_free(from->claims);
        wf_jwks_unref(from->keys);
        return wf_fail(err, WF_INTERNAL, "out of memory");
    }
    shared->verdict = *from;
    atomic_init(&shared->refs, 1);
    *ret = &shared->verdict;
    return WF_OK;
}

static struct wf_verdict *ref(struct wf_verdict *verdict)
{
    struct shared_verdict *shared = (struct shared_verdict *)verdict;

    (void)atomic_fetch_add_explicit(&shared->refs, 1, memory_order_relaxed);
    return verdict;
}

void wf_verdict_unref(struct wf_verdict *verdict)
{
    struct shared_verdict *shared = (struct shared_verdict *)verdict;

    if (verdict == NULL ||
        atomic_fetch_sub_explicit(&shared->refs, 1, memory_order_acq_rel) != 1)
        return;
    wf_json_free(verdict->claims);
    wf_jwks_unref(verdict->keys);
    free(shared);
}

struct wf_verdicts *wf_verdicts_new(size_t max)
{
    struct wf_verdicts *table = calloc(1, sizeof(*table));

    if (table == NULL)
        return NULL;
    table->rows = (max + WAYS - 1) / WAYS;
    /* The kernel hands out the pages only when they are first written */
    table->places = calloc(table->rows * WAYS, sizeof(table->places[0]));
    table->locks = wf_forksafe_new();
    if (table->places == NULL || table->locks == NULL) {
        wf_forksafe_free(table->locks);
        free(table->places);
        free(table);
        return NULL;
    }
    return table;
}

void wf_verdicts_free(struct wf_verdicts *table)
{
    if (table == NULL)
        return;
    for (size_t i = 0; i < table->rows * WAYS; i++)
        wf_verdict_unref(table->places[i].verdict);
    wf_forksafe_free(table->locks);
    free(table->places);
    free(table);
}

static size_t row_of(const struct wf_verdicts *table, const uint8_t *key)
{
    uint64_t number;

    memcpy(&number, key, sizeof(number));
    return (size_t)(number % table->rows);
}

/* A place may have got a token's key and still have another one's verdict when the process was
 * forked: a child begins with none. What they held is left to the parent, since freeing it would
 * only copy its pages. */
static void lock_row(struct wf_verdicts *table, size_t row)
{
    if (!wf_forksafe_lock(&table->locks[row % LOCKS]))
        return;
    for (size_t i = row % LOCKS; i < table->rows; i += LOCKS)
        memset(&table->places[i * WAYS], 0, WAYS * sizeof(table->places[0]));
}

static void unlock_row(struct wf_verdicts *table, size_t row)
{
    wf_forksafe_unlock(&table->locks[row % LOCKS]);
}

static bool holds(const struct wf_verdict *verdict, int64_t now)
{
    return now < verdict->until && now >= verdict->judged - CLOCK_SLACK;
}

struct wf_verdict *wf_verdicts_get(struct wf_verdicts *table,
                                   const uint8_t key[WF_VERDICT_KEY_SIZE], int64_t now)
{
    size_t row = row_of(table, key);
    struct place *places = &table->places[row * WAYS];
    struct wf_verdict *found = NULL;
    struct wf_verdict *dead = NULL;

    lock_row(table, row);
    for (size_t i = 0; i < WAYS; i++) {
        if (places[i].verdict == NULL || memcmp(places[i].key, key, sizeof(places[i].key)) != 0)
            continue;
        if (holds(places[i].verdict, now)) {
            found = ref(places[i].verdict);
            places[i].used = atomic_fetch_add_explicit(&table->uses, 1, memory_order_relaxed);
        } else {
            dead = places[i].verdict;
            places[i].verdict = NULL;
        }
        break;
    }
    unlock_row(table, row);
    wf_verdict_unref(dead);
    return found;
}

/* The place of this key, else a free one, else the one that was not used for longest. */
static struct place *choose(struct place *places, const uint8_t *key)
{
    struct place *best = &places[0];

    for (size_t i = 0; i < WAYS; i++) {
        struct place *p = &places[i];
        if (memcmp(p->key, key, sizeof(p->key)) == 0)
            return p;
        if (best->verdict != NULL && (p->verdict == NULL || p->used < best->used))
            best = p;
    }
    return best;
}

void wf_verdicts_put(struct wf_verdicts *table, const uint8_t key[WF_VERDICT_KEY_SIZE],
                     struct wf_verdict *verdict)
{
    size_t row = row_of(table, key);

    lock_row(table, row);
    struct place *place = choose(&table->places[row * WAYS], key);
    struct wf_verdict *old = place->verdict;
    memcpy(place->key, key, sizeof(place->key));
    place->verdict = ref(verdict);
    place->used = atomic_fetch_add_explicit(&table->uses, 1, memory_order_relaxed);
    unlock_row(table, row);
    /* Outside the lock: freeing a tree of claims takes its time */
    wf_verdict_unref(old);
}
