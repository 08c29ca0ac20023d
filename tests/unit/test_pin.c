/* Pins: whose a name is stays so; whatever stands in the way refuses. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "cachecase.h"
#include "fakehost.h"
#include "folder.h"
#include "pin.h"
#include "store.h"
#include "text.h"

static const struct wf_provider_conf acme = {.name = "acme", .url = "https://acme.example"};
static const struct wf_provider_conf other = {.name = "acme", .url = "https://acme.example.org"};
static const struct wf_provider_conf renamed = {.name = "new", .url = "https://acme.example"};
static struct wf_store *store;

/* Wrapped calls */

static char trace[256]; /* what makes a pin durable, in order */
static void note(const char *what)
{
    size_t used = strlen(trace);

    (void)snprintf(trace + used, sizeof(trace) - used, "%s ", what);
}

/* An administrator clears it at once */
static void (*after_link)(void);
int __real_fsync(int fd);
int __wrap_fsync(int fd);
int __wrap_fsync(int fd)
{
    void (*clear)(void) = after_link;

    if (clear != NULL && strcmp(fault_what(fd), "folder") == 0) {
        after_link = NULL;
        clear();
    }
    if (fault_now("fsync", fault_what(fd)))
        return -1;
    note(fault_what(fd));
    return __real_fsync(fd);
}

/* Somebody else does the same, and is quicker */
static void (*before_link)(void);
int __real_linkat(int from_in, const char *from, int to_in, const char *to, int flags);
int __wrap_linkat(int from_in, const char *from, int to_in, const char *to, int flags);
int __wrap_linkat(int from_in, const char *from, int to_in, const char *to, int flags)
{
    void (*quicker)(void) = before_link;

    before_link = NULL;
    if (quicker != NULL)
        quicker();
    if (fault_now("linkat", to))
        return -1;
    note("link");
    return __real_linkat(from_in, from, to_in, to, flags);
}

int __real_unlinkat(int in, const char *name, int flags);
int __wrap_unlinkat(int in, const char *name, int flags);
int __wrap_unlinkat(int in, const char *name, int flags)
{
    return fault_now("unlinkat", name) ? -1 : __real_unlinkat(in, name, flags);
}

ssize_t __real_write(int fd, const void *data, size_t len);
ssize_t __wrap_write(int fd, const void *data, size_t len);
ssize_t __wrap_write(int fd, const void *data, size_t len)
{
    return fault_now("write", fault_what(fd)) ? -1 : __real_write(fd, data, len);
}

/* Pins */

static struct wf_err last;

static enum wf_reason hold_bytes(const struct wf_provider_conf *provider, const char *user,
                                 const char *subject, size_t len)
{
    last = (struct wf_err)WF_ERR_INIT;
    return wf_pin_hold(store, provider, user, (struct wf_span){subject, len}, 1700000000, &last);
}

static enum wf_reason hold(const struct wf_provider_conf *provider, const char *user,
                           const char *subject)
{
    return hold_bytes(provider, user, subject, strlen(subject));
}

static bool is_pinned(const char *user)
{
    bool found = false;

    assert_int_equal(wf_pin_exists(store, user, &found, NULL), WF_OK);
    return found;
}

static bool unpin(const char *user)
{
    bool existed = false;

    assert_int_equal(wf_pin_remove(store, user, &existed, NULL), WF_OK);
    return existed;
}

static char *find_pin(void)
{
    static char path[512];

    key_folder_find(folder, "pin-", path, sizeof(path));
    return path;
}

