"""The README's recipes, taken from the README itself and carried out in its order, each once.

tests/lib/host.py says what is changed in a recipe before it is carried out (SUBSTITUTES). A block of the
README that no case takes is a failure. The cases build on each other: they run all, and in this order.
"""

import glob
import json
import os
import re
import shlex
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

from harness import Suite, expect  # noqa: E402
from host import COPY, DOMAIN, HOME, SOURCES, UNIX_PASSWORD, Host, type_password  # noqa: E402
from readme import put  # noqa: E402
from sandbox import wait_listening  # noqa: E402
from troubles import TROUBLES  # noqa: E402
from world import run  # noqa: E402

CONF = "/etc/wfauth/wfauth.conf"
suite = Suite()


# -- install -----------------------------------------------------------------------------------------

@suite.case("what the build needs: the packages by name")
def packages(host):
    block = host.readme.take("Build").commands()
    known = run("bash", "-c", ". %s/tests/lib/packages.sh; echo $packages_build" % shlex.quote(COPY)).split()
    named = set(" ".join(block).split()[3:]) | set(re.findall(r"\S+-dev", host.readme.prose("Build").replace(",", " ")))
    expect(named <= set(known), "packages that the build does not know:", named - set(known))
    missing = {name for name in known if name.endswith("-dev")} - named
    expect(not missing, "the README does not name", missing)
    host.command(block[0])


@suite.case("configure's options are those of the table")
def configure_options(host):
    run("bash", "-c", "cd %s && autoreconf -fi 2>&1" % COPY)
    text = run(COPY + "/configure", "--help")
    ours = set(re.findall(r"^  (--(?:with|without|enable|disable)-[a-z-]+)", text, re.M)) - {
        # autoconf's, automake's and libtool's own
        "--disable-option-checking", "--disable-dependency-tracking", "--enable-dependency-tracking",
        "--enable-silent-rules", "--disable-silent-rules", "--enable-static", "--enable-shared", "--with-pic",
        "--enable-pic", "--enable-fast-install", "--with-gnu-ld", "--with-sysroot", "--disable-libtool-lock",
        "--enable-aix-soname", "--with-aix-soname", "--disable-largefile", "--enable-year"}
    named = set(re.findall(r"`(--(?:with|without|enable|disable)-[a-z-]+)", host.readme.prose("Build")))
    expect(ours == named, "only configure knows", ours - named, "only the README", named - ours)


@suite.case("the first commands: install, and the demo")
def first_commands(host):
    *install, demo = host.readme.take("wfauth").commands()
    for line in install:
        host.command(line)
    for path in (host.pamdir + "/pam_workfront.so", "/usr/local/libexec/wfauth/wfauth-http",
                 "/usr/local/lib/sysusers.d/wfauth.conf", "/usr/local/share/man/man8/pam_workfront.8",
                 "/usr/local/bin/wfauth", "/usr/local/share/man/man1/wfauth.1"):
        expect(os.path.exists(path), path, "was not installed")
    expect("--- seen: " in host.command(demo), "the demo did not see all")


@suite.case("the helper's user, both ways")
def helper_user(host):
    for _ in range(2):
        run("userdel", "_wfauth", may_fail=True)
        host.commands("1. The helper's user")
        entry = run("getent", "passwd", "_wfauth").split(":")
        expect(0 < int(entry[2]) < 1000 and entry[6].strip() == "/usr/sbin/nologin", entry)


