"""glewlwyd, a provider that is not ours: Debian's package, with a configuration and a database of
its own, driven by its own interfaces.

It serves plain http to itself; the front before it (tlsserver.py) does TLS, and is what everybody
else talks to. All its access tokens are JWTs, which wfauth never shows to anybody. So the front also
knows each token by another spelling, with "~" in place of ".", as a gateway that hands out
references to tokens would: what wfauth looks up in that spelling reaches glewlwyd in its own.
"""

import base64
import gzip
import http.client
import json
import os
import sqlite3
import subprocess
import urllib.parse

from harness import expect, within
from tlsserver import Reply, Server
from world import run, write

PROGRAM = "/usr/bin/glewlwyd"
SCHEMA = "/usr/share/doc/glewlwyd/database/init.sqlite3.sql.gz"
PASSWORD = "correct horse battery staple"
# Without signs that RFC 6749 section 2.3.1 has escaped in a header: glewlwyd does not undo that
SECRET = "a-client-secret-of-many-letters"
AUDIENCE = "https://mail.acme.example/"
OTHER_AUDIENCE = "https://files.acme.example/"
CALLBACK = "https://app.example/callback"

CONFIG = """
port = %(port)d
bind_address = "127.0.0.1"
external_url = "%(url)s"
api_prefix = "api"
login_url = "login.html"
log_mode = "file"
log_level = "WARNING"
log_file = "%(home)s/log"
cookie_secure = 0
session_expiration = 3600
session_key = "session"
admin_scope = "g_admin"
profile_scope = "g_profile"
user_module_path = "/usr/lib/glewlwyd/user"
client_module_path = "/usr/lib/glewlwyd/client"
user_auth_scheme_module_path = "/usr/lib/glewlwyd/scheme"
plugin_module_path = "/usr/lib/glewlwyd/plugin"
hash_algorithm = "SHA512"
database = { type = "sqlite3" path = "%(home)s/database" };
static_files_mime_types = ( { extension = ".html" mime_type = "text/html" } )
"""


