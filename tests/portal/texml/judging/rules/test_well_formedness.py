"""The rules X: what is not well-formed, or over a limit: documents that break them, documents that look alike."""

import pytest

from tests.support.texml_rules import SAY, TO, Cases, marked, parameters, places, verbs

CASES: dict[str, Cases] = {
    "X01": Cases(
        [
            "§",
            f"<Response><Redirect>{TO}/?a=1&b§=2</Redirect></Response>",
            "<Response><Gather><Say>Hi</§Gather></Response>",
            "<Response><Say voice=§”man”>Hi</Say></Response>",
            "<Response><Say>a§&nbsp;b</Say></Response>",
            "<Response><Say>a§\x00b</Say></Response>",
            '<?xml version="1.0"?>§<?xml version="1.0"?><Response/>',
            "<Response/>§<Response/>",
            "<Response><Say>Hi</Say>§",
            '<Response><Pause length="1" §length="2"/></Response>',
        ],
        [
            f"<Response><Redirect>{TO}/?a=1&amp;b=2</Redirect></Response>",
            "<Response><Say>it&apos;s &#233;</Say></Response>",
        ],
    ),
    "X02": Cases(
        [
            '§<!DOCTYPE Response [<!ENTITY a "b">]><Response><Say>&a;</Say></Response>',
            '<?xml version="1.0"?>§<!DOCTYPE Response SYSTEM "file:///etc/passwd"><Response/>',
        ],
        [
            "<Response><Say>&lt;!DOCTYPE&gt;</Say></Response>",
            "<Response><Say><![CDATA[<!DOCTYPE a>]]></Say></Response>",
        ],
    ),
    "X03": Cases(
        [
            f"§<Response><Say>{'x' * 33_000}</Say></Response>",
            f"<Response><Say>{'x' * (65_536 - 15)}§x</Say></Response>",
            "<Response>" + "<Say>" * 11 + "§<Say/>" + "</Say>" * 11 + "</Response>",
            "<Response>" + "<Pause/>" * 1_999 + "§<Pause/></Response>",
            "<Response>§<Say " + " ".join(f'a{at}=""' for at in range(65)) + "/></Response>",
        ],
        [
            f"<Response><Say>{'x' * 32_000}</Say></Response>",
            "<Response>" + "<Say>" * 11 + "</Say>" * 11 + "</Response>",
            "<Response>" + "<Pause/>" * 1_999 + "</Response>",
            "<Response><Say " + " ".join(f'a{at}=""' for at in range(64)) + "/></Response>",
        ],
    ),
    "X04": Cases(
        ['§\n<?xml version="1.0"?><Response/>', '§debug<?xml version="1.0"?><Response/>'],
        [
            '<?xml version="1.0" encoding="UTF-8"?>\n<Response/>',
            '\ufeff<?xml version="1.0"?><Response/>',
            "\n<Response/>",
        ],
    ),
    "X05": Cases(
        [
            '§<?xml version="1.0" encoding="ISO-8859-1"?><Response/>',
            '§<?xml version="1.0" encoding="UTF-16"?><Response/>',
            "<Response><Say>a§\ud800</Say></Response>",
        ],
        ['<?xml version="1.0" encoding="utf-8"?><Response/>', "<Response><Say>Grüße</Say></Response>"],
    ),
    "X06": Cases(
        [
            verbs(SAY, "§<?php echo 1 ?>"),
            f'<Response §xmlns="http://www.w3.org/1999/xhtml">{SAY}</Response>',
            "<Response>§<t:Say>Hi</t:Say></Response>",
            '<Response><Say §xml:lang="en">Hi</Say></Response>',
        ],
        ['<?xml version="1.0"?><Response><Say><lang xml:lang="fr-FR">oui</lang></Say></Response>'],
    ),
}


@pytest.mark.parametrize(("rule", "broken"), parameters(CASES, "broken"))
def test_what_breaks_a_rule_is_found_where_it_stands(rule, broken):
    source, expected = marked(broken)
    assert places(rule, source) == expected


@pytest.mark.parametrize(("rule", "kept"), parameters(CASES, "kept"))
def test_what_looks_alike_is_not_found(rule, kept):
    assert places(rule, kept) == []
