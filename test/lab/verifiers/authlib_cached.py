"""A verifier of the laboratory: Authlib, which fetches no JWKS by itself, so it is kept here as most services keep it:
for a while, and whatever a token asks for. A token a line, an answer a line."""

import json
import os
import sys
import time
import urllib.request

from authlib.jose import JsonWebKey, JsonWebToken
from authlib.jose.errors import JoseError

issuer, audience = sys.argv[1:]
lifetime = float(os.environ["JWKS_CACHE_LIFETIME"])
tokens = JsonWebToken(["RS256"])
kept, until = None, 0.0


def keys():
    global kept, until
    if time.time() >= until:
        with urllib.request.urlopen(os.environ["JWKS_URI"]) as response:
            kept = JsonWebKey.import_key_set(json.load(response))
        until = time.time() + lifetime
    return kept


claims_options = {
    "iss": {"essential": True, "value": issuer},
    "aud": {"essential": True, "value": audience},
    "exp": {"essential": True},
}
for line in sys.stdin:
    try:
        claims = tokens.decode(line.strip(), keys(), claims_options=claims_options)
        if claims.header.get("typ") != "at+jwt":
            raise ValueError("not an access token")
        claims.validate()
        print("accepted:", json.dumps(claims), flush=True)
    except (JoseError, ValueError, OSError) as error:
        print("refused:", error, flush=True)
