"""JsonObject: what a JSON object is once it is read."""

from typing import Any

JsonObject = dict[str, Any]
