"""Reads a file of Telnyx's by a link that it told: within the client's limits, without the account's key."""

import httpx

from portal import stopping
from portal.telnyx.client import DeadlineTransport, InsideTransaction, NotNow, is_in_transaction
from portal.telnyx.errors import TelnyxUnavailable


def read_file(url: str) -> bytes:
    """Return the file's bytes: at most 16 MiB, within 8 s, no redirect followed. ``TelnyxUnavailable`` otherwise."""
    if is_in_transaction():
        raise InsideTransaction(url.partition("?")[0])
    if stopping.has_begun():
        raise NotNow
    try:
        with httpx.Client(
            transport=DeadlineTransport(is_stopped=stopping.has_begun), follow_redirects=False, trust_env=False
        ) as client:
            answer = client.get(url)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise TelnyxUnavailable("The file could not be read whole: it is too long, or too far away.") from error
    if answer.status_code != httpx.codes.OK:
        raise TelnyxUnavailable("The file could not be read.", http_status=answer.status_code)
    return answer.content
