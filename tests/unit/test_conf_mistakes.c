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

/* Each row: the minimal file (six lines with its [service *]) with one line changed or added.
 * at: the line that is replaced, 0: a further key of the provider, 7: a further line at the end.
 * good differs from bad in one thing, and passes; told is the whole complaint, or its start where
 * it ends in a '*'. */
#define PROVIDER 0
#define SERVICE 7
#define P "f.conf:2: [provider acme] "
#define S "f.conf:7: [service *] "
#define S7 "f.conf:7: [service *]: "
static const struct {
    const char *name;
    unsigned at;
    const char *good;
    const char *bad;
    const char *told;
} rows[] = {
    {"type", 2, "type = workfront", "type = workfrond",
     P "type: found \"workfrond\", expected workfront or oidc"},
    {"value empty", 2, "type = workfront", "type =", P "type: found \"\"*"},
    {"type missing", 2, "type = workfront", "",
     "f.conf:1: [provider acme] type: missing, expected workfront*"},
    {"url missing", 3, "url = https://a", "",
     "f.conf:1: [provider acme] url: missing, expected https://HOST*"},
    {"client_id missing", 4, "client_id = 1", "", "f.conf:1: [provider acme] client_id: missing*"},
    {"redirect_uri missing", 5, "redirect_uri = https://a", "",
     "f.conf:1: [provider acme] redirect_uri: missing*"},
    {"url plain", 3, "url = https://127.0.0.1", "url = http://127.0.0.1",
     "f.conf:3: [provider acme] url: found \"http://127.0.0.1\", expected https://HOST*"},
    {"url foreign scheme", 3, "url = https://a", "url = ftp://a",
     "f.conf:3: [provider acme] url: found \"ftp://a\"*"},
    {"url path", 3, "url = https://a/", "url = https://a/b",
     "f.conf:3: [provider acme] url: found*"},
    {"url two slashes", 3, "url = https://a/", "url = https://a//",
     "f.conf:3: [provider acme] url: found*"},
    {"url user", 3, "url = https://a.b", "url = https://u:hunter2@b",
     "f.conf:3: [provider acme] url: found something else (not shown here)*"},
    {"url query", 3, "url = https://a", "url = https://a?b",
     "f.conf:3: [provider acme] url: found*"},
    {"client_id blank", 4, "client_id = ab", "client_id = a b",
     "f.conf:4: [provider acme] client_id: found \"a b\"*"},
    {"client_id foreign", 4, "client_id = a", "client_id = \xc3\xa4",
     "f.conf:4: [provider acme] client_id: found*"},
    {"client_id of 129 bytes", 4,
     "client_id = "
     "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
     "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
     "client_id = "
     "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
     "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
     "f.conf:4: [provider acme] client_id: found*"},
    {"redirect_uri plain", 5, "redirect_uri = https://localhost/",
     "redirect_uri = http://localhost/",
     "f.conf:5: [provider acme] redirect_uri: found \"http://localhost/\"*"},
    {"redirect_uri fragment", 5, "redirect_uri = https://a/b", "redirect_uri = https://a/#b",
     "f.conf:5: [provider acme] redirect_uri: found*"},
    {"redirect_uri relative", 5, "redirect_uri = https://a/b", "redirect_uri = /b",
     "f.conf:5: [provider acme] redirect_uri: found*"},
    {"secret file relative", PROVIDER, "client_secret_file = /hunter2",
     "client_secret_file = hunter2",
     P "client_secret_file: found something else (not shown here), expected an absolute path*"},
    {"secret file empty", PROVIDER, "client_secret_file = /s",
     "client_secret_file =", P "client_secret_file: found \"\"*"},
    {"api_version v", PROVIDER, "api_version = v20.0", "api_version = 20.0",
     P "api_version: found \"20.0\"*"},
    {"api_version minor", PROVIDER, "api_version = v20.0", "api_version = v20.",
     P "api_version: found*"},
    {"api_version major", PROVIDER, "api_version = v2.0", "api_version = v.0",
     P "api_version: found*"},
    {"api_version letters", PROVIDER, "api_version = v20.0", "api_version = v20.a",
     P "api_version: found*"},
    {"api_version parts", PROVIDER, "api_version = v20.0", "api_version = v20.0.1",
     P "api_version: found*"},
    {"api_version blank", PROVIDER, "api_version = v20.0", "api_version = v20. 0",
     P "api_version: found*"},
    {"api_version long", PROVIDER, "api_version = v1234.56", "api_version = v1234.567",
     P "api_version: found*"},
    {"scope quote", PROVIDER, "scope = a b", "scope = a \"b", P "scope: found*"},
    {"scope backslash", PROVIDER, "scope = a b", "scope = a \\b", P "scope: found*"},
    {"scope two blanks", PROVIDER, "scope = a b", "scope = a  b", P "scope: found*"},
    {"scope foreign", PROVIDER, "scope = a", "scope = \xc3\xa4", P "scope: found*"},
    {"scope empty", PROVIDER, "scope = a", "scope =", P "scope: found*"},
    {"ca_file relative", PROVIDER, "ca_file = /ca.pem", "ca_file = ca.pem",
     P "ca_file: found \"ca.pem\"*"},
    {"proxy scheme", PROVIDER, "proxy = http://p:1", "proxy = ttp://p:1", P "proxy: found \"*"},
    {"proxy socks", PROVIDER, "proxy = http://p:1", "proxy = socks5://p:1", P "proxy: found \"*"},
    {"proxy by TLS", PROVIDER, "proxy = http://p:1", "proxy = https://p:1", P "proxy: found \"*"},
    {"proxy bare", PROVIDER, "proxy = http://p:1", "proxy = p:1", P "proxy: found \"*"},
    {"proxy port missing", PROVIDER, "proxy = http://p:1", "proxy = http://p",
     P "proxy: found \"*"},
    {"proxy port empty", PROVIDER, "proxy = http://p:1", "proxy = http://p:", P "proxy: found \"*"},
    {"proxy port range", PROVIDER, "proxy = http://p:65535", "proxy = http://p:65536",
     P "proxy: found \"*"},
    {"proxy path", PROVIDER, "proxy = http://p:1", "proxy = http://p:1/", P "proxy: found \"*"},
    {"proxy path, port", PROVIDER, "proxy = http://p:1", "proxy = http://p:1/:1",
     P "proxy: found \"*"},
    {"proxy user", PROVIDER, "proxy = http://u.p:1", "proxy = http://u@p:1",
     P "proxy: found something else (not shown here)*"},
    {"timeout low", PROVIDER, "timeout = 1s", "timeout = 0s",
     P "timeout: found \"0s\", expected 1s to 60s"},
    {"timeout high", PROVIDER, "timeout = 60", "timeout = 61", P "timeout: found \"61\"*"},
    {"timeout unit", PROVIDER, "timeout = 10s", "timeout = 10x", P "timeout: found \"10x\"*"},
    {"yes or no", PROVIDER, "allow_http_loopback = yes", "allow_http_loopback = true",
     P "allow_http_loopback: found \"true\", expected yes or no"},
    {"helper_user", PROVIDER, "helper_user = a-b", "helper_user = -b",
     P "helper_user: found \"-b\"*"},
    {"username claim", PROVIDER, "username = ID", "username = id",
     P "username: found \"id\", expected a list of claims of ID, username, emailAddr (any "
       "with type = oidc)"},
    {"username shared claim", PROVIDER, "username = username", "username = homeGroupID",
     P "username: found*"},
    {"username empty word", PROVIDER, "username = username", "username = username,",
     P "username: found*"},
    {"strip_domain at", PROVIDER, "strip_domain = a.example", "strip_domain = @a.example",
     P "strip_domain: found*"},
    {"strip_domain label", PROVIDER, "strip_domain = a.example", "strip_domain = a..example",
     P "strip_domain: found*"},
    {"strip_domain first hyphen", PROVIDER, "strip_domain = a-b.c", "strip_domain = -b.c",
     P "strip_domain: found*"},
    {"strip_domain last hyphen", PROVIDER, "strip_domain = a-b.c", "strip_domain = a-.c",
     P "strip_domain: found*"},
    {"strip_domain label of 64 bytes", PROVIDER,
     "strip_domain = 123456789012345678901234567890123456789012345678901234567890123",
     "strip_domain = 1234567890123456789012345678901234567890123456789012345678901234",
     P "strip_domain: found*"},
    {"regex syntax", PROVIDER, "username_regex = (a)", "username_regex = (a",
     P "username_regex: found \"(a\"*"},
    {"regex groups", PROVIDER, "username_regex = (a)b", "username_regex = (a)(b)",
     P "username_regex: found*"},
    {"regex foreign", PROVIDER, "username_regex = a", "username_regex = \xc3\xa4",
     P "username_regex: found*"},
    {"regex empty", PROVIDER, "username_regex = a", "username_regex =", P "username_regex: found*"},
    {"regex back-reference", PROVIDER, "username_regex = (a)\\.", "username_regex = (a)\\1",
     P "username_regex: found*"},
    {"regex repetition", PROVIDER, "username_regex = (a{1,30}){31}",
     "username_regex = (a{1,31}){31}", P "username_regex: found*"},
    {"regex open repetition", PROVIDER, "username_regex = a{,999}", "username_regex = a{,1000}",
     P "username_regex: found*"},
    {"regex plus", PROVIDER, "username_regex = a+++++++++", "username_regex = a++++++++++",
     P "username_regex: found*"},
    {"map_file", PROVIDER, "map_file = /map", "map_file = map", P "map_file: found*"},
    {"unknown key, near", PROVIDER, "client_secret_file = /s", "client_secret = s",
     P "client_secret: unknown key, did you mean \"client_secret_file\"?"},
    {"unknown key, typing", PROVIDER, "timeout = 1s", "timout = 1s",
     P "timout: unknown key, did you mean \"timeout\"?"},
    {"unknown key, far", PROVIDER, "timeout = 1s", "wombat = 1s",
     P "wombat: unknown key, see wfauth.conf(5)"},
    {"unknown key, later version", SERVICE, "qr = no", "device_code = yes",
     S "device_code: unknown key*"},
    {"unknown key, case", PROVIDER, "timeout = 1s", "Timeout = 1s",
     P "Timeout: unknown key, did you mean \"timeout\"?"},
    {"unknown key, not of this section", SERVICE, "qr = no", "scop = a",
     S "scop: unknown key, see*"},
    {"service's key", PROVIDER, "timeout = 1s", "min_uid = 1",
     P "min_uid: found in a provider section, expected in a service section alone"},
    {"provider's key", SERVICE, "min_uid = 1", "timeout = 1s",
     S "timeout: found in a service section, expected in a provider section alone"},
    {"twice", SERVICE, "qr = no", "qr = no\nqr = no",
     "f.conf:8: [service *] qr: found again, expected once; the first is on line 7"},
    {"provider unknown", SERVICE, "provider = acme", "provider = Acme",
     S "provider: found \"Acme\", expected the name of a [provider NAME] section"},
    {"provider empty word", SERVICE, "provider = acme", "provider = acme,",
     S "provider: found \"acme,\"*"},
    {"provider word", SERVICE, "provider = acme", "provider = acme acme",
     S "provider: found \"acme acme\"*"},
    {"provider twice", SERVICE, "provider = acme", "provider = acme, acme",
     S "provider: found \"acme, acme\"*"},
    {"flow", SERVICE, "flow = code", "flow = device",
     S "flow: found \"device\", expected code, token, or \"refresh, code\" (silently from the "
       "session that is kept, where the host has proven the person, else by code)"},
    {"qr", SERVICE, "qr = utf8", "qr = yes",
     S "qr: found \"yes\", expected auto, no, utf8 or ascii"},
    {"qr part", SERVICE, "qr = utf8", "qr = utf", S "qr: found*"},
    {"min_uid range", SERVICE, "max_uid = 4294967294", "max_uid = 4294967295",
     S "max_uid: found \"4294967295\"*"},
    {"min_uid sign", SERVICE, "min_uid = 1", "min_uid = -1", S "min_uid: found \"-1\"*"},
    {"min over max", SERVICE, "min_uid = 2000\nmax_uid = 2000", "min_uid = 2001\nmax_uid = 2000",
     S "min_uid: found min_uid 2001 and max_uid 2000, expected min_uid to be the lower one"},
    {"min over default", SERVICE, "min_uid = 60000", "min_uid = 60001",
     S "min_uid: found min_uid 60001 and max_uid 60000*"},
    {"max under default", SERVICE, "max_uid = 1000", "max_uid = 999",
     S "max_uid: found min_uid 1000 and max_uid 999*"},
    {"min over inherited", SERVICE, "max_uid = 2000\n[service a]\nmin_uid = 2000",
     "max_uid = 2000\n[service a]\nmin_uid = 2001", "f.conf:9: [service a] min_uid: found*"},
    {"min over max, told once", SERVICE, "min_uid = 2000\nmax_uid = 2000\n[service a]",
     "min_uid = 2001\nmax_uid = 2000\n[service a]", S "min_uid: found*"},
    {"user case", SERVICE, "allow_users = alice", "allow_users = Alice",
     S "allow_users: found \"Alice\", expected a list of local user names or CLAIM:VALUE*"},
    {"user digit", SERVICE, "allow_users = a0", "allow_users = 0a", S "allow_users: found*"},
    {"user dot", SERVICE, "allow_users = a.b", "allow_users = .ab", S "allow_users: found*"},
    {"user blank", SERVICE, "deny_users = alice, bob", "deny_users = alice bob",
     S "deny_users: found \"alice bob\"*"},
    {"user of 33 bytes", SERVICE, "deny_users = abcdefghijklmnopqrstuvwxyzabcdef",
     "deny_users = abcdefghijklmnopqrstuvwxyzabcdefg", S "deny_users: found*"},
    {"user empty", SERVICE, "deny_users = a,b", "deny_users = a,,b", S "deny_users: found*"},
    {"rule on unknown claim", SERVICE, "deny_users = homeGroupID:1", "deny_users = homegroupid:1",
     S "deny_users: found*"},
    {"rule on address", SERVICE, "deny_users = ID:1", "deny_users = https://ID:1",
     S "deny_users: found*"},
    {"rule on display name", SERVICE, "deny_users = homeGroupID:1", "deny_users = homeGroup:1",
     S "deny_users: found \"homeGroup:1\", expected a list of local user names or CLAIM:VALUE with "
       "a claim of ID, username, emailAddr, accessLevelID, homeGroupID, homeTeamID, roleIDs "
       "(any with type = oidc; display names, accessLevel, homeGroup, homeTeam, roles, stand in "
       "require_name alone)"},
    {"allow by display name", SERVICE, "allow_users = roleIDs:1", "allow_users = roles:1",
     S "allow_users: found*"},
    {"rule without value", SERVICE, "deny_users = ID:1",
     "deny_users = ID:", S "deny_users: found*"},
    {"display rule without value", SERVICE, "require_name = roles:a",
     "require_name = roles:", S "require_name: found*"},
    {"rule with blank", SERVICE, "deny_users = ID:12", "deny_users = ID:1 2",
     S "deny_users: found*"},
    {"rule with blank first", SERVICE, "require_name = roles:a b", "require_name = roles: ab",
     S "require_name: found*"},
    {"require user", SERVICE, "require = ID:1", "require = alice", S "require: found*"},
    {"require display name", SERVICE, "require = accessLevelID:1", "require = accessLevel:1",
     S "require: found*"},
    {"require_name by ID", SERVICE, "require_name = homeTeam:1", "require_name = homeTeamID:1",
     S "require_name: found \"homeTeamID:1\", expected a list of CLAIM:VALUE with a claim of "
       "accessLevel, homeGroup, homeTeam, roles (any with type = oidc)"},
    /* the form of the file */
    {"comment behind", SERVICE, "min_uid = 1", "min_uid = 1 ; root",
     S7 "found ; or # behind a blank, expected comments on lines of their own"},
    {"value cut", SERVICE, "require_name = roles:a;b", "require_name = roles:a ;b",
     S7 "found ; or # behind a blank*"},
    {"value cut at tab", SERVICE, "require_name = roles:a;b", "require_name = roles:a\t;b",
     S7 "found ; or # behind a blank*"},
    {"comment behind, hash", SERVICE, "require_name = roles:a#b", "require_name = roles:a #b",
     S7 "found ; or # behind a blank*"},
    {"continuation", SERVICE, "qr = no\nmin_uid = 1", "qr = no\n min_uid = 1",
     "f.conf:8: [service *]: found a blank at the start of the line, expected each value on one "
     "line"},
    {"continuation by tab", SERVICE, "qr = no\nmin_uid = 1", "qr = no\n\tmin_uid = 1",
     "f.conf:8: [service *]: found a blank at the start*"},
    {"no equals", SERVICE, "qr = no", "qr no",
     S7 "found a line that is no \"key = value\", no [section] and no comment"},
    {"colon", SERVICE, "qr = no", "qr: no", S7 "found a line that is no*"},
    {"colon before equals", SERVICE, "qr = no", "qr: no = no", S7 "found a line that is no*"},
    {"no key", SERVICE, "qr = no", "= no", S7 "found a line that is no*"},
    {"blank in key", SERVICE, "qr = no", "q r = no", S7 "found a line that is no*"},
    {"escape in value", SERVICE, "require_name = roles:a", "require_name = roles:a\x1b[2J",
     S7 "found control characters, invisible ones or invalid UTF-8, expected plain text"},
    {"escape in comment", SERVICE, "# a", "# \x1b[2J", S7 "found control characters*"},
    {"invalid UTF-8", SERVICE, "require_name = roles:\xc3\xa4", "require_name = roles:\xc3",
     S7 "found control characters*"},
    {"invalid UTF-8 behind tab", SERVICE, "require_name = roles:a\tb",
     "require_name = roles:a\t\xff", S7 "found control characters*"},
    {"escape before tab", SERVICE, "require_name = roles:a\tb", "require_name = roles:\x1b\tb",
     S7 "found control characters*"},
    {"CR inside", SERVICE, "qr = no\r", "qr = no\r\r", S7 "found control characters*"},
    {"BOM inside", SERVICE, "qr = no", "\xef\xbb\xbfqr = no", S7 "found control characters*"},
    {"invisible", SERVICE, "require_name = roles:ab",
     "require_name = roles:a\xe2\x80\x8b"
     "b",
     S7 "found control characters*"},
    /* the sections */
    {"section kind", SERVICE, "[service a]", "[services a]",
     "f.conf:7: found [services a], expected [provider NAME], [service NAME] or [service *], where "
     "NAME is of letters, digits, - _ and ."},
    {"section kind case", SERVICE, "[service a]", "[Service a]", "f.conf:7: found [Service a]*"},
    {"section without name", SERVICE, "[service a]", "[service]", "f.conf:7: found [service]*"},
    {"section empty", SERVICE, "[service a]", "[]", "f.conf:7: found []*"},
    {"section open", SERVICE, "[service a]", "[service a",
     "f.conf:7: found a section without ] at the end of the line, expected [KIND NAME]"},
    {"section only open", SERVICE, "[service a]", "[", "f.conf:7: found a section without ]*"},
    {"section followed", SERVICE, "[service a]", "[service a] b",
     "f.conf:7: found a section without ]*"},
    {"section name bytes", SERVICE, "[service a-b_c.d]", "[service a/b]",
     "f.conf:7: found [service a/b]*"},
    {"section name dots", SERVICE, "[service a..]", "[service ..]",
     "f.conf:7: found [service ..]*"},
    {"section star", SERVICE, "[service a]", "[service a*]", "f.conf:7: found [service a*]*"},
    {"section two words", SERVICE, "[service a]", "[service a b]",
     "f.conf:7: found [service a b]*"},
    {"section twice", SERVICE, "[service a]\n[service b]", "[service a]\n[service a]",
     "f.conf:8: found [service a] again, expected it once; the first is on line 7"},
    {"section twice, blanks", SERVICE, "[service a]\n[service  b]", "[service a]\n[service  a]",
     "f.conf:8: found [service a] again*"},
    {"section of 49 bytes", SERVICE, "[service 1234567890123456789012345678901234567890]",
     "[service 12345678901234567890123456789012345678901]",
     "f.conf:7: found a section name of 49 bytes, expected at most 48"},
    {"keys below a refused section are its own", SERVICE, "[service a]\nqr = no",
     "[service a/b]\nmin_uid = x", "f.conf:7: found [service a/b]*"},
    {"key before the first section", 1, "#\n[provider acme]", "qr = no\n[provider acme]",
     "f.conf:1: found a key before the first section, expected [provider NAME] or [service NAME] "
     "above it"},
};