@suite.case("the code page behind nginx: its headers, and no code in the log")
def code_page(host):
    host.commands("2. The page")
    host.files("2. The page")
    site = re.search(r"and `(include [^`]+;)` in the server block", host.readme.prose("2. The page")).group(1)
    run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=login.acme.example", "-addext",
        "subjectAltName=DNS:login.acme.example", "-days", "2", "-keyout", HOME + "/key.pem", "-out", HOME + "/cert.pem")
    os.makedirs("/var/log/nginx", exist_ok=True)
    put("/etc/nginx/sites-enabled/login", None, None,
        ["server {", "listen 127.0.0.1:443 ssl;", "server_name login.acme.example;",
         "ssl_certificate %s/cert.pem;" % HOME, "ssl_certificate_key %s/key.pem;" % HOME, site, "}"])
    with open("/etc/hosts", "a", encoding="ascii") as hosts:
        hosts.write("127.0.0.1 login.acme.example\n")
    server = subprocess.Popen(["/usr/sbin/nginx", "-g", "daemon off;"], stdin=subprocess.DEVNULL)
    try:
        wait_listening(443)
        text = run("curl", "-sS", "-i", "--cacert", HOME + "/cert.pem",
                   "https://login.acme.example/code?code=a-secret-code&state=x").replace("\r", "")
    finally:
        server.terminate()
        server.wait(240)
    head, body = text.split("\n\n", 1)
    with open(SOURCES + "/examples/callback/index.html", encoding="utf-8") as page:
        expect(body == page.read(), "not the page:", body[:200])
    for line in ("HTTP/1.1 200 OK", "Content-Type: text/html; charset=utf-8", "Cache-Control: no-store",
                 "Referrer-Policy: no-referrer", "X-Content-Type-Options: nosniff",
                 "Content-Security-Policy: frame-ancestors 'none'"):
        expect(line in head.splitlines(), line, "is not among", head)
    for path in glob.glob("/var/log/nginx/*"):
        with open(path, encoding="utf-8") as log:
            expect("a-secret-code" not in log.read(), "the code stands in", path)


# -- Workfront ---------------------------------------------------------------------------------------

# What Adobe's article calls the places, in the order in which one comes by
PLACES = ["Main Menu", "Setup", "System", "OAuth2 Applications", "Create app integration",
          "Single Page Web Application", "Create", "Client ID", "Redirect URLs", "Save"]
# The sandbox's word for what one selects
TYPES = {"Single Page Web Application": "spa", "Web Application": "web"}


def follow_steps(host, kind):
    """Make the application as the numbered steps say, by the sandbox's command line."""
    steps = re.findall(r"^\d+\. (.*(?:\n   .*)*)", host.readme.prose("3. The application"), re.M)
    text = " ".join(" ".join(steps).split())
    words, at = re.findall(r"\*\*([^*]+)\*\*", text), 0
    for place in PLACES:
        expect(place in words[at:], place, "is not in the rest of the steps:", words[at:])
        at = words.index(place, at)
    expect(kind in words, kind, "is not in the steps")
    name = re.search(r'Enter a name, "([^"]+)"', text).group(1)
    redirect = re.search(r"Under \*\*Redirect URLs\*\* enter `([^`]+)`", text).group(1)
    host.client_id, host.secret = host.sandbox.app(TYPES[kind], name, redirect)
    expect((host.secret is not None) == (kind == "Web Application"), "a secret:", host.secret)


@suite.case("Single Page Web Application: steps and configuration; it is that of examples/conf")
def single_page(host):
    follow_steps(host, "Single Page Web Application")
    same_as(host.files("4. The configuration"), "wfauth.conf.pkce")


@suite.case("ssh, as set up")
def ssh(host):
    same_as(host.files("5. ssh"), "pam.d-sshd")
    same_as(host.files("5. ssh"), "sshd_config")
    host.commands("5. ssh")
    host.sshd()
    terminal = host.ssh("alice")
    host.sign_in(terminal, "alice")
    host.welcome(terminal, "alice")
    host.saw('service="sshd" user="alice" .*verdict=accept')


@suite.case("each of the three lines for sshd is needed, or is Debian's own")
def sshd_lines(host):
    del host
    text = run("/usr/sbin/sshd", "-T")
    for line in ("usepam yes", "kbdinteractiveauthentication yes", "logingracetime 180"):
        expect(line in text.splitlines(), line, "is not what sshd -T shows")
    with open("/etc/ssh/sshd_config", encoding="utf-8") as config:
        expect("\nKbdInteractiveAuthentication no\n" in config.read(), "Debian's default has changed")


