"""Configures the app: its pages."""

from django.apps import AppConfig


class ApplicationsConfig(AppConfig):
    """Configures the app of what is configured at Telnyx."""

    name = "applications"
    pages = ("admin.applications", "admin.pull_pages", "admin.runs")  # registered by portal.apps
