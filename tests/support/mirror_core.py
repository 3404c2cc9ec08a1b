"""Modules of the core and of applications that have no test file of their own name, and why."""

CORE: dict[str, str] = {
    "applications.apps": "registers pages, which tests/applications/admin opens one by one",
    "applications.urls": "addresses only: tests/applications/api asks each of them",
    "portal.asgi": "one call of Django's: nothing here serves with it",
    "portal.keyset": "tests of portal/rest/pagination and of portal/admin/test_paging walk lists with it",
    "portal.celery": "one call of Celery's: tests/test_servers.py runs a worker with it",
    "portal.formats.en.formats": "four constants of Django's form: each page shows times in them",
    "portal.json_types": "one name of a type: mypy checks who uses it",
    "portal.sandbox.core.requests": "a dataclass and two names of types",
    "portal.wsgi": "one call of Django's: tests/portal/test_start.py serves with it",
}
