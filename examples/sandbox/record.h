#ifndef SB_RECORD_H
#define SB_RECORD_H
/* The record of requests: what a test may count and look at. It holds no secret, code, token or
 * password: names of parameters only, and of those only names that we know, because a client in
 * error may send a secret where a name belongs. */

#include "request.h"

/* Note that a request has arrived. Returns its number. */
long long sb_record_begin(const struct sb_request *rq, const char *method, long long connection,
                          const char *user_agent);
/* Note how it was answered; status 0: not at all. */
void sb_record_end(const struct sb_request *rq, long long id);
/* The highest connection number in the record: the next server goes on from it. */
long long sb_record_last_connection(sqlite3 *db);

#endif
