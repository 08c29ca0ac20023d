#include "config.h"

#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "fakepasswd.h"
#include "identity.h"
#include "json.h"

static char map_path[] = "/tmp/wf-test-identity.XXXXXX";

/* One judgement. What a row leaves out is the good case: claims from `username`, ask passwd, the
 * bounds 1000..60000, nobody requested, no lists. */
struct row {
    const char *name;
    const char *claims;   /* JSON */
    const char *username; /* list of claims; NULL: "username" */
    const char *strip_domain;
    const char *username_regex;
    const char *map; /* text of the map file; NULL: none is configured */
    const char *requested;
    bool no_passwd;      /* the account need not exist */
    bool ignore_passwd;  /* nobody asks passwd */
    bool from_zero;      /* min_uid = 0 */
    bool no_upper_bound; /* max_uid = the largest */
    int passwd_number;   /* what getpwnam_r returns */
    const char *allow;   /* lists, ',' between */
    const char *deny;
    const char *require;
    const char *require_name;
    enum wf_reason reason;
    const char *user; /* NULL: "" */
    const char *says; /* a part of the refusal's text */
};

#define ALICE "{\"username\":\"alice\"}"
#define MAIL "{\"username\":\"alice@acme.example\"}"

/* Words of a list, in storage of the test's. */
struct list {
    char text[200];
    const char *items[8];
};

static struct wf_words words(struct list *list, const char *text)
{
    size_t count = 0;

    if (text == NULL)
        return (struct wf_words){NULL, 0};
    (void)snprintf(list->text, sizeof(list->text), "%s", text);
    for (char *at = list->text; at != NULL && count < WF_ARRAY_LEN(list->items);) {
        char *comma = strchr(at, ',');
        list->items[count++] = at;
        if (comma != NULL)
            *comma++ = '\0';
        at = comma;
    }
    return (struct wf_words){list->items, count};
}

static void write_map(const char *text)
{
    FILE *file = fopen(map_path, "w");

    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
    assert_int_equal(fclose(file), 0);
}

static void judge_object(const struct row *row, const struct json_t *claims)
{
    struct list lists[5];
    char user[WF_USER_MAX + 2] = "stale"; /* with a byte that must stay as it is */
    struct wf_err err = WF_ERR_INIT;
    const struct wf_policy policy = {
        .min_uid = row->from_zero ? 0 : 1000,
        .max_uid = row->no_upper_bound ? UINT32_MAX : 60000,
        .allow_users = words(&lists[0], row->allow),
        .deny_users = words(&lists[1], row->deny),
        .require = words(&lists[2], row->require),
        .require_name = words(&lists[3], row->require_name),
    };
    const struct wf_naming naming = {
        .username = words(&lists[4], row->username == NULL ? "username" : row->username),
        .strip_domain = row->strip_domain,
        .username_regex = row->username_regex,
        .map_file = row->map == NULL ? NULL : map_path,
    };

    user[WF_USER_MAX + 1] = '#';
    if (row->map != NULL)
        write_map(row->map);
    fake_passwd_number = row->passwd_number;
    locale_t locale = uselocale((locale_t)0);
    enum wf_reason reason = wf_identity_judge(
        &policy, &naming, claims, row->requested,
        row->ignore_passwd ? WF_PASSWD_IGNORE
        : row->no_passwd   ? WF_PASSWD_IF_KNOWN
                           : WF_PASSWD_REQUIRED,
        user, &err);
    assert_int_equal(user[WF_USER_MAX + 1], '#');
    fake_passwd_number = 0;
    /* The thread's locale is the host's */
    assert_ptr_equal(uselocale((locale_t)0), locale);
    if (reason != row->reason)
        fail_msg("%s: %s, %s", row->name, wf_reason_name(reason), err.text);
    if (row->says != NULL && strstr(err.text, row->says) == NULL)
        fail_msg("%s: it says %s", row->name, err.text);
    if (reason != WF_OK && row->says == NULL)
        fail_msg("%s: the row must tell what the refusal says: %s", row->name, err.text);
    if (strcmp(user, row->user == NULL ? "" : row->user) != 0)
        fail_msg("%s: user \"%s\"", row->name, user);
}

