#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "crypto.h"
#include "db.h"
#include "file.h"
#include "grant.h"
#include "text.h"
#include "user.h"

#define MEMBERS_MAX 256

/* Memberships as the options name them; NULL `ids` of a kind not mentioned. */
struct memberships {
    bool given[SB_KINDS];
    size_t n[SB_KINDS];
    char *ids[SB_KINDS][MEMBERS_MAX];
};

/* Options for names have the kind's value, for IDs 10 more, for "none of it" 20 more. */
enum { NAMED = 1000, BY_ID = 1010, NONE = 1020 };

static const struct option options[] = {
    {"username-hex", required_argument, NULL, 'x'},
    {"rename", required_argument, NULL, 'r'},
    {"rename-hex", required_argument, NULL, 'R'},
    {"email", required_argument, NULL, 'e'},
    {"no-email", no_argument, NULL, 'E'},
    {"password", required_argument, NULL, 'p'},
    {"password-file", required_argument, NULL, 'P'},
    {"name", required_argument, NULL, 'n'},
    {"active", no_argument, NULL, 'a'},
    {"inactive", no_argument, NULL, 'i'},
    {"group", required_argument, NULL, NAMED + SB_GROUP},
    {"group-id", required_argument, NULL, BY_ID + SB_GROUP},
    {"no-groups", no_argument, NULL, NONE + SB_GROUP},
    {"role", required_argument, NULL, NAMED + SB_ROLE},
    {"role-id", required_argument, NULL, BY_ID + SB_ROLE},
    {"no-roles", no_argument, NULL, NONE + SB_ROLE},
    {"team", required_argument, NULL, NAMED + SB_TEAM},
    {"team-id", required_argument, NULL, BY_ID + SB_TEAM},
    {"no-teams", no_argument, NULL, NONE + SB_TEAM},
    {"access-level", required_argument, NULL, NAMED + SB_ACCESS_LEVEL},
    {"access-level-id", required_argument, NULL, BY_ID + SB_ACCESS_LEVEL},
    {"no-access-level", no_argument, NULL, NONE + SB_ACCESS_LEVEL},
    {NULL, 0, NULL, 0},
};

/* Replace a string by a copy of another. */
static void set(char **field, const char *text)
{
    free(*field);
    *field = sb_dup(text);
}

/* Any bytes may make a user name, as long as JSON can carry them. */
static void set_username(struct sb_user *user, const char *bytes, size_t n)
{
    if (n == 0)
        sb_cli_fail("a user name cannot be empty");
    if (!sb_utf8(bytes, n))
        sb_cli_fail("a user name must be UTF-8; to send broken text use: fault set search json");
    free(user->username);
    user->username = sb_dupn(bytes, n);
    user->username_len = n;
}

static void set_username_hex(struct sb_user *user, const char *hex, const char *option)
{
    size_t n = 0;
    char *bytes = sb_cli_hex(hex, option, &n);
    set_username(user, bytes, n);
    free(bytes);
}

/* The first line of the file. */
static void set_password_file(struct sb_user *user, const char *path)
{
    char *text = sb_file_read(path, 4096, NULL);
    if (!text)
        sb_cli_fail("cannot read %s: %m", path);
    free(user->password_hash);
    user->password_hash = sb_password_hash(text, strcspn(text, "\r\n"));
    free(text);
}

static void add_member(struct sb_cli *cli, struct memberships *members, enum sb_kind kind,
                       const char *word, bool by_id)
{
    const char *what = sb_kind_word(kind);
    char *id = NULL;
    if (by_id && !sb_entity_exists(cli->db, kind, word))
        sb_cli_fail("there is no %s with the ID %s", what, word);
    if (!sb_utf8(word, strlen(word)) || !*word)
        sb_cli_fail("the name of a %s must be UTF-8 and not empty", what);
    id = by_id ? sb_dup(word) : sb_entity_named(cli->db, kind, word);
    if (!id)
        sb_cli_fail("several have the name %s: use --%s-id (see: %s list)", word, what, what);
    if (members->n[kind] == MEMBERS_MAX)
        sb_cli_fail("too many of one kind: %s", what);
    members->given[kind] = true;
    members->ids[kind][members->n[kind]++] = id;
}

