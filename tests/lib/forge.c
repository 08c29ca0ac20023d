/*
 * forge FOLDER (an absolute path): the vectors as files, for the command, PAM and SASL: mail.json, strict.json,
 * wfauth.conf, a file for each token, numbered from 0, and `list`, a line for each: number,
 * service, reason, user or "-", name, with tabs between. What holds for one second only is left out.
 */
#include "config.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "mint.h"
#include "vectors.h"

static bool write_file(const char *path, const void *data, size_t len)
{
    FILE *file = fopen(path, "w");

    if (file == NULL)
        return false;
    bool done = fwrite(data, 1, len, file) == len;
    return fclose(file) == 0 && done;
}

static bool write_text(const char *path, const char *text)
{
    return write_file(path, text, strlen(text));
}

static bool write_vectors(const char *folder)
{
    size_t count = 0;
    const struct vector *list = vectors_make(time(NULL), &count);
    FILE *index = fopen(mint_text("%s/list", folder), "w");
    bool done = index != NULL;

    for (size_t i = 0; done && i < count; i++) {
        if (list[i].exact)
            continue;
        done = write_file(mint_text("%s/%zu", folder, i), list[i].token, list[i].len) &&
               fprintf(index, "%zu\t%s\t%s\t%s\t%s\n", i, list[i].service, list[i].reason,
                       list[i].user == NULL ? "-" : list[i].user, list[i].name) > 0;
    }
    if (index != NULL && fclose(index) != 0)
        done = false;
    return done;
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        (void)fprintf(stderr, "usage: forge FOLDER\n");
        return 2;
    }
    bool done = write_text(mint_text("%s/mail.json", argv[1]), vectors_mail_jwks()) &&
                write_text(mint_text("%s/strict.json", argv[1]), vectors_strict_jwks()) &&
                write_text(mint_text("%s/wfauth.conf", argv[1]), vectors_config(argv[1])) &&
                write_vectors(argv[1]);
    if (!done)
        (void)fprintf(stderr, "forge: cannot write below %s\n", argv[1]);
    mint_done();
    return done ? 0 : 1;
}
