#ifndef SB_SERVER_H
#define SB_SERVER_H
/* The HTTPS server: reads requests, lets a handler answer, applies faults, keeps the record. */

#include <stdint.h>

#include <sqlite3.h>

#include "cert.h"
#include "request.h"

struct sb_server;

/* Listen on 127.0.0.1. port 0: any free one; `prefer` is tried before (0: none). The arguments
 * must outlive the server. New server, or NULL when it cannot listen (the reason is printed). */
struct sb_server *sb_server_start(const struct sb_settings *settings, sqlite3 *db,
                                  const struct sb_cert *cert, uint16_t port, uint16_t prefer);
/* The port it listens on. */
uint16_t sb_server_port(const struct sb_server *server);
/* Answer what is under way, wake what hangs, end. */
void sb_server_stop(struct sb_server *server);

#endif