@suite.case("what people see")
def people_see(host):
    # The transcript's first line is what alice types, the rest what comes to her terminal
    typed, *lines = host.readme.take("What people see").lines
    expect(typed == "alice$ ssh alice@server", typed)
    terminal = host.terminal("/usr/bin/ssh", "-F", "none", "-o", "NoHostAuthenticationForLocalhost=yes",
                             "alice@127.0.0.1")
    host.sign_in(terminal, "alice")
    terminal.wait(r"alice@wfhost:~\$ ")
    seen = terminal.text
    at = 0
    for line in lines:
        line = host.substitute(line).replace("(alice@server)", "(alice@127.0.0.1)").replace("server", "wfhost")
        found = re.compile(re.escape(line).replace("…", ".*")).search(seen, at)
        expect(found, repr(line), "is not in the rest of what was shown:", seen[at:])
        at = found.end()


@suite.case("the log's two lines")
def log_lines(host):
    terminal = host.ssh("alice")
    terminal.prompt()
    terminal.answer("0123456789abcdef")
    host.sign_in(terminal, "alice")
    host.welcome(terminal, "alice")
    for line in host.readme.take("What people see").lines:
        expect(line.startswith("log: … "), line)
        host.saw("^.*" + re.escape(line[len("log: … "):]).replace("…", ".*"))


@suite.case("sudo, sudo -i, as set up")
def sudo(host):
    same_as(host.files("6. sudo"), "pam.d-sudo")
    terminal = host.sudo("alice")
    host.sign_in(terminal, "alice")
    host.welcome(terminal, "root")
    terminal = host.sudo("alice", "-i", "echo", "WELCOME-again")
    prompt = host.sign_in(terminal, "alice")
    expect("(sudo-i)" in prompt.head and "█" in prompt.text, prompt.text)
    host.welcome(terminal, "again")


@suite.case("su, as set up; root by the Unix password")
def su(host):
    same_as(host.files("7. su"), "pam.d-su")
    terminal = host.su("bob", "alice")
    host.sign_in(terminal, "alice")
    host.welcome(terminal, "alice")
    terminal = host.su("bob", "root")
    for _ in range(3):
        terminal.prompt()
        terminal.answer("")
    type_password(terminal)
    host.welcome(terminal, "root")


@suite.case("Web Application: steps, configuration, secret; ssh, sudo and su again")
def web(host):
    follow_steps(host, "Web Application")
    host.commands("4. The configuration", stdin=host.secret + "\n")
    same_as(host.files("4. The configuration"), "wfauth.conf.web")
    stat = os.stat("/etc/wfauth/secret")
    expect(stat.st_mode & 0o777 == 0o600 and stat.st_uid == 0, oct(stat.st_mode))
    for terminal, user in ((host.ssh("alice"), "alice"), (host.sudo("alice"), "root"), (host.su("bob", "alice"), "alice")):
        host.sign_in(terminal, "alice")
        host.welcome(terminal, user)


def same_as(block, name):
    with open(SOURCES + "/examples/conf/" + name, encoding="utf-8") as file:
        expect(block.text() == file.read(), "examples/conf/%s differs from the README:" % name, block)


@suite.case("the code page's server configuration is that of examples/conf")
def nginx_same(host):
    block = next(b for b in host.readme.blocks if b.lines[0] == "# /etc/nginx/snippets/wfauth-code.conf")
    same_as(block, "nginx.conf")


# -- who may -----------------------------------------------------------------------------------------

@suite.case("who may: another domain, and no local user")
def domain(host):
    for account, user in (("alice@elsewhere.example", "alice"), ("carol", "alice")):
        terminal = host.su("bob", user)
        host.sign_in(terminal, account)
        terminal.prompt()
        host.saw("reason=identity")
        terminal.close()