struct table {
    const struct row *rows;
    size_t count;
};

static void test_rows(void **state)
{
    const struct table *table = *state;

    for (size_t i = 0; i < table->count; i++) {
        const struct row *row = &table->rows[i];
        struct json_t *claims = NULL;
        if (wf_json_parse(row->claims, strlen(row->claims), &claims, NULL) != WF_OK)
            fail_msg("%s: the row's JSON is broken", row->name);
        judge_object(row, claims);
        wf_json_free(claims);
    }
}

/* A row to a line or two */
/* clang-format off */

#define USERNAME(text) .claims = "{\"username\":\"" text "\"}"
#define BOTH .username = "username,emailAddr"
#define REFUSED .reason = WF_IDENTITY
#define DENIED .reason = WF_DENIED, .user = "alice"

static const struct row claim_rows[] = {
    {.name = "plain", .claims = ALICE, .user = "alice"},
    {.name = "upper case is folded", USERNAME("ALICE"), .user = "alice"},
    {.name = "the first one counts", .claims = "{\"username\":\"alice\",\"emailAddr\":\"bob\"}",
     BOTH, .user = "alice"},
    {.name = "in the list's order", .claims = "{\"username\":\"alice\",\"emailAddr\":\"bob\"}",
     .username = "emailAddr,username", .user = "bob"},
    {.name = "absent: the next", .claims = "{\"emailAddr\":\"bob\"}", BOTH, .user = "bob"},
    {.name = "null: the next", .claims = "{\"username\":null,\"emailAddr\":\"bob\"}", BOTH,
     .user = "bob"},
    {.name = "empty: the next", .claims = "{\"username\":\"\",\"emailAddr\":\"bob\"}", BOTH,
     .user = "bob"},
    {.name = "none is there", .claims = "{\"other\":\"alice\"}", REFUSED, .says = "is there"},
    {.name = "the name of the claim in another case", .claims = "{\"Username\":\"alice\"}",
     REFUSED, .says = "is there"},
    {.name = "an empty one alone", USERNAME(""), REFUSED, .says = "is there"},
    {.name = "a number, though the next is fine",
     .claims = "{\"username\":7,\"emailAddr\":\"bob\"}", BOTH, REFUSED,
     .says = "username is not a string"},
    {.name = "an array of one", .claims = "{\"username\":[\"alice\"],\"emailAddr\":\"bob\"}", BOTH,
     REFUSED, .says = "not a string"},
    {.name = "an empty array", .claims = "{\"username\":[],\"emailAddr\":\"bob\"}", BOTH, REFUSED,
     .says = "not a string"},
    {.name = "false", .claims = "{\"username\":false,\"emailAddr\":\"bob\"}", BOTH, REFUSED,
     .says = "not a string"},
    {.name = "an object", .claims = "{\"username\":{\"a\":\"alice\"}}", REFUSED,
     .says = "not a string"},
    {.name = "newline, though the next is fine",
     .claims = "{\"username\":\"alice\\n\",\"emailAddr\":\"bob\"}", BOTH, REFUSED,
     .says = "not printable ASCII: \"alice?\""},
    {.name = "e-mail, verified", .claims = "{\"email\":\"alice\",\"email_verified\":true}",
     .username = "email", .user = "alice"},
    {.name = "e-mail, not verified", .claims = "{\"email\":\"alice\",\"email_verified\":false}",
     .username = "email", REFUSED, .says = "email_verified"},
    {.name = "e-mail, nothing said", .claims = "{\"email\":\"alice\"}", .username = "email",
     REFUSED, .says = "email_verified"},
    {.name = "e-mail, \"true\"", .claims = "{\"email\":\"alice\",\"email_verified\":\"true\"}",
     .username = "email", REFUSED, .says = "email_verified"},
    {.name = "e-mail, 1", .claims = "{\"email\":\"alice\",\"email_verified\":1}",
     .username = "email", REFUSED, .says = "email_verified"},
    {.name = "unverified e-mail, though the next is fine",
     .claims = "{\"email\":\"alice\",\"username\":\"bob\"}", .username = "email,username", REFUSED,
     .says = "email_verified"},
    {.name = "Workfront's emailAddr needs no such claim", .claims = "{\"emailAddr\":\"alice\"}",
     .username = "emailAddr", .user = "alice"},
};