static void test_hold(void **state)
{
    struct stat st;

    (void)state;
    assert_false(is_pinned("alice"));
    trace[0] = '\0';
    assert_int_equal(hold(&acme, "alice", "5f0e"), WF_OK);
    /* The file, its name, and the folder that holds it, before anybody is let in */
    assert_string_equal(trace, "file link folder ");
    assert_true(is_pinned("alice"));
    assert_int_equal(stat(find_pin(), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(st.st_nlink, 1);
    /* Files of before are found again */
    assert_string_equal(strrchr(find_pin(), '/') + 1,
                        "pin-a33eaeccc8b5adc57320b0afdec429c7914b9f5f");
    trace[0] = '\0';
    assert_int_equal(hold(&acme, "alice", "5f0e"), WF_OK);
    assert_int_equal(hold(&renamed, "alice", "5f0e"), WF_OK);
    assert_string_equal(trace, "");
    /* Another person, of this provider or of another */
    assert_int_equal(hold(&acme, "alice", "5f0f"), WF_IDENTITY);
    assert_non_null(strstr(last.text, "alice is pinned to 5f0e at provider acme"));
    assert_non_null(strstr(last.text, "wfauth unpin alice"));
    assert_int_equal(hold(&other, "alice", "5f0e"), WF_IDENTITY);
    assert_int_equal(hold(&acme, "alice", "5F0E"), WF_IDENTITY);
    assert_int_equal(hold(&acme, "alice", "5f0e "), WF_IDENTITY);
    assert_int_equal(hold_bytes(&acme, "alice", "5f0e", 5), WF_IDENTITY);
    /* No two pairs of url and ID look alike */
    assert_int_equal(hold(&other, "dave", "5f0e"), WF_OK);
    assert_int_equal(hold(&acme, "dave", ".org5f0e"), WF_IDENTITY);
    assert_true(unpin("dave"));
    /* Another name of the same person's is another name */
    assert_int_equal(hold(&acme, "bob", "5f0e"), WF_OK);
    assert_true(unpin("alice"));
    assert_false(unpin("alice"));
    assert_false(is_pinned("alice"));
    assert_true(is_pinned("bob"));
    assert_int_equal(hold(&acme, "alice", "5f0f"), WF_OK);
    assert_int_equal(hold(&acme, "alice", "5f0e"), WF_IDENTITY);
    assert_string_equal(key_log, "");
}

/* All bytes of an ID count, also those that no text shows. */
static void test_long(void **state)
{
    char first[3000];
    char second[3000];

    (void)state;
    memset(first, 'x', sizeof(first));
    memcpy(second, first, sizeof(first));
    second[sizeof(second) - 1] = 'y';
    assert_int_equal(hold_bytes(&acme, "alice", first, sizeof(first)), WF_OK);
    assert_int_equal(hold_bytes(&acme, "alice", first, sizeof(first)), WF_OK);
    assert_int_equal(hold_bytes(&acme, "alice", second, sizeof(second)), WF_IDENTITY);
    assert_int_equal(hold(&acme, "bob", "\xe2\x80\x8b"), WF_OK);
    assert_int_equal(hold(&acme, "bob", "\xe2\x80\x8c"), WF_IDENTITY);
    assert_int_equal(hold(&acme, "carol", "\x01\xff\n"), WF_OK);
    assert_int_equal(hold(&acme, "carol", "\x01\xff\n"), WF_OK);
    assert_int_equal(hold(&acme, "carol", "\x01\xfe\n"), WF_IDENTITY);
    assert_true(wf_text_is_clean(last.text, strlen(last.text)));
}

static void test_nobody(void **state)
{
    const char *const names[] = {"",         "al ice", "alice\n", "../alice",
                                 "Alice",    "\xff",   "abcdefghijklmnopqrstuvwxyz0123456"};

    (void)state;
    assert_int_equal(hold(&acme, "alice", ""), WF_INTERNAL);
    for (size_t i = 0; i < WF_ARRAY_LEN(names); i++) {
        assert_int_equal(hold(&acme, names[i], "5f0e"), WF_INTERNAL);
        /* To ask for and to clear harms nothing */
        assert_false(is_pinned(names[i]) || unpin(names[i]));
    }
    assert_string_equal(find_pin(), "");
}

/* Rows that change one thing of a good file. */
static const struct {
    const char *name;
    const char *from;
    const char *to;
    const char *says; /* NULL: it stays a good one */
} rows[] = {
    {"good", "", "", NULL},
    {"an unknown member", "{", "{\"more\":1,", NULL},
    {"a host", "{", "{\"host\":\"elsewhere\",", NULL},
    {"another name of the provider's", "\"provider\":\"acme", "\"provider\":\"xcme", NULL},
    {"another version", "\"version\":1", "\"version\":2", "its version is 2"},
    {"no version", "\"version\":1,", "", "version"},
    {"another user's", "\"user\":\"alice", "\"user\":\"bob", "another user's"},
    {"no user", "\"user\"", "\"x\"", "user"},
    {"no provider", "\"provider\"", "\"x\"", "provider"},
    {"no url", "\"url\"", "\"x\"", "url"},
    {"no subject", "\"subject\"", "\"x\"", "subject"},
    {"no person", "\"person\"", "\"x\"", "person"},
    {"no time", "\"since\"", "\"x\"", "since"},
    {"half a person", "\"person\":\"", "\"person\":\"ab\",\"x\":\"", "person is no hash"},
    {"a person too many", "\"person\":\"", "\"person\":\"a", "person has 65 bytes"},
    {"a subject too long", "\"subject\":\"5f0e",
     "\"subject\":\"0123456789012345678901234567890123456789012345678901234567890123"
     "01234567890123456789012345678901234567890123456789012345678901234", "subject has 129 bytes"},
    {"a subject that is unclean", "\"subject\":\"5f0e", "\"subject\":\"\\u001b[2J", "subject has char"},
    {"a time as a text", "1700000000", "\"1700000000\"", "since"},
    {"a member twice", "\"since\"", "\"since\":1,\"since\"", "no valid JSON"},
    {"no JSON", "{", "", ""},
};

/* Neither the person whose it is nor anybody else passes; the text says what to do. */
static void is_refused(const char *name, const char *says)
{
    bool found = false;

    if (hold(&acme, "alice", "5f0e") != WF_CONFIG || strstr(last.text, says) == NULL ||
        strstr(last.text, "wfauth unpin alice") == NULL || strstr(last.text, "/pin-") == NULL)
        fail_msg("%s: %s", name, last.text);
    assert_int_equal(hold(&acme, "alice", "5f0f"), WF_CONFIG);
    assert_int_equal(wf_pin_exists(store, "alice", &found, &last), WF_CONFIG);
}

static void test_files(void **state)
{
    char good[4096];
    char bad[8192];

    (void)state;
    assert_int_equal(hold(&acme, "alice", "5f0e"), WF_OK);
    size_t len = key_file_read(find_pin(), good, sizeof(good));
    /* SHA-256 of the url, a NUL and the subject: pins outlive a version of ours */
    assert_non_null(strstr(good, "\"person\":\"d33170d14f3306ede8639a4bac947b89"
                                 "cdd32c4106790d02b3f476c9c7dbeead\""));
    for (size_t i = 0; i < WF_ARRAY_LEN(rows); i++) {
        const char *at = strstr(good, rows[i].from);
        assert_non_null(at);
        (void)snprintf(bad, sizeof(bad), "%.*s%s%s", (int)(at - good), good, rows[i].to,
                       at + strlen(rows[i].from));
        key_file_write(find_pin(), bad, strlen(bad));
        if (rows[i].says != NULL)
            is_refused(rows[i].name, rows[i].says);
        else if (hold(&acme, "alice", "5f0e") != WF_OK ||
                 hold(&acme, "alice", "5f0f") != WF_IDENTITY)
            fail_msg("%s: %s", rows[i].name, last.text);
    }
    for (size_t n = 0; n < len; n++) {
        key_file_write(find_pin(), good, n);
        is_refused("cut", "");
    }
    memset(bad, ' ', sizeof(bad));
    memcpy(bad, good, len);
    key_file_write(find_pin(), bad, 4096);
    assert_int_equal(hold(&acme, "alice", "5f0e"), WF_OK);
    key_file_write(find_pin(), bad, 4097);
    is_refused("too large", "too large");
    assert_true(unpin("alice"));
    assert_int_equal(hold(&acme, "alice", "5f0f"), WF_OK);
}

/* Who could have put it there? */
static void test_foreign(void **state)
{
    static const mode_t modes[] = {0640, 0604, 0620, 0602, 0610};
    char path[512];

    (void)state;
    assert_int_equal(hold(&acme, "alice", "5f0e"), WF_OK);
    (void)snprintf(path, sizeof(path), "%s", find_pin());
    for (size_t i = 0; i < WF_ARRAY_LEN(modes); i++) {
        assert_int_equal(chmod(path, modes[i]), 0);
        is_refused("mode", "others");
    }
    assert_int_equal(chmod(path, 0600), 0);
    if (geteuid() == 0) {
        assert_int_equal(chown(path, 4242, 0), 0);
        is_refused("owner", "somebody else");
        assert_int_equal(chown(path, 0, 0), 0);
    }
    assert_int_equal(hold(&acme, "alice", "5f0e"), WF_OK);
    assert_int_equal(rename(path, in_folder("elsewhere")), 0);
    assert_int_equal(symlink("elsewhere", path), 0);
    is_refused("link", "symbolic link");
    assert_true(unpin("alice"));
    assert_int_equal(symlink("nowhere", path), 0);
    is_refused("link to nowhere", "symbolic link");
    assert_true(unpin("alice"));
    assert_int_equal(mkfifo(path, 0600), 0);
    is_refused("pipe", "no regular file");
    assert_true(unpin("alice"));
    /* Of another user, under a second name */
    assert_int_equal(link(in_folder("elsewhere"), path), 0);
    assert_int_equal(hold(&acme, "alice", "5f0e"), WF_OK);
    assert_true(unpin("alice"));
    assert_int_equal(hold(&acme, "bob", "5f0e"), WF_OK);
    assert_int_equal(rename(find_pin(), in_folder("bobs")), 0);
    assert_int_equal(link(in_folder("bobs"), path), 0);
    is_refused("bob's", "another user's");
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkdir(path, 0700), 0);
    is_refused("folder", "");
    bool existed = false;
    assert_int_equal(wf_pin_remove(store, "alice", &existed, &last), WF_CONFIG);
    assert_int_equal(chmod(folder, 0750), 0);
    assert_int_equal(hold(&acme, "carol", "5f0e"), WF_CONFIG);
    assert_int_equal(wf_pin_exists(store, "carol", &existed, NULL), WF_CONFIG);
    assert_int_equal(wf_pin_remove(store, "carol", &existed, NULL), WF_CONFIG);
    assert_int_equal(chmod(folder, 0700), 0);
    assert_false(is_pinned("carol"));
    /* Nor is a folder that has gone made anew: whose names there were is not known */
    struct wf_store *mine = store;
    assert_int_equal(wf_store_open(in_folder("made"), NULL, &store, NULL), WF_OK);
    assert_int_equal(rmdir(in_folder("made")), 0);
    assert_int_equal(hold(&acme, "carol", "5f0e"), WF_CONFIG);
    assert_non_null(strstr(last.text, "cannot open folder"));
    assert_int_equal(rmdir(in_folder("made")), -1);
    wf_store_free(store);
    store = mine;
}

static const struct {
    const char *name;
    struct fault fault;
    bool stands; /* it is pinned then, all the same */
} failures[] = {
    {"full disk", {"write", "file", ENOSPC}, false},
    {"full disk, seen late", {"fsync", "file", ENOSPC}, false},
    {"full disk, seen last", {"close", "file", ENOSPC}, false},
    {"read-only folder", {"openat", ".tmp-", EROFS}, false},
    {"no name", {"linkat", "pin-", EDQUOT}, false},
    {"folder not on the disk", {"fsync", "folder", EIO}, true},
};

/* Nobody is let in whose pin is not kept. */
static void test_failures(void **state)
{
    char path[512];

    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(failures); i++) {
        faults[0] = failures[i].fault;
        enum wf_reason reason = hold(&acme, "alice", "5f0e");
        memset(faults, 0, sizeof(faults));
        if (reason != WF_CONFIG ||
            strstr(last.text, wf_errno_text(failures[i].fault.number)) == NULL)
            fail_msg("%s: %s", failures[i].name, last.text);
        if (is_pinned("alice") != failures[i].stands)
            fail_msg("%s: stands", failures[i].name);
        key_folder_find(folder, ".tmp-", path, sizeof(path));
        assert_string_equal(path, "");
        (void)unpin("alice");
    }
    assert_int_equal(hold(&acme, "alice", "5f0e"), WF_OK);
    faults[0] = (struct fault){"openat", "pin-", EMFILE};
    assert_int_equal(hold(&acme, "alice", "5f0e"), WF_INTERNAL);
    /* It is a good one, and must not be cleared for that */
    assert_null(strstr(last.text, "unpin"));
    assert_non_null(strstr(last.text, "Too many open files"));
    faults[0] = (struct fault){"unlinkat", "pin-", EROFS};
    bool existed = true;
    assert_int_equal(wf_pin_remove(store, "alice", &existed, &last), WF_CONFIG);
    assert_non_null(strstr(last.text, "Read-only"));
    assert_true(existed);
    existed = false;
    faults[0] = (struct fault){"fsync", "folder", EIO};
    assert_int_equal(wf_pin_remove(store, "alice", &existed, &last), WF_CONFIG);
    memset(faults, 0, sizeof(faults));
    assert_false(existed);
    assert_false(is_pinned("alice"));
}

