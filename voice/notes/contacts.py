"""Gives numbers names: one by one, or many from a CSV file."""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from portal import csv_lines, sql
from portal.actors import Actor
from portal.drawn_forms import changed_by_another
from portal.masking import hides_something, masked_for, masked_text
from portal.models import AuditEvent
from portal.phone_numbers import check_endpoint, is_nobody, mask
from portal.trail import changes
from voice.models import Call, Contact

MOST_BYTES, MOST_LINES, MOST_WRONG = 2 * 1024 * 1024, 10_000, 50
TO_NAME = ("voice.add_contact", "voice.change_contact")  # to name a number, or name it anew, one or many
FIELDS = ("number", "name", "company")  # that people write
_LONGEST = 100
MOST_FOUND = 1000  # contacts whose calls are searched for at once
_TOGETHER = 500
_EMPTY = "it is empty."
_HIDDEN = "it has a number that was hidden when it was read (•••). Enter that number whole."


class Taken(ValidationError):
    """Says that a number has a name already."""

    def __init__(self) -> None:
        super().__init__({"number": ["A contact of this number already exists: change that one."]})


class BadFile(Exception):
    """Says by line what is wrong with a file. Nothing of it was taken."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__(" ".join(problems))
        self.problems = problems


@dataclass(frozen=True)
class Entry:
    """Holds whom a number belongs to; a company of None was not told, and what is known of it stays."""

    number: str
    name: str
    company: str | None


def names(numbers: Iterable[str]) -> dict[str, Contact]:
    """Map those of the numbers that have a name to their contact, for a page of calls: one statement."""
    wanted = {number for number in numbers if number}
    return {row.number: row for row in Contact.objects.filter(number__in=wanted)} if wanted else {}


def locked(number: str) -> Contact | None:
    """Return the contact of a number; nobody else writes it until the transaction ends."""
    return Contact.objects.select_for_update(no_key=True).filter(number=number).first()


def begun_with(contact: Contact | None, user: Any) -> dict[str, str]:
    """Return what a form for a number's name begins with: of name and company what this person may see whole."""
    texts = {"name": contact.name, "company": contact.company} if contact else {}
    return {field: text for field, text in texts.items() if masked_for(user, text) == text}


def typed_anew(begun: dict[str, str], typed: dict[str, str], drawn: dict[str, str]) -> dict[str, str]:
    """Return of what was typed into a form for a number's name what its person changed: the rest stays as it is stored.

    ``begun`` is what the form would begin with now; ``drawn`` what it did begin with, of which a script tells nothing.
    """
    changed = dict[str, str]()
    for field, text in typed.items():
        if field in drawn:
            is_changed = _folded(text) != _folded(drawn[field])
        else:  # who left empty what the form could not show took nothing away
            is_changed = field == "name" or field in begun or bool(text.strip())
        if is_changed:
            changed[field] = text
    return changed


def refuse_changed_by_another(contact: Contact | None, user: Any, typed: dict[str, str], drawn: dict[str, str]) -> None:
    """Raise ``ValidationError``, by field, where somebody else made something else of what was ``typed`` anew."""
    begun, wrong = begun_with(contact, user), dict[str, list[str]]()
    for field, text in typed.items():
        if begun.get(field, "") not in (drawn.get(field, begun.get(field, "")), _folded(text)):
            wrong[field] = [changed_by_another(masked_for(user, getattr(contact, field, "")))]
    if wrong:
        raise ValidationError(wrong)


def entry_of(number: str, name: str, company: str | None) -> Entry:
    """Read whom a number belongs to, its white space folded. ``ValidationError`` says what is wrong, by field."""
    read = fields_of(number=number, name=name, company=company)
    return Entry(read["number"], read["name"], read.get("company"))


def fields_of(**told: str | None) -> dict[str, str]:
    """Read what is told of a contact, its white space folded; what is None was not told.

    ``ValidationError`` says what is wrong, by field.
    """
    read, wrong = dict[str, str](), dict[str, list[str]]()
    for field, reader in zip(FIELDS, (_number, _name, _words), strict=True):
        if (text := told.get(field)) is None:
            continue
        try:
            read[field] = reader(text)
        except ValidationError as error:
            wrong[field] = error.messages
    if wrong:
        raise ValidationError(wrong)
    return read


