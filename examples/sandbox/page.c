#include "config.h"

#include "page.h"

#include <stdlib.h>
#include <string.h>

#include "crypto.h"

static const char style[] =
    ":root{color-scheme:light dark}"
    "body{font:1rem/1.5 system-ui,sans-serif;max-width:30rem;margin:0 auto;padding:1.5rem;"
    "overflow-wrap:anywhere}"
    "h1{font-size:1.4rem;line-height:1.25}"
    "label{display:block;margin-top:1rem}"
    "input{font:inherit;width:100%;box-sizing:border-box;padding:.6rem;border:1px solid #777;"
    "border-radius:.4rem}"
    "button{font:inherit;padding:.6rem 1.4rem;margin:1.25rem .5rem 0 0;border-radius:.4rem;"
    "border:1px solid #777;cursor:pointer}"
    "button.main{background:#1473e6;border-color:#1473e6;color:#fff}"
    "button.quiet{border:0;background:none;text-decoration:underline;padding:.6rem 0}"
    ":focus-visible{outline:3px solid #f5a623;outline-offset:2px}"
    ".alert{border-left:.3rem solid #d7373f;padding:.5rem .75rem;background:#d7373f22}"
    ".note{font-size:.875rem;opacity:.8}"
    "img{display:block;max-width:8rem;max-height:8rem}"
    "dt{font-weight:600}dd{margin:0 0 .5rem}";

void sb_page_headers(struct sb_reply *reply, const char *policy)
{
    sb_reply_header(reply, "Cache-Control", "no-store");
    sb_reply_header(reply, "Referrer-Policy", "no-referrer");
    sb_reply_header(reply, "X-Content-Type-Options", "nosniff");
    sb_reply_header(reply, "X-Frame-Options", "DENY");
    sb_reply_header(reply, "Content-Security-Policy", policy);
}

static void add_text(struct sb_str *out, const char *text)
{
    sb_str_html(out, text, strlen(text));
}

/* A foreign value: isolated, so that right-to-left marks in it cannot reorder our own words. */
static void add_value(struct sb_str *out, const char *bytes, size_t n)
{
    sb_str_add(out, "<bdi>");
    sb_str_html(out, bytes, n);
    sb_str_add(out, "</bdi>");
}

/* form_action: where forms may lead besides this server, "" for nowhere. Browsers apply the
 * policy to the redirect that follows a form, so the consent page must name the client's origin. */
static void begin(struct sb_request *rq, int status, const char *title, const char *form_action)
{
    char *hash = sb_sha256_base64(style, strlen(style));
    char *policy = sb_format("default-src 'none'; style-src 'sha256-%s'; img-src data:; "
                             "form-action 'self' %s; base-uri 'none'; frame-ancestors 'none'",
                             hash, form_action);
    sb_reply_start(&rq->reply, status, "text/html; charset=utf-8");
    sb_page_headers(&rq->reply, policy);
    free(policy);
    free(hash);
    struct sb_str *out = &rq->reply.body;
    sb_str_add(out, "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
                    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">"
                    "<title>");
    add_text(out, title);
    sb_str_add(out, "</title><style>");
    sb_str_add(out, style);
    sb_str_add(out, "</style></head><body><main>\n<h1>");
    add_text(out, title);
    sb_str_add(out, "</h1>\n");
}

static void end(struct sb_request *rq)
{
    sb_str_add(&rq->reply.body, "<p class=\"note\">wfauth sandbox: a stand-in for Workfront. "
                                "Type no real password here.</p>\n</main></body></html>\n");
}

static void add_alert(struct sb_str *out, const char *text)
{
    if (!text)
        return;
    sb_str_add(out, "<p class=\"alert\" role=\"alert\">");
    add_text(out, text);
    sb_str_add(out, "</p>\n");
}

static void add_form(struct sb_str *out, const char *action, const struct sb_form *form)
{
    sb_str_addf(out, "<form method=\"post\" action=\"%s\">\n", action);
    sb_str_add(out, "<input type=\"hidden\" name=\"request\" value=\"");
    add_text(out, form->pending_id);
    sb_str_add(out, "\">\n<input type=\"hidden\" name=\"csrf\" value=\"");
    add_text(out, form->csrf);
    sb_str_add(out, "\">\n");
}

void sb_page_error(struct sb_request *rq, int status, const char *text, const char *result)
{
    begin(rq, status, "This request cannot be answered", "");
    add_alert(&rq->reply.body, text);
    end(rq);
    rq->result = result;
}

