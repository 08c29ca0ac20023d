#include "config.h"

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

/* The smallest configuration that works, and the lines that the rows below replace. */
static const char minimal[] = "[provider acme]\n"
                              "type = workfront\n"
                              "url = https://acme.my.workfront.com\n"
                              "client_id = 2f1c\n"
                              "redirect_uri = https://login.acme.example/code\n";

/* The linker routes the core's allocations through here: the n-th fails. */
void *__real_calloc(size_t count, size_t size);
void *__real_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_malloc(size_t size);
static long allocations_left = -1;

static bool may_allocate(void)
{
    if (allocations_left < 0)
        return true;
    if (allocations_left == 0)
        return false;
    allocations_left--;
    return true;
}

void *__wrap_calloc(size_t count, size_t size)
{
    return may_allocate() ? __real_calloc(count, size) : NULL;
}

void *__wrap_malloc(size_t size)
{
    return may_allocate() ? __real_malloc(size) : NULL;
}

struct lines {
    unsigned count;
    char text[WF_CONF_MISTAKES_MAX + 1][WF_ERR_TEXT_MAX];
};

static void collect(void *ctx, const char *line)
{
    struct lines *lines = ctx;

    assert_true(lines->count < WF_ARRAY_LEN(lines->text));
    (void)snprintf(lines->text[lines->count++], WF_ERR_TEXT_MAX, "%s", line);
}

static enum wf_reason parse(const char *text, struct lines *lines, struct wf_conf **ret,
                            struct wf_err *err)
{
    memset(lines, 0, sizeof(*lines));
    return wf_conf_parse("f.conf", text, strlen(text), collect, lines, ret, err);
}

/* The configuration of a text that must be good. */
static struct wf_conf *good(const char *text)
{
    struct lines lines;
    struct wf_conf *conf = NULL;
    struct wf_err err = WF_ERR_INIT;

