"""Maps REST addresses of applications and pulls."""

from rest_framework.routers import SimpleRouter

from applications.api import viewsets
from applications.exchange.api import ApplyRunViewSet
from applications.related import api as related_api

router = SimpleRouter()
router.register(
    "call-control-applications", viewsets.CallControlApplicationViewSet, basename="call-control-application"
)
router.register("texml-applications", viewsets.TexmlApplicationViewSet, basename="texml-application")
router.register("applies", ApplyRunViewSet, basename="apply")
router.register("pulls", viewsets.PullViewSet, basename="pull")
router.register("outbound-voice-profiles", related_api.OutboundVoiceProfileViewSet, basename="outbound-voice-profile")
urlpatterns = router.urls
