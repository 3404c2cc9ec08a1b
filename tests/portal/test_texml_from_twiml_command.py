"""``manage.py texml_from_twiml``: the document on one stream, what changes on the other."""

import io

import pytest
from django.core.management import CommandError, call_command


def run(path: object) -> tuple[str, str]:
    out, err = io.StringIO(), io.StringIO()
    call_command("texml_from_twiml", str(path), stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


def test_the_document_is_printed_and_what_changes_is_told(tmp_path):
    twiml = tmp_path / "menu.xml"
    twiml.write_text('<Response>\n<Gather action="/a" enhanced="true"/>\n<Sms>Hi</Sms>\n</Response>')
    out, err = run(twiml)
    assert out == (
        '<?xml version="1.0" encoding="UTF-8"?>\n<Response>\n  <Gather action="/a" useEnhanced="true"/>\n</Response>\n'
    )
    assert err.splitlines() == [
        f"{twiml}:2:21: renamed: enhanced is useEnhanced in TeXML.",
        f"{twiml}:3:1: left out: TeXML has no <Sms>. Send the text by Telnyx's messaging API.",
    ]


def test_what_cannot_be_read_is_told_in_words(tmp_path):
    with pytest.raises(CommandError, match=r"cannot be read: No such file or directory\."):
        run(tmp_path / "gone.xml")
    (tmp_path / "broken.xml").write_text("<Response>\n<Say>")
    with pytest.raises(CommandError, match=r"broken.xml:2:6: This is not well-formed XML"):
        run(tmp_path / "broken.xml")
