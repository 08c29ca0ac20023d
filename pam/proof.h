/* What the host program has proven about the person before it asks this module. */
#ifndef WF_PROOF_H
#define WF_PROOF_H

#include <stdbool.h>

#include <security/pam_modules.h>

#include "wfauth.h"

/* How it is known that `user`, the handle's own, is at hand. Blocks for passwd and /proc alone. */
enum wf_proof wf_proof_find(pam_handle_t *pamh, const char *user);

/* True in sshd, which sets this in the place of a terminal's name. */
bool wf_proof_is_over_ssh(pam_handle_t *pamh);

/* True where a session is opened for the person who has signed in: sshd, login, a display manager.
 * False under sudo and su, where PAM_USER is the target by then, and a session inside another. */
bool wf_proof_is_login(pam_handle_t *pamh);

#endif
