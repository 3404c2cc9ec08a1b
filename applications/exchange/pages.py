"""Exports and imports in the admin: CSV and JSON of what the list shows; a file in, what it would do, then doing it.

An uploaded file is kept nowhere. The confirmed steps travel signed in the page, and each request carries out what fits
into a few seconds, so that nothing is left running when the page is closed. Where Telnyx asks to wait, the page does.
"""

import time
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.core import signing
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import URLPattern, path, reverse
from unfold import widgets

from applications.editing.forms import AccountChoice
from applications.exchange import plans, runs, sheets
from applications.exchange.apply import Outcome, carry_out
from applications.exchange.plans import Plan, Problem, Step, Unreadable
from applications.kinds import Kind
from applications.models import ApplyRun
from applications.wording import changes_for
from portal.actors import actor_of
from portal.admin.site import answer_dialog
from portal.json_types import JsonObject
from portal.masking import addresses_for
from portal.models import AuditEvent, TelnyxAccount
from portal.telnyx.errors import TelnyxError
from portal.telnyx.patience import NotYet, impatient
from portal.texts import pluralised

RUN_SECONDS = 3.0
MOST_WAIT = 50  # seconds between two parts: a run that is silent for a minute counts as killed
MOST_STATE = 1_900_000  # characters: Django takes forms of 2 MiB
MOST_SHOWN = 500
MOST_WRONG = 200
_SALT = "applications.import"
_TYPES = {"csv": "text/csv; charset=utf-8", "json": "application/json"}


class ImportForm(forms.Form):
    """Asks for a file and the account it is for."""

    account = AccountChoice(TelnyxAccount.objects.all(), widget=widgets.UnfoldAdminSelectWidget)
    file = forms.FileField(
        widget=widgets.UnfoldAdminFileFieldWidget(attrs={"accept": ".csv,.json"}),
        help_text="CSV or JSON as exported here: at most 2 MB and 10,000 lines. Lines without an id go by name.",
    )

    def clean_file(self) -> bytes:
        if self.cleaned_data["file"].size > sheets.MOST_BYTES:
            raise forms.ValidationError("The file is larger than 2 MB: split it.")
        content: bytes = self.cleaned_data["file"].read()
        return content


