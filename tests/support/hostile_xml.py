"""XML that no document needs, with the rule that refuses it."""

from portal.texml.tree import LARGEST

_BOMB = (
    '<!DOCTYPE a [<!ENTITY a "aaaaaaaaaa">'
    + "".join(f'<!ENTITY {chr(98 + at)} "{f"&{chr(97 + at)};" * 10}">' for at in range(9))
    + "]><a>&j;</a>"
)
HOSTILE: dict[str, tuple[str | bytes, str]] = {
    "an entity bomb": (_BOMB, "X02"),
    "a document type elsewhere": ('<!DOCTYPE a SYSTEM "http://127.0.0.1:1/a.dtd"><a/>', "X02"),
    "a file as an entity": ('<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>', "X02"),
    "a file as a parameter": ('<!DOCTYPE a [<!ENTITY % x SYSTEM "file:///etc/passwd">%x;]><a/>', "X02"),
    "100,000 deep": ("<a>" * 100_000, "X03"),
    "20,000 deep": ("<a>" * 20_000, "X03"),
    "50,000 attributes": ("<a " + " ".join(f'a{at}=""' for at in range(50_000)) + "/>", "X03"),
    "6,000 attributes": ("<a " + " ".join(f'a{at}=""' for at in range(6_000)) + "/>", "X03"),
    "1 MB of blanks": ("<a/>" + " " * 1_000_000, "X03"),
    "1 MB of text": ("<a>" + "x" * 1_000_000 + "</a>", "X03"),
    "1 MB of lines": ("<a>" + "\n" * 1_000_000 + "</a>", "X03"),
    "too many bytes of few signs": ("<a>" + "ü" * (LARGEST // 2) + "</a>", "X03"),
    "Latin-1": ("<a>\u00fc</a>".encode("latin-1"), "X05"),
    "UTF-16": ("<a/>".encode("utf-16"), "X05"),
    "UTF-32": ("<a/>".encode("utf-32"), "X05"),
    "UTF-7": ('<?xml version="1.0" encoding="utf-7"?><a>+ADw-/a+AD4-</a>', "X05"),
    "EBCDIC": ('<?xml version="1.0" encoding="cp037"?><a/>', "X05"),
    "a mark and nothing": (b"\xff\xfe\x00", "X05"),
    "a lone surrogate": ("<a>\udfff</a>", "X05"),
}
