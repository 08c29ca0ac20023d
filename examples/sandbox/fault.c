#include "config.h"

#include "fault.h"

#include <stdlib.h>
#include <string.h>

#include "db.h"
#include "text.h"

static const char *const words[] = {
    [SB_FAULT_NONE] = "none",
    [SB_FAULT_DELAY] = "delay",
    [SB_FAULT_HANG] = "hang",
    [SB_FAULT_401] = "401",
    [SB_FAULT_429] = "429",
    [SB_FAULT_500] = "500",
    [SB_FAULT_503] = "503",
    [SB_FAULT_TRUNCATED] = "truncated",
    [SB_FAULT_OVERSIZED] = "oversized",
    [SB_FAULT_ENDLESS] = "endless",
    [SB_FAULT_DRIP] = "drip",
    [SB_FAULT_WRONG_TYPE] = "wrong-type",
    [SB_FAULT_NOT_JSON] = "not-json",
    [SB_FAULT_EMPTY] = "empty",
    [SB_FAULT_DROP] = "drop",
    [SB_FAULT_LOST] = "lost",
    [SB_FAULT_REDIRECT] = "redirect",
    [SB_FAULT_JSON] = "json",
};

const char *sb_fault_word(enum sb_fault_kind kind)
{
    return words[kind];
}

bool sb_fault_parse(const char *word, enum sb_fault_kind *ret)
{
    for (size_t i = 1; word && i < SB_ARRAY_LEN(words); i++) {
        if (strcmp(word, words[i]) == 0) {
            *ret = (enum sb_fault_kind)i;
            return true;
        }
    }
    return false;
}

void sb_fault_add(sqlite3 *db, const char *endpoint, const struct sb_fault *fault, long long count)
{
    sb_db_run(db, "INSERT INTO fault (endpoint, kind, arg, status, left) VALUES (?, ?, ?, ?, ?)",
              "tttii", endpoint, words[fault->kind], fault->arg, (long long)fault->status, count);
}

void sb_fault_clear(sqlite3 *db, const char *endpoint)
{
    sb_db_run(db, "DELETE FROM fault WHERE ?1 IS NULL OR endpoint = ?1", "t", endpoint);
}

struct sb_fault sb_fault_take(sqlite3 *db, const char *endpoint)
{
    struct sb_fault fault = {.kind = SB_FAULT_NONE};
    long long id = -1;
    sqlite3_stmt *st = sb_db_query(db,
                                   "SELECT id, kind, arg, status FROM fault"
                                   " WHERE endpoint IN (?, 'any') ORDER BY id LIMIT 1",
                                   "t", endpoint);
    if (sb_db_row(st) && sb_fault_parse((const char *)sqlite3_column_text(st, 1), &fault.kind)) {
        id = sb_db_column_number(st, 0);
        fault.arg = sb_db_column(st, 2);
        fault.status = (int)sb_db_column_number(st, 3);
    }
    sqlite3_finalize(st);
    sb_db_run(db, "UPDATE fault SET left = left - 1 WHERE id = ? AND left > 0", "i", id);
    sb_db_run(db, "DELETE FROM fault WHERE left = 0", "");
    return fault;
}

void sb_fault_done(struct sb_fault *fault)
{
    free(fault->arg);
    *fault = (struct sb_fault){.kind = SB_FAULT_NONE};
}
