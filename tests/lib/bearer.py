"""Tokens of our own making, a provider that answers as told, and `wfauth verify`."""

import base64
import json
import os
import subprocess
import time

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils

from harness import expect
from tlsserver import Reply, Server

AUDIENCE = "urn:mail"


def encode(data):
    """base64url without padding (RFC 7515)."""
    return base64.urlsafe_b64encode(data if isinstance(data, bytes) else data.encode()).rstrip(b"=").decode()


class Key:
    """An ES256 key: cryptography signs with it, which shares no code with what is tested but OpenSSL."""

    def __init__(self, kid):
        self.kid = kid
        self.private = ec.generate_private_key(ec.SECP256R1())
        self.header = encode(json.dumps({"typ": "at+jwt", "alg": "ES256", "kid": kid}))

    def jwk(self):
        numbers = self.private.public_key().public_numbers()
        return {"kty": "EC", "crv": "P-256", "kid": self.kid, "alg": "ES256", "use": "sig",
                "x": encode(numbers.x.to_bytes(32, "big")), "y": encode(numbers.y.to_bytes(32, "big"))}

    def sign(self, claims):
        text = self.header + "." + encode(json.dumps(claims))
        r, s = utils.decode_dss_signature(self.private.sign(text.encode(), ec.ECDSA(hashes.SHA256())))
        return text + "." + encode(r.to_bytes(32, "big") + s.to_bytes(32, "big"))


class Provider(Server):
    """Discovery and keys, over HTTPS. What it answers can be changed in `answers`, path -> Reply or
    a function of the request."""

    DISCOVERY = "/.well-known/openid-configuration"

    def __init__(self, directory):
        super().__init__(directory, self.look_up)
        self.first = Key("first")
        self.reset()

    def reset(self):
        self.clear()
        self.answers = {}
        self.keys = [self.first]
        self.max_age = 3600

    def metadata(self, **changes):
        value = {"issuer": self.url, "jwks_uri": self.url + "/keys", "introspection_endpoint": self.url + "/introspect",
                 "userinfo_endpoint": self.url + "/userinfo"}
        value.update(changes)
        return json.dumps({k: v for k, v in value.items() if v is not None})

    def look_up(self, request):
        if request.path in self.answers:
            answer = self.answers[request.path]
            return answer(request) if callable(answer) else answer
        if request.path == self.DISCOVERY:
            return Reply(200, self.metadata())
        if request.path == "/keys":
            return Reply(200, json.dumps({"keys": [key.jwk() for key in self.keys]}),
                         Cache_Control="max-age=%d" % self.max_age)
        return Reply(404, "{}")

    def token(self, key=None, **changes):
        """A good token for alice, with claims changed, or left out where None."""
        now = int(time.time())
        claims = {"iss": self.url, "sub": "s-1", "preferred_username": "alice", "aud": AUDIENCE, "iat": now,
                  "exp": now + 600, "scope": "mail"}
        claims.update(changes)
        return (key or self.keys[0]).sign({k: v for k, v in claims.items() if v is not None})


def keep_resting(paths):
    """These records of failures hold for a minute, the longest time that there is: whoever comes next comes
    in time, however busy the machine."""
    for path in paths:
        with open(path, encoding="utf-8") as file:
            entry = json.load(file)
        entry["until"] = entry["fetched"] + 60
        with open(path, "w", encoding="utf-8") as file:
            json.dump(entry, file)


class Verdict:
    def __init__(self, done):
        self.status = done.returncode
        self.out = done.stdout
        self.err = done.stderr
        last = self.err.strip().splitlines()[-1] if self.err.strip() else ""
        self.reason = None if self.status == 0 else last.split(":")[0]

    def __repr__(self):
        return "status %d, output %r, errors %r" % (self.status, self.out, self.err)


def command(world, *options, user=None):
    """The command line of wfauth, run by root or a local user."""
    argv = [world.root + "/bin/wfauth", "-c", world.conf] + list(options)
    if user:
        argv = ["/usr/bin/setpriv", "--reuid", user, "--regid", user, "--init-groups", "--"] + argv
    return argv


def verify(world, token, *options, service="imap", user=None):
    """What `wfauth verify` says of a token."""
    argv = command(world, "verify", "-s", service, *options, user=user)
    env = {"PATH": os.environ["PATH"], "HOME": "/home/" + user if user else "/root"}
    return Verdict(subprocess.run(argv, input=token + "\n", stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                  env=env, timeout=240, check=False))


def accepted(world, token, name="alice", **how):
    verdict = verify(world, token, **how)
    expect(verdict.status == 0 and verdict.out == name + "\n", "not accepted:", verdict)
    return verdict


def refused(world, token, reason, *options, status=1, **how):
    verdict = verify(world, token, *options, **how)
    expect(verdict.reason == reason and verdict.status == status and verdict.out == "", "not refused as", reason, verdict)
    expect(len(token) < 20 or token[-20:] not in verdict.err, "the token stands in the message:", verdict)
    return verdict
