"""Defines ChosenColumns: which columns of the call log a person has, in which order."""

from django.conf import settings
from django.db import models


class ChosenColumns(models.Model):
    """Keeps the ``names`` of the columns that ``user`` has chosen; who has no row has the usual ones."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, primary_key=True, related_name="+")
    names = models.JSONField(default=list)

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"columns of {self.user}"
