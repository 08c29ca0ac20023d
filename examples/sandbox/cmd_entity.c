#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "db.h"
#include "text.h"
#include "user.h"

/* group, role, team, access-level: one command in four names. */

static int create(struct sb_cli *cli, enum sb_kind kind)
{
    sb_cli_wants_json(cli);
    const char *name = sb_cli_word(cli, "NAME");
    sb_cli_end(cli);
    if (!*name || !sb_utf8(name, strlen(name)))
        sb_cli_fail("a name must be UTF-8 and not empty");
    char *id = sb_entity_create(cli->db, kind, name);
    puts(id);
    free(id);
    return 0;
}

static int list(struct sb_cli *cli, enum sb_kind kind)
{
    bool json = sb_cli_wants_json(cli);
    sb_cli_end(cli);
    json_t *all = json_array();
    sqlite3_stmt *st =
        sb_db_query(cli->db, "SELECT id, name FROM entity WHERE kind = ? ORDER BY name, id", "t",
                    sb_kind_word(kind));
    while (sb_db_row(st)) {
        const char *id = (const char *)sqlite3_column_text(st, 0);
        const char *name = (const char *)sqlite3_column_text(st, 1);
        json_array_append_new(all, json_pack("{s:s, s:s}", "id", id, "name", name));
        if (!json) {
            printf("%s ", id);
            sb_cli_print(name, strlen(name));
            putchar('\n');
        }
    }
    sqlite3_finalize(st);
    sb_cli_json_list(all, json);
    return 0;
}

static int delete (struct sb_cli *cli, enum sb_kind kind)
{
    sb_cli_wants_json(cli);
    const char *id = sb_cli_word(cli, "ID");
    sb_cli_end(cli);
    if (!sb_entity_exists(cli->db, kind, id))
        sb_cli_fail("there is no %s with the ID %s", sb_kind_word(kind), id);
    sb_db_run(cli->db, "DELETE FROM entity WHERE id = ?", "t", id);
    return 0;
}

static int run(struct sb_cli *cli, enum sb_kind kind)
{
    const char *word = cli->argc > 1 ? cli->argv[1] : "";
    struct sb_cli inner = *cli;
    inner.argc--;
    inner.argv++;
    optind = 0;
    if (strcmp(word, "create") == 0)
        return create(&inner, kind);
    if (strcmp(word, "list") == 0)
        return list(&inner, kind);
    if (strcmp(word, "delete") == 0)
        return delete (&inner, kind);
    sb_cli_usage("%s needs one of: create, list, delete", cli->argv[0]);
}

int sb_cmd_group(struct sb_cli *cli)
{
    return run(cli, SB_GROUP);
}

int sb_cmd_role(struct sb_cli *cli)
{
    return run(cli, SB_ROLE);
}

int sb_cmd_team(struct sb_cli *cli)
{
    return run(cli, SB_TEAM);
}

int sb_cmd_access_level(struct sb_cli *cli)
{
    return run(cli, SB_ACCESS_LEVEL);
}
