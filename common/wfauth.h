/*
 * wfauth's core as the plug-ins and the command see it: the only header they include.
 *
 * A wrapper makes a context (configuration, log, door to the network), fills in what its host
 * offers about who asks for what, calls one operation, and maps the reason by its own table. All
 * judging, texts for the person and the audit line are made here, so that PAM, SASL and the
 * command cannot differ.
 *
 * A context is immutable once made: any thread may use it. A sign-in belongs to one thread at a
 * time.
 */
#ifndef WF_WFAUTH_H
#define WF_WFAUTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "anchor.h"
#include "buf.h"
#include "challenge.h"
#include "marker.h"
#include "err.h"
#include "log.h"
#include "secret.h"
#include "user.h"

struct wf_http;

/* Bytes, with the NUL, that names in a result may have: every user's and provider's fits; longer
 * foreign ones are cut. */
#define WF_NAME_SIZE 40
#define WF_SUBJECT_SIZE 129

/* The longest answer that a person may give, in one line or in pieces: a token of the largest
 * max_token. */
#define WF_ANSWER_MAX ((size_t)65536)

/* What the host process offers. */
struct wf_host {
    const char *config; /* absolute path; NULL: SYSCONFDIR/wfauth/wfauth.conf */
    struct wf_log log;  /* copied */
    /* A new door for one sign-in, NULL if memory is short. NULL: the helper program. */
    struct wf_http *(*http_new)(const char *helper_user);
    /* Seconds since 1970, UTC. NULL: the system's clock. */
    int64_t (*clock)(void);
    const char *state; /* absolute path of the folder of sessions, pins and time stamps; NULL: the
                        * default (store.h) */
};

/* A door that decides at its first request how it sends: with effective user id 0, or in a
 * set-user-id program, by the helper (an environment and an address space that no network code
 * should share); else by libcurl in this process, from the module WF_CURL_MODULE, or, where that
 * cannot be loaded, by the helper as well. For wf_host's http_new; it is linked only into what
 * names it. NULL if memory is short. helper_user is copied. As thread-safe as any door. */
struct wf_http *wf_http_choose_new(const char *helper_user);

struct wf_context;

/* True if there is such a file of a configuration, NULL: the default one, be it good or bad. What
 * cannot be looked at counts as there. Blocks for the disk alone. */
bool wf_is_configured(const char *config);

/* Load the configuration, every mistake of which goes to the log as a line of its own.
 * WF_CONFIG, WF_INTERNAL. *ret: new, wf_context_free. Blocks for the disk alone. */
enum wf_reason wf_context_new(const struct wf_host *host, struct wf_context **ret,
                              struct wf_err *err) WF_MUST_USE;
/* Do now what must be done before a jail closes (chroot, another user): open the folders on disk,
 * and read or fetch the keys of all providers. What cannot be had is logged, and tried again when
 * it is needed. Blocks up to three times a provider's time-out for each. */
void wf_context_prepare(struct wf_context *context);

/* No operation may be under way. NULL is fine. */
void wf_context_free(struct wf_context *context);

/* What the host has proven about the person before it asks us. Without it nobody is let in
 * silently: a stored refresh token is no proof of who is knocking. */
enum wf_proof {
    WF_PROOF_NONE,
    /* The requested user runs the host program (sudo): it says so, and the kernel does. What lets
     * them in is a time stamp of this very session (stamp.h). */
    WF_PROOF_CALLER,
    /* Another method of authentication has succeeded for this user on this connection (sshd). */
    WF_PROOF_METHOD,
};

/* Who asks for what. All texts are borrowed for the call, or as long as the sign-in lives. */
struct wf_request {
    const char *service; /* PAM or SASL service name, "sshd" */
    const char *user;    /* the requested local user */
    const char *rhost;   /* remote host for the audit line; NULL: local */
    /* The host hides from the person whether the user exists (sshd): every refused answer gets
     * the same text and takes the same time. */
    bool hides_users;
    enum wf_proof proof;
    /* Names are pinned to the person who first signs in under them (pin.h): for PAM, where a name
     * is an account with files of its own. user is not NULL then. */
    bool pins;
};

