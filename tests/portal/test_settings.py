"""Settings are safe unless somebody says otherwise."""

import pytest

from portal.environment import database
from tests.support.environments import GOOD, SHOW, start


def test_the_defaults_are_safe(tmp_path):
    show = SHOW.format("s.DEBUG, s.ALLOWED_HOSTS, s.PORTAL_PUBLIC_URL, s.SANDBOX_PORT, s.CELERY_BROKER_URL[:12]")
    done = start(tmp_path, "-c", show, **GOOD, PORT="8100")
    assert done.stdout == "False ['127.0.0.1', 'localhost', '[::1]'] http://127.0.0.1:8100 8101 embedded://l\n"


def test_an_https_address_makes_cookies_secure(tmp_path):
    show = SHOW.format("s.SESSION_COOKIE_SECURE, s.CSRF_COOKIE_SECURE, s.SECURE_HSTS_SECONDS > 0")
    for address in ("https://p.example", "HTTPS://p.example"):
        assert start(tmp_path, "-c", show, **GOOD, PORTAL_PUBLIC_URL=address).stdout == "True True True\n"
    assert start(tmp_path, "-c", show, **GOOD).stdout == "False False False\n"


@pytest.mark.parametrize("scheme", ["amqp://h", "amqps://h", "redis://h", "rediss://h"])
def test_every_broker_has_its_transport_options(tmp_path, scheme):
    done = start(
        tmp_path, "-c", SHOW.format("bool(s.CELERY_BROKER_TRANSPORT_OPTIONS)"), **GOOD, CELERY_BROKER_URL=scheme
    )
    assert done.stdout == "True\n", done.stderr


def test_sqlite_takes_its_write_lock_at_the_start_of_a_transaction():
    options = database("sqlite:////tmp/x.sqlite3")["OPTIONS"]
    assert options["transaction_mode"] == "IMMEDIATE"
    assert "synchronous=FULL" in options["init_command"]


def test_postgresql_is_asked_as_its_address_says():
    ours = database("postgres://user:pw@db.example/portal")["OPTIONS"]
    asked = "sslmode=verify-full&sslrootcert=/etc/ca.pem&connect_timeout=5&options=-c%20search_path%3Dvoice"
    options = database(f"postgres://user:pw@db.example/portal?{asked}")["OPTIONS"]
    told = {"sslmode": "verify-full", "sslrootcert": "/etc/ca.pem", "connect_timeout": "5"}
    assert options == ours | told | {"options": f"{ours['options']} -c search_path=voice"}
    for written, password in (("0123", "0123"), ("0123%2B4", "0123+4")):
        assert database(f"postgres://db.example/portal?password={written}")["OPTIONS"]["password"] == password
