"""Verifies an access token with PyJWT (Debian's python3-jwt), knowing only the issuer and its own name.

    python3 examples/verify.py ISSUER AUDIENCE < token.json
"""

import json
import sys
import urllib.request

import jwt

issuer, audience = sys.argv[1:]
discovery = json.load(urllib.request.urlopen(issuer + "/.well-known/openid-configuration"))
keys = jwt.PyJWKClient(discovery["jwks_uri"])

text = sys.stdin.read().strip()
token = json.loads(text)["access_token"] if text.startswith("{") else text
key = keys.get_signing_key_from_jwt(token)
claims = jwt.decode(token, key.key, algorithms=["RS256"], issuer=issuer, audience=audience)
print(json.dumps({"header": jwt.get_unverified_header(token), "claims": claims}, indent=2))
