#include "config.h"

#include "httpd.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#define CONNECTIONS_MAX 64
#define REQUESTS_MAX 256
#define HEAD_MAX 65536
#define BODY_MAX 131072

#define MUST(condition)                                                                            \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "httpd.c:%d: %s: %s\n", __LINE__, #condition, strerror(errno));        \
            ERR_print_errors_fp(stderr);                                                           \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

struct connection {
    struct httpd *httpd;
    unsigned number;
    int fd; /* -1: closed */
    SSL *ssl;
    pthread_t thread;
};

struct httpd {
    enum httpd_identity identity;
    const struct httpd_reply *replies;
    size_t reply_count;
    int port;
    int fd;
    SSL_CTX *ctx;
    pthread_t thread;
    pthread_mutex_t lock; /* over all below */
    pthread_cond_t changed;
    bool stopping;
    struct connection connections[CONNECTIONS_MAX];
    size_t connection_count;
    size_t open_count;
    struct httpd_request requests[REQUESTS_MAX];
    size_t request_count;
};

/* Certificates */

static EVP_PKEY *ca_key;
static X509 *ca_cert;
static char ca_dir[64];
static char ca_path[96];

static void add_extension(X509 *cert, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX ctx;
    X509V3_set_ctx_nodb(&ctx);
    X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
    X509_EXTENSION *ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    MUST(ext != NULL && X509_add_ext(cert, ext, -1) == 1);
    X509_EXTENSION_free(ext);
}

/* names NULL: an authority that signs itself. days: of validity, from two days ago. */
static X509 *make_cert(EVP_PKEY *key, X509 *issuer, EVP_PKEY *issuer_key, const char *cn,
                       const char *names, int days)
{
    X509 *cert = X509_new();
    MUST(cert != NULL && X509_set_version(cert, 2) == 1);
    MUST(ASN1_INTEGER_set(X509_get_serialNumber(cert), names == NULL ? 1 : 2) == 1);
    MUST(X509_gmtime_adj(X509_getm_notBefore(cert), -2L * 86400) != NULL);
    MUST(X509_gmtime_adj(X509_getm_notAfter(cert), (days - 2L) * 86400) != NULL);
    MUST(X509_set_pubkey(cert, key) == 1);
    MUST(X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_ASC,
                                    (const unsigned char *)cn, -1, -1, 0) == 1);
    if (issuer == NULL)
        issuer = cert;
    MUST(X509_set_issuer_name(cert, X509_get_subject_name(issuer)) == 1);
    add_extension(cert, issuer, NID_basic_constraints,
                  names == NULL ? "critical,CA:TRUE" : "critical,CA:FALSE");
    if (names != NULL)
        add_extension(cert, issuer, NID_subject_alt_name, names);
    MUST(X509_sign(cert, issuer_key, EVP_sha256()) > 0);
    return cert;
}

const char *httpd_ca_file(void)
{
    if (ca_cert != NULL)
        return ca_path;
    ca_key = EVP_EC_gen("P-256");
    MUST(ca_key != NULL);
    ca_cert = make_cert(ca_key, NULL, ca_key, "wfauth test authority", NULL, 10);
    snprintf(ca_dir, sizeof(ca_dir), "/tmp/wfauth-httpd.XXXXXX");
    MUST(mkdtemp(ca_dir) != NULL && chmod(ca_dir, 0755) == 0);
    snprintf(ca_path, sizeof(ca_path), "%s/ca.pem", ca_dir);
    FILE *file = fopen(ca_path, "w");
    MUST(file != NULL && PEM_write_X509(file, ca_cert) == 1 && fclose(file) == 0);
    MUST(chmod(ca_path, 0644) == 0);
    return ca_path;
}

void httpd_ca_remove(void)
{
    if (ca_cert == NULL)
        return;
    unlink(ca_path);
    rmdir(ca_dir);
    X509_free(ca_cert);
    EVP_PKEY_free(ca_key);
    ca_cert = NULL;
    ca_key = NULL;
}

