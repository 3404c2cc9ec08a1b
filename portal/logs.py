"""Log lines as JSON, one event each, with the request's id. Full phone numbers do not pass."""

import logging
import re
from typing import Any

import structlog
from structlog.typing import EventDict, WrappedLogger

_NUMBER = re.compile(r"\+\d{4,11}(?=\d{4})")
_TOKEN = re.compile(r"(/webhooks/|KEY|tvp_)[A-Za-z0-9_.\-]{6,}")


def formatter() -> logging.Formatter:
    """For ``settings.LOGGING``: what structlog and the standard library log looks the same."""
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
    """Numbers keep four digits, webhook tokens and keys nothing: whatever a library may log."""
    for name, value in event.items():
        if isinstance(value, str):
            event[name] = _TOKEN.sub(r"\1…", _NUMBER.sub("+…", value))
    return event
