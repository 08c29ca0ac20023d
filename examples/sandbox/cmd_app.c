#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app.h"
#include "cli.h"
#include "db.h"
#include "file.h"
#include "text.h"
#include "user.h"

/* Options that set a field which not every type has: FIELD plus enum sb_app_field. */
enum { FIELD = 1000 };

static const struct option options[] = {
    {"type", required_argument, NULL, 't'},
    {"name", required_argument, NULL, 'n'},
    {"description", required_argument, NULL, 'd'},
    {"redirect-url", required_argument, NULL, FIELD + SB_FIELD_REDIRECT},
    {"no-redirect-urls", no_argument, NULL, 'R'},
    {"rotation", required_argument, NULL, FIELD + SB_FIELD_ROTATION},
    {"absolute-expiry", required_argument, NULL, FIELD + SB_FIELD_ABSOLUTE},
    {"inactivity-expiry", required_argument, NULL, FIELD + SB_FIELD_INACTIVITY},
    {"logo", required_argument, NULL, FIELD + SB_FIELD_LOGO},
    {"no-logo", no_argument, NULL, 'L'},
    {"app-url", required_argument, NULL, FIELD + SB_FIELD_APP_URL},
    {"developer-name", required_argument, NULL, FIELD + SB_FIELD_DEVELOPER_NAME},
    {"developer-email", required_argument, NULL, FIELD + SB_FIELD_DEVELOPER_EMAIL},
    {"privacy-url", required_argument, NULL, FIELD + SB_FIELD_PRIVACY_URL},
    {"bind-pkce", required_argument, NULL, FIELD + SB_FIELD_BIND_PKCE},
    {"special-secret", no_argument, NULL, 's'},
    {"json", no_argument, NULL, 'j'},
    {NULL, 0, NULL, 0},
};

static void set(char **field, const char *text)
{
    free(*field);
    *field = sb_dup(text);
}

static void set_logo(struct sb_app *app, const char *path)
{
    free(app->logo);
    app->logo = sb_file_read(path, SB_LOGO_MAX, &app->logo_len);
    if (!app->logo)
        sb_cli_fail("cannot read the logo %s: %m", path);
}

/* The first --redirect-url of a command replaces the list, the others add to it. */
static void add_redirect(struct sb_app *app, const char *url, bool *replaced)
{
    if (!*replaced)
        sb_app_clear_redirects(app);
    *replaced = true;
    sb_app_add_redirect(app, url);
}

static void apply_field(struct sb_app *app, enum sb_app_field field, bool *replaced)
{
    char *problem = sb_app_field_problem(app->type, field);
    if (problem)
        sb_cli_fail("%s", problem);
    switch (field) {
    case SB_FIELD_REDIRECT:
        add_redirect(app, optarg, replaced);
        break;
    case SB_FIELD_ROTATION:
        app->rotation = sb_cli_switch(optarg, "--rotation");
        break;
    case SB_FIELD_ABSOLUTE:
        app->absolute_expiry = sb_cli_expiry(optarg, "--absolute-expiry");
        break;
    case SB_FIELD_INACTIVITY:
        app->inactivity_expiry = sb_cli_expiry(optarg, "--inactivity-expiry");
        break;
    case SB_FIELD_LOGO:
        set_logo(app, optarg);
        break;
    case SB_FIELD_APP_URL:
        set(&app->app_url, optarg);
        break;
    case SB_FIELD_DEVELOPER_NAME:
        set(&app->developer_name, optarg);
        break;
    case SB_FIELD_DEVELOPER_EMAIL:
        set(&app->developer_email, optarg);
        break;
    case SB_FIELD_PRIVACY_URL:
        set(&app->privacy_url, optarg);
        break;
    case SB_FIELD_BIND_PKCE:
        app->bind_pkce = sb_cli_switch(optarg, "--bind-pkce");
        break;
    }
}

