"""Settings come from the environment; each malformed one ends the start with one line that names it."""

import base64
import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings

from portal import keys
from portal.environment import boolean, database, encryption_keys, http_url, telnyx_url, whole_number

GOOD = {"SECRET_KEY": "x" * 50, "PORTAL_ENCRYPTION_KEYS": base64.b64encode(bytes(32)).decode()}
SHOW = "import django.conf; s = django.conf.settings; print({})"


def start(tmp_path: Path, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs Python in a clean environment: nothing of the tests' own gets in."""
    clean = {"PATH": os.environ["PATH"], "PORTAL_VAR_DIR": str(tmp_path), "DJANGO_SETTINGS_MODULE": "portal.settings"}
    line = [sys.executable, *(command or ("manage.py", "check"))]
    return subprocess.run(
        line, env=clean | environment, cwd=settings.BASE_DIR, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DEBUG", "maybe"),
        ("PORT", "eighty"),
        ("SANDBOX_PORT", "70000"),
        ("PORTAL_PUBLIC_URL", "portal.example"),
        ("TELNYX_BASE_URL", "https://api.telnyx.com"),
        ("DATABASE_URL", "mysql://u:p@localhost/db"),
        ("CELERY_BROKER_URL", "sqs://"),
        ("PORTAL_ENCRYPTION_KEYS", "dG9vIHNob3J0"),
        ("PULL_INTERVAL_MINUTES", "often"),
        ("LOG_LEVEL", "LOUD"),
        ("TRUST_PROXY", "perhaps"),
        ("ALERT_EMAILS", "ada@example.com, bob"),
        ("EMAIL_FROM", "ada@example.com,bob@example.com"),
        ("EMAIL_URL", "mail.example:25"),
        ("EMAIL_URL", "smtp://user:hunter2@mail.example:port"),
        ("EMAIL_URL", "smtp://user:hunter2@mail.example/?tsl=1"),
        ("EMAIL_URL", "smtps://user:hunter2@mail.example?tls=1"),
        ("ALERT_WEBHOOK_URL", "hooks.example"),
        ("ALERT_WEBHOOK_URL", "http://é..x/"),
        ("ALERT_WEBHOOK_URL", "http://hooks.example:99999/"),
        ("ALERT_WEBHOOK_SECRET", "whsec_dG9vIHNob3J0"),
    ],
)
def test_a_malformed_variable_stops_the_start_with_one_line_that_names_it(tmp_path, name, value):
    done = start(tmp_path, "-c", "import portal.settings", **(GOOD | {name: value}))
    assert done.returncode != 0
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    assert done.stderr.startswith(f"portal: {name} ")
    assert "hunter2" not in done.stderr


@pytest.mark.parametrize(
    ("name", "value", "missing"),
    [
        ("ALERT_EMAILS", "ada@example.com", "EMAIL_URL"),
        ("ALERT_WEBHOOK_URL", "https://hooks.example/a/", "ALERT_WEBHOOK_SECRET"),
    ],
)
def test_a_way_to_tell_of_alerts_needs_its_other_half(tmp_path, name, value, missing):
    done = start(tmp_path, "-c", "import portal.settings", **(GOOD | {name: value}))
    assert done.stderr.startswith(f"portal: {missing} is not set: {name} needs")


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("smtp://mail.example", ("mail.example", 25, "", "", False, False)),
        ("smtp://ada%40x:p%2Fw@mail.example:2525?tls=1", ("mail.example", 2525, "ada@x", "p/w", False, True)),
        ("smtp://mail.example?tls=1", ("mail.example", 587, "", "", False, True)),
        ("smtps://ada:pw@mail.example", ("mail.example", 465, "ada", "pw", True, False)),
    ],
)
def test_a_mail_server_is_read_from_its_address(tmp_path, url, told):
    names = "EMAIL_HOST, s.EMAIL_PORT, s.EMAIL_HOST_USER, s.EMAIL_HOST_PASSWORD, s.EMAIL_USE_SSL, s.EMAIL_USE_TLS"
    done = start(tmp_path, "-c", f"{SHOW.format('(s.' + names + ')')}", **GOOD, EMAIL_URL=url)
    assert done.stdout.strip() == str(told), done.stderr


def test_an_address_for_alerts_keeps_its_last_slash_and_the_sender_its_host(tmp_path):
    secret = base64.b64encode(bytes(24)).decode()
    told = {"ALERT_WEBHOOK_URL": "https://hooks.example/a/", "ALERT_WEBHOOK_SECRET": f"whsec_{secret}"}
    told["PORTAL_PUBLIC_URL"] = "https://portal.example"
    show = SHOW.format("(s.ALERT_WEBHOOK_URL, s.ALERT_WEBHOOK_SECRET, s.DEFAULT_FROM_EMAIL)")
    done = start(tmp_path, "-c", show, **GOOD, **told)
    assert done.stdout.strip() == str(("https://hooks.example/a/", bytes(24), "voice-portal@portal.example"))


