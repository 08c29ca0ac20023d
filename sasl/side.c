#include "config.h"

#include "side.h"

#include <stdlib.h>

void wf_side_free(struct wf_side *side)
{
    wf_context_free(side->context);
    free(side);
}

enum wf_reason wf_side_new(const sasl_utils_t *utils, struct wf_side **ret)
{
    enum wf_reason reason = WF_INTERNAL;
    char config[WF_OPTION_SIZE];
    struct wf_err err = WF_ERR_INIT;
    struct wf_host host = {.http_new = wf_http_choose_new};
    struct wf_side *side = NULL;

    if (wf_option(utils, "oauthbearer_config", config))
        host.config = config;
    else if (!wf_is_configured(NULL))
        return WF_OK;
    side = calloc(1, sizeof(*side));
    if (side == NULL)
        return WF_INTERNAL;
    side->users = WF_ARRAY_LEN(side->mechs);
    side->mechs[0] = (struct wf_mech){side, false};
    side->mechs[1] = (struct wf_mech){side, true};
    (void)wf_option(utils, "oauthbearer_service", side->service);
    host.log = wf_option_log(utils, wf_option_flag(utils, "oauthbearer_debug", false));
    reason = wf_context_new(&host, &side->context, &err);
    if (reason != WF_OK) {
        wf_option_say(utils, SASL_LOG_ERR, "the mechanisms are not offered: %s", err.text);
        wf_side_free(side);
        return reason;
    }
    *ret = side;
    return WF_OK;
}

void wf_mech_free(void *glob_context, const sasl_utils_t *utils)
{
    struct wf_side *side = ((const struct wf_mech *)glob_context)->side;

    (void)utils;
    if (--side->users == 0)
        wf_side_free(side);
}

void wf_mech_finish(sasl_out_params_t *oparams)
{
    oparams->doneflag = 1;
    oparams->mech_ssf = 0;
    oparams->maxoutbuf = 0;
    oparams->encode_context = NULL;
    oparams->encode = NULL;
    oparams->decode_context = NULL;
    oparams->decode = NULL;
    oparams->param_version = 0;
}

const char *wf_side_service(const struct wf_side *side, const char *service)
{
    return side->service[0] != '\0' || service == NULL ? side->service : service;
}
