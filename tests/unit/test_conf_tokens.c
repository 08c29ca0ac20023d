/* The configuration of bearer tokens: providers of type oidc, opaque tokens, what a service asks
 * of a token, and which of these go together. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "conf.h"
#include "conf_case.h"
#include "jwk.h"

/* The good files that the rows change in one place. '#' is room for keys of the first provider,
 * ';' for keys of the service. */
static const char oidc[] = "[provider sso]\n"
                           "type = oidc\n"
                           "url = https://sso.example/realms/staff/\n"
                           "#\n"
                           "[service imap]\n"
                           "audience = urn:mail\n"
                           ";\n";
static const char opaque[] = "[provider sso]\n"
                             "type = oidc\n"
                             "url = https://sso.example\n"
                             "client_id = mail\n"
                             "client_secret_file = /s\n"
                             "introspection = yes\n"
                             "token_pattern = mt_[a-z]{20}\n"
                             "#\n"
                             "[service imap]\n"
                             "audience = urn:mail\n"
                             ";\n";
static const char session[] = "[provider acme]\n"
                              "type = workfront\n"
                              "url = https://acme.example\n"
                              "token_pattern = [0-9a-f]{32}\n"
                              "#\n"
                              "[service ftp]\n"
                              "flow = token\n"
                              "audience = urn:ftp\n"
                              "accept_unbound = yes\n"
                              ";\n";
static const char both[] = "[provider acme]\n"
                           "type = workfront\n"
                           "url = https://acme.example\n"
                           "username = username\n"
                           "#\n"
                           "[provider sso]\n"
                           "type = oidc\n"
                           "url = https://sso.example\n"
                           "username = sub\n"
                           "token_pattern = mt_[a-z]{20}\n"
                           "userinfo = yes\n"
                           "[service ftp]\n"
                           "provider = acme, sso\n"
                           "flow = token\n"
                           "audience = urn:ftp\n"
                           ";\n"
                           "[service *]\n"
                           "provider = sso\n";

#define O "f.conf:4: [provider sso] "
#define OS "f.conf:7: [service imap] "
#define Q "f.conf:8: [provider sso] "
#define W "f.conf:5: [provider acme] "
#define WS "f.conf:10: [service ftp] "
#define B "f.conf:16: [service ftp] "
#define ALGS "RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA"

