/* The way of a mark: in the PAM environment under sshd alone, and in nobody's environment. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <security/pam_appl.h>

#include "mark.h"

#define MARK "0123456789abcdef0123456789abcdef"
_Static_assert(sizeof(MARK) == WF_MARK_SIZE, "a mark as the core makes them");

static char dir[] = "/tmp/wfauth-test-XXXXXX";
static char service_path[64];
static uid_t real_uid;

uid_t __wrap_getuid(void);
uid_t __wrap_getuid(void)
{
    return real_uid;
}

int __real_pam_get_data(const pam_handle_t *pamh, const char *name, const void **data);
int __wrap_pam_get_data(const pam_handle_t *pamh, const char *name, const void **data);
int __real_pam_set_data(pam_handle_t *pamh, const char *name, void *data,
                        void (*cleanup)(pam_handle_t *pamh, void *data, int error_status));
int __wrap_pam_set_data(pam_handle_t *pamh, const char *name, void *data,
                        void (*cleanup)(pam_handle_t *pamh, void *data, int error_status));

/* libpam gives a handle's data to modules alone: here is one's memory. */
static struct {
    char name[64];
    void *data;
    void (*cleanup)(pam_handle_t *pamh, void *data, int error_status);
} kept[4];

int __wrap_pam_get_data(const pam_handle_t *pamh, const char *name, const void **data)
{
    (void)pamh;
    for (size_t i = 0; i < WF_ARRAY_LEN(kept); i++) {
        if (strcmp(kept[i].name, name) == 0) {
            *data = kept[i].data;
            return PAM_SUCCESS;
        }
    }
    return PAM_NO_MODULE_DATA;
}

static bool memory_is_short;

int __wrap_pam_set_data(pam_handle_t *pamh, const char *name, void *data,
                        void (*cleanup)(pam_handle_t *pamh, void *data, int error_status))
{
    size_t at = 0;

    if (memory_is_short)
        return PAM_BUF_ERR;
    while (kept[at].name[0] != '\0' && strcmp(kept[at].name, name) != 0)
        at++;
    if (kept[at].cleanup != NULL)
        kept[at].cleanup(pamh, kept[at].data, PAM_DATA_REPLACE);
    (void)snprintf(kept[at].name, sizeof(kept[at].name), "%s", name);
    kept[at].data = data;
    kept[at].cleanup = cleanup;
    return PAM_SUCCESS;
}

static int converse(int n, const struct pam_message **msg, struct pam_response **resp, void *data)
{
    (void)n;
    (void)msg;
    (void)resp;
    (void)data;
    return PAM_CONV_ERR;
}

static struct wf_call begin(bool over_ssh, uid_t uid)
{
    static const struct pam_conv conv = {converse, NULL};
    struct wf_call call = {.over_ssh = over_ssh};

    real_uid = uid;
    memset(kept, 0, sizeof(kept));
    assert_int_equal(pam_start_confdir("wfauth-test", "alice", &conv, dir, &call.pamh),
                     PAM_SUCCESS);
    return call;
}

static void end(struct wf_call *call)
{
    for (size_t i = 0; i < WF_ARRAY_LEN(kept); i++) {
        if (kept[i].cleanup != NULL)
            kept[i].cleanup(call->pamh, kept[i].data, 0);
    }
    assert_int_equal(pam_end(call->pamh, PAM_SUCCESS), PAM_SUCCESS);
}

static void leave(const struct wf_call *call, const char *mark)
{
    struct wf_result result = {.reason = WF_OK};

    memcpy(result.mark, mark, strlen(mark) + 1);
    assert_int_equal(wf_mark_leave(call, &result, NULL), WF_OK);
    assert_int_equal(result.mark[0], '\0');
    assert_null(memchr(result.mark, 'a', sizeof(result.mark)));
}

static const char *variable(const struct wf_call *call)
{
    return pam_getenv(call->pamh, "WFAUTH_SIGN_IN");
}

static void test_way(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        bool over_ssh;
        uid_t uid;
        const char *mark;
        bool in_environment;
        bool found;
    } rows[] = {
        {"sshd", true, 0, MARK, true, true},
        {"login", false, 0, MARK, false, true},
        {"sshd, no mark", true, 0, "", false, false},
        {"login, no mark", false, 0, "", false, false},
        {"su", false, 1000, MARK, false, false},
        {"no session of sshd's", true, 1000, MARK, false, false},
    };

    for (size_t i = 0; i < WF_ARRAY_LEN(rows); i++) {
        struct wf_call call = begin(rows[i].over_ssh, rows[i].uid);
        char mark[WF_MARK_SIZE];
        leave(&call, rows[i].mark);
        if ((variable(&call) != NULL) != rows[i].in_environment)
            fail_msg("%s: in the environment, or not", rows[i].name);
        if (wf_mark_take(call.pamh, mark) != rows[i].found)
            fail_msg("%s: found, or not", rows[i].name);
        assert_string_equal(mark, rows[i].found ? rows[i].mark : "");
        /* Once */
        assert_null(variable(&call));
        assert_false(wf_mark_take(call.pamh, mark));
        assert_string_equal(mark, "");
        end(&call);
    }
}

/* The person's own words in the variable: gone, and not what is claimed unless they could be. */
static void test_forged(void **state)
{
    (void)state;
    static const char *const texts[] = {"", "a", MARK "0", "0123456789abcdef0123456789abcde",
                                        MARK MARK MARK MARK MARK};
    char text[512];
    char mark[WF_MARK_SIZE];

    for (size_t i = 0; i < WF_ARRAY_LEN(texts); i++) {
        struct wf_call call = begin(true, 0);
        (void)snprintf(text, sizeof(text), "WFAUTH_SIGN_IN=%s", texts[i]);
        assert_int_equal(pam_putenv(call.pamh, text), PAM_SUCCESS);
        assert_false(wf_mark_take(call.pamh, mark));
        assert_string_equal(mark, "");
        assert_null(variable(&call));
        end(&call);
    }
}

/* sshd's second call of the credential phase, where no session line has taken the mark. */
static void test_late(void **state)
{
    (void)state;
    struct wf_call call = begin(true, 0);
    char mark[WF_MARK_SIZE];

    leave(&call, MARK);
    wf_mark_drop_late(call.pamh);
    assert_string_equal(variable(&call), MARK);
    wf_mark_drop_late(call.pamh);
    assert_null(variable(&call));
    wf_mark_drop_late(call.pamh);
    assert_false(wf_mark_take(call.pamh, mark));
    end(&call);
}

static void test_no_memory(void **state)
{
    (void)state;
    struct wf_call call = begin(false, 0);
    struct wf_result result = {.reason = WF_OK, .mark = MARK};
    char mark[WF_MARK_SIZE];

    memory_is_short = true;
    assert_int_equal(wf_mark_leave(&call, &result, NULL), WF_INTERNAL);
    memory_is_short = false;
    assert_int_equal(result.mark[0], '\0');
    assert_false(wf_mark_take(call.pamh, mark));
    end(&call);
}

static int make_dir(void **state)
{
    (void)state;
    if (mkdtemp(dir) == NULL)
        return -1;
    (void)snprintf(service_path, sizeof(service_path), "%s/wfauth-test", dir);
    FILE *file = fopen(service_path, "w");
    return file == NULL || fputs("auth required pam_deny.so\n", file) < 0 ? -1 : fclose(file);
}

static int remove_dir(void **state)
{
    (void)state;
    (void)unlink(service_path);
    return rmdir(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_way),
        cmocka_unit_test(test_forged),
        cmocka_unit_test(test_late),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests_name("pam_mark", tests, make_dir, remove_dir);
}
