/* Other ways to write a local name: what SASL's clients call themselves. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "identity.h"

static const struct {
    const char *text;
    const char *domain; /* strip_domain */
    bool is_ann;
} rows[] = {
    {"ann", NULL, true},
    {"Ann", NULL, true},
    {"ann", "acme.example", true},
    {"ann@acme.example", "acme.example", true},
    {"ANN@ACME.example", "acme.example", true},
    {"ann@acme.example", NULL, false},
    {"ann@acme.example.org", "acme.example", false},
    {"ann@acme", "acme.example", false},
    {"ann@", "acme.example", false},
    {"@acme.example", "acme.example", false},
    {"bob@acme.example", "acme.example", false},
    {"bob", NULL, false},
    {"ann ", NULL, false},
    {"an", NULL, false},
    {"anna", NULL, false},
    {"ann\xc3\xa4", NULL, false},
    {"", NULL, false},
};

static void test_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < WF_ARRAY_LEN(rows); i++) {
        const struct wf_naming naming = {.strip_domain = rows[i].domain};
        if (wf_identity_is_alias(&naming, (struct wf_span){rows[i].text, strlen(rows[i].text)},
                                 "ann") != rows[i].is_ann)
            fail_msg("row %zu, %s", i, rows[i].text);
    }
    const struct wf_naming naming = {.strip_domain = NULL};
    /* Not what stands in front of a NUL */
    assert_false(wf_identity_is_alias(&naming, (struct wf_span){"ann\0x", 5}, "ann"));
    /* And no more of a text than its length says */
    assert_true(wf_identity_is_alias(&naming, (struct wf_span){"anna", 3}, "ann"));
}

/* As long as a claim may be, and a byte more: a user of such a name there is none, so domains count. */
static void test_length(void **state)
{
    char domain[WF_CLAIM_MAX];
    char text[WF_CLAIM_MAX + 2];
    const struct wf_naming naming = {.strip_domain = domain};

    (void)state;
    for (size_t len = WF_CLAIM_MAX; len <= WF_CLAIM_MAX + 1; len++) {
        memset(domain, 'x', sizeof(domain));
        domain[len - 4] = '\0';
        memcpy(text, "ann@", 4);
        memset(text + 4, 'x', len - 4);
        assert_int_equal(wf_identity_is_alias(&naming, (struct wf_span){text, len}, "ann"),
                         len <= WF_CLAIM_MAX);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_rows), cmocka_unit_test(test_length)};

    return cmocka_run_group_tests_name("identity alias", tests, NULL, NULL);
}
