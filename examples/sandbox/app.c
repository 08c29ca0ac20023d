#include "config.h"

#include "app.h"

#include <stdlib.h>
#include <string.h>

#include "crypto.h"
#include "db.h"
#include "text.h"

#define WITH_SIGN_IN (SB_TYPE_BIT(SB_WEB) | SB_TYPE_BIT(SB_SPA))

/* Which types have which field, and what an administrator calls it. */
static const struct {
    const char *what;
    unsigned types;
} fields[SB_FIELDS] = {
    [SB_FIELD_REDIRECT] = {"redirect URLs", WITH_SIGN_IN},
    [SB_FIELD_ROTATION] = {"refresh token rotation", WITH_SIGN_IN},
    [SB_FIELD_ABSOLUTE] = {"absolute refresh token expiration", WITH_SIGN_IN},
    [SB_FIELD_INACTIVITY] = {"inactivity refresh token expiration", WITH_SIGN_IN},
    [SB_FIELD_LOGO] = {"logo", WITH_SIGN_IN},
    [SB_FIELD_APP_URL] = {"app description URL", SB_TYPE_BIT(SB_WEB)},
    [SB_FIELD_DEVELOPER_NAME] = {"developer name", SB_TYPE_BIT(SB_SPA)},
    [SB_FIELD_DEVELOPER_EMAIL] = {"developer e-mail address", SB_TYPE_BIT(SB_SPA)},
    [SB_FIELD_PRIVACY_URL] = {"privacy policy URL", SB_TYPE_BIT(SB_SPA)},
    [SB_FIELD_BIND_PKCE] = {"choice about PKCE", SB_TYPE_BIT(SB_WEB)},
};

static const char *const type_words[] = {[SB_WEB] = "web", [SB_SPA] = "spa", [SB_M2M] = "m2m"};
static const char *const type_names[] = {
    [SB_WEB] = "Web Application",
    [SB_SPA] = "Single Page Web Application",
    [SB_M2M] = "Machine to Machine Application",
};

const char *sb_app_type_word(enum sb_app_type type)
{
    return type_words[type];
}

bool sb_app_type_parse(const char *word, enum sb_app_type *ret)
{
    for (size_t i = 0; i < SB_ARRAY_LEN(type_words); i++) {
        if (strcmp(word, type_words[i]) == 0) {
            *ret = (enum sb_app_type)i;
            return true;
        }
    }
    return false;
}

struct sb_app *sb_app_new(enum sb_app_type type)
{
    struct sb_app *app = sb_alloc(sizeof *app);
    app->client_id = sb_random_hex(16);
    app->type = type;
    app->name = sb_dup("");
    app->description = sb_dup("");
    app->app_url = sb_dup("");
    app->developer_name = sb_dup("");
    app->developer_email = sb_dup("");
    app->privacy_url = sb_dup("");
    app->bind_pkce = type == SB_WEB;
    app->created = sb_now();
    return app;
}

static void load_redirects(sqlite3 *db, struct sb_app *app)
{
    sqlite3_stmt *st = sb_db_query(
        db, "SELECT url FROM redirect_url WHERE client_id = ? ORDER BY rowid", "t", app->client_id);
    while (sb_db_row(st))
        sb_app_add_redirect(app, (const char *)sqlite3_column_text(st, 0));
    sqlite3_finalize(st);
}

struct sb_app *sb_app_load(sqlite3 *db, const char *client_id)
{
    sqlite3_stmt *st = sb_db_query(
        db,
        "SELECT client_id, type, name, description, rotation, absolute_expiry, inactivity_expiry,"
        " logo, app_url, developer_name, developer_email, privacy_url, bind_pkce, created"
        " FROM app WHERE client_id = ?",
        "t", client_id);
    struct sb_app *app = NULL;
    if (sb_db_row(st)) {
        app = sb_alloc(sizeof *app);
        app->client_id = sb_db_column(st, 0);
        sb_app_type_parse((const char *)sqlite3_column_text(st, 1), &app->type);
        app->name = sb_db_column(st, 2);
        app->description = sb_db_column(st, 3);
        app->rotation = sb_db_column_number(st, 4) != 0;
        app->absolute_expiry = sb_db_column_number(st, 5);
        app->inactivity_expiry = sb_db_column_number(st, 6);
        if (sqlite3_column_type(st, 7) == SQLITE_BLOB)
            app->logo = sb_db_column_bytes(st, 7, &app->logo_len);
        app->app_url = sb_db_column(st, 8);
        app->developer_name = sb_db_column(st, 9);
        app->developer_email = sb_db_column(st, 10);
        app->privacy_url = sb_db_column(st, 11);
        app->bind_pkce = sb_db_column_number(st, 12) != 0;
        app->created = sb_db_column_number(st, 13);
        load_redirects(db, app);
    }
    sqlite3_finalize(st);
    return app;
}

