"""Answers with the file of an export, while it is written."""

from datetime import UTC

from django.http import StreamingHttpResponse

from voice.exports import service


def answer_with(export: service.Export) -> StreamingHttpResponse:
    """Answer with the file, which nobody keeps on the way."""
    answer = StreamingHttpResponse(service.stream(export), content_type=export.form.content_type)
    name = f"calls-{export.row.bound.astimezone(UTC):%Y-%m-%d-%H%M}Z.{export.form.extension}"
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    answer["Cache-Control"] = "no-store"
    return answer
