#include "config.h"

#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "text.h"

char *sb_file_read(const char *path, size_t max, size_t *ret_n)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return NULL;
    struct sb_str text = {0};
    char chunk[4096];
    ssize_t got = 0;
    while (text.len <= max && (got = read(fd, chunk, sizeof chunk)) > 0)
        sb_str_addn(&text, chunk, (size_t)got);
    int problem = got < 0 ? errno : text.len > max ? EFBIG : 0;
    close(fd);
    if (problem) {
        sb_str_done(&text);
        errno = problem;
        return NULL;
    }
    if (ret_n)
        *ret_n = text.len;
    return sb_str_steal(&text);
}

static _Noreturn void file_failed(const char *path)
{
    fprintf(stderr, "wfauth-sandbox: cannot write %s: %m\n", path);
    exit(1);
}

/* False with errno. */
static bool write_all(int fd, const char *text)
{
    size_t n = strlen(text);
    for (size_t done = 0; done < n;) {
        ssize_t wrote = write(fd, text + done, n - done);
        if (wrote < 0)
            return false;
        done += (size_t)wrote;
    }
    return true;
}

bool sb_file_create(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return false;
    bool ok = write_all(fd, text);
    return close(fd) == 0 && ok;
}

void sb_file_replace(const char *path, const char *text)
{
    char *temporary = sb_format("%s.XXXXXX", path);
    int fd = mkostemp(temporary, O_CLOEXEC); /* makes it 0600 */
    if (fd < 0)
        file_failed(path);
    if (!write_all(fd, text) || close(fd) != 0 || rename(temporary, path) != 0)
        file_failed(path);
    free(temporary);
}