    if (parse(text, &lines, &conf, &err) != WF_OK)
        fail_msg("refused: %s\n%s", err.text, text);
    return conf;
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

static void test_everything(void **state)
{
    (void)state;
    struct wf_conf *conf = good("\xef\xbb\xbf# a byte order mark, CR LF, tabs\r\n"
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
                                "require_name = homeGroup:Gr\xc3\xbc\xc3\x9f" "e: all, roles:x");
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
    assert_string_equal(policy->require_name.items[0], "homeGroup:Gr\xc3\xbc\xc3\x9f" "e: all");
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

/* Each row: the minimal file (six lines with its [service *]) with one line changed or added.
 * at: the line that is replaced, 0: a further key of the provider, 7: a further line at the end.
 * good differs from bad in one thing, and passes; told is the whole complaint, or its start where
 * it ends in a '*'. */
#define PROVIDER 0
#define SERVICE 7
static const struct {
    const char *name;
    unsigned at;
    const char *good;
    const char *bad;
    const char *told;
} rows[] = {
    {"type", 2, "type = workfront", "type = workfrond",
     "f.conf:2: [provider acme] type: found \"workfrond\", expected workfront (oidc is not "
     "available in this version)"},
    {"type oidc", 2, "type = workfront", "type = oidc", "f.conf:2: [provider acme] type: found \"oidc\"*"},
    {"value empty", 2, "type = workfront", "type =", "f.conf:2: [provider acme] type: found \"\"*"},
    {"type missing", 2, "type = workfront", "", "f.conf:1: [provider acme] type: missing, expected workfront*"},
    {"url missing", 3, "url = https://a", "", "f.conf:1: [provider acme] url: missing, expected https://HOST*"},
    {"client_id missing", 4, "client_id = 1", "", "f.conf:1: [provider acme] client_id: missing*"},
    {"redirect_uri missing", 5, "redirect_uri = https://a", "", "f.conf:1: [provider acme] redirect_uri: missing*"},
    {"url plain", 3, "url = https://127.0.0.1", "url = http://127.0.0.1",
     "f.conf:3: [provider acme] url: found \"http://127.0.0.1\", expected https://HOST*"},
    {"url foreign scheme", 3, "url = https://a", "url = ftp://a", "f.conf:3: [provider acme] url: found \"ftp://a\"*"},
    {"url path", 3, "url = https://a/", "url = https://a/b", "f.conf:3: [provider acme] url: found*"},
    {"url two slashes", 3, "url = https://a/", "url = https://a//", "f.conf:3: [provider acme] url: found*"},
    {"url query", 3, "url = https://a", "url = https://a?b", "f.conf:3: [provider acme] url: found*"},
    {"client_id blank", 4, "client_id = ab", "client_id = a b", "f.conf:4: [provider acme] client_id: found \"a b\"*"},
    {"client_id foreign", 4, "client_id = a", "client_id = \xc3\xa4", "f.conf:4: [provider acme] client_id: found*"},
    {"redirect_uri plain", 5, "redirect_uri = https://localhost/", "redirect_uri = http://localhost/",
     "f.conf:5: [provider acme] redirect_uri: found \"http://localhost/\"*"},
    {"redirect_uri fragment", 5, "redirect_uri = https://a/b", "redirect_uri = https://a/#b", "f.conf:5: [provider acme] redirect_uri: found*"},
    {"redirect_uri relative", 5, "redirect_uri = https://a/b", "redirect_uri = /b", "f.conf:5: [provider acme] redirect_uri: found*"},
    {"secret file relative", PROVIDER, "client_secret_file = /hunter2", "client_secret_file = hunter2",
     "f.conf:2: [provider acme] client_secret_file: found something else (not shown here), expected an absolute path*"},
    {"secret file empty", PROVIDER, "client_secret_file = /s", "client_secret_file =", "f.conf:2: [provider acme] client_secret_file: found \"\"*"},
    {"api_version v", PROVIDER, "api_version = v20.0", "api_version = 20.0", "f.conf:2: [provider acme] api_version: found \"20.0\"*"},
    {"api_version minor", PROVIDER, "api_version = v20.0", "api_version = v20.", "f.conf:2: [provider acme] api_version: found*"},
    {"api_version major", PROVIDER, "api_version = v2.0", "api_version = v.0", "f.conf:2: [provider acme] api_version: found*"},
    {"api_version letters", PROVIDER, "api_version = v20.0", "api_version = v20.a", "f.conf:2: [provider acme] api_version: found*"},
    {"api_version parts", PROVIDER, "api_version = v20.0", "api_version = v20.0.1", "f.conf:2: [provider acme] api_version: found*"},
    {"api_version blank", PROVIDER, "api_version = v20.0", "api_version = v20. 0", "f.conf:2: [provider acme] api_version: found*"},
    {"api_version long", PROVIDER, "api_version = v1234.56", "api_version = v1234.567", "f.conf:2: [provider acme] api_version: found*"},
    {"scope quote", PROVIDER, "scope = a b", "scope = a \"b", "f.conf:2: [provider acme] scope: found*"},
    {"scope backslash", PROVIDER, "scope = a b", "scope = a \\b", "f.conf:2: [provider acme] scope: found*"},
    {"scope two blanks", PROVIDER, "scope = a b", "scope = a  b", "f.conf:2: [provider acme] scope: found*"},
    {"scope foreign", PROVIDER, "scope = a", "scope = \xc3\xa4", "f.conf:2: [provider acme] scope: found*"},
    {"scope empty", PROVIDER, "scope = a", "scope =", "f.conf:2: [provider acme] scope: found*"},
    {"ca_file relative", PROVIDER, "ca_file = /ca.pem", "ca_file = ca.pem", "f.conf:2: [provider acme] ca_file: found \"ca.pem\"*"},
    {"proxy scheme", PROVIDER, "proxy = http://p:1", "proxy = ttp://p:1", "f.conf:2: [provider acme] proxy: found something else*"},
    {"proxy socks", PROVIDER, "proxy = https://p:1", "proxy = socks5://p:1", "f.conf:2: [provider acme] proxy: found something else*"},
    {"proxy bare", PROVIDER, "proxy = http://p:1", "proxy = p:1", "f.conf:2: [provider acme] proxy: found something else*"},
    {"proxy port missing", PROVIDER, "proxy = http://p:1", "proxy = http://p", "f.conf:2: [provider acme] proxy: found something else*"},
    {"proxy port empty", PROVIDER, "proxy = http://p:1", "proxy = http://p:", "f.conf:2: [provider acme] proxy: found something else*"},
    {"proxy port range", PROVIDER, "proxy = http://p:65535", "proxy = http://p:65536", "f.conf:2: [provider acme] proxy: found something else*"},
    {"proxy path", PROVIDER, "proxy = http://p:1", "proxy = http://p:1/", "f.conf:2: [provider acme] proxy: found something else*"},
    {"proxy path, port", PROVIDER, "proxy = http://p:1", "proxy = http://p:1/:1", "f.conf:2: [provider acme] proxy: found something else*"},
    {"proxy user", PROVIDER, "proxy = http://u.p:1", "proxy = http://u@p:1", "f.conf:2: [provider acme] proxy: found something else*"},
    {"timeout low", PROVIDER, "timeout = 1s", "timeout = 0s", "f.conf:2: [provider acme] timeout: found \"0s\", expected 1s to 60s"},
    {"timeout high", PROVIDER, "timeout = 60", "timeout = 61", "f.conf:2: [provider acme] timeout: found \"61\"*"},
    {"timeout unit", PROVIDER, "timeout = 10s", "timeout = 10x", "f.conf:2: [provider acme] timeout: found \"10x\"*"},
    {"yes or no", PROVIDER, "allow_http_loopback = yes", "allow_http_loopback = true",
     "f.conf:2: [provider acme] allow_http_loopback: found \"true\", expected yes or no"},
    {"helper_user", PROVIDER, "helper_user = a-b", "helper_user = -b", "f.conf:2: [provider acme] helper_user: found \"-b\"*"},
    {"username claim", PROVIDER, "username = ID", "username = id",
     "f.conf:2: [provider acme] username: found \"id\", expected a list of claims of ID, username, emailAddr"},
    {"username shared claim", PROVIDER, "username = username", "username = homeGroupID", "f.conf:2: [provider acme] username: found*"},
    {"username empty word", PROVIDER, "username = username", "username = username,", "f.conf:2: [provider acme] username: found*"},
    {"strip_domain at", PROVIDER, "strip_domain = a.example", "strip_domain = @a.example", "f.conf:2: [provider acme] strip_domain: found*"},
    {"strip_domain label", PROVIDER, "strip_domain = a.example", "strip_domain = a..example", "f.conf:2: [provider acme] strip_domain: found*"},
    {"strip_domain first hyphen", PROVIDER, "strip_domain = a-b.c", "strip_domain = -b.c", "f.conf:2: [provider acme] strip_domain: found*"},
    {"strip_domain last hyphen", PROVIDER, "strip_domain = a-b.c", "strip_domain = a-.c", "f.conf:2: [provider acme] strip_domain: found*"},
    {"strip_domain label of 64 bytes", PROVIDER,
     "strip_domain = 123456789012345678901234567890123456789012345678901234567890123",
     "strip_domain = 1234567890123456789012345678901234567890123456789012345678901234", "f.conf:2: [provider acme] strip_domain: found*"},
    {"regex syntax", PROVIDER, "username_regex = (a)", "username_regex = (a", "f.conf:2: [provider acme] username_regex: found \"(a\"*"},
    {"regex groups", PROVIDER, "username_regex = (a)b", "username_regex = (a)(b)", "f.conf:2: [provider acme] username_regex: found*"},
    {"regex foreign", PROVIDER, "username_regex = a", "username_regex = \xc3\xa4", "f.conf:2: [provider acme] username_regex: found*"},
    {"regex empty", PROVIDER, "username_regex = a", "username_regex =", "f.conf:2: [provider acme] username_regex: found*"},
    {"regex back-reference", PROVIDER, "username_regex = (a)\\.", "username_regex = (a)\\1", "f.conf:2: [provider acme] username_regex: found*"},
    {"regex repetition", PROVIDER, "username_regex = (a{1,30}){31}", "username_regex = (a{1,31}){31}", "f.conf:2: [provider acme] username_regex: found*"},
    {"regex open repetition", PROVIDER, "username_regex = a{,999}", "username_regex = a{,1000}", "f.conf:2: [provider acme] username_regex: found*"},
    {"regex plus", PROVIDER, "username_regex = a+++++++++", "username_regex = a++++++++++", "f.conf:2: [provider acme] username_regex: found*"},
    {"map_file", PROVIDER, "map_file = /map", "map_file = map", "f.conf:2: [provider acme] map_file: found*"},
    {"unknown key, near", PROVIDER, "client_secret_file = /s", "client_secret = s",
     "f.conf:2: [provider acme] client_secret: unknown key, did you mean \"client_secret_file\"?"},
    {"unknown key, typing", PROVIDER, "timeout = 1s", "timout = 1s", "f.conf:2: [provider acme] timout: unknown key, did you mean \"timeout\"?"},
    {"unknown key, far", PROVIDER, "timeout = 1s", "wombat = 1s", "f.conf:2: [provider acme] wombat: unknown key, see wfauth.conf(5)"},
    {"unknown key, later version", PROVIDER, "timeout = 1s", "introspection = yes", "f.conf:2: [provider acme] introspection: unknown key*"},
    {"unknown key, case", PROVIDER, "timeout = 1s", "Timeout = 1s", "f.conf:2: [provider acme] Timeout: unknown key, did you mean \"timeout\"?"},
    {"unknown key, not of this section", SERVICE, "qr = no", "scop = a", "f.conf:7: [service *] scop: unknown key, see*"},
    {"service's key", PROVIDER, "timeout = 1s", "min_uid = 1",
     "f.conf:2: [provider acme] min_uid: found in a provider section, expected in a service section alone"},
    {"provider's key", SERVICE, "min_uid = 1", "timeout = 1s",
     "f.conf:7: [service *] timeout: found in a service section, expected in a provider section alone"},
    {"twice", SERVICE, "qr = no", "qr = no\nqr = no", "f.conf:8: [service *] qr: found again, expected once; the first is on line 7"},
    {"provider unknown", SERVICE, "provider = acme", "provider = Acme",
     "f.conf:7: [service *] provider: found \"Acme\", expected the name of a [provider NAME] section"},
    {"provider empty word", SERVICE, "provider = acme", "provider = acme,", "f.conf:7: [service *] provider: found \"acme,\"*"},
    {"provider word", SERVICE, "provider = acme", "provider = acme acme", "f.conf:7: [service *] provider: found \"acme acme\"*"},
    {"provider twice", SERVICE, "provider = acme", "provider = acme, acme", "f.conf:7: [service *] provider: found \"acme, acme\"*"},
    {"flow", SERVICE, "flow = code", "flow = device", "f.conf:7: [service *] flow: found \"device\", expected code"},
    {"qr", SERVICE, "qr = utf8", "qr = yes", "f.conf:7: [service *] qr: found \"yes\", expected auto, no, utf8 or ascii"},
    {"qr part", SERVICE, "qr = utf8", "qr = utf", "f.conf:7: [service *] qr: found*"},
    {"min_uid range", SERVICE, "max_uid = 4294967294", "max_uid = 4294967295", "f.conf:7: [service *] max_uid: found \"4294967295\"*"},
    {"min_uid sign", SERVICE, "min_uid = 1", "min_uid = -1", "f.conf:7: [service *] min_uid: found \"-1\"*"},
    {"min over max", SERVICE, "min_uid = 2000\nmax_uid = 2000", "min_uid = 2001\nmax_uid = 2000",
     "f.conf:7: [service *] min_uid: found min_uid 2001 and max_uid 2000, expected min_uid to be the lower one"},
    {"min over default", SERVICE, "min_uid = 60000", "min_uid = 60001", "f.conf:7: [service *] min_uid: found min_uid 60001 and max_uid 60000*"},
    {"max under default", SERVICE, "max_uid = 1000", "max_uid = 999", "f.conf:7: [service *] max_uid: found min_uid 1000 and max_uid 999*"},
    {"min over inherited", SERVICE, "max_uid = 2000\n[service a]\nmin_uid = 2000", "max_uid = 2000\n[service a]\nmin_uid = 2001", "f.conf:9: [service a] min_uid: found*"},
    {"user case", SERVICE, "allow_users = alice", "allow_users = Alice", "f.conf:7: [service *] allow_users: found \"Alice\", expected a list of local user names or CLAIM:VALUE*"},
    {"user digit", SERVICE, "allow_users = a0", "allow_users = 0a", "f.conf:7: [service *] allow_users: found*"},
    {"user dot", SERVICE, "allow_users = a.", "allow_users = .a", "f.conf:7: [service *] allow_users: found*"},
    {"user blank", SERVICE, "deny_users = alice, bob", "deny_users = alice bob", "f.conf:7: [service *] deny_users: found \"alice bob\"*"},
    {"user of 33 bytes", SERVICE, "deny_users = abcdefghijklmnopqrstuvwxyzabcdef", "deny_users = abcdefghijklmnopqrstuvwxyzabcdefg", "f.conf:7: [service *] deny_users: found*"},
    {"user empty", SERVICE, "deny_users = a,b", "deny_users = a,,b", "f.conf:7: [service *] deny_users: found*"},
    {"rule on unknown claim", SERVICE, "deny_users = homeGroupID:1", "deny_users = homegroupid:1", "f.conf:7: [service *] deny_users: found*"},
    {"rule on address", SERVICE, "deny_users = ID:1", "deny_users = https://ID:1", "f.conf:7: [service *] deny_users: found*"},
    {"rule on display name", SERVICE, "deny_users = homeGroupID:1", "deny_users = homeGroup:1",
     "f.conf:7: [service *] deny_users: found \"homeGroup:1\", expected a list of local user names or CLAIM:VALUE with a claim of ID, username, emailAddr, accessLevelID, homeGroupID, homeTeamID, roleIDs (display names, accessLevel, homeGroup, homeTeam, roles, stand in require_name alone)"},
    {"allow by display name", SERVICE, "allow_users = roleIDs:1", "allow_users = roles:1", "f.conf:7: [service *] allow_users: found*"},
    {"rule without value", SERVICE, "deny_users = ID:1", "deny_users = ID:", "f.conf:7: [service *] deny_users: found*"},
    {"rule with blank", SERVICE, "deny_users = ID:12", "deny_users = ID:1 2", "f.conf:7: [service *] deny_users: found*"},
    {"rule with blank first", SERVICE, "require_name = roles:a b", "require_name = roles: ab", "f.conf:7: [service *] require_name: found*"},
    {"require user", SERVICE, "require = ID:1", "require = alice", "f.conf:7: [service *] require: found*"},
    {"require display name", SERVICE, "require = accessLevelID:1", "require = accessLevel:1", "f.conf:7: [service *] require: found*"},
    {"require_name by ID", SERVICE, "require_name = homeTeam:1", "require_name = homeTeamID:1",
     "f.conf:7: [service *] require_name: found \"homeTeamID:1\", expected a list of CLAIM:VALUE with a claim of accessLevel, homeGroup, homeTeam, roles"},
    /* the form of the file */
    {"comment behind", SERVICE, "min_uid = 1", "min_uid = 1 ; root", "f.conf:7: [service *]: found ; or # behind a blank, expected comments on lines of their own"},
    {"value cut", SERVICE, "require_name = roles:a;b", "require_name = roles:a ;b", "f.conf:7: [service *]: found ; or # behind a blank*"},
    {"value cut at tab", SERVICE, "require_name = roles:a;b", "require_name = roles:a\t;b", "f.conf:7: [service *]: found ; or # behind a blank*"},
    {"comment behind, hash", SERVICE, "require_name = roles:a#b", "require_name = roles:a #b", "f.conf:7: [service *]: found ; or # behind a blank*"},
    {"continuation", SERVICE, "qr = no\nmin_uid = 1", "qr = no\n min_uid = 1", "f.conf:8: [service *]: found a blank at the start of the line, expected each value on one line"},
    {"continuation by tab", SERVICE, "qr = no\nmin_uid = 1", "qr = no\n\tmin_uid = 1", "f.conf:8: [service *]: found a blank at the start*"},
    {"no equals", SERVICE, "qr = no", "qr no", "f.conf:7: [service *]: found a line that is no \"key = value\", no [section] and no comment"},
    {"colon", SERVICE, "qr = no", "qr: no", "f.conf:7: [service *]: found a line that is no*"},
    {"colon before equals", SERVICE, "qr = no", "qr: no = no", "f.conf:7: [service *]: found a line that is no*"},
    {"no key", SERVICE, "qr = no", "= no", "f.conf:7: [service *]: found a line that is no*"},
    {"blank in key", SERVICE, "qr = no", "q r = no", "f.conf:7: [service *]: found a line that is no*"},
    {"escape in value", SERVICE, "require_name = roles:a", "require_name = roles:a\x1b[2J", "f.conf:7: [service *]: found control characters, invisible ones or invalid UTF-8, expected plain text"},
    {"escape in comment", SERVICE, "# a", "# \x1b[2J", "f.conf:7: [service *]: found control characters*"},
    {"invalid UTF-8", SERVICE, "require_name = roles:\xc3\xa4", "require_name = roles:\xc3", "f.conf:7: [service *]: found control characters*"},
    {"invalid UTF-8 behind tab", SERVICE, "require_name = roles:a\tb", "require_name = roles:a\t\xff", "f.conf:7: [service *]: found control characters*"},
    {"CR inside", SERVICE, "qr = no\r", "qr = no\r\r", "f.conf:7: [service *]: found control characters*"},
    {"BOM inside", SERVICE, "qr = no", "\xef\xbb\xbfqr = no", "f.conf:7: [service *]: found control characters*"},
    {"invisible", SERVICE, "require_name = roles:ab", "require_name = roles:a\xe2\x80\x8b" "b", "f.conf:7: [service *]: found control characters*"},
    /* the sections */
    {"section kind", SERVICE, "[service a]", "[services a]", "f.conf:7: found [services a], expected [provider NAME], [service NAME] or [service *], where NAME is of letters, digits, - _ and ."},
    {"section kind case", SERVICE, "[service a]", "[Service a]", "f.conf:7: found [Service a]*"},
    {"section without name", SERVICE, "[service a]", "[service]", "f.conf:7: found [service]*"},
    {"section empty", SERVICE, "[service a]", "[]", "f.conf:7: found []*"},
    {"section open", SERVICE, "[service a]", "[service a", "f.conf:7: found a section without ] at the end of the line, expected [KIND NAME]"},
    {"section only open", SERVICE, "[service a]", "[", "f.conf:7: found a section without ]*"},
    {"section followed", SERVICE, "[service a]", "[service a] b", "f.conf:7: found a section without ]*"},
    {"section name bytes", SERVICE, "[service a-b_c.d]", "[service a/b]", "f.conf:7: found [service a/b]*"},
    {"section name dots", SERVICE, "[service a..]", "[service ..]", "f.conf:7: found [service ..]*"},
    {"section star", SERVICE, "[service a]", "[service a*]", "f.conf:7: found [service a*]*"},
    {"section two words", SERVICE, "[service a]", "[service a b]", "f.conf:7: found [service a b]*"},
    {"section twice", SERVICE, "[service a]\n[service b]", "[service a]\n[service a]", "f.conf:8: found [service a] again, expected it once; the first is on line 7"},
    {"section twice, blanks", SERVICE, "[service a]\n[service  b]", "[service a]\n[service  a]", "f.conf:8: found [service a] again*"},
    {"section of 49 bytes", SERVICE, "[service 1234567890123456789012345678901234567890]", "[service 12345678901234567890123456789012345678901]",
     "f.conf:7: found a section name of 49 bytes, expected at most 48"},
    {"keys below a refused section are its own", SERVICE, "[service a]\nqr = no", "[service a/b]\nmin_uid = x", "f.conf:7: found [service a/b]*"},
    {"key before the first section", 1, "#\n[provider acme]", "qr = no\n[provider acme]", "f.conf:1: found a key before the first section, expected [provider NAME] or [service NAME] above it"},
};

/* The base with line `at` replaced, or a line added. */
static void compose(char *out, size_t size, unsigned at, const char *line)
{
    static const char *const base[] = {"[provider acme]", "type = workfront", "url = https://a", "client_id = 1",
                                       "redirect_uri = https://a/", "[service *]"};
    size_t used = 0;

    for (unsigned i = 0; i < WF_ARRAY_LEN(base); i++) {
        used += (size_t)snprintf(out + used, size - used, "%s\n", at == i + 1 ? line : base[i]);
        /* Before the provider's other keys, so that its line is the second */
        if (i == 0 && at == PROVIDER)
            used += (size_t)snprintf(out + used, size - used, "%s\n", line);
    }
    if (at == SERVICE)
        used += (size_t)snprintf(out + used, size - used, "%s\n", line);
    assert_true(used < size);
}

static bool told(const char *text, const char *expected)
{
    size_t len = strlen(expected);

    return expected[len - 1] == '*' ? strncmp(text, expected, len - 1) == 0
                                    : strcmp(text, expected) == 0;
}

static void test_rows(void **state)
{
    (void)state;
    char text[2000];
    struct lines lines;
    struct wf_err err = WF_ERR_INIT;

    for (size_t i = 0; i < WF_ARRAY_LEN(rows); i++) {
        struct wf_conf *conf = NULL;
        compose(text, sizeof(text), rows[i].at, rows[i].good);
        if (parse(text, &lines, &conf, &err) != WF_OK)
            fail_msg("%s: the good one is refused: %s", rows[i].name, err.text);
        wf_conf_free(conf);
        conf = NULL;
        compose(text, sizeof(text), rows[i].at, rows[i].bad);
        if (parse(text, &lines, &conf, &err) != WF_CONFIG)
            fail_msg("%s: accepted", rows[i].name);
        assert_null(conf);
        if (lines.count != 1 || !told(lines.text[0], rows[i].told) ||
            strcmp(lines.text[0], err.text) != 0)
            fail_msg("%s: %u lines, the first %s", rows[i].name, lines.count, lines.text[0]);
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
        cmocka_unit_test(test_rows),
    };
    return cmocka_run_group_tests_name("conf", tests, NULL, NULL);
}
