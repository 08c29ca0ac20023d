#include "config.h"

#include "http_cache.h"

#include <string.h>

bool wf_http_seconds(struct wf_span value, uint32_t max, uint32_t *ret)
{
    uint64_t seconds = 0;

    if (value.len == 0)
        return false;
    for (size_t i = 0; i < value.len; i++) {
        if (value.ptr[i] < '0' || value.ptr[i] > '9')
            return false;
        seconds = seconds * 10 + (uint64_t)(value.ptr[i] - '0');
        if (seconds > max)
            seconds = max;
    }
    *ret = (uint32_t)seconds;
    return true;
}

static void shorten(struct wf_http_cache *cache, uint32_t seconds)
{
    if (!cache->has_max_age || seconds < cache->max_age)
        cache->max_age = seconds;
    cache->has_max_age = true;
}

/* One directive: name, or name=value, where the value may be quoted (RFC 9111 §5.2). */
static void take_directive(struct wf_http_cache *cache, struct wf_span directive)
{
    const char *equals = directive.len == 0 ? NULL : memchr(directive.ptr, '=', directive.len);
    struct wf_span name = directive;
    struct wf_span value = {NULL, 0};
    uint32_t seconds = 0;

    if (equals != NULL) {
        name.len = (size_t)(equals - directive.ptr);
        value = (struct wf_span){equals + 1, directive.len - name.len - 1};
    }
    if (value.len >= 2 && value.ptr[0] == '"' && value.ptr[value.len - 1] == '"')
        value = (struct wf_span){value.ptr + 1, value.len - 2};
    if (wf_span_equals_fold(name, "no-store") || wf_span_equals_fold(name, "no-cache"))
        shorten(cache, 0);
    if (wf_span_equals_fold(name, "max-age") &&
        wf_http_seconds(value, WF_HTTP_MAX_AGE_MAX, &seconds))
        shorten(cache, seconds);
}

bool wf_http_etag_is_valid(struct wf_span tag)
{
    if (tag.len >= 2 && memcmp(tag.ptr, "W/", 2) == 0)
        tag = (struct wf_span){tag.ptr + 2, tag.len - 2};
    if (tag.len < 2 || tag.ptr[0] != '"' || tag.ptr[tag.len - 1] != '"')
        return false;
    for (size_t i = 1; i < tag.len - 1; i++) {
        char c = tag.ptr[i];
        if (c <= 0x20 || c > 0x7e || c == '"')
            return false;
    }
    return true;
}

static void take_etag(struct wf_http_cache *cache, struct wf_span value,
                      struct wf_http_response *response)
{
    bool usable = !cache->etag_seen && value.len < sizeof(response->etag) &&
                  wf_http_etag_is_valid(value);

    cache->etag_seen = true;
    response->etag[0] = '\0';
    if (!usable)
        return;
    memcpy(response->etag, value.ptr, value.len);
    response->etag[value.len] = '\0';
}

void wf_http_cache_take(struct wf_http_cache *cache, struct wf_span name, struct wf_span value,
                        struct wf_http_response *response)
{
    struct wf_span directive;
    uint32_t seconds = 0;

    if (wf_span_equals_fold(name, "etag"))
        take_etag(cache, value, response);
    if (wf_span_equals_fold(name, "age") && wf_http_seconds(value, WF_HTTP_MAX_AGE_MAX, &seconds) &&
        seconds > cache->age)
        cache->age = seconds;
    if (wf_span_equals_fold(name, "cache-control")) {
        while (wf_text_next(&value, ',', &directive))
            take_directive(cache, directive);
    }
}

void wf_http_cache_finish(const struct wf_http_cache *cache, struct wf_http_response *response)
{
    response->has_max_age = cache->has_max_age;
    response->max_age = cache->max_age > cache->age ? cache->max_age - cache->age : 0;
}