class Glewlwyd:
    """One glewlwyd, and its front. It is several issuers: a plug-in of its for each key."""

    def __init__(self, home, keys, port=4593):
        """keys: name of an issuer -> a private JWKS as text, each key with kid and alg."""
        self.home = home
        self.port = port
        self.process = None
        self.drop_hint = False
        os.makedirs(home, exist_ok=True)
        self.front = Server(home + "/front", self.forward)
        self.make_database()
        write(home + "/conf", CONFIG % {"port": port, "url": self.front.url, "home": home}, 0o600)
        self.start()
        self.admin = self.sign_in("admin", "password")
        self.set_up(keys)

    def make_database(self):
        with gzip.open(SCHEMA, "rt", encoding="utf-8") as schema:
            database = sqlite3.connect(self.home + "/database")
            database.executescript(schema.read())
            database.commit()
            database.close()

    def start(self):
        with open(self.home + "/out", "ab") as out:
            self.process = subprocess.Popen([PROGRAM, "-c", self.home + "/conf"], stdin=subprocess.DEVNULL, stdout=out,
                                            stderr=out, cwd=self.home)
        within(20, self.answers, "glewlwyd answers")

    def answers(self):
        try:
            return self.ask("GET", "/api/")[0]
        except OSError:
            return False

    def stop(self):
        self.process.terminate()
        self.process.wait(240)

    def issuer(self, name):
        return "%s/api/%s" % (self.front.url, name)

    # -- the front -------------------------------------------------------------------------------

    def forward(self, request):
        """What the front answers: what glewlwyd does."""
        headers = {name: request.headers[name] for name in ("Content-Type", "Accept", "Authorization")
                   if name in request.headers}
        if headers.get("Authorization", "").startswith("Bearer "):
            headers["Authorization"] = headers["Authorization"].replace("~", ".")
        body = request.body
        if request.path.endswith("/introspect"):
            fields = [(k, v) for k, v in urllib.parse.parse_qsl(body.decode())
                      if not (self.drop_hint and k == "token_type_hint")]
            body = urllib.parse.urlencode([(k, v.replace("~", ".")) for k, v in fields]).encode()
        try:
            status, got, text = self.ask(request.method, request.path, body, headers)
        except OSError:
            return Reply(502, "{}")
        return Reply(status, text, got.get("Content-Type", "application/json"))

    def ask(self, method, path, body=None, headers=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=240)
        connection.request(method, path, body, headers or {})
        response = connection.getresponse()
        text = response.read()
        connection.close()
        return response.status, response.headers, text

    # -- its interfaces --------------------------------------------------------------------------

    def api(self, method, path, value=None, cookie=None):
        headers = {"Cookie": cookie or self.admin, "Content-Type": "application/json"}
        status, _, text = self.ask(method, "/api/" + path, json.dumps(value) if value is not None else None, headers)
        expect(status == 200, "glewlwyd answers", method, path, "with", status, text.decode())
        return json.loads(text) if text else None

    def sign_in(self, user, password):
        """A session; its cookie."""
        status, headers, text = self.ask("POST", "/api/auth/", json.dumps({"username": user, "password": password}),
                                         {"Content-Type": "application/json"})
        expect(status == 200, "glewlwyd does not sign in", user, status, text)
        return headers["Set-Cookie"].split(";")[0]

    def set_up(self, keys):
        for name in ("mail", "files"):
            self.api("POST", "scope/", {"name": name, "display_name": name, "description": name,
                                        "password_required": False, "password_max_age": 0, "scheme": {}})
        for name, jwks in keys.items():
            self.add_issuer(name, jwks)
        for name in ("alice", "bob"):
            self.api("POST", "user/", {"username": name, "password": PASSWORD, "scope": ["openid", "mail", "files"],
                                       "enabled": True, "name": name, "email": name + "@acme.example"})
        for name in ("mailer", "other"):
            self.api("POST", "client/", {
                "client_id": name, "name": name, "client_secret": SECRET, "confidential": True, "enabled": True,
                "authorization_type": ["code", "password", "client_credentials", "refresh_token"],
                "token_endpoint_auth_method": ["client_secret_basic", "client_secret_post"],
                "redirect_uri": [CALLBACK], "scope": ["openid", "mail", "files"]})

    def add_issuer(self, name, jwks):
        self.api("POST", "mod/plugin/", {"module": "oidc", "name": name, "display_name": name, "parameters": {
            "iss": self.issuer(name), "jwks-private": jwks, "jwks-show": True,
            "access-token-duration": 3600, "refresh-token-duration": 7200, "code-duration": 600,
            "refresh-token-rolling": False, "allow-non-oidc": True, "auth-type-code-enabled": True,
            "auth-type-code-revoke-replayed": True, "auth-type-password-enabled": True,
            "auth-type-client-enabled": True, "auth-type-refresh-enabled": True, "auth-type-token-enabled": False,
            "auth-type-id-token-enabled": False, "auth-type-none-enabled": False, "subject-type": "public",
            "introspection-revocation-allowed": True, "introspection-revocation-allow-target-client": True,
            # Else aud is the list of scopes, in one string
            "resource-allowed": True, "resource-scope": {"mail": [AUDIENCE, OTHER_AUDIENCE]},
            "resource-scope-and-client-property": False,
            "additional-parameters": [{"user-parameter": "username", "token-parameter": "preferred_username"}],
            "claims": [{"name": "preferred_username", "user-property": "username", "type": "string",
                        "on-demand": False, "mandatory": True, "scope": []}],
            "name-claim": "no", "email-claim": "no", "scope-claim": "no",
        }})

    def post(self, issuer, endpoint, client="mailer", **fields):
        """A request of a client's own; (status, what was answered)."""
        basic = base64.b64encode(("%s:%s" % (client, SECRET)).encode()).decode()
        status, _, text = self.ask("POST", "/api/%s/%s" % (issuer, endpoint), urllib.parse.urlencode(fields), {
            "Authorization": "Basic " + basic, "Content-Type": "application/x-www-form-urlencoded"})
        return status, text.decode()

    def tokens_by_password(self, issuer, user="alice", scope="mail", client="mailer"):
        """By the person's password (RFC 6749 section 4.3): what the token endpoint answers."""
        status, text = self.post(issuer, "token", client, grant_type="password", scope=scope, username=user,
                                 password=PASSWORD)
        expect(status == 200, "no token:", status, text)
        return json.loads(text)

    def token(self, issuer, user="alice", **how):
        """An access token for AUDIENCE."""
        return self.tokens(issuer, user, **how)["access_token"]

    def tokens(self, issuer, user="alice", scope="openid mail", client="mailer", resource=AUDIENCE):
        """By a code, as an application gets them: an ID token is among them."""
        cookie = self.sign_in(user, PASSWORD)
        self.api("PUT", "auth/grant/" + client, {"scope": scope}, cookie)
        query = urllib.parse.urlencode({"response_type": "code", "client_id": client, "redirect_uri": CALLBACK,
                                        "scope": scope, "nonce": "a-nonce-of-ours", "state": "a-state", "g_continue": "",
                                        "resource": resource})
        status, headers, text = self.ask("GET", "/api/%s/auth?%s" % (issuer, query), None, {"Cookie": cookie})
        place = headers.get("Location", "")
        expect(status == 302 and "code=" in place, "no code:", status, place, text)
        code = urllib.parse.parse_qs(urllib.parse.urlsplit(place).query)["code"][0]
        status, text = self.post(issuer, "token", client, grant_type="authorization_code", code=code,
                                 redirect_uri=CALLBACK, resource=resource)
        expect(status == 200, "no token for the code:", status, text)
        return json.loads(text)

    def revoke(self, issuer, token):
        status, text = self.post(issuer, "revoke", token=token)
        expect(status == 200, "not revoked:", status, text)
