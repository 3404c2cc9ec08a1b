"""Finds applications of both kinds."""

from collections.abc import Iterator
from urllib.parse import urlencode

from django.db.models import F, Q
from django.urls import reverse

from applications.kinds import KINDS, Kind
from portal.finder.findings import Finding, Group, Query, first


def find(query: Query) -> Iterator[Group]:
    """Find applications by a part of their name, or by their whole id, Telnyx's or ours."""
    for kind in KINDS:
        options = kind.model._meta
        if query.user.has_perm(f"applications.view_{options.model_name}"):
            yield _of_kind(query, kind)


def _of_kind(query: Query, kind: Kind) -> Group:
    options = kind.model._meta
    address = f"admin:{options.app_label}_{options.model_name}"
    named = Q(**{f"{kind.model.name_field}__icontains": query.text})
    rows, more = first(
        kind.model._default_manager.filter(named | Q(telnyx_id=query.text) | Q(pk=query.uuid))
        .select_related("account")
        .order_by(F("missing_since").asc(nulls_first=True), kind.model.name_field)
    )
    found = [
        Finding(
            str(row),
            reverse(f"{address}_change", args=[row.pk]),
            f"{row.account} · {row.telnyx_id}" + (" · missing at Telnyx" if row.missing_since else ""),
            query.text == row.telnyx_id or query.uuid == row.pk,
        )
        for row in rows
    ]
    rest = f"{reverse(f'{address}_changelist')}?{urlencode({'q': query.text})}"
    return Group(str(options.verbose_name_plural), "dialpad", found, rest if more else "")
