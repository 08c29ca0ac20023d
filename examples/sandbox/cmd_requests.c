#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "db.h"
#include "text.h"

/* What goes for each request, in this order. */
static const char *const columns[] = {"id",   "time",       "endpoint",   "method",
                                      "path", "status",     "result",     "client_id",
                                      "auth", "connection", "parameters", "user_agent"};
enum { C_TIME = 1, C_PARAMETERS = 10 };

#define SELECT                                                                                     \
    "SELECT id, time, endpoint, method, path, status, result, client_id, auth, connection,"        \
    " parameters, user_agent FROM request WHERE ?1 IS NULL OR endpoint = ?1 ORDER BY id"

static json_t *names_json(const char *names)
{
    json_t *list = json_array();
    while (*names) {
        size_t n = strcspn(names, " ");
        json_array_append_new(list, json_stringn(names, n));
        names += n;
        names += *names == ' ';
    }
    return list;
}

static json_t *row_json(sqlite3_stmt *st)
{
    json_t *row = json_object();
    for (int i = 0; i < (int)SB_ARRAY_LEN(columns); i++) {
        const char *text = (const char *)sqlite3_column_text(st, i);
        json_t *value = NULL;
        if (i == C_TIME) {
            char *when = sb_time_text(sb_db_column_number(st, i));
            value = json_string(when);
            free(when);
        } else if (i == C_PARAMETERS) {
            value = names_json(text);
        } else if (sqlite3_column_type(st, i) == SQLITE_INTEGER) {
            value = json_integer(sb_db_column_number(st, i));
        } else {
            value = json_string(text);
        }
        json_object_set_new(row, columns[i], value);
    }
    return row;
}

/* Everything in the table was made harmless when it was written. */
static void print_row(sqlite3_stmt *st)
{
    char *when = sb_time_text(sb_db_column_number(st, C_TIME));
    printf("%s %s %s %s %lld %s", when, sqlite3_column_text(st, 2), sqlite3_column_text(st, 3),
           sqlite3_column_text(st, 4), sb_db_column_number(st, 5), sqlite3_column_text(st, 6));
    printf(" client=%s auth=%s connection=%lld parameters=\"%s\" agent=\"%s\"\n",
           sqlite3_column_text(st, 7), sqlite3_column_text(st, 8), sb_db_column_number(st, 9),
           sqlite3_column_text(st, 10), sqlite3_column_text(st, 11));
    free(when);
}

static void print_all(struct sb_cli *cli, const char *endpoint, bool json)
{
    json_t *list = json_array();
    sqlite3_stmt *st = sb_db_query(cli->db, SELECT, "t", endpoint);
    while (sb_db_row(st)) {
        if (json)
            json_array_append_new(list, row_json(st));
        else
            print_row(st);
    }
    sqlite3_finalize(st);
    sb_cli_json_list(list, json);
}

int sb_cmd_requests(struct sb_cli *cli)
{
    static const struct option options[] = {{"json", no_argument, NULL, 'j'},
                                            {"clear", no_argument, NULL, 'c'},
                                            {"count", no_argument, NULL, 'n'},
                                            {"endpoint", required_argument, NULL, 'e'},
                                            {NULL, 0, NULL, 0}};
    const char *endpoint = NULL;
    int what = 0;
    int option;
    while ((option = sb_cli_option(cli, options)) != -1) {
        if (option == 'e')
            endpoint = optarg;
        else if (what && what != option)
            sb_cli_usage("requests: one of --json, --clear, --count");
        else
            what = option;
    }
    sb_cli_end(cli);
    if (what == 'n')
        printf("%lld\n", sb_db_number(cli->db, 0,
                                      "SELECT count(*) FROM request"
                                      " WHERE ?1 IS NULL OR endpoint = ?1",
                                      "t", endpoint));
    else if (what == 'c')
        sb_db_run(cli->db, "DELETE FROM request WHERE ?1 IS NULL OR endpoint = ?1", "t", endpoint);
    else
        print_all(cli, endpoint, what == 'j');
    return 0;
}