static const struct row rows[] = {
    /* the issuer */
    {"issuer query", oidc, "staff/", "staff/a", "staff/?a",
     "f.conf:3: [provider sso] url: found \"https://sso.example/realms/staff/?a\", expected "
     "https://HOST or https://HOST:PORT, with type = oidc the issuer, which may have a path, "
     "without query and fragment*"},
    {"issuer empty query", oidc, "staff/", "staff", "staff?",
     "f.conf:3: [provider sso] url: found*"},
    {"issuer fragment", oidc, "staff/", "staff", "staff#", "f.conf:3: [provider sso] url: found*"},
    {"issuer plain", oidc, "https://sso", "https://127.0.0.1", "http://127.0.0.1",
     "f.conf:3: [provider sso] url: found*"},
    {"path, not the issuer's type", oidc, "type = oidc", "type = oidc",
     "type = workfront\n"
     "client_id = 1\nredirect_uri = https://a/",
     "f.conf:5: [provider sso] url: found \"https://sso.example/realms/staff/\"*"},
    /* keys of a provider: their values */
    {"jwks_file", oidc, "#", "jwks_file = /k", "jwks_file = k",
     O "jwks_file: found \"k\", expected an absolute path of a file that holds the provider's*"},
    {"algorithm HMAC", oidc, "#", "algorithms = RS256", "algorithms = HS256",
     O "algorithms: found \"HS256\", expected a list of " ALGS " (HMAC, such as HS256, and none "
       "are never accepted: whoever can check such a token can forge it)"},
    {"algorithm HMAC among others", oidc, "#", "algorithms = RS256,ES256",
     "algorithms = RS256,HS512", O "algorithms: found \"RS256,HS512\"*"},
    {"algorithm none", oidc, "#", "algorithms = EdDSA", "algorithms = none",
     O "algorithms: found \"none\", expected a list of " ALGS " (HMAC, such as HS256, and none*"},
    {"algorithm case", oidc, "#", "algorithms = ES512", "algorithms = es512",
     O "algorithms: found*"},
    {"algorithm empty word", oidc, "#", "algorithms = PS384", "algorithms = PS384,",
     O "algorithms: found*"},
    {"algorithm empty", oidc, "#", "algorithms = PS384", "algorithms =", O "algorithms: found*"},
    {"leeway high", oidc, "#", "leeway = 5m", "leeway = 301",
     O "leeway: found \"301\", expected 0s to 300s"},
    {"leeway sign", oidc, "#", "leeway = 0", "leeway = -1", O "leeway: found*"},
    {"stale_keys high", oidc, "#", "stale_keys = 7d", "stale_keys = 604801",
     O "stale_keys: found \"604801\", expected 0s to 7d"},
    {"stale_keys unit", oidc, "#", "stale_keys = 0s", "stale_keys = 0w", O "stale_keys: found*"},
    {"allowed_clients blank", oidc, "#", "allowed_clients = a,b", "allowed_clients = a b",
     O "allowed_clients: found \"a b\", expected a list of client IDs of printable ASCII without*"},
    {"allowed_clients empty", oidc, "#", "allowed_clients = a",
     "allowed_clients =", O "allowed_clients: found*"},
    {"allowed_clients foreign", oidc, "#", "allowed_clients = a", "allowed_clients = \xc3\xa4",
     O "allowed_clients: found*"},
    {"pattern syntax", opaque, "mt_[a-z]{20}", "(m)(t)", "(m)(t",
     "f.conf:7: [provider sso] token_pattern: found \"(m)(t\", expected a POSIX extended regular "
     "expression of printable ASCII, no back-reference, and little repetition*"},
    {"pattern back-reference", opaque, "mt_[a-z]{20}", "(m)\\.", "(m)\\1",
     "f.conf:7: [provider sso] token_pattern: found*"},
    {"pattern repetition", opaque, "mt_[a-z]{20}", "m{999}", "m{1000}",
     "f.conf:7: [provider sso] token_pattern: found*"},
    {"pattern empty", opaque, "mt_[a-z]{20}", "m", "",
     "f.conf:7: [provider sso] token_pattern: found*"},
    {"pattern foreign", opaque, "mt_[a-z]{20}", "m", "\xc3\xa4",
     "f.conf:7: [provider sso] token_pattern: found*"},
    {"introspection", opaque, "introspection = yes", "introspection = yes", "introspection = on",
     "f.conf:6: [provider sso] introspection: found \"on\", expected yes or no"},
    {"userinfo", oidc, "#", "userinfo = no", "userinfo = 0",
     O "userinfo: found \"0\", expected yes or no"},
    {"client_auth", opaque, "#", "client_auth = body", "client_auth = post",
     Q "client_auth: found \"post\", expected basic, body or private_key_jwt"},
    {"private_key_file", oidc, "#", "private_key_file = /k", "private_key_file = hunter2",
     O "private_key_file: found something else (not shown here), expected an absolute path*"},
    {"cache_dir", oidc, "#", "cache_dir = /c", "cache_dir = c", O "cache_dir: found*"},
    /* keys that are for one type of provider */
    {"jwks_file of workfront", session, "#", "cache_dir = /k", "jwks_file = /k",
     W "jwks_file: found with type = workfront, expected with type = oidc alone"},
    {"algorithms of workfront", session, "#", "timeout = 9", "algorithms = RS256",
     W "algorithms: found with type*"},
    {"leeway of workfront", session, "#", "timeout = 9", "leeway = 9", W "leeway: found with*"},
    {"stale_keys of workfront", session, "#", "timeout = 9", "stale_keys = 9",
     W "stale_keys: found with*"},
    {"allowed_clients of workfront", session, "#", "timeout = 9", "allowed_clients = a",
     W "allowed_clients: found with*"},
    {"introspection of workfront", session, "#", "timeout = 9", "introspection = yes",
     W "introspection: found with*"},
    {"userinfo of workfront", session, "#", "timeout = 9", "userinfo = yes",
     W "userinfo: found with*"},
    {"client_auth of workfront", session, "#", "timeout = 9", "client_auth = body",
     W "client_auth: found with*"},
    {"api_version of oidc", oidc, "#", "timeout = 9", "api_version = v20.0",
     O "api_version: found with type = oidc, expected with type = workfront alone"},
    {"nothing more where the type is unknown", oidc, "oidc", "oidc",
     "saml\njwks_file = /k\napi_version = v1.0",
     "f.conf:2: [provider sso] type: found \"saml\", expected workfront or oidc"},
    /* what goes together at a provider */
    {"introspection and userinfo", opaque, "#", "userinfo = no", "userinfo = yes",
     Q "userinfo: found beside introspection = yes, expected one of the two"},
    {"introspection without pattern", opaque, "token_pattern = mt_[a-z]{20}\n",
     "token_pattern = a\n", "",
     "f.conf:1: [provider sso] token_pattern: missing, expected a POSIX extended*"},
    {"introspection without client", opaque, "client_id = mail\n", "client_id = a\n", "",
     "f.conf:1: [provider sso] client_id: missing, expected the application's client ID, 1 to 128 "
     "bytes of printable ASCII without blanks, since introspection = yes"},
    {"introspection without secret", opaque, "client_secret_file = /s\n",
     "client_auth = private_key_jwt\nprivate_key_file = /k\n", "",
     "f.conf:1: [provider sso] client_secret_file: missing, expected an absolute path of a file "
     "that holds the client secret, since introspection = yes"},
    {"secret in the body missing", opaque, "client_secret_file = /s\n",
     "client_auth = private_key_jwt\nprivate_key_file = /k\n", "client_auth = body\n",
     "f.conf:1: [provider sso] client_secret_file: missing*"},
    {"private_key_jwt without key", opaque, "#",
     "client_auth = private_key_jwt\nprivate_key_file = /k", "client_auth = private_key_jwt",
     "f.conf:1: [provider sso] private_key_file: missing, expected an absolute path of a file that "
     "holds the private key in PEM, since client_auth = private_key_jwt"},
    {"a refused client_auth asks for nothing", opaque, "client_secret_file = /s\n",
     "client_auth = body\nclient_secret_file = /s\n", "client_auth = jwt\n",
     "f.conf:5: [provider sso] client_auth: found \"jwt\"*"},
    {"userinfo without pattern", both, "token_pattern = mt_[a-z]{20}\n", "token_pattern = a\n", "",
     "f.conf:6: [provider sso] token_pattern: missing, expected a POSIX extended*"},
    {"pattern without anybody to ask", opaque, "introspection = yes", "introspection = yes",
     "introspection = no",
     "f.conf:7: [provider sso] token_pattern: found without introspection = yes and userinfo = "
     "yes, expected one of them, to ask whose such a token is"},
    {"a refused userinfo is no missing one", both, "userinfo = yes", "userinfo = yes",
     "userinfo = on", "f.conf:11: [provider sso] userinfo: found \"on\"*"},
    {"a refused loopback is no missing one", oidc, "https://sso.example/realms/staff/\n#",
     "http://localhost\nallow_http_loopback = yes", "http://localhost\nallow_http_loopback = 1",
     O "allow_http_loopback: found \"1\"*"},
    /* keys of a service: their values */
    {"flow word", session, "flow = token", "flow = token", "flow = tokens",
     "f.conf:7: [service ftp] flow: found \"tokens\", expected code, token, or*"},
    {"audience blank", oidc, "urn:mail", "urn:mail, a", "urn:mail a",
     "f.conf:6: [service imap] audience: found \"urn:mail a\", expected a list of audiences of "
     "printable ASCII without blanks"},
    {"audience empty", oidc, "urn:mail", "a", "", "f.conf:6: [service imap] audience: found*"},
    {"audience foreign", oidc, "urn:mail", "a", "\xc3\xa4", "f.conf:6: [service imap] audience:*"},
    {"required_scope blank", oidc, ";", "required_scope = a, b", "required_scope = a b",
     OS "required_scope: found \"a b\", expected a list of scopes, with commas between them, of "
        "printable ASCII without blanks, \" and \\"},
    {"required_scope quote", oidc, ";", "required_scope = a'", "required_scope = a\"",
     OS "required_scope: found*"},
    {"required_scope backslash", oidc, ";", "required_scope = a/", "required_scope = a\\",
     OS "required_scope: found*"},
    {"required_scope empty word", oidc, ";", "required_scope = a", "required_scope = a,,b",
     OS "required_scope: found*"},
    {"max_age low", oidc, ";", "max_age = 1", "max_age = 0",
     OS "max_age: found \"0\", expected 1s to 3650d"},
    {"max_age high", oidc, ";", "max_age = 3650d", "max_age = 315360001", OS "max_age: found*"},
    {"accept_unbound", oidc, ";", "accept_unbound = yes", "accept_unbound = true",
     OS "accept_unbound: found \"true\", expected yes or no"},
    {"max_token low", oidc, ";", "max_token = 256", "max_token = 255",
     OS "max_token: found \"255\", expected a number of bytes, 256 to 65536"},
    {"max_token high", oidc, ";", "max_token = 65536", "max_token = 65537", OS "max_token: found*"},
    {"max_token unit", oidc, ";", "max_token = 4096", "max_token = 4k", OS "max_token: found*"},
    {"host", oidc, ";", "host = imap.acme.example", "host = a@b", OS "host: found*"},
    {"port zero", oidc, ";", "port = 1", "port = 0", OS "port: found \"0\", expected a port*"},
    {"port high", oidc, ";", "port = 65535", "port = 65536", OS "port: found*"},
    {"client", oidc, ";", "client = no", "client = never", OS "client: found*"},
    {"client_markers", oidc, ";", "client_markers = both", "client_markers = yes",
     OS "client_markers: found*"},
    {"client_authzid", oidc, ";", "client_authzid = always", "client_authzid = yes",
     OS "client_authzid: found*"},
    {"client_host", oidc, ";", "client_host = no", "client_host = maybe", OS "client_host: found*"},
    {"audience at a provider", oidc, "#", "timeout = 9", "audience = a",
     O "audience: found in a provider section, expected in a service section alone"},
    {"token_pattern at a service", oidc, ";", "max_age = 9", "token_pattern = a",
     OS "token_pattern: found in a service section, expected in a provider section alone"},
    /* what goes together at a service */
    {"unbound for all", session, ";",
     "[service a]\naccept_unbound = yes\nflow = token\n"
     "audience = a",
     "[service *]\naccept_unbound = yes\nflow = token\naudience = a",
     "f.conf:11: [service *] accept_unbound: found in [service *], expected in a [service NAME] "
     "alone: it opens a service to the tokens of every application of the organisation, which no "
     "service may inherit"},
    {"markers for all", session, ";", "[service a]\nclient_markers = file\nflow = token\n"
     "audience = a",
     "[service *]\nclient_markers = file\nflow = token\naudience = a",
     "f.conf:11: [service *] client_markers: found in [service *], expected in a [service NAME]*"},
    {"bound for all", session, ";", "[service *]\nmax_age = 9\nflow = token\naudience = a",
     "[service *]\naccept_unbound = no\nflow = token\naudience = a",
     "f.conf:11: [service *] accept_unbound: found in [service *]*"},
    {"token without audience", session, "audience = urn:ftp\n", "required_scope = a\n", "",
     "f.conf:7: [service ftp] flow: found token, and neither audience nor required_scope in "
     "[service ftp], expected one of them in this very section: else a token for another service "
     "opens this one"},
    {"token with an inherited audience", session, ";",
     "[service a]\naudience = a\n[service *]\naudience = a\nflow = token",
     "[service a]\n[service *]\naudience = a\nflow = token",
     "f.conf:10: [service a] flow: found token, and neither*"},
    {"token for all", session, ";", "[service *]\naudience = a\nflow = token",
     "[service *]\nmax_age = 9\nflow = token", "f.conf:12: [service *] flow: found token, and*"},
    {"a refused audience is not missed", session, "urn:ftp", "a", "a b",
     "f.conf:8: [service ftp] audience: found*"},
    {"code with oidc", oidc, ";", "flow = token", "flow = code",
     OS "flow: flow = code with an oidc provider is not available in this version"},
    {"code with oidc first", both, "provider = acme, sso\nflow = token",
     "provider = sso, acme\nflow = token", "provider = sso, acme\nflow = code",
     "f.conf:14: [service ftp] flow: flow = code with*"},
    {"code without client", session, "[service ftp]\nflow = token",
     "client_id = 1\nredirect_uri = https://a\n[service ftp]\nflow = code",
     "redirect_uri = https://a\n[service ftp]\nflow = code",
     "f.conf:1: [provider acme] client_id: missing, expected the application's client ID, 1 to 128 "
     "bytes of printable ASCII without blanks, since the flow of [service ftp] is code"},
    {"code without redirect", session, "[service ftp]\nflow = token",
     "client_id = 1\nredirect_uri = https://a\n[service ftp]\nflow = code",
     "client_id = 1\n[service ftp]\nflow = code",
     "f.conf:1: [provider acme] redirect_uri: missing, expected a redirect URL*"},
    {"code by default, told once", session, "[service ftp]\nflow = token",
     "client_id = 1\nredirect_uri = https://a\n[service a]\n[service ftp]",
     "client_id = 1\n[service a]\n[service ftp]",
     "f.conf:1: [provider acme] redirect_uri: missing, expected a redirect URL of the application, "
     "https:// and without fragment (http:// only to loopback and with allow_http_loopback = yes), "
     "since the flow of [service a] is code"},
    {"a refused flow asks for nothing", session, "token\n", "token\n", "password\n",
     "f.conf:7: [service ftp] flow: found \"password\"*"},
    {"two take opaque tokens", both, "#", "timeout = 9", "token_pattern = a",
     "f.conf:13: [service ftp] provider: found acme and sso, which both have token_pattern, "
     "expected one such provider at most: an opaque token does not say whose it is"},
    {"two take opaque tokens, told once", session, "#",
     "username = ID\n[provider b]\ntype = workfront\nurl = https://b\nusername = ID\n"
     "timeout = 9\n[service *]\nprovider = acme, b\nflow = token\naudience = a",
     "username = ID\n[provider b]\ntype = workfront\nurl = https://b\nusername = ID\n"
     "token_pattern = b\n[service *]\nprovider = acme, b\nflow = token\naudience = a",
     "f.conf:12: [service *] provider: found acme and b, which both have token_pattern*"},
    /* claims */
    {"claim of oidc, for workfront", both, "username = username", "username = ID",
     "username = preferred_username",
     "f.conf:4: [provider acme] username: found \"preferred_username\", expected a list of claims "
     "of ID, username, emailAddr (any with type = oidc)"},
    {"claim word", oidc, "#", "username = a,b:c", "username = a b", O "username: found \"a b\"*"},
    {"claim foreign", oidc, "#", "username = a", "username = \xc3\xa4", O "username: found*"},
    {"rule fit for one only", both, ";", "require = roleIDs:1", "require = groups:1",
     B "require: found \"groups:1\", expected a list of CLAIM:VALUE with a claim of ID*"},
    {"display rule fit for one only", both, ";", "require_name = roles:1",
     "require_name = groups:1", B "require_name: found \"groups:1\"*"},
    {"user or rule fit for one only", both, ";", "deny_users = alice, ID:1",
     "deny_users = alice, sub:1", B "deny_users: found \"alice, sub:1\"*"},
    {"allowed by a rule fit for one only", both, ";", "allow_users = ID:1", "allow_users = sub:1",
     B "allow_users: found \"sub:1\"*"},
    {"list of all services, told once", both, "provider = sso\n",
     "require = ID:1\nprovider = acme\nflow = token\naudience = a\n[service b]\nflow = token\n"
     "audience = a\n",
     "require = sub:1\nprovider = acme\nflow = token\naudience = a\n[service b]\nflow = token\n"
     "audience = a\n",
     "f.conf:18: [service *] require: found \"sub:1\"*"},
    {"names of all services", session, ";",
     "[service *]\nusername = ID\nflow = token\naudience = a",
     "[service *]\nusername = sub\nflow = token\naudience = a",
     "f.conf:11: [service *] username: found \"sub\"*"},
    {"names of a provider that serves nobody", oidc, "[service imap]",
     "[provider a]\ntype = workfront\nurl = https://a\nusername = ID\n[service imap]\nprovider = "
     "sso",
     "[provider a]\ntype = workfront\nurl = https://a\nusername = sub\n[service imap]\nprovider = "
     "sso",
     "f.conf:8: [provider a] username: found \"sub\"*"},
    {"address in a rule", session, ";", "require = username:https://b@c", "require = https://b@c:1",
     WS "require: found something else (not shown here)*"},
    {"any claim in a rule", oidc, ";", "require = https://a/b:1", "require = :1",
     OS "require: found \":1\"*"},
    {"claim of a rule without blank", oidc, ";", "deny_users = groups:1",
     "deny_users = my groups:1", OS "deny_users: found*"},
    {"value of a rule without blank", oidc, ";", "deny_users = sub:1,alice",
     "deny_users = sub:1 alice", OS "deny_users: found*"},
    {"claim of a display rule without blank", oidc, ";", "require_name = groups:a b",
     "require_name = my groups:a b", OS "require_name: found*"},
};

