#include "config.h"

#include "db.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "text.h"

/* Codes, sessions, refresh tokens, cookies and client secrets are stored as hashes only, as a
 * real service does; `…_hash` is the SHA-256 of the value in hexadecimal digits. */
static const char schema[] =
    "CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;"

    /* Groups, roles, teams and access levels. Display names may repeat, IDs may not. */
    "CREATE TABLE IF NOT EXISTS entity ("
    " id TEXT PRIMARY KEY,"
    " kind TEXT NOT NULL CHECK (kind IN ('group', 'role', 'team', 'access-level')),"
    " name TEXT NOT NULL) STRICT;"

    /* A user name is bytes: hostile ones hold newlines and NUL. email NULL: has none. */
    "CREATE TABLE IF NOT EXISTS user ("
    " id TEXT PRIMARY KEY,"
    " username BLOB NOT NULL UNIQUE,"
    " name TEXT NOT NULL,"
    " email TEXT,"
    " password_hash TEXT,"
    " active INTEGER NOT NULL) STRICT;"

    /* The first group is the home group, the first team the home team. */
    "CREATE TABLE IF NOT EXISTS member ("
    " user_id TEXT NOT NULL REFERENCES user ON DELETE CASCADE,"
    " entity_id TEXT NOT NULL REFERENCES entity ON DELETE CASCADE,"
    " position INTEGER NOT NULL,"
    " PRIMARY KEY (user_id, entity_id)) STRICT;"

    /* Expiry times in seconds, 0: none. */
    "CREATE TABLE IF NOT EXISTS app ("
    " client_id TEXT PRIMARY KEY,"
    " type TEXT NOT NULL CHECK (type IN ('web', 'spa', 'm2m')),"
    " name TEXT NOT NULL CHECK (name <> ''),"
    " description TEXT NOT NULL,"
    " rotation INTEGER NOT NULL,"
    " absolute_expiry INTEGER NOT NULL,"
    " inactivity_expiry INTEGER NOT NULL,"
    " logo BLOB,"
    " app_url TEXT NOT NULL,"
    " developer_name TEXT NOT NULL,"
    " developer_email TEXT NOT NULL,"
    " privacy_url TEXT NOT NULL,"
    " bind_pkce INTEGER NOT NULL,"
    " created INTEGER NOT NULL) STRICT;"
    "CREATE TABLE IF NOT EXISTS redirect_url ("
    " client_id TEXT NOT NULL REFERENCES app ON DELETE CASCADE,"
    " url TEXT NOT NULL,"
    " PRIMARY KEY (client_id, url)) STRICT;"
    "CREATE TABLE IF NOT EXISTS secret ("
    " id TEXT PRIMARY KEY,"
    " client_id TEXT NOT NULL REFERENCES app ON DELETE CASCADE,"
    " salt TEXT NOT NULL,"
    " secret_hash TEXT NOT NULL,"
    " note TEXT NOT NULL,"
    " created INTEGER NOT NULL,"
    " last_used INTEGER NOT NULL) STRICT;"
    /* Public keys of Machine to Machine applications. */
    "CREATE TABLE IF NOT EXISTS public_key ("
    " id TEXT PRIMARY KEY,"
    " client_id TEXT NOT NULL REFERENCES app ON DELETE CASCADE,"
    " pem TEXT NOT NULL,"
    " created INTEGER NOT NULL) STRICT;"

    /* JWTs that were exchanged, until they expire: each works once. */
    "CREATE TABLE IF NOT EXISTS assertion ("
    " client_id TEXT NOT NULL REFERENCES app ON DELETE CASCADE,"
    " hash TEXT NOT NULL,"
    " expires INTEGER NOT NULL,"
    " PRIMARY KEY (client_id, hash)) STRICT;"

    /* A browser: user_id NULL until somebody has signed in with it. */
    "CREATE TABLE IF NOT EXISTS browser ("
    " cookie_hash TEXT PRIMARY KEY,"
    " user_id TEXT REFERENCES user ON DELETE CASCADE,"
    " expires INTEGER NOT NULL) STRICT;"
    /* An authorize request that waits for sign-in and consent. */
    "CREATE TABLE IF NOT EXISTS pending ("
    " id_hash TEXT PRIMARY KEY,"
    " cookie_hash TEXT NOT NULL REFERENCES browser ON DELETE CASCADE ON UPDATE CASCADE,"
    " client_id TEXT NOT NULL REFERENCES app ON DELETE CASCADE,"
    " redirect_uri TEXT NOT NULL,"
    " state TEXT,"
    " scope TEXT NOT NULL,"
    " challenge TEXT,"
    " expires INTEGER NOT NULL) STRICT;"

    /* One consent, and everything that was issued on it: revoking it kills all of them. */
    "CREATE TABLE IF NOT EXISTS consent ("
    " id TEXT PRIMARY KEY,"
    " client_id TEXT NOT NULL REFERENCES app ON DELETE CASCADE,"
    " user_id TEXT NOT NULL REFERENCES user ON DELETE CASCADE,"
    " scope TEXT NOT NULL,"
    " created INTEGER NOT NULL,"
    " revoked INTEGER NOT NULL DEFAULT 0) STRICT;"
    "CREATE TABLE IF NOT EXISTS code ("
    " code_hash TEXT PRIMARY KEY,"
    " consent_id TEXT NOT NULL REFERENCES consent ON DELETE CASCADE,"
    " redirect_uri TEXT NOT NULL,"
    " challenge TEXT,"
    " expires INTEGER NOT NULL,"
    " used INTEGER NOT NULL DEFAULT 0) STRICT;"
    "CREATE TABLE IF NOT EXISTS session ("
    " token_hash TEXT PRIMARY KEY,"
    " consent_id TEXT NOT NULL REFERENCES consent ON DELETE CASCADE,"
    " created INTEGER NOT NULL,"
    " expires INTEGER NOT NULL) STRICT;"
    /* Absolute expiry counts from the consent (or from created), inactivity from last_used.
     * A rotated token stays as a row with `replaced` set, so that its reuse can be told from
     * a token that never was. */
    "CREATE TABLE IF NOT EXISTS refresh ("
    " token_hash TEXT PRIMARY KEY,"
    " consent_id TEXT NOT NULL REFERENCES consent ON DELETE CASCADE,"
    " created INTEGER NOT NULL,"
    " last_used INTEGER NOT NULL,"
    " replaced INTEGER NOT NULL DEFAULT 0) STRICT;"

    /* left: how many more requests, -1 for all. */
    "CREATE TABLE IF NOT EXISTS fault ("
    " id INTEGER PRIMARY KEY,"
    " endpoint TEXT NOT NULL,"
    " kind TEXT NOT NULL,"
    " arg TEXT,"
    " status INTEGER NOT NULL,"
    " left INTEGER NOT NULL) STRICT;"
    "CREATE TABLE IF NOT EXISTS request ("
    " id INTEGER PRIMARY KEY AUTOINCREMENT,"
    " time INTEGER NOT NULL,"
    " endpoint TEXT NOT NULL,"
    " method TEXT NOT NULL,"
    " path TEXT NOT NULL,"
    " status INTEGER NOT NULL,"
    " result TEXT NOT NULL,"
    " client_id TEXT NOT NULL,"
    " parameters TEXT NOT NULL,"
    " auth TEXT NOT NULL,"
    " connection INTEGER NOT NULL,"
    " user_agent TEXT NOT NULL) STRICT;";

