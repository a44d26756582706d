# A Django REST framework project that takes the access tokens of a Mintmark issuer. It verifies them on its own, by
# the published keys; it has no database, no user table, and no secret of the issuer's.
import os
import secrets

# Django asks for one; nothing is signed with it here.
SECRET_KEY = secrets.token_urlsafe()
DEBUG = False
ALLOWED_HOSTS = ["localhost", "127.0.0.1"]
ROOT_URLCONF = "urls"
DATABASES = {}
USE_TZ = True

# The first two for their classes alone, which simplejwt imports; nothing asks for their tables.
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "rest_framework",
    "rest_framework_simplejwt",
]

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["rest_framework_simplejwt.authentication.JWTStatelessUserAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
}

SIMPLE_JWT = {
    "ALGORITHM": "RS256",
    "JWK_URL": os.environ.get("JWKS_URI", os.environ["ISSUER"] + "/.well-known/jwks.json"),
    "ISSUER": os.environ["ISSUER"],
    "AUDIENCE": os.environ["AUDIENCE"],
    "USER_ID_CLAIM": "user_id",
}
