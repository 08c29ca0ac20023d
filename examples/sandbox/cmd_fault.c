#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "db.h"
#include "fault.h"
#include "text.h"

static const char *check_endpoint(const char *word)
{
    static const char *const endpoints[] = {"authorize", "token", "jwt", "search", "logout", "any"};
    for (size_t i = 0; i < SB_ARRAY_LEN(endpoints); i++) {
        if (strcmp(word, endpoints[i]) == 0)
            return endpoints[i];
    }
    sb_cli_usage("%s is none of: authorize, token, jwt, search, logout, any", word);
}

/* Kinds whose --arg is a number. */
static void check_arg(const struct sb_fault *fault)
{
    bool number = fault->kind == SB_FAULT_DELAY || fault->kind == SB_FAULT_OVERSIZED ||
                  fault->kind == SB_FAULT_DRIP;
    if (number && fault->arg)
        sb_cli_number(fault->arg, "--arg", 0, 1LL << 30);
    if ((fault->kind == SB_FAULT_429 || fault->kind == SB_FAULT_503 ||
         fault->kind == SB_FAULT_REDIRECT) &&
        fault->arg && sb_has_control(fault->arg))
        sb_cli_usage("--arg: a header holds no control characters");
}

static int set_or_add(struct sb_cli *cli, bool replace)
{
    static const struct option options[] = {{"arg", required_argument, NULL, 'a'},
                                            {"count", required_argument, NULL, 'c'},
                                            {"status", required_argument, NULL, 's'},
                                            {NULL, 0, NULL, 0}};
    struct sb_fault fault = {.kind = SB_FAULT_NONE};
    long long count = -1;
    int option;
    while ((option = sb_cli_option(cli, options)) != -1) {
        if (option == 'a')
            fault.arg = optarg;
        else if (option == 'c')
            count = sb_cli_number(optarg, "--count", 1, 1000000);
        else if (option == 's')
            fault.status = (int)sb_cli_number(optarg, "--status", 200, 599);
    }
    const char *endpoint = check_endpoint(sb_cli_word(cli, "ENDPOINT"));
    const char *kind = sb_cli_word(cli, "KIND");
    sb_cli_end(cli);
    if (!sb_fault_parse(kind, &fault.kind))
        sb_cli_usage("%s is no kind of fault", kind);
    check_arg(&fault);
    sb_db_begin(cli->db);
    if (replace)
        sb_fault_clear(cli->db, endpoint);
    sb_fault_add(cli->db, endpoint, &fault, count);
    sb_db_commit(cli->db);
    return 0;
}

static int fault_set(struct sb_cli *cli)
{
    return set_or_add(cli, true);
}

/* Behind those that are set: `set token 503 --count 2` then `add token 429` is a sequence. */
static int fault_add(struct sb_cli *cli)
{
    return set_or_add(cli, false);
}

static int fault_list(struct sb_cli *cli)
{
    bool json = sb_cli_wants_json(cli);
    sb_cli_end(cli);
    json_t *list = json_array();
    sqlite3_stmt *st =
        sb_db_query(cli->db, "SELECT endpoint, kind, arg, status, left FROM fault ORDER BY id", "");
    while (sb_db_row(st)) {
        const char *endpoint = (const char *)sqlite3_column_text(st, 0);
        const char *kind = (const char *)sqlite3_column_text(st, 1);
        const char *arg = (const char *)sqlite3_column_text(st, 2);
        long long left = sb_db_column_number(st, 4);
        json_array_append_new(list, json_pack("{s:s, s:s, s:s?, s:I, s:I}", "endpoint", endpoint,
                                              "kind", kind, "arg", arg, "status",
                                              (json_int_t)sb_db_column_number(st, 3), "left",
                                              (json_int_t)left));
        if (!json) {
            printf("%-9s %-10s ", endpoint, kind);
            printf(left < 0 ? "all requests" : "%lld requests", left);
            printf("%s", arg ? " " : "");
            sb_cli_print(arg, arg ? strlen(arg) : 0);
            putchar('\n');
        }
    }
    sqlite3_finalize(st);
    sb_cli_json_list(list, json);
    return 0;
}

static int fault_clear(struct sb_cli *cli)
{
    sb_cli_wants_json(cli);
    const char *endpoint = optind < cli->argc ? check_endpoint(sb_cli_word(cli, "")) : NULL;
    sb_cli_end(cli);
    sb_fault_clear(cli->db, endpoint);
    return 0;
}

int sb_cmd_fault(struct sb_cli *cli)
{
    static const struct sb_command commands[] = {
        {"set", fault_set}, {"add", fault_add}, {"list", fault_list}, {"clear", fault_clear}};
    return sb_cli_dispatch(cli, commands, SB_ARRAY_LEN(commands));
}