def save(number: str, name: str | None, company: str | None, actor: Actor) -> Contact:
    """Name a number, or name it anew; what is None stays. ``ValidationError`` says what is wrong, by field."""
    told = fields_of(number=number, name=name, company=company)
    try:
        return write(_of_number(told["number"]), told, actor)
    except Taken:  # somebody named it just now: who comes last has named it anew
        return write(_of_number(told["number"]), told, actor)


def write(contact: Contact, told: Mapping[str, str], actor: Actor) -> Contact:
    """Write down what is ``told`` of a contact, as ``fields_of`` reads it; the rest stays as it is stored by now.

    Raises ``Taken`` when its number has a name already.
    """
    contact.changed_by = actor.label.removeprefix("user: ")[:200]
    try:
        with transaction.atomic():
            before = Contact.objects.select_for_update(no_key=True).filter(pk=contact.pk).first()
            for field in FIELDS:  # others may have written since the contact was read
                setattr(contact, field, told.get(field, getattr(before or contact, field)))
            if not contact.name:
                raise ValidationError({"name": [_EMPTY]})
            contact.save()
            noted = changes.between(_told(before), _told(contact)) if before else {}
            AuditEvent.note(actor, "contact.change" if before else "contact.add", contact, **noted)
    except IntegrityError:
        raise Taken from None
    return contact


def _told(contact: Contact) -> dict[str, str]:
    """Return what the audit trail may tell of it."""
    texts = {"name": masked_text(contact.name), "company": masked_text(contact.company)}
    return {"number": mask(contact.number), **texts}


def remove(contact: Contact, actor: Actor) -> None:
    """Forget the name of a number; that it was there stays in the audit trail."""
    with transaction.atomic():
        if Contact.objects.filter(pk=contact.pk).delete()[0]:
            AuditEvent.note(actor, "contact.delete", contact)


def in_words(error: ValidationError) -> str:
    """Say in one text what is wrong, each by its field."""
    if not hasattr(error, "error_dict"):
        return " ".join(error.messages)
    return " ".join(f"{field}: {' '.join(messages)}" for field, messages in error.message_dict.items())


@dataclass(frozen=True)
class Known:
    """Selects the ``calls`` of contacts, and says in ``cut`` which contacts were not looked at, if any."""

    calls: QuerySet[Call]
    cut: str = ""


def calls_of_contact(text: str) -> Known:
    """Select the calls from or to whom ``text`` names: the beginning of a name or a company, whatever its capitals."""
    if not text.strip():
        return Known(Call.objects.none())
    rows = Contact.objects.filter(named(text)).order_by("name_folded").values_list("number", flat=True)
    numbers = list(rows[: MOST_FOUND + 1])
    backwards = [number[::-1] for number in numbers[:MOST_FOUND]]
    calls = Call.objects.filter(Q(from_reversed__in=backwards) | Q(to_reversed__in=backwards))
    return Known(calls, f"Only the first {MOST_FOUND:,} of these contacts count." if numbers[MOST_FOUND:] else "")


def named(text: str) -> Q:
    """Match contacts by the beginning of their name or company; by all of it where ``text`` has a digit.

    Somebody may have written a number into a name, and who may not see it would read it digit by digit.
    """
    begin = " ".join(text.casefold().split())
    how = "" if any(one.isdigit() for one in begin) else "__startswith"
    return Q(**{f"name_folded{how}": begin}) | Q(**{f"company_folded{how}": begin})


def read(content: bytes) -> list[Entry]:
    """Read a CSV file with the columns number, name and, if you like, company. Raises ``BadFile``."""
    if len(content) > MOST_BYTES:
        raise BadFile(["The file is larger than 2 MB: split it."])
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise BadFile(["The file is not in UTF-8. Save it as “CSV UTF-8”."]) from None
    if "\0" in text:
        raise BadFile(["This is no CSV file: it has NUL characters in it."])
    first = text.partition("\n")[0]
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=";" if first.count(";") > first.count(",") else ",")
    try:
        return _entries(rows)
    except csv.Error as error:
        raise BadFile([f"Line {rows.line_num}: this is no CSV ({error})."]) from None


