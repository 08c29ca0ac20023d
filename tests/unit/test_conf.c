#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "conf.h"
#include "conf_case.h"
#include "failalloc.h"
#include "within.h"

/* The smallest configuration that works, and the lines that the rows below replace. */
static const char minimal[] = "[provider acme]\n"
                              "type = workfront\n"
                              "url = https://acme.my.workfront.com\n"
                              "client_id = 2f1c\n"
                              "redirect_uri = https://login.acme.example/code\n";

/* The linker routes the core's calls through here: the n-th allocation fails, and the effective
 * user is whoever the test says. */
void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);
uid_t __wrap_geteuid(void);
int __wrap_eaccess(const char *path, int mode);
static uid_t effective_user;
static bool secret_is_readable = true;

void *__wrap_calloc(size_t count, size_t size)
{
    return fail_alloc_now() ? NULL : __real_calloc(count, size);
}

uid_t __wrap_geteuid(void)
{
    return effective_user;
}

int __wrap_eaccess(const char *path, int mode)
{
    (void)path;
    assert_int_equal(mode, R_OK);
    errno = EACCES;
    return secret_is_readable ? 0 : -1;
}

static void test_minimal(void **state)
{
    (void)state;
    struct wf_conf *conf = good(minimal);
    const struct wf_provider_conf *provider = wf_conf_provider(conf, "acme");
    const struct wf_policy *policy = NULL;

    assert_non_null(provider);
    assert_ptr_equal(provider, wf_conf_provider_at(conf, 0));
    assert_null(wf_conf_provider_at(conf, 1));
    assert_null(wf_conf_provider(conf, "acm"));
    assert_string_equal(provider->name, "acme");
    assert_int_equal(provider->type, WF_PROVIDER_WORKFRONT);
    assert_string_equal(provider->url, "https://acme.my.workfront.com");
    assert_string_equal(provider->client_id, "2f1c");
    assert_string_equal(provider->redirect_uri, "https://login.acme.example/code");
    assert_string_equal(provider->api_version, "v20.0");
    assert_null(provider->client_secret_file);
    assert_null(provider->scope);
    assert_null(provider->ca_file);
    assert_null(provider->proxy);
    assert_int_equal(provider->timeout, 10);
    assert_false(provider->allow_http_loopback);
    assert_string_equal(provider->helper_user, WF_HELPER_USER);

    assert_int_equal(wf_conf_policy(conf, "sshd", &policy, NULL), WF_OK);
    assert_ptr_equal(policy, wf_conf_policy_at(conf, 0));
    assert_null(wf_conf_policy_at(conf, 1));
    assert_string_equal(policy->service, "*");
    assert_int_equal(policy->accepted_count, 1);
    assert_ptr_equal(policy->accepted[0].provider, provider);
    assert_int_equal(policy->accepted[0].naming.username.count, 2);
    assert_string_equal(policy->accepted[0].naming.username.items[0], "username");
    assert_string_equal(policy->accepted[0].naming.username.items[1], "emailAddr");
    assert_null(policy->accepted[0].naming.strip_domain);
    assert_null(policy->accepted[0].naming.username_regex);
    assert_null(policy->accepted[0].naming.map_file);
    assert_int_equal(policy->flow, WF_FLOW_CODE);
    assert_int_equal(policy->qr, WF_QR_AUTO);
    assert_int_equal(policy->min_uid, 1000);
    assert_int_equal(policy->max_uid, 60000);
    assert_int_equal(policy->allow_users.count + policy->deny_users.count + policy->require.count +
                         policy->require_name.count,
                     0);
    wf_conf_free(conf);
}

