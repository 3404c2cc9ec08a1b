"""Compose, Dockerfile and systemd units, read without any of these programs: they say what code and docs say."""

import configparser
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.conf import settings
from django.core.management import call_command
from django.test import Client

from portal.management.commands import start
from portal.models import TelnyxAccount

ROOT = Path(settings.BASE_DIR)
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
SERVICES: dict[str, Any] = COMPOSE["services"]
OURS = ("prepare", "web", "worker", "events", "commands", "beat", "sweep")
UNITS = {path.stem.removeprefix("portal-"): path for path in (ROOT / "docs/deploy").glob("portal-*.service")}
DOCKERFILE = (ROOT / "Dockerfile").read_text()
DEPLOYING = (ROOT / "docs/deploying.md").read_text()
VERSION = re.compile(r"[a-z-]+:\d+\.\d+(\.\d+)?(-[a-z-]+)?")


def documented() -> dict[str, list[str]]:
    """The command line of each process, as docs/running.md gives it."""
    text = (ROOT / "docs/running.md").read_text()
    lines = [line.removeprefix(".venv/bin/") for line in text.splitlines() if line.startswith(".venv/bin/")]
    found = {}
    for line in lines:
        words = line.split()
        if words[0] == "gunicorn":
            found["web"] = words
        elif words[0] == "celery":
            found["beat" if "beat" in words else words[words.index("-Q") + 1]] = words
        elif words[:2] == ["python", "manage.py"] and words[2] in ("worker", "sweep"):
            found[words[2]] = words
    return found


def alike(words: list[str]) -> list[str]:
    """A command line without what a place decides: where it lies, listens and writes."""
    words = [word.removeprefix("/srv/portal/.venv/bin/").replace("%%", "%") for word in words]
    for option in ("-b", "-s"):
        if option in words:
            words[words.index(option) + 1] = "…"
    return words


def in_dockerfile(instruction: str) -> list[str]:
    joined = DOCKERFILE.replace("\\\n", " ")
    return [line.partition(" ")[2].strip() for line in joined.splitlines() if line.startswith(f"{instruction} ")]


def cmd() -> list[str]:
    words: list[str] = yaml.safe_load(in_dockerfile("CMD")[-1])
    return words


def test_each_process_runs_as_documented() -> None:
    wanted = {name: alike(words) for name, words in documented().items()}
    assert set(wanted) == {*OURS} - {"prepare"}
    assert {name: alike(SERVICES[name].get("command") or cmd()) for name in wanted} == wanted
    assert {name: alike(unit(name)["Service"]["ExecStart"].split()) for name in wanted} == wanted


def test_the_documented_workers_are_those_that_start_uses() -> None:
    used = {process.name: list(process.command) for process in start._processes_of_many()}
    for name, words in documented().items():
        if name in ("web", "worker", "beat", "sweep"):
            continue
        for option in ("-P", "-c", "-Q", "-n"):
            assert used[name][used[name].index(option) + 1] == words[words.index(option) + 1]


def test_the_web_process_opens_no_control_socket_wherever_it_is_started() -> None:
    for words in (start._web_options(), documented()["web"], cmd(), unit("web")["Service"]["ExecStart"].split()):
        assert "--no-control-socket" in words


def test_images_have_a_version_and_one_is_that_of_the_client_of_the_database() -> None:
    images = [service["image"] for service in SERVICES.values() if "build" not in service]
    images += [line.split(" AS ")[0] for line in in_dockerfile("FROM")]
    assert len(images) == 5
    for image in images:
        assert VERSION.fullmatch(image), image
    major = SERVICES["db"]["image"].partition(":")[2].partition(".")[0]
    assert f"postgresql-client-{major} " in DOCKERFILE


def test_nothing_of_ours_runs_as_root_and_no_secret_gets_into_the_image() -> None:
    assert in_dockerfile("USER") == ["portal"]
    assert DOCKERFILE.index("USER portal") < DOCKERFILE.index("\nCMD")
    assert {"var", ".env", ".git", "**/node_modules"} <= set((ROOT / ".dockerignore").read_text().split())
    for name, path in UNITS.items():
        assert unit(name)["Service"]["User"] == "portal", path