void sb_app_free(struct sb_app *app)
{
    if (!app)
        return;
    sb_app_clear_redirects(app);
    free(app->client_id);
    free(app->name);
    free(app->description);
    free(app->logo);
    free(app->app_url);
    free(app->developer_name);
    free(app->developer_email);
    free(app->privacy_url);
    free(app);
}

void sb_app_add_redirect(struct sb_app *app, const char *url)
{
    char **grown = sb_alloc((app->redirects_n + 1) * sizeof *grown);
    for (size_t i = 0; i < app->redirects_n; i++)
        grown[i] = app->redirects[i];
    grown[app->redirects_n++] = sb_dup(url);
    free(app->redirects);
    app->redirects = grown;
}

void sb_app_clear_redirects(struct sb_app *app)
{
    for (size_t i = 0; i < app->redirects_n; i++)
        free(app->redirects[i]);
    free(app->redirects);
    app->redirects = NULL;
    app->redirects_n = 0;
}

bool sb_app_has_redirect(const struct sb_app *app, const char *url)
{
    for (size_t i = 0; i < app->redirects_n; i++) {
        if (strcmp(app->redirects[i], url) == 0)
            return true;
    }
    return false;
}

/* http or https with a host of harmless characters, and nothing after it that could leave the
 * header or the page it is written into. */