/* Of two who come first at once, one wins. */
static void same_person(void)
{
    assert_int_equal(hold(&acme, "alice", "5f0e"), WF_OK);
}
static void another_person(void)
{
    assert_int_equal(hold(&acme, "alice", "77aa"), WF_OK);
}
static void rubbish(void)
{
    another_person();
    key_file_write(find_pin(), "{", 1);
}
static void clear(void)
{
    assert_true(unpin("alice"));
}

static void test_quicker(void **state)
{
    (void)state;
    before_link = same_person;
    assert_int_equal(hold(&acme, "alice", "5f0e"), WF_OK);
    assert_true(unpin("alice"));
    before_link = another_person;
    assert_int_equal(hold(&acme, "alice", "5f0e"), WF_IDENTITY);
    assert_non_null(strstr(last.text, "pinned to 77aa"));
    assert_int_equal(hold(&acme, "alice", "77aa"), WF_OK);
    assert_true(unpin("alice"));
    after_link = clear;
    assert_int_equal(hold(&acme, "alice", "5f0e"), WF_CONFIG);
    assert_non_null(strstr(last.text, "comes and goes"));
    before_link = rubbish;
    assert_int_equal(hold(&acme, "alice", "5f0e"), WF_CONFIG);
    assert_true(unpin("alice"));
    assert_int_equal(hold(&acme, "alice", "5f0e"), WF_OK);
}