/* One option of create or edit. */
static void apply(struct sb_cli *cli, int option, struct sb_user *user, struct memberships *members)
{
    switch (option) {
    case 'x':
    case 'R':
        set_username_hex(user, optarg, option == 'x' ? "--username-hex" : "--rename-hex");
        break;
    case 'r':
        set_username(user, optarg, strlen(optarg));
        break;
    case 'e':
        if (!sb_utf8(optarg, strlen(optarg)))
            sb_cli_fail("an e-mail address must be UTF-8");
        set(&user->email, optarg);
        break;
    case 'E':
        set(&user->email, NULL);
        break;
    case 'p':
        free(user->password_hash);
        user->password_hash = sb_password_hash(optarg, strlen(optarg));
        break;
    case 'P':
        set_password_file(user, optarg);
        break;
    case 'n':
        if (!sb_utf8(optarg, strlen(optarg)))
            sb_cli_fail("a name must be UTF-8");
        set(&user->name, optarg);
        break;
    case 'a':
    case 'i':
        user->active = option == 'a';
        break;
    default:
        if (option >= NONE)
            members->given[option - NONE] = true;
        else if (option >= BY_ID)
            add_member(cli, members, (enum sb_kind)(option - BY_ID), optarg, true);
        else
            add_member(cli, members, (enum sb_kind)(option - NAMED), optarg, false);
    }
}

static void store(struct sb_cli *cli, struct sb_user *user, struct memberships *members)
{
    if (!sb_user_save(cli->db, user)) {
        struct sb_str shown = {0};
        sb_str_visible(&shown, user->username, user->username_len);
        sb_cli_fail("the user name %s is taken", sb_str_text(&shown));
    }
    for (int kind = 0; kind < SB_KINDS; kind++) {
        if (members->given[kind])
            sb_user_set_members(cli->db, user->id, (enum sb_kind)kind, members->ids[kind],
                                members->n[kind]);
        for (size_t i = 0; i < members->n[kind]; i++)
            free(members->ids[kind][i]);
    }
}

/* A deactivated account loses what was issued to it, for good; its browsers tell the person why
 * until it is active again, and then ask for a sign-in. (Assumed: the documentation is silent. A
 * server with --lenient-inactive leaves all as it is, and a session's search says isActive.) */
static void follow_activity(struct sb_cli *cli, const struct sb_user *user)
{
    if (sb_db_number(cli->db, 0, "SELECT value = 'yes' FROM meta WHERE name = 'lenient_inactive'",
                     ""))
        return;
    if (user->active)
        sb_browser_sign_out(cli->db, user->id);
    else
        sb_consent_revoke_all(cli->db, user->id);
}

static int user_create(struct sb_cli *cli)
{
    struct sb_user *user = sb_user_new();
    struct memberships *members = sb_alloc(sizeof *members);
    bool no_email = false;
    int option;
    sb_db_begin(cli->db);
    while ((option = sb_cli_option(cli, options)) != -1) {
        no_email = option == 'E' || (no_email && option != 'e');
        apply(cli, option, user, members);
    }
    if (!user->username) {
        const char *word = sb_cli_word(cli, "USERNAME");
        set_username(user, word, strlen(word));
    }
    sb_cli_end(cli);
    /* Workfront's user names usually are the e-mail addresses. */
    bool plain = strlen(user->username) == user->username_len;
    if (!user->email && !no_email && plain && strchr(user->username, '@'))
        set(&user->email, user->username);
    if (!user->name)
        set(&user->name, user->username);
    store(cli, user, members);
    sb_db_commit(cli->db);
    if (!user->password_hash)
        fprintf(stderr, "wfauth-sandbox: no password was given: this user cannot sign in\n");
    puts(user->id);
    free(members);
    sb_user_free(user);
    return 0;
}

static int user_edit(struct sb_cli *cli)
{
    struct memberships *members = sb_alloc(sizeof *members);
    int option;
    /* Twice over the options: the first time only to reach the name behind them. */
    while (sb_cli_option(cli, options) != -1)
        continue;
    sb_db_begin(cli->db);
    struct sb_user *user = sb_cli_user(cli);
    sb_cli_end(cli);
    bool was_active = user->active;
    optind = 0;
    while ((option = sb_cli_option(cli, options)) != -1) {
        if (option == 'x')
            sb_cli_usage("edit: use --rename-hex");
        apply(cli, option, user, members);
    }
    store(cli, user, members);
    if (user->active != was_active)
        follow_activity(cli, user);
    sb_db_commit(cli->db);
    free(members);
    sb_user_free(user);
    return 0;
}

