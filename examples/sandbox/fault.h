#ifndef SB_FAULT_H
#define SB_FAULT_H
/* Faults on demand, kept in the database so that the command line sets them on a running server. */

#include <stdbool.h>

#include <sqlite3.h>

enum sb_fault_kind {
    SB_FAULT_NONE,
    SB_FAULT_DELAY, /* arg: milliseconds, then the normal answer */
    SB_FAULT_HANG,  /* no answer until the client gives up */
    SB_FAULT_401,   /* these answer at once, the request has no effect */
    SB_FAULT_429,   /* arg: Retry-After, "none" leaves it out */
    SB_FAULT_500,
    SB_FAULT_503,
    SB_FAULT_TRUNCATED,  /* the normal answer, cut in half before its announced length */
    SB_FAULT_OVERSIZED,  /* arg: bytes of JSON */
    SB_FAULT_ENDLESS,    /* a body without a length that never ends */
    SB_FAULT_DRIP,       /* arg: milliseconds per byte of the normal answer */
    SB_FAULT_WRONG_TYPE, /* the normal answer as text/html */
    SB_FAULT_NOT_JSON,
    SB_FAULT_EMPTY,
    SB_FAULT_DROP,     /* the connection ends without an answer, the request has no effect */
    SB_FAULT_LOST,     /* the request has its effect, and the answer never comes */
    SB_FAULT_REDIRECT, /* arg: where to */
    SB_FAULT_JSON,     /* arg: the body */
};

struct sb_fault {
    enum sb_fault_kind kind;
    char *arg;  /* NULL: none */
    int status; /* 0: the usual one */
};

/* "delay", "hang", …; NULL-safe parsing of the same words. */
const char *sb_fault_word(enum sb_fault_kind kind);
bool sb_fault_parse(const char *word, enum sb_fault_kind *ret);

/* Add a fault behind those that are set for the endpoint. count: how many requests, -1: all. */
void sb_fault_add(sqlite3 *db, const char *endpoint, const struct sb_fault *fault, long long count);
/* Forget the faults of an endpoint, of all with NULL. */
void sb_fault_clear(sqlite3 *db, const char *endpoint);
/* The fault for the next request to this endpoint, counted down; kind SB_FAULT_NONE: none.
 * Free with sb_fault_done. */
struct sb_fault sb_fault_take(sqlite3 *db, const char *endpoint);
void sb_fault_done(struct sb_fault *fault);

#endif
