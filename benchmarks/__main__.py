"""``make bench``: every benchmark, each against its floor in the same run. Ratios count; times are this machine's."""

import os
import platform
import sys
import time
from importlib import import_module

import django

from benchmarks import scratch

# The one with the queue of its own first: what the others wake would stand in it.
NAMES = (
    "answering",
    "documents",
    "draining",
    "frozen_broker",
    "hostile_xml",
    "intake",
    "processing",
    "pull",
    "under_attack",
)


def main(names: list[str]) -> None:
    with scratch.database():
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
        django.setup()
        import_module("django.core.management").call_command("migrate", verbosity=0)
        begin = time.monotonic()
        print("\n".join(_facts()), flush=True)
        for name in names:
            benchmark = import_module(f"benchmarks.{name}")
            print(f"\n{(benchmark.__doc__ or '').splitlines()[0]}", flush=True)
            for line in benchmark.run():
                print(f"  {line}", flush=True)
        print(f"\n{time.monotonic() - begin:.0f} s")


def _facts() -> list[str]:
    """What the figures depend on."""
    connection = import_module("django.db").connection
    with connection.cursor() as cursor:
        cursor.execute("SHOW synchronous_commit" if connection.vendor == "postgresql" else "PRAGMA synchronous")
        durable = cursor.fetchone()[0]
    version = ".".join(map(str, connection.get_database_version()))
    broker = os.environ.get("CELERY_BROKER_URL", "").partition("://")[0] or "embedded queue"
    python = f"{platform.python_implementation()} {platform.python_version()}"
    return [
        f"{python}, {os.cpu_count()} cores, {platform.system()} {platform.machine()}, load {os.getloadavg()[0]:.1f}",
        f"{connection.vendor} {version}, synchronous commits: {durable}; {broker}",
    ]


main(sys.argv[1:] or list(NAMES))