/* Processes, each of another person, all let go at once. */
static void test_race(void **state)
{
    enum { ROUNDS = 20, RUNNERS = 4 };
    int gate[2];

    (void)state;
    for (unsigned round = 0; round < ROUNDS; round++) {
        pid_t pids[RUNNERS];
        char winner[3] = "";
        assert_int_equal(pipe(gate), 0);
        for (unsigned i = 0; i < RUNNERS; i++) {
            pids[i] = fork();
            if (pids[i] == 0) {
                char subject[] = {'s', (char)('0' + i), '\0'};
                (void)__real_close(gate[1]);
                ssize_t n = read(gate[0], subject + 2, 1);
                enum wf_reason reason = n == 0 ? hold(&acme, "alice", subject) : WF_INTERNAL;
                _exit(reason == WF_OK ? 0 : reason == WF_IDENTITY ? 1 : 2);
            }
        }
        assert_true(__real_close(gate[0]) == 0 && __real_close(gate[1]) == 0);
        for (unsigned i = 0; i < RUNNERS; i++) {
            int status = -1;
            assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
            assert_true(WIFEXITED(status) && WEXITSTATUS(status) <= 1);
            assert_true(status != 0 || winner[0] == '\0');
            if (status == 0)
                (void)snprintf(winner, sizeof(winner), "s%u", i);
        }
        assert_int_equal(hold(&acme, "alice", winner), WF_OK);
        assert_true(unpin("alice"));
    }
}