/* What sb_now adds. Threads of the server read it while one of them begins a transaction. */
static atomic_llong clock_ahead;

static void read_clock(sqlite3 *db)
{
    atomic_store(
        &clock_ahead,
        sb_db_number(db, 0, "SELECT CAST(value AS INTEGER) FROM meta WHERE name = 'clock'", ""));
}

static _Noreturn void db_failed(sqlite3 *db, const char *what)
{
    fprintf(stderr, "wfauth-sandbox: database: %s: %s\n", what, sqlite3_errmsg(db));
    exit(1);
}

static void db_exec(sqlite3 *db, const char *sql)
{
    if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
        db_failed(db, sql);
}

sqlite3 *sb_db_open(const char *dir)
{
    if (mkdir(dir, 0700) != 0 && errno != EEXIST) {
        fprintf(stderr, "wfauth-sandbox: cannot make the state directory %s: %m\n", dir);
        exit(1);
    }
    /* The umask of a program of our own: everything we write is for its owner only. */
    umask(077);
    char *path = sb_format("%s/sandbox.db", dir);
    sqlite3 *db = NULL;
    if (sqlite3_open(path, &db) != SQLITE_OK)
        db_failed(db, path);
    free(path);
    sqlite3_busy_timeout(db, 10000);
    db_exec(db, "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON");
    db_exec(db, "BEGIN IMMEDIATE");
    db_exec(db, schema);
    read_clock(db);
    db_exec(db, "COMMIT");
    return db;
}