static void test_rows(void **state)
{
    (void)state;
    try_rows(rows, WF_ARRAY_LEN(rows));
}

static void test_defaults(void **state)
{
    (void)state;
    struct wf_conf *conf = good(oidc);
    const struct wf_provider_conf *provider = wf_conf_provider_at(conf, 0);
    const struct wf_policy *policy = wf_conf_policy_at(conf, 0);

    assert_int_equal(provider->type, WF_PROVIDER_OIDC);
    assert_string_equal(provider->url, "https://sso.example/realms/staff/");
    assert_null(provider->client_id);
    assert_null(provider->redirect_uri);
    assert_null(provider->jwks_file);
    assert_int_equal(provider->algorithms, WF_ALG_ALL);
    assert_int_equal(provider->leeway, 60);
    assert_int_equal(provider->stale_keys, 3600);
    assert_int_equal(provider->allowed_clients.count, 0);
    assert_null(provider->token_pattern);
    assert_false(provider->introspection);
    assert_false(provider->userinfo);
    assert_int_equal(provider->client_auth, WF_CLIENT_AUTH_BASIC);
    assert_null(provider->private_key_file);
    assert_null(provider->cache_dir);
    assert_int_equal(policy->accepted[0].naming.username.count, 1);
    assert_string_equal(policy->accepted[0].naming.username.items[0], "preferred_username");
    assert_int_equal(policy->flow, WF_FLOW_CODE);
    assert_int_equal(policy->audience.count, 1);
    assert_string_equal(policy->audience.items[0], "urn:mail");
    assert_int_equal(policy->required_scope.count, 0);
    assert_int_equal(policy->max_age, 0);
    assert_false(policy->accept_unbound);
    assert_int_equal(policy->max_token, 16384);
    wf_conf_free(conf);
}

