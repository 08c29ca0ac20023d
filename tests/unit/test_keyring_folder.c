/*
 * Keys in the folder: entries that are not what they should be, and what processes that live side by
 * side learn of each other there.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

#include "cachefolder.h"
#include "fakedoor.h"
#include "keyring.h"
#include "keyring_entry.h"
#include "oidc.h"

#define T0 1700000000

static const struct wf_provider_conf conf = {
    .name = "mail",
    .type = WF_PROVIDER_OIDC,
    .url = ISSUER,
    .timeout = 1,
    .stale_keys = 3600,
};

/* clang-format off */
#define FOUND {.status = 200, .body = DOCUMENT}
#define GIVES(keys) {.status = 200, .body = (keys)}
/* clang-format on */

static struct wf_keyring *new_ring(void)
{
    const struct wf_endpoint_host host = {dir, &key_log_sink, fake_door_new};
    struct wf_keyring *ring = NULL;

    assert_int_equal(wf_keyring_new(&conf, &host, &ring, NULL), WF_OK);
    return ring;
}

static enum wf_reason ask(struct wf_keyring *ring, const char *kid, int at)
{
    struct wf_jws_header header = key_header(kid);
    struct wf_jwks *set = NULL;
    int64_t until = 0;
    enum wf_reason reason = wf_keyring_find(ring, &header, T0 + at, &set, &until, NULL);

    wf_jwks_unref(set);
    return reason;
}

/* Entries on disk that are not what they should be are ignored and said. */
static const struct {
    const char *name;
    const char *what;  /* in the entry… */
    const char *by;    /* …is replaced by this; NULL: it is the end */
    const char *says;  /* NULL: the entry is good */
} damages[] = {
    {"as it was", "\"etag\":\"\"", "\"etag\":\"\"", NULL},
    {"a tag", "\"etag\":\"\"", "\"etag\":\"\\\"x\\\"\"", NULL},
    {"a bad tag", "\"etag\":\"\"", "\"etag\":\"x\"", "its ETag is none"},
    {"other version", "\"v\":2", "\"v\":1", "of version 1"},
    {"other provider", ISSUER "\",\"f", ISSUER "/\",\"f", "bound to something else"},
    {"shorter life than any", "\"until\":1700000300", "\"until\":1700000059",
     "lifetime of 59 s"},
    {"shortest life", "\"until\":1700000300", "\"until\":1700000060", NULL},
    {"longest life", "\"until\":1700000300", "\"until\":1700086400", NULL},
    {"longer life than any", "\"until\":1700000300", "\"until\":1700086401",
     "lifetime of 86401 s"},
    {"another key", "\\\"kid\\\":\\\"a\\\"", "\\\"kid\\\":\\\"c\\\"", "not those that were written"},
    {"another hash", "\"sha256\":\"", "\"sha256\":\"0", "not those that were written"},
    {"half", "\"sha256\":\"", NULL, "ignored"},
    {"one byte", "\"v\"", NULL, "ignored"},
    {"without keys", "\"jwks\"", "\"jwkz\"", "jwks"},
    {"empty object", "\"v\":2", "\"w\":2", "\"v\""},
};

static void damage(const char *entry, const char *what, const char *by)
{
    char text[8192];
    char changed[8192];
    FILE *file = fopen(entry, "r");

    assert_non_null(file);
    text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
    fclose(file);
    char *at = strstr(text, what);
    if (at == NULL)
        fail_msg("no %s in %s", what, text);
    (void)snprintf(changed, sizeof(changed), "%.*s%s%s", (int)(at - text), text,
                   by == NULL ? "" : by, by == NULL ? "" : at + strlen(what));
    file = fopen(entry, "w");
    assert_non_null(file);
    assert_true(fputs(changed, file) >= 0);
    fclose(file);
}

