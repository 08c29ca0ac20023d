#include "config.h"

#include "args.h"

#include <stddef.h>
#include <string.h>

/* The words of the manual page; a value follows behind the '='. */
static const struct {
    const char *name;
    size_t offset; /* of a const char * or a bool in struct wf_args */
    bool takes_value;
} words[] = {
    {"config=", offsetof(struct wf_args, config), true},
    {"state=", offsetof(struct wf_args, state), true},
    {"service=", offsetof(struct wf_args, service), true},
    {"debug", offsetof(struct wf_args, debug), false},
    {"use_first_pass", offsetof(struct wf_args, use_first_pass), false},
    {"try_first_pass", offsetof(struct wf_args, try_first_pass), false},
};

/* Take one word in; false if there is no such word, or its value is missing. */
static bool take(struct wf_args *args, const char *arg)
{
    for (size_t i = 0; i < WF_ARRAY_LEN(words); i++) {
        size_t len = strlen(words[i].name);
        char *member = (char *)args + words[i].offset;
        if (strncmp(arg, words[i].name, len) != 0)
            continue;
        if (words[i].takes_value && arg[len] != '\0') {
            const char *value = arg + len;
            memcpy(member, &value, sizeof(value));
            return true;
        }
        if (!words[i].takes_value && arg[len] == '\0') {
            const bool set = true;
            memcpy(member, &set, sizeof(set));
            return true;
        }
    }
    return false;
}

enum wf_reason wf_args_parse(int argc, const char **argv, struct wf_args *ret, struct wf_err *err)
{
    struct wf_args args = {0};

    for (int i = 0; i < argc; i++) {
        if (!take(&args, argv[i]))
            return wf_fail(err, WF_CONFIG,
                           "unknown argument \"%.100s\": expected config=PATH, state=PATH, "
                           "service=NAME, debug, use_first_pass or try_first_pass",
                           argv[i]);
    }
    if (args.config != NULL && args.config[0] != '/')
        return wf_fail(err, WF_CONFIG, "argument config=%.200s: expected an absolute path",
                       args.config);
    if (args.state != NULL && args.state[0] != '/')
        return wf_fail(err, WF_CONFIG, "argument state=%.200s: expected an absolute path",
                       args.state);
    *ret = args;
    return WF_OK;
}
