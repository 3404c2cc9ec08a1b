"""Reads settings from the environment: each malformed one ends the start with one line that names it."""

import base64
import os
import re
import socket
import sys
import warnings
from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from typing import Any, NoReturn, TypeVar
from urllib.parse import parse_qs, parse_qsl, unquote, urlsplit

import environ
import httpx
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from psycopg import ProgrammingError
from psycopg.conninfo import make_conninfo

from portal import keys
from portal.statement_timeout import TimedConnection

# Whose database is gone hears of it within seconds. A pool gives up trying soon, and tries again as soon as somebody
# asks: its own pauses would grow to minutes. The limits: a statement whose client has gone ends, lock or not; a
# transaction in which nothing happens (its process is frozen, a handler hangs) ends too: others wait for its locks.
LIMITS = "-c client_connection_check_interval=1s -c idle_in_transaction_session_timeout=10s"
_POSTGRESQL: dict[str, Any] = {
    "connect_timeout": 2,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,  # milliseconds
    "options": LIMITS,
    "pool": {
        "min_size": 1,
        "max_size": 64,  # the threads of one process that does all the work: worker, sweep, alerts
        "timeout": 2,
        "reconnect_timeout": 2,
        "connection_class": TimedConnection,
    },
}

# what an address of a database says, apart from settings of Django's that stand behind its ``?``
_PARTS = {"ENGINE", "NAME", "USER", "PASSWORD", "HOST", "PORT", "OPTIONS"}

_HOST = re.compile(r"\*|\.?[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*|\[[0-9A-Fa-f:.]+\]")  # as it stands in a Host header

T = TypeVar("T")
D = TypeVar("D")


def stop(name: str, problem: str) -> NoReturn:
    """End the start with one line."""
    sys.exit(f"portal: {name} {problem}")


def setting(name: str, parse: Callable[[str], T], default: D) -> T | D:
    """Return the parsed variable, ``default`` when it is missing or empty; stop the start when it cannot be parsed."""
    text = os.environ.get(name, "").strip()
    if not text:
        return default
    try:
        return parse(text)
    except ValueError as error:
        stop(name, str(error))


def boolean(text: str) -> bool:
    if text.lower() not in {"true", "false", "1", "0", "yes", "no", "on", "off"}:
        raise ValueError("must be true or false.")
    return text.lower() in {"true", "1", "yes", "on"}


def whole_number(text: str) -> int:
    if not (text.isascii() and text.isdecimal()) or len(text) > 5 or int(text) > 65535:
        raise ValueError("must be a whole number up to 65535.")
    return int(text)


def days(text: str) -> int:
    if not 1 <= whole_number(text) <= 3650:
        raise ValueError("must be a number of days from 1 to 3650.")
    return int(text)


def log_level(text: str) -> str:
    if text.upper() not in {"DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"}:
        raise ValueError("must be DEBUG, INFO, WARNING, ERROR or CRITICAL.")
    return text.upper()


def port(text: str) -> int:
    if whole_number(text) == 0:
        raise ValueError("must be a port from 1 to 65535.")
    return int(text)


def http_url(text: str) -> str:
    """Return the address without the slash at its end; no part of it is in the error."""
    try:
        parts = urlsplit(text)
        is_read = parts.port != 0 and not re.search(r"\s", text)
    except ValueError:
        parts, is_read = urlsplit(""), False
    if not is_read or parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("must be an http:// or https:// address.")
    return text.rstrip("/")


def public_url(text: str) -> str:
    """Return an address that paths can be put behind, and that may be shown to everybody."""
    url = http_url(outgoing_url(text))
    if "@" in urlsplit(url).netloc:
        raise ValueError("must hold no user name and no password.")
    if "?" in url or "#" in url:
        raise ValueError("must end with its host or its path: no ? and no #.")
    return urlsplit(url).geturl()  # whether it is https is asked of its first letters, which are small ones here


_LONGEST_URL = 200  # the account's row holds no more


