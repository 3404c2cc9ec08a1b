"""Serves the core over REST: the accounts, read-only and without secrets."""

from rest_framework import serializers
from rest_framework.routers import SimpleRouter

from portal.models import TelnyxAccount
from portal.rest.viewsets import ReadOnlyViewSet


class AccountSerializer(serializers.ModelSerializer[TelnyxAccount]):
    """An account without its keys' and its webhook address's secrets."""

    live = serializers.BooleanField(source="is_live", read_only=True, help_text="Whether its calls ring real phones.")

    class Meta:
        model = TelnyxAccount
        fields = ("id", "name", "base_url", "live", "api_key_last4", "created_at", "updated_at")


class AccountViewSet(ReadOnlyViewSet):
    """Telnyx accounts; ``id`` in the address is the account's name."""

    queryset = TelnyxAccount.objects.all()
    serializer_class = AccountSerializer
    scope = "applications"
    permissions = {"list": "portal.view_telnyxaccount", "retrieve": "portal.view_telnyxaccount"}
    ordering = ("name",)
    lookup_field = "name"


router = SimpleRouter()
router.register("accounts", AccountViewSet, basename="account")
urlpatterns = router.urls