/* Names that an attacker may take at the provider. */
static const struct row hostile_rows[] = {
    {.name = "newline", USERNAME("alice\\nroot"), REFUSED, .says = "printable"},
    {.name = "escape", USERNAME("alice\\u001b[2J"), REFUSED,
     .says = "not printable ASCII: \"alice?[2J\""},
    {.name = "DEL", USERNAME("alice\\u007f"), REFUSED, .says = "printable"},
    {.name = "C1 control", USERNAME("alice\\u009b"), REFUSED, .says = "printable"},
    {.name = "way up", USERNAME("../alice"), REFUSED, .says = "no valid"},
    {.name = "way up, behind", USERNAME("alice/../bob"), REFUSED, .says = "no valid"},
    {.name = "option", USERNAME("-alice"), REFUSED, .says = "no valid"},
    {.name = "dot at the end", USERNAME("alice."), REFUSED, .says = "no valid"},
    {.name = "dash at the end", USERNAME("alice-"), REFUSED, .says = "no valid"},
    {.name = "blank at the end", USERNAME("alice "), REFUSED, .says = "no valid"},
    {.name = "blank before", USERNAME(" alice"), REFUSED, .says = "no valid"},
    {.name = "number, a uid", USERNAME("1000"), REFUSED, .says = "no valid"},
    {.name = "full-width letters", USERNAME("\\uff41lice"), REFUSED, .says = "printable"},
    {.name = "Cyrillic a", USERNAME("\\u0430lice"), REFUSED, .says = "printable"},
    {.name = "combining accent", USERNAME("alice\\u0301"), REFUSED, .says = "printable"},
    {.name = "dotless i, which folds to i elsewhere", USERNAME("al\\u0131ce"), REFUSED,
     .says = "printable"},
    {.name = "Kelvin sign, which folds to k", USERNAME("\\u212aurt"), REFUSED, .says = "printable"},
    {.name = "no width", USERNAME("ali\\u200bce"), REFUSED, .says = "printable"},
    {.name = "33 bytes", USERNAME("a23456789012345678901234567890123"), REFUSED,
     .says = "no valid"},
    {.name = "mail address without strip_domain", .claims = MAIL, REFUSED, .says = "no valid"},
    {.name = "group", USERNAME("group:staff"), REFUSED, .says = "no valid"},
    {.name = "star", USERNAME("*"), REFUSED, .says = "no valid"},
    {.name = "everybody", USERNAME("anyone"), .no_passwd = true, REFUSED, .says = "special"},
    {.name = "everybody, loud", USERNAME("ANYONE"), .no_passwd = true, REFUSED, .says = "special"},
    {.name = "root", USERNAME("root"), .from_zero = true, REFUSED, .says = "special"},
    {.name = "root, asked for", USERNAME("root"), .requested = "root", .from_zero = true, REFUSED,
     .says = "special"},
    {.name = "root behind strip_domain", USERNAME("root@acme.example"),
     .strip_domain = "acme.example", .from_zero = true, REFUSED, .says = "special"},
    {.name = "root out of a regex", USERNAME("xroot"), .username_regex = "x(.*)",
     .from_zero = true, REFUSED, .says = "special"},
    {.name = "the helper's user", USERNAME("_wfauth"), .no_passwd = true, REFUSED,
     .says = "special"},
    {.name = "another account than the requested", USERNAME("bob"), .requested = "alice", REFUSED,
     .says = "the person is \"bob\", but \"alice\" was asked for"},
    {.name = "the requested", USERNAME("bob"), .requested = "bob", .user = "bob"},
    {.name = "the requested in another case", USERNAME("alice"), .requested = "Alice", REFUSED,
     .says = "asked for"},
    {.name = "beginning of the requested", .claims = ALICE, .requested = "alice2", REFUSED,
     .says = "asked for"},
    {.name = "nobody requested by an empty name", .claims = ALICE, .requested = "", REFUSED,
     .says = "asked for"},
};

