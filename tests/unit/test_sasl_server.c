/* The server's side of the plug-in, loaded by the real libsasl: what goes over the wire, and what
 * the application gets. */
#include "config.h"

#include "saslcase.h"

#define SEP "\x01"

/* What an exchange came to. */
struct outcome {
    int code;        /* of the last step */
    char json[1024]; /* what the server said before that; "": nothing */
    char user[256];  /* of the application's: "" if it failed */
    char authid[256];
};

static sasl_conn_t *server_new(const char *service)
{
    sasl_conn_t *conn = NULL;

    assert_int_equal(sasl_server_new(service, "imap.acme.example", NULL, "127.0.0.1;143",
                                     "192.0.2.7;40000", NULL, 0, &conn),
                     SASL_OK);
    return conn;
}

static void read_names(sasl_conn_t *conn, struct outcome *ret)
{
    const void *value = NULL;

    if (sasl_getprop(conn, SASL_USERNAME, &value) == SASL_OK && value != NULL)
        (void)snprintf(ret->user, sizeof(ret->user), "%s", (const char *)value);
    if (sasl_getprop(conn, SASL_AUTHUSER, &value) == SASL_OK && value != NULL)
        (void)snprintf(ret->authid, sizeof(ret->authid), "%s", (const char *)value);
}

/* One exchange; what follows a refusal is `last`. */
static struct outcome talk_at(const char *service, const char *mech, const char *message,
                              size_t len, const char *last, size_t last_len)
{
    struct outcome outcome = {.json = ""};
    sasl_conn_t *conn = server_new(service);
    const char *out = NULL;
    unsigned out_len = 0;

    outcome.code = sasl_server_start(conn, mech, message, (unsigned)len, &out, &out_len);
    if (outcome.code == SASL_CONTINUE) {
        assert_non_null(out);
        assert_true(out_len < sizeof(outcome.json));
        memcpy(outcome.json, out, out_len);
        outcome.json[out_len] = '\0';
        outcome.code = sasl_server_step(conn, last, (unsigned)last_len, &out, &out_len);
        assert_int_not_equal(outcome.code, SASL_CONTINUE);
    }
    if (outcome.code == SASL_OK)
        read_names(conn, &outcome);
    sasl_dispose(&conn);
    return outcome;
}

static struct outcome talk(const char *mech, const char *message)
{
    return talk_at("imap", mech, message, strlen(message), SEP, 1);
}

static const char *oauthbearer(const char *header, const char *token)
{
    return mint_text("%s" SEP "auth=Bearer %s" SEP SEP, header, token);
}

static const char *xoauth2(const char *user, const char *token)
{
    return mint_text("user=%s" SEP "auth=Bearer %s" SEP SEP, user, token);
}

static void assert_ann(struct outcome outcome)
{
    if (outcome.code != SASL_OK)
        fail_msg("code %d, json %s, log %s", outcome.code, outcome.json, saslcase.log);
    assert_string_equal(outcome.json, "");
    assert_string_equal(outcome.user, "ann");
    assert_string_equal(outcome.authid, "ann");
}

static void test_accepted(void **state)
{
    static const char *const headers[] = {
        "n,,", "y,,", "n,a=ann,", "n,a=ANN,", "n,a=ann@acme.example,", "n,a=Ann@ACME.example,",
    };
    static const char *const users[] = {"ann", "ann@acme.example", "", "ANN"};
    const char *token = saslcase_token(NULL, NULL);

    (void)state;
    saslcase_conf("");
    saslcase_start(NULL, NULL);
    for (size_t i = 0; i < WF_ARRAY_LEN(headers); i++)
        assert_ann(talk("OAUTHBEARER", oauthbearer(headers[i], token)));
    for (size_t i = 0; i < WF_ARRAY_LEN(users); i++)
        assert_ann(talk("XOAUTH2", xoauth2(users[i], token)));
    assert_string_equal(saslcase.log, "");
    saslcase_stop();
}

