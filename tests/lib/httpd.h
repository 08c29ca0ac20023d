/*
 * A scripted HTTPS server in threads of the test, on loopback. It answers each path with exactly
 * the bytes of its script, behaves as badly as that says, and records what it was asked.
 * Everything that fails in here ends the test.
 */
#ifndef WF_TEST_HTTPD_H
#define WF_TEST_HTTPD_H

#include <stdbool.h>
#include <stddef.h>

/* Who the server claims to be. */
enum httpd_identity {
    HTTPD_GOOD,       /* localhost and 127.0.0.1, by httpd_ca_file() */
    HTTPD_EXPIRED,    /* the same, but until yesterday */
    HTTPD_WRONG_HOST, /* other.example */
    HTTPD_UNKNOWN_CA, /* the right host, by another authority */
    HTTPD_FALSE_CA,   /* the same, but the authority has our authority's name */
    HTTPD_OLD_TLS,    /* TLS 1.1 at most */
    HTTPD_SILENT,     /* takes connections and never says a word */
    HTTPD_PLAIN,      /* http */
};

/* What comes after the reply's bytes. */
enum httpd_end {
    HTTPD_KEEP,   /* the next request on this connection */
    HTTPD_CLOSE,  /* the connection ends properly */
    HTTPD_CUT,    /* it ends without TLS saying so */
    HTTPD_HANG,   /* nothing, until the client leaves */
    HTTPD_TUNNEL, /* after CONNECT: go on as HTTPD_GOOD on the same connection */
};

struct httpd_reply {
    const char *path;   /* "/x" without its query; for CONNECT "host:port" or NULL, which is any */
    const char *bytes;  /* all of it: status line, headers, body */
    size_t fill;        /* so many bytes 'x' behind it */
    const char *tail;   /* if not NULL: this behind it */
    const char *repeat; /* if not NULL: this, again and again until the client leaves */
    int delay_ms;       /* before each repetition */
    enum httpd_end end;
};

struct httpd_request {
    char method[16];
    char target[4096]; /* with its query */
    char *head;        /* all lines, as they came */
    char *body;        /* a NUL behind it */
    size_t body_len;
    unsigned connection; /* counted from 0 */
};

struct httpd;

/* Start on a free port. replies: borrowed until httpd_stop. */
struct httpd *httpd_start(enum httpd_identity identity, const struct httpd_reply *replies,
                          size_t count);
void httpd_stop(struct httpd *httpd);
int httpd_port(const struct httpd *httpd);

/* The certificate of the good authority, readable by everybody; made at the first call. */
const char *httpd_ca_file(void);
/* Remove it. */
void httpd_ca_remove(void);

/* Requests and connections so far. */
size_t httpd_request_count(struct httpd *httpd);
size_t httpd_connection_count(struct httpd *httpd);
/* Wait until there have been so many requests; false after 10 seconds. */
bool httpd_wait(struct httpd *httpd, size_t count);
/* Wait until the clients have closed all connections; false after 10 seconds. */
bool httpd_wait_closed(struct httpd *httpd);
/* Request i, borrowed until httpd_stop. */
const struct httpd_request *httpd_request(struct httpd *httpd, size_t i);
/* The value of a header (lower-case name) in buf, NULL if absent. */
const char *httpd_header(const struct httpd_request *request, const char *name, char *buf,
                         size_t size);

#endif
