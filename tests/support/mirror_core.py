"""Modules of the core and of applications that have no test file of their own name, and why."""

CORE: dict[str, str] = {
    "applications.apps": "registers pages, which tests/applications/admin opens one by one",
    "applications.exchange.plan_files": "test_runs and test_api of the room write plans down and carry them out",
    "applications.exchange.serializers": "shapes only: test_api of the room sends and reads each of them",
    "applications.pulls.mass_delete": "test_pulls of the room and exchange/test_runs are stopped by it",
    "applications.pulls.one_at_a_time": "test_pulls of the room and exchange/test_runs begin two at once",
    "applications.pulls.ownership": "test_pulls and test_listing of the room pull with another's key",
    "applications.urls": "addresses only: tests/applications/api asks each of them",
    "portal.asgi": "one call of Django's: nothing here serves with it",
    "portal.keyset": "tests of portal/rest/pagination and of portal/admin/test_paging walk lists with it",
    "portal.formats.en.formats": "four constants of Django's form: each page shows times in them",
    "portal.json_types": "one name of a type: mypy checks who uses it",
    "portal.sandbox.core.requests": "a dataclass and two names of types",
    "portal.telnyx.patience": "applications/pulls and applications/exchange wait out a 429 with it",
    "portal.wsgi": "one call of Django's and of the door in front of it: tests/portal/test_start.py serves with it",
}