/* Apply all options but the type, then judge the whole. */
static void apply_all(struct sb_cli *cli, struct sb_app *app, bool *ret_special, bool *ret_json)
{
    bool replaced = false;
    int option;
    optind = 0;
    while ((option = sb_cli_option(cli, options)) != -1) {
        if (option >= FIELD)
            apply_field(app, (enum sb_app_field)(option - FIELD), &replaced);
        else if (option == 'n')
            set(&app->name, optarg);
        else if (option == 'd')
            set(&app->description, optarg);
        else if (option == 'R')
            sb_app_clear_redirects(app);
        else if (option == 'L')
            set(&app->logo, NULL);
        else if (option == 's')
            *ret_special = true;
        else if (option == 'j')
            *ret_json = true;
    }
    char *problem = sb_app_problem(app);
    if (problem)
        sb_cli_fail("%s", problem);
}

/* The type counts for what the other options may do, wherever it stands among them. */
static enum sb_app_type read_type(struct sb_cli *cli)
{
    const char *word = NULL;
    enum sb_app_type type = SB_WEB;
    int option;
    while ((option = sb_cli_option(cli, options)) != -1) {
        if (option == 't')
            word = optarg;
    }
    if (!word)
        sb_cli_usage("app create: --type is missing");
    if (!sb_app_type_parse(word, &type))
        sb_cli_usage("--type: web, spa or m2m, not %s", word);
    return type;
}

/* The Customer ID of a Machine to Machine application's page; NULL where the page has none. New
 * string. */
static char *customer_of(struct sb_cli *cli, const struct sb_app *app)
{
    return app->type == SB_M2M ? sb_customer_id(cli->db) : NULL;
}

static void print_created(const struct sb_app *app, const char *customer, const char *secret,
                          const char *secret_id, bool json)
{
    if (json) {
        sb_cli_json(json_pack("{s:s, s:s*, s:s*, s:s*}", "client_id", app->client_id, "customer_id",
                              customer, "client_secret", secret, "secret_id", secret_id));
        return;
    }
    printf("client_id=%s\n", app->client_id);
    if (customer)
        printf("customer_id=%s\n", customer);
    if (secret)
        printf("client_secret=%s\n", secret);
}

static int app_create(struct sb_cli *cli)
{
    struct sb_app *app = sb_app_new(read_type(cli));
    bool special = false;
    bool json = false;
    char *secret = NULL;
    char *secret_id = NULL;
    apply_all(cli, app, &special, &json);
    sb_cli_end(cli);
    if (special && app->type == SB_SPA)
        sb_cli_fail("a Single Page Web Application has no client secret");
    sb_db_begin(cli->db);
    if (!sb_app_save(cli->db, app))
        sb_cli_fail("there are %d applications already, and Workfront allows no more", SB_APPS_MAX);
    if (app->type != SB_SPA)
        secret = sb_secret_create(cli->db, app->client_id, "", special, &secret_id);
    char *customer = customer_of(cli, app);
    sb_db_commit(cli->db);
    print_created(app, customer, secret, secret_id, json);
    free(customer);
    free(secret_id);
    free(secret);
    sb_app_free(app);
    return 0;
}

static int app_edit(struct sb_cli *cli)
{
    bool special = false;
    bool json = false;
    int option;
    while ((option = sb_cli_option(cli, options)) != -1) {
        if (option == 't')
            sb_cli_fail("the type of an application cannot be changed");
        if (option == 's' || option == 'j')
            sb_cli_usage("app edit makes no secret; use: app secret add");
    }
    sb_db_begin(cli->db);
    struct sb_app *app = sb_cli_app(cli);
    sb_cli_end(cli);
    apply_all(cli, app, &special, &json);
    sb_app_save(cli->db, app);
    sb_db_commit(cli->db);
    sb_app_free(app);
    return 0;
}