def telnyx_url(text: str) -> str:
    """Return an address that a key may be sent to: over TLS, or to this machine; no part of it is in the error."""
    try:
        parts = urlsplit(http_url(text))
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        parts, host = urlsplit(""), ""
    if not host or not parts.path.endswith("/v2") or parts.query or parts.fragment:
        raise ValueError("must be an https:// address that ends in /v2.")
    if len(text) > _LONGEST_URL:
        raise ValueError(f"must have at most {_LONGEST_URL} characters.")
    if "@" in parts.netloc:
        raise ValueError("must hold no user name and no password.")
    address = as_address(host)
    if host != "localhost" and not (address and address.is_loopback):
        if parts.scheme != "https":
            raise ValueError("must begin with https://; only this machine (127.0.0.1) may be asked by http://.")
        if address and (address.is_link_local or address.is_multicast or address.is_unspecified):
            raise ValueError("must not be a link-local, multicast or unspecified address.")
    return parts.geturl()


def as_address(host: str) -> IPv4Address | IPv6Address | None:
    """Return the address that ``host`` is, None for a name; ``0xA9FEA9FE`` and ``127.1`` are addresses, too."""
    try:
        address = ip_address(host)
    except ValueError:
        if not re.fullmatch(r"0x[0-9a-f]*|[0-9]+", host.rstrip(".").rpartition(".")[2]):
            return None
        try:
            address = IPv4Address(socket.inet_aton(host.rstrip(".")))
        except OSError:
            return IPv4Address("0.0.0.0")  # noqa: S104  nobody's
    return getattr(address, "ipv4_mapped", None) or address


def hosts(text: str) -> list[str]:
    if wrong := [name for name in names(text) if not _HOST.fullmatch(name)]:
        raise ValueError(f"must be names or addresses of hosts, separated by commas: {wrong[0]} is none.")
    return names(text)


def broker_url(text: str) -> str:
    """Return the address of RabbitMQ or Redis; no part of it is in the error: it may be the password."""
    try:
        parts = urlsplit(text)
        is_read = parts.port != 0
    except ValueError:
        parts, is_read = urlsplit(""), False
    if not is_read or parts.scheme not in {"amqp", "amqps", "redis", "rediss"}:
        raise ValueError(
            "must look like amqp://user:password@host:5672// or redis://host:6379/0; with TLS amqps:// or rediss://."
        )
    return text


