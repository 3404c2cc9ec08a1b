"""Schemathesis: what the OpenAPI document says is what the API does, for values that fit and for values that do not."""

from typing import Any

import pytest
import schemathesis
from django.contrib.auth.models import User
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi import checks

from portal.models import ApiToken, TelnyxAccount
from portal.wsgi import application
from tests.badinput import rows

CHECKS = [
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
    checks.ignored_auth,
    checks.missing_required_header,
]
# beside them what "ci" and "long" say; a document this large is not looked at as long as a merge is
EXAMPLES = max(settings().max_examples // 33, 1)


@pytest.mark.long
@pytest.mark.django_db(transaction=True)
def test_every_operation_answers_as_the_document_says(sandbox_account: TelnyxAccount, operator: User) -> None:
    made = rows.one_of_each(sandbox_account, operator)
    _, token = ApiToken.make(operator, "schema")
    headers = {"Authorization": f"Bearer {token}", "Accept-Encoding": "identity"}
    schema = schemathesis.openapi.from_wsgi("/api/schema/", application)
    operations = [found.ok() for found in schema.get_all_operations()]
    assert len(operations) > 100

    def try_out(operation: Any) -> None:
        fitting, other = (operation.as_strategy(generation_mode=mode) for mode in GenerationMode)

        @settings(max_examples=EXAMPLES, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
        @given(case=st.one_of(fitting, other), here=st.booleans())
        def answers(case: Any, here: bool) -> None:
            if here:  # of a row that there is; ids that were made up are hardly ever one
                known = rows.members(operation.path, made)
                case.path_parameters = {name: str(known[name]) for name in case.path_parameters}
            case.call_and_validate(headers=headers, checks=CHECKS)

        answers()

    wrong: dict[str, str] = {}
    for operation in operations:
        try:
            try_out(operation)
        except (FailureGroup, Exception) as error:  # a group of failures, each with the request that shows it
            wrong[operation.label] = "\n".join([str(error), *map(str, getattr(error, "exceptions", ()))])
    assert not wrong, "\n".join(f"{label}: {said}" for label, said in wrong.items())