/* The base with line `at` replaced, or a line added. */
static void compose(char *out, size_t size, unsigned at, const char *line)
{
    static const char *const base[] = {"[provider acme]",           "type = workfront",
                                       "url = https://a",           "client_id = 1",
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

/* Two providers behind one service: each complaint, and the section that is at fault. */
static const struct {
    const char *name;
    const char *first;  /* further keys of [provider a] */
    const char *second; /* of [provider b] */
    const char *rest;
    const char *told; /* NULL: accepted */
} several[] = {
    {"each its own", "username = ID\n", "username = ID\n", "[service x]\nprovider = a, b\n", NULL},
    {"no service names one", "", "", "[service x]\n",
     "f.conf:11: [service x] provider: missing, expected names of [provider NAME] sections, each "
     "once, since there are several"},
    {"no service at all", "", "", "",
     "f.conf:10: [service *] provider: missing, expected names of [provider NAME]*"},
    {"one for each", "", "", "[service x]\nprovider = a\n[service y]\nprovider = b\n", NULL},
    {"none in the first", "", "username = ID\n", "[service x]\nprovider = a, b\n",
     "f.conf:13: [service x] provider: found several providers, and no username in [provider a], "
     "line 1; expected the keys that make names in each provider's own section"},
    {"none in the second", "username = ID\n", "map_file = /m\n", "[service x]\nprovider = a, b\n",
     "f.conf:14: [service x] provider: found several providers, and no username in [provider b]*"},
    {"from the service", "username = ID\n", "username = ID\n",
     "[service x]\nprovider = a\nmap_file = /m\n[service y]\nprovider = a, b\n", NULL},
    {"from this service", "username = ID\nmap_file = /m\n", "username = ID\nmap_file = /m\n",
     "[service x]\nprovider = a,b\nmap_file = /m\n",
     "f.conf:16: [service x] provider: found several providers, and map_file in [service x], line "
     "17; expected the keys that make names in each provider's own section alone*"},
    {"from all services", "username = ID\nstrip_domain = a\n", "username = ID\n",
     "[service x]\nprovider = a, b\n[service *]\nprovider = a\nstrip_domain = a\n",
     "f.conf:15: [service x] provider: found several providers, and strip_domain in [service *]*"},
    {"hidden by their own", "username = ID\nstrip_domain = a\n",
     "username = ID\nstrip_domain = b\n",
     "[service x]\nprovider = a, b\n[service *]\nprovider = a\nstrip_domain = a\n", NULL},
    {"all services, their own", "username = ID\nstrip_domain = a\n",
     "username = ID\nstrip_domain = b\n", "[service *]\nprovider = a, b\nstrip_domain = a\n", NULL},
};

static void test_several_providers(void **state)
{
    (void)state;
    char text[1000];
    struct lines lines;
    struct wf_err err = WF_ERR_INIT;

    for (size_t i = 0; i < WF_ARRAY_LEN(several); i++) {
        struct wf_conf *conf = NULL;
        (void)snprintf(text, sizeof(text),
                       "[provider a]\ntype=workfront\nurl=https://a\nclient_id=a\n"
                       "redirect_uri=https://a/\n%s[provider b]\ntype=workfront\nurl=https://b\n"
                       "client_id=b\nredirect_uri=https://b/\n%s%s",
                       several[i].first, several[i].second, several[i].rest);
        enum wf_reason reason = parse(text, &lines, &conf, &err);
        if (several[i].told == NULL ? reason != WF_OK
                                    : reason != WF_CONFIG || !told(lines.text[0], several[i].told))
            fail_msg("%s: %s", several[i].name, lines.text[0]);
        wf_conf_free(conf);
    }
}

static void test_all_at_once(void **state)
{
    (void)state;
    static const char text[] = "[provider acme]\n"
                               "type = saml\n"
                               "url = http://acme.example\n"
                               "client_i = 1\n"
                               "client_id = 1\n"
                               "redirect_uri = https://a/\n"
                               "[service *]\n"
                               "provider = other\n"
                               "min_uid = many\n";
    static const char *const expected[] = {
        "f.conf:2: [provider acme] type: found \"saml\"*",
        "f.conf:3: [provider acme] url: found \"http://acme.example\"*",
        "f.conf:4: [provider acme] client_i: unknown key, did you mean \"client_id\"?",
        "f.conf:8: [service *] provider: found \"other\"*",
        "f.conf:9: [service *] min_uid: found \"many\"*",
    };
    struct lines lines;
    struct wf_conf *conf = NULL;
    struct wf_err err = WF_ERR_INIT;

    assert_int_equal(parse(text, &lines, &conf, &err), WF_CONFIG);
    assert_int_equal(lines.count, WF_ARRAY_LEN(expected));
    for (size_t i = 0; i < WF_ARRAY_LEN(expected); i++) {
        if (!told(lines.text[i], expected[i]))
            fail_msg("%s", lines.text[i]);
    }
    assert_true(told(err.text, "5 mistakes, the first: f.conf:2: [provider acme] type: found*"));
    assert_int_equal(wf_conf_parse("f.conf", text, strlen(text), NULL, NULL, &conf, NULL),
                     WF_CONFIG);
}

/* Those that are shown are the first of the file, even if they were found last. */
static void test_too_many_mistakes(void **state)
{
    (void)state;
    char text[2000] = "[provider acme]\n";
    size_t used = strlen(text);
    struct lines lines;
    struct wf_conf *conf = NULL;
    struct wf_err err = WF_ERR_INIT;

    for (unsigned i = 0; i < 30; i++)
        used += (size_t)snprintf(text + used, sizeof(text) - used, "wombat%u = 1\n", i);
    assert_int_equal(parse(text, &lines, &conf, &err), WF_CONFIG);
    assert_int_equal(lines.count, WF_CONF_MISTAKES_MAX + 1);
    assert_true(told(lines.text[0], "f.conf:1: [provider acme] type: missing*"));
    assert_true(told(lines.text[1], "f.conf:1: [provider acme] url: missing*"));
    assert_true(told(lines.text[2], "f.conf:2: [provider acme] wombat0*"));
    assert_true(told(lines.text[19], "f.conf:19: [provider acme] wombat17*"));
    assert_string_equal(lines.text[20], "f.conf: 12 more mistakes are not shown");
    assert_true(told(err.text, "32 mistakes, the first: f.conf:1: *"));
}

/* A good file with `fill` bytes of 'a' as a comment or value behind it. */
static enum wf_reason parse_filled(const char *start, size_t fill, struct lines *lines)
{
    static char text[WF_CONF_FILE_MAX + 2];
    struct wf_conf *conf = NULL;
    struct wf_err err = WF_ERR_INIT;

    compose(text, sizeof(text), SERVICE, start);
    size_t used = strlen(text) - 1;
    memset(text + used, 'a', fill);
    memset(lines, 0, sizeof(*lines));
    enum wf_reason reason = wf_conf_parse("f.conf", text, used + fill, collect, lines, &conf, &err);
    if (reason != WF_OK && lines->count == 0)
        (void)snprintf(lines->text[0], WF_ERR_TEXT_MAX, "%s", err.text);
    wf_conf_free(conf);
    return reason;
}

static void test_sizes(void **state)
{
    (void)state;
    static const char start[] = "require_name = roles:";
    struct lines lines;
    char text[200];

    assert_int_equal(parse_filled(start, WF_CONF_LINE_MAX - strlen(start), &lines), WF_OK);
    assert_int_equal(parse_filled(start, WF_CONF_LINE_MAX + 1 - strlen(start), &lines), WF_CONFIG);
    assert_string_equal(lines.text[0], S7 "found a line of 191 bytes, expected at most 190");
    /* A comment is as long as it likes, the file is not */
    compose(text, sizeof(text), SERVICE, "#");
    size_t room = WF_CONF_FILE_MAX - (strlen(text) - 1);
    assert_int_equal(parse_filled("#", room, &lines), WF_OK);
    assert_int_equal(parse_filled("#", room + 1, &lines), WF_CONFIG);
    assert_string_equal(lines.text[0], "f.conf is larger than 262144 bytes");
}

static void test_nul(void **state)
{
    (void)state;
    char text[200];
    struct lines lines = {0};
    struct wf_conf *conf = NULL;
    struct wf_err err = WF_ERR_INIT;

    compose(text, sizeof(text), SERVICE, "require_name = roles:a_b");
    size_t len = strlen(text);
    assert_int_equal(wf_conf_parse("f.conf", text, len, collect, &lines, &conf, &err), WF_OK);
    wf_conf_free(conf);
    *strchr(strstr(text, "roles:a_b"), '_') = '\0';
    assert_int_equal(wf_conf_parse("f.conf", text, len, collect, &lines, &conf, &err), WF_CONFIG);
    assert_true(told(err.text, S7 "found control characters*"));
}

static void test_sections(void **state)
{
    (void)state;
    static char text[10000];
    struct lines lines;
    struct wf_conf *conf = NULL;
    struct wf_err err = WF_ERR_INIT;

    compose(text, sizeof(text), SERVICE, "");
    size_t used = strlen(text);
    for (unsigned i = 2; i < 200; i++)
        used += (size_t)snprintf(text + used, sizeof(text) - used, "[service s%u]\n", i);
    assert_int_equal(parse(text, &lines, &conf, &err), WF_OK);
    assert_non_null(wf_conf_policy_at(conf, 198));
    wf_conf_free(conf);
    (void)snprintf(text + used, sizeof(text) - used, "[service y]\nqr = 1\n[service z]\n");
    assert_int_equal(parse(text, &lines, &conf, &err), WF_CONFIG);
    assert_int_equal(lines.count, 1);
    assert_string_equal(lines.text[0], "f.conf:206: found more than 200 sections");
    /* None at all */
    assert_int_equal(parse("", &lines, &conf, &err), WF_CONFIG);
    assert_string_equal(err.text,
                        "f.conf:1: found no section [provider NAME], expected at least one");
    assert_int_equal(parse("\n[service sshd]\n", &lines, &conf, &err), WF_CONFIG);
    assert_int_equal(lines.count, 1);
    assert_true(told(err.text, "f.conf:2: found no section [provider NAME]*"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),        cmocka_unit_test(test_several_providers),
        cmocka_unit_test(test_all_at_once), cmocka_unit_test(test_too_many_mistakes),
        cmocka_unit_test(test_sizes),       cmocka_unit_test(test_nul),
        cmocka_unit_test(test_sections),
    };
    return cmocka_run_group_tests_name("conf mistakes", tests, NULL, NULL);
}