@suite.case("the map file")
def map_file(host):
    host.files("Who may sign in")
    host.files("Who may sign in")
    # alice is somebody else's until now, and again after this
    terminal = host.su("carol", "alice")
    host.sign_in(terminal, "alice.miller")
    terminal.prompt()
    host.saw('user="alice" .*reason=identity .*wfauth unpin alice')
    terminal.close()
    block = host.readme.take("Who may sign in")
    for command in block.commands():
        host.command(command)
    terminal = host.su("carol", "alice")
    host.sign_in(terminal, "alice.miller")
    host.welcome(terminal, "alice")
    for command in block.commands():
        host.command(command)
    terminal = host.su("carol", "bob")
    host.sign_in(terminal, "bob")
    terminal.prompt()
    host.saw('user="bob" .*reason=identity')


@suite.case("deny_users at one service, require at another")
def rules(host):
    host.files("Who may sign in")
    terminal = host.ssh("carol")
    host.sign_in(terminal, "carol")
    host.saw('service="sshd" user="carol" .*reason=denied')
    terminal.close()
    terminal = host.su("bob", "carol")
    host.sign_in(terminal, "carol")
    host.welcome(terminal, "carol")
    terminal = host.sudo("carol")
    host.sign_in(terminal, "carol")
    host.saw('service="sudo" user="carol" .*reason=denied')
    terminal.close()
    terminal = host.sudo("alice")
    host.sign_in(terminal, "alice")
    host.welcome(terminal, "root")


# -- when Workfront is down --------------------------------------------------------------------------

@suite.case("Workfront is down, or the code is wrong: the Unix password")
def fallback(host):
    host.sandbox.fault("token", "503")
    terminal = host.ssh("alice")
    terminal.prompt()
    terminal.answer("a-code")
    type_password(terminal)
    host.welcome(terminal, "alice")
    host.saw("reason=unreachable")
    host.sandbox.clear()
    terminal = host.ssh("alice")
    for _ in range(3):
        terminal.prompt()
        terminal.answer("wrong")
    type_password(terminal)
    host.welcome(terminal, "alice")


@suite.case("the strict line: the Unix password only while Workfront is down")
def strict(host):
    host.files("When Workfront is down")
    terminal = host.ssh("alice", "-o", "PreferredAuthentications=keyboard-interactive")
    for _ in range(3):
        terminal.prompt()
        terminal.answer("wrong")
    expect("assword:" not in host.refused(terminal), "a password was asked for")
    # ssh's other way to send a password cannot show the address
    terminal = host.ssh("alice", "-o", "PreferredAuthentications=password")
    type_password(terminal)
    host.refused(terminal)
    host.sandbox.fault("token", "503")
    terminal = host.ssh("alice")
    terminal.prompt()
    terminal.answer("a-code")
    type_password(terminal)
    host.welcome(terminal, "alice")
    host.sandbox.clear()
    terminal = host.ssh("alice")
    host.sign_in(terminal, "alice")
    host.welcome(terminal, "alice")


@suite.case("a second factor after a key")
def second_factor(host):
    host.files("5. ssh")
    host.sshd()
    key = ("-i", HOME + "/id", "-o", "IdentitiesOnly=yes")
    terminal = host.ssh("alice", *key)
    host.sign_in(terminal, "alice")
    host.welcome(terminal, "alice")
    text = host.refused(host.ssh("alice", "-o", "PubkeyAuthentication=no"))
    expect("Open this address" not in text, "no key, but a sign-in:", text)
    os.unlink("/etc/ssh/sshd_config.d/wfauth-second-factor.conf")
    host.sshd()


