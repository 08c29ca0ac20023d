/* Look-ups of opaque tokens: what is remembered for whom, and what happens when the provider does
 * not answer, memory is short or many knock. */
#include "config.h"

#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "failalloc.h"
#include "oidc.h"
#include "opaque_case.h"
#include "replies.h"

/* Wrapped calls */

void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size)
{
    return fail_alloc_now() ? NULL : __real_calloc(n, size);
}

static unsigned fail_page_at;
void *__real_mmap(void *at, size_t len, int prot, int flags, int fd, off_t offset);
void *__wrap_mmap(void *at, size_t len, int prot, int flags, int fd, off_t offset);
void *__wrap_mmap(void *at, size_t len, int prot, int flags, int fd, off_t offset)
{
    if (fail_page_at > 0 && --fail_page_at == 0)
        return MAP_FAILED;
    return __real_mmap(at, len, prot, flags, fd, offset);
}

int64_t __wrap_wf_frame_now(void);
int64_t __wrap_wf_frame_now(void)
{
    return atomic_load(&door.clock_ms);
}

/* Nothing that was found out for one policy, provider or client holds for another; on disk, too.
 * Parts do not run into each other. */
static const struct {
    const char *name;
    const char *provider;
    const char *url;
    const char *client;
    const char *version;
    bool userinfo;
    bool same;
} others[] = {
    {"the same", "mail", ISSUER, "c", "v1", false, true},
    {"provider", "other", ISSUER, "c", "v1", false, false},
    {"client", "mail", ISSUER, "d", "v1", false, false},
    {"no client", "mail", ISSUER, NULL, "v1", false, false},
    {"url", "mail", ISSUER "/", "c", "v1", false, false},
    {"version", "mail", ISSUER, "c", "v2", false, false},
    {"no version", "mail", ISSUER, "c", NULL, false, false},
    {"how", "mail", ISSUER, "c", "v1", true, false},
    {"url in the provider's name", "mailh", "ttps://sso.acme.example", "c", "v1", false, false},
    {"client in the url", "mail", ISSUER "c", "", "v1", false, false},
    {"version in the client", "mail", ISSUER, "cv", "1", false, false},
};

static bool is_asked(struct wf_provider_conf conf, const uint8_t key[32])
{
    struct wf_opaque *opaque = make(&conf, dir);
    struct json_t *claims = NULL;
    enum wf_source source = WF_SOURCE_JWT;
    int64_t until = 0;

    answer(WF_OK, 200, "{\"active\":true,\"sub\":\"u1\"}");
    enum wf_reason reason = wf_opaque_look_up(opaque, TOKEN, strlen(TOKEN), key, NULL, NOW, &claims,
                                              &source, &until, NULL);
    wf_json_free(claims);
    wf_opaque_free(opaque);
    return reason != WF_OK || door.asked + door.discovered > 0;
}

static void test_keys(void **state)
{
    struct wf_provider_conf conf = oidc;
    uint8_t key[32] = {1};

    (void)state;
    empty_folder();
    conf.api_version = "v1";
    assert_true(is_asked(conf, key));
    for (size_t i = 0; i < WF_ARRAY_LEN(others); i++) {
        /* On the heap, so that a sanitizer sees who reads beyond an end */
        char *texts[] = {strdup(others[i].provider), strdup(others[i].url),
                         others[i].client == NULL ? NULL : strdup(others[i].client),
                         others[i].version == NULL ? NULL : strdup(others[i].version)};
        struct wf_provider_conf other = conf;
        other.name = texts[0];
        other.url = texts[1];
        other.client_id = texts[2];
        other.api_version = texts[3];
        other.introspection = !others[i].userinfo;
        other.userinfo = others[i].userinfo;
        if (is_asked(other, key) == others[i].same)
            fail_msg("%s", others[i].name);
        for (size_t k = 0; k < WF_ARRAY_LEN(texts); k++)
            free(texts[k]);
    }
    key[31] = 1;
    assert_true(is_asked(conf, key));
}

/* The same look-up asks again for another policy, and not in another process, until it is too old.
 */
static void test_asked_once(void **state)
{
    int64_t until = 0;

    (void)state;
    empty_folder();
    struct wf_opaque *opaque = make(&oidc, dir);
    answer(WF_OK, 200, "{\"active\":true,\"sub\":\"u1\"}");
    assert_int_equal(look_up_as(opaque, TOKEN, 1, NULL, NOW, &until, NULL), WF_OK);
    assert_int_equal(look_up_as(opaque, TOKEN, 1, NULL, NOW, &until, NULL), WF_OK);
    assert_int_equal(door.asked, 1);
    assert_int_equal(look_up_as(opaque, TOKEN, 2, NULL, NOW, &until, NULL), WF_OK);
    assert_int_equal(door.asked, 2);
    wf_opaque_free(opaque);
    opaque = make(&oidc, dir);
    answer(WF_OK, 200, "{\"active\":true,\"sub\":\"u1\"}");
    assert_int_equal(look_up_as(opaque, TOKEN, 1, NULL, NOW + 59, &until, NULL), WF_OK);
    assert_int_equal(door.asked + door.discovered, 0);
    assert_int_equal(until, NOW + 60);
    assert_int_equal(look_up_as(opaque, TOKEN, 1, NULL, NOW + 60, &until, NULL), WF_OK);
    assert_int_equal(door.asked, 1);
    wf_opaque_free(opaque);
}