struct seen {
    unsigned good;
    unsigned bad;
    char text[1024];
};

static void see(void *ctx, const char *name, const struct wf_pin *pin, const char *fault)
{
    struct seen *seen = ctx;
    size_t used = strlen(seen->text);

    assert_int_equal(strncmp(name, "pin-", 4), 0);
    assert_true((pin == NULL) == (fault != NULL));
    seen->good += pin != NULL;
    seen->bad += pin == NULL;
    if (pin == NULL)
        (void)snprintf(seen->text + used, sizeof(seen->text) - used, "%s; ", fault);
    else
        (void)snprintf(seen->text + used, sizeof(seen->text) - used, "%s %s %s %s %lld; ",
                       pin->user, pin->provider, pin->url, pin->subject, (long long)pin->since);
}

static void test_list(void **state)
{
    struct seen seen = {.good = 0};
    struct wf_record *record = wf_record_new(&acme, "alice", "5f0e");

    (void)state;
    assert_int_equal(wf_pin_list(store, see, &seen, NULL), WF_OK);
    assert_int_equal(seen.good + seen.bad, 0);
    /* Other things lie beside them, and the other way round */
    record->access = wf_secret_new("a", 1);
    assert_int_equal(wf_store_write(store, record, NULL), WF_OK);
    wf_record_free(record);
    assert_int_equal(hold(&acme, "alice", "5f0e"), WF_OK);
    assert_int_equal(wf_pin_list(store, see, &seen, NULL), WF_OK);
    assert_string_equal(seen.text, "alice acme https://acme.example 5f0e 1700000000; ");
    assert_int_equal(wf_pin_show(store, "bob", see, &seen, NULL), WF_OK);
    assert_int_equal(seen.good + seen.bad, 1);
    seen = (struct seen){.good = 0};
    assert_int_equal(wf_pin_show(store, "alice", see, &seen, NULL), WF_OK);
    assert_string_equal(seen.text, "alice acme https://acme.example 5f0e 1700000000; ");
    plant("pin-bad", "x", 0600);
    plant("pin-open", "x", 0644);
    assert_int_equal(wf_pin_list(store, see, &seen, NULL), WF_OK);
    assert_int_equal(seen.good, 2);
    assert_int_equal(seen.bad, 2);
    assert_non_null(strstr(seen.text, "open to others"));
    assert_int_equal(chmod(folder, 0750), 0);
    assert_int_equal(wf_pin_list(store, see, &seen, NULL), WF_CONFIG);
    assert_int_equal(chmod(folder, 0700), 0);
}

