#include "config.h"

#include "handlers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "db.h"
#include "grant.h"
#include "user.h"

/* The documentation shows this class for a dead session; the other class names here are ours. */
#define CLASS_AUTHENTICATION "com.attask.common.AuthenticationException"
#define CLASS_PARAMETER "com.attask.common.InvalidParameterException"
#define ROWS_MAX 100

/* Objects and collections beside the user's own fields. */
static const struct relation {
    const char *name;
    enum sb_kind kind;
    enum { FIRST, REST, ALL } which; /* FIRST is one object or null, the others are arrays */
    const char *code;
} relations[] = {
    {"accessLevel", SB_ACCESS_LEVEL, FIRST, "ACSLVL"},
    {"homeGroup", SB_GROUP, FIRST, "GROUP"},
    {"homeTeam", SB_TEAM, FIRST, "TEAMOB"},
    {"otherGroups", SB_GROUP, REST, "GROUP"},
    {"roles", SB_ROLE, ALL, "ROLE"},
    {"teams", SB_TEAM, ALL, "TEAMOB"},
};

/* The fields that a search asked for; ID, name and objCode come unasked. */
struct wanted {
    bool username;
    bool email;
    bool active;
    bool id_of[SB_ARRAY_LEN(relations)];   /* homeGroupID */
    bool object[SB_ARRAY_LEN(relations)];  /* homeGroup, homeGroup:ID */
    bool name_of[SB_ARRAY_LEN(relations)]; /* homeGroup:name */
};

static bool is(const char *text, size_t n, const char *word)
{
    return strlen(word) == n && memcmp(text, word, n) == 0;
}

/* Note one of `accessLevelID`, `accessLevel`, `accessLevel:ID`, `accessLevel:name`. */
static bool want_relation(const char *text, size_t n, size_t i, struct wanted *wanted)
{
    size_t length = strlen(relations[i].name);
    if (n < length || memcmp(text, relations[i].name, length) != 0)
        return false;
    const char *rest = text + length;
    size_t rest_n = n - length;
    bool all = rest_n == 0;
    if (is(rest, rest_n, "ID") && relations[i].which == FIRST)
        return wanted->id_of[i] = true;
    if (!all && !is(rest, rest_n, ":ID") && !is(rest, rest_n, ":name"))
        return false;
    wanted->name_of[i] = wanted->name_of[i] || all || is(rest, rest_n, ":name");
    return wanted->object[i] = true;
}

/* Note one field; false when Workfront's users have none like it. Case counts. */
static bool want(const char *text, size_t n, struct wanted *wanted)
{
    if (is(text, n, "ID") || is(text, n, "name") || is(text, n, "objCode"))
        return true;
    if (is(text, n, "username"))
        return wanted->username = true;
    if (is(text, n, "emailAddr"))
        return wanted->email = true;
    if (is(text, n, "isActive"))
        return wanted->active = true;
    for (size_t i = 0; i < SB_ARRAY_LEN(relations); i++) {
        if (want_relation(text, n, i, wanted))
            return true;
    }
    return false;
}

static void refuse_parameter(struct sb_request *rq, const char *what, const char *text, size_t n)
{
    struct sb_str shown = {0};
    sb_str_visible(&shown, text, n > 64 ? 64 : n);
    char *message = sb_format("APIModel %s does not support %s %s (User)", rq->api_version, what,
                              sb_str_text(&shown));
    sb_reply_api_error(rq, 400, CLASS_PARAMETER, message, "unknown-field");
    free(message);
    sb_str_done(&shown);
}

/* Read `fields=a,b:c`. False when the refusal is written. */
static bool read_fields(struct sb_request *rq, struct wanted *wanted)
{
    const char *at = sb_params_text(&rq->query, "fields");
    while (at && *at) {
        size_t n = strcspn(at, ",");
        if (!want(at, n, wanted)) {
            refuse_parameter(rq, "field", at, n);
            return false;
        }
        at += n;
        at += *at == ',';
    }
    return true;
}

/* One member of a relation as JSON. */
static json_t *entity_json(sqlite3_stmt *st, const struct relation *relation, bool with_name)
{
    const char *id = (const char *)sqlite3_column_text(st, 0);
    json_t *object = json_pack("{s:s, s:s}", "ID", id, "objCode", relation->code);
    if (with_name)
        json_object_set_new(object, "name", json_string((const char *)sqlite3_column_text(st, 1)));
    return object;
}

static void add_relation(struct sb_request *rq, json_t *row, const char *user_id, size_t i,
                         const struct wanted *wanted)
{
    const struct relation *relation = &relations[i];
    sqlite3_stmt *st = sb_user_members(rq->db, user_id, relation->kind);
    json_t *list = json_array();
    json_t *first = NULL;
    while (sb_db_row(st)) {
        json_t *member = entity_json(st, relation, wanted->name_of[i]);
        if (!first)
            first = json_incref(member);
        if (relation->which == ALL || member != first)
            json_array_append(list, member);
        json_decref(member);
    }
    sqlite3_finalize(st);
    if (wanted->id_of[i]) {
        char *name = sb_format("%sID", relation->name);
        json_object_set_new(row, name,
                            first ? json_incref(json_object_get(first, "ID")) : json_null());
        free(name);
    }
    if (wanted->object[i] && relation->which == FIRST)
        json_object_set_new(row, relation->name, first ? json_incref(first) : json_null());
    else if (wanted->object[i])
        json_object_set(row, relation->name, list);
    json_decref(first);
    json_decref(list);
}

