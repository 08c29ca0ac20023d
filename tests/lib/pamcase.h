/*
 * What tests of the PAM module's own files share: a handle of the real libpam, and what libpam
 * gives to modules alone, which is a memory of ours here. Include it once, in the test's file; link
 * with -Wl,--wrap=getuid,--wrap=pam_get_data,--wrap=pam_set_data.
 */
#ifndef WF_TEST_PAMCASE_H
#define WF_TEST_PAMCASE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <security/pam_appl.h>
#include <security/pam_modules.h>

#include "err.h"

static uid_t pam_real_uid;

uid_t __wrap_getuid(void);
uid_t __wrap_getuid(void)
{
    return pam_real_uid;
}

int __wrap_pam_get_data(const pam_handle_t *pamh, const char *name, const void **data);
int __wrap_pam_set_data(pam_handle_t *pamh, const char *name, void *data,
                        void (*cleanup)(pam_handle_t *pamh, void *data, int error_status));

static struct {
    char name[64];
    void *data;
    void (*cleanup)(pam_handle_t *pamh, void *data, int error_status);
} pam_kept[4];
static bool pam_keeps_nothing; /* libpam's memory is short */

int __wrap_pam_get_data(const pam_handle_t *pamh, const char *name, const void **data)
{
    (void)pamh;
    for (size_t i = 0; i < WF_ARRAY_LEN(pam_kept); i++) {
        if (strcmp(pam_kept[i].name, name) == 0) {
            *data = pam_kept[i].data;
            return PAM_SUCCESS;
        }
    }
    return PAM_NO_MODULE_DATA;
}

int __wrap_pam_set_data(pam_handle_t *pamh, const char *name, void *data,
                        void (*cleanup)(pam_handle_t *pamh, void *data, int error_status))
{
    size_t at = 0;

    if (pam_keeps_nothing)
        return PAM_BUF_ERR;
    while (pam_kept[at].name[0] != '\0' && strcmp(pam_kept[at].name, name) != 0)
        at++;
    assert_true(at < WF_ARRAY_LEN(pam_kept));
    if (pam_kept[at].cleanup != NULL)
        pam_kept[at].cleanup(pamh, pam_kept[at].data, PAM_DATA_REPLACE);
    (void)snprintf(pam_kept[at].name, sizeof(pam_kept[at].name), "%s", name);
    pam_kept[at].data = data;
    pam_kept[at].cleanup = cleanup;
    return PAM_SUCCESS;
}

static char pam_case_dir[] = "/tmp/wfauth-test-XXXXXX";
static char pam_case_service[64];

static inline pam_handle_t *pam_case_start(const struct pam_conv *conv)
{
    pam_handle_t *pamh = NULL;

    memset(pam_kept, 0, sizeof(pam_kept));
    assert_int_equal(pam_start_confdir("wfauth-test", "alice", conv, pam_case_dir, &pamh),
                     PAM_SUCCESS);
    return pamh;
}

static inline void pam_case_end(pam_handle_t *pamh)
{
    for (size_t i = 0; i < WF_ARRAY_LEN(pam_kept); i++) {
        if (pam_kept[i].cleanup != NULL)
            pam_kept[i].cleanup(pamh, pam_kept[i].data, 0);
    }
    assert_int_equal(pam_end(pamh, PAM_SUCCESS), PAM_SUCCESS);
}

static inline int pam_case_setup(void **state)
{
    (void)state;
    if (mkdtemp(pam_case_dir) == NULL)
        return -1;
    (void)snprintf(pam_case_service, sizeof(pam_case_service), "%s/wfauth-test", pam_case_dir);
    FILE *file = fopen(pam_case_service, "w");
    return file == NULL || fputs("auth required pam_deny.so\n", file) < 0 ? -1 : fclose(file);
}

static inline int pam_case_teardown(void **state)
{
    (void)state;
    (void)unlink(pam_case_service);
    return rmdir(pam_case_dir);
}

#endif
