/* The client's side of the plug-in, loaded by the real libsasl: what it sends, to whom, and how it
 * takes what the server says. */
#include "config.h"

#include "saslcase.h"

#define SEP "\x01"

static sasl_conn_t *client_new(const char *service, const sasl_callback_t *callbacks)
{
    sasl_conn_t *conn = NULL;

    assert_int_equal(sasl_client_new(service, "imap.acme.example", "192.0.2.7;40000",
                                     "192.0.2.1;143", callbacks, 0, &conn),
                     SASL_OK);
    return conn;
}

/* The first message, kept; NULL where there is none. */
static const char *first(sasl_conn_t *conn, const char *mech, int *ret_code)
{
    const char *out = NULL;
    const char *name = NULL;
    unsigned len = 0;

    *ret_code = sasl_client_start(conn, mech, NULL, &out, &len, &name);
    return out == NULL ? NULL : mint_text("%.*s", (int)len, out);
}

static const struct {
    const char *name;
    const char *conf;
    const char *option;
    const char *value;
    const char *user; /* SASL_CB_USER */
    const char *oauthbearer;
    const char *xoauth2;
} messages[] = {
    {"as it comes", "", NULL, NULL, NULL,
     "n,," SEP "host=imap.acme.example" SEP "port=143" SEP "auth=Bearer tok" SEP SEP,
     "user=ann" SEP "auth=Bearer tok" SEP SEP},
    {"for somebody", "", NULL, NULL, "b,b",
     "n,a=b=2Cb," SEP "host=imap.acme.example" SEP "port=143" SEP "auth=Bearer tok" SEP SEP,
     "user=b,b" SEP "auth=Bearer tok" SEP SEP},
    {"always a name", "client_authzid = always\nclient_host = no\n", NULL, NULL, NULL,
     "n,a=ann," SEP "auth=Bearer tok" SEP SEP, "user=ann" SEP "auth=Bearer tok" SEP SEP},
    {"always that name", "client_authzid = always\nclient_host = no\n", NULL, NULL, "bob",
     "n,a=bob," SEP "auth=Bearer tok" SEP SEP, "user=bob" SEP "auth=Bearer tok" SEP SEP},
    {"never a name", "client_authzid = no\nclient_host = no\n", NULL, NULL, "bob",
     "n,," SEP "auth=Bearer tok" SEP SEP, "user=bob" SEP "auth=Bearer tok" SEP SEP},
    {"by the application's options", "client_host = no\n", "oauthbearer_client_authzid", "always",
     NULL, "n,a=ann," SEP "auth=Bearer tok" SEP SEP, "user=ann" SEP "auth=Bearer tok" SEP SEP},
    {"an option that is none", "client_host = no\n", "oauthbearer_client_authzid", "sometimes",
     NULL, "n,," SEP "auth=Bearer tok" SEP SEP, "user=ann" SEP "auth=Bearer tok" SEP SEP},
    {"no host by option", "", "oauthbearer_client_host", "no", NULL,
     "n,," SEP "auth=Bearer tok" SEP SEP, "user=ann" SEP "auth=Bearer tok" SEP SEP},
};

static void test_messages(void **state)
{
    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(messages); i++) {
        saslcase_conf(messages[i].conf);
        saslcase_start(messages[i].option, messages[i].value);
        saslcase.user = messages[i].user;
        saslcase.password = "tok";
        for (size_t j = 0; j < 2; j++) {
            sasl_conn_t *conn = client_new("imap", NULL);
            int code = SASL_FAIL;
            const char *text = first(conn, j == 0 ? "OAUTHBEARER" : "XOAUTH2", &code);
            const char *wanted = j == 0 ? messages[i].oauthbearer : messages[i].xoauth2;
            /* Not done before the server has said so */
            if (code != SASL_CONTINUE || text == NULL || strcmp(text, wanted) != 0)
                fail_msg("%s: code %d, %s", messages[i].name, code, text);
            sasl_dispose(&conn);
        }
        saslcase_stop();
    }
}

/* What the server says next -> what the client answers. */
static const struct {
    const char *name;
    const char *said;
    int code;
    const char *answer;
    const char *logged;
} answers[] = {
    {"nothing", "", SASL_OK, "", NULL},
    {"invalid token", "{\"status\":\"invalid_token\",\"scope\":\"mail\"}", SASL_CONTINUE, SEP,
     "get a new one (server: invalid_token), scope wanted: mail"},
    {"wrong scope", "{\"status\":\"insufficient_scope\"}", SASL_CONTINUE, SEP,
     "get one with its scope (server: insufficient_scope)"},
    {"XOAUTH2's",
     "{\"status\":\"400\",\"schemes\":\"Bearer\",\"scope\":\"https://mail.google.com/\"}",
     SASL_CONTINUE, SEP, "scope wanted: https://mail.google.com/"},
    {"an unknown status", "{\"status\":\"oops\\u001b[31m\"}", SASL_CONTINUE, SEP,
     "refuses the token (server: oops?[31m)"},
    {"no status", "{}", SASL_CONTINUE, SEP, "the server refuses the token\n"},
    {"half a JSON", "{\"status\":", SASL_CONTINUE, SEP, "the server refuses the token\n"},
    {"a status that is a number", "{\"status\":401}", SASL_CONTINUE, SEP,
     "the server refuses the token\n"},
    {"stale text", "A01 OK done", SASL_OK, "", NULL},
};

