#include "config.h"

#include "option.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <syslog.h>

#define PLUGIN "OAUTHBEARER"

/* The plug-in stays loaded (-z nodelete), so a thread's variable of it does, too. */
static _Thread_local const sasl_utils_t *speaking;

bool wf_option(const sasl_utils_t *utils, const char *name, char ret[WF_OPTION_SIZE])
{
    const char *value = NULL;
    unsigned len = 0;

    ret[0] = '\0';
    /* The value is the host's, until it is asked for the next one. Some hosts leave len alone */
    if (utils->getopt == NULL ||
        utils->getopt(utils->getopt_context, PLUGIN, name, &value, &len) != SASL_OK ||
        value == NULL || value[0] == '\0')
        return false;
    if (strlen(value) >= WF_OPTION_SIZE) {
        wf_option_say(utils, SASL_LOG_ERR, "the value of %s is too long", name);
        return false;
    }
    memcpy(ret, value, strlen(value) + 1);
    return true;
}

bool wf_option_flag(const sasl_utils_t *utils, const char *name, bool fallback)
{
    static const char *const yes[] = {"yes", "true", "on", "1", "t"};
    char value[WF_OPTION_SIZE];

    if (!wf_option(utils, name, value))
        return fallback;
    for (size_t i = 0; i < WF_ARRAY_LEN(yes); i++) {
        if (strcasecmp(value, yes[i]) == 0)
            return true;
    }
    return false;
}

static void write_audit(void *ctx, enum wf_level level, const char *line)
{
    (void)ctx;
    syslog(LOG_AUTHPRIV | (level == WF_LOG_INFO ? LOG_INFO : LOG_WARNING), "oauthbearer: %s", line);
}

static void write_log(void *ctx, enum wf_level level, const char *line)
{
    static const int levels[] = {
        [WF_LOG_ERROR] = SASL_LOG_ERR,
        [WF_LOG_WARNING] = SASL_LOG_WARN,
        [WF_LOG_INFO] = SASL_LOG_NOTE,
        [WF_LOG_DEBUG] = SASL_LOG_DEBUG,
    };
    const sasl_utils_t *utils = speaking != NULL ? speaking : ctx;

    /* Of what is less than an error most hosts, slapd and libsasl itself among them, show nothing */
    if (level == WF_LOG_WARNING)
        write_audit(ctx, level, line);
    else
        utils->log(utils->conn, levels[level], "%s", line);
}

struct wf_log wf_option_log(const sasl_utils_t *utils, bool debug)
{
    /* It is only read */
    return (struct wf_log){
        .write = write_log, .ctx = (void *)(uintptr_t)utils, .debug = debug, .audit = write_audit};
}

void wf_option_speak_for(const sasl_utils_t *utils)
{
    speaking = utils;
}

/* SASL's own formatter knows little: it gets a finished text. */
void wf_option_say(const sasl_utils_t *utils, int level, const char *fmt, ...)
{
    char line[WF_LOG_LINE_MAX];
    va_list args;

    va_start(args, fmt);
    wf_text_format(line, sizeof(line), fmt, args);
    va_end(args);
    utils->log(utils->conn, level, "oauthbearer: %s", line);
}

void wf_option_detail(const sasl_utils_t *utils, const char *text)
{
    if (utils->conn != NULL)
        utils->seterror(utils->conn, SASL_NOLOG, "%s", text);
}

bool wf_option_address(const char *text, char *ret_host, size_t size, unsigned *ret_port)
{
    const char *semicolon = text == NULL ? NULL : strchr(text, ';');
    uint64_t port = 0;

    if (semicolon == NULL || semicolon == text || (size_t)(semicolon - text) >= size ||
        !wf_text_number((struct wf_span){semicolon + 1, strlen(semicolon + 1)}, 0, 65535, &port))
        return false;
    memcpy(ret_host, text, (size_t)(semicolon - text));
    ret_host[semicolon - text] = '\0';
    if (ret_port != NULL)
        *ret_port = (unsigned)port;
    return true;
}