@suite.case("keys alone never ask Workfront; a faulty configuration refuses them, but not the console")
def rescue(host):
    key = ("-i", HOME + "/id", "-o", "PreferredAuthentications=publickey")
    host.welcome(host.ssh("alice", *key), "alice")
    expect(not host.sandbox.requests(), host.sandbox.requests())
    with open(CONF, "a", encoding="utf-8") as conf:
        conf.write("no_such_key = 1\n")
    host.refused(host.ssh("alice", *key))
    host.saw(r"verdict=refuse reason=config text=\".*%s:\d+: .*no_such_key" % re.escape(CONF))
    terminal = host.terminal("/usr/bin/pamtester", "login", "alice", "authenticate", "acct_mgmt")
    type_password(terminal)
    status, text = terminal.end()
    expect(status == 0, text)
    run("sed", "-i", "/^no_such_key/d", CONF)


@suite.case("no prompt at sudo in an ssh session, but a question to Workfront")
def fewer_prompts(host):
    host.files("Fewer prompts")
    argv = ["/usr/bin/ssh", "-F", "none", "-o", "NoHostAuthenticationForLocalhost=yes", "alice@127.0.0.1",
            "sudo -n echo WELCOME-silently; sudo echo WELCOME-again"]
    terminal = host.terminal(*argv)
    host.sign_in(terminal, "alice")
    host.welcome(terminal, "again")
    expect("WELCOME-silently" in terminal.text, terminal.text)
    searches = [r for r in host.sandbox.requests() if r["endpoint"] == "search"]
    expect(len(searches) == 3, len(searches), "look-ups")
    # In no other session
    host.sudo("alice").prompt()
    host.saw('silent-sign-in service="sudo" user="alice" .*verdict=accept')


@suite.case("a key that ends with its owner's account")
def keys_end(host):
    host.files("Fewer prompts")
    key = ("-i", HOME + "/id", "-o", "PreferredAuthentications=publickey")
    host.welcome(host.ssh("alice", *key), "alice")
    host.sandbox.run("user", "edit", "alice@" + DOMAIN, "--inactive")
    host.refused(host.ssh("alice", *key))
    host.saw('account service="sshd" user="alice" .*reason=inactive')
    host.sandbox.run("user", "edit", "alice@" + DOMAIN, "--active")
    host.refused(host.ssh("alice", *key))
    terminal = host.ssh("alice")
    host.sign_in(terminal, "alice")
    host.welcome(terminal, "alice")
    host.welcome(host.ssh("alice", *key), "alice")


# -- pam-auth-update ---------------------------------------------------------------------------------

@suite.case("pam-auth-update: all services at once, and back")
def auth_update(host):
    for name in ("sshd", "sudo", "sudo-i", "su"):
        run("sed", "-i", "/pam_workfront/d", "/etc/pam.d/" + name)
    run("pam-auth-update", "--package")
    host.commands("Or: all services at once")
    for name in ("common-auth", "common-account", "common-session"):
        with open("/etc/pam.d/" + name, encoding="utf-8") as file:
            expect("pam_workfront.so" in file.read(), "the module is not in", name)
    # Where pam_systemd has made the runtime directory, and not where nobody logs in
    with open("/etc/pam.d/common-session", encoding="utf-8") as file:
        expect(re.search(r"pam_systemd\.so.*\n.*pam_workfront\.so", file.read()), "not behind pam_systemd")
    with open("/etc/pam.d/common-session-noninteractive", encoding="utf-8") as file:
        expect("pam_workfront.so" not in file.read(), "the module is in common-session-noninteractive")
    for terminal, user in ((host.ssh("alice"), "alice"), (host.sudo("alice"), "root"), (host.su("bob", "alice"), "alice")):
        # Enter, since there is no Unix password to type
        type_password(terminal, "")
        host.sign_in(terminal, "alice")
        host.welcome(terminal, user)
    terminal = host.su("bob", "alice")
    type_password(terminal)
    host.welcome(terminal, "alice")
    # The account line is asked by those who come by another way, too
    run("sed", "-i", "s/^deny_users = carol/deny_users = alice/", CONF)
    host.refused(host.ssh("alice", "-i", HOME + "/id", "-o", "PreferredAuthentications=publickey"))
    run("sed", "-i", "s/^deny_users = alice/deny_users = carol/", CONF)
    back = re.search(r"Back: `([^`]+)`", host.readme.prose("Or: all services")).group(1)
    host.command(back)
    with open("/etc/pam.d/common-auth", encoding="utf-8") as file:
        expect("pam_workfront.so" not in file.read(), "the module is still in common-auth")


