"""Rejected requests, written where a test sees them."""

from voice.events import rejections


class WriterAtOnce(rejections.Writer):
    """Writes refusals in the request itself: another thread would not see a test's transaction, nor be seen by it."""

    def start(self) -> None:
        self.flush()