/* A site with more people than a cache folder has files. */
static void test_many(void **state)
{
    struct seen seen = {.good = 0};
    char name[32];

    (void)state;
    for (unsigned i = 0; i < WF_FOLDER_LIST_MAX + 10; i++) {
        (void)snprintf(name, sizeof(name), "pin-%u", i);
        plant(name, "x", 0600);
    }
    assert_int_equal(wf_pin_list(store, see, &seen, NULL), WF_OK);
    assert_int_equal(seen.bad, WF_FOLDER_LIST_MAX + 10);
}

/* A name is somebody's wherever the folder goes. */
static void test_hosts(void **state)
{
    struct wf_store *mine = store;
    struct wf_store *elsewhere = NULL;
    const char *id = machine_id;

    (void)state;
    assert_int_equal(hold(&acme, "alice", "5f0e"), WF_OK);
    machine_id = "fedcba9876543210fedcba9876543210\n";
    assert_int_equal(wf_store_open(folder, NULL, &elsewhere, NULL), WF_OK);
    store = elsewhere;
    assert_true(is_pinned("alice"));
    assert_int_equal(hold(&acme, "alice", "5f0f"), WF_IDENTITY);
    store = mine;
    machine_id = id;
    wf_store_free(elsewhere);
}

static int set_up(void **state)
{
    return folder_set_up(state) != 0 ||
           wf_store_open(folder, &key_log_sink, &store, NULL) != WF_OK;
}

static int tear_down(void **state)
{
    wf_store_free(store);
    return folder_tear_down(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_hold, empty, closed),
        cmocka_unit_test_setup_teardown(test_long, empty, closed),
        cmocka_unit_test_setup_teardown(test_nobody, empty, closed),
        cmocka_unit_test_setup_teardown(test_files, empty, closed),
        cmocka_unit_test_setup_teardown(test_foreign, empty, closed),
        cmocka_unit_test_setup_teardown(test_failures, empty, closed),
        cmocka_unit_test_setup_teardown(test_quicker, empty, closed),
        cmocka_unit_test_setup_teardown(test_race, empty, closed),
        cmocka_unit_test_setup_teardown(test_list, empty, closed),
        cmocka_unit_test_setup_teardown(test_many, empty, closed),
        cmocka_unit_test_setup_teardown(test_hosts, empty, closed),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
