#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

#include "cli.h"
#include "file.h"
#include "form.h"
#include "text.h"

/* Plays the person with a browser: opens the address, signs in, consents, and stops at the
 * redirect that leads back to the application. It talks to the running sandbox of this state
 * directory only, whatever the address says. */

#define PAGE_MAX (1024 * 1024)
/* authorize, sign-in, consent and its page: more than this is a loop. */
#define STEPS_MAX 8
#define TIMEOUT_SECONDS 30L

/* Pages of the service; a redirect that leads elsewhere, on our own host too, is the end. */
static const char own_pages[] = "/integrations/oauth2/";

struct person {
    char *username;
    size_t username_len;
    const char *password;
    bool deny;
    bool typed; /* the password was sent: a second sign-in page means refused */
};

struct answer {
    long status;
    struct sb_str body;
    char *location; /* NULL: none */
};

static size_t on_body(char *data, size_t size, size_t n, void *cls)
{
    struct answer *answer = cls;
    if (size * n > PAGE_MAX - answer->body.len)
        return 0;
    sb_str_addn(&answer->body, data, size * n);
    return size * n;
}

/* curl's CURLINFO_REDIRECT_URL would normalise the address; a test wants the bytes. */
static size_t on_header(char *data, size_t size, size_t n, void *cls)
{
    static const char name[] = "location:";
    struct answer *answer = cls;
    size_t length = size * n;
    if (length > sizeof name - 1 && strncasecmp(data, name, sizeof name - 1) == 0) {
        const char *value = data + sizeof name - 1;
        const char *end = data + length;
        while (value < end && *value == ' ')
            value++;
        while (end > value && (end[-1] == '\r' || end[-1] == '\n'))
            end--;
        free(answer->location);
        answer->location = sb_dupn(value, (size_t)(end - value));
    }
    return length;
}

static void answer_done(struct answer *answer)
{
    sb_str_done(&answer->body);
    free(answer->location);
    *answer = (struct answer){0};
}

/* The address of the running server, without a slash at the end. New string. */
static char *base_of(struct sb_cli *cli)
{
    char *path = sb_format("%s/url", cli->dir);
    char *text = sb_file_read(path, 256, NULL);
    if (!text)
        sb_cli_fail("no server is running in %s", cli->dir);
    text[strcspn(text, "\r\n")] = '\0';
    free(path);
    return text;
}

/* Whether the address is below the base: the same scheme, host and port. */
static bool is_own(const char *url, const char *base)
{
    size_t n = strlen(base);
    return strncmp(url, base, n) == 0 && (url[n] == '/' || url[n] == '?');
}

static CURL *start_browser(struct sb_cli *cli, struct answer *answer)
{
    CURL *curl = NULL;
    if (curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK)
        curl = curl_easy_init();
    if (!curl)
        sb_cli_fail("libcurl does not start");
    char *ca = sb_format("%s/ca.pem", cli->dir);
    curl_easy_setopt(curl, CURLOPT_CAINFO, ca);
    free(ca); /* curl has its own copy */
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "https");
    curl_easy_setopt(curl, CURLOPT_PROXY, "");
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(curl, CURLOPT_COOKIEFILE, ""); /* cookies in memory */
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, TIMEOUT_SECONDS);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "wfauth-sandbox sign-in");
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, answer);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, answer);
    return curl;
}

/* One request. post: the form, NULL for GET. */
static void fetch(CURL *curl, const char *url, const struct sb_str *post, struct answer *answer)
{
    answer_done(answer);
    curl_easy_setopt(curl, CURLOPT_URL, url);
    if (post) {
        curl_easy_setopt(curl, CURLOPT_POST, 1L);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long)post->len);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, sb_str_text(post));
    } else {
        curl_easy_setopt(curl, CURLOPT_HTTPGET, 1L);
    }
    CURLcode rc = curl_easy_perform(curl);
    if (rc != CURLE_OK)
        sb_cli_fail("the sandbox does not answer: %s", curl_easy_strerror(rc));
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &answer->status);
}

