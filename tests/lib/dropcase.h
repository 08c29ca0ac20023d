/*
 * A kernel for programs that give up their privileges, which refuses a step, or says that it has
 * done one and has not. Include it once, in the test's file; link with $(drop_case_ldflags).
 */
#ifndef WF_TEST_DROPCASE_H
#define WF_TEST_DROPCASE_H

#include <errno.h>
#include <linux/capability.h>
#include <pthread.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MIB ((rlim_t)1024 * 1024)

/* Calls, in the order in which root makes them */
enum call {
    NONE,
    CLOSE_RANGE,
    NOT_DUMPABLE,
    NO_NEW_PRIVS,
    CHDIR,
    SETRLIMIT,
    ATTR_INIT,
    ATTR_SIZE,
    ATTR_DEFAULT,
    SETGROUPS,
    SETRESGID,
    SETRESUID,
    GETGROUPS,
    GETRESUID,
    GETRESGID,
    CAPSET,
    CAPGET,
    NOT_DUMPABLE_AGAIN,
    BACK_BY_SAVED_ID, /* what should fail and does not, last */
    BACK_BY_UID,
    BACK_BY_GID,
};
enum kind { FAILS, LIES };

/* The process as the kernel has it */
static struct {
    uid_t uid[3];
    gid_t gid[3];
    int groups;
    int dumpable;
    int no_new_privs;
    bool capable; /* holds capabilities */
    bool at_root;
    mode_t mask;
    bool closed[64];
    struct rlimit limits[RLIMIT_NLIMITS];
    size_t stack;
    int attrs; /* made and not destroyed */
    bool dumpable_before_ids;
    unsigned looked_up;
} now;

/* The rest of the world */
static enum call broken;
static enum kind how;
static int times; /* from the how-manieth time on; 0: from the first */
static bool once;
static bool may_raise;
static bool silent_limits; /* none can be looked at */
static const char *statm; /* NULL: there is no /proc */
static bool reads;
static const struct passwd *found;
static int look_up_errno;

/* Whether this call does nothing: 1 it fails, 0 it only says so, -1 it works. A success says nothing
 * about errno. */
static int fault(enum call call)
{
    errno = EIO;
    if (broken != call || (times > 0 && --times > 0))
        return -1;
    broken = once ? NONE : broken;
    errno = EPERM;
    return how == FAILS ? 1 : 0;
}

int __wrap_close_range(unsigned first, unsigned last, int flags);
int __wrap_close_range(unsigned first, unsigned last, int flags)
{
    assert_int_equal(first, 3);
    assert_int_equal(last, ~0U);
    assert_int_equal(flags, 0);
    int rc = fault(CLOSE_RANGE);
    for (unsigned fd = first; rc < 0 && fd < 64; fd++)
        now.closed[fd] = true;
    return rc > 0 ? -1 : 0;
}

int __wrap_close(int fd);
int __wrap_close(int fd)
{
    assert_true(fd >= 0 && fd < 64);
    now.closed[fd] = true;
    return 0;
}

int __wrap_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...)
{
    (void)flags;
    assert_string_equal(path, "/proc/self/statm");
    /* In a process that has closed its standard input */
    return statm == NULL ? -1 : 0;
}

ssize_t __wrap_read(int fd, void *data, size_t size);
ssize_t __wrap_read(int fd, void *data, size_t size)
{
    assert_int_equal(fd, 0);
    if (!reads)
        return -1;
    assert_true(strlen(statm) <= size);
    memcpy(data, statm, strlen(statm));
    return (ssize_t)strlen(statm);
}

mode_t __wrap_umask(mode_t mask);
mode_t __wrap_umask(mode_t mask)
{
    now.mask = mask;
    return 022;
}

int __wrap_chdir(const char *path);
int __wrap_chdir(const char *path)
{
    int rc = fault(CHDIR);

    assert_string_equal(path, "/");
    now.at_root = now.at_root || rc < 0;
    return rc > 0 ? -1 : 0;
}