def store(entries: list[Entry], actor: Actor) -> tuple[int, int]:
    """Store all of them in one transaction; return how many are new, and how many were named before.

    Of each the company is told, or of none.
    """
    with transaction.atomic():
        numbers = [entry.number for entry in entries]
        known = 0
        for begin in range(0, len(numbers), _TOGETHER):
            known += Contact.objects.filter(number__in=numbers[begin : begin + _TOGETHER]).count()
        rows = [
            Contact(
                number=entry.number,
                name=entry.name,
                company=entry.company or "",
                name_folded=entry.name.casefold()[:_LONGEST],
                company_folded=(entry.company or "").casefold()[:_LONGEST],
                changed_by=actor.label.removeprefix("user: ")[:200],
                changed_at=timezone.now(),
            )
            for entry in sorted(entries, key=lambda entry: entry.number)  # two at once wait, and not for each other
        ]
        of_company = () if any(entry.company is None for entry in entries) else ("company", "company_folded")
        Contact.objects.bulk_create(
            rows,
            batch_size=_TOGETHER,
            update_conflicts=True,
            unique_fields=["number"],
            update_fields=["name", "name_folded", *of_company, "changed_by", "changed_at"],
        )
        AuditEvent.note(actor, "contact.import", None, new=len(entries) - known, changed=known)
    return len(entries) - known, known


def _entries(rows: Any) -> list[Entry]:
    head, mark = _head(next(rows, [])), "semicolon" if rows.dialect.delimiter == ";" else "comma"
    problems, found = list[str](), dict[str, tuple[int, Entry]]()
    for cells in rows:
        if not any(cell.strip() for cell in cells):
            continue
        # a line may end before its empty cells: of the company None says that the file has no such column
        line, told = rows.line_num, dict.fromkeys(head, "") | dict(zip(head, cells, strict=False))
        if len(found) >= MOST_LINES:
            raise BadFile([f"The file has more than {MOST_LINES:,} lines: split it."])
        wrong: Iterable[str] = _take(told, line, found)
        if any(cell.strip() for cell in cells[len(head) :]):  # it would be lost, as a part of what stands before it
            wrong = [f"it has more cells than the first line: quote what has a {mark} in it."]
        problems += (f"Line {line}: {problem}" for problem in wrong)
        if len(problems) >= MOST_WRONG:
            problems.append("There may be more; the rest was not read.")
            break
    if problems:
        raise BadFile(problems)
    if not found:
        raise BadFile(["The file has no line but the first."])
    return [entry for _, entry in found.values()]


def _head(cells: list[str]) -> list[str]:
    head = [cell.strip().casefold() for cell in cells]
    while head and not head[-1]:  # a spreadsheet may end every line with empty cells
        head.pop()
    if lacking := [name for name in ("number", "name") if name not in head]:
        raise BadFile([f"The first line names the columns: number, name, company. It lacks {' and '.join(lacking)}."])
    if twice := [name for name in ("number", "name", "company") if head.count(name) > 1]:
        raise BadFile([f"The first line names a column twice: {', '.join(twice)}."])
    return head


def _take(told: dict[str, str], line: int, found: dict[str, tuple[int, Entry]]) -> Iterator[str]:
    """Take one line into ``found``; yield what is wrong with it."""
    try:
        number = csv_lines.bare(told.get("number", "").strip())  # it may come from a file of ours for spreadsheets
        entry = entry_of(number, told.get("name", ""), told.get("company"))
    except ValidationError as error:
        yield in_words(error)
        return
    if entry.number in found:
        yield f"number: it is the same as in line {found[entry.number][0]}."
        return
    found[entry.number] = line, entry


def _of_number(number: str) -> Contact:
    return Contact.objects.filter(number=number).first() or Contact(number=number)


def _number(text: str) -> str:
    # a spreadsheet's guard against formulas
    text = text.strip().removeprefix("'")
    if is_nobody(text):
        raise ValidationError("nobody’s number cannot have a name.")
    number = check_endpoint(text)
    if len(number) > (most := sql.longest(Contact, "number")):  # a SIP address: Telnyx dials longer ones
        raise ValidationError(f"at most {most} characters.")
    return number


def _name(text: str) -> str:
    if not (words := _words(text)):
        raise ValidationError(_EMPTY)
    return words


def _folded(text: str) -> str:
    return " ".join(text.split())


def _words(text: str) -> str:
    words = _folded(text)
    if len(words) > _LONGEST:
        raise ValidationError(f"at most {_LONGEST} characters.")
    if hides_something(words):
        raise ValidationError(_HIDDEN)
    return words