static void add_hidden(struct sb_str *form, const char *page, const char *name)
{
    char *value = sb_form_hidden(page, name);
    if (!value)
        sb_cli_fail("the page's form has no field %s", name);
    sb_str_param(form, name, value, strlen(value));
    free(value);
}

/* Fill the page's form in. New text, or the end of the program when there is nothing to fill. */
static struct sb_str fill_in(const struct answer *answer, struct person *person)
{
    const char *page = sb_str_text(&answer->body);
    char *alert = sb_form_alert(page);
    struct sb_str form = {0};
    if (sb_form_has(page, "decision")) {
        const char *decision = person->deny ? "deny" : "allow";
        add_hidden(&form, page, "request");
        add_hidden(&form, page, "csrf");
        sb_str_param(&form, "decision", decision, strlen(decision));
    } else if (sb_form_has(page, "password") && !person->typed) {
        add_hidden(&form, page, "request");
        add_hidden(&form, page, "csrf");
        sb_str_param(&form, "username", person->username, person->username_len);
        sb_str_param(&form, "password", person->password, strlen(person->password));
        person->typed = true;
    } else {
        sb_cli_fail("status %ld: %s", answer->status, alert ? alert : "a page without a form");
    }
    free(alert);
    return form;
}

/* From page to page until a redirect leads away. New string: where to. */
static char *walk(CURL *curl, struct answer *answer, const char *base, const char *start,
                  struct person *person)
{
    char *url = sb_dup(start);
    struct sb_str form = {0};
    for (int step = 0; step < STEPS_MAX; step++) {
        fetch(curl, url, form.len ? &form : NULL, answer);
        sb_str_done(&form);
        char *next = NULL;
        if (answer->location && strncmp(answer->location, own_pages, sizeof own_pages - 1) != 0) {
            free(url);
            return sb_dup(answer->location);
        }
        if (answer->location) {
            next = sb_format("%s%s", base, answer->location);
        } else {
            form = fill_in(answer, person);
            char *action = sb_form_action(sb_str_text(&answer->body));
            if (!action || strncmp(action, own_pages, sizeof own_pages - 1) != 0)
                sb_cli_fail("the form leads to another place");
            next = sb_format("%s%s", base, action);
            free(action);
        }
        free(url);
        url = next;
    }
    sb_cli_fail("too many pages");
}

static const char *read_options(struct sb_cli *cli, struct person *person)
{
    static const struct option options[] = {{"url", required_argument, NULL, 'u'},
                                            {"username", required_argument, NULL, 'n'},
                                            {"username-hex", required_argument, NULL, 'x'},
                                            {"password", required_argument, NULL, 'p'},
                                            {"deny", no_argument, NULL, 'd'},
                                            {NULL, 0, NULL, 0}};
    const char *url = NULL;
    int option;
    while ((option = sb_cli_option(cli, options)) != -1) {
        if (option == 'u') {
            url = optarg;
        } else if (option == 'n') {
            free(person->username);
            person->username = sb_dup(optarg);
            person->username_len = strlen(optarg);
        } else if (option == 'x') {
            free(person->username);
            person->username = sb_cli_hex(optarg, "--username-hex", &person->username_len);
        } else if (option == 'p') {
            person->password = optarg;
        } else if (option == 'd') {
            person->deny = true;
        }
    }
    sb_cli_end(cli);
    if (!url || !person->username || !person->password)
        sb_cli_usage("sign-in needs --url, --username and --password");
    return url;
}

int sb_cmd_sign_in(struct sb_cli *cli)
{
    struct person person = {0};
    const char *url = read_options(cli, &person);
    char *base = base_of(cli);
    if (!is_own(url, base))
        sb_cli_fail("%s is not an address of this sandbox (%s)", url, base);
    struct answer answer = {0};
    CURL *curl = start_browser(cli, &answer);
    char *end = walk(curl, &answer, base, url, &person);
    puts(end);
    free(end);
    curl_easy_cleanup(curl);
    curl_global_cleanup();
    answer_done(&answer);
    free(base);
    free(person.username);
    return 0;
}