#define DISCOVERY                                                                                  \
    "\"openid-configuration\":\"https://sso.example/.well-known/openid-configuration\"}"
#define INVALID "{\"status\":\"invalid_token\",\"scope\":\"mail\"," DISCOVERY
#define REQUEST "{\"status\":\"invalid_request\",\"scope\":\"mail\"," DISCOVERY
#define SCOPE "{\"status\":\"insufficient_scope\",\"scope\":\"mail\"," DISCOVERY

static const struct {
    const char *name;
    const char *claim;
    const char *value;
    const char *json;
    const char *xoauth2;
} refusals[] = {
    {"expired", "exp", "1000000000", INVALID, "401"},
    {"another audience", "aud", "\"urn:web\"", INVALID, "401"},
    {"another issuer", "iss", "\"https://sso.example.org\"", INVALID, "401"},
    {"no scope", "scope", "\"openid\"", SCOPE, "403"},
    {"a name that is none", "preferred_username", "\"ann@elsewhere.example\"", INVALID, "401"},
    {"a special name", "preferred_username", "\"cyrus@acme.example\"", INVALID, "401"},
};

static void assert_refused(const char *name, struct outcome outcome, int code, const char *json)
{
    if (outcome.code != code || strcmp(outcome.json, json) != 0)
        fail_msg("%s: code %d, json %s, log %s", name, outcome.code, outcome.json, saslcase.log);
    assert_string_equal(outcome.user, "");
}

static void test_refused(void **state)
{
    (void)state;
    saslcase_conf("");
    saslcase_start(NULL, NULL);
    for (size_t i = 0; i < WF_ARRAY_LEN(refusals); i++) {
        const char *token = saslcase_token(refusals[i].claim, refusals[i].value);
        const char *json = mint_text(
            "{\"status\":\"%s\",\"schemes\":\"bearer\",\"scope\":\"mail\"}", refusals[i].xoauth2);
        assert_refused(refusals[i].name, talk("OAUTHBEARER", oauthbearer("n,,", token)),
                       SASL_BADAUTH, refusals[i].json);
        assert_refused(refusals[i].name, talk("XOAUTH2", xoauth2("ann", token)), SASL_BADAUTH,
                       json);
    }
    /* Where to get one (RFC 7628 §4.3) */
    assert_refused("discovery", talk("OAUTHBEARER", "n,," SEP "auth=" SEP SEP), SASL_BADAUTH,
                   INVALID);
    assert_refused(
        "forged",
        talk("OAUTHBEARER",
             oauthbearer("n,,", mint_text("%.*sAAAA", (int)strlen(saslcase_token(NULL, NULL)) - 4,
                                          saslcase_token(NULL, NULL)))),
        SASL_BADAUTH, INVALID);
    assert_refused("grammar", talk("OAUTHBEARER", "n,,"), SASL_BADAUTH, REQUEST);
    assert_refused("channel binding",
                   talk("OAUTHBEARER", oauthbearer("p=tls-unique,,", saslcase_token(NULL, NULL))),
                   SASL_BADAUTH, REQUEST);
    saslcase_stop();
}

/* After a refusal nothing helps: not a good token, not anything. */
static void test_second_try(void **state)
{
    const char *bad = oauthbearer("n,,", saslcase_token("aud", "\"urn:web\""));
    const char *good = oauthbearer("n,,", saslcase_token(NULL, NULL));

    (void)state;
    saslcase_conf("");
    saslcase_start(NULL, NULL);
    assert_int_equal(talk_at("imap", "OAUTHBEARER", bad, strlen(bad), "", 0).code, SASL_BADAUTH);
    assert_int_equal(talk_at("imap", "OAUTHBEARER", bad, strlen(bad), good, strlen(good)).code,
                     SASL_BADPROT);
    assert_int_equal(talk_at("imap", "OAUTHBEARER", bad, strlen(bad), SEP SEP, 2).code,
                     SASL_BADPROT);
    assert_int_equal(talk_at("imap", "OAUTHBEARER", bad, strlen(bad), "x", 1).code, SASL_BADPROT);
    saslcase_stop();
}

