"""Names the type of a JSON object once it is read: ``JsonObject``."""

from typing import Any

JsonObject = dict[str, Any]
