"""Collects what hangs on an application and would be left behind by its deletion: told by others, by dotted name."""

from django.conf import settings
from django.utils.module_loading import import_string

from applications.models import TelnyxApplication


def dependents(application: TelnyxApplication) -> list[str]:
    """Return the sentences of every function that ``APPLICATION_DEPENDENTS`` names; each answers without raising."""
    answers = (import_string(name)(application) for name in settings.APPLICATION_DEPENDENTS)
    return [sentence for sentences in answers for sentence in sentences]