/* Without an initial response, and with an empty one. */
static void test_no_initial_response(void **state)
{
    const char *good = oauthbearer("n,,", saslcase_token(NULL, NULL));
    const char *out = NULL;
    unsigned len = 1;

    (void)state;
    saslcase_conf("");
    saslcase_start(NULL, NULL);
    for (size_t i = 0; i < 2; i++) {
        sasl_conn_t *conn = server_new("imap");
        assert_int_equal(sasl_server_start(conn, "OAUTHBEARER", i == 0 ? NULL : "", 0, &out, &len),
                         SASL_CONTINUE);
        assert_int_equal(len, 0);
        assert_int_equal(sasl_server_step(conn, good, (unsigned)strlen(good), &out, &len), SASL_OK);
        sasl_dispose(&conn);
        conn = server_new("imap");
        assert_int_equal(sasl_server_start(conn, "OAUTHBEARER", i == 0 ? NULL : "", 0, &out, &len),
                         SASL_CONTINUE);
        /* Nothing twice is no message */
        int code = sasl_server_step(conn, "", 0, &out, &len);
        if (code == SASL_CONTINUE)
            code = sasl_server_step(conn, "", 0, &out, &len);
        if (code == SASL_CONTINUE)
            code = sasl_server_step(conn, "", 0, &out, &len);
        assert_int_equal(code, SASL_BADAUTH);
        sasl_dispose(&conn);
    }
    saslcase_stop();
}

/* Somebody else's name is the application's own policy. */
static void test_proxy(void **state)
{
    const char *token = saslcase_token(NULL, NULL);
    struct outcome outcome;

    (void)state;
    saslcase_conf("");
    saslcase_start(NULL, NULL);
    assert_int_equal(talk("OAUTHBEARER", oauthbearer("n,a=bob,", token)).code, SASL_NOAUTHZ);
    assert_int_equal(talk("XOAUTH2", xoauth2("bob", token)).code, SASL_NOAUTHZ);
    assert_int_equal(talk("OAUTHBEARER", oauthbearer("n,a=ann@acme.example.org,", token)).code,
                     SASL_NOAUTHZ);
    (void)snprintf(saslcase.allowed_proxy, sizeof(saslcase.allowed_proxy), "ann:b,=b");
    outcome = talk("OAUTHBEARER", oauthbearer("n,a=b=2C=3Db,", token));
    assert_int_equal(outcome.code, SASL_OK);
    assert_string_equal(outcome.user, "b,=b");
    assert_string_equal(outcome.authid, "ann");
    saslcase_stop();
}

/* host= and port= are judged where the configuration or the application says what they must be. */
static void test_place(void **state)
{
    static const struct {
        const char *pairs;
        const char *option;
        const char *value;
        bool fits;
    } rows[] = {
        {"", NULL, NULL, true},
        {"host=imap.acme.example" SEP "port=143" SEP, NULL, NULL, true},
        {"host=IMAP.acme.example" SEP, NULL, NULL, true},
        {"host=evil.example" SEP, NULL, NULL, false},
        {"host=imap.acme.example." SEP, NULL, NULL, false},
        {"port=144" SEP, NULL, NULL, false},
        {"host=mx.acme.example" SEP, "oauthbearer_host", "mx.acme.example", true},
        {"host=imap.acme.example" SEP, "oauthbearer_host", "mx.acme.example", false},
        {"port=993" SEP, "oauthbearer_port", "993", true},
        {"port=143" SEP, "oauthbearer_port", "993", false},
    };
    const char *token = saslcase_token(NULL, NULL);

    (void)state;
    saslcase_conf("host = imap.acme.example\nport = 143\n");
    for (size_t i = 0; i < WF_ARRAY_LEN(rows); i++) {
        saslcase_start(rows[i].option, rows[i].value);
        struct outcome outcome = talk(
            "OAUTHBEARER", mint_text("n,," SEP "%sauth=Bearer %s" SEP SEP, rows[i].pairs, token));
        if (rows[i].fits)
            assert_ann(outcome);
        else
            assert_refused(rows[i].pairs, outcome, SASL_BADAUTH, REQUEST);
        saslcase_stop();
    }
    saslcase_start("oauthbearer_port", "imaps");
    assert_int_equal(talk("OAUTHBEARER", oauthbearer("n,,", token)).code, SASL_FAIL);
    saslcase_stop();
}

