"""Authorities of the tests' own, and servers that they vouch for: certificates live as long as their test."""

import socket
import ssl
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import pytest
import trustme

from portal.telnyx import client

NAME = "telnyx.invalid"


def server(authority: trustme.CA, name: str = NAME, expires: datetime | None = None) -> ssl.SSLContext:
    """What a server needs to be ``name`` for those who trust the authority."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name, not_after=expires).configure_cert(context)
    return context


def server_of_yesterday(authority: trustme.CA) -> ssl.SSLContext:
    """One that speaks TLS 1.1 and nothing newer."""
    context = server(authority)
    context.set_ciphers("DEFAULT@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    return context


def trust(monkeypatch: pytest.MonkeyPatch, authority: trustme.CA) -> None:
    """The portal trusts this authority beside those of the world, and finds ``NAME`` on this machine."""
    context = client._certificates.__wrapped__()
    authority.configure_trust(context)
    monkeypatch.setattr(client, "_certificates", lambda: context)
    really = socket.getaddrinfo

    def look_up(host: Any, *rest: Any, **more: Any) -> Any:
        return really("127.0.0.1" if host == NAME else host, *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)


@contextmanager
def forgotten_clients() -> Iterator[None]:
    """What this thread keeps of clients trusts whom the test trusted: it does not outlive it."""
    client._kept.__dict__.clear()
    try:
        yield
    finally:
        client._kept.__dict__.clear()
