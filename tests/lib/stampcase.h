/*
 * What the tests of stamps share: sessions as the test says they are, and stamps of alice's. Link
 * with -Wl,--wrap=openat,--wrap=close,--wrap=unlinkat,--wrap=write,--wrap=wf_file_read,
 * --wrap=lstat,--wrap=wf_anchor_lives,--wrap=wf_anchor_has_gone,--wrap=wf_anchor_holds_us,
 * --wrap=wf_anchor_boot.
 */
#ifndef WF_TEST_STAMPCASE_H
#define WF_TEST_STAMPCASE_H

#include "cachecase.h"
#include "fakehost.h"
#include "stamp.h"
#include "store.h"

#define NOW 1700000000
#define BOOT "01234567-89ab-cdef-0123-456789abcdef"

static struct wf_store *store;

/* Wrapped calls: sessions as the test says they are */

static bool real_anchors;
static pid_t ended[4];   /* these are over, and no other */
static bool odd_are_over; /* and those of odd numbers */
static bool proc_is_silent; /* of none can it be told whether it has gone */
static pid_t outside[4]; /* in these we are not */
static char boot[WF_BOOT_SIZE] = BOOT;

static inline bool is_in(const pid_t *list, pid_t pid)
{
    for (unsigned i = 0; i < 4; i++) {
        if (list[i] == pid)
            return true;
    }
    return false;
}

bool __real_wf_anchor_lives(const struct wf_anchor *anchor);
bool __wrap_wf_anchor_lives(const struct wf_anchor *anchor);
bool __wrap_wf_anchor_lives(const struct wf_anchor *anchor)
{
    if (real_anchors)
        return __real_wf_anchor_lives(anchor);
    return !proc_is_silent && strcmp(anchor->boot, boot) == 0 && !is_in(ended, anchor->pid) &&
           !(odd_are_over && anchor->pid % 2 != 0);
}

bool __real_wf_anchor_has_gone(const struct wf_anchor *anchor);
bool __wrap_wf_anchor_has_gone(const struct wf_anchor *anchor);
bool __wrap_wf_anchor_has_gone(const struct wf_anchor *anchor)
{
    if (real_anchors)
        return __real_wf_anchor_has_gone(anchor);
    return !proc_is_silent && !__wrap_wf_anchor_lives(anchor);
}

bool __real_wf_anchor_holds_us(const struct wf_anchor *anchor);
bool __wrap_wf_anchor_holds_us(const struct wf_anchor *anchor);
bool __wrap_wf_anchor_holds_us(const struct wf_anchor *anchor)
{
    return real_anchors ? __real_wf_anchor_holds_us(anchor)
                        : __wrap_wf_anchor_lives(anchor) && !is_in(outside, anchor->pid);
}

enum wf_reason __wrap_wf_anchor_boot(char ret[WF_BOOT_SIZE], struct wf_err *err);
enum wf_reason __wrap_wf_anchor_boot(char ret[WF_BOOT_SIZE], struct wf_err *err)
{
    if (boot[0] == '\0')
        return wf_fail(err, WF_INTERNAL, "scripted: no boot");
    memcpy(ret, boot, sizeof(boot));
    return WF_OK;
}

static void (*before_unlink)(void);
int __real_unlinkat(int in, const char *name, int flags);
int __wrap_unlinkat(int in, const char *name, int flags);
int __wrap_unlinkat(int in, const char *name, int flags)
{
    void (*quicker)(void) = before_unlink;

    before_unlink = NULL;
    if (quicker != NULL)
        quicker();
    return fault_now("unlinkat", name) ? -1 : __real_unlinkat(in, name, flags);
}

ssize_t __real_write(int fd, const void *data, size_t len);
ssize_t __wrap_write(int fd, const void *data, size_t len);
ssize_t __wrap_write(int fd, const void *data, size_t len)
{
    return fault_now("write", fault_what(fd)) ? -1 : __real_write(fd, data, len);
}

