#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "db.h"
#include "text.h"

static int show(bool json)
{
    char *now = sb_time_text(sb_now());
    long long ahead = sb_clock_ahead();
    if (json)
        sb_cli_json(json_pack("{s:s, s:I}", "time", now, "ahead", (json_int_t)ahead));
    else
        printf("time=%s\nahead=%lld\n", now, ahead);
    free(now);
    return 0;
}

/* `clock`, `clock +1h`, `clock -1h`, `clock reset`. No getopt: it would take -1h for an option. */
int sb_cmd_clock(struct sb_cli *cli)
{
    const char *word = cli->argc > 1 ? cli->argv[1] : "";
    if (cli->argc > 2)
        sb_cli_usage("clock: what is %s?", cli->argv[2]);
    if (!*word || strcmp(word, "--json") == 0)
        return show(*word);
    bool reset = strcmp(word, "reset") == 0;
    if (!reset && *word != '+' && *word != '-')
        sb_cli_usage("clock: +DURATION, -DURATION or reset, not %s", word);
    long long by = reset ? 0 : sb_cli_duration(word + 1, "clock", 0, SB_CLOCK_MAX);
    sb_db_begin(cli->db);
    long long ahead = reset ? 0 : sb_clock_ahead() + (*word == '-' ? -by : by);
    if (!sb_clock_set(cli->db, ahead))
        sb_cli_fail("the clock goes ten years ahead or back at most");
    sb_db_commit(cli->db);
    return show(false);
}