static SSL_CTX *make_ctx(enum httpd_identity identity)
{
    bool stranger = identity == HTTPD_UNKNOWN_CA || identity == HTTPD_FALSE_CA;
    const char *names =
        identity == HTTPD_WRONG_HOST ? "DNS:other.example" : "DNS:localhost,IP:127.0.0.1";

    (void)httpd_ca_file();
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
    EVP_PKEY *key = EVP_EC_gen("P-256");
    EVP_PKEY *other_key = EVP_EC_gen("P-256");
    MUST(ctx != NULL && key != NULL && other_key != NULL);
    X509 *other = make_cert(other_key, NULL, other_key, "another authority", NULL, 10);
    X509 *cert = make_cert(key, identity == HTTPD_UNKNOWN_CA ? other : ca_cert,
                           stranger ? other_key : ca_key, "wfauth test server", names,
                           identity == HTTPD_EXPIRED ? 1 : 10);
    MUST(SSL_CTX_use_certificate(ctx, cert) == 1 && SSL_CTX_use_PrivateKey(ctx, key) == 1);
    if (identity == HTTPD_OLD_TLS) {
        SSL_CTX_set_security_level(ctx, 0);
        MUST(SSL_CTX_set_max_proto_version(ctx, TLS1_1_VERSION) == 1);
    }
    X509_free(cert);
    X509_free(other);
    EVP_PKEY_free(key);
    EVP_PKEY_free(other_key);
    return ctx;
}

/* One connection */

static int get(struct connection *c, char *buf, int len)
{
    int n = c->ssl != NULL ? SSL_read(c->ssl, buf, len) : (int)read(c->fd, buf, (size_t)len);
    return n > 0 ? n : 0;
}

static bool put(struct connection *c, const char *bytes, size_t len)
{
    if (len == 0)
        return true;
    if (c->ssl != NULL)
        return SSL_write(c->ssl, bytes, (int)len) == (int)len;
    return send(c->fd, bytes, len, MSG_NOSIGNAL) == (ssize_t)len;
}

static bool is_stopping(struct httpd *httpd)
{
    pthread_mutex_lock(&httpd->lock);
    bool stopping = httpd->stopping;
    pthread_mutex_unlock(&httpd->lock);
    return stopping;
}

/* Wait; false if the client leaves or the server stops meanwhile. */
static bool pause_for(struct connection *c, int ms)
{
    struct pollfd pfd = {c->fd, POLLRDHUP, 0};
    return poll(&pfd, 1, ms) == 0 && !is_stopping(c->httpd);
}

static bool accept_tls(struct connection *c)
{
    c->ssl = SSL_new(c->httpd->ctx);
    MUST(c->ssl != NULL && SSL_set_fd(c->ssl, c->fd) == 1);
    return SSL_accept(c->ssl) == 1;
}

/* Read one request and record it; NULL if the client left. */
static const struct httpd_request *read_request(struct connection *c)
{
    struct httpd *httpd = c->httpd;
    struct httpd_request r = {.connection = c->number};
    size_t len = 0;
    char value[32];
    char *end = NULL;

    r.head = calloc(1, HEAD_MAX + 1);
    r.body = calloc(1, BODY_MAX + 1);
    MUST(r.head != NULL && r.body != NULL);
    while (len < HEAD_MAX && end == NULL && get(c, r.head + len, 1) == 1) {
        /* A TLS hello: real servers answer it so */
        if (len++ == 0 && r.head[0] == 0x16) {
            (void)put(c, "HTTP/1.1 400 Bad Request\r\n\r\n", 28);
            break;
        }
        end = len >= 4 && memcmp(r.head + len - 4, "\r\n\r\n", 4) == 0 ? r.head + len : NULL;
    }
    if (end == NULL || sscanf(r.head, "%15s %4095s", r.method, r.target) != 2) {
        free(r.head);
        free(r.body);
        return NULL;
    }
    if (httpd_header(&r, "content-length", value, sizeof(value)) != NULL) {
        size_t want = strtoul(value, NULL, 10);
        int n = 1;
        while (want <= BODY_MAX && r.body_len < want && n > 0) {
            n = get(c, r.body + r.body_len, (int)(want - r.body_len));
            r.body_len += (size_t)n;
        }
    }
    pthread_mutex_lock(&httpd->lock);
    MUST(httpd->request_count < REQUESTS_MAX);
    struct httpd_request *slot = &httpd->requests[httpd->request_count++];
    *slot = r;
    pthread_cond_broadcast(&httpd->changed);
    pthread_mutex_unlock(&httpd->lock);
    return slot;
}