static void test_damages(void **state)
{
    static const struct fake_answer answers[] = {FOUND, GIVES(KEYS_A), GIVES(KEYS_AB)};
    char entry[512];

    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(damages); i++) {
        struct wf_keyring *ring = new_ring();
        key_folder_empty(folder);
        fake_door_script(answers, WF_ARRAY_LEN(answers));
        assert_int_equal(ask(ring, "a", 0), WF_OK);
        wf_keyring_free(ring);
        key_folder_find(folder, "keys-", entry, sizeof(entry));
        damage(entry, damages[i].what, damages[i].by);
        key_log[0] = '\0';
        ring = new_ring();
        assert_int_equal(ask(ring, "a", 1), WF_OK);
        if (fake_door_count() != (damages[i].says == NULL ? 2 : 3) ||
            (damages[i].says == NULL
                 ? key_log[0] != '\0'
                 : strstr(key_log, damages[i].says) == NULL ||
                       strstr(key_log, "kept keys of provider mail are ignored") == NULL))
            fail_msg("%s: %zu requests, %s", damages[i].name, fake_door_count(), key_log);
        wf_keyring_free(ring);
    }
}

static const struct {
    const char *name;
    const char *what;
    const char *by;
    const char *says;
} down_damages[] = {
    {"as it was", "\"until\":1700000005", "\"until\":1700000005", NULL},
    {"longest", "\"until\":1700000005", "\"until\":1700000060", NULL},
    {"longer", "\"until\":1700000005", "\"until\":1700000061", "rest is out of bounds"},
    {"none", "\"until\":1700000005", "\"until\":1700000004", "rest is out of bounds"},
    {"other reason", "\"failure\":\"unreachable\"", "\"failure\":\"signature\"", "reason is none"},
    {"half", "\"failure\"", NULL, "ignored"},
    {"one byte", "\"v\"", NULL, "ignored"},
};

static void test_down_damages(void **state)
{
    char entry[512];

    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(down_damages); i++) {
        struct wf_keyring *ring = new_ring();
        key_folder_empty(folder);
        fake_door_script(NULL, 0);
        assert_int_equal(ask(ring, "a", 0), WF_UNREACHABLE);
        wf_keyring_free(ring);
        key_folder_find(folder, "down-", entry, sizeof(entry));
        damage(entry, down_damages[i].what, down_damages[i].by);
        wf_oidc_forget(&conf, dir); /* which has its own note of the failure */
        key_log[0] = '\0';
        ring = new_ring();
        assert_int_equal(ask(ring, "a", 1), WF_UNREACHABLE);
        if (fake_door_count() != (down_damages[i].says == NULL ? 1 : 2) ||
            (down_damages[i].says != NULL && strstr(key_log, down_damages[i].says) == NULL))
            fail_msg("%s: %zu requests, %s", down_damages[i].name, fake_door_count(), key_log);
        wf_keyring_free(ring);
    }
}

/* A failure counts against the keys that are as old or older. */
static const struct {
    const char *name;
    const char *failed; /* the keys are of second 0 */
    enum wf_reason reason;
    unsigned requests; /* for a kid that those keys do not have */
} failures[] = {
    {"before the keys", "1699999999", WF_OK, 3},
    {"at the keys' second", "1700000000", WF_UNREACHABLE, 2},
    {"behind the keys", "1700000001", WF_UNREACHABLE, 2},
};

static void test_failures(void **state)
{
    static const struct fake_answer answers[] = {FOUND, GIVES(KEYS_A), GIVES(KEYS_AB)};
    static const struct wf_entry down = {
        .reason = WF_UNREACHABLE, .fetched = T0, .until = T0 + 59, .text = "it was down"};
    char name[WF_OIDC_ENTRY_SIZE];
    char entry[512];

    (void)state;
    assert_int_equal(wf_oidc_entry_name(&conf, "down", name, NULL), WF_OK);
    for (size_t i = 0; i < WF_ARRAY_LEN(failures); i++) {
        struct wf_buf text = WF_BUF_INIT(4096);
        struct wf_keyring *ring = new_ring();
        key_folder_empty(folder);
        fake_door_script(answers, WF_ARRAY_LEN(answers));
        assert_int_equal(ask(ring, "a", 0), WF_OK);
        assert_true(wf_keys_failure_write(&down, &conf, &text));
        assert_true(wf_cachedir_replace(dir, name, text.data, text.len));
        key_folder_find(folder, "down-", entry, sizeof(entry));
        damage(entry, "1700000000", failures[i].failed);
        enum wf_reason reason = ask(ring, "b", 40);
        if (reason != failures[i].reason || fake_door_count() != failures[i].requests)
            fail_msg("%s: %s, %zu requests", failures[i].name, wf_reason_name(reason),
                     fake_door_count());
        wf_keyring_free(ring);
        wf_buf_done(&text);
    }
}

