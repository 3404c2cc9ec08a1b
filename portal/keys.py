"""Makes the secrets of a first start: ``python -m portal.keys``, which ``make run`` calls.

Only ``make run`` makes them. Anything else that misses one stops, so that a production start with a forgotten variable
does not quietly seal its data with a throw-away key.
"""

import base64
import os
import re
import secrets
import sys
from contextlib import suppress
from io import StringIO
from pathlib import Path
from typing import NoReturn

import environ

_OURS = ("*.sqlite3*", "sandbox*", "beat-schedule*", "secret_key", "encryption_keys")
ENV_FILE = Path(__file__).resolve().parent.parent / ".env"
_VARIABLE = re.compile(r"(?:export )?[A-Za-z_0-9]+=[^\0]*")  # what django-environ takes for one


def read_env_file(file: Path = ENV_FILE) -> None:
    """Put the variables of ``.env`` into the environment, whose own win; end the start with one line at what is none.

    No part of a line is in the error, and none comes to django-environ's log: it may hold a key.
    """
    try:
        text = file.read_text("utf-8-sig")
    except OSError:
        return  # none is there, or it is somebody else's: systemd reads one as root
    except UnicodeDecodeError:
        sys.exit("portal: .env cannot be read: it is no text in UTF-8.")
    lines = []
    for number, line in enumerate(text.splitlines(), 1):
        if _VARIABLE.fullmatch(line):
            lines.append(line)
        elif line.strip() and not line.lstrip().startswith("#"):
            sys.exit(f"portal: .env has a line that cannot be read: number {number} is not NAME=value.")
    environ.Env.read_env(StringIO("\n".join(lines)))


def var_dir() -> Path:
    """Return the folder of the data: ``PORTAL_VAR_DIR``, by default ``var/`` beside ``manage.py``."""
    return Path(os.environ.get("PORTAL_VAR_DIR", "").strip() or Path(__file__).resolve().parent.parent / "var")


def secret_key_file() -> Path:
    """Return the path of the file that stands in for ``SECRET_KEY``."""
    return var_dir() / "secret_key"


def encryption_keys_file() -> Path:
    """Return the path of the file that stands in for ``PORTAL_ENCRYPTION_KEYS``."""
    return var_dir() / "encryption_keys"


def make_missing() -> None:
    """Write both files, readable by their owner only, unless they are there."""
    close_to_others()
    _write_once(secret_key_file(), secrets.token_urlsafe(50))
    _write_once(encryption_keys_file(), base64.b64encode(secrets.token_bytes(32)).decode())


def close_to_others() -> None:
    """Make what this process writes its owner's alone, and what older versions wrote into the data directory.

    A file that cannot be changed belongs to somebody else, and is theirs to guard.
    """
    os.umask(0o077)
    try:
        var_dir().mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        _stop(error)
    for path in (path for pattern in _OURS for path in var_dir().glob(pattern)):
        with suppress(OSError):
            if path.is_file() and not path.is_symlink() and path.stat().st_mode & 0o077:
                path.chmod(0o600)


def _write_once(path: Path, text: str) -> None:
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return
    except OSError as error:
        _stop(error)
    with os.fdopen(handle, "w") as file:
        file.write(text)


def _stop(error: OSError) -> NoReturn:
    words = f"{error.filename}: {error.strerror}"
    sys.exit(f"portal: PORTAL_VAR_DIR must be a directory that this user may write to, or may make: {words}.")


if __name__ == "__main__":
    read_env_file()  # it may say where data lies
    make_missing()
