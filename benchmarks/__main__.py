"""``make bench``: every benchmark, each against its floor in the same run. Ratios count; times are this machine's.

Exits with 1 when something could not be measured. A missed goal is told, and no failure.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import time
import traceback
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

import django

from benchmarks import scratch
from benchmarks.figures import Figure, Unmeasured

# The one with the queue of its own first: what the others wake would stand in it.
NAMES = (
    "answering",
    "intake",
    "dj_stripe",
    "processing",
    "draining",
    "frozen_broker",
    "lists",
    "pull",
    "exports",
    "at_rest",
    "whole_call",
    "documents",
    "pictures",
    "hostile_xml",
    "under_attack",
)


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench")
    parser.add_argument("names", nargs="*", help=f"of {', '.join(NAMES)}; all")
    parser.add_argument("--json", type=Path, help="keep the run in this file")
    parser.add_argument("--soak", help="load for so long instead: 10m, 90s, 1h")
    options = parser.parse_args()
    with scratch.database():
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
        django.setup()
        import_module("django.core.management").call_command("migrate", verbosity=0)
        begin, run = time.monotonic(), _facts()
        print("\n".join(f"{name}: {value}" for name, value in run.items()), flush=True)
        names = ["soak"] if options.soak else options.names or list(NAMES)
        os.environ["SOAK"] = options.soak or ""
        run |= {"stages": [_measured(name) for name in names], "seconds": round(time.monotonic() - begin)}
        run["load at the end"] = _load()
    if options.json:
        options.json.write_text(json.dumps(run, indent=1, ensure_ascii=False) + "\n")
    missed = [figure["number"] for stage in run["stages"] for figure in stage["figures"] if figure["held"] is False]
    failed = [stage["name"] for stage in run["stages"] if stage["failed"]]
    print(f"\n{run['seconds']} s, load {run['load at the end']}; missed: {', '.join(dict.fromkeys(missed)) or 'none'}")
    if failed:
        sys.exit(f"could not measure: {', '.join(failed)}")


def _measured(name: str) -> dict[str, Any]:
    """Run a benchmark and print what it says: figures, and lines of text."""
    stage: dict[str, Any] = {"name": name, "load": _load(), "figures": [], "lines": [], "failed": ""}
    try:
        benchmark = import_module(f"benchmarks.{name}")
        print(f"\n{(benchmark.__doc__ or '').splitlines()[0]}   [load {stage['load']}]", flush=True)
        for said in benchmark.run():
            print(f"  {said}", flush=True)
            kind, kept = ("figures", said.as_json()) if isinstance(said, Figure) else ("lines", str(said))
            stage[kind].append(kept)
    except Exception as error:  # the others are measured all the same
        stage["failed"] = f"{type(error).__name__}: {error}"
        print(f"  could not be measured: {stage['failed']}", flush=True)
        if not isinstance(error, Unmeasured):
            traceback.print_exc()
    return stage


def _facts() -> dict[str, Any]:
    """What the figures depend on."""
    connection = import_module("django.db").connection
    with connection.cursor() as cursor:
        cursor.execute("SHOW synchronous_commit" if connection.vendor == "postgresql" else "PRAGMA synchronous")
        durable = cursor.fetchone()[0]
    version = ".".join(map(str, connection.get_database_version()))
    broker = os.environ.get("CELERY_BROKER_URL", "").partition("://")[0] or "embedded queue"
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": _commit(),
        "machine": f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}",
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "database": f"{connection.vendor} {version}, synchronous commits: {durable}",
        "broker": broker,
        "load": _load(),
    }


def _commit() -> str:
    """The state that is measured; empty where there is no repository."""
    if named := os.environ.get("BENCH_COMMIT"):
        return named
    line = ["git", "describe", "--always", "--dirty"]
    return subprocess.run(line, capture_output=True, text=True, check=False).stdout.strip()


def _load() -> float:
    return round(os.getloadavg()[0], 1)


if __name__ == "__main__":
    main()
