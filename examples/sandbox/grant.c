#include "config.h"

#include "grant.h"

#include <stdlib.h>
#include <string.h>

#include "crypto.h"
#include "db.h"
#include "text.h"

static char *hash_of(const char *value)
{
    return sb_sha256_hex(value, strlen(value));
}

/* --- browsers --- */

char *sb_browser_new(sqlite3 *db)
{
    char *cookie = sb_random_token(32);
    char *hash = hash_of(cookie);
    sb_db_run(db, "DELETE FROM browser WHERE expires <= ?", "i", sb_now());
    sb_db_run(db, "INSERT INTO browser (cookie_hash, user_id, expires) VALUES (?, NULL, ?)", "ti",
              hash, sb_now() + SB_BROWSER_SECONDS);
    free(hash);
    return cookie;
}

bool sb_browser_find(sqlite3 *db, const char *cookie, char **ret_user_id)
{
    char *hash = hash_of(cookie);
    sqlite3_stmt *st =
        sb_db_query(db, "SELECT user_id FROM browser WHERE cookie_hash = ? AND expires > ?", "ti",
                    hash, sb_now());
    bool found = sb_db_row(st);
    if (found)
        *ret_user_id = sb_db_column(st, 0);
    sqlite3_finalize(st);
    free(hash);
    return found;
}

char *sb_browser_sign_in(sqlite3 *db, const char *cookie, const char *user_id)
{
    char *fresh = sb_random_token(32);
    char *old_hash = hash_of(cookie);
    char *new_hash = hash_of(fresh);
    sb_db_run(db,
              "UPDATE browser SET cookie_hash = ?, user_id = ?, expires = ? WHERE cookie_hash = ?",
              "ttit", new_hash, user_id, sb_now() + SB_BROWSER_SECONDS, old_hash);
    free(new_hash);
    free(old_hash);
    return fresh;
}

void sb_browser_sign_out(sqlite3 *db, const char *user_id)
{
    sb_db_run(db, "UPDATE browser SET user_id = NULL WHERE user_id = ?", "t", user_id);
}

char *sb_browser_csrf(const char *cookie)
{
    char *text = sb_format("csrf:%s", cookie);
    char *token = sb_sha256_base64url(text, strlen(text));
    free(text);
    return token;
}

/* --- authorize requests --- */

void sb_pending_done(struct sb_pending *pending)
{
    free(pending->client_id);
    free(pending->redirect_uri);
    free(pending->state);
    free(pending->scope);
    free(pending->challenge);
    *pending = (struct sb_pending){0};
}

char *sb_pending_keep(sqlite3 *db, const char *cookie, const struct sb_pending *pending)
{
    char *id = sb_random_token(16);
    char *id_hash = hash_of(id);
    char *cookie_hash = hash_of(cookie);
    sb_db_run(db, "DELETE FROM pending WHERE expires <= ?", "i", sb_now());
    sb_db_run(db,
              "INSERT INTO pending (id_hash, cookie_hash, client_id, redirect_uri, state, scope,"
              " challenge, expires) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
              "ttttttti", id_hash, cookie_hash, pending->client_id, pending->redirect_uri,
              pending->state, pending->scope, pending->challenge, sb_now() + SB_PENDING_SECONDS);
    free(cookie_hash);
    free(id_hash);
    return id;
}

bool sb_pending_find(sqlite3 *db, const char *cookie, const char *id, struct sb_pending *ret)
{
    char *id_hash = hash_of(id);
    char *cookie_hash = hash_of(cookie);
    sqlite3_stmt *st =
        sb_db_query(db,
                    "SELECT client_id, redirect_uri, state, scope, challenge FROM pending"
                    " WHERE id_hash = ? AND cookie_hash = ? AND expires > ?",
                    "tti", id_hash, cookie_hash, sb_now());
    bool found = sb_db_row(st);
    if (found) {
        ret->client_id = sb_db_column(st, 0);
        ret->redirect_uri = sb_db_column(st, 1);
        ret->state = sb_db_column(st, 2);
        ret->scope = sb_db_column(st, 3);
        ret->challenge = sb_db_column(st, 4);
    }
    sqlite3_finalize(st);
    free(cookie_hash);
    free(id_hash);
    return found;
}

