"""slapd with the plug-in, and a directory of a few people."""

import os
import subprocess

import ldap
from harness import expect
from sandbox import wait_listening
from world import HOME, run, write

EXAMPLES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "examples", "conf")
FOLDER = HOME + "/slapd"
PLAIN, TLS = 3890, 6360
LDAP, LDAPS = "ldap://127.0.0.1:%d" % PLAIN, "ldaps://127.0.0.1:%d" % TLS
PEOPLE = "ou=people,dc=acme,dc=example"

CONF = """
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb
threads 16
TLSCertificateFile %(cert)s
TLSCertificateKeyFile %(key)s
%(example)s
database mdb
suffix dc=acme,dc=example
directory %(folder)s/db
"""

# alice may act as bob, nobody as alice
ENTRIES = """
dn: dc=acme,dc=example
objectClass: dcObject
objectClass: organization
dc: acme
o: Acme

dn: ou=people,dc=acme,dc=example
objectClass: organizationalUnit
ou: people
""" + "".join("""
dn: uid=%s,ou=people,dc=acme,dc=example
objectClass: inetOrgPerson
uid: %s
cn: %s
sn: %s
%s""" % (name, name, name, name, more) for name, more in (
    ("alice", "authzTo: dn.exact:uid=bob,%s\n" % PEOPLE), ("bob", ""), ("carol", ""), ("robot", "")))


def example(name, *changes):
    """A file of examples/conf with paths and names put in."""
    with open(os.path.join(EXAMPLES, name), encoding="utf-8") as file:
        text = file.read()
    for old, new in changes:
        expect(old in text, name, "has no", old)
        text = text.replace(old, new)
    return text


class Slapd:
    """Debian's slapd, with its own SASL options and data below FOLDER. options: SASL's, beside the example's."""

    def __init__(self, site, options=""):
        self.site = site
        os.makedirs(FOLDER + "/db", mode=0o700)
        os.chmod(FOLDER, 0o755)
        write(FOLDER + "/entries.ldif", ENTRIES, 0o644)
        write("/etc/ldap/sasl2/slapd.conf", example("sasl2-slapd.conf") + options, 0o644)
        write(FOLDER + "/slapd.conf", CONF % {
            "cert": site.cert, "key": site.key, "folder": FOLDER, "example": example("slapd.conf")}, 0o644)
        run("slapadd", "-q", "-f", FOLDER + "/slapd.conf", "-l", FOLDER + "/entries.ldif")
        run("chown", "-R", "openldap:openldap", FOLDER)
        self.daemon = None
        self.start()

    def start(self):
        urls = "ldap://127.0.0.1:%d ldaps://127.0.0.1:%d" % (PLAIN, TLS)
        env = dict(os.environ, SASL_PATH=self.site.plugins)
        with open(FOLDER + "/log", "ab") as log:
            self.daemon = subprocess.Popen(["slapd", "-f", FOLDER + "/slapd.conf", "-h", urls, "-u", "openldap", "-g",
                                            "openldap", "-d", "0"], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                           env=env)
        wait_listening(PLAIN)
        wait_listening(TLS)

    def stop(self):
        self.daemon.terminate()
        expect(self.daemon.wait(240) == 0, "slapd ended with", self.daemon.returncode)

    def memory(self):
        """What it has in memory, in kilobytes."""
        with open("/proc/%d/status" % self.daemon.pid, encoding="ascii") as status:
            return int(next(line.split()[1] for line in status if line.startswith("VmRSS:")))

    def connect(self):
        return ldap.Connection(TLS, self.site.cert)


def without_freelocale():
    """For everything that is started from here on: with a preloaded sanitizer OpenLDAP's programs wait for
    a lock of the C library for ever when they end, in freelocale(), which libp11-kit calls."""
    source, library = HOME + "/freelocale.c", HOME + "/freelocale.so"
    write(source, "void freelocale(void *);\nvoid freelocale(void *locale)\n{\n    (void)locale;\n}\n", 0o644)
    run("gcc", "-shared", "-fPIC", "-fno-builtin", "-o", library, source)
    with open("/etc/ld.so.preload", "a", encoding="utf-8") as file:
        file.write(library + "\n")
