"""Keeps a page of the admin that was opened a while ago from undoing what others have done to its row since."""

from collections.abc import Iterator
from typing import Any, ClassVar

from django import forms
from django.core.exceptions import ValidationError
from django.db import connection
from django.http import HttpRequest

from portal.texts import visible

_MOST = 200  # characters that are told of what somebody else has made of a field


class DrawnForm(forms.ModelForm):  # type: ignore[type-arg]
    """Edits a row of which the page tells what each field was drawn with, in ``initial-…``, as Django names these.

    A field that this person left alone keeps what is stored, whatever it was drawn with. One that both have changed, to
    different values, is refused; the page that says so is drawn with what is stored now, so that saving again does it.
    A POST that tells nothing of it, as a script's, is compared with what is stored alone.

    ``drawn_beside`` names what else of the row a page is drawn with. What of all that is another now stands in
    ``changed_meanwhile``. A field that is typed into two inputs, as a date with its time, is taken as it comes.
    """

    data: Any  # a QueryDict: pages of the admin are posted
    drawn_beside: ClassVar[tuple[str, ...]] = ()
    changed_meanwhile: frozenset[str] = frozenset()

    def drawn(self) -> Iterator[tuple[str, str]]:
        """Yield name and value of each hidden input; of a list an empty one first, since an empty list has no other."""
        for bound in self._compared():
            value = bound.field.prepare_value(bound.initial)
            for one in ["", *value] if _is_list(bound) else [value]:
                yield bound.html_initial_name, "" if one is None else str(one)
        for name in self.drawn_beside if self.fields and not self.instance._state.adding else ():
            yield self.add_initial_prefix(name), str(getattr(self.instance, name))

    def full_clean(self) -> None:
        refused = self._merge() if self.is_bound else {}
        super().full_clean()
        for name, words in refused.items():
            self.add_error(name, words)

    def _merge(self) -> dict[str, str]:
        """Put what is stored into the fields that were left alone; return by name why others cannot be saved."""
        self.data, changed, refused = self.data.copy(), set(), {}
        for bound in self._compared():
            drawn, stored, field = self._drawn(bound), bound.initial, bound.field
            if drawn is None:
                continue
            if is_changed := field.has_changed(stored, drawn):
                changed.add(bound.name)
            if not field.has_changed(_as_initial(field, drawn), bound.data):
                self._type(bound, stored)
            elif is_changed and field.has_changed(stored, bound.data):
                refused[bound.name] = _words(field, stored)
        for name in self.drawn_beside:
            drawn = self.data.get(self.add_initial_prefix(name))
            if drawn is not None and drawn != str(getattr(self.instance, name)):
                changed.add(name)
        self.changed_meanwhile = frozenset(changed)
        return refused

    def _compared(self) -> list[Any]:
        """List the fields that show what is stored: not those of a new row, and no hash of a password."""
        if self.instance._state.adding:
            return []
        shown = (self[name] for name, field in self.fields.items() if name in self.initial and not field.disabled)
        return [bound for bound in shown if not isinstance(bound.field, forms.MultiValueField)]

    def _drawn(self, bound: Any) -> Any:
        told = self.data.getlist(bound.html_initial_name)
        if not told:
            return None
        return [one for one in told if one] if _is_list(bound) else told[-1]

    def _type(self, bound: Any, value: Any) -> None:
        """Type ``value``, as the browser would send it."""
        value = bound.field.prepare_value(value)
        if _is_list(bound):
            self.data.setlist(bound.html_name, [str(one) for one in value])
        elif not isinstance(bound.field.widget, forms.CheckboxInput):
            self.data[bound.html_name] = "" if value is None else str(value)
        elif value:
            self.data[bound.html_name] = "on"
        else:
            self.data.pop(bound.html_name, None)


def _is_list(bound: Any) -> bool:
    return isinstance(bound.field, forms.ModelMultipleChoiceField | forms.MultipleChoiceField)


def _as_initial(field: Any, drawn: Any) -> Any:
    if isinstance(field, forms.ModelChoiceField | forms.MultipleChoiceField):
        return drawn  # compared as texts; a row that is gone cannot be read any more
    try:
        return field.to_python(drawn)
    except ValidationError:
        return drawn


def _words(field: Any, stored: Any) -> str:
    if isinstance(field, forms.ModelMultipleChoiceField):
        return changed_by_another(", ".join(str(field.label_from_instance(one)) for one in stored))
    return changed_by_another(str(field.prepare_value(stored) or ""))


def changed_by_another(text: str) -> str:
    """Say that somebody else has made ``text`` of a field since its page was drawn."""
    if not text:
        return "Somebody else has emptied this meanwhile. Save again to have yours."
    shown = visible(text if len(text) <= _MOST else f"{text[: _MOST - 1]}…")
    return f"Somebody else has changed this meanwhile, to “{shown}”. Save again to have yours."


class DrawnPages:
    """Gives a ModelAdmin the pages of a ``DrawnForm``: put it before the admin's own class."""

    change_form_before_template: Any = "portal/admin/drawn.html"

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        """Find the row, locked while what was posted is compared with it and written."""
        found = super().get_object(request, object_id, from_field)  # type: ignore[misc]
        if found is None or request.method != "POST" or not connection.in_atomic_block:
            return found
        stored = type(found)._base_manager.select_for_update(of=("self",), no_key=True)
        stored.filter(pk=found.pk).order_by("pk").first()  # without what its usual order would join
        return super().get_object(request, object_id, from_field)  # type: ignore[misc]