static const struct httpd_reply *find_reply(const struct httpd *httpd, const char *target)
{
    static const struct httpd_reply none = {
        .bytes = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", .end = HTTPD_KEEP};
    size_t len = strcspn(target, "?");
    for (size_t i = 0; i < httpd->reply_count; i++) {
        const char *path = httpd->replies[i].path;
        if (path == NULL || (strlen(path) == len && strncmp(path, target, len) == 0))
            return &httpd->replies[i];
    }
    return &none;
}

static bool send_reply(struct connection *c, const struct httpd_reply *reply)
{
    char block[4096];
    bool ok = put(c, reply->bytes, strlen(reply->bytes));

    memset(block, 'x', sizeof(block));
    for (size_t left = reply->fill; ok && left > 0;) {
        size_t n = left < sizeof(block) ? left : sizeof(block);
        ok = put(c, block, n);
        left -= n;
    }
    if (ok && reply->tail != NULL)
        ok = put(c, reply->tail, strlen(reply->tail));
    while (ok && reply->repeat != NULL)
        ok = pause_for(c, reply->delay_ms) && put(c, reply->repeat, strlen(reply->repeat));
    return ok;
}

/* True if another request may follow. */
static bool finish(struct connection *c, enum httpd_end end)
{
    switch (end) {
    case HTTPD_KEEP:
        return true;
    case HTTPD_CLOSE:
        if (c->ssl != NULL)
            SSL_shutdown(c->ssl);
        return false;
    case HTTPD_CUT:
        return false;
    case HTTPD_HANG:
        while (pause_for(c, 60000))
            continue;
        return false;
    case HTTPD_TUNNEL:
        return accept_tls(c);
    }
    return false;
}

static void *serve(void *ctx)
{
    struct connection *c = ctx;
    struct httpd *httpd = c->httpd;
    bool more = true;

    if (httpd->identity == HTTPD_SILENT)
        more = finish(c, HTTPD_HANG);
    else if (httpd->identity != HTTPD_PLAIN)
        more = accept_tls(c);
    while (more) {
        const struct httpd_request *request = read_request(c);
        if (request == NULL)
            break;
        const struct httpd_reply *reply = find_reply(httpd, request->target);
        more = send_reply(c, reply) && finish(c, reply->end);
    }
    SSL_free(c->ssl);
    ERR_clear_error();
    pthread_mutex_lock(&httpd->lock);
    close(c->fd);
    c->fd = -1;
    httpd->open_count--;
    pthread_cond_broadcast(&httpd->changed);
    pthread_mutex_unlock(&httpd->lock);
    return NULL;
}

/* The server */

static void *listen_loop(void *ctx)
{
    struct httpd *httpd = ctx;

    for (;;) {
        int fd = accept4(httpd->fd, NULL, NULL, SOCK_CLOEXEC);
        pthread_mutex_lock(&httpd->lock);
        bool stopping = httpd->stopping;
        if (fd >= 0 && !stopping) {
            MUST(httpd->connection_count < CONNECTIONS_MAX);
            size_t i = httpd->connection_count++;
            httpd->open_count++;
            httpd->connections[i] =
                (struct connection){.httpd = httpd, .number = (unsigned)i, .fd = fd};
            MUST(pthread_create(&httpd->connections[i].thread, NULL, serve,
                                &httpd->connections[i]) == 0);
        }
        pthread_mutex_unlock(&httpd->lock);
        if (stopping || fd < 0)
            return NULL;
    }
}

struct httpd *httpd_start(enum httpd_identity identity, const struct httpd_reply *replies,
                          size_t count)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(address);
    struct httpd *httpd = calloc(1, sizeof(*httpd));
    sigset_t all;
    sigset_t old;

    MUST(httpd != NULL);
    httpd->identity = identity;
    httpd->replies = replies;
    httpd->reply_count = count;
    httpd->ctx = make_ctx(identity);
    MUST(pthread_mutex_init(&httpd->lock, NULL) == 0);
    MUST(pthread_cond_init(&httpd->changed, NULL) == 0);
    httpd->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    MUST(bind(httpd->fd, (struct sockaddr *)&address, sizeof(address)) == 0);
    MUST(listen(httpd->fd, 16) == 0);
    MUST(getsockname(httpd->fd, (struct sockaddr *)&address, &len) == 0);
    httpd->port = ntohs(address.sin_port);
    /* Its threads inherit the mask: signals are for the code under test */
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &old);
    MUST(pthread_create(&httpd->thread, NULL, listen_loop, httpd) == 0);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return httpd;
}

