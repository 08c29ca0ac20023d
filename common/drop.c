#include "config.h"

#include "drop.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <pthread.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "text.h"

/* Memory for one request and its TLS connection, beyond what the loaded libraries take: libcurl
 * and OpenSSL need 3 MiB, the resolver's threads their stacks. */
#ifdef WF_SANITIZED
/* AddressSanitizer holds back 256 MiB of freed memory */
#define MEMORY_MAX ((rlim_t)1024 * 1024 * 1024)
#else
#define MEMORY_MAX ((rlim_t)64 * 1024 * 1024)
#endif
/* Where /proc is absent and the libraries' share is unknown. */
#define MEMORY_MAX_TOTAL ((rlim_t)256 * 1024 * 1024)
/* A resolver's thread and the NSS modules in it; not the host's limit, which may be gigabytes. */
#define THREAD_STACK ((size_t)1024 * 1024)
/* Sockets of a connection and of the resolver, its files, libcurl's wake-up pair. */
#define DESCRIPTORS_MAX 64
/* A TLS handshake takes milliseconds; a helper lives for one sign-in. */
#define CPU_SECONDS 30
/* Threads of all helpers together (the kernel counts per user): a resolver starts two. Generous,
 * since sign-ins may come by the hundred. */
#define THREADS_MAX 1024
/* What distributions call "nobody", whatever its name. */
#define NOBODY_ID 65534

static enum wf_reason close_descriptors(struct wf_err *err)
{
    const int first = STDERR_FILENO + 1;
    struct rlimit limit;

#ifdef HAVE_CLOSE_RANGE
    if (close_range((unsigned)first, ~0U, 0) == 0)
        return WF_OK;
#endif
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return wf_fail(err, WF_INTERNAL, "getrlimit: %s", wf_errno_text(errno));
    for (rlim_t fd = (rlim_t)first; fd < limit.rlim_cur; fd++)
        (void)close((int)fd);
    return WF_OK;
}

/* Bytes of private writable memory now, as RLIMIT_DATA counts them (proc(5), statm's sixth
 * field); 0 if unknown. */
static rlim_t data_now(void)
{
    char text[256];
    uint64_t pages = 0;
    int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return 0;
    ssize_t n = read(fd, text, sizeof(text));
    (void)close(fd);
    struct wf_span rest = {text, n < 0 ? 0 : (size_t)n};
    struct wf_span field = {NULL, 0};
    for (int i = 0; i < 6; i++) {
        if (!wf_text_next(&rest, ' ', &field))
            return 0;
    }
    if (!wf_text_number(field, 1, UINT64_MAX >> 20, &pages))
        return 0;
    return (rlim_t)pages * (rlim_t)sysconf(_SC_PAGESIZE);
}

/* Ours, in place of whatever the caller of sudo or su has set; only downwards where raising is not
 * allowed: it needs a capability that root in a container may lack. */
static bool set_limit(__rlimit_resource_t resource, rlim_t max)
{
    struct rlimit limit = {max, max};

    if (setrlimit(resource, &limit) == 0)
        return true;
    if (getrlimit(resource, &limit) != 0)
        return false;
    if (limit.rlim_max > max)
        limit.rlim_max = max;
    limit.rlim_cur = limit.rlim_max;
    return setrlimit(resource, &limit) == 0;
}

static enum wf_reason set_limits(bool root, rlim_t file_max, struct wf_err *err)
{
    rlim_t data = data_now();
    const struct {
        __rlimit_resource_t resource;
        rlim_t max;
    } limits[] = {
        {RLIMIT_CORE, 0},
        {RLIMIT_FSIZE, file_max},
        {RLIMIT_NOFILE, DESCRIPTORS_MAX},
        {RLIMIT_CPU, CPU_SECONDS},
        {RLIMIT_DATA, data == 0 ? MEMORY_MAX_TOTAL : data + MEMORY_MAX},
        /* Last: where the user is a person, all that the person runs counts */
        {RLIMIT_NPROC, THREADS_MAX},
    };
    pthread_attr_t attr;

    for (size_t i = 0; i < WF_ARRAY_LEN(limits) - (root ? 0 : 1); i++) {
        if (!set_limit(limits[i].resource, limits[i].max))
            return wf_fail(err, WF_INTERNAL, "setrlimit: %s", wf_errno_text(errno));
    }
    int rc = pthread_attr_init(&attr);
    if (rc == 0) {
        rc = pthread_attr_setstacksize(&attr, THREAD_STACK);
        if (rc == 0)
            rc = pthread_setattr_default_np(&attr);
        (void)pthread_attr_destroy(&attr);
    }
    if (rc != 0)
        return wf_fail(err, WF_INTERNAL, "threads' stacks: %s", wf_errno_text(rc));
    return WF_OK;
}

struct ids {
    uid_t uid;
    gid_t gid;
};

static enum wf_reason find_user(const char *user, struct ids *ret, struct wf_err *err)
{
    errno = 0;
    const struct passwd *pw = getpwnam(user);
    int number = errno;

    if (pw == NULL && number != 0 && number != ENOENT)
        return wf_fail(err, WF_CONFIG, "cannot look up user %s: %s", user, wf_errno_text(number));
    if (pw == NULL)
        return wf_fail(err, WF_CONFIG,
                       "user %s does not exist: systemd-sysusers, or useradd --system "
                       "--no-create-home --shell /usr/sbin/nologin %s",
                       user, user);
    *ret = (struct ids){pw->pw_uid, pw->pw_gid};
    return WF_OK;
}

