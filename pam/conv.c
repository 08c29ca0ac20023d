#include "config.h"

#include "conv.h"

#include <stdlib.h>
#include <string.h>

#include <security/pam_ext.h>

/* Pieces that the longest token makes in lines of 250 bytes, and a few */
#define PIECES_MAX 80
/* Of a line that sudo refuses it has read 1023 bytes: the rest, of the 4095 that a terminal keeps,
 * comes at once as the first pieces. Up to three are too long again, one may be empty. */
#define LEFTOVER_ERRORS_MAX 3
#define LEFTOVER_EMPTY_MAX 1

static const char first_piece[] =
    "\nThat is too long for one line here. Paste it in pieces of at most 250 characters each, and "
    "then an empty line; of an address the code alone is enough.\nPiece: ";
static const char same_piece[] = "Piece: ";
static const char next_piece[] = "Next piece (or an empty line to end): ";

/* One byte more than an answer may have, so that the length of a longer one is no lie */
#define TEXT_SIZE (WF_ANSWER_MAX + 1)

void wf_answer_done(struct wf_answer *answer)
{
    if (answer->text != NULL)
        explicit_bzero(answer->text, TEXT_SIZE);
    free(answer->text);
    *answer = (struct wf_answer){NULL, 0};
}

/* Add one line to the answer; what does not fit is dropped, and len then says so. */
static int add(struct wf_answer *answer, const char *line, size_t len)
{
    if (answer->text == NULL)
        answer->text = calloc(1, TEXT_SIZE);
    if (answer->text == NULL)
        return PAM_BUF_ERR;
    if (answer->len > WF_ANSWER_MAX || len > WF_ANSWER_MAX - answer->len) {
        answer->len = WF_ANSWER_MAX + 1;
        return PAM_SUCCESS;
    }
    memcpy(answer->text + answer->len, line, len);
    answer->len += len;
    return PAM_SUCCESS;
}

/* One prompt, one line. *ret_len is its length in the host's buffer. */
static int ask_line(pam_handle_t *pamh, const char *prompt, bool hidden, struct wf_answer *answer,
                    size_t *ret_len)
{
    char *line = NULL;
    int code = pam_prompt(pamh, hidden ? PAM_PROMPT_ECHO_OFF : PAM_PROMPT_ECHO_ON, &line, "%s",
                          prompt);

    if (code == PAM_SUCCESS && line == NULL)
        code = PAM_CONV_ERR;
    if (code == PAM_SUCCESS) {
        *ret_len = strlen(line);
        code = add(answer, line, *ret_len);
    }
    if (line != NULL)
        explicit_bzero(line, strlen(line));
    free(line);
    return code;
}

/* Programs read lines into arrays of such sizes: an answer that fills one was most likely cut
 * (sudo 512, the ssh client 1024, a terminal's own line 4096). */
static bool fills_line(size_t len)
{
    static const size_t sizes[] = {512, 1024, 4096};

    for (size_t i = 0; i < WF_ARRAY_LEN(sizes); i++) {
        if (len == sizes[i] - 1)
            return true;
    }
    return false;
}

struct leftovers {
    unsigned errors;
    unsigned empty;
};

/* Whether what came as the first piece, an error or an empty line, was typed by nobody, as far as one
 * can tell. */
static bool is_leftover(struct leftovers *seen, int code)
{
    if (code == PAM_CONV_ERR)
        return seen->errors++ < LEFTOVER_ERRORS_MAX;
    return code == PAM_SUCCESS && seen->empty++ < LEFTOVER_EMPTY_MAX;
}

static int ask_in_pieces(pam_handle_t *pamh, bool hidden, bool leaves_rest,
                         struct wf_answer *answer)
{
    const char *prompt = first_piece;
    struct leftovers seen = {leaves_rest ? 0 : LEFTOVER_ERRORS_MAX,
                             leaves_rest ? 0 : LEFTOVER_EMPTY_MAX};
    int code = PAM_CONV_ERR;
    size_t len = 0;

    answer->len = 0;
    for (size_t i = 0; i < PIECES_MAX; i++) {
        code = ask_line(pamh, prompt, hidden, answer, &len);
        if (answer->len == 0 && is_leftover(&seen, code)) {
            prompt = same_piece;
            continue;
        }
        if (code != PAM_SUCCESS || len == 0)
            break;
        prompt = next_piece;
        /* A piece that is itself cut spoils the whole; and whoever gives every prompt the same
         * answer (the "password" method of ssh) would go on for ever */
        if (fills_line(len)) {
            answer->len = WF_ANSWER_MAX + 1;
            if (hidden)
                break;
        }
    }
    return code;
}

int wf_conv_ask(pam_handle_t *pamh, const struct wf_question *question, struct wf_answer *ret)
{
    size_t len = 0;
    bool hidden = question->hidden;

    wf_answer_done(ret);
    int code = ask_line(pamh, question->prompt, hidden, ret, &len);
    if (code == PAM_CONV_ERR && !question->cuts_silently)
        code = ask_in_pieces(pamh, hidden, true, ret);
    else if (code == PAM_SUCCESS && fills_line(len))
        code = ask_in_pieces(pamh, hidden, false, ret);
    if (code != PAM_SUCCESS)
        wf_answer_done(ret);
    return code;
}

void wf_conv_tell(pam_handle_t *pamh, int flags, const char *text)
{
    if (((unsigned)flags & PAM_SILENT) == 0)
        (void)pam_error(pamh, "%s", text);
}