static const char everything[] = "\xef\xbb\xbf# a byte order mark, CR LF, tabs\r\n"
                                 "[provider acme]\r\n"
                                 "type\t=\tworkfront\r\n"
                                 "url = http://127.0.0.1:8443/\r\n"
                                 "client_id = a;b#c\r\n"
                                 "client_secret_file = /etc/wfauth/secret\n"
                                 "redirect_uri = http://localhost:99/code?x=1\n"
                                 "api_version = v15.0\n"
                                 "scope = offline_access more\n"
                                 "ca_file = /ca.pem\n"
                                 "proxy = http://proxy.example:3128\n"
                                 "timeout = 1m\n"
                                 "allow_http_loopback = yes\n"
                                 "helper_user = www-data\n"
                                 "\n"
                                 "  ; an indented comment\n"
                                 "[service  *]\n"
                                 "provider = acme\n"
                                 "username=emailAddr\n"
                                 "strip_domain = ACME.example\n"
                                 "username_regex = ([a-z]+)\\.[a-z]{1,8}\n"
                                 "map_file = /etc/wfauth/map\n"
                                 "flow = code\n"
                                 "qr = ascii\n"
                                 "min_uid = 0\n"
                                 "max_uid = 4294967294\n"
                                 "allow_users = alice, homeTeamID:12 , username:b@acme.example\n"
                                 "deny_users = mallory\n"
                                 "require = roleIDs:7,accessLevelID:9\n"
                                 "require_name = homeGroup:Gr\xc3\xbc\xc3\x9f"
                                 "e: all, roles:x";

static void test_everything(void **state)
{
    (void)state;
    struct wf_conf *conf = good(everything);
    const struct wf_provider_conf *provider = wf_conf_provider_at(conf, 0);
    const struct wf_policy *policy = wf_conf_policy_at(conf, 0);
    const struct wf_naming *naming = &policy->accepted[0].naming;

    assert_string_equal(provider->url, "http://127.0.0.1:8443");
    assert_string_equal(provider->client_id, "a;b#c");
    assert_string_equal(provider->client_secret_file, "/etc/wfauth/secret");
    assert_string_equal(provider->redirect_uri, "http://localhost:99/code?x=1");
    assert_string_equal(provider->api_version, "v15.0");
    assert_string_equal(provider->scope, "offline_access more");
    assert_string_equal(provider->ca_file, "/ca.pem");
    assert_string_equal(provider->proxy, "http://proxy.example:3128");
    assert_int_equal(provider->timeout, 60);
    assert_true(provider->allow_http_loopback);
    assert_string_equal(provider->helper_user, "www-data");
    assert_int_equal(naming->username.count, 1);
    assert_string_equal(naming->strip_domain, "acme.example");
    assert_string_equal(naming->username_regex, "([a-z]+)\\.[a-z]{1,8}");
    assert_string_equal(naming->map_file, "/etc/wfauth/map");
    assert_int_equal(policy->qr, WF_QR_ASCII);
    assert_int_equal(policy->min_uid, 0);
    assert_int_equal(policy->max_uid, 4294967294U);
    assert_int_equal(policy->allow_users.count, 3);
    assert_string_equal(policy->allow_users.items[1], "homeTeamID:12");
    assert_string_equal(policy->deny_users.items[0], "mallory");
    assert_int_equal(policy->require.count, 2);
    assert_string_equal(policy->require_name.items[0], "homeGroup:Gr\xc3\xbc\xc3\x9f"
                                                       "e: all");
    wf_conf_free(conf);
}

static void test_order_of_lookup(void **state)
{
    (void)state;
    char text[2000];
    const struct wf_policy *policy = NULL;

    (void)snprintf(text, sizeof(text),
                   "%susername = ID\nstrip_domain = provider.example\n"
                   "[service *]\nstrip_domain = star.example\nmap_file = /star\nqr = no\n"
                   "min_uid = 500\n"
                   "[service sudo]\nstrip_domain = sudo.example\nqr = utf8\n"
                   "[service sshd]\n",
                   minimal);
    struct wf_conf *conf = good(text);
    assert_int_equal(wf_conf_policy(conf, "sudo", &policy, NULL), WF_OK);
    assert_string_equal(policy->service, "sudo");
    assert_string_equal(policy->accepted[0].naming.strip_domain, "sudo.example");
    assert_string_equal(policy->accepted[0].naming.username.items[0], "ID");
    assert_string_equal(policy->accepted[0].naming.map_file, "/star");
    assert_int_equal(policy->qr, WF_QR_UTF8);
    assert_int_equal(policy->min_uid, 500);
    assert_int_equal(policy->max_uid, 60000);
    assert_int_equal(wf_conf_policy(conf, "sshd", &policy, NULL), WF_OK);
    assert_string_equal(policy->service, "sshd");
    assert_string_equal(policy->accepted[0].naming.strip_domain, "provider.example");
    assert_int_equal(policy->qr, WF_QR_NO);
    /* [service *] stands behind the provider's section for its own services, too */
    assert_int_equal(wf_conf_policy(conf, "SUDO", &policy, NULL), WF_OK);
    assert_string_equal(policy->service, "*");
    assert_string_equal(policy->accepted[0].naming.strip_domain, "provider.example");
    wf_conf_free(conf);
}

