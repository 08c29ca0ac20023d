#ifndef SB_USER_H
#define SB_USER_H
/* The customer, its users, and what they belong to: groups, roles, teams, access levels
 * ("entities"). */

#include <stdbool.h>
#include <stddef.h>

#include <sqlite3.h>

/* The organisation's Customer ID, made once for a state directory: the `iss` of JWTs. New
 * string. */
char *sb_customer_id(sqlite3 *db);

enum sb_kind { SB_GROUP, SB_ROLE, SB_TEAM, SB_ACCESS_LEVEL };
#define SB_KINDS 4

/* The word for a kind in the database and on the command line. */
const char *sb_kind_word(enum sb_kind kind);

/* Make an entity; display names may repeat. New string: its ID. */
char *sb_entity_create(sqlite3 *db, enum sb_kind kind, const char *name);
/* The ID of the entity with this name, made when there is none. New string, or NULL when several
 * have the name, so that only an ID can tell which is meant. */
char *sb_entity_named(sqlite3 *db, enum sb_kind kind, const char *name);
/* Whether the entity exists. */
bool sb_entity_exists(sqlite3 *db, enum sb_kind kind, const char *id);

struct sb_user {
    char *id;
    char *username; /* username_len bytes, UTF-8, may hold NUL */
    size_t username_len;
    char *name;
    char *email;         /* NULL: none */
    char *password_hash; /* NULL: cannot sign in */
    bool active;
};

/* The user by name or by ID; a new user without a name yet (and with a new ID); all freed with
 * sb_user_free, which takes NULL. */
struct sb_user *sb_user_by_name(sqlite3 *db, const char *username, size_t n);
struct sb_user *sb_user_by_id(sqlite3 *db, const char *id);
struct sb_user *sb_user_new(void);
void sb_user_free(struct sb_user *user);

/* Store a user, new or known by ID. False when the name is taken. */
bool sb_user_save(sqlite3 *db, const struct sb_user *user);
/* Delete a user with every session, code and token. */
void sb_user_delete(sqlite3 *db, const char *id);

/* Replace all memberships of one kind. ids: in order, the first is the home group or team. */
void sb_user_set_members(sqlite3 *db, const char *user_id, enum sb_kind kind, char *const *ids,
                         size_t n);
/* A walk over the memberships of one kind, in order: columns id, name. New statement. */
sqlite3_stmt *sb_user_members(sqlite3 *db, const char *user_id, enum sb_kind kind);

#endif
