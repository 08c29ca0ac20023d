/* A door to the network that answers from a script and remembers what was asked. For tests of
 * what stands above the door; the real ones have tests of their own. */
#ifndef WF_TEST_FAKEDOOR_H
#define WF_TEST_FAKEDOOR_H

#include "http.h"

#define FAKE_ANSWERS_MAX 16

struct fake_answer {
    enum wf_reason reason; /* of the door itself; the rest counts where it is WF_OK */
    int status;
    const char *type; /* NULL: application/json */
    const char *body;
    size_t len; /* 0: body is a text */
    const char *etag;
    bool has_max_age;
    uint32_t max_age;
    uint32_t retry_after; /* seconds */
};

struct fake_request {
    char method[8];
    char url[4096];
    char body[8192];
    char headers[8192]; /* "Name: value\n" each */
};

/* Answers in order; behind the last one the door is WF_UNREACHABLE. Borrowed while in use. */
void fake_door_script(const struct fake_answer *answers, size_t n);
/* Requests since the script was set. */
size_t fake_door_count(void);
const struct fake_request *fake_door_request(size_t i);
/* Usable as wf_host's http_new. It signs an assertion as "signed.ISSUER.SUBJECT.AUDIENCE.LIFETIME",
 * with ".ALGORITHM" behind it where one is wanted, but none with a key that holds a '!'. */
struct wf_http *fake_door_new(const char *helper_user);

#endif
