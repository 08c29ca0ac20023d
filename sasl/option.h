/* What the host program offers: options of its SASL configuration, a log, a remote address. */
#ifndef WF_OPTION_H
#define WF_OPTION_H

#include <sasl/sasl.h>
#include <sasl/saslplug.h>

#include "wfauth.h"

/* Bytes of an option's value, with its NUL; a longer one counts as none, and is logged. */
#define WF_OPTION_SIZE 1024

/* The value of an option ("oauthbearer_config"). False, and "", if the host has none. */
bool wf_option(const sasl_utils_t *utils, const char *name, char ret[WF_OPTION_SIZE]);
/* True for yes, true, on, 1 and t; fallback where the host has none. */
bool wf_option_flag(const sasl_utils_t *utils, const char *name, bool fallback);

/* The log of a context that many connections share: lines of a call between wf_option_speak_for and
 * the next go to that connection's log, others to the host's. ctx: the utils of the plug-in's init.
 * Audit lines and warnings go to syslog(3) whatever the host's log level, so that each decision
 * leaves a line. */
struct wf_log wf_option_log(const sasl_utils_t *utils, bool debug);
/* Of the calling thread; NULL: none. */
void wf_option_speak_for(const sasl_utils_t *utils);

/* One line for the administrator, at a SASL_LOG_… level. */
void wf_option_say(const sasl_utils_t *utils, int level, const char *fmt, ...) WF_PRINTF(3, 4);

/* What sasl_errdetail shows, to whoever knocks: no more than the kind of failure. Not logged. */
void wf_option_detail(const sasl_utils_t *utils, const char *text);

/* "192.0.2.1;993", SASL's form, as an address and, if wanted, a port. False if it is none. */
bool wf_option_address(const char *text, char *ret_host, size_t size, unsigned *ret_port);

#endif
