"""Addresses of what happens on the line."""

from django.urls import include, path

from voice.api import router
from voice.webhooks import call_control

urlpatterns = [
    path("webhooks/<str:token>/call-control/", call_control, name="webhook-call-control"),
    path("api/v1/", include(router.urls)),
]