def test_only_the_proxy_is_reached_from_outside_and_it_finds_the_web_process() -> None:
    assert [name for name, service in SERVICES.items() if "ports" in service] == ["proxy"]
    port = cmd()[cmd().index("-b") + 1].partition(":")[2]
    assert in_dockerfile("EXPOSE") == [port]
    assert f"reverse_proxy web:{port}\n" in (ROOT / "docs/deploy/Caddyfile").read_text()
    for volume in SERVICES["proxy"]["volumes"]:
        source = volume.partition(":")[0]
        assert source in COMPOSE["volumes"] or (ROOT / source).is_file()


def test_the_proxy_is_not_counted_as_one_address_and_says_nothing_that_others_wrote() -> None:
    assert SERVICES["web"]["environment"] == SERVICES["worker"]["environment"] | {"FORWARDED_ALLOW_IPS": "*"}
    assert "\trequest_header -SCRIPT_NAME\n" in (ROOT / "docs/deploy/Caddyfile").read_text()


def test_all_wait_for_what_they_need() -> None:
    for name in OURS[1:]:
        assert SERVICES[name]["depends_on"]["prepare"] == {"condition": "service_completed_successfully"}
    for name, service in SERVICES.items():
        for needed, how in service.get("depends_on", {}).items():
            if how["condition"] == "service_healthy":
                assert "test" in SERVICES[needed].get("healthcheck", {}) or "build" in SERVICES[needed], (name, needed)
    assert "healthcheck" not in SERVICES["web"]  # the image's own


@pytest.mark.django_db
def test_what_is_prepared_is_the_account_of_the_environment_and_no_sandbox(settings: Any) -> None:
    steps = [step.split()[2:] for step in SERVICES["prepare"]["command"][-1].split(" && ")]
    assert [step[0] for step in steps] == ["portal.keys", "migrate", "ensure_accounts"]
    call_command(*steps[-1])
    assert not TelnyxAccount.objects.exists()
    settings.TELNYX_API_KEY = "KEY-live"
    call_command(*steps[-1])
    assert TelnyxAccount.objects.get().name == "default"
    assert f"manage.py {' '.join(steps[-1])}" in DEPLOYING


def test_settings_are_those_that_there_are_and_what_has_to_be_given_is_told() -> None:
    known = set(re.findall(r"^\| `([A-Z_]+)`", (ROOT / "docs/settings.md").read_text(), re.MULTILINE))
    for name in OURS:
        assert set(SERVICES[name]["environment"]) <= known
    given = set(re.findall(r"\$\{([A-Z_]+)", (ROOT / "compose.yaml").read_text()))
    assert given == {"PORTAL_HOST", "POSTGRES_PASSWORD", "RABBITMQ_PASSWORD"}
    for name in given:
        assert re.search(rf"^{name}=", DEPLOYING, re.MULTILINE)


@pytest.mark.django_db
def test_the_health_check_is_answered_behind_a_proxy(client: Client, settings: Any) -> None:
    settings.ALLOWED_HOSTS = ["portal.example", "127.0.0.1"]
    address = re.search(r"http://(127\.0\.0\.1:8000)(/\w+)", in_dockerfile("HEALTHCHECK")[0])
    assert address
    assert client.get(address[2], headers={"Host": address[1]}).status_code == 200


def test_the_units_write_where_the_data_lies() -> None:
    where = re.search(r"^PORTAL_VAR_DIR=(\S+)", DEPLOYING, re.MULTILINE)
    assert where
    for name in OURS[1:]:
        service = unit(name)["Service"]
        assert service["ReadWritePaths"] == where[1]
        assert service["EnvironmentFile"] == "/etc/portal.env"
        assert int(service["TimeoutStopSec"]) >= 10
        assert f"portal-{name}" in DEPLOYING
    assert unit("beat")["Service"]["ExecStart"].split("-s ")[1].startswith(f"{where[1]}/")


def unit(name: str) -> configparser.ConfigParser:
    read = configparser.ConfigParser(interpolation=None, strict=False)
    read.optionxform = str  # type: ignore[assignment,method-assign]
    read.read(UNITS[name])
    return read
