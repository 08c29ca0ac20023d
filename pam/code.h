/* The one table from the core's reasons to what a PAM module returns. */
#ifndef WF_CODE_H
#define WF_CODE_H

#include "wfauth.h"

/* PAM_SUCCESS for WF_OK alone; never PAM_IGNORE. */
int wf_pam_code(enum wf_reason reason);

#endif
