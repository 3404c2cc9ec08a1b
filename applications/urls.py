"""REST addresses of applications and pulls."""

from rest_framework.routers import SimpleRouter

from applications import api, belongings_api

router = SimpleRouter()
router.register("call-control-applications", api.CallControlApplicationViewSet, basename="call-control-application")
router.register("texml-applications", api.TexmlApplicationViewSet, basename="texml-application")
router.register("pulls", api.PullViewSet, basename="pull")
router.register(
    "outbound-voice-profiles", belongings_api.OutboundVoiceProfileViewSet, basename="outbound-voice-profile"
)
urlpatterns = router.urls
