/*
 * Replays a fuzz target without libFuzzer, so that `make check` runs every corpus with any
 * compiler: fuzz_X [FILE | FOLDER]…, by default $srcdir/tests/fuzz/corpus/X.
 *
 * Each input runs as it is, then cut short at every length and with single bytes changed: the
 * mistakes that parsers make live there, and it costs milliseconds.
 */
#include "config.h"

#include <dirent.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define INPUT_MAX ((size_t)1024 * 1024)
/* Changed copies of one input, spread evenly over a longer one */
#define CHANGES_MAX 300

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t runs;

/* On the heap and exactly as long as the input: reading one byte too many is seen. */
static bool run_exact(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size == 0 ? 1 : size);
    if (copy == NULL)
        return false;
    if (size > 0)
        memcpy(copy, data, size);
    (void)LLVMFuzzerTestOneInput(copy, size);
    free(copy);
    runs++;
    return true;
}

static bool run_changed(uint8_t *data, size_t size)
{
    static const uint8_t flips[] = {0x01, 0x20, 0x80, 0xff};
    size_t step = size / CHANGES_MAX + 1;
    bool ok = run_exact(data, size);

    for (size_t at = 0; ok && at < size; at += step) {
        uint8_t flip = flips[(at / step) % sizeof(flips)];
        ok = run_exact(data, at);
        data[at] ^= flip;
        ok = ok && run_exact(data, size);
        data[at] ^= flip;
    }
    return ok;
}

static bool replay_file(const char *path)
{
    bool ok = false;
    uint8_t *data = malloc(INPUT_MAX);
    FILE *file = fopen(path, "rb");

    if (data == NULL || file == NULL) {
        fprintf(stderr, "%s: cannot be read\n", path);
        goto out;
    }
    size_t size = fread(data, 1, INPUT_MAX, file);
    if (ferror(file)) {
        fprintf(stderr, "%s: cannot be read\n", path);
        goto out;
    }
    ok = run_changed(data, size);
out:
    if (file != NULL)
        fclose(file);
    free(data);
    return ok;
}

static bool replay(const char *path)
{
    struct stat st;
    if (stat(path, &st) == 0 && !S_ISDIR(st.st_mode))
        return replay_file(path);

    DIR *dir = opendir(path);
    if (dir == NULL) {
        fprintf(stderr, "%s: cannot be opened; every target needs seeds\n", path);
        return false;
    }
    bool ok = true;
    size_t files = 0;
    for (struct dirent *entry = readdir(dir); ok && entry != NULL; entry = readdir(dir)) {
        char name[4096];
        if (entry->d_name[0] == '.')
            continue;
        int n = snprintf(name, sizeof(name), "%s/%s", path, entry->d_name);
        ok = n > 0 && (size_t)n < sizeof(name) && replay_file(name);
        files++;
    }
    closedir(dir);
    if (files == 0)
        fprintf(stderr, "%s: is empty; every target needs seeds\n", path);
    return ok && files > 0;
}

/* fuzz_X lives on the corpus X of the source tree; automake sets srcdir. */
static bool replay_own_corpus(const char *program)
{
    const char *srcdir = getenv("srcdir");
    const char *name = strrchr(program, '/');
    char path[4096];

    name = strstr(name == NULL ? program : name, "fuzz_");
    if (name == NULL) {
        fprintf(stderr, "%s: the name of a fuzz target begins with fuzz_\n", program);
        return false;
    }
    int n = snprintf(path, sizeof(path), "%s/tests/fuzz/corpus/%s", srcdir == NULL ? "." : srcdir,
                     name + strlen("fuzz_"));
    return n > 0 && (size_t)n < sizeof(path) && replay(path);
}

int main(int argc, char **argv)
{
    bool ok = true;

    if (argc == 1)
        ok = replay_own_corpus(argv[0]);
    for (int i = 1; i < argc; i++)
        ok = replay(argv[i]) && ok;
    printf("%zu runs\n", runs);
    return ok ? 0 : 1;
}
