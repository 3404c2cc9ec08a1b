"""Values as a browser sends them."""

import json
from typing import Any


def typed(value: Any) -> str:
    """How a person's browser would send it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return json.dumps(value) if isinstance(value, dict | list) else str(value)
