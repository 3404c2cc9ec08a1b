"""The committed bundle of the editor is what its sources and its lock make, and brings nothing from outside."""

import hashlib
import json
import re
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[3]
SOURCE = ROOT / "voice" / "texml_editor" / "source"
STATIC = ROOT / "voice" / "static" / "voice" / "texml_editor"
BUNDLE = (STATIC / "editor.js").read_text()
LOCK: dict[str, Any] = json.loads((SOURCE / "package-lock.json").read_text())["packages"]
REBUILD = "Build the editor anew: `make editor`."
NAMESPACES = ("http://www.w3.org/",)  # names, which nothing is fetched from


def recorded() -> dict[str, str]:
    record: dict[str, str] = json.loads((SOURCE / "built.json").read_text())
    return record


def test_the_bundle_is_what_these_sources_and_this_lock_make():
    sources = {
        path.name: path
        for path in SOURCE.iterdir()
        if path.suffix in {".js", ".mjs"} or path.name in {"package.json", "package-lock.json"}
    }
    built = {f"static/{name}": STATIC / name for name in ("editor.js", "LICENSES.txt")}
    found = {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in (sources | built).items()}
    assert found == recorded(), REBUILD


def test_every_package_is_locked_by_its_hash_and_by_no_address():
    packages = {name: package for name, package in LOCK.items() if name}
    assert len(packages) > 10
    assert [name for name, package in packages.items() if not package["integrity"].startswith("sha512-")] == []
    assert [name for name, package in packages.items() if "resolved" in package] == []
    assert "://" not in (SOURCE / "package-lock.json").read_text()
    wanted = json.loads((SOURCE / "package.json").read_text())
    exact = re.compile(r"[0-9]+(\.[0-9]+){2}")
    assert all(exact.fullmatch(version) for version in (wanted["dependencies"] | wanted["devDependencies"]).values())


def test_the_licence_of_each_package_is_beside_the_bundle():
    text = (STATIC / "LICENSES.txt").read_text()
    named = dict(re.findall(r"^(\S+) ([0-9.]+) \(MIT\)$", text, re.MULTILINE))
    parts = text.split("-" * 80)[1:]
    assert len(parts) == len(named) > 10
    assert [part for part in parts if "Permission is hereby granted, free of charge" not in part] == []
    for name, version in named.items():
        assert LOCK[f"node_modules/{name}"]["version"] == version


@pytest.mark.parametrize(
    "forbidden", [r"\beval\(", r"new Function\b", r"\bimport\(", "sourceMappingURL", "node_modules"]
)
def test_nothing_is_evaluated_and_nothing_is_loaded_later(forbidden: str):
    assert not re.search(forbidden, BUNDLE)


def test_no_other_host_is_named():
    addresses = re.findall(r"(?:https?|wss?)://[^\"'`\s)]*", BUNDLE)
    assert [address for address in addresses if not address.startswith(NAMESPACES)] == []