static const char everything[] = "[provider sso]\n"
                                 "type = oidc\n"
                                 "url = http://127.0.0.1:8080/\n"
                                 "allow_http_loopback = yes\n"
                                 "jwks_file = /keys\n"
                                 "algorithms = Ed25519,RS256 , ES512\n"
                                 "leeway = 5s\n"
                                 "stale_keys = 2d\n"
                                 "allowed_clients = a;b, c\n"
                                 "token_pattern = (a|b)(c){1,2}\n"
                                 "introspection = yes\n"
                                 "client_id = mail\n"
                                 "client_auth = private_key_jwt\n"
                                 "private_key_file = /key\n"
                                 "cache_dir = /cache\n"
                                 "username = upn, https://acme.example/name\n"
                                 "[service imap]\n"
                                 "flow = token\n"
                                 "audience = urn:mail, https://mail.example/\n"
                                 "required_scope = mail, openid\n"
                                 "max_age = 10m\n"
                                 "accept_unbound = yes\n"
                                 "max_token = 4096\n"
                                 "allow_users = alice, https://acme.example/groups:mail\n"
                                 "deny_users = resource_access:x:y\n"
                                 "require = roles:mail\n"
                                 "require_name = sub:a b\n";

static void test_everything(void **state)
{
    (void)state;
    struct wf_conf *conf = good(everything);
    const struct wf_provider_conf *provider = wf_conf_provider_at(conf, 0);
    const struct wf_policy *policy = wf_conf_policy_at(conf, 0);

    /* An issuer's slash is part of it, even where nothing else stands behind the host */
    assert_string_equal(provider->url, "http://127.0.0.1:8080/");
    assert_string_equal(provider->jwks_file, "/keys");
    assert_int_equal(provider->algorithms,
                     1U << WF_ALG_EDDSA | 1U << WF_ALG_RS256 | 1U << WF_ALG_ES512);
    assert_int_equal(provider->leeway, 5);
    assert_int_equal(provider->stale_keys, 2 * 86400);
    assert_int_equal(provider->allowed_clients.count, 2);
    assert_string_equal(provider->allowed_clients.items[0], "a;b");
    assert_string_equal(provider->token_pattern, "(a|b)(c){1,2}");
    assert_true(provider->introspection);
    assert_int_equal(provider->client_auth, WF_CLIENT_AUTH_PRIVATE_KEY_JWT);
    assert_string_equal(provider->private_key_file, "/key");
    assert_string_equal(provider->cache_dir, "/cache");
    assert_string_equal(policy->accepted[0].naming.username.items[1], "https://acme.example/name");
    assert_int_equal(policy->flow, WF_FLOW_TOKEN);
    assert_int_equal(policy->audience.count, 2);
    assert_string_equal(policy->audience.items[1], "https://mail.example/");
    assert_int_equal(policy->required_scope.count, 2);
    assert_string_equal(policy->required_scope.items[0], "mail");
    assert_int_equal(policy->max_age, 600);
    assert_true(policy->accept_unbound);
    assert_int_equal(policy->max_token, 4096);
    assert_string_equal(policy->require_name.items[0], "sub:a b");
    wf_conf_free(conf);
}