static json_t *app_json(struct sb_cli *cli, const struct sb_app *app)
{
    json_t *urls = json_array();
    for (size_t i = 0; i < app->redirects_n; i++)
        json_array_append_new(urls, json_string(app->redirects[i]));
    char *created = sb_time_text(app->created);
    char *customer = customer_of(cli, app);
    json_t *json = json_pack(
        "{s:s, s:s*, s:s, s:s, s:s, s:o, s:b, s:I, s:I, s:I, s:s, s:s, s:s, s:s, s:b, s:s}",
        "client_id", app->client_id, "customer_id", customer, "type", sb_app_type_word(app->type),
        "name", app->name, "description", app->description, "redirect_urls", urls, "rotation",
        app->rotation, "absolute_expiry", (json_int_t)app->absolute_expiry, "inactivity_expiry",
        (json_int_t)app->inactivity_expiry, "logo_bytes", (json_int_t)app->logo_len, "app_url",
        app->app_url, "developer_name", app->developer_name, "developer_email",
        app->developer_email, "privacy_url", app->privacy_url, "bind_pkce", app->bind_pkce,
        "created", created);
    free(customer);
    free(created);
    return json;
}

static void print_field(const char *label, const char *text)
{
    printf("%-18s ", label);
    sb_cli_print(text, strlen(text));
    putchar('\n');
}

static void print_expiry(const char *label, long long seconds)
{
    char *text = seconds ? sb_format("%lld s", seconds) : sb_dup("none");
    print_field(label, text);
    free(text);
}

static void print_app(struct sb_cli *cli, const struct sb_app *app)
{
    print_field("client_id", app->client_id);
    print_field("type", sb_app_type_word(app->type));
    print_field("name", app->name);
    print_field("description", app->description);
    if (app->type == SB_M2M) {
        char *customer = customer_of(cli, app);
        print_field("customer_id", customer);
        free(customer);
        return;
    }
    for (size_t i = 0; i < app->redirects_n; i++)
        print_field("redirect URL", app->redirects[i]);
    print_field("rotation", app->rotation ? "on" : "off");
    print_expiry("absolute expiry", app->absolute_expiry);
    print_expiry("inactivity expiry", app->inactivity_expiry);
    print_field("logo", app->logo ? sb_logo_type(app->logo, app->logo_len) : "-");
    if (app->type == SB_WEB) {
        print_field("app URL", app->app_url);
        print_field("bind PKCE", app->bind_pkce ? "on" : "off");
    } else {
        print_field("developer name", app->developer_name);
        print_field("developer e-mail", app->developer_email);
        print_field("privacy URL", app->privacy_url);
    }
}

static int app_list(struct sb_cli *cli)
{
    bool json = sb_cli_wants_json(cli);
    sb_cli_end(cli);
    json_t *list = json_array();
    sqlite3_stmt *st = sb_db_query(cli->db, "SELECT client_id FROM app ORDER BY created, name", "");
    while (sb_db_row(st)) {
        struct sb_app *app = sb_app_load(cli->db, (const char *)sqlite3_column_text(st, 0));
        json_array_append_new(list, app_json(cli, app));
        if (!json) {
            printf("%s %s ", app->client_id, sb_app_type_word(app->type));
            sb_cli_print(app->name, strlen(app->name));
            putchar('\n');
        }
        sb_app_free(app);
    }
    sqlite3_finalize(st);
    sb_cli_json_list(list, json);
    return 0;
}

static int app_show(struct sb_cli *cli)
{
    bool json = sb_cli_wants_json(cli);
    struct sb_app *app = sb_cli_app(cli);
    sb_cli_end(cli);
    if (json)
        sb_cli_json(app_json(cli, app));
    else
        print_app(cli, app);
    sb_app_free(app);
    return 0;
}

static int app_delete(struct sb_cli *cli)
{
    sb_cli_wants_json(cli);
    struct sb_app *app = sb_cli_app(cli);
    sb_cli_end(cli);
    sb_db_run(cli->db, "DELETE FROM app WHERE client_id = ?", "t", app->client_id);
    sb_app_free(app);
    return 0;
}

int sb_cmd_app(struct sb_cli *cli)
{
    static const struct sb_command commands[] = {
        {"create", app_create}, {"edit", app_edit},     {"list", app_list},
        {"show", app_show},     {"delete", app_delete}, {"secret", sb_cmd_app_secret},
        {"key", sb_cmd_app_key}};
    return sb_cli_dispatch(cli, commands, SB_ARRAY_LEN(commands));
}
