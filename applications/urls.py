"""REST addresses of applications and pulls."""

from rest_framework.routers import SimpleRouter

from applications import api

router = SimpleRouter()
router.register("call-control-applications", api.CallControlApplicationViewSet, basename="call-control-application")
router.register("texml-applications", api.TexmlApplicationViewSet, basename="texml-application")
router.register("pulls", api.PullViewSet, basename="pull")
urlpatterns = router.urls
