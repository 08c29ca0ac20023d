#include "config.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#include "http.h"
#include "wfauth.h"

struct chooser {
    struct wf_http base;
    struct wf_http *chosen; /* NULL until the first request */
    char *user;
};

typedef struct wf_http *(*maker)(void);

/* The module stays loaded: libcurl and OpenSSL do not survive being unloaded. */
static pthread_once_t load_once = PTHREAD_ONCE_INIT;
static maker curl_new;

static void load(void)
{
    void *module = dlopen(WF_CURL_MODULE, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    void *symbol = module == NULL ? NULL : dlsym(module, "wf_http_curl_new");

    /* ISO C has no conversion from an object's pointer to a function's; POSIX does it this way */
    memcpy(&curl_new, &symbol, sizeof(curl_new));
}

static bool is_privileged(void)
{
    return geteuid() == 0 || getauxval(AT_SECURE) != 0;
}

static struct wf_http *choose(const char *user)
{
    if (!is_privileged() && pthread_once(&load_once, load) == 0 && curl_new != NULL)
        return curl_new();
    return wf_http_helper_new(WF_HELPER_PATH, user);
}

/* A jail has closed behind a process that was root, or nothing is installed: both ways out of here
 * are programs on disk. */
static bool is_walled_in(void)
{
    return !is_privileged() && curl_new == NULL && access(WF_HELPER_PATH, F_OK) != 0;
}

static enum wf_reason chooser_send(struct wf_http *http, const struct wf_http_request *request,
                                   struct wf_http_response *ret, struct wf_err *err)
{
    struct chooser *self = (struct chooser *)http;

    if (self->chosen == NULL)
        self->chosen = choose(self->user);
    if (is_walled_in())
        return wf_fail(err, WF_UNREACHABLE,
                       "nobody can be asked from here: %s is not there (chroot? a new process has "
                       "new keys)",
                       WF_HELPER_PATH);
    return wf_http_send(self->chosen, request, ret, err);
}

static enum wf_reason chooser_sign(struct wf_http *http, const struct wf_assertion *assertion,
                                   struct wf_buf *out, struct wf_err *err)
{
    struct chooser *self = (struct chooser *)http;

    if (self->chosen == NULL)
        self->chosen = choose(self->user);
    return wf_http_sign(self->chosen, assertion, out, err);
}

static void chooser_free(struct wf_http *http)
{
    struct chooser *self = (struct chooser *)http;

    wf_http_free(self->chosen);
    free(self->user);
    free(self);
}

struct wf_http *wf_http_choose_new(const char *helper_user)
{
    static const struct wf_http_ops ops = {chooser_send, chooser_free, chooser_sign};
    struct chooser *self = calloc(1, sizeof(*self));

    if (self == NULL)
        return NULL;
    self->base.ops = &ops;
    self->user = strdup(helper_user);
    if (self->user == NULL) {
        chooser_free(&self->base);
        return NULL;
    }
    return &self->base;
}
