/*
 * Threads in one server, as slapd has them: whole exchanges by the real libsasl with the built
 * plug-in, while the provider's keys rotate and the process forks. The clock and syslog are this
 * program's own; what must hold follows from which sets of keys can have been read.
 */
#include "config.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <unistd.h>

#include "saslcase.h"

#define THREADS 8
/* Each generation is one new key, beside the one before. */
#define GENERATIONS 24
#define T0 INT64_C(1800000000)
/* A file of keys is looked at again after 10 s of our clock. */
#define PERIOD 11
/* Exchanges of all threads together in each period, at least. */
#define EXCHANGES_IN_PERIOD 96
/* The address sanitizer's allocator has locks that a child may find closed. */
#ifdef __SANITIZE_ADDRESS__
#define CAN_FORK_BESIDE_THREADS false
#else
#define CAN_FORK_BESIDE_THREADS true
#endif
#define SEP "\x01"
#define INVALID                                                                                    \
    "{\"status\":\"invalid_token\",\"scope\":\"mail\",\"openid-configuration\":"                   \
    "\"https://sso.example/.well-known/openid-configuration\"}"
#define INVALID_XOAUTH2 "{\"status\":\"401\",\"schemes\":\"bearer\",\"scope\":\"mail\"}"

/* Messages of each generation. */
enum kind {
    GOOD,
    GOOD_XOAUTH2,
    GOOD_ONCE_MORE, /* the same token as GOOD's: its verdict is known */
    AUDIENCE,
    AUDIENCE_XOAUTH2,
    FORGED,
    AS_BOB,   /* whom ann may act as */
    AS_CAROL, /* whom she may not */
    KINDS,
};

static const struct {
    const char *name;
    const char *mech;
    bool genuine;
    int code; /* of a genuine one, once its key is known */
} kinds[KINDS] = {
    [GOOD] = {"good", "OAUTHBEARER", true, SASL_OK},
    [GOOD_XOAUTH2] = {"good, XOAUTH2", "XOAUTH2", true, SASL_OK},
    [GOOD_ONCE_MORE] = {"good once more", "OAUTHBEARER", true, SASL_OK},
    [AUDIENCE] = {"another audience", "OAUTHBEARER", false, SASL_BADAUTH},
    [AUDIENCE_XOAUTH2] = {"another audience, XOAUTH2", "XOAUTH2", false, SASL_BADAUTH},
    [FORGED] = {"forged", "OAUTHBEARER", false, SASL_BADAUTH},
    [AS_BOB] = {"as bob", "OAUTHBEARER", true, SASL_OK},
    [AS_CAROL] = {"as carol", "OAUTHBEARER", true, SASL_NOAUTHZ},
};

static const char *messages[GENERATIONS][KINDS];
static const char *key_sets[GENERATIONS];

/* Shared by the threads */
static _Atomic int64_t now = T0;
static atomic_int announced; /* this set is about to be in the file */
static atomic_int published; /* this set, or a later one, is what a look at the file finds */
static atomic_bool done;
static atomic_uint exchanges;
static atomic_uint audit_lines;
static atomic_uint log_lines;
static atomic_uint accepted[GENERATIONS];
static atomic_uint withdrawn[GENERATIONS];
static atomic_uint wrongs;
static pthread_mutex_t wrong_lock = PTHREAD_MUTEX_INITIALIZER;
static char wrong[2048]; /* the first one */

/* In the place of the C library's, for the plug-in, too. syslog(3) has a lock of its own, which a
 * forked child may find closed for ever: that is not ours to mend. */

WF_EXPORT time_t time(time_t *ret)
{
    time_t at = (time_t)atomic_load(&now);

    if (ret != NULL)
        *ret = at;
    return at;
}