/* The key of the one reply in the folder, which stands in its name. */
static void find_key(uint8_t ret[WF_REPLIES_KEY_SIZE])
{
    static const char prefix[] = "opaque-";
    DIR *stream = opendir(folder);
    const struct dirent *entry = NULL;

    assert_non_null(stream);
    do {
        entry = readdir(stream);
        assert_non_null(entry);
    } while (strncmp(entry->d_name, prefix, strlen(prefix)) != 0);
    for (size_t i = 0; i < WF_REPLIES_KEY_SIZE; i++) {
        const char *at = entry->d_name + strlen(prefix) + 2 * i;
        const char digits[3] = {at[0], at[1], '\0'};
        ret[i] = (uint8_t)strtoul(digits, NULL, 16);
    }
    (void)closedir(stream);
}

/* What is on disk is judged like what was answered. */
static const struct {
    const char *name;
    const char *body;
    enum wf_reason reason;
    const char *says;
} planted[] = {
    {"claims", "{\"sub\":\"u1\"}", WF_OK, ""},
    {"no JSON", "{\"sub\":\"u1\"", WF_UNREACHABLE, "what provider mail answered"},
    {"a claim of the wrong type", "{\"exp\":\"1\"}", WF_UNREACHABLE, "what provider mail answered"},
};

static void test_planted(void **state)
{
    uint8_t key[WF_REPLIES_KEY_SIZE];
    int64_t until = 0;

    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(planted); i++) {
        struct wf_err err = WF_ERR_INIT;
        struct wf_reply reply = WF_REPLY_INIT;
        empty_folder();
        struct wf_opaque *opaque = make(&oidc, dir);
        answer(WF_OK, 200, "{\"active\":true}");
        assert_int_equal(look_up(opaque, NOW), WF_OK);
        wf_opaque_free(opaque);
        find_key(key);
        struct wf_replies *replies = wf_replies_new(dir);
        reply.reason = WF_OK;
        reply.until = NOW + 60;
        wf_buf_append_text(&reply.body, planted[i].body);
        wf_replies_put(replies, key, NOW, &reply);
        wf_reply_done(&reply);
        wf_replies_free(replies);
        opaque = make(&oidc, dir);
        enum wf_reason reason = look_up_as(opaque, TOKEN, 1, "192.0.2.1", NOW + 1, &until, &err);
        if (reason != planted[i].reason || strstr(err.text, planted[i].says) == NULL ||
            door.asked != 1)
            fail_msg("%s: %s, %s", planted[i].name, wf_reason_name(reason), err.text);
        wf_opaque_free(opaque);
    }
}

/* Neither token nor subject stands in a name or, the token, in a file. */
static void test_no_token_on_disk(void **state)
{
    struct wf_opaque *opaque = make(&oidc, dir);
    char command[200];
    int64_t until = 0;

    (void)state;
    answer(WF_OK, 200, "{\"active\":true,\"sub\":\"u1\"}");
    assert_int_equal(look_up_as(opaque, TOKEN, 9, NULL, NOW, &until, NULL), WF_OK);
    snprintf(command, sizeof(command), "ls %s | grep -q opaque- && ! grep -r %s %s", folder, TOKEN,
             folder);
    assert_int_equal(system(command), 0);
    wf_opaque_free(opaque);
}

