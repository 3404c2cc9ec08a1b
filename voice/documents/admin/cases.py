"""Shows the test cases of a document, what the draft says to them now, and keeps a try from its editor as one."""

from dataclasses import asdict, replace
from difflib import ndiff
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.urls import URLPattern, path, reverse
from django.views.decorators.http import require_POST

from portal.actors import actor_of
from portal.admin.site import seen
from portal.masking import may_see_whole, set_up_for
from voice.documents import cases
from voice.documents.admin.pages import DocumentPages
from voice.documents.serializers import variables_for
from voice.models import TexmlCase
from voice.texml_editor import pages

_EDIT = "voice.change_texmldocument"
_PARTS = {"name": "Name of the test case: ", "caller": "A caller of your own: ", "draft": "The draft: "}


class CasePages(DocumentPages):
    """Adds the pages to the ModelAdmin of documents."""

    def get_urls(self) -> list[URLPattern]:
        wrap, name = self.admin_site.admin_view, "voice_texmldocument_cases"
        keep = wrap(require_POST(self.keep_case_view))
        ours = [
            path("<uuid:document_id>/cases/", wrap(self.cases_view), name=name),
            path("<uuid:document_id>/cases/<uuid:case_id>/", wrap(require_POST(self.case_view)), name=f"{name}_one"),
            path("editor/<uuid:document_id>/case/", keep, name=f"{name}_keep"),
        ]
        return [*ours, *super().get_urls()]

    def cases_view(self, request: HttpRequest, document_id: Any) -> HttpResponse:
        """List the test cases, each with what came of it now."""
        document = self.document_of(request, document_id, "voice.view_texmldocument")
        rows = [_row(request, run) for run in cases.run(document, by_name=may_see_whole(request.user))]
        context = {
            "title": f"Test cases of {document.name}",
            "rows": rows,
            "failing": sum(1 for row in rows if row["differences"]),
            "late": sum(1 for row in rows if row["not_run"]),
            "may_edit": request.user.has_perm(_EDIT),
        }
        return self.drawn(request, document, "cases", context)

    def case_view(self, request: HttpRequest, document_id: Any, case_id: Any) -> HttpResponse:
        """Delete a test case, or take what the draft says now as right."""
        document = self.document_of(request, document_id, _EDIT)
        case = document.cases.filter(pk=case_id).first()
        if case is None:
            raise Http404
        if "delete" in request.POST:
            cases.delete(case, actor_of(request))
            messages.success(request, f"The test case {seen(case.name)} is deleted.")
        else:
            self._record(request, case)
        return HttpResponseRedirect(reverse("admin:voice_texmldocument_cases", args=[document.pk]))

    def _record(self, request: HttpRequest, case: TexmlCase) -> None:
        try:
            cases.record_again(case, actor_of(request), request.POST.get("digest"))
            messages.success(request, f"What the draft says now is what {seen(case.name)} expects.")
        except ValidationError as error:
            messages.error(request, set_up_for(request.user, " ".join(error.messages)))

    def keep_case_view(self, request: HttpRequest, document_id: Any) -> HttpResponse:
        """Keep a try of the editor's: the steps are done again here, with the text as it was posted.

        ``heard`` names what was said when its person was shown it: it may be something else by now.
        """
        document = self.as_posted(request, document_id, _EDIT)
        steps, name = pages.posted_steps(request), request.POST.get("case", "").strip()
        heard = request.POST.get("heard")
        if steps is None:
            return JsonResponse({"problem": "steps must be a list of texts."}, status=400)
        if words := pages.unread_of_caller(request):
            return JsonResponse({"problem": f"Nothing was kept. {words}"})
        try:
            cases.save(
                document,
                name,
                steps,
                pages.posted_caller(request),
                actor_of(request),
                is_heard=lambda told: heard in (None, pages.heard_of(request, told)),
            )
        except ValidationError as error:
            return JsonResponse({"problem": set_up_for(request.user, _words(error))})
        return JsonResponse({"problem": "", "said": f"Kept as the test case {seen(name)}. Publishing goes through it."})


def _words(error: ValidationError) -> str:
    """Say what is wrong, and with what of the panel *Try it*: it shows all of it in one place."""
    told = error.message_dict.items()
    return " ".join(f"{_PARTS.get(name, '')}{words}" for name, said in told for words in said)


def _row(request: HttpRequest, run: cases.Run) -> dict[str, Any]:
    case, user = run.case, request.user
    differences = [replace(one, **set_up_for(user, asdict(one))) for one in run.differences if run.is_failing]
    return {
        "case": case,
        "author": seen(case.author),
        "caller": variables_for(user, case.caller),
        "steps": set_up_for(user, case.steps),
        "not_run": run.not_run,
        "differences": [{"do": one.do, "lines": _diff(one.expected, one.found)} for one in differences],
    }


def _diff(expected: list[str], found: list[str]) -> list[tuple[str, str]]:
    """Return the lines, each with its sign: - is expected, + is found, a blank is both."""
    return [(line[:1], line[2:]) for line in ndiff(expected, found) if line[:1] != "?"]
