#ifndef SB_ISSUE_H
#define SB_ISSUE_H
/* What the endpoints that hand out tokens share: who asks, whether the user may, the answer. */

#include <stdbool.h>

#include "app.h"
#include "request.h"

/* Refuse by 400 and an error of RFC 6749 §5.2. */
void sb_refuse(struct sb_request *rq, const char *error, const char *description);
/* The application that sent the request; NULL when the refusal is written. Free with
 * sb_app_free. */
struct sb_app *sb_authenticate(struct sb_request *rq);
/* Whether the user gets tokens: an account that is gone or deactivated does not. */
bool sb_user_may(const struct sb_request *rq, const char *user_id);
/* Answer with an access token for a consent, and a refresh token unless it is NULL. */
void sb_answer_tokens(struct sb_request *rq, const char *consent_id, const char *user_id,
                      const char *refresh_token);

#endif