void httpd_stop(struct httpd *httpd)
{
    pthread_mutex_lock(&httpd->lock);
    httpd->stopping = true;
    shutdown(httpd->fd, SHUT_RDWR);
    for (size_t i = 0; i < httpd->connection_count; i++) {
        if (httpd->connections[i].fd >= 0)
            shutdown(httpd->connections[i].fd, SHUT_RDWR);
    }
    pthread_mutex_unlock(&httpd->lock);
    pthread_join(httpd->thread, NULL);
    for (size_t i = 0; i < httpd->connection_count; i++)
        pthread_join(httpd->connections[i].thread, NULL);
    for (size_t i = 0; i < httpd->request_count; i++) {
        free(httpd->requests[i].head);
        free(httpd->requests[i].body);
    }
    close(httpd->fd);
    SSL_CTX_free(httpd->ctx);
    pthread_cond_destroy(&httpd->changed);
    pthread_mutex_destroy(&httpd->lock);
    free(httpd);
}

int httpd_port(const struct httpd *httpd)
{
    return httpd->port;
}

size_t httpd_request_count(struct httpd *httpd)
{
    pthread_mutex_lock(&httpd->lock);
    size_t n = httpd->request_count;
    pthread_mutex_unlock(&httpd->lock);
    return n;
}

size_t httpd_connection_count(struct httpd *httpd)
{
    pthread_mutex_lock(&httpd->lock);
    size_t n = httpd->connection_count;
    pthread_mutex_unlock(&httpd->lock);
    return n;
}

static bool has_requests(const struct httpd *httpd, size_t count)
{
    return httpd->request_count >= count;
}

static bool has_no_connection(const struct httpd *httpd, size_t unused)
{
    (void)unused;
    return httpd->open_count == 0;
}

static bool wait_until(struct httpd *httpd, bool (*reached)(const struct httpd *, size_t),
                       size_t count)
{
    struct timespec until;
    int rc = 0;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 60;
    pthread_mutex_lock(&httpd->lock);
    while (!reached(httpd, count) && rc == 0)
        rc = pthread_cond_timedwait(&httpd->changed, &httpd->lock, &until);
    bool result = reached(httpd, count);
    pthread_mutex_unlock(&httpd->lock);
    return result;
}

bool httpd_wait(struct httpd *httpd, size_t count)
{
    return wait_until(httpd, has_requests, count);
}

bool httpd_wait_closed(struct httpd *httpd)
{
    return wait_until(httpd, has_no_connection, 0);
}

const struct httpd_request *httpd_request(struct httpd *httpd, size_t i)
{
    MUST(i < httpd_request_count(httpd));
    return &httpd->requests[i];
}

const char *httpd_header(const struct httpd_request *request, const char *name, char *buf,
                         size_t size)
{
    size_t len = strlen(name);
    const char *line = strstr(request->head, "\r\n");

    for (; line != NULL; line = strstr(line + 2, "\r\n")) {
        const char *start = line + 2;
        if (strncasecmp(start, name, len) != 0 || start[len] != ':')
            continue;
        start += len + 1 + strspn(start + len + 1, " ");
        snprintf(buf, size, "%.*s", (int)strcspn(start, "\r"), start);
        return buf;
    }
    return NULL;
}