/* With and without _FORTIFY_SOURCE. Its header would make them inline functions. */
WF_EXPORT void syslog(int priority, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
WF_EXPORT void __syslog_chk(int priority, int flag, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

static void count_audit(const char *fmt, va_list args) __attribute__((format(printf, 1, 0)));
static void count_audit(const char *fmt, va_list args)
{
    char line[4096];

    (void)vsnprintf(line, sizeof(line), fmt, args);
    if (strstr(line, " verdict=") != NULL)
        atomic_fetch_add(&audit_lines, 1);
}

void syslog(int priority, const char *fmt, ...)
{
    va_list args;

    (void)priority;
    va_start(args, fmt);
    count_audit(fmt, args);
    va_end(args);
}

void __syslog_chk(int priority, int flag, const char *fmt, ...)
{
    va_list args;

    (void)priority;
    (void)flag;
    va_start(args, fmt);
    count_audit(fmt, args);
    va_end(args);
}

/* What a threaded host gives to libsasl. It takes all its locks before it forks, since nobody would
 * open them in the child; those of the plug-in are not its business. */

static struct host_mutex {
    pthread_mutex_t mutex;
    bool used;
} host_mutexes[16];

static void *mutex_new(void)
{
    for (size_t i = 0; i < WF_ARRAY_LEN(host_mutexes); i++) {
        if (!host_mutexes[i].used && pthread_mutex_init(&host_mutexes[i].mutex, NULL) == 0) {
            host_mutexes[i].used = true;
            return &host_mutexes[i];
        }
    }
    return NULL;
}

static int mutex_lock(void *mutex)
{
    return pthread_mutex_lock(&((struct host_mutex *)mutex)->mutex) == 0 ? SASL_OK : SASL_FAIL;
}

static int mutex_unlock(void *mutex)
{
    return pthread_mutex_unlock(&((struct host_mutex *)mutex)->mutex) == 0 ? SASL_OK : SASL_FAIL;
}

static void mutex_free(void *mutex)
{
    struct host_mutex *self = mutex;

    (void)pthread_mutex_destroy(&self->mutex);
    self->used = false;
}

static void host_locks(int (*what)(void *mutex))
{
    for (size_t i = 0; i < WF_ARRAY_LEN(host_mutexes); i++) {
        if (host_mutexes[i].used)
            (void)what(&host_mutexes[i]);
    }
}

static int count_log(void *context, int level, const char *message)
{
    (void)context;
    (void)message;
    if (level < SASL_LOG_DEBUG)
        atomic_fetch_add(&log_lines, 1);
    return SASL_OK;
}

static int allow_bob(sasl_conn_t *conn, void *context, const char *user, unsigned user_len,
                     const char *authid, unsigned authid_len, const char *realm, unsigned realm_len,
                     struct propctx *props)
{
    bool self = user_len == authid_len && memcmp(user, authid, user_len) == 0;
    bool bob = user_len == 3 && memcmp(user, "bob", 3) == 0;

    (void)conn;
    (void)context;
    (void)realm;
    (void)realm_len;
    (void)props;
    return self || bob ? SASL_OK : SASL_NOAUTHZ;
}

/* Exchanges */

static void note_wrong(const char *rule, enum kind kind, int generation, int code, const char *said)
{
    (void)pthread_mutex_lock(&wrong_lock);
    if (atomic_fetch_add(&wrongs, 1) == 0)
        (void)snprintf(wrong, sizeof(wrong), "%s: %s, generation %d: code %d, %s", rule,
                       kind < KINDS ? kinds[kind].name : "", generation, code, said);
    (void)pthread_mutex_unlock(&wrong_lock);
}

/* The code of the last step; what the server said before that, and the user that it came to, "" for
 * none. */
static int talk(enum kind kind, const char *message, char *ret_json, size_t size, char *ret_user,
                size_t user_size)
{
    sasl_conn_t *conn = NULL;
    const char *out = NULL;
    const void *user = NULL;
    unsigned len = 0;

    ret_json[0] = '\0';
    ret_user[0] = '\0';
    int code = sasl_server_new("imap", "imap.acme.example", NULL, "127.0.0.1;143",
                               "192.0.2.7;40000", NULL, 0, &conn);
    if (code != SASL_OK)
        return code;
    code =
        sasl_server_start(conn, kinds[kind].mech, message, (unsigned)strlen(message), &out, &len);
    if (code == SASL_CONTINUE) {
        (void)snprintf(ret_json, size, "%.*s", (int)len, out);
        code = sasl_server_step(conn, SEP, 1, &out, &len);
    }
    if (code == SASL_OK && sasl_getprop(conn, SASL_USERNAME, &user) == SASL_OK && user != NULL)
        (void)snprintf(ret_user, user_size, "%s", (const char *)user);
    sasl_dispose(&conn);
    return code;
}

/* The sets that can have been in use are those of `lowest` to `highest`, each of which has its own
 * generation's key and the one before. */
static void judge(enum kind kind, int generation, int lowest, int highest, int code,
                  const char *json, const char *user)
{
    bool known = generation >= highest - 1 && generation <= lowest;
    bool unknown = generation < lowest - 1 || generation > highest;
    bool refused = code == SASL_BADAUTH;
    const char *expected = strcmp(kinds[kind].mech, "XOAUTH2") == 0 ? INVALID_XOAUTH2 : INVALID;

    if (!refused && code != kinds[kind].code)
        note_wrong("a code that nobody gave", kind, generation, code, json);
    if (refused && strcmp(json, expected) != 0)
        note_wrong("another error", kind, generation, code, json);
    if (!refused && json[0] != '\0')
        note_wrong("an error of no refusal", kind, generation, code, json);
    if (refused && kinds[kind].genuine && known)
        note_wrong("refused though its key is published", kind, generation, code, json);
    if (!refused && unknown)
        note_wrong("passed though its key is not", kind, generation, code, json);
    if (strcmp(user, code != SASL_OK ? "" : kind == AS_BOB ? "bob" : "ann") != 0)
        note_wrong("somebody else", kind, generation, code, user);
    if (kinds[kind].genuine && !refused)
        atomic_fetch_add(&accepted[generation], 1);
    if (kinds[kind].genuine && refused && generation < lowest - 1)
        atomic_fetch_add(&withdrawn[generation], 1);
}

static void exchange(enum kind kind, int behind)
{
    char json[1024];
    char user[64];
    int lowest = atomic_load(&published);
    int generation = lowest - behind;

    if (generation < 0 || generation >= GENERATIONS)
        return;
    int code = talk(kind, messages[generation][kind], json, sizeof(json), user, sizeof(user));
    judge(kind, generation, lowest, atomic_load(&announced), code, json, user);
    atomic_fetch_add(&exchanges, 1);
}

static void *work(void *arg)
{
    /* In turn the newest key, the one before, two withdrawn ones, one not yet known */
    static const int behind[] = {0, 1, 0, 2, 0, 3, -1};
    const unsigned *self = arg;

    for (unsigned i = *self; !atomic_load(&done); i++)
        exchange((enum kind)(i % KINDS), behind[i % WF_ARRAY_LEN(behind)]);
    return NULL;
}

/* The provider */

static void publish(int generation)
{
    atomic_store(&announced, generation);
    saslcase_write("jwks.new", key_sets[generation]);
    assert_int_equal(rename(saslcase_file("jwks.new"), saslcase_file("jwks.json")), 0);
    atomic_fetch_add(&now, PERIOD);
    atomic_store(&published, generation);
}

static void child_work(void)
{
    (void)alarm(120);
    atomic_store(&wrongs, 0);
    for (int kind = 0; kind < KINDS; kind++) {
        exchange((enum kind)kind, 0);
        exchange((enum kind)kind, 1);
        exchange((enum kind)kind, 2);
    }
    if (atomic_load(&wrongs) > 0)
        (void)dprintf(STDERR_FILENO, "in a child: %s\n", wrong);
    _exit(atomic_load(&wrongs) > 0);
}

/* A child of a process whose other threads are anywhere in the plug-in: it goes on by itself. */
static void fork_now(void)
{
    int status = 0;

    (void)pthread_mutex_lock(&wrong_lock);
    host_locks(mutex_lock);
    pid_t child = fork();
    host_locks(mutex_unlock);
    (void)pthread_mutex_unlock(&wrong_lock);
    if (child == 0)
        child_work();
    if (waitpid(child, &status, 0) != child || status != 0)
        note_wrong("a child did not end well", KINDS, -1, status, "");
}

static void test_rotation(void **state)
{
    pthread_t threads[THREADS];
    unsigned names[THREADS];

    (void)state;
    for (unsigned i = 0; i < THREADS; i++) {
        names[i] = i;
        assert_int_equal(pthread_create(&threads[i], NULL, work, &names[i]), 0);
    }
    for (int i = 1; i < GENERATIONS; i++) {
        publish(i);
        unsigned end = atomic_load(&exchanges) + EXCHANGES_IN_PERIOD;
        if (CAN_FORK_BESIDE_THREADS && i % 2 == 0)
            fork_now();
        while (atomic_load(&exchanges) < end && atomic_load(&wrongs) == 0)
            (void)usleep(200);
    }
    atomic_store(&done, true);
    for (unsigned i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    fork_now();
    if (atomic_load(&wrongs) > 0)
        fail_msg("%u times, first: %s", atomic_load(&wrongs), wrong);
    for (int i = 0; i < GENERATIONS; i++) {
        if (atomic_load(&accepted[i]) == 0 ||
            (i < GENERATIONS - 2 && atomic_load(&withdrawn[i]) == 0))
            fail_msg("generation %d: accepted %u times, refused %u times afterwards", i,
                     atomic_load(&accepted[i]), atomic_load(&withdrawn[i]));
    }
    /* Each decision is one line, whoever else decides at the same time */
    assert_int_equal(atomic_load(&audit_lines), atomic_load(&exchanges));
}

/* Making the world */

static void make_messages(int generation, enum mint_key key, const char *alg)
{
    const char *header = mint_text("{\"alg\":\"%s\",\"kid\":\"k%d\"}", alg, generation);
    const char *claims =
        mint_text("{\"iss\":\"https://sso.example\",\"sub\":\"4711\","
                  "\"aud\":\"urn:mail\",\"preferred_username\":\"ann@acme.example\","
                  "\"scope\":\"mail\",\"exp\":%lld}",
                  (long long)T0 + 86400);
    const char *good = mint_token(alg, key, header, claims);
    const char *bad =
        mint_token(alg, key, header, mint_change(claims, "aud", "\"urn:web\"", (char *)NULL));
    const char **message = messages[generation];

    message[GOOD] = mint_text("n,," SEP "auth=Bearer %s" SEP SEP, good);
    message[GOOD_ONCE_MORE] = message[GOOD];
    message[GOOD_XOAUTH2] = mint_text("user=ann" SEP "auth=Bearer %s" SEP SEP, good);
    message[AUDIENCE] = mint_text("n,," SEP "auth=Bearer %s" SEP SEP, bad);
    message[AUDIENCE_XOAUTH2] = mint_text("user=ann" SEP "auth=Bearer %s" SEP SEP, bad);
    message[FORGED] =
        mint_text("n,," SEP "auth=Bearer %.*sAAAAAAAA" SEP SEP, (int)strlen(good) - 8, good);
    message[AS_BOB] = mint_text("n,a=bob," SEP "auth=Bearer %s" SEP SEP, good);
    message[AS_CAROL] = mint_text("n,a=carol," SEP "auth=Bearer %s" SEP SEP, good);
}

static void make_world(void)
{
    static const struct {
        enum mint_key key;
        const char *alg;
    } keys[] = {{MINT_P256, "ES256"},
                {MINT_ED25519, "EdDSA"},
                {MINT_P256_OTHER, "ES256"},
                {MINT_ED25519_OTHER, "EdDSA"}};
    const char *before = NULL;

    for (int i = 0; i < GENERATIONS; i++) {
        size_t which = (size_t)i % WF_ARRAY_LEN(keys);
        const char *jwk = mint_jwk(keys[which].key, mint_text("\"kid\":\"k%d\"", i));
        key_sets[i] = before == NULL ? mint_jwks(jwk, NULL) : mint_jwks(before, jwk, NULL);
        make_messages(i, keys[which].key, keys[which].alg);
        before = jwk;
    }
    saslcase_conf("");
    publish(0);
}

static int set_up(void **state)
{
    int code = saslcase_begin(state);

    if (code != 0)
        return code;
    for (sasl_callback_t *callback = saslcase_callbacks; callback->id != SASL_CB_LIST_END;
         callback++) {
        if (callback->id == SASL_CB_LOG)
            callback->proc = SASLCASE(count_log);
        if (callback->id == SASL_CB_PROXY_POLICY)
            callback->proc = SASLCASE(allow_bob);
    }
    sasl_set_mutex(mutex_new, mutex_lock, mutex_unlock, mutex_free);
    make_world();
    saslcase_start(NULL, NULL);
    return 0;
}

static int tear_down(void **state)
{
    saslcase_stop();
    return saslcase_end(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rotation),
    };

    return cmocka_run_group_tests_name("sasl_threads", tests, set_up, tear_down);
}
