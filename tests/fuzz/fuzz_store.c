/* Files in the folder of a store: the first byte picks the kind, the rest is what is in it. What is
 * taken keeps the promises of its header; what is not is ignored or refused, in clean words. */
#include "config.h"

#include "fuzz.h"

#include <stdio.h>
#include <string.h>

#include "folder.h"
#include "pin.h"
#include "stamp.h"
#include "store.h"
#include "storefile.h"
#include "text.h"

#define MARK "00112233445566778899aabbccddeeff"
#define BOOT "01234567-89ab-cdef-0123-456789abcdef"
#define NOW INT64_C(1700000000)
/* SHA-256 of the url, a NUL and "nobody" */
#define NOBODY "9f236569b504d00a5e7f0f0e2c3c99c83b6bdbad769671f150b0c0b144289087"

static void check_line(void *ctx, enum wf_level level, const char *line)
{
    (void)ctx;
    (void)level;
    FUZZ_CLAIM(wf_text_is_clean(line, strlen(line)));
}

static const struct wf_log log_sink = {.write = check_line};
static char path[] = "/folder";
static const struct wf_store store = {.log = &log_sink, .path = path, .host = "0123456789abcdef"};
static const struct wf_provider_conf conf = {
    .name = "acme", .url = "https://acme.example", .client_id = "client"};

/* A folder with one file, in memory */

static struct wf_span file;
static struct wf_buf written = WF_BUF_INIT(WF_STORE_RECORD_MAX);

enum wf_reason __wrap_wf_storefile_enter(const struct wf_store *in, int *ret, struct wf_err *err);
enum wf_reason __wrap_wf_storefile_enter(const struct wf_store *in, int *ret, struct wf_err *err)
{
    (void)in;
    (void)err;
    *ret = -1;
    return WF_OK;
}

const char *__wrap_wf_folder_read(int in, const char *name, mode_t forbidden, struct wf_buf *out);
const char *__wrap_wf_folder_read(int in, const char *name, mode_t forbidden, struct wf_buf *out)
{
    (void)in;
    FUZZ_CLAIM(wf_folder_name_is_valid(name) && forbidden == WF_FOLDER_PRIVATE);
    if (file.len == 0)
        return NULL;
    if (file.len > out->max)
        return "it is too large";
    wf_buf_append(out, file.ptr, file.len);
    return NULL;
}

const char *__wrap_wf_folder_list(int in, const char *prefix, struct wf_buf *list);
const char *__wrap_wf_folder_list(int in, const char *prefix, struct wf_buf *list)
{
    struct wf_folder_entry entry = {.age = {0, 0}};

    (void)in;
    (void)snprintf(entry.name, sizeof(entry.name), "%s", prefix);
    wf_buf_append(list, &entry, sizeof(entry));
    return NULL;
}

const char *__wrap_wf_folder_remove(int in, const char *name, bool durable, bool *ret_existed);
const char *__wrap_wf_folder_remove(int in, const char *name, bool durable, bool *ret_existed)
{
    (void)in;
    (void)name;
    (void)durable;
    *ret_existed = true;
    return NULL;
}

const char *__wrap_wf_folder_replace(int in, const char *name, const void *data, size_t len,
                                     bool durable);
const char *__wrap_wf_folder_replace(int in, const char *name, const void *data, size_t len,
                                     bool durable)
{
    (void)in;
    (void)name;
    (void)durable;
    wf_buf_reset(&written);
    wf_buf_append(&written, data, len);
    return NULL;
}

enum wf_reason __wrap_wf_anchor_boot(char ret[WF_BOOT_SIZE], struct wf_err *err);
enum wf_reason __wrap_wf_anchor_boot(char ret[WF_BOOT_SIZE], struct wf_err *err)
{
    (void)err;
    memcpy(ret, BOOT, sizeof(BOOT));
    return WF_OK;
}

bool __wrap_wf_anchor_holds_us(const struct wf_anchor *anchor);
bool __wrap_wf_anchor_holds_us(const struct wf_anchor *anchor)
{
    FUZZ_CLAIM(anchor->pid > 0 && strlen(anchor->boot) == WF_BOOT_SIZE - 1);
    FUZZ_CLAIM((anchor->kind == WF_ANCHOR_TERMINAL) == (anchor->tty != 0));
    FUZZ_CLAIM(anchor->start <= INT64_MAX && anchor->tty <= INT64_MAX);
    return true;
}

/* Kinds */

static struct wf_record *read_record(void)
{
    struct wf_record *record = NULL;

    FUZZ_CLAIM(wf_store_read(&store, &conf, "alice", &record, NULL) == WF_OK);
    return record;
}

