"""Answers with the file of an export."""

from django.http import StreamingHttpResponse
from django.utils import timezone

from voice.exports import service
from voice.exports.service import Export


def answer(export: Export) -> StreamingHttpResponse:
    """Stream it to who asked, under a name that tells when it was begun."""
    answer = StreamingHttpResponse(service.stream(export), content_type=export.form.content_type)
    name = f"calls-{timezone.localtime(export.row.bound):%Y-%m-%d-%H%M}.{export.form.extension}"
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    answer["Cache-Control"] = "no-store"
    return answer
