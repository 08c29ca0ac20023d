#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "db.h"
#include "grant.h"
#include "text.h"
#include "user.h"

/* What was issued on each consent (of a person at the consent page, or of a JWT): an
 * administrator's view, without the values. */
#define SELECT                                                                                     \
    "SELECT consent.id, consent.client_id, user.username, consent.created, consent.revoked,"       \
    " (SELECT count(*) FROM session WHERE consent_id = consent.id AND expires > ?1),"              \
    " (SELECT count(*) FROM refresh WHERE consent_id = consent.id),"                               \
    " (SELECT coalesce(max(last_used), 0) FROM refresh WHERE consent_id = consent.id)"             \
    " FROM consent JOIN user ON user.id = consent.user_id"                                         \
    " WHERE ?2 IS NULL OR user.id = ?2 ORDER BY consent.rowid"

static json_t *row_json(sqlite3_stmt *st)
{
    size_t n = 0;
    char *username = sb_db_column_bytes(st, 2, &n);
    char *created = sb_time_text(sb_db_column_number(st, 3));
    char *used = sb_time_text(sb_db_column_number(st, 7));
    json_t *row = json_pack(
        "{s:s, s:s, s:o, s:s, s:b, s:I, s:I, s:s?}", "id", sqlite3_column_text(st, 0), "client_id",
        sqlite3_column_text(st, 1), "username", json_stringn(username, n), "created", created,
        "revoked", sqlite3_column_int(st, 4), "sessions", (json_int_t)sb_db_column_number(st, 5),
        "refresh_tokens", (json_int_t)sb_db_column_number(st, 6), "last_used",
        strcmp(used, "-") ? used : NULL);
    free(used);
    free(created);
    free(username);
    return row;
}

static void print_row(sqlite3_stmt *st)
{
    char *created = sb_time_text(sb_db_column_number(st, 3));
    printf("%s client=%s %s %-7s sessions=%lld refresh_tokens=%lld ", sqlite3_column_text(st, 0),
           sqlite3_column_text(st, 1), created, sqlite3_column_int(st, 4) ? "revoked" : "lives",
           sb_db_column_number(st, 5), sb_db_column_number(st, 6));
    sb_cli_print(sqlite3_column_blob(st, 2), (size_t)sqlite3_column_bytes(st, 2));
    putchar('\n');
    free(created);
}

static int grant_list(struct sb_cli *cli)
{
    bool json = sb_cli_wants_json(cli);
    struct sb_user *user = optind < cli->argc ? sb_cli_user(cli) : NULL;
    sb_cli_end(cli);
    json_t *list = json_array();
    sqlite3_stmt *st = sb_db_query(cli->db, SELECT, "it", sb_now(), user ? user->id : NULL);
    while (sb_db_row(st)) {
        json_array_append_new(list, row_json(st));
        if (!json)
            print_row(st);
    }
    sqlite3_finalize(st);
    sb_cli_json_list(list, json);
    sb_user_free(user);
    return 0;
}

static int grant_revoke(struct sb_cli *cli)
{
    sb_cli_wants_json(cli);
    const char *id = sb_cli_word(cli, "GRANT_ID");
    sb_cli_end(cli);
    sb_db_begin(cli->db);
    if (!sb_db_number(cli->db, 0, "SELECT count(*) FROM consent WHERE id = ?", "t", id))
        sb_cli_fail("there is no grant %s", id);
    sb_consent_revoke(cli->db, id);
    sb_db_commit(cli->db);
    return 0;
}

int sb_cmd_grant(struct sb_cli *cli)
{
    static const struct sb_command commands[] = {{"list", grant_list}, {"revoke", grant_revoke}};
    return sb_cli_dispatch(cli, commands, SB_ARRAY_LEN(commands));
}
