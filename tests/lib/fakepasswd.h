/*
 * A passwd of the test's own. Link the test with -Wl,--wrap=getpwnam_r.
 */
#ifndef WF_TEST_FAKEPASSWD_H
#define WF_TEST_FAKEPASSWD_H

#include <errno.h>
#include <pwd.h>
#include <stddef.h>
#include <string.h>

static const struct {
    const char *name;
    uid_t uid;
} fake_accounts[] = {
    {"root", 0},      {"toor", 0},       {"superuser", 0},   {"cyrus", 110},
    {"ftp", 999},     {"alice", 1000},   {"bob", 1001},      {"upper", 60000},
    {"above", 60001}, {"nobody", 65534}, {"nobody2", 65534}, {"minusone", (uid_t)-1},
};

/* What the next calls return instead of looking; 0: look. */
static int fake_passwd_number;
/* Bytes that the caller's buffer must have. */
static size_t fake_passwd_need;
/* Calls so far. */
static unsigned fake_passwd_calls;
/* What the buffer got last. */
static char *fake_passwd_buffer;

/* As a case-insensitive name service does it: asked for "carol", it answers "Carol". */
static char fake_other_name[] = "Carol";

int __wrap_getpwnam_r(const char *name, struct passwd *entry, char *buffer, size_t size,
                      struct passwd **found);
int __wrap_getpwnam_r(const char *name, struct passwd *entry, char *buffer, size_t size,
                      struct passwd **found)
{
    fake_passwd_calls++;
    *found = NULL;
    if (size < fake_passwd_need)
        return ERANGE;
    if (fake_passwd_number != 0) {
        /* A sloppy name service: an error, and yet an entry */
        *entry = (struct passwd){.pw_name = fake_other_name, .pw_uid = 1002};
        *found = entry;
        return fake_passwd_number;
    }
    memset(buffer, 'h', size);
    fake_passwd_buffer = buffer;
    *entry = (struct passwd){.pw_name = buffer, .pw_uid = 1002};
    if (strcmp(name, "carol") == 0) {
        entry->pw_name = fake_other_name;
        *found = entry;
        return 0;
    }
    for (size_t i = 0; i < sizeof(fake_accounts) / sizeof(fake_accounts[0]); i++) {
        if (strcmp(name, fake_accounts[i].name) != 0)
            continue;
        memcpy(buffer, name, strlen(name) + 1);
        entry->pw_uid = fake_accounts[i].uid;
        *found = entry;
    }
    return 0;
}

#endif
