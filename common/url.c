#include "config.h"

#include "url.h"

#include <string.h>

static bool starts_with(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

static bool is_loopback(struct wf_span host)
{
    return wf_span_equals(host, "127.0.0.1") || wf_span_equals(host, "[::1]") ||
           wf_span_equals(host, "localhost");
}

/* A name, an IPv4 address, or an IPv6 address in brackets: by its characters alone; whether it
 * exists, the resolver says. */
static bool host_is_plausible(struct wf_span host)
{
    static const char name_bytes[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-_";
    static const char v6_bytes[] = "0123456789abcdefABCDEF:.";
    const char *allowed = name_bytes;

    if (host.len >= 2 && host.ptr[0] == '[' && host.ptr[host.len - 1] == ']') {
        allowed = v6_bytes;
        host = (struct wf_span){host.ptr + 1, host.len - 2};
    }
    if (host.len == 0 || host.len > 253)
        return false;
    for (size_t i = 0; i < host.len; i++) {
        if (strchr(allowed, host.ptr[i]) == NULL)
            return false;
    }
    return true;
}

/* Split "host:port" and check both. */
static bool split_authority(struct wf_span authority, struct wf_span *ret_host)
{
    struct wf_span host = authority;
    uint64_t port;

    for (size_t i = authority.len; i > 0 && authority.ptr[i - 1] != ']'; i--) {
        if (authority.ptr[i - 1] == ':') {
            struct wf_span digits = {authority.ptr + i, authority.len - i};
            if (!wf_text_number(digits, 1, 65535, &port))
                return false;
            host.len = i - 1;
            break;
        }
    }
    *ret_host = host;
    return host_is_plausible(host);
}

enum wf_reason wf_url_check(const char *url, bool http_loopback, struct wf_err *err)
{
    bool http = starts_with(url, "http://");
    struct wf_span host;

    if (!http && !starts_with(url, "https://"))
        return wf_fail(err, WF_CONFIG, "\"%.100s\" does not begin with https://", url);
    if (strlen(url) > WF_URL_MAX || !wf_text_is_printable(url, strlen(url)) ||
        strpbrk(url, " \\\"<>") != NULL)
        return wf_fail(err, WF_CONFIG, "\"%.100s\" is too long or has forbidden characters", url);
    if (strchr(url, '#') != NULL)
        return wf_fail(err, WF_CONFIG, "\"%.100s\" has a fragment (#…)", url);
    const char *start = strstr(url, "://") + 3;
    struct wf_span authority = {start, strcspn(start, "/?")};
    if (memchr(authority.ptr, '@', authority.len) != NULL)
        return wf_fail(err, WF_CONFIG, "\"%.100s\" has user information (…@)", url);
    if (!split_authority(authority, &host))
        return wf_fail(err, WF_CONFIG, "\"%.100s\" has no valid host and port", url);
    if (http && !(http_loopback && is_loopback(host)))
        return wf_fail(err, WF_CONFIG,
                       "\"%.100s\" is plain http, which is allowed only to loopback and with "
                       "allow_http_loopback = yes",
                       url);
    return WF_OK;
}

void wf_url_encode(struct wf_buf *out, struct wf_span data)
{
    static const char hex[] = "0123456789ABCDEF";
    static const char unreserved[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";

    for (size_t i = 0; i < data.len; i++) {
        uint8_t byte = (uint8_t)data.ptr[i];
        if (byte != 0 && strchr(unreserved, byte) != NULL) {
            wf_buf_append_byte(out, byte);
        } else {
            wf_buf_append_byte(out, '%');
            wf_buf_append_byte(out, (uint8_t)hex[byte >> 4]);
            wf_buf_append_byte(out, (uint8_t)hex[byte & 15]);
        }
    }
}

void wf_form_append(struct wf_buf *out, const char *name, struct wf_span value)
{
    if (out->len > 0 && out->data[out->len - 1] != '?' && out->data[out->len - 1] != '&')
        wf_buf_append_byte(out, '&');
    wf_url_encode(out, (struct wf_span){name, strlen(name)});
    wf_buf_append_byte(out, '=');
    wf_url_encode(out, value);
}

void wf_form_append_text(struct wf_buf *out, const char *name, const char *value)
{
    if (value != NULL)
        wf_form_append(out, name, (struct wf_span){value, strlen(value)});
}

/* 0..15, or -1 */
static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

enum wf_reason wf_form_decode(struct wf_buf *out, struct wf_span value)
{
    for (size_t i = 0; i < value.len; i++) {
        int byte = (unsigned char)value.ptr[i];
        if (byte == '+') {
            byte = ' ';
        } else if (byte == '%') {
            if (value.len - i < 3)
                return WF_MALFORMED;
            int high = hex_value(value.ptr[i + 1]);
            int low = hex_value(value.ptr[i + 2]);
            if (high < 0 || low < 0)
                return WF_MALFORMED;
            byte = high * 16 + low;
            i += 2;
        }
        if (byte == 0)
            return WF_MALFORMED;
        wf_buf_append_byte(out, (uint8_t)byte);
    }
    return wf_buf_ok(out) ? WF_OK : WF_INTERNAL;
}

enum wf_reason wf_form_find(struct wf_span query, const char *name, struct wf_span *ret_value)
{
    struct wf_span found = {NULL, 0};
    struct wf_span pair;

    while (wf_text_next(&query, '&', &pair)) {
        const char *equals = pair.len == 0 ? NULL : memchr(pair.ptr, '=', pair.len);
        size_t name_len = equals == NULL ? pair.len : (size_t)(equals - pair.ptr);
        if (!wf_span_equals((struct wf_span){pair.ptr, name_len}, name))
            continue;
        if (found.ptr != NULL)
            return WF_MALFORMED;
        found.ptr = pair.ptr + name_len + (equals == NULL ? 0 : 1);
        found.len = pair.len - (size_t)(found.ptr - pair.ptr);
    }
    *ret_value = found;
    return WF_OK;
}