static void test_client_auth(void **state)
{
    (void)state;
    static const struct {
        const char *word;
        enum wf_client_auth auth;
    } auths[] = {
        {"basic", WF_CLIENT_AUTH_BASIC},
        {"body", WF_CLIENT_AUTH_BODY},
        {"private_key_jwt\nprivate_key_file = /k", WF_CLIENT_AUTH_PRIVATE_KEY_JWT},
    };
    char text[1000];
    char line[100];

    for (size_t i = 0; i < WF_ARRAY_LEN(auths); i++) {
        (void)snprintf(line, sizeof(line), "client_auth = %s", auths[i].word);
        substitute(text, sizeof(text), opaque, "#", line);
        struct wf_conf *conf = good(text);
        assert_int_equal(wf_conf_provider_at(conf, 0)->client_auth, auths[i].auth);
        wf_conf_free(conf);
    }
}

/* Providers of both types behind one service: the defaults of each, and the first is asked. */
static void test_both_types(void **state)
{
    (void)state;
    struct wf_conf *conf = good(both);
    const struct wf_policy *ftp = wf_conf_policy_at(conf, 0);
    const struct wf_policy *star = wf_conf_policy_at(conf, 1);

    assert_int_equal(ftp->accepted_count, 2);
    assert_int_equal(ftp->accepted[0].provider->type, WF_PROVIDER_WORKFRONT);
    assert_string_equal(ftp->accepted[0].naming.username.items[0], "username");
    assert_string_equal(ftp->accepted[1].naming.username.items[0], "sub");
    assert_true(ftp->accepted[1].provider->userinfo);
    assert_string_equal(star->accepted[0].provider->name, "sso");
    wf_conf_free(conf);

    /* Each service the default of its own provider's type */
    conf = good("[provider a]\ntype = workfront\nurl = https://a/\n"
                "[provider b]\ntype = oidc\nurl = https://b/\n"
                "[service x]\nprovider = b\n"
                "[service y]\nprovider = a\nflow = token\naudience = y\n");
    assert_string_equal(wf_conf_policy_at(conf, 0)->accepted[0].naming.username.items[0],
                        "preferred_username");
    assert_string_equal(wf_conf_policy_at(conf, 1)->accepted[0].naming.username.items[0],
                        "username");
    /* Workfront's slash goes, the issuer's stays */
    assert_string_equal(wf_conf_provider(conf, "a")->url, "https://a");
    assert_string_equal(wf_conf_provider(conf, "b")->url, "https://b/");
    wf_conf_free(conf);
}