static bool web_url_ok(const char *url)
{
    const char *host = strncmp(url, "https://", 8) == 0  ? url + 8
                       : strncmp(url, "http://", 7) == 0 ? url + 7
                                                         : NULL;
    static const char host_bytes[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                     "0123456789.-:[]";
    if (!host)
        return false;
    size_t n = strspn(host, host_bytes);
    if (n == 0 || (host[n] && !strchr("/?", host[n])))
        return false;
    for (const char *c = host + n; *c; c++) {
        if (*c <= ' ' || *c > '~' || strchr("\"<>\\^`{|}", *c))
            return false;
    }
    return true;
}

/* RFC 8252 §7.1: an app's own scheme is a domain name backwards, so it has a dot. */
static bool private_scheme_ok(const char *url)
{
    static const char scheme_bytes[] = "abcdefghijklmnopqrstuvwxyz0123456789.-+";
    size_t n = strspn(url, scheme_bytes);
    if (n == 0 || url[n] != ':' || !memchr(url, '.', n))
        return false;
    for (const char *c = url + n; *c; c++) {
        if (*c <= ' ' || *c > '~' || strchr("\"<>\\^`{|}", *c))
            return false;
    }
    return true;
}

/* RFC 6749 §3.1.2: absolute, and without a fragment. */
static char *redirect_problem(const char *url)
{
    if (strchr(url, '#'))
        return sb_format("redirect URL %s: a fragment (#…) is not allowed", url);
    if (!web_url_ok(url) && !private_scheme_ok(url))
        return sb_format("redirect URL %s: neither an http(s) address nor an app's own scheme",
                         url);
    return NULL;
}

char *sb_app_field_problem(enum sb_app_type type, enum sb_app_field field)
{
    if (fields[field].types & SB_TYPE_BIT(type))
        return NULL;
    return sb_format("a %s has no %s", type_names[type], fields[field].what);
}

char *sb_app_problem(const struct sb_app *app)
{
    const char *const texts[] = {app->name, app->description, app->developer_name,
                                 app->developer_email};
    for (size_t i = 0; i < SB_ARRAY_LEN(texts); i++) {
        if (!sb_utf8(texts[i], strlen(texts[i])))
            return sb_dup("a field is not UTF-8");
    }
    if (!app->name[strspn(app->name, " \t\r\n")])
        return sb_dup("the name cannot be empty");
    const char *const urls[] = {app->app_url, app->privacy_url};
    for (size_t i = 0; i < SB_ARRAY_LEN(urls); i++) {
        if (*urls[i] && !web_url_ok(urls[i]))
            return sb_format("%s: not an http(s) address", urls[i]);
    }
    for (size_t i = 0; i < app->redirects_n; i++) {
        char *problem = redirect_problem(app->redirects[i]);
        if (problem)
            return problem;
    }
    if (app->logo && (app->logo_len > SB_LOGO_MAX || !sb_logo_type(app->logo, app->logo_len)))
        return sb_format("the logo must be a PNG, JPEG, GIF or WebP file of at most %d bytes",
                         SB_LOGO_MAX);
    return NULL;
}

static void save_redirects(sqlite3 *db, const struct sb_app *app)
{
    sb_db_run(db, "DELETE FROM redirect_url WHERE client_id = ?", "t", app->client_id);
    for (size_t i = 0; i < app->redirects_n; i++) {
        sb_db_run(db, "INSERT OR IGNORE INTO redirect_url (client_id, url) VALUES (?, ?)", "tt",
                  app->client_id, app->redirects[i]);
    }
}

bool sb_app_save(sqlite3 *db, const struct sb_app *app)
{
    if (sb_db_number(db, 0, "SELECT count(*) FROM app WHERE client_id <> ?", "t", app->client_id) >=
        SB_APPS_MAX)
        return false;
    sb_db_run(db,
              "INSERT INTO app (client_id, type, name, description, rotation, absolute_expiry,"
              " inactivity_expiry, logo, app_url, developer_name, developer_email, privacy_url,"
              " bind_pkce, created) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
              " ON CONFLICT (client_id) DO UPDATE SET name = excluded.name,"
              " description = excluded.description, rotation = excluded.rotation,"
              " absolute_expiry = excluded.absolute_expiry,"
              " inactivity_expiry = excluded.inactivity_expiry, logo = excluded.logo,"
              " app_url = excluded.app_url, developer_name = excluded.developer_name,"
              " developer_email = excluded.developer_email, privacy_url = excluded.privacy_url,"
              " bind_pkce = excluded.bind_pkce",
              "ttttiiibttttii", app->client_id, sb_app_type_word(app->type), app->name,
              app->description, (long long)app->rotation, app->absolute_expiry,
              app->inactivity_expiry, app->logo, app->logo_len, app->app_url, app->developer_name,
              app->developer_email, app->privacy_url, (long long)app->bind_pkce, app->created);
    save_redirects(db, app);
    return true;
}

const char *sb_logo_type(const char *bytes, size_t n)
{
    if (n > 8 && memcmp(bytes, "\x89PNG\r\n\x1a\n", 8) == 0)
        return "image/png";
    if (n > 3 && memcmp(bytes, "\xff\xd8\xff", 3) == 0)
        return "image/jpeg";
    if (n > 6 && (memcmp(bytes, "GIF87a", 6) == 0 || memcmp(bytes, "GIF89a", 6) == 0))
        return "image/gif";
    if (n > 12 && memcmp(bytes, "RIFF", 4) == 0 && memcmp(bytes + 8, "WEBP", 4) == 0)
        return "image/webp";
    return NULL;
}

/* A secret is random and long, so one round of SHA-256 is enough; the salt is there so that two
 * rows never show that they hold the same value. */
static char *secret_hash(const char *salt, const char *secret)
{
    char *both = sb_format("%s:%s", salt, secret);
    char *hash = sb_sha256_hex(both, strlen(both));
    free(both);
    return hash;
}

char *sb_secret_create(sqlite3 *db, const char *client_id, const char *note, bool special,
                       char **ret_id)
{
    char *secret = sb_random_secret(special);
    char *salt = sb_random_hex(16);
    char *hash = secret_hash(salt, secret);
    char *id = sb_random_hex(16);
    sb_db_run(db,
              "INSERT INTO secret (id, client_id, salt, secret_hash, note, created, last_used)"
              " VALUES (?, ?, ?, ?, ?, ?, 0)",
              "ttttti", id, client_id, salt, hash, note, sb_now());
    free(hash);
    free(salt);
    *ret_id = id;
    return secret;
}

bool sb_secret_check(sqlite3 *db, const char *client_id, const char *secret)
{
    sqlite3_stmt *st = sb_db_query(
        db, "SELECT id, salt, secret_hash FROM secret WHERE client_id = ?", "t", client_id);
    char *fits = NULL;
    while (!fits && sb_db_row(st)) {
        char *hash = secret_hash((const char *)sqlite3_column_text(st, 1), secret);
        if (sb_equal(hash, (const char *)sqlite3_column_text(st, 2)))
            fits = sb_db_column(st, 0);
        free(hash);
    }
    sqlite3_finalize(st);
    bool ok = fits != NULL;
    if (ok)
        sb_db_run(db, "UPDATE secret SET last_used = ? WHERE id = ?", "it", sb_now(), fits);
    free(fits);
    return ok;
}
