#include "config.h"

#include <getopt.h>
#include <stdio.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "cmd.h"
#include "pin.h"
#include "store.h"

/* The configuration is not read: what it says does not matter here, and a name must be freed also
 * while it is wrong. */

struct options {
    const char *state; /* NULL: the default */
    const char *user;
};

/* For whoever asks later why a name belongs to somebody else now. */
static void write_audit(void *ctx, enum wf_level level, const char *line)
{
    (void)ctx;
    openlog("wfauth", LOG_PID, LOG_AUTHPRIV);
    syslog(level == WF_LOG_INFO ? LOG_NOTICE : LOG_WARNING, "%s", line);
    closelog();
}

static const struct wf_log audit_log = {.audit = write_audit};

static int usage(void)
{
    (void)fprintf(stderr, "usage: wfauth pins [--state DIR]\n"
                          "       wfauth unpin [--state DIR] USER\n");
    return WF_EXIT_USAGE;
}

/* False if the arguments are no good, or so many words do not stand behind the options. */
static bool parse_options(int argc, char **argv, int words, struct options *ret)
{
    static const struct option longs[] = {
        {"state", required_argument, NULL, 'S'},
        {NULL, 0, NULL, 0},
    };
    int c;

    *ret = (struct options){.state = NULL};
    optind = 0;
    while ((c = getopt_long(argc, argv, "+S:", longs, NULL)) != -1) {
        if (c != 'S')
            return false;
        ret->state = optarg;
    }
    ret->user = argv[optind];
    return optind + words == argc;
}

static int report(enum wf_reason reason, const struct wf_err *err)
{
    if (reason != WF_OK)
        wf_cmd_complain("%s: %s", wf_reason_name(reason), err->text);
    return wf_exit_of(reason);
}

/* NULL, and *ret_exit, if there is none. */
static struct wf_store *open_store(const struct options *options, int *ret_exit)
{
    struct wf_store *store = NULL;
    struct wf_err err = WF_ERR_INIT;

    if (options->state == NULL && geteuid() != 0) {
        wf_cmd_complain("names belong to persons in root's folder: root alone can do that");
        *ret_exit = WF_EXIT_USAGE;
        return NULL;
    }
    *ret_exit = report(wf_store_open(options->state, NULL, &store, &err), &err);
    return store;
}

/* USER PROVIDER SUBJECT SINCE */
static void print_pin(void *ctx, const char *name, const struct wf_pin *pin, const char *fault)
{
    char when[WF_CMD_TIME_SIZE];

    (void)ctx;
    if (pin == NULL) {
        wf_cmd_complain("%s lets nobody in: %s", name, fault);
        return;
    }
    wf_cmd_time(pin->since, when);
    wf_cmd_say("%s %s %s %s", pin->user, pin->provider, pin->subject, when);
}

int wf_cmd_pins(const struct wf_cmd_global *global, int argc, char **argv)
{
    struct options options;
    struct wf_err err = WF_ERR_INIT;
    int status = WF_EXIT_USAGE;

    (void)global;
    if (!parse_options(argc, argv, 0, &options))
        return usage();
    struct wf_store *store = open_store(&options, &status);
    if (store != NULL)
        status = report(wf_pin_list(store, print_pin, NULL, &err), &err);
    wf_store_free(store);
    return status;
}

/* What was cleared, and of whom. */
struct cleared {
    char provider[WF_NAME_SIZE];
    char subject[WF_SUBJECT_SIZE];
    char since[WF_CMD_TIME_SIZE];
    bool bad;
};

static void note_pin(void *ctx, const char *name, const struct wf_pin *pin, const char *fault)
{
    struct cleared *cleared = ctx;

    (void)name;
    (void)fault;
    cleared->bad = pin == NULL;
    if (pin == NULL)
        return;
    (void)snprintf(cleared->provider, sizeof(cleared->provider), "%s", pin->provider);
    (void)snprintf(cleared->subject, sizeof(cleared->subject), "%s", pin->subject);
    wf_cmd_time(pin->since, cleared->since);
}

static void say_cleared(const char *user, bool existed, const struct cleared *cleared)
{
    if (!existed)
        wf_cmd_say("%s is pinned to nobody.", user);
    else if (cleared->bad)
        wf_cmd_say("%s is pinned to nobody any more; to whom it was could not be read.", user);
    else
        wf_cmd_say("%s is pinned to nobody any more; it was to %s at %s, since %s.", user,
                   cleared->subject, cleared->provider, cleared->since);
}

static int unpin(const struct wf_store *store, const char *user)
{
    struct cleared cleared = {.bad = false};
    struct wf_err err = WF_ERR_INIT;
    bool existed = false;
    enum wf_reason reason = wf_pin_show(store, user, note_pin, &cleared, &err);

    /* First: the session of whose name it was would pin it to them again, when it is asked next */
    if (reason == WF_OK)
        reason = wf_store_end(store, user, time(NULL), "wfauth unpin has taken the name back", &err);
    if (reason == WF_OK)
        reason = wf_pin_remove(store, user, &existed, &err);
    const struct wf_audit line = {
        .action = "unpin",
        .service = "wfauth",
        .user = user,
        .provider = cleared.provider[0] == '\0' ? NULL : cleared.provider,
        .subject = cleared.subject[0] == '\0' ? NULL : cleared.subject,
        .reason = reason,
        .text = err.text,
    };
    if (reason != WF_OK || existed)
        wf_log_audit(&audit_log, &line);
    if (reason == WF_OK)
        say_cleared(user, existed, &cleared);
    return report(reason, &err);
}

int wf_cmd_unpin(const struct wf_cmd_global *global, int argc, char **argv)
{
    struct options options;
    int status = WF_EXIT_USAGE;

    (void)global;
    if (!parse_options(argc, argv, 1, &options))
        return usage();
    struct wf_store *store = open_store(&options, &status);
    if (store != NULL)
        status = unpin(store, options.user);
    wf_store_free(store);
    return status;
}