/* Two processes that live on, each with what it knows. */
static const struct pair {
    const char *name;
    struct fake_answer answers[6];
    struct {
        int at; /* seconds since T0 */
        size_t who;
        const char *kid;
        enum wf_reason reason;
        unsigned requests; /* so far */
    } steps[6];
} pairs[] = {
    {"what the other has fetched since", {FOUND, GIVES(KEYS_A), GIVES(KEYS_AB)},
     {{0, 0, "a", WF_OK, 2}, {40, 1, "b", WF_OK, 3}, {41, 0, "b", WF_OK, 3}}},
    {"what the other has fetched before", {FOUND, GIVES(KEYS_A), GIVES(KEYS_AB), GIVES(KEYS_AB)},
     {{0, 0, "a", WF_OK, 2}, {0, 1, "a", WF_OK, 2}, {40, 0, "b", WF_OK, 3},
      {69, 1, "b", WF_OK, 3}, {69, 1, "c", WF_KEY, 3}, {70, 1, "c", WF_KEY, 4}}},
    {"a clock that was ahead", {FOUND, GIVES(KEYS_A), FOUND, GIVES(KEYS_A)},
     {{400, 0, "a", WF_OK, 2}, {99, 1, "a", WF_OK, 4}, {99, 0, "a", WF_OK, 4}}},
};

static void test_pairs(void **state)
{
    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(pairs); i++) {
        const struct pair *p = &pairs[i];
        struct wf_keyring *rings[] = {new_ring(), new_ring()};
        key_folder_empty(folder);
        fake_door_script(p->answers, WF_ARRAY_LEN(p->answers));
        for (size_t k = 0; k < WF_ARRAY_LEN(p->steps) && p->steps[k].requests > 0; k++) {
            enum wf_reason reason = ask(rings[p->steps[k].who], p->steps[k].kid, p->steps[k].at);
            if (reason != p->steps[k].reason || fake_door_count() != p->steps[k].requests)
                fail_msg("%s, step %zu: %s, %zu requests", p->name, k, wf_reason_name(reason),
                         fake_door_count());
        }
        wf_keyring_free(rings[0]);
        wf_keyring_free(rings[1]);
    }
}

/* Whoever prepares for a jail while another process fetches goes on with what is there: nobody waits. */
static void test_prepare_beside(void **state)
{
    static const struct fake_answer answers[] = {FOUND, GIVES(KEYS_A), GIVES(KEYS_AB)};
    char name[WF_OIDC_ENTRY_SIZE];
    struct wf_keyring *ring = new_ring();
    struct timespec start;
    struct timespec end;
    int theirs = -1;

    (void)state;
    key_folder_empty(folder);
    fake_door_script(answers, WF_ARRAY_LEN(answers));
    assert_int_equal(wf_keyring_prepare(ring, T0, NULL), WF_OK);
    assert_int_equal(fake_door_count(), 2);
    assert_int_equal(wf_oidc_entry_name(&conf, "keys", name, NULL), WF_OK);
    assert_true(wf_cachedir_lock(dir, name, 0, &theirs));
    (void)clock_gettime(CLOCK_MONOTONIC, &start);
    assert_int_equal(wf_keyring_prepare(ring, T0 + 40, NULL), WF_OK);
    (void)clock_gettime(CLOCK_MONOTONIC, &end);
    /* It would wait for 5 s, and ask then */
    assert_true(end.tv_sec - start.tv_sec < 3);
    assert_int_equal(fake_door_count(), 2);
    wf_cachedir_unlock(theirs);
    assert_int_equal(ask(ring, "a", 41), WF_OK);
    wf_keyring_free(ring);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_damages),
        cmocka_unit_test(test_down_damages),
        cmocka_unit_test(test_failures),
        cmocka_unit_test(test_pairs),
        cmocka_unit_test(test_prepare_beside),
    };

    return cmocka_run_group_tests(tests, cache_set_up, cache_tear_down);
}
