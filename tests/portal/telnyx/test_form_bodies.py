"""Bodies as forms; the test of TeXML's operations sends each of them over real HTTP."""

import httpx

from portal.telnyx.form_bodies import FORM, in_its_encoding


def written(body: bytes, content_type: str = FORM) -> httpx.Request:
    headers = {"Content-Type": content_type, "Authorization": "Bearer KEY"}
    return in_its_encoding(httpx.Request("POST", "http://x/v2", headers=headers, content=body))


def test_a_form_is_written_as_html_writes_it() -> None:
    sent = written('{"To": "+1 é", "Muted": true, "Timeout": 5, "Empty": ""}'.encode())
    assert sent.read() == b"To=%2B1+%C3%A9&Muted=true&Timeout=5&Empty="
    assert (sent.headers["Content-Type"], sent.headers["Content-Length"]) == (FORM, str(len(sent.read())))
    assert sent.headers["Authorization"] == "Bearer KEY"


def test_lists_are_repeated_and_objects_are_json() -> None:
    sent = written(b'{"Urls": ["a", "b"], "CustomHeaders": [{"name": "X"}]}')
    assert sent.read() == b"Urls=a&Urls=b&CustomHeaders=%5B%7B%22name%22%3A+%22X%22%7D%5D"


def test_a_list_of_other_things_is_json_and_an_empty_one_is_none() -> None:
    assert written(b'{"Digits": [1, 2], "Mixed": ["a", 1], "Urls": []}').read() == (
        b"Digits=%5B1%2C+2%5D&Mixed=%5B%22a%22%2C+1%5D"
    )


def test_what_is_no_form_stays_as_it_is() -> None:
    assert written(b'{"To": 1}', "application/json").read() == b'{"To": 1}'


def test_no_body_is_an_empty_form() -> None:
    assert written(b"").read() == b""
