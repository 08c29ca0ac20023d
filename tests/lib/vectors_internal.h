/* What the files of vectors share. */
#ifndef WF_TEST_VECTORS_INTERNAL_H
#define WF_TEST_VECTORS_INTERNAL_H

#include "vectors.h"

#define ISSUER "https://sso.example/realms/staff"
#define STRICT_ISSUER "https://strict.example"
#define HEADER "{\"alg\":\"RS256\",\"kid\":\"rsa\",\"typ\":\"at+jwt\"}"

struct vectors {
    int64_t now;
    size_t count;
    struct vector list[600];
};
extern struct vectors made;

/* Add one more. */
void add_bytes(const char *name, const char *service, const char *token, size_t len,
               const char *reason);
void add(const char *name, const char *service, const char *token, const char *reason);

/* The good claims; with one changed (a JSON value, NULL: removed). The same for the header. */
const char *payload(void);
const char *payload_with(const char *name, const char *value);
const char *header_with(const char *name, const char *value);
/* A date as JSON. */
const char *seconds(int64_t from_now);
/* A token by the good key, whatever is in it. */
const char *rs256(const char *header, const char *payload_text);

/* The groups. */
void vectors_good(void);
void vectors_form(void);
void vectors_algorithm(void);
void vectors_key(void);
void vectors_signature(void);
void vectors_claims(void);
void vectors_dates(void);
void vectors_several(void);
void vectors_order(void);

#endif
