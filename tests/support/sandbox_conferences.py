"""Commands to a conference at the sandbox."""

from typing import Any

from tests.support.sandbox_http import Http


def act_in(http: Http, conference: str, action: str, /, **body: Any) -> tuple[int, Any]:
    return http("POST", f"/v2/conferences/{conference}/actions/{action}", body)
