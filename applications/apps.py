"""Configures the app: its pages."""

from importlib import import_module

from django.apps import AppConfig


class ApplicationsConfig(AppConfig):
    """Configures the app of what is configured at Telnyx."""

    name = "applications"

    def ready(self) -> None:
        for name in ("applications", "pull_pages"):
            import_module(f"applications.admin.{name}")  # registers them; they need the models, ready only now