static bool is_same(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static void try_record(void)
{
    struct wf_record *record = read_record();

    if (record == NULL)
        return;
    FUZZ_CLAIM(strcmp(record->user, "alice") == 0 && strcmp(record->provider, "acme") == 0);
    FUZZ_CLAIM(strcmp(record->url, conf.url) == 0 && record->subject[0] != '\0');
    FUZZ_CLAIM((record->ended != 0) == (record->why != NULL));
    FUZZ_CLAIM((record->ended != 0) == (record->access == NULL));
    /* What is written of it is the same */
    if (wf_store_write(&store, record, NULL) == WF_OK) {
        file = (struct wf_span){(const char *)written.data, written.len};
        struct wf_record *again = read_record();
        FUZZ_CLAIM(again != NULL && is_same(again->subject, record->subject));
        FUZZ_CLAIM(is_same(again->why, record->why) && is_same(again->claims, record->claims));
        FUZZ_CLAIM(again->signed_in == record->signed_in && again->ended == record->ended);
        FUZZ_CLAIM((again->refresh == NULL) == (record->refresh == NULL));
        FUZZ_CLAIM(record->access == NULL || wf_secret_equals(again->access, record->access));
        wf_record_free(again);
    }
    wf_record_free(record);
}

static void see_pin(void *ctx, const char *name, const struct wf_pin *pin, const char *fault)
{
    const char *const texts[] = {pin == NULL ? fault : pin->user, pin == NULL ? "" : pin->provider,
                                 pin == NULL ? "" : pin->url, pin == NULL ? "" : pin->subject};

    *(bool *)ctx = pin != NULL;
    FUZZ_CLAIM(wf_folder_name_is_valid(name) && (pin == NULL) == (fault != NULL));
    for (size_t i = 0; i < WF_ARRAY_LEN(texts); i++)
        FUZZ_CLAIM(wf_text_is_clean(texts[i], strlen(texts[i])));
    FUZZ_CLAIM(pin == NULL || strcmp(pin->user, "alice") == 0);
}

static void try_pin(void)
{
    struct wf_err err = WF_ERR_INIT;
    bool good = false;
    bool found = false;

    FUZZ_CLAIM(wf_pin_show(&store, "alice", see_pin, &good, NULL) == WF_OK);
    enum wf_reason reason = wf_pin_exists(&store, "alice", &found, &err);
    FUZZ_CLAIM(reason == (good || file.len == 0 ? WF_OK : WF_CONFIG));
    if (file.len == 0)
        return;
    FUZZ_CLAIM(found == good);
    /* Nobody else's, and no fault, lets anybody in */
    reason = wf_pin_hold(&store, &conf, "alice", (struct wf_span){"nobody", 6}, NOW, &err);
    /* libFuzzer sees what is compared, and so learns the hash of this very person */
    bool theirs = memmem(file.ptr, file.len, NOBODY, strlen(NOBODY)) != NULL;
    FUZZ_CLAIM(reason == (good ? WF_IDENTITY : WF_CONFIG) || (good && theirs && reason == WF_OK));
    FUZZ_CLAIM(wf_text_is_clean(err.text, strlen(err.text)));
}

static void claim_stamp(const struct wf_stamp *stamp)
{
    const char *const texts[] = {stamp->provider, stamp->user, stamp->subject, stamp->exported};

    for (size_t i = 0; i < WF_ARRAY_LEN(texts); i++)
        FUZZ_CLAIM(wf_text_is_clean(texts[i], strlen(texts[i])));
    FUZZ_CLAIM(strcmp(stamp->user, "alice") == 0 && strcmp(stamp->provider, "acme") == 0);
    FUZZ_CLAIM(stamp->subject[0] != '\0');
}

static void try_stamp(void)
{
    struct wf_stamp stamp = {.signed_in = 0};
    enum wf_reason reason = wf_stamp_find(&store, "acme", "alice", &stamp, NULL);

    FUZZ_CLAIM(reason == WF_PENDING || (reason == WF_OK && stamp.signed_in > 0));
    if (reason == WF_OK)
        claim_stamp(&stamp);
}

static void try_pending(void)
{
    struct wf_stamp stamp = {.signed_in = 0};
    enum wf_reason reason = wf_stamp_claim(&store, "acme", "alice", MARK, NOW, &stamp, NULL);

    FUZZ_CLAIM(reason == WF_OK || reason == WF_EXPIRED);
    if (reason == WF_OK)
        claim_stamp(&stamp);
    /* The same file opens nothing for anybody else, nor by another mark */
    FUZZ_CLAIM(wf_stamp_claim(&store, "acme", "bob", MARK, NOW, &stamp, NULL) == WF_EXPIRED ||
               reason == WF_EXPIRED);
    FUZZ_CLAIM(wf_stamp_claim(&store, "acme", "alice", "another", NOW, &stamp, NULL) != WF_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const kinds[])(void) = {try_record, try_pin, try_stamp, try_pending};

    if (size == 0)
        return 0;
    file = (struct wf_span){(const char *)data + 1, size - 1};
    kinds[data[0] % WF_ARRAY_LEN(kinds)]();
    return 0;
}
