/*
 * What tests of token files share: a runtime directory, whose it is, and the program, or another in
 * its place. Include it once, in the test's file; link with -Wl,--wrap=wf_child_start.
 *
 * Root's files are those of `daemon`, which every system has: whoever else runs the test has their
 * own.
 */
#ifndef WF_TEST_EXPORT_CASE_H
#define WF_TEST_EXPORT_CASE_H

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "child.h"
#include "export.h"

static char export_scratch[4000]; /* where programs can be started */
static char export_program[4100]; /* our own copy, so that its owner is us */
static char export_base[64];
static char export_runtime[80];
static char export_folder[96];
static char export_file[128]; /* RUNTIME/wfauth/acme */
static struct passwd export_person;
static const char *export_instead; /* a program in its place; NULL: itself */
static const char *export_user; /* whom the program is told; NULL: export_person, whoever it is */

enum wf_reason __real_wf_child_start(const char *path, char *const argv[], int pass,
                                     struct wf_child *ret, struct wf_err *err);
enum wf_reason __wrap_wf_child_start(const char *path, char *const argv[], int pass,
                                     struct wf_child *ret, struct wf_err *err);
enum wf_reason __wrap_wf_child_start(const char *path, char *const argv[], int pass,
                                     struct wf_child *ret, struct wf_err *err)
{
    char user[64];
    char *args[] = {argv[0], argv[1], user, argv[3], NULL};

    assert_string_equal(path, WF_EXPORT_PATH);
    assert_int_equal(pass, -1);
    assert_null(argv[4]);
    (void)snprintf(user, sizeof(user), "%s",
                   export_user == NULL ? export_person.pw_name : export_user);
    return __real_wf_child_start(export_instead == NULL ? export_program : export_instead, args, -1,
                                 ret, err);
}

static inline void export_write_file(const char *path, const char *text, mode_t mode)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    assert_true(fputs(text, file) >= 0 && fclose(file) == 0);
    assert_int_equal(chmod(path, mode), 0);
}

static inline void export_own(const char *path)
{
    assert_int_equal(lchown(path, export_person.pw_uid, export_person.pw_gid), 0);
}

static inline void export_make_folder(const char *path, mode_t mode)
{
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(chmod(path, mode), 0);
    export_own(path);
}

/* Everything below a path, but nothing through a link. */
static inline void export_clear(const char *path)
{
    static const char *const command = "rm";
    pid_t pid = fork();
    int status = 0;

    assert_true(pid >= 0);
    if (pid == 0) {
        (void)execlp(command, command, "-rf", "--", path, (char *)NULL);
        _exit(127);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
}

/* A runtime directory with nothing in it, and the program itself. */
static inline void export_reset(void)
{
    export_instead = NULL;
    export_user = NULL;
    export_clear(export_runtime);
    export_make_folder(export_runtime, 0700);
}

static inline void export_copy_program(void)
{
    char buffer[65536];
    size_t n;
    FILE *from = fopen(TEST_EXPORT, "rb");
    FILE *to = fopen(export_program, "wb");

    assert_non_null(from);
    assert_non_null(to);
    while ((n = fread(buffer, 1, sizeof(buffer), from)) > 0)
        assert_int_equal(fwrite(buffer, 1, n, to), n);
    (void)fclose(from);
    assert_int_equal(fclose(to), 0);
    assert_int_equal(chmod(export_program, 0755), 0);
}

static inline int export_setup(void **state)
{
    char here[3900];
    const struct passwd *pw = geteuid() == 0 ? getpwnam("daemon") : getpwuid(geteuid());

    (void)state;
    if (pw == NULL || getcwd(here, sizeof(here)) == NULL)
        return -1;
    export_person = *pw;
    export_person.pw_name = strdup(pw->pw_name);
    /* Programs may not be started in /tmp everywhere, nor everywhere files be made here */
    (void)snprintf(export_scratch, sizeof(export_scratch), "%s/test_export.XXXXXX", here);
    if (mkdtemp(export_scratch) == NULL) {
        (void)snprintf(export_scratch, sizeof(export_scratch), "/tmp/wf-test-program.XXXXXX");
        if (mkdtemp(export_scratch) == NULL)
            return -1;
    }
    (void)snprintf(export_base, sizeof(export_base), "/tmp/wf-test-export.XXXXXX");
    if (mkdtemp(export_base) == NULL || chmod(export_base, 0755) != 0)
        return -1;
    (void)snprintf(export_program, sizeof(export_program), "%s/wfauth-export", export_scratch);
    (void)snprintf(export_runtime, sizeof(export_runtime), "%s/run", export_base);
    (void)snprintf(export_folder, sizeof(export_folder), "%s/wfauth", export_runtime);
    (void)snprintf(export_file, sizeof(export_file), "%s/acme", export_folder);
    export_copy_program();
    export_reset();
    return 0;
}

static inline int export_teardown(void **state)
{
    (void)state;
    export_clear(export_base);
    export_clear(export_scratch);
    free(export_person.pw_name);
    return 0;
}

/* What is in a file, "" if it is not there. Static storage. */
static inline const char *export_content(const char *path)
{
    static char text[256];
    FILE *file = fopen(path, "r");
    size_t n = file == NULL ? 0 : fread(text, 1, sizeof(text) - 1, file);

    text[n] = '\0';
    if (file != NULL)
        (void)fclose(file);
    return text;
}

static inline bool export_is_there(const char *path)
{
    struct stat st;

    return lstat(path, &st) == 0;
}

#endif
