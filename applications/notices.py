"""Tells what a person should know of an application, in words."""

from urllib.parse import urlsplit

from applications import addresses
from applications.models import CallControlApplication, TelnyxApplication


def warnings_for(application: TelnyxApplication) -> list[str]:
    """Return sentences for its page, its line in the list and REST; none when all is well."""
    sentences = []
    if application.missing_since:
        sentences.append(f"Telnyx has not known this application since {application.missing_since:%Y-%m-%d %H:%M} UTC.")
    if isinstance(application, CallControlApplication):
        sentences += [*_version(application), *_address(application)]
    return [*sentences, *_unreachable(application)]


def webhook_host(application: TelnyxApplication) -> str:
    """Return the host (and port) its events or fetches go to, empty when there is no usable address."""
    return host_of(str(getattr(application, application.url_field)))


def host_of(url: str) -> str:
    """Return the host (and port) of an address, without the name and the password before it; empty: it has none."""
    try:
        return urlsplit(url).netloc.rpartition("@")[2]
    except ValueError:
        return ""


def _unreachable(application: TelnyxApplication) -> list[str]:
    """Warn of addresses out of Telnyx's reach, only of a live account: the sandbox is a neighbour."""
    if not application.account.is_live:
        return []
    given = ((field.name, getattr(application, field.name)) for field in application._meta.concrete_fields)
    reasons = ((name, addresses.unreachable(str(url))) for name, url in given if addresses.is_address(name) and url)
    return [f"Telnyx cannot reach {name}: {why}." for name, why in reasons if why]


def _version(application: CallControlApplication) -> list[str]:
    if application.webhook_api_version == "2":
        return []
    # facts: v1 bodies have no envelope and another signature; intake can only quarantine them
    version = application.webhook_api_version or "not told"
    return [
        f"Events come in the old format (webhook API version {version}), which cannot be followed here: set it to 2."
    ]


def _address(application: CallControlApplication) -> list[str]:
    if application.webhook_event_url == application.account.webhook_url:
        return []
    if not application.webhook_event_url:
        return ["Events of this application go nowhere: it has no webhook event URL."]
    host = webhook_host(application) or application.webhook_event_url
    return [f"Events of this application go to {host}; calls appear here only through backfill."]
