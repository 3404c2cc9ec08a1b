"""Settings come from the environment; each malformed one ends the start with one line that names it."""

import base64

import pytest

from portal.environment import boolean, database, encryption_keys, http_url, telnyx_url, whole_number
from tests.support.environments import GOOD, SHOW, start


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DEBUG", "maybe"),
        ("PORT", "eighty"),
        ("SANDBOX_PORT", "70000"),
        ("SANDBOX_PORT", "8000"),  # which is the default of PORT
        ("PORT", "0"),
        ("ALLOWED_HOSTS", ";;"),
        ("ALLOWED_HOSTS", "portal.example, https://portal.example"),
        ("PORTAL_PUBLIC_URL", "portal.example"),
        ("PORTAL_PUBLIC_URL", "https://portal.example/y?z"),
        ("PORTAL_PUBLIC_URL", "https://portal.example#f"),
        ("PORTAL_PUBLIC_URL", "https://portal.example:99999"),
        ("PORTAL_PUBLIC_URL", "https://portal .example"),
        ("PORTAL_PUBLIC_URL", "https://user:hunter2@portal.example"),
        ("TELNYX_BASE_URL", "https://api.telnyx.com"),
        ("TELNYX_ACCOUNT_SID", "61bf/923e"),
        ("TELNYX_TEXML_ENCODING", "xml"),
        ("DATABASE_URL", "mysql://u:p@localhost/db"),
        ("DATABASE_URL", "postgres://user:pw@db.example/portal?hunter2=1"),
        ("CELERY_BROKER_URL", "sqs://"),
        ("CELERY_BROKER_URL", "amqp://user:hunter2@broker:5672a//"),
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


@pytest.mark.parametrize("command", [(), ("-m", "portal.keys"), ("-m", "portal.stand_in")])
def test_a_data_directory_that_cannot_be_is_said_in_one_line(tmp_path, command):
    (tmp_path / "file").touch()
    done = start(tmp_path, *command, **GOOD, PORTAL_VAR_DIR=str(tmp_path / "file" / "var"))
    assert done.returncode != 0
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    assert done.stderr.startswith("portal: PORTAL_VAR_DIR must be a directory")


@pytest.mark.parametrize("name", GOOD)
def test_a_file_of_a_secret_that_is_no_text_is_said_in_one_line(tmp_path, name):
    (tmp_path / name.lower().removeprefix("portal_")).write_bytes(b"\xff")
    done = start(tmp_path, **(GOOD | {name: ""}))
    assert done.returncode != 0
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    assert done.stderr.startswith(f"portal: {name} is not set, and {tmp_path}")


@pytest.mark.parametrize("hosts", ["*", ".portal.example,10.0.0.7,[::1]"])
def test_a_good_environment_starts(tmp_path, hosts):
    done = start(tmp_path, **GOOD, ALLOWED_HOSTS=hosts, PORTAL_PUBLIC_URL="https://portal.example/voice/")
    assert done.returncode == 0, done.stderr


def test_beside_the_last_port_the_sandbox_takes_the_one_before(tmp_path):
    done = start(tmp_path, "-c", SHOW.format("s.SANDBOX_PORT"), **GOOD, PORT="65535")
    assert done.stdout.strip() == "65534", done.stderr


@pytest.mark.parametrize(
    ("parse", "text"),
    [
        (boolean, "2"),
        (whole_number, "-1"),
        (whole_number, "٣"),
        (http_url, "ftp://x"),
        (http_url, "https://"),
        (telnyx_url, "https://x/v1"),
        (telnyx_url, f"https://x/{'v2/' * 64}v2"),
        (encryption_keys, ","),
        (encryption_keys, "§"),
        (database, "oracle://x"),
        (database, "nonsense"),
        (database, "postgres://user:pw@db.example:5432"),
        (database, "postgres://user:pw@db.example/portal?sslmod=require"),
        (database, "postgres://user:pw@db.example/portal?conn_max_age=60"),
        (database, "postgres://user:pw@db.example/portal?dbname=other"),
        (database, "postgres://user:pw@db.example/portal?conninfo=sslmode%3Drequire"),
        (database, "sqlite://"),
        (http_url, "http://[::1"),
    ],
)
def test_a_parser_refuses_with_a_value_error(parse, text):
    with pytest.raises(ValueError, match="must"):
        parse(text)


@pytest.mark.parametrize(
    "url",
    [
        "https://api.telnyx.com/v2",
        "https://api.telnyx.com:8443/telnyx/v2",
        "https://10.0.0.7/v2",
        "http://127.0.0.1:8001/v2",
        "http://localhost:8001/v2/",
        "http://[::1]:8001/v2",
        "http://[::ffff:127.0.0.1]:8001/v2",
    ],
)
def test_a_key_may_be_sent_over_tls_or_to_this_machine(url):
    assert telnyx_url(url) == url.rstrip("/")


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://api.telnyx.com/v2", "https://"),
        ("http://127.0.0.1.example.com/v2", "https://"),
        ("http://10.0.0.7/v2", "https://"),
        ("https://user:hunter2@api.telnyx.com/v2", "no user name"),
        ("https://hunter2@127.0.0.1/v2", "no user name"),
        ("https://169.254.169.254/v2", "link-local"),
        ("https://[fe80::1]/v2", "link-local"),
        ("https://[::ffff:169.254.169.254]/v2", "link-local"),
        ("https://2852039166/v2", "link-local"),
        ("https://0xA9FEA9FE/v2", "link-local"),
        ("https://169.254.43518/v2", "link-local"),
        ("https://0.0.0.0/v2", "link-local"),
        ("https://[::]/v2", "link-local"),
        ("https://999.999.999.999/v2", "link-local"),
        ("https://api.telnyx.com", "/v2"),
        ("https://api.telnyx.com/?/v2", "/v2"),
        ("https://api.telnyx.com/#/v2", "/v2"),
        ("https://api.telnyx.com:99999/v2", "/v2"),
        ("ftp://api.telnyx.com/v2", "/v2"),
        ("https:///v2", "/v2"),
    ],
)
def test_a_key_is_sent_nowhere_else(url, words):
    with pytest.raises(ValueError, match=words) as raised:
        telnyx_url(url)
    assert "hunter2" not in str(raised.value)
