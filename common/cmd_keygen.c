#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cmd.h"
#include "conf_value.h"
#include "keypair.h"

/* A name of a section, and what is put behind it. */
#define FILE_NAME_SIZE (WF_CONF_SECTION_MAX + sizeof(".cert.pem"))

struct options {
    const char *provider;
    const char *out;
    const char *type;
};

static int usage(void)
{
    (void)fprintf(stderr, "usage: wfauth keygen [-p PROVIDER] [-o DIR] [-t TYPE]\n");
    return WF_EXIT_USAGE;
}

static bool parse_options(int argc, char **argv, struct options *ret)
{
    static const struct option longs[] = {
        {"provider", required_argument, NULL, 'p'},
        {"out", required_argument, NULL, 'o'},
        {"type", required_argument, NULL, 't'},
        {NULL, 0, NULL, 0},
    };
    int c;

    *ret = (struct options){.provider = "wfauth", .out = ".", .type = "rsa2048"};
    optind = 0;
    while ((c = getopt_long(argc, argv, "+p:o:t:", longs, NULL)) != -1) {
        switch (c) {
        case 'p':
            ret->provider = optarg;
            break;
        case 'o':
            ret->out = optarg;
            break;
        case 't':
            ret->type = optarg;
            break;
        default: /* getopt has complained */
            return false;
        }
    }
    return optind == argc;
}

/* The name stands in file names, and in brackets in the configuration. */
static bool check_options(const struct options *options)
{
    const struct wf_span name = {options->provider, strlen(options->provider)};

    if (name.len > WF_CONF_SECTION_MAX - sizeof("provider") || !wf_conf_is_section_name(name)) {
        wf_cmd_complain("found \"%.60s\", expected a provider's name as it stands in "
                        "[provider NAME]",
                        options->provider);
        return false;
    }
#ifndef HAVE_JWT_BUILDER_NEW
    if (strcmp(options->type, "ed25519") == 0) {
        wf_cmd_complain("this wfauth was built with a libjwt older than version 3, which does not "
                        "sign with an Ed25519 key");
        return false;
    }
#endif
    return true;
}

static enum wf_reason make(const struct options *options, struct wf_buf *key, struct wf_buf *cert,
                           struct wf_err *err)
{
    char host[64] = "";
    char name[65];

    if (gethostname(host, sizeof(host) - 1) != 0)
        host[0] = '\0';
    (void)snprintf(name, sizeof(name), "%.30s%s%.33s", options->provider,
                   host[0] == '\0' ? "" : "@", host);
    return wf_keypair_make(options->type, name, time(NULL), key, cert, err);
}

static bool write_all(int fd, const struct wf_buf *data)
{
    size_t done = 0;

    while (done < data->len) {
        ssize_t n = write(fd, data->data + done, data->len - done);
        if (n < 0 && errno != EINTR)
            return false;
        done += n > 0 ? (size_t)n : 0;
    }
    return fsync(fd) == 0;
}

