/*
 * Looks at every block of memory at the moment when it is freed, and at all of the process's memory
 * when it ends, for secrets that a test knows: preloaded (preload.py).
 *
 * NEEDLES names a file of lines "NAME HEX". What is found goes to the datagram socket REPORTS, as
 * "PROGRAM WHERE NAME FRAME…": a helper that has given up its files and may write none can do that.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#define NEEDLES_MAX 64
#define NEEDLE_SIZE 64
#define FRAMES 24
#define PIECE ((size_t)4096)

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void __libc_free(void *ptr);

/* On pages of their own, which are no finding */
static struct store {
    size_t count;
    struct {
        char name[24];
        size_t len;
        unsigned char bytes[NEEDLE_SIZE];
    } needles[NEEDLES_MAX];
    char text[16384];
    char piece[PIECE + NEEDLE_SIZE];
} * store;
/* What is reported must not be looked at again */
static __thread int busy __attribute__((tls_model("initial-exec")));

static void load(void)
{
    char *line = store->text;
    int fd = open(NEEDLES, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return;
    if (read(fd, store->text, sizeof(store->text) - 1) < 0)
        store->text[0] = '\0';
    (void)close(fd);
    while (store->count < NEEDLES_MAX) {
        char *blank = strchr(line, ' ');
        char *end = strchr(line, '\n');
        if (blank == NULL || end == NULL)
            break;
        size_t len = (size_t)(end - blank - 1) / 2;
        (void)snprintf(store->needles[store->count].name, sizeof(store->needles[0].name), "%.*s",
                       (int)(blank - line), line);
        for (size_t i = 0; i < len && i < NEEDLE_SIZE; i++) {
            char digits[] = {blank[1 + 2 * i], blank[2 + 2 * i], '\0'};
            store->needles[store->count].bytes[i] = (unsigned char)strtoul(digits, NULL, 16);
        }
        store->needles[store->count++].len = len < NEEDLE_SIZE ? len : NEEDLE_SIZE;
        line = end + 1;
    }
}

__attribute__((constructor)) static void begin(void)
{
    void *frames[2];
    void *room =
        mmap(NULL, sizeof(*store), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    /* Once in time: it loads a library */
    (void)backtrace(frames, 2);
    if (room == MAP_FAILED)
        return;
    store = room;
    load();
}

static void report(const char *where, const char *name)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = REPORTS};
    void *frames[FRAMES];
    char **texts;
    char text[8192];
    int number = errno;
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    int used = snprintf(text, sizeof(text), "%s %s %s", program_invocation_short_name, where, name);
    int count = backtrace(frames, FRAMES);

    texts = backtrace_symbols(frames, count);
    for (int i = 2; texts != NULL && i < count && used < (int)sizeof(text) - 512; i++) {
        const char *slash = strrchr(texts[i], '/');
        used += snprintf(text + used, 500, " %s", slash == NULL ? texts[i] : slash + 1);
    }
    if (fd >= 0) {
        (void)sendto(fd, text, (size_t)used, 0, (struct sockaddr *)&address, sizeof(address));
        (void)close(fd);
    }
    __libc_free(texts);
    errno = number;
}

static void look(const char *where, const void *from, size_t len)
{
    if (store == NULL || busy)
        return;
    busy = 1;
    for (size_t i = 0; i < store->count; i++) {
        if (memmem(from, len, store->needles[i].bytes, store->needles[i].len) != NULL)
            report(where, store->needles[i].name);
    }
    busy = 0;
}

/* What stands between `from` and `to`, piece by piece: there may be guard pages inside. */
static void look_between(const char *where, uintptr_t from, uintptr_t to)
{
    const uintptr_t own = (uintptr_t)store;

    for (uintptr_t at = from; at < to; at += PIECE) {
        struct iovec there = {(void *)at,
                              to - at < PIECE + NEEDLE_SIZE ? to - at : PIECE + NEEDLE_SIZE};
        struct iovec here = {store->piece, sizeof(store->piece)};
        /* Neighbours may have become one with our own pages */
        if (at < own + sizeof(*store) && at + there.iov_len > own)
            continue;
        ssize_t n = process_vm_readv(getpid(), &here, 1, &there, 1, 0);
        if (n > 0)
            look(where, store->piece, (size_t)n);
    }
}

/* All that is private and writable, but for the stack, which is used by what looks. */
static void look_at_all(void)
{
    static char maps[128 * 1024];
    size_t used = 0;
    int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);

    for (ssize_t n = 1; fd >= 0 && n > 0; used += n > 0 ? (size_t)n : 0)
        n = read(fd, maps + used, sizeof(maps) - 1 - used);
    if (fd >= 0)
        (void)close(fd);
    for (char *line = maps; *line != '\0'; line = strchr(line, '\n') + 1) {
        char *next = NULL;
        uintptr_t from = strtoul(line, &next, 16);
        uintptr_t to = strtoul(next + 1, &next, 16);
        char *end = strchr(line, '\n');
        if (end == NULL)
            break;
        if (strncmp(next, " rw-p ", 6) == 0 &&
            memmem(line, (size_t)(end - line), "[stack]", 7) == NULL)
            look_between("left", from, to);
    }
}

__attribute__((destructor)) static void end(void)
{
    look_at_all();
}

void _exit(int status)
{
    look_at_all();
    for (;;)
        syscall(SYS_exit_group, status);
}

void *malloc(size_t size)
{
    return __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
    return __libc_calloc(n, size);
}

/* Emptied, for what was found here is not to be found again in the next block of this place, or at
 * the end. */
void free(void *ptr)
{
    if (ptr != NULL) {
        look("freed", ptr, malloc_usable_size(ptr));
        memset(ptr, 0, malloc_usable_size(ptr));
    }
    __libc_free(ptr);
}

/* Always moves, so that what it leaves behind is seen. */
void *realloc(void *ptr, size_t size)
{
    void *moved = malloc(size);

    if (moved == NULL || ptr == NULL)
        return moved;
    size_t old = malloc_usable_size(ptr);
    memcpy(moved, ptr, old < size ? old : size);
    free(ptr);
    return moved;
}