static json_t *members_json(struct sb_cli *cli, const struct sb_user *user, enum sb_kind kind)
{
    json_t *list = json_array();
    sqlite3_stmt *st = sb_user_members(cli->db, user->id, kind);
    while (sb_db_row(st)) {
        json_array_append_new(list, json_pack("{s:s, s:s}", "id", sqlite3_column_text(st, 0),
                                              "name", sqlite3_column_text(st, 1)));
    }
    sqlite3_finalize(st);
    return list;
}

static json_t *user_json(struct sb_cli *cli, const struct sb_user *user)
{
    return json_pack(
        "{s:s, s:o, s:s, s:s?, s:b, s:b, s:o, s:o, s:o, s:o}", "id", user->id, "username",
        json_stringn(user->username, user->username_len), "name", user->name, "email", user->email,
        "active", user->active, "password", user->password_hash != NULL, "access_levels",
        members_json(cli, user, SB_ACCESS_LEVEL), "groups", members_json(cli, user, SB_GROUP),
        "teams", members_json(cli, user, SB_TEAM), "roles", members_json(cli, user, SB_ROLE));
}

static void print_field(const char *label, const char *bytes, size_t n)
{
    printf("%-13s ", label);
    sb_cli_print(bytes, n);
    putchar('\n');
}

static void print_user(struct sb_cli *cli, const struct sb_user *user)
{
    print_field("id", user->id, strlen(user->id));
    print_field("username", user->username, user->username_len);
    print_field("name", user->name, strlen(user->name));
    print_field("email", user->email ? user->email : "-", user->email ? strlen(user->email) : 1);
    print_field("active", user->active ? "yes" : "no", user->active ? 3 : 2);
    for (int kind = 0; kind < SB_KINDS; kind++) {
        sqlite3_stmt *st = sb_user_members(cli->db, user->id, (enum sb_kind)kind);
        while (sb_db_row(st)) {
            printf("%-13s %s ", sb_kind_word((enum sb_kind)kind), sqlite3_column_text(st, 0));
            sb_cli_print(sqlite3_column_blob(st, 1), (size_t)sqlite3_column_bytes(st, 1));
            putchar('\n');
        }
        sqlite3_finalize(st);
    }
}

static int user_list(struct sb_cli *cli)
{
    bool json = sb_cli_wants_json(cli);
    sb_cli_end(cli);
    json_t *list = json_array();
    sqlite3_stmt *st = sb_db_query(cli->db, "SELECT id FROM user ORDER BY username", "");
    while (sb_db_row(st)) {
        struct sb_user *user = sb_user_by_id(cli->db, (const char *)sqlite3_column_text(st, 0));
        if (json) {
            json_array_append_new(list, user_json(cli, user));
        } else {
            printf("%s %-8s ", user->id, user->active ? "active" : "inactive");
            sb_cli_print(user->username, user->username_len);
            putchar('\n');
        }
        sb_user_free(user);
    }
    sqlite3_finalize(st);
    sb_cli_json_list(list, json);
    return 0;
}

static int user_show(struct sb_cli *cli)
{
    bool json = sb_cli_wants_json(cli);
    struct sb_user *user = sb_cli_user(cli);
    sb_cli_end(cli);
    if (json)
        sb_cli_json(user_json(cli, user));
    else
        print_user(cli, user);
    sb_user_free(user);
    return 0;
}

static int user_delete(struct sb_cli *cli)
{
    sb_cli_wants_json(cli);
    struct sb_user *user = sb_cli_user(cli);
    sb_cli_end(cli);
    sb_user_delete(cli->db, user->id);
    sb_user_free(user);
    return 0;
}

int sb_cmd_user(struct sb_cli *cli)
{
    static const struct sb_command commands[] = {{"create", user_create},
                                                 {"edit", user_edit},
                                                 {"list", user_list},
                                                 {"show", user_show},
                                                 {"delete", user_delete}};
    return sb_cli_dispatch(cli, commands, SB_ARRAY_LEN(commands));
}
