"""Sends notices: by e-mail, and by a webhook signed as "Standard Webhooks" has it.

Nothing here raises: what went wrong is told in words, without secrets.
"""

import base64
import hashlib
import hmac
import json
import smtplib
import time
import uuid
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import httpx
import structlog
from django.conf import settings
from django.core.mail import EmailMessage

from portal.telnyx.client import DeadlineTransport
from voice.models import AlertNotice

_SECONDS = 8.0  # in all, for a webhook
_Channel = AlertNotice.Channel

_log = structlog.get_logger(__name__)


def set_up() -> dict[str, str]:
    """Map each channel that the settings name to where its notices go, in words."""
    found = {}
    if people := settings.ALERT_EMAILS:
        found[str(_Channel.EMAIL)] = people[0] if len(people) == 1 else f"{len(people)} e-mail addresses"
    if url := settings.ALERT_WEBHOOK_URL:
        found[str(_Channel.WEBHOOK)] = urlsplit(url).hostname or ""
    return found


def send(channel: str, identifier: uuid.UUID, body: dict[str, Any]) -> str:
    """Send once; return what went wrong, or nothing when it was taken. ``identifier`` is the same for each try."""
    if channel not in set_up():
        return "this channel is not set up any more"
    try:
        return _SENDERS[channel](identifier, body)
    except Exception as error:  # what nobody foresaw is a try that failed, and not the end of all others
        why = type(error).__name__  # its words may hold a secret
        _log.warning("a notice of an alert could not be sent", channel=channel, error=why)
        return f"it could not be sent ({why})"


def sign(secret: bytes, identifier: str, timestamp: int, content: bytes) -> str:
    """Sign for ``webhook-signature``: ``v1,`` and the HMAC-SHA256 of ``id.timestamp.body`` in base64."""
    signed = f"{identifier}.{timestamp}.".encode() + content
    return "v1," + base64.b64encode(hmac.new(secret, signed, hashlib.sha256).digest()).decode()


def _post(identifier: uuid.UUID, body: dict[str, Any]) -> str:
    content, now = json.dumps(body, separators=(",", ":")).encode(), int(time.time())
    headers = {
        "content-type": "application/json",
        "webhook-id": f"msg_{identifier}",
        "webhook-timestamp": str(now),
        "webhook-signature": sign(settings.ALERT_WEBHOOK_SECRET, f"msg_{identifier}", now, content),
    }
    transport = DeadlineTransport(_SECONDS)
    try:
        with (
            httpx.Client(transport=transport, timeout=_SECONDS, follow_redirects=False, trust_env=False) as client,
            client.stream("POST", settings.ALERT_WEBHOOK_URL, content=content, headers=headers) as response,
        ):
            status = response.status_code  # what else it may say is not read
    except httpx.TimeoutException:
        return f"no answer within {_SECONDS:.0f} s"
    except httpx.InvalidURL:
        return "ALERT_WEBHOOK_URL cannot be called"
    except httpx.HTTPError as error:
        return f"no connection ({type(error).__name__})"
    if 300 <= status < 400:
        return f"a redirect (HTTP {status}), which is not followed"
    return "" if 200 <= status < 300 else f"HTTP {status}"


def _mail(identifier: uuid.UUID, body: dict[str, Any]) -> str:
    change = {"alert.opened": "Alert", "alert.closed": "Over", "alert.test": "Test"}[body["type"]]
    lines = [body["summary"], "", body["link"], "", f"Since {body['opened_at']}"]
    if body["closed_at"]:
        lines.append(f"Over at {body['closed_at']}")
    mail = EmailMessage(
        subject=" ".join(f"[Voice portal] {change}: {body['summary']}".split())[:200],
        body="\n".join(lines),
        to=settings.ALERT_EMAILS,
        headers={"Message-ID": f"<{identifier}@{settings.DEFAULT_FROM_EMAIL.rpartition('@')[2]}>"},
    )
    try:
        mail.send()
    except smtplib.SMTPResponseException as error:
        return f"the mail server said {error.smtp_code}"
    except (smtplib.SMTPException, OSError) as error:
        return f"the mail server was not reached or said no ({type(error).__name__})"
    return ""


_SENDERS: dict[str, Callable[[uuid.UUID, dict[str, Any]], str]] = {_Channel.EMAIL: _mail, _Channel.WEBHOOK: _post}