static void test_service_unknown(void **state)
{
    (void)state;
    char text[1000];
    const struct wf_policy *policy = NULL;
    struct wf_err err = WF_ERR_INIT;

    (void)snprintf(text, sizeof(text), "%s[service sshd]\n", minimal);
    struct wf_conf *conf = good(text);
    assert_int_equal(wf_conf_policy(conf, "sshd", &policy, &err), WF_OK);
    assert_int_equal(wf_conf_policy(conf, "sudo", &policy, &err), WF_CONFIG);
    assert_non_null(strstr(err.text, "[service sudo]"));
    wf_conf_free(conf);
}

static void test_several_providers(void **state)
{
    (void)state;
    struct wf_conf *conf = good("[service sshd]\nprovider = b, a\n"
                                "[service sudo]\nprovider = a\nusername = ID\n"
                                "[provider a]\ntype=workfront\nurl=https://a\nclient_id=a\n"
                                "redirect_uri=https://a/\nusername=username\nstrip_domain=a\n"
                                "[provider b]\ntype=workfront\nurl=https://b\nclient_id=b\n"
                                "redirect_uri=https://b/\nusername=emailAddr\nmap_file=/b\n");
    const struct wf_policy *policy = wf_conf_policy_at(conf, 0);

    assert_int_equal(policy->accepted_count, 2);
    assert_string_equal(policy->accepted[0].provider->name, "b");
    assert_string_equal(policy->accepted[0].naming.map_file, "/b");
    assert_null(policy->accepted[0].naming.strip_domain);
    assert_string_equal(policy->accepted[1].naming.strip_domain, "a");
    assert_string_equal(wf_conf_policy_at(conf, 1)->accepted[0].naming.username.items[0], "ID");
    wf_conf_free(conf);
}

static void test_no_memory(void **state)
{
    (void)state;
    char text[1000];
    struct lines lines;
    struct wf_err err = WF_ERR_INIT;
    enum wf_reason reason = WF_INTERNAL;
    unsigned n;

    (void)snprintf(text, sizeof(text),
                   "%susername = ID, username\n[service *]\nallow_users = a\nprovider = acme\n"
                   "[provider sso]\ntype = oidc\nurl = https://a\n"
                   "[service imap]\nprovider = sso\naudience = a, b\n",
                   minimal);
    for (n = 1; n < 1000 && reason != WF_OK; n++) {
        struct wf_conf *conf = NULL;
        fail_alloc_at = n;
        reason = parse(text, &lines, &conf, &err);
        if (reason != WF_OK && (reason != WF_INTERNAL || conf != NULL || lines.count != 0))
            fail_msg("allocation %u: %s, %s", n, wf_reason_name(reason), err.text);
        wf_conf_free(conf);
    }
    fail_alloc_at = 0;
    assert_within(n, 20, 999);
}

/* A scratch folder with the two files of the tests below. */
static char folder[] = "/tmp/wf-test-conf-XXXXXX";
static char conf_path[sizeof(folder) + 10];
static char secret_path[sizeof(folder) + 10];

static void write_file(const char *path, mode_t mode, const char *data, size_t len)
{
    (void)unlink(path);
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(path, mode), 0);
}

static int make_folder(void **state)
{
    (void)state;
    effective_user = getuid();
    if (mkdtemp(folder) == NULL)
        return -1;
    (void)snprintf(conf_path, sizeof(conf_path), "%s/conf", folder);
    (void)snprintf(secret_path, sizeof(secret_path), "%s/secret", folder);
    char text[1000];
    int len = snprintf(text, sizeof(text), "%sclient_secret_file = %s\n", minimal, secret_path);
    write_file(conf_path, 0644, text, (size_t)len);
    return 0;
}

