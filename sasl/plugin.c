/* What libsasl looks for in the module. */
#include "config.h"

#include <sasl/sasl.h>
#include <sasl/saslplug.h>

#include "client.h"
#include "server.h"
#include "wfauth.h"

WF_EXPORT int sasl_server_plug_init(const sasl_utils_t *utils, int max_version, int *out_version,
                                    sasl_server_plug_t **pluglist, int *plugcount);
WF_EXPORT int sasl_client_plug_init(const sasl_utils_t *utils, int max_version, int *out_version,
                                    sasl_client_plug_t **pluglist, int *plugcount);

int sasl_server_plug_init(const sasl_utils_t *utils, int max_version, int *out_version,
                          sasl_server_plug_t **pluglist, int *plugcount)
{
    if (max_version < SASL_SERVER_PLUG_VERSION)
        return SASL_BADVERS;
    *out_version = SASL_SERVER_PLUG_VERSION;
    *pluglist = NULL;
    *plugcount = 0;
    return wf_server_init(utils, pluglist, plugcount);
}

int sasl_client_plug_init(const sasl_utils_t *utils, int max_version, int *out_version,
                          sasl_client_plug_t **pluglist, int *plugcount)
{
    if (max_version < SASL_CLIENT_PLUG_VERSION)
        return SASL_BADVERS;
    *out_version = SASL_CLIENT_PLUG_VERSION;
    *pluglist = NULL;
    *plugcount = 0;
    return wf_client_init(utils, pluglist, plugcount);
}