/* The helper shares its user with nobody. */
static enum wf_reason check_helper(const char *user, const struct ids *ids, struct wf_err *err)
{
    if (ids->uid == 0 || ids->gid == 0)
        return wf_fail(err, WF_CONFIG,
                       "helper_user is %s, which is root or of its group: name a user of its own",
                       user);
    if (strcmp(user, "nobody") == 0 || ids->uid == NOBODY_ID)
        return wf_fail(err, WF_CONFIG,
                       "helper_user is %s, which other daemons use too: name a user of its own",
                       user);
    return WF_OK;
}

static enum wf_reason check_person(const char *user, const struct ids *ids, struct wf_err *err)
{
    return ids->uid == 0 ? wf_fail(err, WF_CONFIG, "user %s is root", user) : WF_OK;
}

/* True if real, effective and saved ids are all these. */
static bool ids_are(uid_t uid, gid_t gid)
{
    uid_t u[3];
    gid_t g[3];

    if (getresuid(&u[0], &u[1], &u[2]) != 0 || getresgid(&g[0], &g[1], &g[2]) != 0)
        return false;
    for (size_t i = 0; i < WF_ARRAY_LEN(u); i++) {
        if (u[i] != uid || g[i] != gid)
            return false;
    }
    return true;
}

static enum wf_reason become(const char *user, const struct ids *ids, struct wf_err *err)
{
    if (setgroups(0, NULL) != 0 || setresgid(ids->gid, ids->gid, ids->gid) != 0 ||
        setresuid(ids->uid, ids->uid, ids->uid) != 0)
        return wf_fail(err, WF_INTERNAL, "cannot become user %s: %s", user, wf_errno_text(errno));
    if (getgroups(0, NULL) != 0 || !ids_are(ids->uid, ids->gid))
        return wf_fail(err, WF_INTERNAL, "did not become user %s", user);
    return WF_OK;
}

/* setresuid() takes the capabilities with it, but not where securebits forbid it, and not the
 * inheritable ones. */
static enum wf_reason clear_capabilities(struct wf_err *err)
{
    struct __user_cap_header_struct head = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3];
    struct __user_cap_data_struct left[_LINUX_CAPABILITY_U32S_3];

    memset(none, 0, sizeof(none));
    memset(left, 0xff, sizeof(left));
    if (syscall(SYS_capset, &head, none) != 0 || syscall(SYS_capget, &head, left) != 0 ||
        memcmp(none, left, sizeof(none)) != 0)
        return wf_fail(err, WF_INTERNAL, "capabilities remain: %s", wf_errno_text(errno));
    return WF_OK;
}

static enum wf_reason prove(struct wf_err *err)
{
    if (setresuid((uid_t)-1, 0, (uid_t)-1) == 0 || setuid(0) == 0 ||
        (getgid() != 0 && setgid(0) == 0))
        return wf_fail(err, WF_INTERNAL, "the way back to root is open");
    if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1 || prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) != 0)
        return wf_fail(err, WF_INTERNAL, "the process can be traced or gain privileges");
    return WF_OK;
}

/* What does not depend on who it becomes. */
static enum wf_reason shut_off(rlim_t file_max, struct wf_err *err)
{
    bool root = geteuid() == 0;
    enum wf_reason reason = close_descriptors(err);

    if (reason != WF_OK)
        return reason;
    (void)umask(077);
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        chdir("/") != 0)
        return wf_fail(err, WF_INTERNAL, "cannot shut the process off: %s", wf_errno_text(errno));
    if (!root && !ids_are(geteuid(), getegid()))
        return wf_fail(err, WF_CONFIG, "user %u has changed ids: run with one user id, or as root",
                       (unsigned)getuid());
    return set_limits(root, file_max, err);
}

static enum wf_reason finish(struct wf_err *err)
{
    enum wf_reason reason = clear_capabilities(err);

    /* A change of ids puts back the system's default */
    if (reason == WF_OK && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
        reason = wf_fail(err, WF_INTERNAL, "PR_SET_DUMPABLE: %s", wf_errno_text(errno));
    if (reason == WF_OK)
        reason = prove(err);
    return reason;
}

enum wf_reason wf_drop(const char *user, struct wf_err *err)
{
    struct ids ids = {0, 0};
    bool root = geteuid() == 0;
    enum wf_reason reason = shut_off(0, err);

    if (reason == WF_OK && root)
        reason = find_user(user, &ids, err);
    if (reason == WF_OK && root)
        reason = check_helper(user, &ids, err);
    if (reason == WF_OK && root)
        reason = become(user, &ids, err);
    if (reason == WF_OK)
        reason = finish(err);
    return reason;
}

enum wf_reason wf_drop_to_person(const char *user, size_t file_max, struct wf_err *err)
{
    struct ids ids = {0, 0};
    enum wf_reason reason = shut_off(file_max, err);

    if (reason == WF_OK)
        reason = find_user(user, &ids, err);
    if (reason == WF_OK)
        reason = check_person(user, &ids, err);
    if (reason == WF_OK && geteuid() == 0)
        reason = become(user, &ids, err);
    if (reason == WF_OK && geteuid() != ids.uid)
        reason = wf_fail(err, WF_CONFIG, "user %u cannot act for %s: run as that user, or as root",
                         (unsigned)geteuid(), user);
    if (reason == WF_OK)
        reason = finish(err);
    return reason;
}