#define STRIP .strip_domain = "acme.example"

static const struct row domain_rows[] = {
    {.name = "stripped", .claims = MAIL, STRIP, .user = "alice"},
    {.name = "any case", USERNAME("Alice@Acme.EXAMPLE"), STRIP, .user = "alice"},
    {.name = "the domain configured in any case", .claims = MAIL, .strip_domain = "ACME.example",
     .user = "alice"},
    {.name = "no domain", .claims = ALICE, STRIP, REFUSED, .says = "strip_domain"},
    {.name = "another domain", USERNAME("alice@evil.example"), STRIP, REFUSED,
     .says = "strip_domain"},
    {.name = "below the domain", USERNAME("alice@x.acme.example"), STRIP, REFUSED,
     .says = "strip_domain"},
    {.name = "domain that ends alike", USERNAME("alice@xacme.example"), STRIP, REFUSED,
     .says = "strip_domain"},
    {.name = "domain that begins alike", USERNAME("alice@acme.example.evil"), STRIP, REFUSED,
     .says = "strip_domain"},
    {.name = "dot at the end", USERNAME("alice@acme.example."), STRIP, REFUSED,
     .says = "strip_domain"},
    {.name = "a second @ behind", USERNAME("alice@acme.example@evil"), STRIP, REFUSED,
     .says = "strip_domain"},
    {.name = "a second @ before", USERNAME("alice@evil@acme.example"), STRIP, REFUSED,
     .says = "strip_domain"},
    {.name = "nobody before the @", USERNAME("@acme.example"), STRIP, REFUSED,
     .says = "strip_domain"},
    {.name = "the domain alone", USERNAME("acme.example"), STRIP, REFUSED, .says = "strip_domain"},
    {.name = "blank at the end", USERNAME("alice@acme.example "), STRIP, REFUSED,
     .says = "strip_domain"},
    {.name = "quoted local part", USERNAME("\\\"alice\\\"@acme.example"), STRIP, REFUSED,
     .says = "no valid"},
    {.name = "quoted @", USERNAME("\\\"alice@acme.example\\\"@evil"), STRIP, REFUSED,
     .says = "strip_domain"},
    {.name = "display name", USERNAME("alice <bob@acme.example>"), STRIP, REFUSED,
     .says = "strip_domain"},
    {.name = "plus", USERNAME("alice+x@acme.example"), STRIP, REFUSED, .says = "no valid"},
    {.name = "percent path", USERNAME("alice%evil@acme.example"), STRIP, REFUSED,
     .says = "no valid"},
    {.name = "bang path", USERNAME("evil!alice@acme.example"), STRIP, REFUSED, .says = "no valid"},
    {.name = "source route", USERNAME("@evil:alice@acme.example"), STRIP, REFUSED,
     .says = "strip_domain"},
    {.name = "comment", USERNAME("alice(x)@acme.example"), STRIP, REFUSED, .says = "no valid"},
};