/* Bytes, with the NUL, of the mark under which a sign-in waits for its session to be opened: hex
 * digits. It is a secret, and good once. */
#define WF_MARK_SIZE 33

/* What to tell a person whose token was refused: like wf_reason_advice, which speaks of codes and
 * addresses. Static storage. Any thread. */
const char *wf_token_advice(enum wf_reason reason);

/* True where people come to this service with a bearer token for a password (flow = token), false
 * where they sign in by code, or where there is no such service. Any thread. */
bool wf_wants_token(const struct wf_context *context, const char *service);

/* What a sign-in found out about the person; plain data. */
struct wf_result {
    enum wf_reason reason;         /* of the last judgement */
    char user[WF_NAME_SIZE];       /* the local name it is about; "" if none was proven */
    char provider[WF_NAME_SIZE];   /* section name */
    char subject[WF_SUBJECT_SIZE]; /* the provider's permanent ID */
    int64_t expires;               /* of a token: the second from which on it is refused; 0 */
    char mark[WF_MARK_SIZE];       /* for wf_visit_begin in whatever process; "": none */
};

/* Judge a bearer token (1..any bytes, need not end in NUL) for request's service. request->user:
 * the user who must be its bearer, or NULL: whoever it is. passwd: whether a local account is
 * asked for. *ret_result is written whatever the verdict; user only where the bearer is known.
 * ret_claims: NULL, or gets a JSON object of the genuine token's claims, malloc'ed, where there
 * are any, else NULL; the caller frees. Writes one audit line. Every reason but WF_PENDING. Blocks
 * where keys or answers must be fetched, up to twice the provider's time-out, else never. Any
 * thread; one context may judge many tokens at once. */
enum wf_reason wf_verify(struct wf_context *context, const struct wf_request *request,
                         const char *token, size_t len, enum wf_passwd passwd,
                         struct wf_result *ret_result, char **ret_claims,
                         struct wf_err *err) WF_MUST_USE;

/* What a service says of itself to SASL clients, and how it is a client. Texts are "" where there
 * is none. Plain data, but for host. */
struct wf_sasl {
    char scope[1024];         /* the words of required_scope, a blank between them */
    char configuration[2048]; /* address of its first OpenID provider's discovery document */
    const char *host; /* what a client must have connected to, if it says so; borrowed as long as
                       * the context lives; NULL: anything */
    unsigned port;    /* 0: any */
    struct wf_client_conf client;
};

/* WF_CONFIG if there is no such service. Never blocks. Any thread. */
enum wf_reason wf_sasl_describe(const struct wf_context *context, const char *service,
                                struct wf_sasl *ret, struct wf_err *err) WF_MUST_USE;

/* True if any service may be used as a client. Any thread. */
bool wf_sasl_has_clients(const struct wf_context *context);

/* True if `name` (len bytes, need not end in NUL) is another way to write the local user whose
 * token was accepted at this service: the same name whatever the case, or with the domain that
 * strip_domain takes off. It grants nothing that the token does not. Any thread. */
bool wf_sasl_is_same_user(const struct wf_context *context, const char *service,
                          const struct wf_result *result, const char *name, size_t len);

/* The token for what a client was given in the place of a password (marker.h), as the service's
 * client.markers allows: itself, what a file has, or one that wf_token obtains. ret_provider: the
 * name of the provider in the last case, for wf_token_refused where a server refuses it; else "".
 * *ret: new, wf_secret_free. Reasons: wf_marker_token's and wf_token's. Blocks as those do. Any
 * thread. */
