#include "config.h"

#include "record.h"

#include <stdlib.h>
#include <string.h>

#include "text.h"

#define AT(member) WF_MEMBER_AT(struct wf_record, member)
const struct wf_member wf_record_members[WF_RECORD_MEMBERS] = {
    {"provider", WF_MEMBER_TEXT, AT(provider), true},
    {"user", WF_MEMBER_TEXT, AT(user), true},
    {"url", WF_MEMBER_TEXT, AT(url), true},
    {"client_id", WF_MEMBER_TEXT, AT(client_id), true},
    {"subject", WF_MEMBER_TEXT, AT(subject), true},
    {"refresh_token", WF_MEMBER_SECRET, AT(refresh), false},
    {"access_token", WF_MEMBER_SECRET, AT(access), false},
    {"uid", WF_MEMBER_NUMBER, AT(uid), false},
    {"obtained", WF_MEMBER_NUMBER, AT(obtained), false},
    {"access_expires", WF_MEMBER_NUMBER, AT(access_expires), false},
    {"signed_in", WF_MEMBER_NUMBER, AT(signed_in), true},
    {"absolute_expires", WF_MEMBER_NUMBER, AT(absolute_expires), false},
    {"idle_expires", WF_MEMBER_NUMBER, AT(idle_expires), false},
    {"warned", WF_MEMBER_NUMBER, AT(warned), false},
    {"refreshing", WF_MEMBER_NUMBER, AT(refreshing), false},
    {"failed", WF_MEMBER_NUMBER, AT(failed), false},
    {"failed_as", WF_MEMBER_NUMBER, AT(failed_as), false},
    {"rest", WF_MEMBER_NUMBER, AT(rest), false},
    {"failure", WF_MEMBER_TEXT, AT(failure), false},
    {"confirmed", WF_MEMBER_NUMBER, AT(confirmed), false},
    {"claims", WF_MEMBER_TEXT, AT(claims), false},
    {"ended", WF_MEMBER_NUMBER, AT(ended), false},
    {"why", WF_MEMBER_TEXT, AT(why), false},
};

struct wf_record *wf_record_new(const struct wf_provider_conf *provider, const char *user,
                                const char *subject)
{
    struct wf_record *record = calloc(1, sizeof(*record));

    if (record == NULL)
        return NULL;
    record->provider = strdup(provider->name);
    record->user = strdup(user);
    record->url = strdup(provider->url);
    record->client_id = strdup(provider->client_id == NULL ? "-" : provider->client_id);
    record->subject = strdup(subject);
    if (record->provider == NULL || record->user == NULL || record->url == NULL ||
        record->client_id == NULL || record->subject == NULL) {
        wf_record_free(record);
        return NULL;
    }
    return record;
}

void wf_record_free(struct wf_record *record)
{
    if (record == NULL)
        return;
    wf_members_done(wf_record_members, WF_RECORD_MEMBERS, record);
    free(record);
}

const char *wf_record_fault(const struct wf_record *record, const struct wf_provider_conf *provider,
                            const char *user)
{
    const char *client_id = provider->client_id == NULL ? "-" : provider->client_id;

    if (strcmp(record->provider, provider->name) != 0 || strcmp(record->user, user) != 0)
        return "it is somebody else's";
    if (strcmp(record->url, provider->url) != 0)
        return "it is of another url of the provider's";
    if (strcmp(record->client_id, client_id) != 0)
        return "it is of another client_id of ours";
    return NULL;
}

/* Clean words of our own in place of those that stand there. False if memory is short. */
static bool replace_words(char **words, const char *text)
{
    char clean[WF_STORE_WHY_MAX];

    wf_text_sanitise(clean, sizeof(clean), text, strlen(text));
    char *copy = strdup(clean[0] == '\0' ? "-" : clean);
    if (copy == NULL)
        return false;
    free(*words);
    *words = copy;
    return true;
}

bool wf_record_fail(struct wf_record *record, int64_t now, enum wf_reason reason, int64_t rest,
                    const char *text)
{
    if (!replace_words(&record->failure, text))
        return false;
    record->failed = now;
    record->failed_as = reason;
    record->rest = rest;
    return true;
}

int64_t wf_record_rest(const struct wf_record *record)
{
    if (record->rest < WF_RECORD_REST)
        return WF_RECORD_REST;
    return record->rest < WF_RECORD_REST_MAX ? record->rest : WF_RECORD_REST_MAX;
}

enum wf_reason wf_record_failure(const struct wf_record *record)
{
    if (record->failed_as == WF_CONFIG)
        return WF_CONFIG;
    return record->failed_as == WF_INTERNAL ? WF_INTERNAL : WF_UNREACHABLE;
}

bool wf_record_end(struct wf_record *record, int64_t now, const char *why)
{
    if (!replace_words(&record->why, why))
        return false;
    record->ended = now;
    record->refreshing = 0;
    wf_secret_free(record->refresh);
    wf_secret_free(record->access);
    record->refresh = NULL;
    record->access = NULL;
    return true;
}

enum wf_reason wf_record_check(const struct wf_record *record, struct wf_err *err)
{
    bool ended = record->ended != 0;

    if (ended != (record->why != NULL) || ended != (record->access == NULL))
        return wf_fail(err, WF_MALFORMED, "it is neither a session nor the end of one");
    return WF_OK;
}
