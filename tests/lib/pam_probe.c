/*
 * pam_probe.so: the other module of a test's stack. With "ask" it asks for a password, as pam_unix
 * does, and looks at nothing; with "look" it puts what earlier modules left as the password into
 * the PAM environment, as AUTHTOK. It always ignores.
 */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include <security/pam_ext.h>
#include <security/pam_modules.h>

#define PROBE_EXPORT __attribute__((visibility("default")))

PROBE_EXPORT int pam_sm_authenticate(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
    const char *asked = NULL;
    const void *found = NULL;
    char line[1024];

    (void)flags;
    if (argc == 1 && strcmp(argv[0], "ask") == 0)
        (void)pam_get_authtok(pamh, PAM_AUTHTOK, &asked, "Password: ");
    else if (pam_get_item(pamh, PAM_AUTHTOK, &found) == PAM_SUCCESS && found != NULL &&
             snprintf(line, sizeof(line), "AUTHTOK=%s", (const char *)found) > 0)
        (void)pam_putenv(pamh, line);
    return PAM_IGNORE;
}

PROBE_EXPORT int pam_sm_setcred(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
    (void)pamh;
    (void)flags;
    (void)argc;
    (void)argv;
    return PAM_IGNORE;
}