enum wf_reason wf_sasl_token(const struct wf_context *context, enum wf_markers markers,
                             const char *given, size_t len, struct wf_secret **ret,
                             char ret_provider[WF_NAME_SIZE], struct wf_err *err) WF_MUST_USE;

/* The audit line of a request that was refused before a token was judged. */
void wf_sasl_audit(const struct wf_context *context, const struct wf_request *request,
                   enum wf_reason reason, const struct wf_err *err);

struct wf_login;

/* Begin a sign-in by authorization code. A user who cannot sign in here at all (unknown, uid out
 * of bounds) does not fail this call: they get the same dialogue, and no answer lets them in.
 * WF_CONFIG, WF_UNREACHABLE (the host's name service), WF_INTERNAL end it. No request is sent.
 * *ret: new, wf_login_free; the request's texts and the context must outlive it. */
enum wf_reason wf_login_begin(const struct wf_context *context, const struct wf_request *request,
                              struct wf_login **ret, struct wf_err *err) WF_MUST_USE;

/* The whole prompt: after a refused answer what was wrong, then who signs in where, the address,
 * a QR code where the configuration wants one, how long the code lives, and the question. Lines
 * end in '\n' but for the last, which ends in ": ". Borrowed until the next call on login; NULL if
 * memory is short. */
const char *wf_login_prompt_borrow(struct wf_login *login);

/* Judge what the person answered (0..any bytes). Sends at most two requests. Writes one audit
 * line. *ret_result is written whatever the verdict. WF_OK: *ret_result says who it is.
 * WF_TOO_LARGE, WF_MALFORMED, WF_ISSUER, WF_EXPIRED: the answer is at fault. WF_INACTIVE,
 * WF_IDENTITY, WF_DENIED: the person is. WF_UNREACHABLE, WF_CONFIG, WF_INTERNAL: neither.
 * Blocks up to twice the provider's time-out; where users are hidden, a refusal takes 2 s at
 * least. */
enum wf_reason wf_login_answer(struct wf_login *login, const char *answer, size_t len,
                               struct wf_result *ret_result, struct wf_err *err) WF_MUST_USE;

/* True if, after a refused answer, another may be given (a new address is in the prompt). At most
 * three answers in all. */
bool wf_login_is_open(const struct wf_login *login);

/* What to tell the person after the reason that wf_login_answer or wf_login_begin gave; where
 * users are hidden the same for every refusal. login may be NULL. Static storage. */
const char *wf_login_advice(const struct wf_login *login, enum wf_reason reason);

/* The dialogue ended without an answer (interrupted, timed out): one audit line, "pending". */
void wf_login_abandon(struct wf_login *login);

/* Wipes, ends the helper, frees. NULL is fine. */
void wf_login_free(struct wf_login *login);

/* Sign request->user in silently, from the session that is kept from before (flow = refresh, code).
 * WF_PENDING, without an audit line: that may not be here, or there is nothing to go by (no proof,
 * no session, none in max_age): ask the person. Every other reason is the verdict, with its audit
 * line: the provider was asked anew whether the person is active and allowed. WF_OK, WF_INACTIVE,
 * WF_IDENTITY, WF_DENIED, WF_UNREACHABLE, WF_CONFIG, WF_INTERNAL. *ret_result is written whatever
 * the verdict. Blocks up to five of the provider's time-outs and some seconds where a refresh is
 * due. */
enum wf_reason wf_resume(const struct wf_context *context, const struct wf_request *request,
                         struct wf_result *ret_result, struct wf_err *err) WF_MUST_USE;

/* A session of this host begins for request->user, in this process: bind the sign-in of this mark
 * to it (NULL, or one that is not known: there was none), so that a sudo inside may be silent; and
 * where the service has token_export write the access token to a file in runtime_dir (an absolute
 * path; NULL: there is none; the user's own folder, or nothing is written), mode 0600, by a child
 * that has become the user. *ret_path: that file's path, malloc'ed, the caller frees; NULL: none
 * was written, and the log says why where it should have been. Only for services that open sessions
 * as the user who has signed in (not sudo, su). WF_CONFIG if the service has no policy; whatever
 * else goes wrong is a line in the log, and the session begins. Blocks as wf_resume does, 6 s for
 * the child, and for another session of the same user that begins or ends. */
