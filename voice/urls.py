"""Addresses of what happens on the line."""

from django.urls import include, path

from voice.api import router
from voice.batch_api import DialBatchViewSet, LimitsViewSet
from voice.conference_api import ConferenceViewSet, QueueViewSet
from voice.journal_api import BreakerViewSet
from voice.webhooks import call_control

router.register("conferences", ConferenceViewSet, basename="conference")
router.register("queues", QueueViewSet, basename="queue")
router.register("dial-batches", DialBatchViewSet, basename="dial-batch")

urlpatterns = [
    path("webhooks/<str:token>/call-control/", call_control, name="webhook-call-control"),
    path("api/v1/", include(router.urls)),
    path("api/v1/accounts/<slug:name>/limits/", LimitsViewSet.as_view({"get": "retrieve"}), name="account-limits"),
    path("api/v1/accounts/<slug:name>/breaker/", BreakerViewSet.as_view({"get": "retrieve"})),
    path("api/v1/accounts/<slug:name>/breaker/close/", BreakerViewSet.as_view({"post": "close"})),
]
