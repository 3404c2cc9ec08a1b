"""Values as a browser sends them."""

import json
import re
from html import unescape
from typing import Any


def typed(value: Any) -> str:
    """How a person's browser would send it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return json.dumps(value) if isinstance(value, dict | list) else str(value)


def hidden_fields(page: str, action: str) -> dict[str, str]:
    """What the form that is sent to ``action`` carries along, but for its token."""
    form = re.search(rf'<form [^>]*action="{re.escape(action)}[^>]*>(.*?)</form>', page, re.DOTALL)
    assert form, f"no form is sent to {action}"
    fields = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', form[1]))
    return {name: unescape(value) for name, value in fields.items() if name != "csrfmiddlewaretoken"}
