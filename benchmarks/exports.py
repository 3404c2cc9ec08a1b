"""P11: the export of a million calls against ``COPY … TO STDOUT`` of the same columns.

``SEED=1m`` says how many: the database is the one that the lists are measured on. It runs in a process of its own.
"""

import json
import os
import resource
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from importlib import import_module

from benchmarks import seed
from benchmarks.figures import Figure

MOST, MOST_FIRST_MS, MOST_GROWTH_MIB = 15.0, 1000.0, 32.0
_TABLE = "voice_call"


def run() -> Iterator[str | Figure]:
    """Lines to print, and figures."""
    size = os.environ.get("SEED", "").lower()
    if not os.environ.get("DATABASE_URL", "").startswith("postgres"):
        yield "not measured: it needs DATABASE_URL (PostgreSQL)"
        return
    if size not in seed.SIZES:
        yield f"not measured: give SEED={'|'.join(seed.SIZES)}"
        return
    for module in ("benchmarks.seed", "benchmarks.exports"):
        line = [sys.executable, "-W", "ignore", "-m", module, size]
        said = subprocess.run(line, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()
    told = json.loads(said[-1])
    means = "how long somebody waits for their calls"
    note = f"{told['rows']:,} rows, {told['mib']:.0f} MiB written"
    yield Figure(
        *("P11", "export of all calls", "s", told["seconds"], means, told["floor"], told["seconds"] / told["floor"]),
        at_most=MOST,
        note=note,
    )
    yield Figure("P11", "its first byte", "ms", told["first_ms"], "whether a download begins", at_most=MOST_FIRST_MS)
    peak = f"{told['peak']:.0f} MiB at its peak"
    means = "whether a large export takes the memory of all others"
    yield Figure("P11", "memory after the first page", "MiB", told["growth"], means, at_most=MOST_GROWTH_MIB, note=peak)


# --- the process that exports -----------------------------------------------------------------------------------------


def main(size: str) -> None:
    """Print a line of JSON: what it took, and the floor."""
    seed.connect(size)
    print(json.dumps(_exported() | {"floor": _floor()}), flush=True)


def _exported() -> dict[str, float]:
    service, query = import_module("voice.exports.service"), import_module("voice.call_log.query")
    columns, actors = import_module("voice.exports.columns"), import_module("portal.actors")
    users = import_module("django.contrib.auth").get_user_model().objects
    user = users.filter(username="exporter").first() or users.create_superuser("exporter", password=uuid.uuid4().hex)
    actor = actors.Actor("user: exporter", user)
    begin = time.perf_counter()
    names = [column.name for column in columns.COLUMNS]
    export = service.begin(query.read("", user, actor=actor), "csv", names, actor, uuid.uuid4())
    parts = service.stream(export)
    written = len(next(parts)) + len(next(parts, b""))
    first, memory = time.perf_counter() - begin, _peak_mib()
    written += sum(len(part) for part in parts)
    seconds = time.perf_counter() - begin
    return {
        "rows": export.row.rows,
        "mib": written / 2**20,
        "seconds": seconds,
        "first_ms": 1000 * first,
        "growth": _peak_mib() - memory,
        "peak": _peak_mib(),
    }


def _floor() -> float:
    """Have PostgreSQL write the same columns in the same order, to nobody."""
    connection, columns = import_module("django.db").connection, import_module("voice.exports.columns")
    names = ", ".join(f'"{field}"' for field in columns.fields_of(columns.COLUMNS))
    statement = f"COPY (SELECT {names} FROM {_TABLE} ORDER BY started_at DESC, id DESC) TO STDOUT"
    with connection.cursor() as cursor:
        begin = time.perf_counter()
        with cursor.cursor.copy(statement) as copy:
            for _ in copy:
                pass
        return time.perf_counter() - begin


def _peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main(*(sys.argv[1:2] or ["100k"]))