class ExchangePages:
    """Adds export and import to the admin of a kind; stands before ``BulkPages``."""

    kind: Kind
    model: Any
    opts: Any
    admin_site: Any
    has_view_permission: Any
    has_add_permission: Any
    has_change_permission: Any

    def get_urls(self) -> list[URLPattern]:
        view, name = self.admin_site.admin_view, f"{self.opts.app_label}_{self.opts.model_name}"
        own = [
            path("export/<slug:form>/", view(self.export_view), name=f"{name}_export"),
            path("import/", view(self.import_view), name=f"{name}_import"),
            path("import/run/", view(self.import_run_view), name=f"{name}_import_run"),
        ]
        return [*own, *super().get_urls()]  # type: ignore[misc]

    def get_actions(self, request: HttpRequest) -> Any:
        own = {name: self.get_action(name) for name in ("export_csv", "export_json")}  # type: ignore[attr-defined]
        return {**super().get_actions(request), **own}  # type: ignore[misc]

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> Any:
        query = request.GET.urlencode()
        exchange = {
            "exports": [(form.upper(), f"{self._to('export', form)}?{query}") for form in sheets.FORMATS],
            "import_url": self._to("import") if self._may_import(request) else "",
        }
        return super().changelist_view(request, {**(extra_context or {}), **exchange})  # type: ignore[misc]

    @admin.action(description="Export as CSV")
    def export_csv(self, request: HttpRequest, queryset: QuerySet[Any]) -> Any:
        return self._exported(request, queryset, "csv")

    @admin.action(description="Export as JSON")
    def export_json(self, request: HttpRequest, queryset: QuerySet[Any]) -> Any:
        return self._exported(request, queryset, "json")

    def export_view(self, request: HttpRequest, form: str) -> Any:
        """Export all that the list shows under the same query."""
        if form not in sheets.FORMATS:
            raise Http404
        if not self.has_view_permission(request):
            raise PermissionDenied
        try:
            shown_rows = self.get_changelist_instance(request).narrowed(request)  # type: ignore[attr-defined]
        except IncorrectLookupParameters:
            return HttpResponseRedirect(self._to("changelist"))
        return self._exported(request, shown_rows, form)

    def import_view(self, request: HttpRequest) -> HttpResponse:
        """Show the form; with a file, what it would do. Nothing is written."""
        if not self._may_import(request):
            raise PermissionDenied
        form = ImportForm(request.POST or None, request.FILES or None, initial={"account": _only_account()})
        if request.method != "POST" or not form.is_valid():
            return self._draw(request, form=form)
        account = form.cleaned_data["account"]
        try:
            entries = sheets.read(self.kind, account, form.cleaned_data["file"])
            with impatient():
                plan = plans.make(account, entries, [self.kind])
        except Unreadable as unreadable:
            return self._draw(request, form=form, problems=unreadable.problems)
        except TelnyxError as error:
            return self._draw(request, form=form, problems=[Problem(0, "", _words(error))])
        return self._draw_plan(request, form, plan)

    def import_run_view(self, request: HttpRequest) -> HttpResponse:
        """Carry out what fits into a few seconds; the answer asks for the rest."""
        if request.method != "POST" or not self._may_import(request):
            raise PermissionDenied
        state = self._opened(request)
        if state is None:
            told = "This confirmation is too old, or not yours. Upload the file again."
            if request.headers.get("HX-Request"):  # asked by a part of a page: a whole one would be drawn into it
                messages.error(request, told)
                return answer_dialog(request, self._to("import"))
            return self._draw(request, form=ImportForm(), problems=[Problem(0, "", told)])
        account = get_object_or_404(TelnyxAccount, pk=state["account"])
        steps, planned_at = [Step.from_json(data) for data in state["steps"]], datetime.fromisoformat(state["at"])
        if any(not self._may(request, step) for step in steps):
            raise PermissionDenied
        plan = Plan(account, steps, [], 0, planned_at)
        outcomes = list[Outcome]()
        refused: runs.NotBegun | None = None
        later: NotYet | None = None
        try:
            with impatient():
                run = self._run_of(request, state, plan)
                state["run"] = str(run.pk)
                outcomes, later = self._carry_out(request, run, plan)
        except NotYet as error:  # it is begun with the next part
            later = error
        except runs.NotBegun as error:
            refused = error
        except TelnyxError as error:
            refused = runs.NotBegun(str(error))
        except runs.Lost:
            refused = runs.NotBegun("It was carried out already, or another run took its place.")
        return self._draw_run(request, state, outcomes, refused, later)

    def _run_of(self, request: HttpRequest, state: JsonObject, plan: Plan) -> ApplyRun:
        """Return the run of this import: a new one for its first part, else the one it was begun as."""
        if state["run"]:
            return runs.resumed(state["run"], plan.account, self.kind, state["tried"])
        (run,) = runs.begin(plan, actor_of(request), "import")
        return run

    def _carry_out(self, request: HttpRequest, run: ApplyRun, plan: Plan) -> tuple[list[Outcome], NotYet | None]:
        """Carry out what fits into a few seconds, or until Telnyx asks to wait. The run goes on with the next part, or
        ends.
        """
        until, outcomes, actor = time.monotonic() + RUN_SECONDS, list[Outcome](), actor_of(request)
        later: NotYet | None = None
        ended: ApplyRun.State | None = ApplyRun.State.FAILED
        before = [result["id"] for result in run.results if result["id"]]
        try:
            for outcome in carry_out(plan.account, plan.steps, actor, plan.made_at, lambda: runs.alive([run]), before):
                runs.note(run, outcome)
                outcomes.append(outcome)
                if time.monotonic() > until:
                    break
            is_over = len(outcomes) == len(plan.steps)
            is_stopped = outcomes[-1].state == "stopped"
            ended = ApplyRun.State.STOPPED if is_stopped else ApplyRun.State.DONE if is_over else None
        except NotYet as error:
            later, ended = error, None
        finally:
            runs.end(run, ended, actor) if ended else runs.paused(run)
        return outcomes, later

    def _draw_plan(self, request: HttpRequest, form: ImportForm, plan: Plan) -> HttpResponse:
        refused = [step for step in plan.steps if not self._may(request, step)]
        problems = plan.problems + [Problem(step.line, "", f"You may not {step.action} these.") for step in refused]
        sealed = "" if problems else self._sealed(request, plan)
        if len(sealed) > MOST_STATE:
            problems, sealed = [Problem(0, "", "This is too much at once: split the file.")], ""
        if problems:
            return self._draw(request, form=form, problems=problems)
        lines = [{"step": step, "changes": changes_for(request.user, step.changes)} for step in plan.steps[:MOST_SHOWN]]
        return self._draw(request, plan=plan, state=sealed, lines=lines)

    def _draw_run(
        self,
        request: HttpRequest,
        state: JsonObject,
        outcomes: list[Outcome],
        refused: runs.NotBegun | None,
        later: NotYet | None,
    ) -> HttpResponse:
        stopped = bool(refused) or any(outcome.state == "stopped" for outcome in outcomes)
        rest = [] if stopped else state["steps"][len(outcomes) :]
        wrong = [
            f"Line {outcome.step.line}: {outcome.step.action} {outcome.step.name}: {outcome.message}"
            for outcome in outcomes
            if outcome.message
        ]
        tried = state["tried"] + len(outcomes)
        failed = state["failed"] + sum(outcome.state != "done" for outcome in outcomes)
        told = state["wrong"] + wrong
        state = {
            **state,
            "steps": rest,
            "tried": tried,
            "failed": failed,
            "wrong": told[:MOST_WRONG],
            "untold": state.get("untold", 0) + len(told[MOST_WRONG:]),
        }
        context: JsonObject = {"refused": refused, "is_outdated": isinstance(refused, runs.Outdated)}
        context |= {"run": state, "stopped": stopped, "done": tried - failed}
        context |= {"later": str(later or ""), "wait": min(later.retry_after, MOST_WAIT) if later else 0}
        context |= {"percent": 100 * tried // max(state["total"], 1)}
        context |= {"state": signing.dumps(state, salt=_SALT, compress=True) if rest else "", **self._urls(request)}
        if request.headers.get("HX-Request"):
            return render(request, "applications/exchange/import_run.html", context)
        return self._draw(request, **context)

    def _draw(self, request: HttpRequest, **context: Any) -> HttpResponse:
        page = {**self.admin_site.each_context(request), "opts": self.opts, "title": "Import applications"}
        problems = context.get("problems", [])
        context |= {"problems": problems[:MOST_SHOWN], "problem_count": len(problems), "most": MOST_SHOWN}
        return render(request, "applications/exchange/import.html", {**page, **context, **self._urls(request)})

    def _exported(self, request: HttpRequest, rows: QuerySet[Any], form: str) -> StreamingHttpResponse:
        AuditEvent.note(actor_of(request), "application.export", kind=self.kind.slug, format=form, count=rows.count())
        exported = rows.select_related("account").iterator(500)
        answer = StreamingHttpResponse(
            sheets.FORMATS[form](self.kind, exported, partial(addresses_for, request.user)), content_type=_TYPES[form]
        )
        answer["Content-Disposition"] = f'attachment; filename="{self.kind.slug}.{form}"'
        return answer

    def _sealed(self, request: HttpRequest, plan: Plan) -> str:
        steps = [_without_before(step).as_json() for step in plan.steps]
        state: JsonObject = {
            "account": str(plan.account.pk),
            "kind": self.kind.slug,
            "user": str(request.user.pk),
            "steps": steps,
            "run": "",
        }
        state |= {"at": plan.made_at.isoformat(), "total": len(steps), "tried": 0, "failed": 0, "wrong": []}
        return signing.dumps(state, salt=_SALT, compress=True)

    def _opened(self, request: HttpRequest) -> JsonObject | None:
        try:
            state: JsonObject = signing.loads(request.POST.get("state", ""), salt=_SALT, max_age=3600)
        except signing.BadSignature:
            return None
        mine = state["user"] == str(request.user.pk) and state["kind"] == self.kind.slug
        return state if mine else None

    def _may_import(self, request: HttpRequest) -> bool:
        return bool(self.has_add_permission(request) or self.has_change_permission(request))

    def _may(self, request: HttpRequest, step: Step) -> bool:
        may = {"create": self.has_add_permission, "update": self.has_change_permission}.get(step.action)
        return bool(may and may(request))

    def _urls(self, request: HttpRequest) -> JsonObject:
        urls = {name: self._to(to) for name, to in _ADDRESSES.items()} | {"list_words": "Back to the list"}
        home = {"list_url": reverse("admin:index"), "list_words": "Home"}
        return urls if self.has_view_permission(request) else urls | home

    def _to(self, name: str, *args: Any) -> str:
        return reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_{name}", args=args)


_ADDRESSES = {"list_url": "changelist", "import_url": "import", "run_url": "import_run"}


def _without_before(step: Step) -> Step:
    """Leave out what is there now: it is shown and sent nowhere, and who reads the page reads what is signed in it."""
    return replace(step, changes={name: (None, after) for name, after in step.values.items()})


def _words(error: TelnyxError) -> str:
    """Return Telnyx's words, and where it asks to wait, when to try again."""
    again = pluralised(error.retry_after, "second", "seconds") if isinstance(error, NotYet) else ""
    return f"{error} Try again in {again}." if again else str(error)


def _only_account() -> TelnyxAccount | None:
    accounts = list(TelnyxAccount.objects.all()[:2])
    return accounts[0] if len(accounts) == 1 else None
