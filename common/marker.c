#include "config.h"

#include "marker.h"

#include <string.h>

#include "buf.h"
#include "file.h"

/* The longest path that a marker may name (PATH_MAX). */
#define PATH_BYTES ((size_t)4096)

/* What stands behind the marker's word; ptr NULL if `given` does not begin with it. */
static struct wf_span behind(const char *word, const char *given, size_t len)
{
    size_t skip = strlen(word);

    if (len < skip || memcmp(given, word, skip) != 0)
        return (struct wf_span){NULL, 0};
    return (struct wf_span){given + skip, len - skip};
}

static bool is_token(struct wf_span text)
{
    return text.len > 0 && wf_text_is_printable(text.ptr, text.len) &&
           memchr(text.ptr, ' ', text.len) == NULL;
}

static enum wf_reason keep(struct wf_span text, struct wf_secret **ret, struct wf_err *err)
{
    struct wf_secret *secret = wf_secret_new(text.ptr, text.len);

    if (secret == NULL)
        return wf_fail(err, WF_INTERNAL, "out of memory for a token");
    *ret = secret;
    return WF_OK;
}

static enum wf_reason from_file(struct wf_span path, struct wf_secret **ret, struct wf_err *err)
{
    struct wf_buf name = WF_BUF_INIT(PATH_BYTES);
    /* More than a token may have, so that it is said that it is too long, not that it was cut */
    struct wf_buf data = WF_BUF_INIT(WF_MARKER_TOKEN_MAX + 1024);
    enum wf_reason reason = WF_INTERNAL;

    wf_buf_append(&name, path.ptr, path.len);
    const char *text = wf_buf_text_borrow(&name);
    if (text == NULL || memchr(path.ptr, '\0', path.len) != NULL) {
        reason = wf_fail(err, WF_CONFIG, "file:PATH has no path of a file, or a too long one");
        goto out;
    }
    reason = wf_file_read(text, WF_FILE_SECRET, &data, err);
    if (reason != WF_OK)
        goto out;
    struct wf_span token = wf_text_trim((const char *)data.data, data.len);
    if (token.len > WF_MARKER_TOKEN_MAX)
        reason = wf_fail(err, WF_TOO_LARGE, "%s holds more than a token of %zu bytes", text,
                         WF_MARKER_TOKEN_MAX);
    else if (!is_token(token))
        reason =
            wf_fail(err, WF_MALFORMED,
                    "%s holds no token: expected one line of printable ASCII without blanks", text);
    else
        reason = keep(token, ret, err);
out:
    wf_buf_done(&data);
    wf_buf_done(&name);
    return reason;
}

bool wf_marker_is_provider(enum wf_markers markers, const char *given, size_t len,
                           struct wf_span *ret_name)
{
    *ret_name = behind("provider:", given, len);
    return ret_name->ptr != NULL &&
           (markers == WF_MARKERS_PROVIDER || markers == WF_MARKERS_BOTH);
}

enum wf_reason wf_marker_token(enum wf_markers markers, const char *given, size_t len,
                               struct wf_secret **ret, struct wf_err *err)
{
    bool files = markers == WF_MARKERS_FILE || markers == WF_MARKERS_BOTH;
    struct wf_span path = behind("file:", given, len);
    struct wf_span token = wf_text_trim(given, len);

    if (files && path.ptr != NULL)
        return from_file(path, ret, err);
    if (token.len > WF_MARKER_TOKEN_MAX)
        return wf_fail(err, WF_TOO_LARGE, "what was given has more than %zu bytes",
                       WF_MARKER_TOKEN_MAX);
    if (!is_token(token))
        return wf_fail(err, WF_MALFORMED,
                       "what was given is no token: expected printable ASCII without blanks");
    return keep(token, ret, err);
}