void sb_pending_forget(sqlite3 *db, const char *id)
{
    char *id_hash = hash_of(id);
    sb_db_run(db, "DELETE FROM pending WHERE id_hash = ?", "t", id_hash);
    free(id_hash);
}

/* --- consents --- */

char *sb_consent_new(sqlite3 *db, const char *client_id, const char *user_id, const char *scope)
{
    char *id = sb_random_hex(16);
    sb_db_run(db,
              "INSERT INTO consent (id, client_id, user_id, scope, created) VALUES (?, ?, ?, ?, ?)",
              "tttti", id, client_id, user_id, scope, sb_now());
    return id;
}

/* End one consent or all of a user; the other is NULL. Used codes and refresh tokens stay as rows,
 * so that their reuse can be told from a value that never was. */
static void end(sqlite3 *db, const char *consent_id, const char *user_id)
{
#define THESE "(SELECT id FROM consent WHERE id = ?1 OR user_id = ?2)"
    static const char *const statements[] = {
        "UPDATE consent SET revoked = 1 WHERE id IN " THESE,
        "DELETE FROM session WHERE consent_id IN " THESE,
        "DELETE FROM code WHERE used = 0 AND consent_id IN " THESE,
    };
#undef THESE
    for (size_t i = 0; i < SB_ARRAY_LEN(statements); i++)
        sb_db_run(db, statements[i], "tt", consent_id, user_id);
}

void sb_consent_revoke(sqlite3 *db, const char *consent_id)
{
    end(db, consent_id, NULL);
}

void sb_consent_revoke_all(sqlite3 *db, const char *user_id)
{
    end(db, NULL, user_id);
}

/* --- codes --- */

char *sb_code_issue(sqlite3 *db, const struct sb_pending *pending, const char *user_id,
                    long long lifetime)
{
    char *consent = sb_consent_new(db, pending->client_id, user_id, pending->scope);
    char *code = sb_random_token(24);
    char *hash = hash_of(code);
    sb_db_run(db,
              "INSERT INTO code (code_hash, consent_id, redirect_uri, challenge, expires)"
              " VALUES (?, ?, ?, ?, ?)",
              "tttti", hash, consent, pending->redirect_uri, pending->challenge,
              sb_now() + lifetime);
    free(hash);
    free(consent);
    return code;
}

bool sb_code_find(sqlite3 *db, const char *code, struct sb_code *ret)
{
    char *hash = hash_of(code);
    sqlite3_stmt *st = sb_db_query(
        db,
        "SELECT code.code_hash, consent.id, consent.client_id, consent.user_id, code.redirect_uri,"
        " code.challenge, consent.scope, code.expires, code.used"
        " FROM code JOIN consent ON consent.id = code.consent_id WHERE code.code_hash = ?",
        "t", hash);
    bool found = sb_db_row(st);
    if (found) {
        ret->hash = sb_db_column(st, 0);
        ret->consent_id = sb_db_column(st, 1);
        ret->client_id = sb_db_column(st, 2);
        ret->user_id = sb_db_column(st, 3);
        ret->redirect_uri = sb_db_column(st, 4);
        ret->challenge = sb_db_column(st, 5);
        ret->scope = sb_db_column(st, 6);
        ret->expired = sb_db_column_number(st, 7) <= sb_now();
        ret->used = sb_db_column_number(st, 8) != 0;
    }
    sqlite3_finalize(st);
    free(hash);
    return found;
}

void sb_code_done(struct sb_code *code)
{
    free(code->hash);
    free(code->consent_id);
    free(code->client_id);
    free(code->user_id);
    free(code->redirect_uri);
    free(code->challenge);
    free(code->scope);
    *code = (struct sb_code){0};
}

