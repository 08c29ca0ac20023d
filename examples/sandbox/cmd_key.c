#include "config.h"

#include <stdio.h>
#include <stdlib.h>

#include "app.h"
#include "cli.h"
#include "db.h"
#include "file.h"
#include "key.h"
#include "text.h"

/* Longer than any certificate. */
#define PEM_MAX 65536

/* The Machine to Machine Application that the next word names. Free with sb_app_free. */
static struct sb_app *machine(struct sb_cli *cli)
{
    struct sb_app *app = sb_cli_app(cli);
    if (app->type != SB_M2M)
        sb_cli_fail("only a Machine to Machine Application has public keys");
    return app;
}

static void print_id(const char *id, bool json)
{
    if (json)
        sb_cli_json(json_pack("{s:s}", "key_id", id));
    else
        printf("key_id=%s\n", id);
}

/* "Add a public key". */
static int key_add(struct sb_cli *cli)
{
    bool json = sb_cli_wants_json(cli);
    struct sb_app *app = machine(cli);
    const char *path = sb_cli_word(cli, "FILE");
    sb_cli_end(cli);
    char *pem = sb_file_read(path, PEM_MAX, NULL);
    if (!pem)
        sb_cli_fail("cannot read %s: %m", path);
    const char *problem = NULL;
    char *id = sb_key_add(cli->db, app->client_id, pem, &problem);
    if (!id)
        sb_cli_fail("%s holds %s", path, problem);
    print_id(id, json);
    free(id);
    free(pem);
    sb_app_free(app);
    return 0;
}

/* "Generate a public/private keypair": the private key goes into a new file, and nowhere else. */
static int key_generate(struct sb_cli *cli)
{
    bool json = sb_cli_wants_json(cli);
    struct sb_app *app = machine(cli);
    const char *path = sb_cli_word(cli, "FILE");
    char *id = NULL;
    sb_cli_end(cli);
    sb_db_begin(cli->db);
    char *pem = sb_key_generate(cli->db, app->client_id, &id);
    if (!sb_file_create(path, pem))
        sb_cli_fail("cannot make %s: %m", path);
    sb_db_commit(cli->db);
    print_id(id, json);
    free(pem);
    free(id);
    sb_app_free(app);
    return 0;
}

static int key_list(struct sb_cli *cli)
{
    bool json = sb_cli_wants_json(cli);
    struct sb_app *app = sb_cli_app(cli);
    sb_cli_end(cli);
    json_t *list = json_array();
    sqlite3_stmt *st = sb_db_query(cli->db,
                                   "SELECT id, created, pem FROM public_key"
                                   " WHERE client_id = ? ORDER BY created, rowid",
                                   "t", app->client_id);
    while (sb_db_row(st)) {
        const char *id = (const char *)sqlite3_column_text(st, 0);
        char *created = sb_time_text(sb_db_column_number(st, 1));
        char *fingerprint = sb_key_fingerprint((const char *)sqlite3_column_text(st, 2));
        json_array_append_new(list, json_pack("{s:s, s:s, s:s}", "id", id, "created", created,
                                              "sha256", fingerprint));
        if (!json)
            printf("%s %s sha256=%s\n", id, created, fingerprint);
        free(fingerprint);
        free(created);
    }
    sqlite3_finalize(st);
    sb_cli_json_list(list, json);
    sb_app_free(app);
    return 0;
}

static int key_delete(struct sb_cli *cli)
{
    return sb_cli_delete_of_app(cli, "KEY_ID",
                                "DELETE FROM public_key WHERE client_id = ? AND id = ?");
}

int sb_cmd_app_key(struct sb_cli *cli)
{
    static const struct sb_command commands[] = {
        {"add", key_add}, {"generate", key_generate}, {"list", key_list}, {"delete", key_delete}};
    return sb_cli_dispatch(cli, commands, SB_ARRAY_LEN(commands));
}
