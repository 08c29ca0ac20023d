/* wfauth.conf.5 and the table of keys say the same: names, sections, defaults, what is required;
 * and the page's examples are accepted. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "conf_keys.h"

static char page[64 * 1024];

static int read_page(void **state)
{
    (void)state;
    FILE *file = fopen(TEST_MAN_PAGE, "r");

    if (file == NULL)
        return -1;
    size_t len = fread(page, 1, sizeof(page) - 1, file);
    page[len] = '\0';
    return fclose(file) == 0 && len < sizeof(page) - 1 ? 0 : -1;
}

/* The n-th ".It Cm NAME" of the page, and its text up to the next macro of that kind. False behind
 * the last. */
static bool item(size_t n, char *name, size_t name_size, char *text, size_t text_size,
                 enum wf_conf_owner *ret_owner)
{
    static const char mark[] = "\n.It Cm ";
    static const char *const headings[] = {
        [WF_CONF_OF_PROVIDER] = "\n.Ss Keys of a provider\n",
        [WF_CONF_OF_NAMING] = "\n.Ss Keys that make names\n",
        [WF_CONF_OF_POLICY] = "\n.Ss Keys of a service\n",
    };
    const char *start = page;

    for (size_t i = 0; start != NULL && i <= n; i++) {
        start = strstr(start, mark);
        start = start == NULL ? NULL : start + strlen(mark);
    }
    if (start == NULL)
        return false;
    const char *line_end = strchr(start, '\n');
    const char *next = strstr(line_end, "\n.It ");
    const char *list_end = strstr(line_end, "\n.El\n");
    const char *end = next != NULL && next < list_end ? next : list_end;
    (void)snprintf(name, name_size, "%.*s", (int)(line_end - start), start);
    assert_true((size_t)(end - line_end) < text_size);
    (void)snprintf(text, text_size, "%.*s\n", (int)(end - line_end), line_end);
    for (size_t i = 0; i < WF_ARRAY_LEN(headings); i++) {
        const char *heading = strstr(page, headings[i]);
        assert_non_null(heading);
        if (heading < start)
            *ret_owner = (enum wf_conf_owner)i;
    }
    return true;
}

static void check_item(const struct wf_conf_key *key, const char *text)
{
    char wanted[200];
    char number[30];

    if (key->required != (strstr(text, "\nRequired.\n") != NULL))
        fail_msg("%s: the page and the table differ on whether it is required", key->name);
    if (key->required == (strstr(text, "\nDefault:") != NULL))
        fail_msg("%s: either required or a default", key->name);
    if (key->standard != NULL) {
        (void)snprintf(wanted, sizeof(wanted), "\nDefault:\n.Li %s ", key->standard);
        if (strstr(text, wanted) == NULL)
            fail_msg("%s: the page does not say \"Default: %s\"", key->name, key->standard);
    }
    if (key->standard_oidc != NULL) {
        (void)snprintf(wanted, sizeof(wanted), "\nwith\n.Li oidc\n.Li %s ", key->standard_oidc);
        if (strstr(text, wanted) == NULL)
            fail_msg("%s: the page does not name the default %s", key->name, key->standard_oidc);
    }
    bool one_type = key->only != WF_CONF_FOR_ALL;
    (void)snprintf(wanted, sizeof(wanted), "\nWith\n.Li %s\nalone.\n",
                   key->only == WF_CONF_FOR_OIDC ? "oidc" : "workfront");
    if (one_type != (strstr(text, wanted) != NULL))
        fail_msg("%s: the page and the table differ on the types of provider", key->name);
    (void)snprintf(number, sizeof(number), "%llu", (unsigned long long)key->range.max);
    if (key->range.max != 0 && strstr(text, number) == NULL)
        fail_msg("%s: the page does not name the maximum, %s", key->name, number);
    struct wf_span rest = {key->range.choices,
                           key->range.choices == NULL ? 0 : strlen(key->range.choices)};
    struct wf_span choice;
    while (wf_text_next(&rest, '|', &choice)) {
        (void)snprintf(wanted, sizeof(wanted), "\n.Li %.*s", (int)choice.len, choice.ptr);
        if (strstr(text, wanted) == NULL)
            fail_msg("%s: the page does not name %s", key->name, wanted + 5);
    }
}

static void test_keys(void **state)
{
    (void)state;
    char name[100];
    char text[4000];
    bool seen[WF_CONF_KEY_COUNT] = {false};
    enum wf_conf_owner owner = WF_CONF_OF_PROVIDER;
    enum wf_conf_key_id id;

    for (size_t n = 0; item(n, name, sizeof(name), text, sizeof(text), &owner); n++) {
        if (!wf_conf_key_find(name, &id))
            fail_msg("the page documents %s, which does not exist", name);
        if (seen[id])
            fail_msg("the page documents %s twice", name);
        seen[id] = true;
        if (wf_conf_key(id)->owner != owner)
            fail_msg("the page has %s among the keys of other sections", name);
        /* Set by configure; the page says so */
        if (id != WF_KEY_HELPER_USER)
            check_item(wf_conf_key(id), text);
    }
    for (size_t i = 0; i < WF_CONF_KEY_COUNT; i++) {
        if (!seen[i])
            fail_msg("the page does not document %s", wf_conf_key((enum wf_conf_key_id)i)->name);
    }
}

/* Every literal block that begins with a section is a configuration. */
static void test_examples(void **state)
{
    (void)state;
    static const char mark[] = "\n.Bd -literal -offset indent\n";
    unsigned count = 0;

    for (const char *start = page; (start = strstr(start, mark)) != NULL;) {
        struct wf_conf *conf = NULL;
        struct wf_err err = WF_ERR_INIT;
        start += strlen(mark);
        if (start[0] != '[')
            continue;
        size_t len = (size_t)(strstr(start, "\n.Ed\n") - start);
        if (wf_conf_parse("example", start, len, NULL, NULL, &conf, &err) != WF_OK)
            fail_msg("%s", err.text);
        wf_conf_free(conf);
        count++;
    }
    assert_int_equal(count, 6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_examples),
    };
    return cmocka_run_group_tests_name("wfauth.conf.5", tests, read_page, NULL);
}