# -- troubleshooting ---------------------------------------------------------------------------------

@suite.case("the table of troubles names every reason of a sign-in")
def troubles_complete(host):
    named = set(re.findall(r"`reason=([\w-]+)`", host.readme.prose("Troubleshooting")))
    expect(named == set(TROUBLES), "only in the README:", named - set(TROUBLES), "only here:", set(TROUBLES) - named)
    # The case of pam-auth-update took the lines away
    for section in ("6. sudo", "7. su"):
        for piece in next(b for b in host.readme.blocks if b.section == section).files():
            put(*piece)


for trouble, way in TROUBLES.items():
    def case(host, trouble=trouble, way=way):
        door, act = way
        act(host, host.su("bob", "alice") if door == "su" else host.sudo("alice"))
        host.saw("verdict=refuse reason=%s( |$)" % trouble)
    if way:
        suite.add("trouble: reason=%s is what the log says" % trouble, case)


@suite.case("bearer tokens: the command, and a service that checks passwords by PAM")
def bearer_tokens(host):
    host.files("Bearer tokens")
    token = host.sso.token()
    with open(COPY + "/token", "w", encoding="utf-8") as file:
        file.write(token + "\n")
    said = host.commands("Bearer tokens")
    expect(re.fullmatch(host.readme.take("Bearer tokens").pattern(), said.strip()), said)
    host.files("Bearer tokens")
    # Until now the name was one of Workfront's, on this host
    expect(not by_pam(token), "pinned to another provider's account, and in")
    host.command("wfauth unpin alice")
    expect(by_pam(token) and by_pam(UNIX_PASSWORD), "not in")
    expect(not by_pam("another password") and not by_pam(host.sso.token(aud="urn:other")), "in")
    expect(not by_pam(token, "bob"), "alice's token made bob")
    expect(host.sso.count("/") == 2, [request.path for request in host.sso.record])
    host.saw('token service="dovecot" user="alice" provider="staff" .*verdict=accept')


def by_pam(password, user="alice"):
    """Does the service let this user in with this password?"""
    done = subprocess.run(["/usr/bin/pamtester", "dovecot", user, "authenticate", "acct_mgmt"], input=password + "\n",
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=240, check=False)
    return done.returncode == 0


# Where a recipe's lines stand whole, in the file that a suite of its own runs with the real server
EXAMPLES = {"/etc/postfix/sasl/smtpd.conf": "smtpd.conf", "/etc/postfix/master.cf": "master.cf",
            "/etc/imapd.conf": "imapd.conf", "/etc/ldap/sasl2/slapd.conf": "sasl2-slapd.conf",
            "/etc/ldap/slapd.conf": "slapd.conf", "/etc/postfix/sasl_passwd": "sasl_passwd",
            "/etc/postfix/main.cf": "main.cf.relay"}