static int drop_folder(void **state)
{
    (void)state;
    (void)unlink(conf_path);
    (void)unlink(secret_path);
    return rmdir(folder);
}

static enum wf_reason load(struct lines *lines, struct wf_conf **ret, struct wf_err *err)
{
    memset(lines, 0, sizeof(*lines));
    return wf_conf_load(conf_path, collect, lines, ret, err);
}

static void test_load(void **state)
{
    (void)state;
    struct lines lines;
    struct wf_conf *conf = NULL;
    struct wf_secret *secret = NULL;
    struct wf_err err = WF_ERR_INIT;

    write_file(secret_path, 0600, "hunter2\n", 8);
    assert_int_equal(load(&lines, &conf, &err), WF_OK);
    const struct wf_provider_conf *provider = wf_conf_provider_at(conf, 0);
    assert_int_equal(wf_conf_read_secret(provider, &secret, &err), WF_OK);
    assert_true(wf_span_equals(wf_secret_borrow(secret), "hunter2"));
    wf_secret_free(secret);
    wf_conf_free(conf);

    conf = good(minimal);
    assert_int_equal(wf_conf_read_secret(wf_conf_provider_at(conf, 0), &secret, &err), WF_OK);
    assert_null(secret);
    wf_conf_free(conf);
}

static void test_load_unsafe_file(void **state)
{
    (void)state;
    struct lines lines;
    struct wf_conf *conf = NULL;
    struct wf_err err = WF_ERR_INIT;

    write_file(secret_path, 0600, "hunter2\n", 8);
    assert_int_equal(chmod(conf_path, 0664), 0);
    assert_int_equal(load(&lines, &conf, &err), WF_CONFIG);
    assert_int_equal(lines.count, 0);
    assert_non_null(strstr(err.text, "chmod go-w"));
    assert_int_equal(chmod(conf_path, 0644), 0);
    assert_int_equal(wf_conf_load("/nowhere/wfauth.conf", collect, &lines, &conf, &err), WF_CONFIG);
    assert_int_equal(wf_conf_load("wfauth.conf", collect, &lines, &conf, &err), WF_CONFIG);
}

static char long_secret[1027];

static const struct {
    const char *name;
    mode_t mode;
    const char *data;
    size_t len;       /* 0: as long as data */
    const char *told; /* NULL: accepted */
} secrets[] = {
    {"one line", 0600, "hunter2\n", 0, NULL},
    {"no newline", 0400, "hunter2", 0, NULL},
    {"1024 bytes", 0600, long_secret, 1024, NULL},
    {"1024 bytes and a newline", 0600, long_secret + 2, 1025, NULL},
    {"1025 bytes", 0600, long_secret, 1025, "holds more, expected the client secret alone"},
    {"1026 bytes", 0600, long_secret, 1026, "is larger than 1025 bytes"},
    {"group reads", 0640, "hunter2", 0, NULL},
    {"others read", 0604, "hunter2", 0, "can be read by others: chmod o-rwx"},
    {"group writes", 0620, "hunter2", 0, "can be written by others"},
    {"empty", 0600, "", 0, "holds nothing, expected the client secret alone: one line"},
    {"newline alone", 0600, "\n", 0, "holds nothing"},
    {"two newlines", 0600, "hunter2\n\n", 0, "holds several lines or other characters"},
    {"two lines", 0600, "hunter2\nx", 0, "holds several lines or other characters"},
    {"CR LF", 0600, "hunter2\r\n", 0, "holds several lines or other characters"},
    {"NUL", 0600, "hunter2\0x", 9, "holds several lines or other characters"},
    {"foreign", 0600, "hunter2\xc3\xa4", 0, "holds several lines or other characters"},
};

