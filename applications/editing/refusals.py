"""Turns what a service raises into answers of HTTP; ``portal.rest.problems`` knows the rest of Telnyx's refusals."""

from collections.abc import Callable
from dataclasses import asdict
from typing import TypeVar

from django.http import Http404
from rest_framework.exceptions import ValidationError

from applications.editing.adoption import UncertainCreate
from applications.editing.service import Conflict
from portal.rest.problems import Problem
from portal.telnyx.errors import TelnyxRefused
from portal.telnyx.schemas import InvalidParameters

T = TypeVar("T")


def answer_or_problem(ask: Callable[[], T]) -> T:
    """Return what ``ask`` returns; answer 400, 404, 412 or 504 for what it raises."""
    try:
        return ask()
    except InvalidParameters as invalid:
        raise ValidationError(invalid.errors) from invalid
    except Conflict as conflict:
        fields = {name: asdict(both) for name, both in conflict.fields.items()}
        raise Problem(412, str(conflict), "stale", conflicts=fields) from conflict
    except UncertainCreate as error:
        members = {"telnyx_code": error.code, "candidates": error.candidates}
        raise Problem(504, str(error), "telnyx_uncertain", **members) from error
    except TelnyxRefused as refused:
        # it was a look at what is addressed; what else may not be there, only Telnyx's own words tell
        if refused.is_not_found and refused.asked.endswith(".retrieve"):
            raise Http404 from refused
        raise
