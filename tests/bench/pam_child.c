/*
 * A fresh process that signs in once: what bench_pam starts again and again. It is linked with
 * libpam alone, as a daemon may be, so that all that the module needs is loaded for the module.
 *
 *   pam_child dlopen MODULE            MODULE alone: "SECONDS BYTES", the memory that it adds
 *   pam_child sign-in FOLDER USER      service imap; the token on standard input: "START AUTH END"
 */
#include "config.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <security/pam_appl.h>

static char token[65536];

static double seconds(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static long resident(void)
{
    long size = 0;
    long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");

    if (file == NULL || fscanf(file, "%ld %ld", &size, &pages) != 2)
        exit(1);
    (void)fclose(file);
    return pages * sysconf(_SC_PAGESIZE);
}

static int load(const char *module)
{
    long before = resident();
    double start = seconds();
    void *handle = dlopen(module, RTLD_NOW);
    double spent = seconds() - start;

    if (handle == NULL) {
        (void)fprintf(stderr, "pam_child: %s\n", dlerror());
        return 1;
    }
    printf("%.9f %ld\n", spent, resident() - before);
    return 0;
}

static int converse(int n, const struct pam_message **msg, struct pam_response **resp, void *data)
{
    (void)msg;
    (void)data;
    *resp = calloc((size_t)n, sizeof(**resp));
    for (int i = 0; *resp != NULL && i < n; i++)
        (*resp)[i].resp = strdup(token);
    return *resp == NULL ? PAM_BUF_ERR : PAM_SUCCESS;
}

static int sign_in(const char *folder, const char *user)
{
    static const struct pam_conv conv = {converse, NULL};
    pam_handle_t *pamh = NULL;
    double at[4];

    at[0] = seconds();
    int code = pam_start_confdir("imap", user, &conv, folder, &pamh);
    at[1] = seconds();
    if (code == PAM_SUCCESS)
        code = pam_authenticate(pamh, 0);
    at[2] = seconds();
    (void)pam_end(pamh, code);
    at[3] = seconds();
    if (code != PAM_SUCCESS) {
        (void)fprintf(stderr, "pam_child: PAM says %d\n", code);
        return 1;
    }
    printf("%.9f %.9f %.9f\n", at[1] - at[0], at[2] - at[1], at[3] - at[2]);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "dlopen") == 0)
        return load(argv[2]);
    if (argc != 4 || strcmp(argv[1], "sign-in") != 0)
        return 2;
    size_t n = fread(token, 1, sizeof(token) - 1, stdin);
    token[n] = '\0';
    return sign_in(argv[2], argv[3]);
}