static const struct row regex_rows[] = {
    {.name = "whole, no group", .claims = ALICE, .username_regex = "[a-z]+", .user = "alice"},
    {.name = "group 1", .claims = MAIL, .username_regex = "(.*)@acme\\.example", .user = "alice"},
    {.name = "group 1 of two", .claims = MAIL, .username_regex = "([a-z]*)@(.*)", .user = "alice"},
    {.name = "outer group first", .claims = ALICE, .username_regex = "(a(l)ice)", .user = "alice"},
    {.name = "group that took no part", .claims = ALICE, .username_regex = "(bob)|alice",
     .user = "alice"},
    {.name = "the shorter alternative first", .claims = MAIL,
     .username_regex = "alice|(alice)@acme\\.example", .user = "alice"},
    {.name = "anchored as well", .claims = ALICE, .username_regex = "^[a-z]+$", .user = "alice"},
    {.name = "behind strip_domain", USERNAME("x-alice@acme.example"), STRIP,
     .username_regex = "x-(.*)", .user = "alice"},
    {.name = "on the folded value", USERNAME("ALICE"), .username_regex = "[a-z]+", .user = "alice"},
    {.name = "no match", .claims = ALICE, .username_regex = "[0-9]+", REFUSED,
     .says = "as a whole"},
    {.name = "the end does not match", USERNAME("alice9"), .username_regex = "[a-z]+", REFUSED,
     .says = "as a whole"},
    {.name = "the beginning does not match", USERNAME("9alice"), .username_regex = "[a-z]+",
     REFUSED, .says = "as a whole"},
    {.name = "one alternative anchored at each side", USERNAME("alice.bob"),
     .username_regex = "^alice|bob$", REFUSED, .says = "as a whole"},
    {.name = "brackets that would close ours", USERNAME("alicex"), .username_regex = "alice)|(x)",
     REFUSED, .says = "as a whole"},
    {.name = "group 1 empty", .claims = ALICE, .username_regex = "()alice", REFUSED,
     .says = "\"\" is no valid"},
    {.name = "group 1 no valid name", .claims = MAIL, .username_regex = "(.*@)acme.example",
     REFUSED, .says = "\"alice@\" is no valid"},
    {.name = "no expression", .claims = ALICE, .username_regex = "(", .reason = WF_CONFIG,
     .says = "username_regex"},
};

static const struct row map_rows[] = {
    {.name = "a line", .claims = MAIL, .map = "alice@acme.example bob\n", .user = "bob"},
    {.name = "no claim, whatever the map has", .claims = "{\"other\":\"alice\"}",
     .map = "alice bob\n", REFUSED, .says = "is there"},
    {.name = "a line before strip_domain and regex", .claims = MAIL, STRIP,
     .username_regex = "never", .map = "alice@acme.example bob\n", .user = "bob"},
    {.name = "the whole claim, not what strip_domain leaves", .claims = MAIL, STRIP,
     .map = "alice bob\n", .user = "alice"},
    {.name = "any case", USERNAME("ALICE@acme.example"), .map = "alice@ACME.example bob\n",
     .user = "bob"},
    {.name = "no line: the other rules", .claims = MAIL, STRIP, .map = "zoe@acme.example bob\n",
     .user = "alice"},
    {.name = "nobody", .claims = MAIL, STRIP, .map = "alice@acme.example -\n", REFUSED,
     .says = "to nobody"},
    {.name = "not what was requested", .claims = MAIL, .map = "alice@acme.example bob\n",
     .requested = "alice", REFUSED, .says = "asked for"},
    {.name = "a mistake on another line", .claims = MAIL, STRIP,
     .map = "alice@acme.example bob\nzoe\n", .reason = WF_CONFIG, .says = ":2: "},
    {.name = "special name by a line", .claims = MAIL, .map = "alice@acme.example anyone\n",
     .no_passwd = true, .user = "anyone"},
    {.name = "system account by a line", .claims = MAIL, .map = "alice@acme.example cyrus\n",
     .no_passwd = true, REFUSED, .says = "uid 110, outside"},
    {.name = "root by a line and min_uid = 0", .claims = MAIL, .map = "alice@acme.example root\n",
     .from_zero = true, .user = "root"},
    {.name = "root by a line alone", .claims = MAIL, .map = "alice@acme.example root\n", REFUSED,
     .says = "uid 0, outside"},
    {.name = "another uid 0 by a line", .claims = MAIL, .map = "alice@acme.example superuser\n",
     .from_zero = true, .user = "superuser"},
    {.name = "nobody's uid, even by a line", .claims = MAIL, .map = "alice@acme.example nobody\n",
     .no_upper_bound = true, REFUSED, .says = "never signs in"},
};