static json_t *user_json(struct sb_request *rq, const struct sb_user *user,
                         const struct wanted *wanted)
{
    json_t *row =
        json_pack("{s:s, s:s, s:s}", "ID", user->id, "name", user->name, "objCode", "USER");
    if (wanted->username)
        json_object_set_new(row, "username", json_stringn(user->username, user->username_len));
    if (wanted->email)
        json_object_set_new(row, "emailAddr", user->email ? json_string(user->email) : json_null());
    if (wanted->active)
        json_object_set_new(row, "isActive", json_boolean(user->active));
    for (size_t i = 0; i < SB_ARRAY_LEN(relations); i++) {
        if (wanted->id_of[i] || wanted->object[i])
            add_relation(rq, row, user->id, i, wanted);
    }
    return row;
}

/* What a search may filter by; all compare for equality. */
struct filter {
    const char *id;
    const char *username;
    const char *email;
};

static bool is_equality(const char *value)
{
    return value && strcmp(value, "eq") == 0;
}

/* Read the parameters but `fields`. False when the refusal is written. */
static bool read_filter(struct sb_request *rq, const char *self, struct filter *filter)
{
    static const char *const mods[] = {"ID_Mod", "username_Mod", "emailAddr_Mod"};
    for (size_t i = 0; i < rq->query.n; i++) {
        const char *name = rq->query.at[i].name;
        const char *value = sb_params_text(&rq->query, name);
        bool known = strcmp(name, "fields") == 0;
        if (strcmp(name, "ID") == 0)
            known = (filter->id = value) != NULL;
        for (size_t m = 0; m < SB_ARRAY_LEN(mods); m++)
            known = known || (strcmp(name, mods[m]) == 0 && is_equality(value));
        if (strcmp(name, "username") == 0)
            known = (filter->username = value) != NULL;
        if (strcmp(name, "emailAddr") == 0)
            known = (filter->email = value) != NULL;
        if (!known) {
            refuse_parameter(rq, "parameter", name, strlen(name));
            return false;
        }
    }
    /* The wildcard for the session's own user. */
    if (filter->id && strcmp(filter->id, "$$USER.ID") == 0)
        filter->id = self;
    return true;
}

static bool matches(const struct sb_user *user, const struct filter *filter)
{
    if (filter->id && strcmp(filter->id, user->id) != 0)
        return false;
    if (filter->username && !is(user->username, user->username_len, filter->username))
        return false;
    return !filter->email || (user->email && strcmp(filter->email, user->email) == 0);
}

static json_t *search(struct sb_request *rq, const struct filter *filter,
                      const struct wanted *wanted)
{
    json_t *rows = json_array();
    sqlite3_stmt *st = sb_db_query(rq->db, "SELECT id FROM user ORDER BY id", "");
    while (json_array_size(rows) < ROWS_MAX && sb_db_row(st)) {
        struct sb_user *user = sb_user_by_id(rq->db, (const char *)sqlite3_column_text(st, 0));
        if (user && matches(user, filter))
            json_array_append_new(rows, user_json(rq, user, wanted));
        sb_user_free(user);
    }
    sqlite3_finalize(st);
    return rows;
}

/* Whose session the request carries, as the header says. New string, or NULL when the refusal is
 * written. Where inactive users keep their sessions, a client must look at isActive. */
static char *session_user(struct sb_request *rq)
{
    char *user_id = rq->session_id ? sb_session_user(rq->db, rq->session_id) : NULL;
    rq->auth = rq->session_id ? "session" : "none";
    if (!user_id) {
        sb_reply_api_error(rq, 401, CLASS_AUTHENTICATION,
                           rq->session_id ? "Your session has expired or is not valid"
                                          : "You are not currently logged in",
                           "dead-session");
        return NULL;
    }
    char *client_id = sb_session_client(rq->db, rq->session_id);
    snprintf(rq->client_id, sizeof rq->client_id, "%s", client_id ? client_id : "");
    free(client_id);
    return user_id;
}

void sb_user_search(struct sb_request *rq)
{
    char *self = session_user(rq);
    struct wanted wanted = {0};
    struct filter filter = {0};
    if (!self)
        return;
    if (sb_params_unfit(&rq->query)) {
        refuse_parameter(rq, "parameter", "list", 4);
    } else if (read_filter(rq, self, &filter) && read_fields(rq, &wanted)) {
        json_t *answer = json_pack("{s:o}", "data", search(rq, &filter, &wanted));
        char *text = json_dumps(answer, JSON_COMPACT);
        sb_reply_json(rq, 200, text ? text : "{}", "data");
        free(text);
        json_decref(answer);
    }
    free(self);
}

void sb_logout(struct sb_request *rq)
{
    char *self = session_user(rq);
    if (!self)
        return;
    sb_session_end(rq->db, rq->session_id);
    sb_reply_json(rq, 200, "{\"data\":{\"success\":true}}", "logged-out");
    free(self);
}
