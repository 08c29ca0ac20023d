#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "db.h"
#include "text.h"

static const char usage[] =
    "wfauth-sandbox: a local stand-in for Workfront's OAuth2 service\n"
    "\n"
    "wfauth-sandbox [-d DIR] COMMAND          DIR: state directory [./sandbox]\n"
    "\n"
    "serve [--port N] [--domain NAME] [--lane NAME] [--callback FILE]\n"
    "      [--code-lifetime DURATION] [--session-lifetime DURATION]\n"
    "      [--bearer-style] [--lenient-inactive] [--lenient-jwt]\n"
    "      [--lenient-rotation] [--absolute-per-token]\n"
    "      DURATION: seconds, or a number with s, m, h or d behind it\n"
    "clock [--json] | +DURATION | -DURATION | reset\n"
    "      the time by which everything here lives and expires: ahead of the machine's\n"
    "\n"
    "user create USERNAME|--username-hex HEX [--email E|--no-email] [--name N]\n"
    "      [--password P|--password-file F] [--active|--inactive]\n"
    "      [--group NAME|--group-id ID]... [--role NAME|--role-id ID]...\n"
    "      [--team NAME|--team-id ID]... [--access-level NAME|--access-level-id ID]\n"
    "user edit USERNAME|ID [the same] [--rename NEW|--rename-hex HEX]\n"
    "      [--no-groups] [--no-roles] [--no-teams] [--no-access-level]\n"
    "user list [--json] | show USERNAME|ID [--json] | delete USERNAME|ID\n"
    "group|role|team|access-level create NAME | list [--json] | delete ID\n"
    "\n"
    "app create --type web|spa|m2m --name N [--description D] [--redirect-url U]...\n"
    "      [--rotation on|off] [--absolute-expiry DURATION|none]\n"
    "      [--inactivity-expiry DURATION|none] [--logo FILE] [--app-url U]\n"
    "      [--developer-name N] [--developer-email E] [--privacy-url U]\n"
    "      [--bind-pkce on|off] [--special-secret] [--json]\n"
    "app edit CLIENT_ID [the same without --type] [--no-redirect-urls] [--no-logo]\n"
    "app list [--json] | show CLIENT_ID [--json] | delete CLIENT_ID\n"
    "app secret add CLIENT_ID [--note TEXT] [--special-secret] [--json]\n"
    "app secret list CLIENT_ID [--json] | delete CLIENT_ID SECRET_ID\n"
    "app key add CLIENT_ID FILE | generate CLIENT_ID FILE | list CLIENT_ID [--json]\n"
    "      | delete CLIENT_ID KEY_ID     FILE: PEM, a public key or a certificate of one to\n"
    "      add; where generate puts the private key\n"
    "\n"
    "fault set|add ENDPOINT KIND [--arg X] [--count N] [--status N]\n"
    "fault list [--json] | clear [ENDPOINT]\n"
    "      ENDPOINT: authorize token jwt search logout any\n"
    "      KIND: delay hang 401 429 500 503 truncated oversized endless drip\n"
    "            wrong-type not-json empty drop lost redirect json\n"
    "grant list [USERNAME|ID] [--json] | revoke GRANT_ID\n"
    "      what was issued on each consent; to revoke one ends all of it\n"
    "requests [--endpoint E] [--count|--json|--clear]\n"
    "\n"
    "sign-in --url AUTHORIZE_URL --username U|--username-hex HEX --password P [--deny]\n"
    "      plays the person with a browser; prints the address it is sent back to\n"
    "\n"
    "Exit status: 0 done, 1 refused or failed, 2 usage.\n";

static const struct sb_command commands[] = {
    {"serve", sb_cmd_serve}, {"user", sb_cmd_user},   {"group", sb_cmd_group},
    {"role", sb_cmd_role},   {"team", sb_cmd_team},   {"access-level", sb_cmd_access_level},
    {"app", sb_cmd_app},     {"fault", sb_cmd_fault}, {"requests", sb_cmd_requests},
    {"grant", sb_cmd_grant}, {"clock", sb_cmd_clock}, {"sign-in", sb_cmd_sign_in},
};

int main(int argc, char **argv)
{
    static const struct option options[] = {{"directory", required_argument, NULL, 'd'},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    const char *dir = "./sandbox";
    int option;
    while ((option = getopt_long(argc, argv, "+d:h", options, NULL)) != -1) {
        if (option == 'd') {
            dir = optarg;
        } else if (option == 'h') {
            fputs(usage, stdout);
            return 0;
        } else {
            sb_cli_usage("unknown option");
        }
    }
    if (optind >= argc)
        sb_cli_usage("a command is missing");
    /* The dispatcher steps over the first word: start one before the command. */
    struct sb_cli cli = {.dir = dir, .argc = argc - optind + 1, .argv = argv + optind - 1};
    bool known = false;
    for (size_t i = 0; i < SB_ARRAY_LEN(commands); i++)
        known = known || strcmp(cli.argv[1], commands[i].word) == 0;
    if (!known) /* before the state directory is made */
        sb_cli_usage("%s is not a command", cli.argv[1]);
    cli.db = sb_db_open(dir);
    int status = sb_cli_dispatch(&cli, commands, SB_ARRAY_LEN(commands));
    sb_db_close(cli.db);
    if (fflush(stdout) != 0)
        sb_cli_fail("cannot write the output: %m");
    return status;
}
