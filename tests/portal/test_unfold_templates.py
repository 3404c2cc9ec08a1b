"""What is put into Unfold's templates finds its place in the version that is installed."""

import pytest
from django.template import engines

from portal.unfold_templates import UNFOLD, edits


@pytest.mark.parametrize("template", edits())
def test_each_edit_finds_its_place_once(template: str) -> None:
    installed = (UNFOLD / "templates" / template).read_text()
    assert [find for find, _ in edits()[template] if installed.count(find) != 1] == []
    loaded = engines["django"].get_template(template).template.source
    assert [put for _, put in edits()[template] if put not in loaded and "material-symbols" not in put] == []