def account_sid(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", text):
        raise ValueError("must be an id of up to 64 letters, digits, dashes and underscores.")
    return text


def body_encoding(text: str) -> str:
    if text.lower() not in {"json", "form"}:
        raise ValueError("must be json or form.")
    return text.lower()


def names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def modules(text: str) -> list[str]:
    if wrong := [name for name in names(text) if not all(part.isidentifier() for part in name.split("."))]:
        raise ValueError(f"must be dotted names of Python modules, separated by commas: {wrong[0]} is none.")
    return names(text)


def outgoing_url(text: str) -> str:
    """Return the address as it is, with the slash it may end in: another path is another address."""
    http_url(text)
    try:
        usable = bool(httpx.URL(text).host)
    except httpx.InvalidURL:
        usable = False
    if not usable:
        raise ValueError("must be an http:// or https:// address that can be called.")
    return text


def mail_addresses(text: str) -> list[str]:
    try:
        for name in names(text):
            validate_email(name)
    except ValidationError:
        raise ValueError("must be e-mail addresses, separated by commas.") from None
    return names(text)


def mail_address(text: str) -> str:
    if len(mail_addresses(text)) != 1:
        raise ValueError("must be one e-mail address.")
    return text


def mail_server(text: str) -> dict[str, Any]:
    """Parse a mail server's address into Django's settings.

    No part of the text is in the error: it may be the password.
    """
    wrong = ValueError("must look like smtp://user:password@host:587?tls=1 or smtps://user:password@host:465.")
    try:
        parts = urlsplit(text)
        port, query = parts.port, dict(parse_qsl(parts.query, strict_parsing=bool(parts.query)))
    except ValueError:
        raise wrong from None
    if parts.scheme not in {"smtp", "smtps"} or not parts.hostname or parts.path.strip("/") or parts.fragment:
        raise wrong
    if query.keys() - {"tls"} or query.get("tls", "0") not in {"0", "1"} or (query and parts.scheme == "smtps"):
        raise wrong
    return {
        "EMAIL_HOST": parts.hostname,
        "EMAIL_PORT": port or (465 if parts.scheme == "smtps" else 587 if query.get("tls") == "1" else 25),
        "EMAIL_HOST_USER": unquote(parts.username or ""),
        "EMAIL_HOST_PASSWORD": unquote(parts.password or ""),
        "EMAIL_USE_SSL": parts.scheme == "smtps",
        "EMAIL_USE_TLS": query.get("tls") == "1",
    }


def webhook_secret(text: str) -> bytes:
    """Decode a secret of "Standard Webhooks": 24 to 64 bytes in base64, with ``whsec_`` before it or without."""
    try:
        secret = base64.b64decode(text.removeprefix("whsec_"), validate=True)
    except ValueError:
        secret = b""
    if not 24 <= len(secret) <= 64:
        raise ValueError("must be 24 to 64 bytes in base64, with or without whsec_ before it.")
    return secret


def encryption_keys(text: str) -> list[bytes]:
    try:
        ring = [base64.b64decode(key, validate=True) for key in names(text)]
    except ValueError:
        raise ValueError("must be base64 keys of 32 bytes, newest first, separated by commas.") from None
    if not ring or any(len(key) != 32 for key in ring):
        raise ValueError("must be base64 keys of 32 bytes, newest first, separated by commas.")
    return ring


def database(text: str) -> dict[str, Any]:
    wrong = ValueError("must look like postgres://user:password@host:5432/name or sqlite:////path/file.")
    try:
        with warnings.catch_warnings(action="ignore"):  # what is wrong is said below, in one line
            config = dict(environ.Env.db_url_config(text))  # type: ignore[no-untyped-call]
    except Exception:
        raise wrong from None
    engine = str(config.get("ENGINE", ""))
    if engine.endswith("sqlite3"):
        # IMMEDIATE: WAL alone answers "database is locked" at once when a reading transaction turns to writing
        config["OPTIONS"] = {
            "timeout": 20,
            "transaction_mode": "IMMEDIATE",
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;",
        }
        config["CONN_MAX_AGE"] = 60  # opening the file again for each request costs more than what is done with it
        # a file, since tests speak to the portal through threads and processes of their own
        config["TEST"] = {"NAME": str(keys.var_dir() / "test.sqlite3")}
    elif "postgres" in engine:
        config["OPTIONS"] = _asked_of_postgresql(config, parse_qs(text.partition("?")[2].partition("#")[0]))
        config["CONN_HEALTH_CHECKS"] = True  # a worker keeps its connections, and one may have been ended meanwhile
    else:
        raise ValueError("must name PostgreSQL or SQLite.")
    if config["NAME"] in {"", ":memory:"}:
        raise wrong
    return config


def _asked_of_postgresql(config: dict[str, Any], written: dict[str, list[str]]) -> dict[str, Any]:
    """Return the options of each connection: ours, and over them those that stand behind the ``?``, as ``written``.

    No part of them is in the error.
    """
    # ``config`` has a number where 0123 is written, which may be a password
    given = {name: written.get(name, [str(value)])[0] for name, value in config.get("OPTIONS", {}).items()}
    wrong = ValueError("must have behind its ? only what PostgreSQL's own clients know, as sslmode=verify-full.")
    if config.keys() - _PARTS or given.keys() & {"conninfo", "dbname", "service"}:  # the database stands before it
        raise wrong
    try:
        make_conninfo(**given)
    except ProgrammingError:
        raise wrong from None
    return _POSTGRESQL | given | {"options": f"{LIMITS} {given.get('options', '')}".rstrip()}


def from_file(name: str, file: Path) -> str:
    """Return the variable, else what is in the file ``make run`` wrote."""
    if text := os.environ.get(name, "").strip():
        return text
    try:
        text = file.read_text("utf-8").strip()
    except FileNotFoundError:
        pass
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is no text"
        stop(name, f"is not set, and {file} cannot be read: {why}.")
    return text or stop(name, f"is not set, and {file.name} is not in {file.parent}: set it, or use `make run` once.")
