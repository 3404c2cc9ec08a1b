"""Writes log lines as JSON, one event each, with the request's id. Full phone numbers do not pass."""

import logging
import re
from ipaddress import ip_address
from typing import Any

import structlog
from structlog.typing import EventDict, WrappedLogger

from portal.masking import is_secret, masked_text

_OF_IDS = re.compile(r"(^|_)(ids?|timestamp|logger|level|command)$")  # their digits are nobody's number
# carriers also send numbers without +; under these names it can be nothing else
_BARE_NUMBER = re.compile(r"\d{3,11}(?=\d{4})")
_OF_NUMBERS = re.compile(r"(^|_)(from|to|number|caller|callee|destination|digits?)(_|$)", re.IGNORECASE)
_DEEPEST = 8
_TOKEN = re.compile(r"(/webhooks/|KEY|tvp_)[A-Za-z0-9_.\-]{6,}")


def formatter() -> logging.Formatter:
    """Return a formatter for ``settings.LOGGING``: what structlog and the standard library log looks the same."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso"),
        structlog.processors.format_exc_info,
        redact,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    return structlog.stdlib.ProcessorFormatter(
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, structlog.processors.JSONRenderer()],
        foreign_pre_chain=[structlog.stdlib.PositionalArgumentsFormatter(), *shared],
    )


def redact(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Redact whatever a library may log, however deep: numbers keep four digits, webhook tokens and keys nothing."""
    for name, value in event.items():
        if not name.startswith("_"):  # structlog's own: the record this line is made of
            event[name] = _clean(value, name)
    return event


def _clean(value: Any, name: str, depth: int = 0) -> Any:
    if value is None or isinstance(value, bool | float) or depth > _DEEPEST:
        return value if depth <= _DEEPEST else "…"
    if is_secret(name):
        return "…"
    if isinstance(value, dict):
        return {str(key): _clean(item, str(key), depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple | set):
        return [_clean(item, name, depth + 1) for item in value]
    of_numbers = bool(_OF_NUMBERS.search(name))
    if isinstance(value, int) and not of_numbers:
        return value
    text = value if isinstance(value, str) else repr(value)
    text = _TOKEN.sub(r"\1…", text)
    text = text if _OF_IDS.search(name) or (name == "address" and _is_of_a_host(text)) else masked_text(text)
    return _BARE_NUMBER.sub("…", text) if of_numbers else text


def _is_of_a_host(text: str) -> bool:
    try:
        return bool(ip_address(text))
    except ValueError:
        return False
