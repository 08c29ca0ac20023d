#ifndef SB_DB_H
#define SB_DB_H
/* The database: schema, and statements short enough to read where they are used.
 *
 * The command line and a running server use the same file at the same time (WAL, and a patient
 * busy timeout). Whatever goes wrong below SQL, a full disk or a damaged file, ends the program
 * with a message: a stand-in that limps on would only confuse its tests. */

#include <stdbool.h>
#include <stddef.h>

#include <sqlite3.h>

/* Open DIR/sandbox.db, making the folder (0700) and the tables when they are missing.
 * Close with sb_db_close. */
sqlite3 *sb_db_open(const char *dir);
void sb_db_close(sqlite3 *db);

/* Prepare one statement and bind its parameters. `types` has a letter per parameter:
 *   t  const char *, NULL becomes SQL NULL
 *   i  long long
 *   b  const void *, size_t: a BLOB
 * The values must live until the statement is finalised. New statement: walk it with sb_db_row,
 * finalise it with sqlite3_finalize. */
sqlite3_stmt *sb_db_query(sqlite3 *db, const char *sql, const char *types, ...);
/* Step: true when there is a row. */
bool sb_db_row(sqlite3_stmt *st);
/* Run a statement that gives no rows. False when it breaks a constraint (a name taken twice). */
bool sb_db_run(sqlite3 *db, const char *sql, const char *types, ...);
/* One number from one statement; `otherwise` when there is no row. */
long long sb_db_number(sqlite3 *db, long long otherwise, const char *sql, const char *types, ...);
/* One text from one statement: new string, or NULL when there is no row or it is NULL. */
char *sb_db_text(sqlite3 *db, const char *sql, const char *types, ...);

/* A column as a new string (NULL for SQL NULL), as a number. */
char *sb_db_column(sqlite3_stmt *st, int column);
long long sb_db_column_number(sqlite3_stmt *st, int column);
/* A column as new bytes with a NUL behind them, and their number. */
char *sb_db_column_bytes(sqlite3_stmt *st, int column, size_t *ret_n);

/* Begin a transaction that holds the write lock from the start; end it. */
void sb_db_begin(sqlite3 *db);
void sb_db_commit(sqlite3 *db);

/* The sandbox's clock: seconds since 1970 by the machine's clock, and so many ahead of it as the
 * database said when it was opened or a transaction began. Every lifetime and expiry is judged by
 * it, so a test moves it and need not sleep. */
long long sb_now(void);
/* Seconds ahead of the machine's clock; below 0: behind. */
long long sb_clock_ahead(void);
/* Set that, for this program at once and for a running server at its next request. False when it
 * is more than SB_CLOCK_MAX either way. */
#define SB_CLOCK_MAX (10LL * 365 * 24 * 3600)
bool sb_clock_set(sqlite3 *db, long long ahead);
/* A time in ISO 8601 (UTC; "-" for 0). New string. */
char *sb_time_text(long long seconds);

#endif