static void test_secret_files(void **state)
{
    (void)state;
    struct lines lines;
    struct wf_err err = WF_ERR_INIT;
    char place[200];

    memset(long_secret, 'x', sizeof(long_secret) - 1);
    long_secret[sizeof(long_secret) - 1] = '\n';
    (void)snprintf(place, sizeof(place), "%s:6: [provider acme] client_secret_file: %s ", conf_path,
                   secret_path);
    for (size_t i = 0; i < WF_ARRAY_LEN(secrets); i++) {
        struct wf_conf *conf = NULL;
        write_file(secret_path, secrets[i].mode, secrets[i].data,
                   secrets[i].len == 0 ? strlen(secrets[i].data) : secrets[i].len);
        enum wf_reason reason = load(&lines, &conf, &err);
        if (secrets[i].told == NULL) {
            if (reason != WF_OK)
                fail_msg("%s: %s", secrets[i].name, err.text);
        } else if (reason != WF_CONFIG || lines.count != 1 ||
                   strncmp(err.text, place, strlen(place)) != 0 ||
                   strstr(err.text, secrets[i].told) == NULL ||
                   strstr(err.text, "hunter2") != NULL) {
            fail_msg("%s: %s, %s", secrets[i].name, wf_reason_name(reason), err.text);
        }
        wf_conf_free(conf);
    }
}

static char long_key[WF_CONF_PRIVATE_KEY_MAX + 1];

static const struct {
    const char *name;
    mode_t mode;
    const char *data;
    size_t len;
    const char *told; /* NULL: accepted */
} private_keys[] = {
    {"lines", 0600, "-----BEGIN\nhunter2\n", 19, NULL},
    {"as long as may be", 0600, long_key, WF_CONF_PRIVATE_KEY_MAX, NULL},
    {"longer", 0600, long_key, WF_CONF_PRIVATE_KEY_MAX + 1, "is larger than 16384 bytes"},
    {"empty", 0600, "", 0, "holds nothing, expected a private key in PEM"},
    {"others read", 0604, "hunter2", 7, "can be read by others: chmod o-rwx"},
};

static void test_private_key_files(void **state)
{
    (void)state;
    struct lines lines;
    struct wf_err err = WF_ERR_INIT;
    char place[200];
    char text[500];
    int text_len = snprintf(text, sizeof(text),
                            "[provider a]\ntype = oidc\nurl = https://a\nprivate_key_file = %s\n",
                            secret_path);

    memset(long_key, 'x', sizeof(long_key));
    write_file(conf_path, 0644, text, (size_t)text_len);
    (void)snprintf(place, sizeof(place), "%s:4: [provider a] private_key_file: %s ", conf_path,
                   secret_path);
    for (size_t i = 0; i < WF_ARRAY_LEN(private_keys); i++) {
        struct wf_conf *conf = NULL;
        struct wf_secret *key = NULL;
        write_file(secret_path, private_keys[i].mode, private_keys[i].data, private_keys[i].len);
        enum wf_reason reason = load(&lines, &conf, &err);
        if (private_keys[i].told == NULL) {
            if (reason != WF_OK)
                fail_msg("%s: %s", private_keys[i].name, err.text);
            assert_int_equal(wf_conf_read_private_key(wf_conf_provider_at(conf, 0), &key, &err),
                             WF_OK);
            assert_int_equal(wf_secret_borrow(key).len, private_keys[i].len);
            assert_memory_equal(wf_secret_borrow(key).ptr, private_keys[i].data,
                                private_keys[i].len);
        } else if (reason != WF_CONFIG || lines.count != 1 ||
                   strncmp(err.text, place, strlen(place)) != 0 ||
                   strstr(err.text, private_keys[i].told) == NULL) {
            fail_msg("%s: %s, %s", private_keys[i].name, wf_reason_name(reason), err.text);
        }
        wf_secret_free(key);
        wf_conf_free(conf);
    }
    struct wf_conf *conf = good(minimal);
    struct wf_secret *key = NULL;
    assert_int_equal(wf_conf_read_private_key(wf_conf_provider_at(conf, 0), &key, &err), WF_OK);
    assert_null(key);
    wf_conf_free(conf);
}