static inline struct wf_store *open_elsewhere(void)
{
    struct wf_store *found = NULL;
    const char *id = machine_id;

    machine_id = "fedcba9876543210fedcba9876543210\n";
    assert_int_equal(wf_store_open(folder, &key_log_sink, &found, NULL), WF_OK);
    machine_id = id;
    return found;
}

/* Stamps */

static struct wf_err last;

/* A sign-in of alice's in the session of this process. */
static inline struct wf_stamp stamp_of(pid_t pid, int64_t signed_in)
{
    return (struct wf_stamp){
        .provider = "acme",
        .user = "alice",
        .subject = "5f0e",
        .signed_in = signed_in,
        .anchor = {.kind = WF_ANCHOR_PROCESS, .pid = pid, .start = 77, .boot = BOOT},
    };
}

static inline void put(const struct wf_stamp *stamp)
{
    if (wf_stamp_put(store, stamp, &last) != WF_OK)
        fail_msg("%s", last.text);
}

/* When alice signed in, in a session that we are in; 0: never. */
static inline int64_t found(void)
{
    struct wf_stamp stamp = {.signed_in = -1};
    enum wf_reason reason = wf_stamp_find(store, "acme", "alice", &stamp, &last);

    if (reason != WF_OK) {
        assert_int_equal(reason, WF_PENDING);
        assert_int_equal(stamp.signed_in, -1);
        return 0;
    }
    assert_string_equal(stamp.user, "alice");
    return stamp.signed_in;
}

/* Remove alice's stamp of the session of this process. */
static inline enum wf_reason take(pid_t pid, int64_t *ret_signed_in, unsigned *ret_left)
{
    struct wf_stamp stamp = stamp_of(pid, 0);
    struct wf_anchor anchor = stamp.anchor;
    struct wf_stamp out = {.signed_in = -1};
    enum wf_reason reason =
        wf_stamp_remove(store, "acme", "alice", &anchor, &out, ret_left, &last);

    *ret_signed_in = out.signed_in;
    return reason;
}

static char mark[WF_MARK_SIZE];

static inline void pend(void)
{
    struct wf_stamp stamp = stamp_of(0, 900);

    if (wf_stamp_pend(store, &stamp, NOW, mark, &last) != WF_OK)
        fail_msg("%s", last.text);
}

static inline enum wf_reason claim_at(const char *provider, const char *user, const char *which,
                               int64_t now)
{
    struct wf_stamp stamp = {.signed_in = -1};
    enum wf_reason reason = wf_stamp_claim(store, provider, user, which, now, &stamp, &last);

    assert_int_equal(stamp.signed_in, reason == WF_OK ? 900 : -1);
    assert_true(reason != WF_OK || (strcmp(stamp.subject, "5f0e") == 0 && stamp.anchor.pid == 0));
    return reason;
}

static inline enum wf_reason claim(void)
{
    return claim_at("acme", "alice", mark, NOW);
}

/* The one whose name begins so. */
static inline char *find_file(const char *prefix)
{
    static char path[512];

    key_folder_find(folder, prefix, path, sizeof(path));
    assert_true(path[0] != '\0');
    return path;
}

static inline unsigned count_files(const char *prefix)
{
    DIR *dir = opendir(folder);
    unsigned count = 0;

    for (const struct dirent *e = readdir(dir); e != NULL; e = readdir(dir))
        count += strncmp(e->d_name, prefix, strlen(prefix)) == 0;
    (void)closedir(dir);
    return count;
}

static inline int set_up(void **state)
{
    return folder_set_up(state) != 0 ||
           wf_store_open(folder, &key_log_sink, &store, NULL) != WF_OK;
}

static inline int tear_down(void **state)
{
    wf_store_free(store);
    return folder_tear_down(state);
}

static inline int begin(void **state)
{
    memset(ended, 0, sizeof(ended));
    memset(outside, 0, sizeof(outside));
    return empty(state);
}

#endif