static const struct row passwd_rows[] = {
    {.name = "lowest uid", .claims = ALICE, .user = "alice"},
    {.name = "highest uid", USERNAME("upper"), .user = "upper"},
    {.name = "below", USERNAME("ftp"), REFUSED, .says = "uid 999, outside"},
    {.name = "above", USERNAME("above"), REFUSED, .says = "uid 60001, outside"},
    {.name = "below, though it need not exist", USERNAME("ftp"), .no_passwd = true, REFUSED,
     .says = "uid 999, outside"},
    {.name = "below, though nobody asks", USERNAME("ftp"), .ignore_passwd = true, .user = "ftp"},
    {.name = "the longest name", USERNAME("a2345678901234567890123456789012"),
     .ignore_passwd = true, .user = "a2345678901234567890123456789012"},
    {.name = "no such account", USERNAME("zoe"), REFUSED, .says = "no local user"},
    {.name = "no such account, and none needed", USERNAME("zoe"), .no_passwd = true, .user = "zoe"},
    {.name = "uid 0 under another name", USERNAME("superuser"), .from_zero = true, REFUSED,
     .says = "uid 0, which needs"},
    {.name = "uid 0 under another name, bounds first or not", USERNAME("superuser"), REFUSED,
     .says = "uid 0, which needs"},
    {.name = "nobody's uid", USERNAME("nobody2"), .no_upper_bound = true, REFUSED,
     .says = "65534, which never"},
    {.name = "uid -1", USERNAME("minusone"), .no_upper_bound = true, REFUSED,
     .says = "4294967295, which never"},
    {.name = "just no bound", USERNAME("above"), .no_upper_bound = true, .user = "above"},
    {.name = "passwd knows it in another case", USERNAME("carol"), REFUSED, .says = "\"Carol\""},
    {.name = "the name service fails", .claims = ALICE, .passwd_number = EIO,
     .reason = WF_UNREACHABLE, .says = "name service"},
    {.name = "the name service fails, though none is needed", .claims = ALICE, .no_passwd = true,
     .passwd_number = EIO, .reason = WF_UNREACHABLE, .says = "name service"},
};

#define CLAIMS                                                                                     \
    "{\"username\":\"alice\",\"groups\":[\"staff\",\"admins\"],\"home\":\"4c78\","                 \
    "\"homeName\":\"Head Office\",\"https://acme.example/role\":\"dev\",\"level\":5}"

static const struct row rule_rows[] = {
    {.name = "allowed by name", .claims = CLAIMS, .allow = "bob,alice", .user = "alice"},
    {.name = "allowed by the first of two", .claims = CLAIMS, .allow = "alice,bob",
     .user = "alice"},
    {.name = "allowed by a string", .claims = CLAIMS, .allow = "bob,home:4c78", .user = "alice"},
    {.name = "allowed by an array", .claims = CLAIMS, .allow = "groups:admins", .user = "alice"},
    {.name = "allowed by a claim named by address", .claims = CLAIMS,
     .allow = "https://acme.example/role:dev", .user = "alice"},
    {.name = "not in the list", .claims = CLAIMS, .allow = "bob,groups:guests", DENIED,
     .says = "allow_users"},
    {.name = "the name as a claim's value", .claims = CLAIMS, .allow = "staff", DENIED,
     .says = "allow_users"},
    {.name = "value in another case", .claims = CLAIMS, .allow = "groups:Staff", DENIED,
     .says = "allow_users"},
    {.name = "a part of the value", .claims = CLAIMS, .allow = "groups:staf", DENIED,
     .says = "allow_users"},
    {.name = "more than the value", .claims = CLAIMS, .allow = "groups:staffs", DENIED,
     .says = "allow_users"},
    {.name = "a number is no string", .claims = CLAIMS, .allow = "level:5", DENIED,
     .says = "allow_users"},
    {.name = "denied by name", .claims = CLAIMS, .deny = "bob,alice", DENIED, .says = "deny_users"},
    {.name = "denied by a claim", .claims = CLAIMS, .deny = "groups:staff", DENIED,
     .says = "deny_users has \"groups:staff\""},
    {.name = "denied wins", .claims = CLAIMS, .allow = "alice", .deny = "groups:staff", DENIED,
     .says = "deny_users"},
    {.name = "others are denied", .claims = CLAIMS, .deny = "bob,groups:guests", .user = "alice"},
    {.name = "all that is required", .claims = CLAIMS, .require = "groups:staff,home:4c78",
     .user = "alice"},
    {.name = "one of two is missing", .claims = CLAIMS, .require = "groups:staff,home:4c79",
     DENIED, .says = "require has \"home:4c79\""},
    {.name = "the required claim is absent", .claims = CLAIMS, .require = "team:x", DENIED,
     .says = "require has \"team:x\""},
    {.name = "required name", .claims = CLAIMS, .require_name = "homeName:Head Office",
     .user = "alice"},
    {.name = "required name is missing", .claims = CLAIMS, .require_name = "homeName:Branch",
     DENIED, .says = "require_name has"},
    {.name = "required, though allowed", .claims = CLAIMS, .allow = "alice", .require = "team:x",
     DENIED, .says = "require has"},
    {.name = "no item: neither name nor claim", .claims = CLAIMS, .deny = "Alice",
     .reason = WF_CONFIG, .says = "neither"},
    {.name = "no item: empty", .claims = CLAIMS, .allow = "alice,", .reason = WF_CONFIG,
     .says = "neither"},
    {.name = "no item: no value", .claims = CLAIMS, .deny = "groups:", .reason = WF_CONFIG,
     .says = "lacks"},
    {.name = "no item: no claim", .claims = CLAIMS, .require = ":staff", .reason = WF_CONFIG,
     .says = "lacks"},
    {.name = "who it is comes first", .claims = CLAIMS, .requested = "bob", .deny = "alice",
     REFUSED, .says = "asked for"},
    {.name = "a map file's user is judged by the new name", .claims = CLAIMS, .map = "alice bob\n",
     .deny = "alice", .user = "bob"},
};

