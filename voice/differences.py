"""What a merge did, or would do, to a row: its columns before and after."""

from dataclasses import dataclass
from typing import Any

from django.db.models import Model


@dataclass(frozen=True)
class Difference:
    """``columns`` by name: before, after. Of a row that is new, before is what the empty row had."""

    row: Model
    columns: dict[str, tuple[Any, Any]]
    is_new: bool = False

    def __bool__(self) -> bool:
        return bool(self.columns) or self.is_new

    def save(self) -> None:
        """Write these columns, no others."""
        if self.columns:
            self.row.save(update_fields=list(self.columns))


def put(row: Model, values: dict[str, Any], *, is_new: bool = False) -> Difference:
    """Set ``values`` on ``row``, unsaved."""
    columns = {name: (getattr(row, name), value) for name, value in values.items()}
    for name, value in values.items():
        setattr(row, name, value)
    return Difference(row, columns, is_new)
