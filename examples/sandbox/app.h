#ifndef SB_APP_H
#define SB_APP_H
/* OAuth2 applications with their fields and rules, and their client secrets. */

#include <stdbool.h>
#include <stddef.h>

#include <sqlite3.h>

/* "An administrator creates at most ten". */
#define SB_APPS_MAX 10
/* Characters, not bytes. */
#define SB_NOTE_MAX 64
/* A logo travels inside the consent page: keep it small. */
#define SB_LOGO_MAX (256 * 1024)

enum sb_app_type { SB_WEB, SB_SPA, SB_M2M };

/* Sets of application types, for the table of fields. */
#define SB_TYPE_BIT(type) (1U << (type))

/* The fields that not every type has. */
enum sb_app_field {
    SB_FIELD_REDIRECT,
    SB_FIELD_ROTATION,
    SB_FIELD_ABSOLUTE,
    SB_FIELD_INACTIVITY,
    SB_FIELD_LOGO,
    SB_FIELD_APP_URL,
    SB_FIELD_DEVELOPER_NAME,
    SB_FIELD_DEVELOPER_EMAIL,
    SB_FIELD_PRIVACY_URL,
    SB_FIELD_BIND_PKCE,
};
#define SB_FIELDS 10

struct sb_app {
    char *client_id;
    enum sb_app_type type;
    char *name;
    char *description;
    char **redirects;
    size_t redirects_n;
    bool rotation;
    /* Seconds, 0: never. Judged when a refresh token is used, so an edit counts at once. */
    long long absolute_expiry;
    long long inactivity_expiry;
    char *logo; /* logo_len bytes, NULL: none */
    size_t logo_len;
    char *app_url;
    char *developer_name;
    char *developer_email;
    char *privacy_url;
    /* Web only, an assumption of ours: a code_challenge that was sent binds the code. */
    bool bind_pkce;
    long long created;
};

/* "web", "spa", "m2m"; false for any other word. */
const char *sb_app_type_word(enum sb_app_type type);
bool sb_app_type_parse(const char *word, enum sb_app_type *ret);

/* A new application with a new client ID and default values; the one with this ID, or NULL; all
 * freed with sb_app_free, which takes NULL. */
struct sb_app *sb_app_new(enum sb_app_type type);
struct sb_app *sb_app_load(sqlite3 *db, const char *client_id);
void sb_app_free(struct sb_app *app);
/* Add a redirect URL (copied); forget all. */
void sb_app_add_redirect(struct sb_app *app, const char *url);
void sb_app_clear_redirects(struct sb_app *app);
/* Whether a redirect address equals a registered one, byte for byte. */
bool sb_app_has_redirect(const struct sb_app *app, const char *url);

/* What is wrong with the application: new string, or NULL when it keeps all rules. */
char *sb_app_problem(const struct sb_app *app);
/* What is wrong with giving this type the field: new string, or NULL when the type has it. */
char *sb_app_field_problem(enum sb_app_type type, enum sb_app_field field);
/* Store an application. False when it would be the eleventh. */
bool sb_app_save(sqlite3 *db, const struct sb_app *app);
/* The media type of a picture by its first bytes; NULL when it is none that we show. */
const char *sb_logo_type(const char *bytes, size_t n);

/* Make one more secret for an application. ret_id: new string. New string: the secret, which is
 * nowhere else. */
char *sb_secret_create(sqlite3 *db, const char *client_id, const char *note, bool special,
                       char **ret_id);
/* Whether this is a secret of the application; notes that it was used. */
bool sb_secret_check(sqlite3 *db, const char *client_id, const char *secret);

#endif