static void test_order_of_lookup(void **state)
{
    (void)state;
    struct wf_conf *conf = good("[provider sso]\ntype = oidc\nurl = https://sso\n"
                                "[service *]\naudience = a, b\nrequired_scope = c\nmax_age = 1m\n"
                                "max_token = 256\n"
                                "[service imap]\naudience = m\nmax_age = 1h\naccept_unbound = yes\n"
                                "[service smtp]\n");
    const struct wf_policy *imap = wf_conf_policy_at(conf, 1);
    const struct wf_policy *smtp = wf_conf_policy_at(conf, 2);

    assert_int_equal(imap->audience.count, 1);
    assert_string_equal(imap->audience.items[0], "m");
    assert_string_equal(imap->required_scope.items[0], "c");
    assert_int_equal(imap->max_age, 3600);
    assert_int_equal(imap->max_token, 256);
    assert_true(imap->accept_unbound);
    assert_int_equal(smtp->audience.count, 2);
    assert_int_equal(smtp->max_age, 60);
    assert_false(smtp->accept_unbound);
    wf_conf_free(conf);
}

/* What is needed follows from what is used. */
static void test_accepted(void **state)
{
    (void)state;
    static const char *const texts[] = {
        /* A flow that only other services have */
        "[provider a]\ntype = workfront\nurl = https://a\n"
        "[service *]\nflow = token\naudience = a\n",
        /* Not the first provider, where people would sign in */
        "[provider a]\ntype = workfront\nurl = https://a\nclient_id = a\n"
        "redirect_uri = https://a\nusername = ID\n"
        "[provider b]\ntype = workfront\nurl = https://b\nusername = ID\n"
        "[provider c]\ntype = oidc\nurl = https://c\nusername = sub\n"
        "[service x]\nflow = code\nprovider = a, b, c\n",
        /* A written flow that a mail server inherits, for which it means nothing */
        "[provider a]\ntype = workfront\nurl = https://a\nclient_id = a\n"
        "redirect_uri = https://a\n"
        "[provider c]\ntype = oidc\nurl = https://c\n"
        "[service *]\nflow = code\nprovider = a\n"
        "[service imap]\nprovider = c\naudience = c\n",
        /* Names for oidc providers, which the other provider's own hide */
        "[provider a]\ntype = workfront\nurl = https://a\nclient_id = a\n"
        "redirect_uri = https://a\nusername = ID\n"
        "[provider c]\ntype = oidc\nurl = https://c\n"
        "[service *]\nusername = sub\nprovider = c\n"
        "[service sshd]\nprovider = a\n",
        /* No service at all */
        "[provider c]\ntype = oidc\nurl = https://c\n",
        /* Several take opaque tokens, each at its own service */
        "[provider a]\ntype = workfront\nurl = https://a\ntoken_pattern = a\n"
        "[provider b]\ntype = workfront\nurl = https://b\ntoken_pattern = b\n"
        "[service x]\nprovider = a\nflow = token\naudience = x\n"
        "[service y]\nprovider = b\nflow = token\nrequired_scope = y\n",
    };

    for (size_t i = 0; i < WF_ARRAY_LEN(texts); i++)
        wf_conf_free(good(texts[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),       cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_everything), cmocka_unit_test(test_client_auth),
        cmocka_unit_test(test_both_types), cmocka_unit_test(test_order_of_lookup),
        cmocka_unit_test(test_accepted),
    };
    return cmocka_run_group_tests_name("conf tokens", tests, NULL, NULL);
}