int __wrap_prctl(int option, ...);
int __wrap_prctl(int option, ...)
{
    unsigned long args[4];
    va_list list;
    int rc;

    va_start(list, option);
    for (size_t i = 0; i < 4; i++)
        args[i] = (unsigned long)va_arg(list, int);
    va_end(list);
    assert_int_equal(args[0], option == PR_SET_NO_NEW_PRIVS ? 1 : 0);
    assert_true(args[1] == 0 && args[2] == 0 && args[3] == 0);
    switch (option) {
    case PR_SET_DUMPABLE:
        rc = fault(now.no_new_privs == 0 ? NOT_DUMPABLE : NOT_DUMPABLE_AGAIN);
        now.dumpable = rc < 0 ? 0 : now.dumpable;
        now.dumpable_before_ids = now.dumpable_before_ids || (rc < 0 && now.uid[0] == 0);
        return rc > 0 ? -1 : 0;
    case PR_SET_NO_NEW_PRIVS:
        rc = fault(NO_NEW_PRIVS);
        now.no_new_privs = rc < 0 ? 1 : now.no_new_privs;
        return rc > 0 ? -1 : 0;
    case PR_GET_NO_NEW_PRIVS:
        return now.no_new_privs;
    case PR_GET_DUMPABLE:
        return now.dumpable;
    default:
        fail_msg("prctl %d", option);
        return -1;
    }
}

int __wrap_getrlimit(__rlimit_resource_t resource, struct rlimit *limit);
int __wrap_getrlimit(__rlimit_resource_t resource, struct rlimit *limit)
{
    errno = EPERM;
    if (silent_limits)
        return -1;
    *limit = now.limits[resource];
    return 0;
}

int __wrap_setrlimit(__rlimit_resource_t resource, const struct rlimit *limit);
int __wrap_setrlimit(__rlimit_resource_t resource, const struct rlimit *limit)
{
    assert_int_equal(limit->rlim_cur, limit->rlim_max);
    if (fault(SETRLIMIT) > 0)
        return -1;
    if (limit->rlim_max > now.limits[resource].rlim_max && !may_raise) {
        errno = EPERM;
        return -1;
    }
    now.limits[resource] = *limit;
    return 0;
}

int __wrap_pthread_attr_init(pthread_attr_t *attr);
int __wrap_pthread_attr_init(pthread_attr_t *attr)
{
    (void)attr;
    if (fault(ATTR_INIT) > 0)
        return ENOMEM;
    now.attrs++;
    return 0;
}

int __wrap_pthread_attr_destroy(pthread_attr_t *attr);
int __wrap_pthread_attr_destroy(pthread_attr_t *attr)
{
    (void)attr;
    now.attrs--;
    return 0;
}

static size_t stack_asked;
int __wrap_pthread_attr_setstacksize(pthread_attr_t *attr, size_t size);
int __wrap_pthread_attr_setstacksize(pthread_attr_t *attr, size_t size)
{
    (void)attr;
    stack_asked = size;
    return fault(ATTR_SIZE) > 0 ? EINVAL : 0;
}

int __wrap_pthread_setattr_default_np(const pthread_attr_t *attr);
int __wrap_pthread_setattr_default_np(const pthread_attr_t *attr)
{
    (void)attr;
    if (fault(ATTR_DEFAULT) > 0)
        return ENOMEM;
    now.stack = stack_asked;
    return 0;
}

struct passwd *__wrap_getpwnam(const char *name);
struct passwd *__wrap_getpwnam(const char *name)
{
    now.looked_up++;
    if (look_up_errno >= 0)
        errno = look_up_errno;
    return found != NULL && strcmp(found->pw_name, name) == 0 ? (struct passwd *)(uintptr_t)found
                                                              : NULL;
}

uid_t __wrap_geteuid(void);
uid_t __wrap_geteuid(void)
{
    return now.uid[1];
}
uid_t __wrap_getuid(void);
uid_t __wrap_getuid(void)
{
    return now.uid[0];
}
gid_t __wrap_getegid(void);
gid_t __wrap_getegid(void)
{
    return now.gid[1];
}
gid_t __wrap_getgid(void);
gid_t __wrap_getgid(void)
{
    return now.gid[0];
}

int __wrap_setgroups(size_t count, const gid_t *groups);
int __wrap_setgroups(size_t count, const gid_t *groups)
{
    int rc = fault(SETGROUPS);

    (void)groups;
    assert_int_equal(count, 0);
    now.groups = rc < 0 ? 0 : now.groups;
    return rc > 0 ? -1 : 0;
}

int __wrap_getgroups(int count, gid_t *groups);
int __wrap_getgroups(int count, gid_t *groups)
{
    assert_int_equal(count, 0);
    assert_null(groups);
    return fault(GETGROUPS) > 0 ? -1 : now.groups;
}

int __wrap_setresgid(gid_t real, gid_t effective, gid_t saved);
int __wrap_setresgid(gid_t real, gid_t effective, gid_t saved)
{
    const gid_t ids[] = {real, effective, saved};
    int rc = fault(SETRESGID);

    /* Whoever is not root any more cannot */
    assert_int_equal(now.uid[1], 0);
    for (size_t i = 0; i < 3; i++)
        now.gid[i] = rc < 0 ? ids[i] : now.gid[i];
    return rc > 0 ? -1 : 0;
}

