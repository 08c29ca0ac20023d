#include "config.h"

#include "server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <microhttpd.h>

#include "db.h"
#include "exchange.h"
#include "fault.h"
#include "handlers.h"
#include "record.h"

/* One thread per connection: a hanging one hinders nobody. */
#define CONNECTIONS_MAX 1200
#define HEADER_BYTES (64 * 1024)
#define IDLE_SECONDS 300

struct sb_server {
    const struct sb_settings *settings;
    sqlite3 *db;
    pthread_mutex_t lock; /* holds the database together: one request at a time inside it */
    struct MHD_Daemon *daemon;
    uint16_t port;
    atomic_bool stopping;
    atomic_llong connections; /* numbers given out */
};

/* One request under way. */
struct call {
    struct sb_request rq;
    struct sb_str body;
    bool too_long;
};

/* --- where a request goes --- */

struct route {
    enum sb_endpoint endpoint;
    const char *path;
    bool get;
    bool post;
    void (*handle)(struct sb_request *rq);
};

static const struct route routes[] = {
    {SB_EP_AUTHORIZE, "/integrations/oauth2/authorize", true, false, sb_authorize},
    {SB_EP_SIGN_IN, "/integrations/oauth2/sign-in", false, true, sb_sign_in},
    {SB_EP_CONSENT, "/integrations/oauth2/consent", true, true, sb_consent},
    {SB_EP_TOKEN, "/integrations/oauth2/api/v1/token", false, true, sb_token},
    {SB_EP_JWT, "/integrations/oauth2/api/v1/jwt/exchange", false, true, sb_jwt_exchange},
    {SB_EP_CALLBACK, "/callback/", true, false, sb_callback},
};

/* Below /attask/api/VERSION. */
static const struct route api_routes[] = {
    {SB_EP_SEARCH, "/user/search", true, false, sb_user_search},
    {SB_EP_LOGOUT, "/logout", true, false, sb_logout},
};

/* v15.0 … v22.0: the length of the version at the start of the text, 0 when it is none. */
static size_t api_version_length(const char *text)
{
    for (int version = 15; version <= 22; version++) {
        char word[8];
        int n = snprintf(word, sizeof word, "v%d.0", version);
        if (strncmp(text, word, (size_t)n) == 0)
            return (size_t)n;
    }
    return 0;
}

static const struct route *find_in(const struct route *table, size_t n, const char *path)
{
    for (size_t i = 0; i < n; i++) {
        if (strcmp(table[i].path, path) == 0)
            return &table[i];
    }
    return NULL;
}

static const struct route *find_route(const char *path, struct sb_request *rq)
{
    static const char api[] = "/attask/api/";
    if (strncmp(path, api, sizeof api - 1) != 0)
        return find_in(routes, SB_ARRAY_LEN(routes), path);
    const char *version = path + sizeof api - 1;
    size_t n = api_version_length(version);
    if (!n)
        return NULL;
    snprintf(rq->api_version, sizeof rq->api_version, "%.*s", (int)n, version);
    return find_in(api_routes, SB_ARRAY_LEN(api_routes), version + n);
}

static void not_found(struct sb_request *rq)
{
    sb_reply_api_error(rq, 404, "com.attask.common.NotFoundException", "no such path", "not-found");
}

static void wrong_method(struct sb_request *rq, const struct route *route)
{
    sb_reply_api_error(rq, 405, "com.attask.common.MethodException", "method not allowed",
                       "method");
    sb_reply_header(&rq->reply, "Allow",
                    route->get && route->post ? "GET, POST"
                    : route->get              ? "GET"
                                              : "POST");
}

/* --- one request --- */

static bool takes_faults(enum sb_endpoint endpoint)
{
    return endpoint == SB_EP_AUTHORIZE || endpoint == SB_EP_TOKEN || endpoint == SB_EP_JWT ||
           endpoint == SB_EP_SEARCH || endpoint == SB_EP_LOGOUT;
}

static void handle(struct sb_request *rq, const struct route *route, const char *method,
                   bool too_long)
{
    rq->post = strcmp(method, "POST") == 0;
    bool get = strcmp(method, "GET") == 0;
    if (!route)
        not_found(rq);
    else if (!(rq->post && route->post) && !(get && route->get))
        wrong_method(rq, route);
    else if (too_long)
        sb_reply_oauth_error(rq, 413, "invalid_request", "the body is too long");
    else
        route->handle(rq);
}

static long long connection_number(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info ? (long long)(intptr_t)info->socket_context : 0;
}

/* The database is held only while it is looked at: never while a fault waits. */
static enum MHD_Result answer(struct sb_server *server, struct MHD_Connection *connection,
                              struct call *call, const char *path, const char *method)
{
    struct sb_request *rq = &call->rq;
    const struct route *route = find_route(path, rq);
    rq->path = path;
    rq->endpoint = route ? route->endpoint : SB_EP_OTHER;
    sb_exchange_read(connection, rq);
    sb_exchange_read_body(connection, rq, &call->body);