void sb_db_close(sqlite3 *db)
{
    sqlite3_close(db);
}

static sqlite3_stmt *query_va(sqlite3 *db, const char *sql, const char *types, va_list args)
{
    sqlite3_stmt *st = NULL;
    if (sqlite3_prepare_v2(db, sql, -1, &st, NULL) != SQLITE_OK)
        db_failed(db, sql);
    for (int i = 0; types[i]; i++) {
        int rc = SQLITE_MISUSE;
        if (types[i] == 't') {
            rc = sqlite3_bind_text(st, i + 1, va_arg(args, const char *), -1, SQLITE_STATIC);
        } else if (types[i] == 'i') {
            rc = sqlite3_bind_int64(st, i + 1, va_arg(args, long long));
        } else if (types[i] == 'b') {
            const void *bytes = va_arg(args, const void *);
            rc = sqlite3_bind_blob64(st, i + 1, bytes, va_arg(args, size_t), SQLITE_STATIC);
        }
        if (rc != SQLITE_OK)
            db_failed(db, sql);
    }
    return st;
}

sqlite3_stmt *sb_db_query(sqlite3 *db, const char *sql, const char *types, ...)
{
    va_list args;
    va_start(args, types);
    sqlite3_stmt *st = query_va(db, sql, types, args);
    va_end(args);
    return st;
}

bool sb_db_row(sqlite3_stmt *st)
{
    int rc = sqlite3_step(st);
    if (rc != SQLITE_ROW && rc != SQLITE_DONE)
        db_failed(sqlite3_db_handle(st), sqlite3_sql(st));
    return rc == SQLITE_ROW;
}

bool sb_db_run(sqlite3 *db, const char *sql, const char *types, ...)
{
    va_list args;
    va_start(args, types);
    sqlite3_stmt *st = query_va(db, sql, types, args);
    va_end(args);
    int rc = sqlite3_step(st);
    if (rc != SQLITE_DONE && rc != SQLITE_ROW && rc != SQLITE_CONSTRAINT)
        db_failed(db, sql);
    sqlite3_finalize(st);
    return rc != SQLITE_CONSTRAINT;
}

long long sb_db_number(sqlite3 *db, long long otherwise, const char *sql, const char *types, ...)
{
    va_list args;
    va_start(args, types);
    sqlite3_stmt *st = query_va(db, sql, types, args);
    va_end(args);
    long long number = sb_db_row(st) ? sqlite3_column_int64(st, 0) : otherwise;
    sqlite3_finalize(st);
    return number;
}

char *sb_db_text(sqlite3 *db, const char *sql, const char *types, ...)
{
    va_list args;
    va_start(args, types);
    sqlite3_stmt *st = query_va(db, sql, types, args);
    va_end(args);
    char *text = sb_db_row(st) ? sb_db_column(st, 0) : NULL;
    sqlite3_finalize(st);
    return text;
}

char *sb_db_column(sqlite3_stmt *st, int column)
{
    return sb_dup((const char *)sqlite3_column_text(st, column));
}

long long sb_db_column_number(sqlite3_stmt *st, int column)
{
    return sqlite3_column_int64(st, column);
}

char *sb_db_column_bytes(sqlite3_stmt *st, int column, size_t *ret_n)
{
    const void *bytes = sqlite3_column_blob(st, column);
    *ret_n = (size_t)sqlite3_column_bytes(st, column);
    return sb_dupn(bytes, *ret_n);
}

void sb_db_begin(sqlite3 *db)
{
    db_exec(db, "BEGIN IMMEDIATE");
    read_clock(db);
}

void sb_db_commit(sqlite3 *db)
{
    db_exec(db, "COMMIT");
}

long long sb_now(void)
{
    return (long long)time(NULL) + sb_clock_ahead();
}

long long sb_clock_ahead(void)
{
    return atomic_load(&clock_ahead);
}

bool sb_clock_set(sqlite3 *db, long long ahead)
{
    if (ahead > SB_CLOCK_MAX || ahead < -SB_CLOCK_MAX)
        return false;
    sb_db_run(db, "INSERT OR REPLACE INTO meta (name, value) VALUES ('clock', CAST(? AS TEXT))",
              "i", ahead);
    atomic_store(&clock_ahead, ahead);
    return true;
}

char *sb_time_text(long long seconds)
{
    char text[32] = "-";
    time_t t = (time_t)seconds;
    struct tm tm;
    if (seconds && gmtime_r(&t, &tm))
        strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &tm);
    return sb_dup(text);
}
