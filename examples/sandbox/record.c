#include "config.h"

#include "record.h"

#include <stdlib.h>
#include <string.h>

#include "db.h"
#include "text.h"

/* Requests kept; older ones go. */
#define KEPT 100000
#define TEXT_MAX 200

static const char *const known[] = {
    "assertion",
    "client_assertion",
    "client_id",
    "client_secret",
    "code",
    "code_challenge",
    "code_challenge_method",
    "code_verifier",
    "csrf",
    "decision",
    "domain",
    "error",
    "error_description",
    "fields",
    "grant_type",
    "ID",
    "ID_Mod",
    "jwt_token",
    "lane",
    "password",
    "redirect_uri",
    "refresh_token",
    "request",
    "response_type",
    "scope",
    "state",
    "username",
};

static const char *known_name(const char *name)
{
    for (size_t i = 0; i < SB_ARRAY_LEN(known); i++) {
        if (strcmp(name, known[i]) == 0)
            return known[i];
    }
    return "?";
}

static void add_names(struct sb_str *out, const struct sb_params *params)
{
    for (size_t i = 0; i < params->n; i++) {
        if (out->len)
            sb_str_add(out, " ");
        sb_str_add(out, known_name(params->at[i].name));
    }
}

/* Foreign text, short and harmless. New string. */
static char *tame(const char *text)
{
    struct sb_str out = {0};
    size_t n = text ? strlen(text) : 0;
    if (n > TEXT_MAX)
        n = TEXT_MAX;
    sb_str_visible(&out, text, n);
    return sb_str_steal(&out);
}

long long sb_record_begin(const struct sb_request *rq, const char *method, long long connection,
                          const char *user_agent)
{
    struct sb_str names = {0};
    add_names(&names, &rq->query);
    add_names(&names, &rq->form);
    /* A path that is not ours may hold anything, a code pasted into it included. */
    char *path = tame(rq->endpoint == SB_EP_OTHER ? "?" : rq->path);
    char *agent = tame(user_agent);
    char *verb = tame(method);
    sb_db_run(rq->db,
              "INSERT INTO request (time, endpoint, method, path, status, result, client_id,"
              " parameters, auth, connection, user_agent)"
              " VALUES (?, ?, ?, ?, 0, '', '', ?, '', ?, ?)",
              "ittttit", sb_now(), sb_endpoint_word(rq->endpoint), verb, path, sb_str_text(&names),
              connection, agent);
    long long id = sqlite3_last_insert_rowid(rq->db);
    sb_db_run(rq->db, "DELETE FROM request WHERE id <= ?", "i", id - KEPT);
    free(verb);
    free(agent);
    free(path);
    sb_str_done(&names);
    return id;
}

void sb_record_end(const struct sb_request *rq, long long id)
{
    sb_db_run(rq->db,
              "UPDATE request SET status = ?, result = ?, client_id = ?, auth = ? WHERE id = ?",
              "ittti", (long long)rq->reply.status, rq->result ? rq->result : "", rq->client_id,
              rq->auth ? rq->auth : "none", id);
}

long long sb_record_last_connection(sqlite3 *db)
{
    return sb_db_number(db, 0, "SELECT coalesce(max(connection), 0) FROM request", "");
}
