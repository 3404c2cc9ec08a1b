"""Maps addresses to pages and REST. The apps are named by string: the core imports neither."""

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView
from drf_spectacular.views import SpectacularSwaggerSplitView
from rest_framework.permissions import AllowAny

from portal.apps import register_pages
from portal.rest import reference
from portal.rest.document import DocumentView
from portal.runtime import health

handler400 = "portal.rest.problems.bad_request"
handler403 = "portal.rest.problems.forbidden"
handler404 = "portal.rest.problems.not_found"
handler500 = "portal.rest.problems.server_error"

register_pages()
_open = {"authentication_classes": [], "permission_classes": [AllowAny]}

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="admin:index"), name="root"),
    path("admin", RedirectView.as_view(pattern_name="admin:index")),
    path("admin/", admin.site.urls),
    path("livez", health.livez, name="livez"),
    path("readyz", health.readyz, name="readyz"),
    path("metrics", health.metrics, name="metrics"),
    path("api/schema/", DocumentView.as_view(**_open), name="api-schema"),
    path("api/docs/", reference.index, name="api-docs"),
    path("api/docs/try/", SpectacularSwaggerSplitView.as_view(url_name="api-schema", **_open), name="api-try"),
    path("api/docs/<slug:slug>/", reference.resource, name="api-resource"),
    path("api/v1/", include("portal.api")),
    path("api/v1/", include("applications.urls")),
    path("", include("voice.urls")),
]
