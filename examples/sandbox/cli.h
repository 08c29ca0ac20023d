#ifndef SB_CLI_H
#define SB_CLI_H
/* The command line's common ground. Commands end the program themselves when they cannot go on:
 * exit status 1 refused or failed, 2 usage. */

#include <getopt.h>
#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>
#include <sqlite3.h>

struct sb_app;
struct sb_user;

struct sb_cli {
    const char *dir; /* the state directory */
    sqlite3 *db;
    int argc; /* argv[0] is the command's own word */
    char **argv;
};

/* Say what is wrong and end with 1, with 2. */
_Noreturn void sb_cli_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
_Noreturn void sb_cli_usage(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* One more word of a group: `user create`. */
struct sb_command {
    const char *word;
    int (*run)(struct sb_cli *cli);
};
/* Run the command that the next word names. */
int sb_cli_dispatch(struct sb_cli *cli, const struct sb_command *commands, size_t n);

/* The next option's `val`, -1 behind the last; its argument is in optarg. An unknown option ends
 * the program. After -1, the words that are no options can be taken one by one. */
int sb_cli_option(struct sb_cli *cli, const struct option *options);
/* The next word; ends the program, naming what is missing, when there is none. */
const char *sb_cli_word(struct sb_cli *cli, const char *what);
/* Ends the program when words are left. */
void sb_cli_end(struct sb_cli *cli);

/* A number in a range; anything else ends the program, naming the option. */
long long sb_cli_number(const char *text, const char *option, long long min, long long max);
/* "on" or "off". */
bool sb_cli_switch(const char *text, const char *option);
/* Seconds, from a number with s, m, h or d behind it, or nothing for seconds; in a range. */
long long sb_cli_duration(const char *text, const char *option, long long min, long long max);
/* The same, or "none" for 0. */
long long sb_cli_expiry(const char *text, const char *option);

/* Read the options of a command that knows only --json: whether it was given. */
bool sb_cli_wants_json(struct sb_cli *cli);
/* Bytes from hexadecimal digits; anything else ends the program. New bytes, and their number. */
char *sb_cli_hex(const char *hex, const char *option, size_t *ret_n);
/* The application that the next word names; ends the program when there is none. Free with
 * sb_app_free. */
struct sb_app *sb_cli_app(struct sb_cli *cli);
/* The user that the next word names, by user name, else by ID; ends the program when there is
 * none. Free with sb_user_free. */
struct sb_user *sb_cli_user(struct sb_cli *cli);
/* A whole command: delete what an application has several of. `sql` deletes a row by client ID
 * and its own ID, `what` names the latter. */
int sb_cli_delete_of_app(struct sb_cli *cli, const char *what, const char *sql);

/* Print foreign text so that it cannot move the cursor. */
void sb_cli_print(const char *bytes, size_t n);
/* Print JSON, indented, and release it. */
void sb_cli_json(json_t *json);
/* The end of a list command: print the list where JSON was asked for, release it. */
void sb_cli_json_list(json_t *list, bool wanted);

int sb_cmd_serve(struct sb_cli *cli);
int sb_cmd_user(struct sb_cli *cli);
int sb_cmd_group(struct sb_cli *cli);
int sb_cmd_role(struct sb_cli *cli);
int sb_cmd_team(struct sb_cli *cli);
int sb_cmd_access_level(struct sb_cli *cli);
int sb_cmd_app(struct sb_cli *cli);
int sb_cmd_app_secret(struct sb_cli *cli);
int sb_cmd_app_key(struct sb_cli *cli);
int sb_cmd_fault(struct sb_cli *cli);
int sb_cmd_requests(struct sb_cli *cli);
int sb_cmd_clock(struct sb_cli *cli);
int sb_cmd_grant(struct sb_cli *cli);
int sb_cmd_sign_in(struct sb_cli *cli);

#endif
