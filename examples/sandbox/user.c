#include "config.h"

#include "user.h"

#include <stdlib.h>
#include <string.h>

#include "crypto.h"
#include "db.h"
#include "text.h"

#define ID_BYTES 16 /* 32 digits, as Workfront's */

char *sb_customer_id(sqlite3 *db)
{
    char *id = sb_random_hex(ID_BYTES);
    sb_db_run(db, "INSERT OR IGNORE INTO meta (name, value) VALUES ('customer', ?)", "t", id);
    free(id);
    return sb_db_text(db, "SELECT value FROM meta WHERE name = 'customer'", "");
}

const char *sb_kind_word(enum sb_kind kind)
{
    static const char *const words[SB_KINDS] = {"group", "role", "team", "access-level"};
    return words[kind];
}

char *sb_entity_create(sqlite3 *db, enum sb_kind kind, const char *name)
{
    char *id = sb_random_hex(ID_BYTES);
    sb_db_run(db, "INSERT INTO entity (id, kind, name) VALUES (?, ?, ?)", "ttt", id,
              sb_kind_word(kind), name);
    return id;
}

char *sb_entity_named(sqlite3 *db, enum sb_kind kind, const char *name)
{
    long long n = sb_db_number(db, 0, "SELECT count(*) FROM entity WHERE kind = ? AND name = ?",
                               "tt", sb_kind_word(kind), name);
    if (n > 1)
        return NULL;
    if (n == 0)
        return sb_entity_create(db, kind, name);
    return sb_db_text(db, "SELECT id FROM entity WHERE kind = ? AND name = ?", "tt",
                      sb_kind_word(kind), name);
}

bool sb_entity_exists(sqlite3 *db, enum sb_kind kind, const char *id)
{
    return sb_db_number(db, 0, "SELECT count(*) FROM entity WHERE kind = ? AND id = ?", "tt",
                        sb_kind_word(kind), id) == 1;
}

#define USER_COLUMNS "SELECT id, username, name, email, password_hash, active FROM user WHERE "

/* Takes the statement. */
static struct sb_user *load(sqlite3_stmt *st)
{
    struct sb_user *user = NULL;
    if (sb_db_row(st)) {
        user = sb_alloc(sizeof *user);
        user->id = sb_db_column(st, 0);
        user->username = sb_db_column_bytes(st, 1, &user->username_len);
        user->name = sb_db_column(st, 2);
        user->email = sb_db_column(st, 3);
        user->password_hash = sb_db_column(st, 4);
        user->active = sb_db_column_number(st, 5) != 0;
    }
    sqlite3_finalize(st);
    return user;
}

struct sb_user *sb_user_by_name(sqlite3 *db, const char *username, size_t n)
{
    return load(sb_db_query(db, USER_COLUMNS "username = ?", "b", username, n));
}

struct sb_user *sb_user_by_id(sqlite3 *db, const char *id)
{
    return load(sb_db_query(db, USER_COLUMNS "id = ?", "t", id));
}

struct sb_user *sb_user_new(void)
{
    struct sb_user *user = sb_alloc(sizeof *user);
    user->id = sb_random_hex(ID_BYTES);
    user->active = true;
    return user;
}

void sb_user_free(struct sb_user *user)
{
    if (!user)
        return;
    free(user->id);
    free(user->username);
    free(user->name);
    free(user->email);
    free(user->password_hash);
    free(user);
}

bool sb_user_save(sqlite3 *db, const struct sb_user *user)
{
    return sb_db_run(db,
                     "INSERT INTO user (id, username, name, email, password_hash, active)"
                     " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET"
                     " username = excluded.username, name = excluded.name, email = excluded.email,"
                     " password_hash = excluded.password_hash, active = excluded.active",
                     "tbttti", user->id, user->username, user->username_len, user->name,
                     user->email, user->password_hash, (long long)user->active);
}

void sb_user_delete(sqlite3 *db, const char *id)
{
    sb_db_run(db, "DELETE FROM user WHERE id = ?", "t", id);
}

void sb_user_set_members(sqlite3 *db, const char *user_id, enum sb_kind kind, char *const *ids,
                         size_t n)
{
    sb_db_run(db,
              "DELETE FROM member WHERE user_id = ?"
              " AND entity_id IN (SELECT id FROM entity WHERE kind = ?)",
              "tt", user_id, sb_kind_word(kind));
    for (size_t i = 0; i < n; i++) {
        sb_db_run(db,
                  "INSERT OR IGNORE INTO member (user_id, entity_id, position) VALUES (?, ?, ?)",
                  "tti", user_id, ids[i], (long long)i);
    }
}

sqlite3_stmt *sb_user_members(sqlite3 *db, const char *user_id, enum sb_kind kind)
{
    return sb_db_query(db,
                       "SELECT entity.id, entity.name FROM member JOIN entity"
                       " ON entity.id = member.entity_id"
                       " WHERE member.user_id = ? AND entity.kind = ? ORDER BY member.position",
                       "tt", user_id, sb_kind_word(kind));
}