#define TABLE(rows) {#rows, test_rows, NULL, NULL, &(struct table){rows, WF_ARRAY_LEN(rows)}}

/* clang-format on */

/* A NUL cannot come through our parser; another source of claims must not bring one either. */
static void test_nul(void **state)
{
    (void)state;
    const struct row row = {.name = "NUL", REFUSED, .says = "not printable ASCII: \"alice\""};
    struct json_t *claims = json_object();

    assert_int_equal(json_object_set_new(claims, "username", json_stringn("alice\0root", 10)), 0);
    judge_object(&row, claims);
    wf_json_free(claims);
}

static void test_claim_length(void **state)
{
    (void)state;
    const struct row longest = {
        .name = "320 bytes", .username_regex = "(alice)x+", .user = "alice"};
    const struct row longer = {
        .name = "321 bytes", .username_regex = "(alice)x+", REFUSED, .says = "321 bytes"};
    char text[WF_CLAIM_MAX + 1];
    struct json_t *claims = wf_json_new();

    memset(text, 'x', sizeof(text));
    memcpy(text, "alice", 5);
    assert_true(wf_json_set_text(claims, "username", (struct wf_span){text, WF_CLAIM_MAX}));
    judge_object(&longest, claims);
    assert_true(wf_json_set_text(claims, "username", (struct wf_span){text, WF_CLAIM_MAX + 1}));
    judge_object(&longer, claims);
    wf_json_free(claims);
}

static void test_no_map_file(void **state)
{
    (void)state;
    const struct wf_policy policy = {.max_uid = 60000};
    const char *const username[] = {"username"};
    const struct wf_naming naming = {.username = {username, 1}, .map_file = "/nonexistent/map"};
    char user[WF_USER_MAX + 1] = "stale";
    struct json_t *claims = NULL;

    assert_int_equal(wf_json_parse(ALICE, strlen(ALICE), &claims, NULL), WF_OK);
    assert_int_equal(wf_identity_judge(&policy, &naming, claims, NULL, WF_PASSWD_REQUIRED, user, NULL),
                     WF_CONFIG);
    assert_string_equal(user, "");
    wf_json_free(claims);
}

