/* The server's side of both mechanisms. */
#ifndef WF_SERVER_H
#define WF_SERVER_H

#include <sasl/sasl.h>
#include <sasl/saslplug.h>

/* The mechanisms, if this host is configured; an empty list, and silence, if not. A bad
 * configuration is logged, and gives an empty list, too. Where the process is root's, which may go
 * to a jail or to another user next, the keys are read or fetched now. */
int wf_server_init(const sasl_utils_t *utils, sasl_server_plug_t **pluglist, int *plugcount);

#endif