void sb_code_use(sqlite3 *db, const struct sb_code *code)
{
    sb_db_run(db, "UPDATE code SET used = 1 WHERE code_hash = ?", "t", code->hash);
}

/* --- sessions --- */

char *sb_session_issue(sqlite3 *db, const char *consent_id, long long lifetime)
{
    char *token = sb_random_hex(16);
    char *hash = hash_of(token);
    sb_db_run(db,
              "INSERT INTO session (token_hash, consent_id, created, expires) VALUES (?, ?, ?, ?)",
              "ttii", hash, consent_id, sb_now(), sb_now() + lifetime);
    free(hash);
    return token;
}

static char *session_column(sqlite3 *db, const char *sql, const char *token)
{
    char *hash = hash_of(token);
    char *text = sb_db_text(db, sql, "ti", hash, sb_now());
    free(hash);
    return text;
}

char *sb_session_user(sqlite3 *db, const char *token)
{
    return session_column(db,
                          "SELECT consent.user_id FROM session JOIN consent"
                          " ON consent.id = session.consent_id"
                          " WHERE session.token_hash = ? AND session.expires > ?",
                          token);
}

char *sb_session_client(sqlite3 *db, const char *token)
{
    return session_column(db,
                          "SELECT consent.client_id FROM session JOIN consent"
                          " ON consent.id = session.consent_id"
                          " WHERE session.token_hash = ? AND session.expires > ?",
                          token);
}

void sb_session_end(sqlite3 *db, const char *token)
{
    char *hash = hash_of(token);
    sb_db_run(db, "DELETE FROM session WHERE token_hash = ?", "t", hash);
    free(hash);
}

/* --- refresh tokens --- */

char *sb_refresh_issue(sqlite3 *db, const char *consent_id)
{
    char *token = sb_random_token(32);
    char *hash = hash_of(token);
    sb_db_run(db,
              "INSERT INTO refresh (token_hash, consent_id, created, last_used)"
              " VALUES (?, ?, ?, ?)",
              "ttii", hash, consent_id, sb_now(), sb_now());
    free(hash);
    return token;
}

bool sb_refresh_find(sqlite3 *db, const char *token, struct sb_refresh *ret)
{
    char *hash = hash_of(token);
    sqlite3_stmt *st = sb_db_query(
        db,
        "SELECT refresh.token_hash, consent.id, consent.client_id, consent.user_id, consent.scope,"
        " consent.created, refresh.created, refresh.last_used, refresh.replaced, consent.revoked"
        " FROM refresh JOIN consent ON consent.id = refresh.consent_id"
        " WHERE refresh.token_hash = ?",
        "t", hash);
    bool found = sb_db_row(st);
    if (found) {
        ret->hash = sb_db_column(st, 0);
        ret->consent_id = sb_db_column(st, 1);
        ret->client_id = sb_db_column(st, 2);
        ret->user_id = sb_db_column(st, 3);
        ret->scope = sb_db_column(st, 4);
        ret->consented = sb_db_column_number(st, 5);
        ret->created = sb_db_column_number(st, 6);
        ret->last_used = sb_db_column_number(st, 7);
        ret->replaced = sb_db_column_number(st, 8) != 0;
        ret->revoked = sb_db_column_number(st, 9) != 0;
    }
    sqlite3_finalize(st);
    free(hash);
    return found;
}

void sb_refresh_done(struct sb_refresh *refresh)
{
    free(refresh->hash);
    free(refresh->consent_id);
    free(refresh->client_id);
    free(refresh->user_id);
    free(refresh->scope);
    *refresh = (struct sb_refresh){0};
}

void sb_refresh_use(sqlite3 *db, const struct sb_refresh *refresh, bool replaced)
{
    sb_db_run(db, "UPDATE refresh SET last_used = ?, replaced = ? WHERE token_hash = ?", "iit",
              sb_now(), (long long)replaced, refresh->hash);
}
