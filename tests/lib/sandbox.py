"""The sandbox, a local stand-in for Workfront's OAuth2 service, driven by its own command line."""

import json
import os
import subprocess

from harness import expect, within


class Sandbox:
    """One sandbox that serves; its users and applications are made by the command line."""

    def __init__(self, program, directory, *options):
        self.program = program
        self.directory = directory
        self.password = "correct horse battery staple"
        # Everything handed out that may never stand in a log
        self.secrets = []
        self.process = None
        self.options = list(options)
        self.url = None
        os.makedirs(directory, exist_ok=True)
        self.start()

    def start(self, port="0", *options):
        argv = [self.program, "-d", self.directory, "serve", "--port", port] + self.options + list(options)
        with open(self.directory + "/serve.log", "ab") as log:
            self.process = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=log, text=True)
        ready = self.process.stdout.readline()
        expect(ready.startswith("ready https://"), "the sandbox says", repr(ready))
        self.url = ready.split()[1]
        reserve(int(self.port))

    @property
    def port(self):
        return self.url.rsplit(":", 1)[1]

    def stop(self):
        self.process.terminate()
        self.process.wait(240)
        self.process.stdout.close()

    def restart(self, *options):
        """The same service at the same place, with other options."""
        port = self.port
        self.stop()
        self.start(port, *options)

    def run(self, *argv, status=0):
        done = subprocess.run([self.program, "-d", self.directory] + list(argv), stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=240,
                              check=False)
        expect(done.returncode == status, "wfauth-sandbox", " ".join(argv), "ended with", done.returncode,
               done.stderr)
        return done.stdout

    def user(self, name, *options, email=None):
        self.run("user", "create", name, "--email", email or name, "--password", self.password, *options)

    def app(self, kind, name, redirect, *options):
        """Make an application; ("client_id", "client_secret" or None)."""
        out = self.run("app", "create", "--type", kind, "--name", name, "--redirect-url", redirect, *options)
        found = dict(line.split("=", 1) for line in out.splitlines() if "=" in line)
        secret = found.get("client_secret")
        if secret:
            self.secrets.append(secret)
        return found["client_id"], secret

    def machine(self, name, public_key):
        """Make a Machine to Machine application with a key (PEM file); (client_id, client_secret, customer_id)."""
        out = self.run("app", "create", "--type", "m2m", "--name", name)
        found = dict(line.split("=", 1) for line in out.splitlines())
        self.secrets.append(found["client_secret"])
        self.run("app", "key", "add", found["client_id"], public_key)
        return found["client_id"], found["client_secret"], found["customer_id"]

    def clock(self, move):
        """Move the time by which everything expires: "+1h", "-30m", "reset"."""
        self.run("clock", move)

    def grants(self, user):
        """What was issued to a user, a row for each consent, oldest first."""
        return json.loads(self.run("grant", "list", user, "--json"))

    def fault(self, endpoint, kind, *options):
        self.run("fault", "set", endpoint, kind, *options)

    def clear(self):
        self.run("fault", "clear")
        self.run("requests", "--clear")

    def requests(self):
        """The record of requests since the last clear(), oldest first."""
        return json.loads(self.run("requests", "--json") or "[]")

    def sign_in(self, url, user, *options):
        """Play the browser: sign in at this address; the address at which it ends."""
        out = self.run("sign-in", "--url", url, "--username", user, "--password", self.password, *options)
        redirect = out.strip().splitlines()[-1]
        if "code=" in redirect:
            self.secrets.append(redirect.split("code=", 1)[1].split("&")[0])
        return redirect

    def group(self, kind, name):
        """Make a group, role or team; its ID."""
        return self.run(kind, "create", name).strip()

    def alive(self):
        return self.process.poll() is None


def listening(port):
    """True once something listens on this port of 127.0.0.1."""
    wanted = "0100007F:%04X" % port
    with open("/proc/net/tcp", encoding="ascii") as table:
        return any(line.split()[1] == wanted and line.split()[3] == "0A" for line in list(table)[1:])


def busy(port):
    """True while a server at this port of 127.0.0.1 has a connection that it has not closed."""
    here = "0100007F:%04X" % port
    with open("/proc/net/tcp", encoding="ascii") as table:
        states = [line.split()[3] for line in list(table)[1:] if line.split()[1] == here]
    # SYN_RECV, ESTABLISHED, CLOSE_WAIT: what a client that is dead has sent is still to be read
    return any(state in ("01", "03", "08") for state in states)


def reserve(port):
    """No connection begins at this port, which the kernel chose: who listens there may stop and come back."""
    with open("/proc/sys/net/ipv4/ip_local_reserved_ports", "r+", encoding="ascii") as file:
        before = file.read().strip()
        file.seek(0)
        file.write("%s%d" % (before + "," if before else "", port))


def wait_listening(port):
    within(10, lambda: listening(port), "listening on port %d" % port)