static void test_answers(void **state)
{
    (void)state;
    saslcase_conf("");
    for (size_t i = 0; i < 2 * WF_ARRAY_LEN(answers); i++) {
        size_t n = i / 2;
        const char *out = NULL;
        unsigned len = 0;
        int code = SASL_FAIL;
        saslcase_start(NULL, NULL);
        saslcase.password = "tok";
        sasl_conn_t *conn = client_new("imap", NULL);
        assert_non_null(first(conn, i % 2 == 0 ? "OAUTHBEARER" : "XOAUTH2", &code));
        code = sasl_client_step(conn, answers[n].said, (unsigned)strlen(answers[n].said), NULL,
                                &out, &len);
        if (code != answers[n].code || len != strlen(answers[n].answer) ||
            (len > 0 && memcmp(out, answers[n].answer, len) != 0))
            fail_msg("%s: code %d", answers[n].name, code);
        if (answers[n].logged != NULL && strstr(saslcase.log, answers[n].logged) == NULL)
            fail_msg("%s: %s", answers[n].name, saslcase.log);
        if (answers[n].code == SASL_CONTINUE) {
            assert_string_equal(sasl_errdetail(conn) == NULL ? "" : "said", "said");
            /* The server must end it now; whatever else it says is no success */
            assert_int_equal(sasl_client_step(conn, "", 0, NULL, &out, &len), SASL_BADAUTH);
        }
        assert_null(strstr(saslcase.log, "tok "));
        sasl_dispose(&conn);
        saslcase_stop();
    }
}

static const struct {
    const char *name;
    const char *conf;
    const char *option;
    const char *value;
    const char *password; /* FILE stands for the token's file */
    mode_t mode;
    const char *content;
    const char *token; /* NULL: refused */
} markers[] = {
    {"a file", "client_markers = file\n", NULL, NULL, "file:FILE", 0600, "tok\n", "tok"},
    {"both", "client_markers = both\n", NULL, NULL, "file:FILE", 0600, " tok \n\n", "tok"},
    {"off", "", NULL, NULL, "file:FILE", 0600, "tok\n", "file:FILE"},
    {"of the other kind", "client_markers = provider\n", NULL, NULL, "file:FILE", 0600, "tok\n",
     "file:FILE"},
    {"by option", "", "oauthbearer_client_markers", "file", "file:FILE", 0600, "tok\n", "tok"},
    {"off by option", "client_markers = file\n", "oauthbearer_client_markers", "no", "file:FILE",
     0600, "tok\n", "file:FILE"},
    {"off by a bad option", "client_markers = file\n", "oauthbearer_client_markers", "sure",
     "file:FILE", 0600, "tok\n", "file:FILE"},
    {"readable by all", "client_markers = file\n", NULL, NULL, "file:FILE", 0644, "tok\n", NULL},
    {"no file", "client_markers = file\n", NULL, NULL, "file:FILE.not", 0600, "tok\n", NULL},
    {"no absolute path", "client_markers = file\n", NULL, NULL, "file:token", 0600, "tok\n", NULL},
    {"no path", "client_markers = file\n", NULL, NULL, "file:", 0600, "tok\n", NULL},
    {"empty", "client_markers = file\n", NULL, NULL, "file:FILE", 0600, "\n", NULL},
    {"two words", "client_markers = file\n", NULL, NULL, "file:FILE", 0600, "tok tok\n", NULL},
    {"a provider", "client_markers = both\n", NULL, NULL, "provider:mail", 0600, "tok\n", NULL},
    {"a provider, off", "client_markers = file\n", NULL, NULL, "provider:mail", 0600, "tok\n",
     "provider:mail"},
    {"a token with blanks", "", NULL, NULL, "tok tok", 0600, "tok\n", NULL},
    {"no token", "", NULL, NULL, "", 0600, "tok\n", NULL},
};

/* Put the path in the place of FILE. */
static const char *with_file(const char *text)
{
    const char *mark = strstr(text, "FILE");

    return mark == NULL
               ? text
               : mint_text("%.*s%s%s", (int)(mark - text), text, saslcase_file("token"), mark + 4);
}

