/* An /etc/machine-id of the test's own. Link the test with -Wl,--wrap=lstat,--wrap=wf_file_read. */
#ifndef WF_TEST_FAKEHOST_H
#define WF_TEST_FAKEHOST_H

#include <errno.h>
#include <stdbool.h>
#include <sys/stat.h>

#include "file.h"

/* NULL: there is none. odd: it is there, and cannot be read. */
static const char *machine_id = "0123456789abcdef0123456789abcdef\n";
static bool machine_id_is_odd;

int __wrap_lstat(const char *path, struct stat *st);
int __wrap_lstat(const char *path, struct stat *st)
{
    assert_string_equal(path, "/etc/machine-id");
    *st = (struct stat){.st_mode = S_IFREG | 0444};
    errno = ENOENT;
    return machine_id == NULL ? -1 : 0;
}

enum wf_reason __wrap_wf_file_read(const char *path, enum wf_file_kind kind, struct wf_buf *out,
                                   struct wf_err *err);
enum wf_reason __wrap_wf_file_read(const char *path, enum wf_file_kind kind, struct wf_buf *out,
                                   struct wf_err *err)
{
    (void)kind;
    assert_string_equal(path, "/etc/machine-id");
    assert_non_null(machine_id);
    if (machine_id_is_odd)
        return wf_fail(err, WF_CONFIG, "scripted: Too many open files");
    wf_buf_append_text(out, machine_id);
    return WF_OK;
}

#endif
