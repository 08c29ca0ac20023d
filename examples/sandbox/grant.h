#ifndef SB_GRANT_H
#define SB_GRANT_H
/* What the service hands out: browser sign-ins, codes, sessions (access tokens), refresh tokens.
 * The values themselves go to their owner only; the database keeps their SHA-256. */

#include <stdbool.h>

#include <sqlite3.h>

/* How long somebody may look at the sign-in or consent page. */
#define SB_PENDING_SECONDS 1800
/* How long a browser stays signed in. */
#define SB_BROWSER_SECONDS (8 * 3600)

/* A browser that has no cookie yet. New string: the cookie's value. */
char *sb_browser_new(sqlite3 *db);
/* Whether the cookie is one of ours and lives. ret_user_id: new string, NULL while nobody has
 * signed in. */
bool sb_browser_find(sqlite3 *db, const char *cookie, char **ret_user_id);
/* Sign a user in (or out, with NULL). The browser gets another cookie, so that a value planted
 * before the sign-in is worth nothing after it. New string: that cookie. */
char *sb_browser_sign_in(sqlite3 *db, const char *cookie, const char *user_id);
/* Sign a user out of every browser. */
void sb_browser_sign_out(sqlite3 *db, const char *user_id);
/* The value that every form of this browser must carry (against cross-site requests): made from
 * the cookie, which no other site can read. New string. */
char *sb_browser_csrf(const char *cookie);

/* An authorize request. */
struct sb_pending {
    char *client_id;
    char *redirect_uri;
    char *state;     /* NULL: none was sent */
    char *scope;     /* "" or "offline_access" */
    char *challenge; /* NULL: none was sent */
};
void sb_pending_done(struct sb_pending *pending);
/* Keep an authorize request while its person signs in. New string: its ID for the forms. */
char *sb_pending_keep(sqlite3 *db, const char *cookie, const struct sb_pending *pending);
/* Fetch it back, for the same browser only. False when it is unknown or too old. */
bool sb_pending_find(sqlite3 *db, const char *cookie, const char *id, struct sb_pending *ret);
/* Forget it. */
void sb_pending_forget(sqlite3 *db, const char *id);

/* Issue a code for a consent just given. New string. */
char *sb_code_issue(sqlite3 *db, const struct sb_pending *pending, const char *user_id,
                    long long lifetime);

struct sb_code {
    char *hash;
    char *consent_id;
    char *client_id;
    char *user_id;
    char *redirect_uri;
    char *challenge; /* NULL: none was sent */
    char *scope;
    bool expired;
    bool used;
};
/* Look a code up; marks nothing. False when there is none like it. */
bool sb_code_find(sqlite3 *db, const char *code, struct sb_code *ret);
void sb_code_done(struct sb_code *code);
/* Note that the code was used. */
void sb_code_use(sqlite3 *db, const struct sb_code *code);

/* A consent on which tokens can be issued. New string: its ID. */
char *sb_consent_new(sqlite3 *db, const char *client_id, const char *user_id, const char *scope);
/* End everything that was issued on a consent: sessions, refresh tokens, a code not yet used. */
void sb_consent_revoke(sqlite3 *db, const char *consent_id);
/* The same for all consents of a user. */
void sb_consent_revoke_all(sqlite3 *db, const char *user_id);

/* Issue an access token. New string. */
char *sb_session_issue(sqlite3 *db, const char *consent_id, long long lifetime);
/* Whose living session this is. New string: the user's ID, or NULL. */
char *sb_session_user(sqlite3 *db, const char *token);
/* The application it was issued to. New string, or NULL. */
char *sb_session_client(sqlite3 *db, const char *token);
/* End a session. */
void sb_session_end(sqlite3 *db, const char *token);

struct sb_refresh {
    char *hash;
    char *consent_id;
    char *client_id;
    char *user_id;
    char *scope;
    long long consented; /* when the person consented, with which the family began */
    long long created;
    long long last_used;
    bool replaced; /* rotated away: using it again is a sign of theft */
    bool revoked;
};
/* Issue a refresh token. New string. */
char *sb_refresh_issue(sqlite3 *db, const char *consent_id);
bool sb_refresh_find(sqlite3 *db, const char *token, struct sb_refresh *ret);
void sb_refresh_done(struct sb_refresh *refresh);
/* Note a use; with `replaced`, the token is dead from now on. */
void sb_refresh_use(sqlite3 *db, const struct sb_refresh *refresh, bool replaced);

#endif
