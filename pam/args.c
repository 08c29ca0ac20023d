#include "config.h"

#include "args.h"

#include <string.h>

/* What stands behind "name=", or NULL if arg is not of that name. */
static const char *value_of(const char *arg, const char *name)
{
    size_t len = strlen(name);

    return strncmp(arg, name, len) == 0 ? arg + len : NULL;
}

enum wf_reason wf_args_parse(int argc, const char **argv, struct wf_args *ret, struct wf_err *err)
{
    struct wf_args args = {0};

    for (int i = 0; i < argc; i++) {
        const char *config = value_of(argv[i], "config=");
        const char *service = value_of(argv[i], "service=");
        if (config != NULL) {
            if (config[0] != '/')
                return wf_fail(err, WF_CONFIG, "argument config=%s: expected an absolute path",
                               config);
            args.config = config;
        } else if (service != NULL) {
            if (service[0] == '\0')
                return wf_fail(err, WF_CONFIG, "argument service= is empty");
            args.service = service;
        } else if (strcmp(argv[i], "debug") == 0) {
            args.debug = true;
        } else if (strcmp(argv[i], "use_first_pass") == 0) {
            args.use_first_pass = true;
        } else if (strcmp(argv[i], "try_first_pass") == 0) {
            args.try_first_pass = true;
        } else {
            return wf_fail(err, WF_CONFIG,
                           "unknown argument %s: expected config=PATH, service=NAME, debug, "
                           "use_first_pass or try_first_pass",
                           argv[i]);
        }
    }
    *ret = args;
    return WF_OK;
}
