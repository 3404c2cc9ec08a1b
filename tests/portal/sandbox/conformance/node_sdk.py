"""Telnyx's SDK for Node, asked from here, and the judgement of its types by the TypeScript compiler."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import pytest

HERE = Path(__file__).with_name("node")
NODE = shutil.which("node")
needs_node_sdk = pytest.mark.skipif(
    NODE is None or not (HERE / "node_modules" / "telnyx").is_dir(),
    reason="node, or its SDK, is not installed here: make node",
)
# what the types do not name is judged in Python, by the same document; here it is let pass. Of pages the items count
_PRELUDE = """\
import Telnyx from "telnyx";
import type { UnwrapWebhookEvent } from "telnyx/resources/webhooks";
type Members<T> = { [K in keyof T]: Open<T[K]> } & { [other: string]: unknown };
type Open<T> = T extends (infer U)[] ? Open<U>[] : T extends object ? Members<T> : T;
type Answer<M> = M extends (...all: any[]) => PromiseLike<infer A> ? A : never;
type Items<M> = Answer<M> extends { getPaginatedItems(): infer I } ? I : never;
type Told<E> = Extract<UnwrapWebhookEvent, { data?: { event_type?: E } }>;
"""
# nulls are let pass: the wire has them where the document has a bare type
_COMPILER = ("--noEmit", "--strict", "--strictNullChecks", "false", "--skipLibCheck", "--target", "es2022")
_MODULES = ("--module", "nodenext", "--moduleResolution", "nodenext")
_COMPLAINT = re.compile(r"^judged\.ts\((\d+),\d+\): error (.*)$", re.MULTILINE)


class NodeSdk:
    """Tells ``answer``, of pages ``items``, of webhooks ``event``; or ``error``, ``status`` and ``message``."""

    def __init__(self, base_url: str, public_key: str) -> None:
        told = {"TELNYX_API_KEY": "KEY-of-the-tests", "TELNYX_BASE_URL": base_url, "TELNYX_PUBLIC_KEY": public_key}
        self._process = subprocess.Popen(
            [NODE or "", str(HERE / "bridge.mjs")],
            env=os.environ | told,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with self._process:
            assert self._process.stdin
            self._process.stdin.close()
            self._process.wait(30)

    def call(self, name: str, places: Mapping[str, str], body: Mapping[str, Any]) -> dict[str, Any]:
        """The last place goes by position, the others beside the body, as in Python."""
        *others, last = places.items() if places else [("", None)]
        name = ".".join(map(_camel, name.split(".")))
        return self._ask({"name": name, "last": last[1], "params": {**dict(others), **body}})

    def unwrap(self, raw: str, headers: Mapping[str, str]) -> dict[str, Any]:
        return self._ask({"raw": raw, "headers": {name.lower(): value for name, value in headers.items()}})

    def _ask(self, what: dict[str, Any]) -> dict[str, Any]:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps(what) + "\n")
        self._process.stdin.flush()
        told: dict[str, Any] = json.loads(self._process.stdout.readline())
        return told


class Types:
    """What was told, to be compared with the types of the SDK."""

    def __init__(self) -> None:
        self._lines: list[tuple[str, str]] = []

    def answer(self, name: str, told: Mapping[str, Any]) -> None:
        method = "".join(f'["{_camel(part)}"]' for part in name.split("."))
        kind, value = next(iter(told.items()))
        self._lines.append((name, f"{'Items' if kind == 'items' else 'Answer'}<Telnyx{method}>={json.dumps(value)}"))

    def webhook(self, event_type: str, event: Any) -> None:
        self._lines.append((event_type, f'Told<"{event_type}">={json.dumps(event)}'))

    def complaints(self) -> set[str]:
        """What the compiler says, by what it says it of."""
        source = HERE / "judged.ts"  # where the SDK is found
        every = [f"const one{at}: Open<{line.replace('=', '> = ', 1)};" for at, (_, line) in enumerate(self._lines)]
        source.write_text(_PRELUDE + "\n".join(every) + "\nexport {};\n")
        try:
            compiler = HERE / "node_modules" / "typescript" / "bin" / "tsc"
            line = [NODE or "", str(compiler), *_COMPILER, *_MODULES, source.name]
            ran = subprocess.run(line, cwd=HERE, capture_output=True, text=True, timeout=900, check=False)
        finally:
            source.unlink()
        first = _PRELUDE.count("\n") + 1
        found = _COMPLAINT.findall(ran.stdout)
        assert found or not ran.returncode, ran.stdout + ran.stderr
        return {f"{self._lines[int(at) - first][0]}: {_shortened(words)}" for at, words in found}


def _shortened(words: str) -> str:
    return "has no type" if words.endswith("to type 'never'.") else words


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join("AI" if other == "ai" else other.capitalize() for other in others)