    pthread_mutex_lock(&server->lock);
    sb_db_begin(server->db);
    struct sb_fault fault = {.kind = SB_FAULT_NONE};
    if (takes_faults(rq->endpoint))
        fault = sb_fault_take(server->db, sb_endpoint_word(rq->endpoint));
    long long id =
        sb_record_begin(rq, method, connection_number(connection),
                        MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "User-Agent"));
    sb_db_commit(server->db);
    pthread_mutex_unlock(&server->lock);

    bool silent = fault.kind == SB_FAULT_DROP;
    if (fault.kind == SB_FAULT_HANG)
        silent = !sb_exchange_wait(connection, &server->stopping, -1);
    if (fault.kind == SB_FAULT_DELAY) {
        long long ms = 1000;
        sb_number(fault.arg, 0, 3600000, &ms);
        silent = !sb_exchange_wait(connection, &server->stopping, ms);
    }

    pthread_mutex_lock(&server->lock);
    sb_db_begin(server->db);
    if (silent)
        rq->result = sb_fault_word(fault.kind);
    else if (!sb_exchange_canned(rq, &fault))
        handle(rq, route, method, call->too_long);
    sb_record_end(rq, id);
    sb_db_commit(server->db);
    pthread_mutex_unlock(&server->lock);

    silent = silent || fault.kind == SB_FAULT_LOST;
    enum MHD_Result result =
        silent ? MHD_NO : sb_exchange_send(connection, rq, &fault, &server->stopping);
    sb_fault_done(&fault);
    return result;
}

/* libmicrohttpd calls this once for the headers, then for every piece of the body, then once
 * more when all is there. */
static enum MHD_Result on_request(void *cls, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *data,
                                  size_t *data_size, void **state)
{
    struct sb_server *server = cls;
    struct call *call = *state;
    (void)version;
    if (!call) {
        call = sb_alloc(sizeof *call);
        call->rq.settings = server->settings;
        call->rq.db = server->db;
        *state = call;
        return MHD_YES;
    }
    if (*data_size) {
        /* What is too long is read to its end, so that the client hears why, but not kept. */
        call->too_long = call->too_long || *data_size > SB_BODY_MAX - call->body.len;
        if (!call->too_long)
            sb_str_addn(&call->body, data, *data_size);
        *data_size = 0;
        return MHD_YES;
    }
    return answer(server, connection, call, url, method);
}

static void on_completed(void *cls, struct MHD_Connection *connection, void **state,
                         enum MHD_RequestTerminationCode code)
{
    struct call *call = *state;
    (void)cls;
    (void)connection;
    (void)code;
    if (!call)
        return;
    sb_params_done(&call->rq.query);
    sb_params_done(&call->rq.form);
    sb_reply_done(&call->rq.reply);
    sb_str_done(&call->body);
    free(call);
    *state = NULL;
}

static void on_connection(void *cls, struct MHD_Connection *connection, void **context,
                          enum MHD_ConnectionNotificationCode code)
{
    struct sb_server *server = cls;
    (void)connection;
    if (code == MHD_CONNECTION_NOTIFY_STARTED)
        *context = (void *)(intptr_t)(atomic_fetch_add(&server->connections, 1) + 1);
}

/* --- start and stop --- */

/* A listening socket on 127.0.0.1, or -1 with errno. ret_port: the port it got. */
static int listen_on(uint16_t port, uint16_t *ret_port)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(port),
                                  .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    socklen_t length = sizeof address;
    int yes = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (bind(fd, (struct sockaddr *)&address, sizeof address) != 0 || listen(fd, 512) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &length) != 0) {
        int problem = errno;
        close(fd);
        errno = problem;
        return -1;
    }
    *ret_port = ntohs(address.sin_port);
    return fd;
}

struct sb_server *sb_server_start(const struct sb_settings *settings, sqlite3 *db,
                                  const struct sb_cert *cert, uint16_t port, uint16_t prefer)
{
    struct sb_server *server = sb_alloc(sizeof *server);
    server->settings = settings;
    server->db = db;
    pthread_mutex_init(&server->lock, NULL);
    atomic_store(&server->connections, sb_record_last_connection(db));
    int fd = -1;
    if (port == 0 && prefer)
        fd = listen_on(prefer, &server->port);
    if (fd < 0)
        fd = listen_on(port, &server->port);
    if (fd >= 0)
        server->daemon = MHD_start_daemon(
            MHD_USE_THREAD_PER_CONNECTION | MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_POLL |
                MHD_USE_TLS | MHD_USE_ITC,
            0, NULL, NULL, on_request, server, MHD_OPTION_LISTEN_SOCKET, fd,
            MHD_OPTION_HTTPS_MEM_KEY, cert->key, MHD_OPTION_HTTPS_MEM_CERT, cert->chain,
            MHD_OPTION_HTTPS_PRIORITIES, "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2",
            MHD_OPTION_NOTIFY_COMPLETED, on_completed, NULL, MHD_OPTION_NOTIFY_CONNECTION,
            on_connection, server, MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS_MAX,
            MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)HEADER_BYTES, MHD_OPTION_CONNECTION_TIMEOUT,
            (unsigned)IDLE_SECONDS, MHD_OPTION_END);
    if (!server->daemon) {
        if (fd < 0)
            fprintf(stderr, "wfauth-sandbox: cannot listen on 127.0.0.1 port %u: %m\n",
                    (unsigned)port);
        else
            fprintf(stderr, "wfauth-sandbox: the HTTPS server does not start\n");
        free(server);
        return NULL;
    }
    return server;
}

uint16_t sb_server_port(const struct sb_server *server)
{
    return server->port;
}

void sb_server_stop(struct sb_server *server)
{
    atomic_store(&server->stopping, true);
    MHD_stop_daemon(server->daemon);
    pthread_mutex_destroy(&server->lock);
    free(server);
}
