"""Verifies access tokens with PyJWT (Debian's python3-jwt), knowing only the issuer and its own name.

    python3 examples/verify.py ISSUER AUDIENCE < token.json

Every line of the input is a token or a token response; every line of the output says what became of it.
"""

import json
import os
import sys
import urllib.request

import jwt

issuer, audience = sys.argv[1:]
# Seconds. The issuer's keys.verifier_cache_lifetime must be at least as long.
cache_lifetime = int(os.environ.get("JWKS_CACHE_LIFETIME", "300"))
jwks_uri = os.environ.get("JWKS_URI")
if not jwks_uri:
    jwks_uri = json.load(urllib.request.urlopen(issuer + "/.well-known/openid-configuration"))["jwks_uri"]
keys = jwt.PyJWKClient(jwks_uri, lifespan=cache_lifetime)

for line in sys.stdin:
    token = json.loads(line)["access_token"] if line.startswith("{") else line.strip()
    try:
        if jwt.get_unverified_header(token).get("typ") != "at+jwt":
            raise jwt.InvalidTokenError("not an access token")
        key = keys.get_signing_key_from_jwt(token).key
        options = {"require": ["exp"]}
        claims = jwt.decode(token, key, ["RS256"], options=options, issuer=issuer, audience=audience)
        print("accepted:", json.dumps(claims), flush=True)
    except jwt.PyJWTError as error:
        print("refused:", error, flush=True)
