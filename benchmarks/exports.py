"""P11: the export of a million calls against ``COPY … TO STDOUT`` of the same columns."""

from collections.abc import Iterator


def run() -> Iterator[str]:
    """Lines to print."""
    yield "P11 not built yet: there is no export of calls"
