/* The client's side of both mechanisms. */
#ifndef WF_CLIENT_H
#define WF_CLIENT_H

#include <sasl/sasl.h>
#include <sasl/saslplug.h>

/* The mechanisms, if this host is configured and no client = no forbids them all; else an empty
 * list. */
int wf_client_init(const sasl_utils_t *utils, sasl_client_plug_t **pluglist, int *plugcount);

#endif
