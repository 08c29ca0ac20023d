#ifndef SB_REQUEST_H
#define SB_REQUEST_H
/* One request as the handlers see it, and the answer they build. Neither knows the HTTP library:
 * server.c fills the one and sends the other. */

#include <stdbool.h>
#include <stddef.h>

#include <sqlite3.h>

#include "text.h"

/* Where a request went; the words of the record and of the faults. */
enum sb_endpoint {
    SB_EP_AUTHORIZE,
    SB_EP_SIGN_IN,
    SB_EP_CONSENT,
    SB_EP_TOKEN,
    SB_EP_JWT,
    SB_EP_SEARCH,
    SB_EP_LOGOUT,
    SB_EP_CALLBACK,
    SB_EP_OTHER,
};
#define SB_ENDPOINTS 9
const char *sb_endpoint_word(enum sb_endpoint endpoint);

/* What `serve` was told. */
struct sb_settings {
    const char *domain;
    const char *lane;
    char *callback_page;     /* the text of the callback page, NULL: none */
    long long code_lifetime; /* seconds */
    long long session_lifetime;
    bool bearer_style;       /* "Bearer" and 3600 instead of "sessionID" and 0 */
    bool lenient_inactive;   /* inactive users may sign in, and keep what they have */
    bool lenient_jwt;        /* a JWT may be exchanged again, and expire at any time */
    bool lenient_rotation;   /* reuse of a rotated refresh token is refused, and that is all */
    bool absolute_per_token; /* absolute expiry counts from each rotation, not from the consent */
};

struct sb_param {
    char *name;
    char *value; /* len bytes with a NUL behind them; NUL inside is possible */
    size_t len;
};
#define SB_PARAMS_MAX 64
struct sb_params {
    struct sb_param at[SB_PARAMS_MAX];
    size_t n;
    bool too_many;
};

enum sb_body { SB_BODY_NONE, SB_BODY_FORM, SB_BODY_JSON, SB_BODY_BAD };

#define SB_HEADERS_MAX 12
struct sb_reply {
    int status;
    const char *type; /* static */
    struct sb_str body;
    struct {
        const char *name; /* static */
        char *value;
    } headers[SB_HEADERS_MAX];
    size_t headers_n;
};

struct sb_request {
    const struct sb_settings *settings;
    sqlite3 *db;
    enum sb_endpoint endpoint;
    bool post; /* else GET */
    const char *path;
    char api_version[16]; /* "v20.0", of an API path */
    struct sb_params query;
    struct sb_params form; /* of a form or JSON body */
    enum sb_body body;
    const char *authorization; /* headers; NULL: not there */
    const char *session_id;
    const char *cookie; /* the value of our cookie */
    struct sb_reply reply;
    /* For the record: a registered client's ID; how it authenticated; the outcome in a word. */
    char client_id[40];
    const char *auth;   /* static */
    const char *result; /* static */
};

/* Add a parameter (copied). */
void sb_params_add(struct sb_params *params, const char *name, const char *value, size_t len);
/* Append bytes to the last parameter: bodies arrive in pieces. */
void sb_params_append(struct sb_params *params, const char *bytes, size_t n);
void sb_params_done(struct sb_params *params);
/* The parameter, NULL when it is absent. */
const struct sb_param *sb_params_find(const struct sb_params *params, const char *name);
/* Its value as a string, NULL when it is absent or holds a NUL byte. Borrowed. */
const char *sb_params_text(const struct sb_params *params, const char *name);
/* Whether the parameters are unfit to look at: one came twice (RFC 6749 §3.1, §3.2: "MUST NOT be
 * included more than once"), holds a NUL byte, or they are too many. */
bool sb_params_unfit(const struct sb_params *params);

/* Add a header; the value is copied. */
void sb_reply_header(struct sb_reply *reply, const char *name, const char *value);
/* Start the answer over: status, media type, no body, no headers. */
void sb_reply_start(struct sb_reply *reply, int status, const char *type);
/* Answer with JSON text; `result` is for the record. */
void sb_reply_json(struct sb_request *rq, int status, const char *json, const char *result);
/* Answer as Workfront's API reports an error: {"error":{"class":…,"message":…}}. */
void sb_reply_api_error(struct sb_request *rq, int status, const char *class, const char *message,
                        const char *result);
/* Answer as RFC 6749 §5.2 has it, with no-store. */
void sb_reply_oauth_error(struct sb_request *rq, int status, const char *error,
                          const char *description);
void sb_reply_done(struct sb_reply *reply);

#endif
