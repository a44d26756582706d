"""A resource server on FastAPI: PyJWT verifies, and fetches the issuer's keys (Debian: python3-fastapi, python3-uvicorn,
python3-jwt).

    ISSUER=http://localhost:3000 AUDIENCE=https://api.example.com PORT=4000 python3 examples/fastapi_app.py
    curl -H "Authorization: Bearer TOKEN" http://localhost:4000/
"""

import os

import jwt
import uvicorn
from fastapi import Depends, FastAPI, HTTPException
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

issuer, audience = os.environ["ISSUER"], os.environ["AUDIENCE"]
# Seconds. The issuer's keys.verifier_cache_lifetime must be at least as long.
keys = jwt.PyJWKClient(os.environ.get("JWKS_URI", issuer + "/.well-known/jwks.json"), lifespan=300)
app = FastAPI()
bearer = HTTPBearer(auto_error=False)


# Not async: fetching the keys may take a moment, and so it waits in a thread.
def access_token(given: HTTPAuthorizationCredentials = Depends(bearer)) -> dict:
    try:
        if given is None or jwt.get_unverified_header(given.credentials).get("typ") != "at+jwt":
            raise jwt.InvalidTokenError("not an access token")
        key = keys.get_signing_key_from_jwt(given.credentials).key
        options = {"require": ["exp"]}
        return jwt.decode(given.credentials, key, ["RS256"], options=options, issuer=issuer, audience=audience)
    except jwt.PyJWTError:
        raise HTTPException(401, "invalid_token", {"WWW-Authenticate": 'Bearer error="invalid_token"'}) from None


@app.get("/")
def me(token: dict = Depends(access_token)) -> dict:
    return token


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(os.environ.get("PORT", "4000")), log_level="warning")
