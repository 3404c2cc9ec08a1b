"""What happens while a request to Telnyx is under way: between what Telnyx does and our having its answer."""

from collections.abc import Callable

import httpx
import pytest

Act = Callable[[], object]


def answers_otherwise(
    monkeypatch: pytest.MonkeyPatch, change: Callable[[httpx.Request, httpx.Response], httpx.Response | None]
) -> None:
    """Let each answer of Telnyx be what ``change`` makes of it; None leaves it as it is."""
    real = httpx.HTTPTransport.handle_request

    def handle(transport: httpx.HTTPTransport, request: httpx.Request) -> httpx.Response:
        answer = real(transport, request)
        answer.read()
        return change(request, answer) or answer

    monkeypatch.setattr(httpx.HTTPTransport, "handle_request", handle)


def asks_to_wait(monkeypatch: pytest.MonkeyPatch, path: str, seconds: int, times: int = 1000) -> None:
    """Let the next reads of ``path``, or of what is below it, be answered 429: try again in so many seconds."""
    answers = [429] * times
    headers, body = {"retry-after": str(seconds)}, {"errors": [{"code": "10011"}]}

    def change(request: httpx.Request, answer: httpx.Response) -> httpx.Response | None:
        meant = request.method == "GET" and path in request.url.path
        return httpx.Response(answers.pop(), headers=headers, json=body) if meant and answers else None

    answers_otherwise(monkeypatch, change)


def answers_like_a_proxy(monkeypatch: pytest.MonkeyPatch, *methods: str) -> None:
    """Let requests of these methods be answered by a page of something that stands before Telnyx: 404, in HTML."""
    page = b"<html><body>404 no such route</body></html>"

    def change(request: httpx.Request, answer: httpx.Response) -> httpx.Response | None:
        foreign = request.method in methods
        return httpx.Response(404, content=page, headers={"content-type": "text/html"}) if foreign else None

    answers_otherwise(monkeypatch, change)


class Meanwhile:
    """Does something once Telnyx has carried out the next request of a method, before its answer is here."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._acts: list[tuple[str, str, Act]] = []
        real = httpx.HTTPTransport.handle_request

        def handle(transport: httpx.HTTPTransport, request: httpx.Request) -> httpx.Response:
            before = self._next(request, "before")
            if before:
                before()
            answer = real(transport, request)
            after = self._next(request, "after")
            if after:
                content = answer.read()
                after()
                headers = {"content-type": answer.headers.get("content-type", "")}
                return httpx.Response(answer.status_code, headers=headers, content=content, request=request)
            return answer

        monkeypatch.setattr(httpx.HTTPTransport, "handle_request", handle)

    def do(self, method: str, act: Act) -> None:
        self._acts.append(("after", method, act))

    def before(self, method: str, act: Act) -> None:
        """Do it when the request is about to leave."""
        self._acts.append(("before", method, act))

    def clear(self) -> None:
        self._acts.clear()

    def _next(self, request: httpx.Request, when: str) -> Act | None:
        for one in self._acts:
            if one[:2] == (when, request.method):
                self._acts.remove(one)
                return one[2]
        return None


class Dying:
    """Ends the process after Telnyx has carried out the next request of a method: nobody hears its answer."""

    def __init__(self, meanwhile: Meanwhile) -> None:
        self._meanwhile = meanwhile

    def after(self, method: str) -> None:
        def die() -> None:
            raise SystemExit(1)

        self._meanwhile.do(method, die)