int __wrap_setresuid(uid_t real, uid_t effective, uid_t saved);
int __wrap_setresuid(uid_t real, uid_t effective, uid_t saved)
{
    const uid_t ids[] = {real, effective, saved};

    if (real == (uid_t)-1 && effective != 0)
        return 0; /* which means no change, and is one that is asked for */
    if (real == (uid_t)-1) {
        assert_int_equal(saved, (uid_t)-1);
        return fault(BACK_BY_SAVED_ID) >= 0 ? 0 : -1;
    }
    int rc = fault(SETRESUID);
    for (size_t i = 0; i < 3; i++)
        now.uid[i] = rc < 0 ? ids[i] : now.uid[i];
    /* A change of ids puts back the system's default */
    now.dumpable = rc < 0 ? 2 : now.dumpable;
    return rc > 0 ? -1 : 0;
}

int __wrap_setuid(uid_t uid);
int __wrap_setuid(uid_t uid)
{
    assert_int_equal(uid, 0);
    return fault(BACK_BY_UID) >= 0 ? 0 : -1;
}

/* For who has group 0 already it is no way to anything. */
int __wrap_setgid(gid_t gid);
int __wrap_setgid(gid_t gid)
{
    assert_int_equal(gid, 0);
    return fault(BACK_BY_GID) >= 0 || now.gid[0] == 0 ? 0 : -1;
}

/* One of three that is not as it should be; -1: all are */
static int odd_uid, odd_gid;

int __wrap_getresuid(uid_t *real, uid_t *effective, uid_t *saved);
int __wrap_getresuid(uid_t *real, uid_t *effective, uid_t *saved)
{
    uid_t *const ids[] = {real, effective, saved};

    if (fault(GETRESUID) > 0)
        return -1;
    for (int i = 0; i < 3; i++)
        *ids[i] = odd_uid == i ? 77 : now.uid[i];
    return 0;
}

int __wrap_getresgid(gid_t *real, gid_t *effective, gid_t *saved);
int __wrap_getresgid(gid_t *real, gid_t *effective, gid_t *saved)
{
    gid_t *const ids[] = {real, effective, saved};

    if (fault(GETRESGID) > 0)
        return -1;
    for (int i = 0; i < 3; i++)
        *ids[i] = odd_gid == i ? 77 : now.gid[i];
    return 0;
}

long __wrap_syscall(long number, ...);
long __wrap_syscall(long number, ...)
{
    va_list list;

    va_start(list, number);
    const struct __user_cap_header_struct *head = va_arg(list, void *);
    struct __user_cap_data_struct *data = va_arg(list, void *);
    va_end(list);
    assert_int_equal(head->version, _LINUX_CAPABILITY_VERSION_3);
    assert_int_equal(head->pid, 0);
    assert_true(number == SYS_capset || number == SYS_capget);
    int rc = fault(number == SYS_capset ? CAPSET : CAPGET);
    if (rc < 0 && number == SYS_capset) {
        now.capable = data[0].effective != 0 || data[0].permitted != 0 ||
                      data[0].inheritable != 0 || data[1].effective != 0 ||
                      data[1].permitted != 0 || data[1].inheritable != 0;
    } else if (rc < 0) {
        memset(data, 0, 2 * sizeof(*data));
        /* The last of them alone */
        data[1].inheritable = now.capable ? 1U << 31 : 0;
    }
    return rc > 0 ? -1 : 0;
}

/* A process of these ids, with what a host may leave it. */
static void start(uid_t uid, gid_t gid)
{
    static char name[] = "helper";
    static const struct passwd helper = {.pw_name = name, .pw_uid = 101, .pw_gid = 102};

    memset(&now, 0, sizeof(now));
    for (size_t i = 0; i < 3; i++) {
        now.uid[i] = uid;
        now.gid[i] = gid;
    }
    now.groups = 2;
    now.dumpable = 1;
    now.capable = true;
    for (size_t i = 0; i < RLIMIT_NLIMITS; i++)
        now.limits[i] = (struct rlimit){RLIM_INFINITY, RLIM_INFINITY};
    broken = NONE;
    how = FAILS;
    times = 0;
    once = false;
    may_raise = false;
    statm = "9 9 9 9 9 6 0\n";
    reads = true;
    found = &helper;
    look_up_errno = -1;
    odd_uid = odd_gid = -1;
}

#endif
