# What djangorestframework-simplejwt itself answers: reads a list of requests (method, path, content type, body) as JSON
# from stdin, and writes its answers, and a fixture of its users. Their usernames are their e-mail addresses.
import io
import json
import sys

import django
from django.conf import settings

settings.configure(
    SECRET_KEY="x" * 50,
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    USE_TZ=True,
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    INSTALLED_APPS=[
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "rest_framework",
        "rest_framework_simplejwt",
        "rest_framework_simplejwt.token_blacklist",
    ],
    REST_FRAMEWORK={"DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"]},
)
django.setup()

from django.contrib.auth.models import User  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.test import Client  # noqa: E402
from django.urls import path  # noqa: E402
from rest_framework_simplejwt import views  # noqa: E402

urlpatterns = [
    path("api/token/", views.token_obtain_pair),
    path("api/token/refresh/", views.token_refresh),
    path("api/token/verify/", views.token_verify),
    path("api/token/blacklist/", views.token_blacklist),
]
call_command("migrate", verbosity=0)
for email, is_active in [("ada@example.com", True), ("off@example.com", False)]:
    User.objects.create_user(email, email, "correct horse battery", is_active=is_active)


def answer(method, url, content_type, body):
    response = Client().generic(method, url, body, content_type=content_type)
    return {
        "status": response.status_code,
        "type": response.headers.get("content-type", "").split(";")[0],
        "challenge": response.headers.get("www-authenticate"),
        "body": json.loads(response.content),
    }


answers = [answer(*request) for request in json.load(sys.stdin)]
users = io.StringIO()
call_command("dumpdata", "auth.user", stdout=users)
json.dump({"answers": answers, "users": users.getvalue()}, sys.stdout)
