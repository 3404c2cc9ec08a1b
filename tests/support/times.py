"""Moments of the past."""

from datetime import timedelta
from typing import Any

from django.utils import timezone


def ago(seconds: float) -> Any:
    return timezone.now() - timedelta(seconds=seconds)