@pytest.mark.parametrize("name", ["SECRET_KEY", "PORTAL_ENCRYPTION_KEYS"])
def test_a_missing_secret_stops_the_start_and_makes_none(tmp_path, name):
    done = start(tmp_path, **{other: value for other, value in GOOD.items() if other != name})
    assert done.returncode != 0
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    assert done.stderr.startswith(f"portal: {name} is not set")
    assert not any(path.suffix == "" and path.is_file() for path in tmp_path.iterdir())


def test_a_good_environment_starts(tmp_path):
    done = start(tmp_path, **GOOD)
    assert done.returncode == 0, done.stderr


def test_secrets_are_read_from_var_where_make_run_wrote_them(tmp_path):
    assert start(tmp_path, "-m", "portal.keys").returncode == 0
    show = SHOW.format("s.SECRET_KEY, len(s.PORTAL_ENCRYPTION_KEYS[0])")
    first, second = start(tmp_path, "-c", show), start(tmp_path, "-c", show)
    assert first.returncode == 0, first.stderr
    assert (
        first.stdout
        == second.stdout
        == str((keys_in(tmp_path), 32)).strip("()").replace(",", "").replace("'", "") + "\n"
    )
    assert start(tmp_path, "-m", "portal.keys").returncode == 0
    assert start(tmp_path, "-c", show).stdout == first.stdout


def keys_in(folder: Path) -> str:
    return (folder / "secret_key").read_text()


def test_the_files_of_secrets_are_their_owners_alone(tmp_path, monkeypatch):
    monkeypatch.setenv("PORTAL_VAR_DIR", str(tmp_path / "var"))
    keys.make_missing()
    assert {path.stat().st_mode & 0o777 for path in (keys.secret_key_file(), keys.encryption_keys_file())} == {0o600}
    assert keys.var_dir().stat().st_mode & 0o777 == 0o700


def test_the_defaults_are_safe(tmp_path):
    show = SHOW.format("s.DEBUG, s.ALLOWED_HOSTS, s.PORTAL_PUBLIC_URL, s.SANDBOX_PORT, s.CELERY_BROKER_URL[:12]")
    done = start(tmp_path, "-c", show, **GOOD, PORT="8100")
    assert done.stdout == "False ['127.0.0.1', 'localhost', '[::1]'] http://127.0.0.1:8100 8101 embedded://l\n"


def test_an_https_address_makes_cookies_secure(tmp_path):
    show = SHOW.format("s.SESSION_COOKIE_SECURE, s.CSRF_COOKIE_SECURE, s.SECURE_HSTS_SECONDS > 0")
    assert start(tmp_path, "-c", show, **GOOD, PORTAL_PUBLIC_URL="https://p.example").stdout == "True True True\n"
    assert start(tmp_path, "-c", show, **GOOD).stdout == "False False False\n"


@pytest.mark.parametrize("scheme", ["amqp://h", "amqps://h", "redis://h", "rediss://h"])
def test_every_broker_has_its_transport_options(tmp_path, scheme):
    done = start(
        tmp_path, "-c", SHOW.format("bool(s.CELERY_BROKER_TRANSPORT_OPTIONS)"), **GOOD, CELERY_BROKER_URL=scheme
    )
    assert done.stdout == "True\n", done.stderr


@pytest.mark.parametrize(
    ("variables", "check_id"),
    [
        ({"TELNYX_PUBLIC_KEY": "AAAA"}, "portal.E001"),
        ({"TELNYX_API_KEY": "KEY1", "DEBUG": "true"}, "portal.E002"),
        ({"TELNYX_API_KEY": "KEY1"}, "portal.W001"),
    ],
)
def test_a_check_finds_what_the_first_caller_would(tmp_path, variables, check_id):
    done = start(tmp_path, "manage.py", "check", "--fail-level", "WARNING", **GOOD, **variables)
    assert done.returncode != 0
    assert check_id in done.stderr


@pytest.mark.parametrize(
    ("parse", "text"),
    [
        (boolean, "2"),
        (whole_number, "-1"),
        (whole_number, "٣"),
        (http_url, "ftp://x"),
        (http_url, "https://"),
        (telnyx_url, "https://x/v1"),
        (encryption_keys, ","),
        (encryption_keys, "§"),
        (database, "oracle://x"),
        (database, "nonsense"),
        (http_url, "http://[::1"),
    ],
)
def test_a_parser_refuses_with_a_value_error(parse, text):
    with pytest.raises(ValueError, match="must"):
        parse(text)


def test_sqlite_takes_its_write_lock_at_the_start_of_a_transaction():
    options = database("sqlite:////tmp/x.sqlite3")["OPTIONS"]
    assert options["transaction_mode"] == "IMMEDIATE"
    assert "synchronous=FULL" in options["init_command"]