enum wf_reason wf_visit_begin(const struct wf_context *context, const struct wf_request *request,
                              const char *mark, const char *runtime_dir, char **ret_path,
                              struct wf_err *err) WF_MUST_USE;
/* That session ends, in the process that began it. With the last one that has a token file the file
 * is removed, and the access token ended at the provider (Workfront's log-out, RFC 7009), as far as
 * that answers; the kept session stays. WF_OK also where nothing was begun. WF_CONFIG as above.
 */
enum wf_reason wf_visit_end(const struct wf_context *context, const struct wf_request *request,
                            struct wf_err *err) WF_MUST_USE;

/* The account phase: may this user still use the service? `found` is what the sign-in found
 * out earlier in the same dialogue, or NULL. *ret_opinion is false where nothing is known of the
 * user that would decide: the host's other modules do. Where nothing was found and the service has
 * account_check the provider is asked whether the person whose session is kept is active and
 * allowed; who has none is WF_DENIED, unless account_check = known. WF_OK, WF_INACTIVE, WF_DENIED,
 * WF_IDENTITY, WF_CONFIG, WF_UNREACHABLE, WF_INTERNAL. Writes an audit line where it has an
 * opinion. Sends no request without account_check, else blocks as wf_resume does. */
enum wf_reason wf_account_check(const struct wf_context *context, const struct wf_request *request,
                                const struct wf_result *found, bool *ret_opinion,
                                struct wf_err *err) WF_MUST_USE;

/* A fresh access token of this host's or this user's own, with nobody present, of [provider NAME]:
 * by assertion where that is a Machine to Machine application or has grant = jwt_bearer, and one
 * that still lives for a minute is taken from the cache folder; else from the session that the
 * effective user has begun with `wfauth login`, and it is refreshed where it is due. Without a
 * request where none is needed; of many processes that need a new one, one asks. Writes one audit
 * line. *ret: new, wf_secret_free. WF_EXPIRED: the provider does not take this host's signature any
 * more; there is no session, or it is over. WF_CONFIG: there is no such provider, it has no such
 * way, or files or the client are wrong. WF_UNREACHABLE, WF_INTERNAL. Blocks for the disk, and
 * where a token must be had up to twice the provider's time-out and 7 s, twice that where another
 * process hangs. Any thread. */
enum wf_reason wf_token(const struct wf_context *context, const char *provider,
                        struct wf_secret **ret, struct wf_err *err) WF_MUST_USE;
/* Whatever is kept is of no use: the next wf_token gets a new one. WF_CONFIG if it cannot be
 * forgotten, or there is no such provider, WF_UNREACHABLE, WF_INTERNAL: the next one may give what
 * was kept. Blocks for the disk, and for a refresh under way. Any thread. */
enum wf_reason wf_token_forget(const struct wf_context *context, const char *provider,
                               struct wf_err *err) WF_MUST_USE;
/* A server did not take this token: the next wf_token gets a new one, unless others whose token was
 * refused have one already. NULL is fine. Blocks as wf_token_forget. Any thread. */
void wf_token_refused(const struct wf_context *context, const char *provider,
                      const struct wf_secret *token);

/* The signed assertion by which this host proves itself to [provider NAME], good for 2 minutes and
 * once. WF_CONFIG: no such provider, no key, or one that does not sign. WF_UNREACHABLE: the helper
 * does not answer. WF_INTERNAL. *ret: new, wf_secret_free. No request is sent. Any thread. */
enum wf_reason wf_assert(const struct wf_context *context, const char *provider,
                         struct wf_secret **ret, struct wf_err *err) WF_MUST_USE;

#endif