static void test_silence(void **state)
{
    struct wf_opaque *one = make(&oidc, dir);
    int64_t until = 0;
    struct wf_err err = WF_ERR_INIT;

    (void)state;
    empty_folder();
    answer(WF_UNREACHABLE, 0, "");
    assert_int_equal(look_up(one, NOW), WF_UNREACHABLE);
    unsigned asked = door.asked + door.discovered;
    assert_true(asked > 0);
    assert_int_equal(look_up_as(one, TOKEN, 7, "192.0.2.7", NOW + 4, &until, &err), WF_UNREACHABLE);
    assert_non_null(strstr(err.text, "asked again in 1 s"));
    assert_int_equal(door.asked + door.discovered, asked);
    struct wf_opaque *two = make(&oidc, dir);
    assert_int_equal(look_up(two, NOW + 4), WF_UNREACHABLE);
    assert_int_equal(door.asked + door.discovered, asked);
    answer(WF_OK, 200, "{\"active\":true}");
    assert_int_equal(look_up(two, NOW + 5), WF_OK);
    assert_int_equal(look_up_as(one, TOKEN, 8, NULL, NOW + 40, &until, NULL), WF_OK);
    /* Busy for 30 s */
    answer(WF_OK, 429, "{}");
    door.retry_after = 30;
    assert_int_equal(look_up_as(one, TOKEN, 10, NULL, NOW + 50, &until, NULL), WF_UNREACHABLE);
    answer(WF_OK, 200, "{\"active\":true}");
    assert_int_equal(look_up_as(one, TOKEN, 10, NULL, NOW + 79, &until, NULL), WF_UNREACHABLE);
    assert_int_equal(look_up_as(one, TOKEN, 10, NULL, NOW + 80, &until, NULL), WF_OK);
    wf_opaque_free(one);
    wf_opaque_free(two);
}

/* Another process has found out just now that there is no answer: nothing is sent, and it counts as
 * if it had been. That the provider answers what is no use says that it is there. */
static void test_known_failure(void **state)
{
    static const struct {
        const char *failure;
        enum wf_reason reason;
        bool rests;
    } rows[] = {{"unreachable", WF_UNREACHABLE, true}, {"config", WF_CONFIG, false}};
    char name[WF_OIDC_ENTRY_SIZE];
    char entry[200];
    int64_t until = 0;

    (void)state;
    assert_int_equal(wf_oidc_entry_name(&oidc, "meta", name, NULL), WF_OK);
    for (size_t i = 0; i < WF_ARRAY_LEN(rows); i++) {
        struct wf_err err = WF_ERR_INIT;
        empty_folder();
        struct wf_opaque *opaque = make(&oidc, dir);
        int len = snprintf(entry, sizeof(entry),
                           "{\"v\":2,\"bound\":\"%s\",\"fetched\":%d,\"until\":%d,"
                           "\"failure\":\"%s\",\"text\":\"x\"}",
                           oidc.url, NOW, NOW + 5, rows[i].failure);
        assert_true(wf_cachedir_replace(dir, name, entry, (size_t)len));
        answer(WF_OK, 200, "{\"active\":true}");
        assert_int_equal(look_up(opaque, NOW), rows[i].reason);
        assert_int_equal(look_up_as(opaque, TOKEN, 2, NULL, NOW, &until, &err), rows[i].reason);
        assert_int_equal(strstr(err.text, "asked again in 5 s") != NULL, rows[i].rests);
        assert_int_equal(door.asked + door.discovered, 0);
        wf_opaque_free(opaque);
    }
}

/* What is remembered needs no look-up, however many knock. */
static void test_flood(void **state)
{
    struct wf_opaque *opaque = make(&oidc, NULL);
    int64_t until = 0;
    struct wf_err err = WF_ERR_INIT;
    unsigned in = 0;

    (void)state;
    answer(WF_OK, 200, "{\"active\":true}");
    assert_int_equal(look_up_as(opaque, TOKEN, 0, "192.0.2.1", NOW, &until, NULL), WF_OK);
    answer(WF_OK, 200, "{\"active\":false}");
    for (unsigned i = 1; i < 100; i++) {
        char token[32];
        snprintf(token, sizeof(token), "tok_%08x", i);
        in += look_up_as(opaque, token, i, "192.0.2.1", NOW, &until, &err) == WF_INACTIVE;
    }
    assert_int_equal(in, 9);
    assert_int_equal(door.asked, 9);
    assert_non_null(strstr(err.text, "too many tokens from this address"));
    assert_int_equal(look_up_as(opaque, TOKEN, 0, "192.0.2.1", NOW, &until, NULL), WF_OK);
    assert_int_equal(look_up_as(opaque, TOKEN, 101, "192.0.2.2", NOW, &until, NULL), WF_INACTIVE);
    wf_opaque_free(opaque);
}

/* One look-up in 64 tidies the folder up, and no other one. */
static void test_tidy(void **state)
{
    struct wf_opaque *opaque = NULL;
    char leftover[200];
    const struct timespec old[2] = {{.tv_sec = 1}, {.tv_sec = 1}};
    int64_t until = 0;

    (void)state;
    empty_folder();
    opaque = make(&oidc, dir);
    /* What a process left that died while writing */
    snprintf(leftover, sizeof(leftover), "%s/.tmp-0123456789abcdef", folder);
    int fd = open(leftover, O_WRONLY | O_CREAT | O_EXCL, 0600);
    assert_true(fd >= 0 && futimens(fd, old) == 0 && close(fd) == 0);
    answer(WF_OK, 500, "{}");
    for (unsigned i = 1; i <= 64; i++) {
        char rhost[32];
        snprintf(rhost, sizeof(rhost), "192.0.2.%u", i);
        assert_int_equal(access(leftover, F_OK), 0);
        assert_int_equal(look_up_as(opaque, TOKEN, i, rhost, NOW, &until, NULL), WF_UNREACHABLE);
    }
    assert_int_equal(access(leftover, F_OK), -1);
    wf_opaque_free(opaque);
}

