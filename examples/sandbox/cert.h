#ifndef SB_CERT_H
#define SB_CERT_H
/* The server's TLS identity: a CA of its own, made at the first start and kept. */

struct sb_cert {
    char *key;   /* PEM, private */
    char *chain; /* PEM: the server's certificate */
};

/* Load the certificate from the state directory, or make it: DIR/ca.pem (for clients to trust),
 * DIR/server.pem and DIR/server.key, for 127.0.0.1, ::1 and localhost. The CA's own key is never
 * written down, so nobody can sign a second certificate that trusts itself on these clients.
 * Failures end the program. Free the inside with sb_cert_done. */
struct sb_cert sb_cert_get(const char *dir);
void sb_cert_done(struct sb_cert *cert);

#endif
