"""Writes the table of docs/performance.md from kept runs: ``python -m benchmarks.table BEFORE.json AFTER.json``."""

import json
import sys
from pathlib import Path
from typing import Any

from benchmarks.figures import shown

PAGE = Path(__file__).resolve().parent.parent / "docs" / "performance.md"
_BEGIN, _END = "<!-- figures: made by python -m benchmarks.table -->", "<!-- end of figures -->"


def main(before: Path, after: Path) -> None:
    text = PAGE.read_text()
    head, rest = text.split(_BEGIN)
    tail = rest.split(_END)[1]
    PAGE.write_text(
        f"{head}{_BEGIN}\n\n{table(json.loads(before.read_text()), json.loads(after.read_text()))}\n\n{_END}{tail}"
    )


def table(before: dict[str, Any], after: dict[str, Any]) -> str:
    """Return both runs as Markdown: who measured them, each figure beside what it was, and what failed."""
    known = {(one["number"], one["what"]): one for one in _figures(before)}
    lines = [
        *(f"- {name}: {_told(run)}" for name, run in (("before", before), ("after", after))),
        "",
        "| | What | Before | Floor → now | Ratio | Goal | Held | To a user |",
        "|---|---|---|---|---|---|---|---|",
    ]
    lines += [_line(known.get((one["number"], one["what"])), one) for one in sorted(_figures(after), key=_order)]
    for stage in after["stages"]:
        if stage["failed"]:
            lines += ["", f"Could not be measured: `{stage['name']}` ({stage['failed']})."]
        lines += [f"\n- {line}" for line in stage["lines"] if line.startswith("P")]
    return "\n".join(lines)


def _figures(run: dict[str, Any]) -> list[dict[str, Any]]:
    return [figure for stage in run["stages"] for figure in stage["figures"]]


def _order(figure: dict[str, Any]) -> int:
    return int(figure["number"][1:]) if figure["number"][1:].isdigit() else 99


def _told(run: dict[str, Any]) -> str:
    facts = ("commit", "at", "machine", "python", "database", "broker")
    return f"{', '.join(str(run[name]) for name in facts)}, load {run['load']} to {run['load at the end']}"


def _line(before: dict[str, Any] | None, now: dict[str, Any]) -> str:
    was = "–" if before is None else shown(before["ratio"] if before["ratio"] is not None else before["ours"])
    floor = f"{shown(now['floor'])} → " if now["floor"] is not None else ""
    held = {True: "yes", False: "**no**", None: ""}[now["held"]]
    note = f"; {now['note']}" if now["note"] else ""
    cells = (
        now["number"],
        now["what"],
        was,
        f"{floor}{shown(now['ours'])} {now['unit']}",
        shown(now["ratio"]),
        now["goal"],
        held,
        now["means"] + note,
    )
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