/* 190 bytes of a claim's name are the most that a line of the configuration can bring. */
static void test_long_item(void **state)
{
    (void)state;
    char item[WF_CONF_LINE_MAX + 4];
    const char *const items[] = {item};
    const struct wf_policy policy = {.max_uid = 60000, .deny_users = {items, 1}};

    memset(item, 'a', sizeof(item));
    memcpy(item + WF_CONF_LINE_MAX, ":v", 3);
    assert_int_equal(wf_identity_check_name(&policy, "alice", NULL), WF_OK);
    memcpy(item + WF_CONF_LINE_MAX, "a:v", 4);
    assert_int_equal(wf_identity_check_name(&policy, "alice", NULL), WF_CONFIG);
}

static void test_check_user(void **state)
{
    (void)state;
    static const struct {
        const char *user;
        uint32_t min_uid;
        int number;
        enum wf_reason reason;
        const char *says;
    } rows[] = {
        {"alice", 1000, 0, WF_OK, ""},
        {"alice", 1001, 0, WF_IDENTITY, "outside"},
        {"above", 1000, 0, WF_IDENTITY, "outside"},
        {"root", 1000, 0, WF_IDENTITY, "outside"},
        {"root", 0, 0, WF_OK, ""},
        {"nobody", 0, 0, WF_IDENTITY, "never"},
        {"zoe", 1000, 0, WF_IDENTITY, "no local user"},
        {"carol", 1000, 0, WF_IDENTITY, "Carol"},
        {"Alice", 1000, 0, WF_IDENTITY, "no valid"},
        {"", 1000, 0, WF_IDENTITY, "no valid"},
        {"alice\n", 1000, 0, WF_IDENTITY, "\"alice?\" is no valid"},
        {"alice", 1000, EIO, WF_UNREACHABLE, "name service"},
    };

    for (size_t i = 0; i < WF_ARRAY_LEN(rows); i++) {
        struct wf_err err = WF_ERR_INIT;
        const struct wf_policy policy = {.min_uid = rows[i].min_uid,
                                         .max_uid = rows[i].min_uid == 0 ? UINT32_MAX : 60000};
        fake_passwd_number = rows[i].number;
        enum wf_reason reason = wf_identity_check_user(&policy, rows[i].user, &err);
        fake_passwd_number = 0;
        if (reason != rows[i].reason || strstr(err.text, rows[i].says) == NULL)
            fail_msg("%s: %s %s", rows[i].user, wf_reason_name(reason), err.text);
    }
}

static void test_check_name(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *allow;
        const char *deny;
        enum wf_reason reason;
    } rows[] = {
        {"no rules", NULL, NULL, WF_OK},
        {"denied", NULL, "bob,alice", WF_DENIED},
        {"denied and allowed", "alice", "alice", WF_DENIED},
        {"denied by a claim that nobody knows", NULL, "groups:staff", WF_OK},
        {"allowed", "bob,alice", NULL, WF_OK},
        {"not allowed", "bob", NULL, WF_DENIED},
        {"perhaps allowed by a claim", "bob,groups:staff", NULL, WF_OK},
        {"no item", "bob,Alice", NULL, WF_CONFIG},
    };

    for (size_t i = 0; i < WF_ARRAY_LEN(rows); i++) {
        struct list lists[2];
        const struct wf_policy policy = {.allow_users = words(&lists[0], rows[i].allow),
                                         .deny_users = words(&lists[1], rows[i].deny)};
        if (wf_identity_check_name(&policy, "alice", NULL) != rows[i].reason)
            fail_msg("%s", rows[i].name);
    }
}

static int set_up(void **state)
{
    (void)state;
    int fd = mkstemp(map_path);

    return fd < 0 ? -1 : close(fd);
}

static int tear_down(void **state)
{
    (void)state;
    return unlink(map_path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TABLE(claim_rows),
        TABLE(hostile_rows),
        TABLE(domain_rows),
        TABLE(regex_rows),
        TABLE(map_rows),
        TABLE(passwd_rows),
        TABLE(rule_rows),
        cmocka_unit_test(test_nul),
        cmocka_unit_test(test_claim_length),
        cmocka_unit_test(test_no_map_file),
        cmocka_unit_test(test_long_item),
        cmocka_unit_test(test_check_user),
        cmocka_unit_test(test_check_name),
    };
    return cmocka_run_group_tests_name("identity", tests, set_up, tear_down);
}
