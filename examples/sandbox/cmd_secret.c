#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app.h"
#include "cli.h"
#include "db.h"
#include "text.h"

static const struct option options[] = {{"json", no_argument, NULL, 'j'},
                                        {"note", required_argument, NULL, 'n'},
                                        {"special-secret", no_argument, NULL, 's'},
                                        {NULL, 0, NULL, 0}};

struct given {
    bool json;
    bool special;
    const char *note;
};

static struct given read_options(struct sb_cli *cli)
{
    struct given given = {.note = ""};
    int option;
    while ((option = sb_cli_option(cli, options)) != -1) {
        if (option == 'j')
            given.json = true;
        else if (option == 'n')
            given.note = optarg;
        else if (option == 's')
            given.special = true;
    }
    return given;
}

static void check_note(const char *note)
{
    size_t n = strlen(note);
    size_t characters = 0;
    if (!sb_utf8(note, n))
        sb_cli_fail("a note must be UTF-8");
    for (size_t i = 0; i < n; i += sb_utf8_char(note + i, n - i))
        characters++;
    if (characters > SB_NOTE_MAX)
        sb_cli_fail("a note has at most %d characters, this one has %zu", SB_NOTE_MAX, characters);
}

static int secret_add(struct sb_cli *cli)
{
    struct given given = read_options(cli);
    struct sb_app *app = sb_cli_app(cli);
    char *id = NULL;
    sb_cli_end(cli);
    if (app->type == SB_SPA)
        sb_cli_fail("a Single Page Web Application has no client secret");
    check_note(given.note);
    char *secret = sb_secret_create(cli->db, app->client_id, given.note, given.special, &id);
    if (given.json)
        sb_cli_json(json_pack("{s:s, s:s}", "client_secret", secret, "secret_id", id));
    else
        printf("secret_id=%s\nclient_secret=%s\n", id, secret);
    free(secret);
    free(id);
    sb_app_free(app);
    return 0;
}

static int secret_list(struct sb_cli *cli)
{
    struct given given = read_options(cli);
    struct sb_app *app = sb_cli_app(cli);
    sb_cli_end(cli);
    json_t *list = json_array();
    sqlite3_stmt *st = sb_db_query(cli->db,
                                   "SELECT id, created, last_used, note FROM secret"
                                   " WHERE client_id = ? ORDER BY created, rowid",
                                   "t", app->client_id);
    while (sb_db_row(st)) {
        const char *id = (const char *)sqlite3_column_text(st, 0);
        const char *note = (const char *)sqlite3_column_text(st, 3);
        char *created = sb_time_text(sb_db_column_number(st, 1));
        char *used = sb_time_text(sb_db_column_number(st, 2));
        json_array_append_new(list, json_pack("{s:s, s:s, s:s?, s:s}", "id", id, "created", created,
                                              "last_used", strcmp(used, "-") ? used : NULL, "note",
                                              note));
        if (!given.json) {
            printf("%s %-20s %-20s ", id, created, used);
            sb_cli_print(note, strlen(note));
            putchar('\n');
        }
        free(used);
        free(created);
    }
    sqlite3_finalize(st);
    sb_cli_json_list(list, given.json);
    sb_app_free(app);
    return 0;
}

static int secret_delete(struct sb_cli *cli)
{
    return sb_cli_delete_of_app(cli, "SECRET_ID",
                                "DELETE FROM secret WHERE client_id = ? AND id = ?");
}

int sb_cmd_app_secret(struct sb_cli *cli)
{
    static const struct sb_command commands[] = {
        {"add", secret_add}, {"list", secret_list}, {"delete", secret_delete}};
    return sb_cli_dispatch(cli, commands, SB_ARRAY_LEN(commands));
}
