"""Configures the app: its checks, and the handlers that Python users wrote."""

from importlib import import_module

from django.apps import AppConfig
from django.conf import settings


class VoiceConfig(AppConfig):
    """Configures what happens on the line."""

    name = "voice"

    def ready(self) -> None:
        import_module("voice.flows.checks")  # registers them; they need the models, which are ready only now
        import_module("voice.flows.handlers").load(settings.EVENT_HANDLERS)
