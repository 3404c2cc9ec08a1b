"""The rooms that hold promises, and what is not changed in them: words for people, and how a page looks."""

from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
CACHE = ROOT / "var" / "mutants"
ROOMS = (
    *("voice/events", "voice/dispatch", "voice/commands", "voice/dialling", "voice/conferences", "voice/recovery"),
    *("voice/replay", "voice/calls", "voice/flows", "voice/catalogue", "voice/alerts"),
    *("voice/suspensions", "voice/stops"),
    *("applications/mirror", "applications/editing", "applications/bulk"),
    *("portal/telnyx", "portal/rest", "portal/runtime"),
)
# of these, too, it is noted which tests run them: guards lie there
ALSO_NOTED = ("applications/exchange", "portal/admin")
# modules that only say something
WORDING = ("*/wording.py", "*/openapi.py", "*/refusal_reasons.py", "*/error_codes.py", "*/__init__.py")
# what their classes hold beside methods is how a page looks
PAGES = ("*/admin.py", "*_admin.py", "*/pages.py", "*/forms.py", "*_field.py")


def modules(rooms: tuple[str, ...] = ROOMS) -> Iterator[str]:
    """Yield the modules of ``rooms`` that are changed, as paths from the root. A room may be a module as well."""
    for room in rooms:
        path = ROOT / room
        found = sorted(path.glob("*.py")) if path.is_dir() else [path.with_suffix(".py")]
        for module in found:
            if not is_one_of(name := str(module.relative_to(ROOT)), WORDING):
                yield name


def is_one_of(module: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatch(module, pattern) for pattern in patterns)