static bool is_any_offered(void)
{
    sasl_conn_t *conn = server_new("imap");
    const char *list = NULL;
    bool any = sasl_listmech(conn, NULL, "", " ", "", &list, NULL, NULL) == SASL_OK &&
               (strstr(list, "OAUTHBEARER") != NULL || strstr(list, "XOAUTH2") != NULL);

    sasl_dispose(&conn);
    return any;
}

static bool is_offered(void)
{
    sasl_conn_t *conn = server_new("imap");
    const char *list = NULL;

    if (sasl_listmech(conn, NULL, "", " ", "", &list, NULL, NULL) != SASL_OK)
        list = NULL;
    bool offered = list != NULL && strstr(list, "OAUTHBEARER") != NULL;
    assert_int_equal(offered, list != NULL && strstr(list, "XOAUTH2") != NULL);
    sasl_dispose(&conn);
    return offered;
}

/* Not configured: silence. A bad file: silence to clients, words to the administrator. */
static void test_offer(void **state)
{
    (void)state;
    saslcase_conf("");
    saslcase_start(NULL, NULL);
    assert_true(is_offered());
    assert_string_equal(saslcase.log, "");
    saslcase_stop();
    saslcase_start(NULL, NULL);
    saslcase_stop();
    saslcase_conf("nonsense = 1\n");
    saslcase_start(NULL, NULL);
    assert_false(is_offered());
    saslcase_stop();
    saslcase_start("oauthbearer_service", "imap");
    saslcase_stop();
}

/* The host's own list decides, and a host that wants neither has a configuration for others. */
static void test_mech_list(void **state)
{
    static const struct {
        const char *list;
        bool offered;
    } rows[] = {
        {"PLAIN OAUTHBEARER", true}, {"oauthbearer\tplain", true},   {"PLAIN XOAUTH2", true},
        {"PLAIN LOGIN", false},      {"OAUTHBEARER2 XOAUTH", false},
    };

    (void)state;
    saslcase_conf("");
    for (size_t i = 0; i < WF_ARRAY_LEN(rows); i++) {
        saslcase_start("mech_list", rows[i].list);
        /* libsasl's list has what is in both */
        if (is_any_offered() != rows[i].offered)
            fail_msg("%s", rows[i].list);
        saslcase_stop();
    }
}

/* oauthbearer_service gives the application another section. */
static void test_service(void **state)
{
    const char *good = oauthbearer("n,,", saslcase_token("scope", "\"openid\""));

    (void)state;
    saslcase_conf("");
    saslcase_start("oauthbearer_service", "imap");
    assert_int_equal(talk_at("smtp", "OAUTHBEARER", good, strlen(good), SEP, 1).code, SASL_BADAUTH);
    saslcase_stop();
    saslcase_start("oauthbearer_service", "smtp");
    assert_ann(talk_at("imap", "OAUTHBEARER", good, strlen(good), SEP, 1));
    saslcase_stop();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_accepted),   cmocka_unit_test(test_refused),
        cmocka_unit_test(test_second_try), cmocka_unit_test(test_no_initial_response),
        cmocka_unit_test(test_proxy),      cmocka_unit_test(test_place),
        cmocka_unit_test(test_offer),      cmocka_unit_test(test_service),
        cmocka_unit_test(test_mech_list),
    };

    return cmocka_run_group_tests(tests, saslcase_begin, saslcase_end);
}