/* A new file, whole and on the disk, or none. */
static enum wf_reason write_file(int in, const char *name, mode_t mode, const struct wf_buf *data,
                                 struct wf_err *err)
{
    int fd = openat(in, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

    if (fd < 0 && errno == EEXIST)
        return wf_fail(err, WF_CONFIG,
                       "%s is there already: move it away, or name another "
                       "provider by -p",
                       name);
    if (fd < 0)
        return wf_fail(err, WF_CONFIG, "cannot make %s: %s", name, wf_errno_text(errno));
    bool done = fchmod(fd, mode) == 0 && write_all(fd, data);
    int number = errno;
    done = close(fd) == 0 && done;
    if (done)
        return WF_OK;
    (void)unlinkat(in, name, 0);
    return wf_fail(err, WF_CONFIG, "cannot write %s: %s", name, wf_errno_text(number));
}

/* Both, or neither, also where somebody presses Ctrl-C meanwhile. */
static enum wf_reason write_pair(const char *dir, const char *key_name, const struct wf_buf *key,
                                 const char *cert_name, const struct wf_buf *cert,
                                 struct wf_err *err)
{
    sigset_t all;
    sigset_t before;
    int in = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (in < 0)
        return wf_fail(err, WF_CONFIG, "%.200s: %s", dir, wf_errno_text(errno));
    (void)sigfillset(&all);
    (void)sigprocmask(SIG_BLOCK, &all, &before);
    enum wf_reason reason = write_file(in, key_name, 0600, key, err);
    if (reason == WF_OK) {
        reason = write_file(in, cert_name, 0644, cert, err);
        if (reason != WF_OK)
            (void)unlinkat(in, key_name, 0);
    }
    (void)fsync(in);
    (void)sigprocmask(SIG_SETMASK, &before, NULL);
    (void)close(in);
    return reason;
}

/* What to do with them, for people. */
static void explain(const struct options *options, const char *dir, const char *key_name,
                    const char *cert_name)
{
    const char *slash = strcmp(dir, "/") == 0 ? "" : "/";
    bool rsa = strncmp(options->type, "rsa", 3) == 0;

    (void)printf("private key: %s%s%s\ncertificate: %s%s%s\n\n", dir, slash, key_name, dir, slash,
                 cert_name);
    if (rsa)
        (void)printf(
            "In Workfront, as an administrator: Main Menu, Setup, System, OAuth2 "
            "Applications, your\nMachine to Machine application, Public Keys, Add a "
            "public key: paste the whole certificate,\nSave. Then, in wfauth.conf:\n\n"
            "[provider %s]\ntype = workfront\nurl = https://ORGANISATION.my.workfront.com\n"
            "client_id = ...\nclient_secret_file = %s%s%s.secret\nprivate_key_file = "
            "%s%s%s\ncustomer_id = ...\nuser_id = ...\n\n",
            options->provider, dir, slash, options->provider, dir, slash, key_name);
    else
        (void)printf("Workfront takes RSA keys alone. Give the certificate to your OpenID Connect "
                     "provider, as the\nkey of a client. Then, in wfauth.conf:\n\n"
                     "[provider %s]\ntype = oidc\nurl = https://ISSUER\nclient_id = ...\n"
                     "private_key_file = %s%s%s\ngrant = jwt_bearer\nassertion_subject = ...\n\n",
                     options->provider, dir, slash, key_name);
    (void)printf("and try: wfauth token %s\n", options->provider);
}

int wf_cmd_keygen(const struct wf_cmd_global *global, int argc, char **argv)
{
    struct options options;
    struct wf_buf key = WF_BUF_INIT(WF_KEYPAIR_MAX);
    struct wf_buf cert = WF_BUF_INIT(WF_KEYPAIR_MAX);
    struct wf_err err = WF_ERR_INIT;
    char key_name[FILE_NAME_SIZE];
    char cert_name[FILE_NAME_SIZE];
    char *dir = NULL;

    (void)global;
    if (!parse_options(argc, argv, &options))
        return usage();
    if (!check_options(&options))
        return WF_EXIT_USAGE;
    (void)snprintf(key_name, sizeof(key_name), "%s.key.pem", options.provider);
    (void)snprintf(cert_name, sizeof(cert_name), "%s.cert.pem", options.provider);
    enum wf_reason reason = make(&options, &key, &cert, &err);
    if (reason == WF_OK) {
        dir = realpath(options.out, NULL);
        reason = dir == NULL
                     ? wf_fail(&err, WF_CONFIG, "%.200s: %s", options.out, wf_errno_text(errno))
                     : write_pair(dir, key_name, &key, cert_name, &cert, &err);
    }
    if (reason == WF_OK)
        explain(&options, dir, key_name, cert_name);
    else
        (void)fprintf(stderr, "%s: %s\n", wf_reason_name(reason), err.text);
    free(dir);
    wf_buf_done(&key);
    wf_buf_done(&cert);
    return wf_exit_of(reason);
}
