/*
 * Both sides of the plug-in as the real libsasl loads it, in one process: a configuration, keys in
 * a file, tokens from the mint. Include once per test.
 */
#ifndef WF_TEST_SASLCASE_H
#define WF_TEST_SASLCASE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include <cmocka.h>

#include <sasl/sasl.h>

#include "mint.h"
#include "wfauth.h"

typedef int (*saslcase_function)(void);
/* A function of SASL's many types in the one that its tables have. */
#define SASLCASE(function) ((saslcase_function)(void (*)(void))(function))

/* What the application, server or client, answers to the library. */
struct saslcase {
    char folder[64];
    /* Options: name, value, …, NULL */
    const char *options[17];
    const char *authname;
    const char *user;
    const char *password;
    char log[16384];
    char allowed_proxy[64]; /* "AUTHID:USER" that the proxy policy allows beside oneself */
};

static struct saslcase saslcase;

static int saslcase_getopt(void *context, const char *plugin, const char *option,
                           const char **result, unsigned *len)
{
    (void)context;
    (void)plugin;
    for (size_t i = 0; saslcase.options[i] != NULL; i += 2) {
        if (strcmp(saslcase.options[i], option) == 0) {
            *result = saslcase.options[i + 1];
            if (len != NULL)
                *len = (unsigned)strlen(*result);
            return SASL_OK;
        }
    }
    return SASL_FAIL;
}

static int saslcase_getpath(void *context, const char **path)
{
    (void)context;
    *path = TEST_PLUGINS;
    return SASL_OK;
}

static int saslcase_log(void *context, int level, const char *message)
{
    size_t used = strlen(saslcase.log);

    (void)context;
    /* libsasl's own: no auxprop plug-in is installed */
    if (level >= SASL_LOG_DEBUG)
        return SASL_OK;
    (void)snprintf(saslcase.log + used, sizeof(saslcase.log) - used, "%d %s\n", level, message);
    return SASL_OK;
}

static int saslcase_proxy(sasl_conn_t *conn, void *context, const char *user, unsigned user_len,
                          const char *authid, unsigned authid_len, const char *realm,
                          unsigned realm_len, struct propctx *props)
{
    const char *pair = mint_text("%.*s:%.*s", (int)authid_len, authid, (int)user_len, user);

    (void)conn;
    (void)context;
    (void)realm;
    (void)realm_len;
    (void)props;
    if (user_len == authid_len && memcmp(user, authid, user_len) == 0)
        return SASL_OK;
    return strcmp(pair, saslcase.allowed_proxy) == 0 ? SASL_OK : SASL_NOAUTHZ;
}

static int saslcase_name(void *context, int id, const char **result, unsigned *len)
{
    const char *name = id == SASL_CB_USER ? saslcase.user : saslcase.authname;

    (void)context;
    if (name == NULL)
        return SASL_FAIL;
    *result = name;
    if (len != NULL)
        *len = (unsigned)strlen(name);
    return SASL_OK;
}

static int saslcase_secret(sasl_conn_t *conn, void *context, int id, sasl_secret_t **ret)
{
    static uint64_t room[20000];
    sasl_secret_t *secret = (sasl_secret_t *)room;
    size_t len = strlen(saslcase.password);

    (void)conn;
    (void)context;
    (void)id;
    assert_true(len + sizeof(*secret) < sizeof(room));
    secret->len = len;
    memcpy(secret->data, saslcase.password, len + 1);
    *ret = secret;
    return SASL_OK;
}

static sasl_callback_t saslcase_callbacks[] = {
    {SASL_CB_GETOPT, SASLCASE(saslcase_getopt), NULL},
    {SASL_CB_GETPATH, SASLCASE(saslcase_getpath), NULL},
    {SASL_CB_LOG, SASLCASE(saslcase_log), NULL},
    {SASL_CB_PROXY_POLICY, SASLCASE(saslcase_proxy), NULL},
    {SASL_CB_AUTHNAME, SASLCASE(saslcase_name), NULL},
    {SASL_CB_USER, SASLCASE(saslcase_name), NULL},
    {SASL_CB_PASS, SASLCASE(saslcase_secret), NULL},
    {SASL_CB_LIST_END, NULL, NULL},
};

static const char *saslcase_file(const char *name)
{
    return mint_text("%s/%s", saslcase.folder, name);
}

static void saslcase_write(const char *name, const char *text)
{
    FILE *file = fopen(saslcase_file(name), "w");

    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(saslcase_file(name), 0600), 0);
}

/* A provider with a key in a file, and services; `more` stands at the end. */
static void saslcase_conf(const char *more)
{
    saslcase_write("jwks.json",
                   mint_jwks(mint_jwk(MINT_P256, "\"kid\":\"k\",\"alg\":\"ES256\""), NULL));
    saslcase_write("wfauth.conf",
                   mint_text("[provider mail]\ntype = oidc\nurl = https://sso.example\n"
                             "jwks_file = %s/jwks.json\ncache_dir = %s\n"
                             "username = preferred_username\nstrip_domain = acme.example\n"
                             "[service *]\naudience = urn:mail\n"
                             "[service imap]\nrequired_scope = mail\n%s",
                             saslcase.folder, saslcase.folder, more));
}

/* A good token for ann, but for one claim. */
static inline const char *saslcase_token(const char *claim, const char *value)
{
    const char *good =
        mint_text("{\"iss\":\"https://sso.example\",\"sub\":\"4711\",\"aud\":\"urn:mail\","
                  "\"preferred_username\":\"ann@acme.example\",\"scope\":\"openid mail\","
                  "\"exp\":%lld}",
                  (long long)time(NULL) + 600);

    return mint_token("ES256", MINT_P256, "{\"alg\":\"ES256\",\"kid\":\"k\"}",
                      claim == NULL ? good : mint_change(good, claim, value, (char *)NULL));
}

static int saslcase_begin(void **state)
{
    (void)state;
    (void)snprintf(saslcase.folder, sizeof(saslcase.folder), "/tmp/wfauth-sasl-XXXXXX");
    return mkdtemp(saslcase.folder) == NULL ? -1 : 0;
}

static int saslcase_end(void **state)
{
    static const char *const names[] = {"wfauth.conf", "jwks.json", "token"};

    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(names); i++)
        (void)remove(saslcase_file(names[i]));
    int failed = remove(saslcase.folder);
    mint_done();
    return failed;
}

/* The options that a test has besides oauthbearer_config; the library is initialised. */
static void saslcase_start(const char *name, const char *value)
{
    const char *const fresh[] = {"oauthbearer_config", saslcase_file("wfauth.conf"), name, value,
                                 NULL};

    memset(saslcase.options, 0, sizeof(saslcase.options));
    memcpy(saslcase.options, fresh, sizeof(fresh));
    saslcase.log[0] = '\0';
    saslcase.allowed_proxy[0] = '\0';
    saslcase.authname = "ann";
    saslcase.user = NULL;
    assert_int_equal(sasl_server_init(saslcase_callbacks, "wfauth-test"), SASL_OK);
    assert_int_equal(sasl_client_init(saslcase_callbacks), SASL_OK);
}

static void saslcase_stop(void)
{
    sasl_client_done();
    sasl_server_done();
}

#endif