static void test_markers(void **state)
{
    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(markers); i++) {
        int code = SASL_FAIL;
        saslcase_conf(mint_text("client_host = no\n%s", markers[i].conf));
        saslcase_write("token", markers[i].content);
        assert_int_equal(chmod(saslcase_file("token"), markers[i].mode), 0);
        saslcase_start(markers[i].option, markers[i].value);
        saslcase.password = with_file(markers[i].password);
        sasl_conn_t *conn = client_new("imap", NULL);
        const char *text = first(conn, "OAUTHBEARER", &code);
        if (markers[i].token == NULL) {
            if (code == SASL_CONTINUE || code == SASL_OK || text != NULL || saslcase.log[0] == '\0')
                fail_msg("%s: code %d, %s, %s", markers[i].name, code, text, saslcase.log);
        } else {
            const char *wanted =
                mint_text("n,," SEP "auth=Bearer %s" SEP SEP, with_file(markers[i].token));
            if (code != SASL_CONTINUE || text == NULL || strcmp(text, wanted) != 0)
                fail_msg("%s: code %d, %s, %s", markers[i].name, code, text, saslcase.log);
        }
        sasl_dispose(&conn);
        saslcase_stop();
    }
}

/* An application without callbacks is asked, and answers in its next call. */
static void test_prompts(void **state)
{
    static const sasl_callback_t questions[] = {
        {SASL_CB_USER, NULL, NULL},
        {SASL_CB_AUTHNAME, NULL, NULL},
        {SASL_CB_PASS, NULL, NULL},
        {SASL_CB_LIST_END, NULL, NULL},
    };
    sasl_interact_t *prompts = NULL;
    const char *out = NULL;
    const char *name = NULL;
    unsigned len = 0;

    (void)state;
    saslcase_conf("client_host = no\n");
    saslcase_start(NULL, NULL);
    sasl_conn_t *conn = client_new("imap", questions);
    assert_int_equal(sasl_client_start(conn, "OAUTHBEARER", &prompts, &out, &len, &name),
                     SASL_INTERACT);
    assert_non_null(prompts);
    for (sasl_interact_t *p = prompts; p->id != SASL_CB_LIST_END; p++) {
        p->result = p->id == SASL_CB_PASS ? "tok" : p->id == SASL_CB_AUTHNAME ? "ann" : "";
        p->len = (unsigned)strlen(p->result);
    }
    assert_int_equal(sasl_client_start(conn, "OAUTHBEARER", &prompts, &out, &len, &name),
                     SASL_CONTINUE);
    assert_string_equal(mint_text("%.*s", (int)len, out), "n,," SEP "auth=Bearer tok" SEP SEP);
    assert_int_equal(sasl_client_step(conn, "", 0, NULL, &out, &len), SASL_OK);
    sasl_dispose(&conn);
    /* Half an answer is asked for again */
    conn = client_new("imap", questions);
    prompts = NULL;
    assert_int_equal(sasl_client_start(conn, "XOAUTH2", &prompts, &out, &len, &name),
                     SASL_INTERACT);
    for (sasl_interact_t *p = prompts; p->id != SASL_CB_LIST_END; p++) {
        if (p->id == SASL_CB_AUTHNAME) {
            p->result = "ann";
            p->len = 3;
        }
    }
    assert_int_equal(sasl_client_start(conn, "XOAUTH2", &prompts, &out, &len, &name),
                     SASL_INTERACT);
    free(prompts);
    sasl_dispose(&conn);
    saslcase_stop();
}

static bool is_offered(void)
{
    sasl_conn_t *conn = client_new("imap", NULL);
    int code = SASL_FAIL;

    saslcase.password = "tok";
    (void)first(conn, "OAUTHBEARER", &code);
    sasl_dispose(&conn);
    return code == SASL_CONTINUE;
}

static void test_offer(void **state)
{
    sasl_conn_t *conn = NULL;
    int code = SASL_FAIL;

    (void)state;
    saslcase_conf("");
    saslcase_start(NULL, NULL);
    assert_true(is_offered());
    saslcase_stop();
    /* One service may not, and says so */
    saslcase_conf("client = no\n");
    saslcase_start(NULL, NULL);
    assert_false(is_offered());
    assert_non_null(strstr(saslcase.log, "client = no"));
    conn = client_new("smtp", NULL);
    (void)first(conn, "OAUTHBEARER", &code);
    assert_int_equal(code, SASL_CONTINUE);
    sasl_dispose(&conn);
    saslcase_stop();
    /* None may: other mechanisms are chosen as if this were not installed */
    saslcase_write("wfauth.conf",
                   mint_text("[provider mail]\ntype = oidc\nurl = https://sso.example\n"
                             "jwks_file = %s/jwks.json\ncache_dir = %s\n"
                             "[service *]\nclient = no\naudience = m\n",
                             saslcase.folder, saslcase.folder));
    saslcase_start(NULL, NULL);
    conn = client_new("imap", NULL);
    assert_null(first(conn, "OAUTHBEARER", &code));
    assert_int_equal(code, SASL_NOMECH);
    sasl_dispose(&conn);
    saslcase_stop();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_messages), cmocka_unit_test(test_answers),
        cmocka_unit_test(test_markers),  cmocka_unit_test(test_prompts),
        cmocka_unit_test(test_offer),
    };

    return cmocka_run_group_tests(tests, saslcase_begin, saslcase_end);
}
