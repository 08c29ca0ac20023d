"""Sessions of the sandbox's people, and calls of its API."""

import json
import ssl
import urllib.parse
import urllib.request

import person
from world import DOMAIN


def call(world, path, body=None, headers=None):
    """A request to the sandbox; the JSON it answers."""
    request = urllib.request.Request(world.sandbox.url + path, body, headers or {})
    with urllib.request.urlopen(request, context=ssl.create_default_context(cafile=world.ca), timeout=240) as answer:
        return json.load(answer)


def session(world, name="alice"):
    """A session, as another application of the organisation gets it."""
    query = urllib.parse.urlencode({"client_id": world.loose, "redirect_uri": world.callback, "response_type": "code"})
    place = world.sandbox.sign_in("%s/integrations/oauth2/authorize?%s" % (world.sandbox.url, query),
                                  "%s@%s" % (name, DOMAIN))
    with open(world.loose_secret_file, encoding="utf-8") as file:
        secret = file.read().strip()
    fields = {"grant_type": "authorization_code", "code": person.code_of(place), "redirect_uri": world.callback,
              "client_id": world.loose, "client_secret": secret}
    answer = call(world, "/integrations/oauth2/api/v1/token", urllib.parse.urlencode(fields).encode())
    world.sandbox.secrets.append(answer["access_token"])
    world.sandbox.run("requests", "--clear")
    return answer["access_token"]
