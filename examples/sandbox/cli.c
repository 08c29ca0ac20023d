#include "config.h"

#include "cli.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app.h"
#include "db.h"
#include "text.h"
#include "user.h"

__attribute__((format(printf, 1, 0))) static void complain(const char *format, va_list args)
{
    char *text = NULL;
    if (vasprintf(&text, format, args) < 0)
        return;
    struct sb_str shown = {0};
    sb_str_visible(&shown, text, strlen(text));
    fprintf(stderr, "wfauth-sandbox: %s\n", sb_str_text(&shown));
    sb_str_done(&shown);
    free(text);
}

void sb_cli_fail(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    complain(format, args);
    va_end(args);
    exit(1);
}

void sb_cli_usage(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    complain(format, args);
    va_end(args);
    fputs("Try: wfauth-sandbox --help\n", stderr);
    exit(2);
}

int sb_cli_dispatch(struct sb_cli *cli, const struct sb_command *commands, size_t n)
{
    struct sb_cli inner = *cli;
    inner.argc--;
    inner.argv++;
    for (size_t i = 0; inner.argc > 0 && i < n; i++) {
        if (strcmp(inner.argv[0], commands[i].word) == 0) {
            optind = 0; /* glibc: begin anew, behind the word */
            return commands[i].run(&inner);
        }
    }
    struct sb_str words = {0};
    for (size_t i = 0; i < n; i++)
        sb_str_addf(&words, "%s%s", i ? ", " : "", commands[i].word);
    sb_cli_usage("%s needs one of: %s", cli->argv[0], sb_str_text(&words));
}

int sb_cli_option(struct sb_cli *cli, const struct option *options)
{
    int value = getopt_long(cli->argc, cli->argv, "", options, NULL);
    if (value == '?')
        sb_cli_usage("%s: this option does not exist or needs a value", cli->argv[0]);
    return value;
}

const char *sb_cli_word(struct sb_cli *cli, const char *what)
{
    if (optind >= cli->argc)
        sb_cli_usage("%s: %s is missing", cli->argv[0], what);
    return cli->argv[optind++];
}

void sb_cli_end(struct sb_cli *cli)
{
    if (optind < cli->argc)
        sb_cli_usage("%s: what is %s?", cli->argv[0], cli->argv[optind]);
}

long long sb_cli_number(const char *text, const char *option, long long min, long long max)
{
    long long number = 0;
    if (!sb_number(text, min, max, &number))
        sb_cli_usage("%s: %s is not a number from %lld to %lld", option, text, min, max);
    return number;
}

bool sb_cli_switch(const char *text, const char *option)
{
    bool on = strcmp(text, "on") == 0;
    if (!on && strcmp(text, "off") != 0)
        sb_cli_usage("%s: on or off, not %s", option, text);
    return on;
}

long long sb_cli_duration(const char *text, const char *option, long long min, long long max)
{
    static const struct {
        char letter;
        long long seconds;
    } units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 24 * 3600}};
    size_t n = strlen(text);
    long long unit = 1;
    long long number = 0;
    for (size_t i = 0; n && i < SB_ARRAY_LEN(units); i++) {
        if (text[n - 1] == units[i].letter)
            unit = units[i].seconds;
    }
    bool letter = n && strchr("smhd", text[n - 1]);
    char *digits = sb_dupn(text, n - letter);
    bool ok = sb_number(digits, 0, max / unit, &number) && number * unit >= min;
    free(digits);
    if (!ok)
        sb_cli_usage("%s: %s is no number (with s, m, h or d behind it) of %lld to %lld seconds",
                     option, text, min, max);
    return number * unit;
}

long long sb_cli_expiry(const char *text, const char *option)
{
    if (strcmp(text, "none") == 0)
        return 0;
    return sb_cli_duration(text, option, 1, 10LL * 365 * 24 * 3600);
}

bool sb_cli_wants_json(struct sb_cli *cli)
{
    static const struct option options[] = {{"json", no_argument, NULL, 'j'}, {NULL, 0, NULL, 0}};
    bool json = false;
    while (sb_cli_option(cli, options) != -1)
        json = true;
    return json;
}

char *sb_cli_hex(const char *hex, const char *option, size_t *ret_n)
{
    size_t n = strlen(hex) / 2;
    char *bytes = sb_alloc(n + 1);
    for (size_t i = 0; i < n; i++) {
        int high = sb_hex_digit(hex[2 * i]);
        int low = sb_hex_digit(hex[2 * i + 1]);
        if (high < 0 || low < 0)
            sb_cli_usage("%s: not hexadecimal digits: %s", option, hex);
        bytes[i] = (char)(high * 16 + low);
    }
    if (strlen(hex) % 2)
        sb_cli_usage("%s: an odd number of hexadecimal digits: %s", option, hex);
    *ret_n = n;
    return bytes;
}

struct sb_app *sb_cli_app(struct sb_cli *cli)
{
    const char *client_id = sb_cli_word(cli, "CLIENT_ID");
    struct sb_app *app = sb_app_load(cli->db, client_id);
    if (!app)
        sb_cli_fail("there is no application %s", client_id);
    return app;
}

struct sb_user *sb_cli_user(struct sb_cli *cli)
{
    const char *word = sb_cli_word(cli, "USERNAME");
    struct sb_user *user = sb_user_by_name(cli->db, word, strlen(word));
    if (!user)
        user = sb_user_by_id(cli->db, word);
    if (!user)
        sb_cli_fail("there is no user %s", word);
    return user;
}

int sb_cli_delete_of_app(struct sb_cli *cli, const char *what, const char *sql)
{
    sb_cli_wants_json(cli);
    struct sb_app *app = sb_cli_app(cli);
    const char *id = sb_cli_word(cli, what);
    sb_cli_end(cli);
    sb_db_run(cli->db, sql, "tt", app->client_id, id);
    if (sqlite3_changes(cli->db) == 0)
        sb_cli_fail("the application has no %s %s", what, id);
    sb_app_free(app);
    return 0;
}

void sb_cli_print(const char *bytes, size_t n)
{
    struct sb_str shown = {0};
    sb_str_visible(&shown, bytes, n);
    fputs(sb_str_text(&shown), stdout);
    sb_str_done(&shown);
}

void sb_cli_json(json_t *json)
{
    char *text = json_dumps(json, JSON_INDENT(2) | JSON_ENSURE_ASCII);
    puts(text ? text : "null");
    free(text);
    json_decref(json);
}

void sb_cli_json_list(json_t *list, bool wanted)
{
    if (wanted)
        sb_cli_json(list);
    else
        json_decref(list);
}
