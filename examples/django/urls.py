from django.urls import path
from rest_framework.decorators import api_view
from rest_framework.response import Response


@api_view()
def me(request):
    """Who the bearer is, by the claims of the token."""
    claims = request.auth
    return Response({"id": request.user.id, "name": claims.get("name"), "roles": claims.get("roles", [])})


urlpatterns = [path("me/", me)]
