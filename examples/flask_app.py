"""A resource server on Flask: PyJWT verifies, and fetches the issuer's keys (Debian: python3-flask, python3-jwt).

    ISSUER=http://localhost:3000 AUDIENCE=https://api.example.com PORT=4000 python3 examples/flask_app.py
    curl -H "Authorization: Bearer TOKEN" http://localhost:4000/
"""

import os
from functools import wraps

import jwt
from flask import Flask, g, jsonify, request

issuer, audience = os.environ["ISSUER"], os.environ["AUDIENCE"]
# Seconds. The issuer's keys.verifier_cache_lifetime must be at least as long.
keys = jwt.PyJWKClient(os.environ.get("JWKS_URI", issuer + "/.well-known/jwks.json"), lifespan=300)
app = Flask(__name__)


def token_required(view):
    @wraps(view)
    def guarded(*args, **kwargs):
        try:
            scheme, _, token = request.headers.get("Authorization", "").partition(" ")
            if scheme.lower() != "bearer" or jwt.get_unverified_header(token).get("typ") != "at+jwt":
                raise jwt.InvalidTokenError("not an access token")
            key = keys.get_signing_key_from_jwt(token).key
            options = {"require": ["exp"]}
            g.token = jwt.decode(token, key, ["RS256"], options=options, issuer=issuer, audience=audience)
        except jwt.PyJWTError:
            headers = {"WWW-Authenticate": 'Bearer error="invalid_token"'}
            return jsonify(error="invalid_token"), 401, headers
        return view(*args, **kwargs)

    return guarded


@app.get("/")
@token_required
def me():
    return jsonify(g.token)


if __name__ == "__main__":
    app.run("127.0.0.1", int(os.environ.get("PORT", "4000")))