@suite.case("SASL: the plug-in is where libsasl looks, the services are known, the files are those of the suites")
def sasl(host):
    section = "Mail and LDAP servers, and their clients"
    host.files(section)
    for _ in EXAMPLES:
        block = host.readme.take(section)
        path, _how, _mark, lines = block.files()[0]
        if path == "/etc/wfauth/wfauth.conf":
            host.put(block)
            block = host.readme.take(section)
            path, _how, _mark, lines = block.files()[0]
        with open(COPY + "/examples/conf/" + EXAMPLES[path], encoding="utf-8") as file:
            whole = file.read().splitlines()
        for line in lines:
            expect(line in whole, line, "is not in", EXAMPLES[path])
    for service, audience in (("smtp", "urn:mail"), ("imap", "urn:mail"), ("ldap", "urn:directory")):
        token = host.sso.token(aud=audience)
        said = subprocess.run(["/usr/local/bin/wfauth", "verify", "-s", service], input=token, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
        expect(said.stdout == "alice\n", service, said.stdout, said.stderr)
    offered = subprocess.run(["/usr/sbin/saslpluginviewer", "-s"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                             text=True, check=False).stdout
    expect("OAUTHBEARER" in offered and "XOAUTH2" in offered, offered)


SERVICES = "Services, with nobody present"


def upload(host):
    """Make the application as the numbered steps say, by the sandbox's command line."""
    text = " ".join(host.readme.prose(SERVICES).split())
    words, at = re.findall(r"\*\*([^*]+)\*\*", text), 0
    for place in ("Main Menu", "Setup", "System", "OAuth2 Applications", "Create app integration",
                  "Machine to Machine Application", "Create", "Client ID", "Client secret", "Public Keys",
                  "Add a public key", "Save", "Customer Info"):
        expect(place in words[at:], place, "is not in the rest of the steps:", words[at:])
        at = words.index(place, at)
    name = re.search(r'enter a name, "([^"]+)"', text).group(1)
    certificate = re.search(r"paste the whole of `([^`]+)`", text).group(1)
    host.client_id, host.secret, host.customer = host.sandbox.machine(name, certificate)
    host.sandbox.user("robot@" + DOMAIN)
    host.robot = json.loads(host.sandbox.run("user", "show", "robot@" + DOMAIN, "--json"))["id"]


@suite.case("services: a key of Postfix's own, the application, the secret, and a token")
def services(host):
    shutil.copy2(CONF, HOME + "/before")
    # What the last recipes left has no section for it
    run("sed", "-i", "/pam_workfront/d", "/etc/pam.d/sudo")
    host.commands(SERVICES)
    upload(host)
    host.commands(SERVICES, stdin=host.secret + "\n")
    same_as(host.files(SERVICES), "wfauth.conf.service")
    [line] = host.readme.take(SERVICES).commands()
    for token in (host.command(line), host.command(line)):
        expect(re.fullmatch("[0-9a-f]{32}\n", token), token)
    asked = [request["endpoint"] for request in host.sandbox.requests()]
    expect(asked == ["jwt"], asked)
    for path in glob.glob("/etc/wfauth/relay/relay.*") + glob.glob("/var/cache/wfauth/postfix/token-*"):
        stat = os.stat(path)
        expect(stat.st_mode & 0o77 == 0 or path.endswith(".cert.pem"), path, oct(stat.st_mode))
    shutil.copy2(HOME + "/before", CONF)


@suite.case("services: the files are those of the suites")
def service_files(host):
    for path, _how, _mark, lines in host.readme.take(SERVICES).files() + host.readme.take(SERVICES).files():
        name = os.path.basename(path).lstrip(".")
        name += ".relay" if name == "master.cf" else ".service"
        with open(COPY + "/examples/conf/" + name, encoding="utf-8") as file:
            whole = file.read().splitlines()
        for line in lines:
            expect(line in whole, line, "is not in", name)


@suite.case("tests/run is there and says what it can run")
def tests_run(host):
    expect("no part 'no-such-part'; there are: lint unit e2e" in host.commands("Tests"), "tests/run")


@suite.case("no recipe of the README was left out")
def none_left(host):
    left = host.readme.left()
    expect(not left, len(left), "of", len(host.readme.blocks), "recipes were not run:", left)


if __name__ == "__main__":
    sys.exit(0 if suite.run(Host(sys.argv[2]), []) else 1)
