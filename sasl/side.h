/* What the two mechanisms of one side share. */
#ifndef WF_SIDE_H
#define WF_SIDE_H

#include <sasl/sasl.h>
#include <sasl/saslplug.h>

#include "option.h"
#include "wfauth.h"

#define WF_OAUTHBEARER "OAUTHBEARER"
#define WF_XOAUTH2 "XOAUTH2"

struct wf_side;

/* One mechanism: its glob_context. */
struct wf_mech {
    struct wf_side *side;
    bool xoauth2;
};

/* One side, server or client, of one init of the plug-in. libsasl frees each mechanism by itself,
 * and never while another thread uses it: the last one frees the side. */
struct wf_side {
    struct wf_context *context;
    char service[WF_OPTION_SIZE]; /* oauthbearer_service; "": the application's own name */
    unsigned users;
    struct wf_mech mechs[2];
    union {
        sasl_server_plug_t server[2];
        sasl_client_plug_t client[2];
    } plugs; /* what libsasl holds on to */
};

/* WF_OK and *ret NULL: this host is not configured. Texts of failures are logged. *ret: new,
 * wf_side_free, or wf_mech_free once for each mechanism. No request is sent. */
enum wf_reason wf_side_new(const sasl_utils_t *utils, struct wf_side **ret) WF_MUST_USE;
void wf_side_free(struct wf_side *side);

/* A mechanism's mech_free: the last one frees the side. glob_context: its struct wf_mech. */
void wf_mech_free(void *glob_context, const sasl_utils_t *utils);
/* The exchange is over, and brings no layer of its own. */
void wf_mech_finish(sasl_out_params_t *oparams);

/* The name under which the configuration knows the application's service. Borrowed. */
const char *wf_side_service(const struct wf_side *side, const char *service);

#endif
