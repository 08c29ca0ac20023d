/* What the tests of keyring and its neighbours share: keys that parse, a provider, a log, a
 * folder of their own. */
#ifndef WF_TEST_KEYCASE_H
#define WF_TEST_KEYCASE_H

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf.h"
#include "jws.h"
#include "log.h"

/* 2048 bits, odd: nobody's modulus, but a possible one */
#define A10 "AAAAAAAAAA"
#define A100 A10 A10 A10 A10 A10 A10 A10 A10 A10 A10
#define MODULUS "w" A100 A100 A100 A10 A10 A10 "AAAAAAAAA" "AQ"
#define RSA_KEY(kid) "{\"kty\":\"RSA\",\"kid\":\"" kid "\",\"n\":\"" MODULUS "\",\"e\":\"AQAB\"}"
#define KEYS(list) "{\"keys\":[" list "]}"
#define KEYS_A KEYS(RSA_KEY("a"))
#define KEYS_B KEYS(RSA_KEY("b"))
#define KEYS_AB KEYS(RSA_KEY("a") "," RSA_KEY("b"))
#define ISSUER "https://sso.example"
#define DOCUMENT "{\"issuer\":\"" ISSUER "\",\"jwks_uri\":\"" ISSUER "/jwks\"}"

static char key_log[16384];

static inline void key_log_write(void *ctx, enum wf_level level, const char *line)
{
    size_t used = strlen(key_log);

    (void)ctx;
    (void)level;
    (void)snprintf(key_log + used, sizeof(key_log) - used, "%s\n", line);
}

static const struct wf_log key_log_sink = {.write = key_log_write};

static inline struct wf_jws_header key_header(const char *kid)
{
    return (struct wf_jws_header){
        .alg = WF_ALG_RS256,
        .kid = {kid, kid == NULL ? 0 : strlen(kid)},
    };
}

static inline void key_folder_make(char *path, size_t size)
{
    (void)snprintf(path, size, "/tmp/wf-test-keys.XXXXXX");
    if (mkdtemp(path) == NULL) {
        perror(path);
        exit(1);
    }
}

/* Everything in it, but nothing through a link. */
static inline void key_folder_empty(const char *path)
{
    char name[512];
    DIR *dir = opendir(path);

    for (const struct dirent *e = dir == NULL ? NULL : readdir(dir); e != NULL; e = readdir(dir)) {
        (void)snprintf(name, sizeof(name), "%s/%s", path, e->d_name);
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0 && unlink(name) != 0)
            (void)rmdir(name);
    }
    if (dir != NULL)
        (void)closedir(dir);
}

/* What is in a file, with a NUL behind it, and its length. */
static inline size_t key_file_read(const char *path, char *ret, size_t size)
{
    FILE *file = fopen(path, "r");
    size_t len = file == NULL ? 0 : fread(ret, 1, size - 1, file);

    if (file == NULL || fclose(file) != 0) {
        perror(path);
        exit(1);
    }
    ret[len] = '\0';
    return len;
}

static inline void key_file_write(const char *path, const char *text, size_t len)
{
    FILE *file = fopen(path, "w");

    if (file == NULL || fwrite(text, 1, len, file) != len || fclose(file) != 0) {
        perror(path);
        exit(1);
    }
}

/* Descriptors that this process has open. */
static inline size_t key_open_files(void)
{
    DIR *dir = opendir("/proc/self/fd");
    size_t count = 0;

    while (dir != NULL && readdir(dir) != NULL)
        count++;
    if (dir != NULL)
        (void)closedir(dir);
    return count;
}

/* The one entry whose name begins so; "" if there is none. */
static inline void key_folder_find(const char *path, const char *prefix, char *ret, size_t size)
{
    DIR *dir = opendir(path);

    ret[0] = '\0';
    for (const struct dirent *e = dir == NULL ? NULL : readdir(dir); e != NULL; e = readdir(dir)) {
        if (strncmp(e->d_name, prefix, strlen(prefix)) == 0)
            (void)snprintf(ret, size, "%s/%s", path, e->d_name);
    }
    if (dir != NULL)
        (void)closedir(dir);
}

#endif
