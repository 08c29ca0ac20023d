#ifndef SB_HANDLERS_H
#define SB_HANDLERS_H
/* The endpoints. Each fills rq->reply from rq; all run inside one database transaction, so a
 * code or a refresh token can be used once even by two clients at the same moment. */

#include "request.h"

/* authorize.c: GET /integrations/oauth2/authorize, POST …/sign-in, GET and POST …/consent */
void sb_authorize(struct sb_request *rq);
void sb_sign_in(struct sb_request *rq);
void sb_consent(struct sb_request *rq);

/* token.c: POST /integrations/oauth2/api/v1/token; jwt.c: POST …/jwt/exchange */
void sb_token(struct sb_request *rq);
void sb_jwt_exchange(struct sb_request *rq);

/* api.c: GET /attask/api/VERSION/user/search and …/logout */
void sb_user_search(struct sb_request *rq);
void sb_logout(struct sb_request *rq);

/* callback.c: GET /callback/ */
void sb_callback(struct sb_request *rq);

#endif