/* Whoever may not read the secret needs not have it; root always needs it. */
static void test_secret_out_of_reach(void **state)
{
    (void)state;
    struct lines lines;
    struct wf_conf *conf = NULL;
    struct wf_secret *secret = NULL;
    struct wf_err err = WF_ERR_INIT;

    if (getuid() != 0)
        skip();
    (void)unlink(secret_path);
    assert_int_equal(load(&lines, &conf, &err), WF_CONFIG);
    assert_non_null(strstr(err.text, "client_secret_file: cannot open"));
    secret_is_readable = false;
    assert_int_equal(load(&lines, &conf, &err), WF_CONFIG);
    effective_user = 12345;
    assert_int_equal(load(&lines, &conf, &err), WF_OK);
    assert_int_equal(wf_conf_read_secret(wf_conf_provider_at(conf, 0), &secret, &err), WF_CONFIG);
    assert_null(secret);
    wf_conf_free(conf);
    secret_is_readable = true;
    assert_int_equal(load(&lines, &conf, &err), WF_CONFIG);
    effective_user = getuid();
}

static const char service[] = "[provider a]\n"
                              "type = workfront\n"
                              "url = https://a\n"
                              "client_id = c\n"
                              "customer_id = c1\n"
                              "user_id = u1\n";
static const char client[] = "[provider a]\n"
                             "type = oidc\n"
                             "url = https://a\n";

static const struct {
    const char *name;
    const char *text;
    uid_t reader;
    uid_t owner;
    gid_t group;
    mode_t mode;
    const char *told; /* NULL: accepted */
} owners[] = {
    {"root's", service, 0, 0, 0, 0600, NULL},
    {"root's, root's group reads", service, 0, 0, 0, 0640, NULL},
    {"a service's", service, 0, 7, 8, 0600, NULL},
    {"a service's and its group's", service, 0, 7, 8, 0640, NULL},
    {"of a service's group", service, 0, 0, 8, 0640, NULL},
    {"others read", service, 0, 7, 8, 0604, "chmod o-rwx"},
    {"others read what a group reads", service, 0, 0, 8, 0644, "chmod o-rwx"},
    {"its group writes", service, 0, 7, 8, 0660, "chmod go-w"},
    {"its group runs", service, 0, 0, 8, 0650, "can be read by group 8"},
    {"no service's", client, 0, 7, 8, 0600, "belongs to user 7"},
    {"no service's group", client, 0, 0, 8, 0640, "can be read by group 8"},
    {"another user's", service, 9, 7, 8, 0600, "belongs to user 7"},
};

/* A service that gets tokens by itself has its files for itself; root's processes, which load the
 * same configuration, do not mind. */
static void test_secret_of_a_service(void **state)
{
    (void)state;
    char text[500];

    if (getuid() != 0)
        skip();
    for (size_t i = 0; i < WF_ARRAY_LEN(owners); i++) {
        struct lines lines;
        struct wf_conf *conf = NULL;
        struct wf_err err = WF_ERR_INIT;
        int len = snprintf(text, sizeof(text), "%sclient_secret_file = %s\nprivate_key_file = %s\n",
                           owners[i].text, secret_path, secret_path);
        write_file(conf_path, 0644, text, (size_t)len);
        write_file(secret_path, 0600, "hunter2\n", 8);
        assert_int_equal(chown(secret_path, owners[i].owner, owners[i].group), 0);
        assert_int_equal(chmod(secret_path, owners[i].mode), 0);
        effective_user = owners[i].reader;
        enum wf_reason reason = load(&lines, &conf, &err);
        effective_user = getuid();
        if (reason != (owners[i].told == NULL ? WF_OK : WF_CONFIG) ||
            (owners[i].told != NULL && strstr(err.text, owners[i].told) == NULL))
            fail_msg("%s: %s, %s", owners[i].name, wf_reason_name(reason), err.text);
        wf_conf_free(conf);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_minimal),
        cmocka_unit_test(test_everything),
        cmocka_unit_test(test_order_of_lookup),
        cmocka_unit_test(test_service_unknown),
        cmocka_unit_test(test_several_providers),
        cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_load),
        cmocka_unit_test(test_load_unsafe_file),
        cmocka_unit_test(test_secret_files),
        cmocka_unit_test(test_secret_out_of_reach),
        cmocka_unit_test(test_private_key_files),
        cmocka_unit_test(test_secret_of_a_service),
    };
    return cmocka_run_group_tests_name("conf", tests, make_folder, drop_folder);
}