/* How long others wait: for one that tries again after a failure until it has surely ended, and
 * after an answer that took its time from when that was known. */
static void test_patience(void **state)
{
    static const struct {
        int takes_ms;
        int64_t until; /* the second from which on it is asked again */
    } rows[] = {{0, NOW + 5}, {29999, NOW + 34}, {30000, NOW + 35}};
    int64_t until = 0;
    struct wf_err err = WF_ERR_INIT;

    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(rows); i++) {
        struct wf_opaque *opaque = make(&oidc, NULL);
        answer(WF_OK, 200, "{\"active\":true}");
        assert_int_equal(look_up_as(opaque, TOKEN, 2, NULL, NOW, &until, NULL), WF_OK);
        answer(WF_UNREACHABLE, 0, "");
        atomic_store(&door.takes_ms, rows[i].takes_ms);
        assert_int_equal(look_up(opaque, NOW), WF_UNREACHABLE);
        atomic_store(&door.takes_ms, 0);
        assert_int_equal(look_up_as(opaque, TOKEN, 3, NULL, rows[i].until - 1, &until, &err),
                         WF_UNREACHABLE);
        assert_non_null(strstr(err.text, "asked again in 1 s"));
        answer(WF_OK, 200, "{\"active\":true}");
        hold(opaque, rows[i].until);
        assert_int_equal(look_up_as(opaque, TOKEN, 3, NULL, rows[i].until + 1, &until, &err),
                         WF_UNREACHABLE);
        assert_non_null(strstr(err.text, "asked again in 43 s"));
        let_go();
        assert_int_equal(look_up_as(opaque, TOKEN, 3, NULL, rows[i].until + 1, &until, NULL),
                         WF_OK);
        wf_opaque_free(opaque);
    }
}

/* Every allocation fails once: the verdict is an acceptance that is one, or internal. */
static void test_no_memory(void **state)
{
    (void)state;
    answer(WF_OK, 200, "{\"active\":true,\"sub\":\"u1\"}");
    for (unsigned n = 1; n < 300; n++) {
        struct wf_opaque *opaque = make(&oidc, NULL);
        int64_t until = 0;
        door.asked = 0;
        fail_alloc_at = n;
        enum wf_reason reason = look_up_as(opaque, TOKEN, 1, NULL, NOW, &until, NULL);
        bool failed = fail_alloc_at == 0;
        fail_alloc_at = 0;
        /* A copy that was not made may be a cache that was not filled, or a token that was not
         * compared */
        if (reason != WF_OK && reason != WF_INTERNAL && reason != WF_MALFORMED)
            fail_msg("%u: %s", n, wf_reason_name(reason));
        if (reason == WF_MALFORMED && door.asked > 0)
            fail_msg("%u: malformed, but sent", n);
        wf_opaque_free(opaque);
        if (!failed)
            return;
    }
    fail_msg("no end");
}

static void test_no_memory_for_it(void **state)
{
    const struct wf_endpoint_host host = {dir, NULL, door_new};
    struct wf_opaque *opaque = NULL;

    (void)state;
    for (unsigned n = 1; opaque == NULL; n++) {
        fail_alloc_at = n;
        enum wf_reason reason = wf_opaque_new(&oidc, &host, &opaque, NULL);
        bool failed = fail_alloc_at == 0;
        fail_alloc_at = 0;
        assert_int_equal(reason, failed ? WF_INTERNAL : WF_OK);
        assert_true((opaque == NULL) == failed);
    }
    wf_opaque_free(opaque);
    wf_opaque_free(NULL);
    opaque = NULL;
    for (unsigned n = 1; opaque == NULL; n++) {
        fail_page_at = n;
        enum wf_reason reason = wf_opaque_new(&oidc, &host, &opaque, NULL);
        bool failed = fail_page_at == 0;
        fail_page_at = 0;
        assert_int_equal(reason, failed ? WF_INTERNAL : WF_OK);
        assert_true((opaque == NULL) == failed);
    }
    wf_opaque_free(opaque);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_asked_once),
        cmocka_unit_test(test_planted),
        cmocka_unit_test(test_no_token_on_disk),
        cmocka_unit_test(test_silence),
        cmocka_unit_test(test_known_failure),
        cmocka_unit_test(test_flood),
        cmocka_unit_test(test_tidy),
        cmocka_unit_test(test_patience),
        cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_no_memory_for_it),
    };
    return cmocka_run_group_tests_name("opaque kept", tests, set_up, tear_down);
}