void sb_page_sign_in(struct sb_request *rq, int status, const struct sb_app *app,
                     const struct sb_form *form)
{
    begin(rq, status, "Sign in to Workfront (sandbox)", "");
    struct sb_str *out = &rq->reply.body;
    sb_str_add(out, "<p>to continue to ");
    add_value(out, app->name, strlen(app->name));
    sb_str_add(out, "</p>\n");
    add_alert(out, form->alert);
    add_form(out, "/integrations/oauth2/sign-in", form);
    sb_str_add(out, "<label for=\"username\">User name</label>\n"
                    "<input id=\"username\" name=\"username\" type=\"text\" required autofocus "
                    "autocomplete=\"username\" autocapitalize=\"none\" spellcheck=\"false\">\n"
                    "<label for=\"password\">Password</label>\n"
                    "<input id=\"password\" name=\"password\" type=\"password\" required "
                    "autocomplete=\"current-password\">\n"
                    "<button class=\"main\" type=\"submit\">Sign in</button>\n</form>\n");
    end(rq);
}

static void add_link(struct sb_str *out, const char *label, const char *url)
{
    if (!*url)
        return;
    sb_str_addf(out, "<dt>%s</dt><dd><a rel=\"noreferrer noopener\" target=\"_blank\" href=\"",
                label);
    add_text(out, url); /* http or https only: sb_app_problem */
    sb_str_add(out, "\">");
    add_value(out, url, strlen(url));
    sb_str_add(out, "</a></dd>\n");
}

static void add_field(struct sb_str *out, const char *label, const char *value)
{
    if (!*value)
        return;
    sb_str_addf(out, "<dt>%s</dt><dd>", label);
    add_value(out, value, strlen(value));
    sb_str_add(out, "</dd>\n");
}

static void add_app(struct sb_str *out, const struct sb_app *app)
{
    const char *type = app->logo ? sb_logo_type(app->logo, app->logo_len) : NULL;
    if (type) {
        char *data = sb_base64(app->logo, app->logo_len);
        sb_str_addf(out, "<img alt=\"\" src=\"data:%s;base64,%s\">\n", type, data);
        free(data);
    }
    sb_str_add(out, "<p>The application <strong>");
    add_value(out, app->name, strlen(app->name));
    sb_str_add(out, "</strong> asks to use Workfront as you.</p>\n<dl>\n");
    add_field(out, "Description", app->description);
    add_field(out, "Developer", app->developer_name);
    add_field(out, "Developer e-mail", app->developer_email);
    add_link(out, "About the application", app->app_url);
    add_link(out, "Privacy policy", app->privacy_url);
    sb_str_add(out, "</dl>\n");
}

/* Scheme and host of an address whose form sb_app_problem has judged. New string. */
static char *origin(const char *url)
{
    const char *host = strstr(url, "://");
    if (!host || strncmp(url, "http", 4) != 0)
        return sb_dupn(url, strcspn(url, ":") + 1);
    return sb_dupn(url, (size_t)(host - url) + 3 + strcspn(host + 3, "/?"));
}

void sb_page_consent(struct sb_request *rq, const struct sb_app *app, const struct sb_user *user,
                     const struct sb_form *form, const char *redirect_uri, bool offline)
{
    char *target = origin(redirect_uri);
    begin(rq, 200, "Allow access?", target);
    free(target);
    struct sb_str *out = &rq->reply.body;
    add_alert(out, form->alert);
    add_app(out, app);
    sb_str_add(out, "<p>You are signed in as <strong>");
    add_value(out, user->name, strlen(user->name));
    sb_str_add(out, "</strong> (");
    add_value(out, user->username, user->username_len);
    sb_str_add(out, ").</p>\n");
    if (offline)
        sb_str_add(out, "<p>It may keep this access while you are away.</p>\n");
    sb_str_add(out, "<p>You will be sent to ");
    add_value(out, redirect_uri, strlen(redirect_uri));
    sb_str_add(out, "</p>\n");
    add_form(out, "/integrations/oauth2/consent", form);
    sb_str_add(out,
               "<button class=\"main\" type=\"submit\" name=\"decision\" value=\"allow\">Allow"
               "</button>\n"
               "<button type=\"submit\" name=\"decision\" value=\"deny\">Deny</button>\n"
               "<div><button class=\"quiet\" type=\"submit\" name=\"decision\" value=\"switch\">"
               "Use another account</button></div>\n</form>\n");
    end(rq);
}
