"""The form that corrects a source."""

from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Response

from service.claims import correction_queries, source_corrections
from service.desk.corrections import correction_fields
from service.desk.corrections.correction_fields import Typed
from service.desk.layout import forms
from service.desk.layout.forms import Form, accept_form
from service.desk.layout.rendering import render_page
from service.directory import directory_queries
from service.directory.directory_views import SourceView
from service.domain.access import Action
from service.domain.errors import ClaimdeskError, Conflict, Invalid, PreconditionFailed
from service.domain.subjects import SubjectKind
from service.web.bodies import correction_inputs
from service.web.calls import Call, allow
from service.web.fields import RecordId

router = APIRouter(include_in_schema=False)

NAMES = ("url", "publisher", "title", "published_on", "language", "archive_url")
PLACES = {"published_at": "published_on"}


def _read_recorded(source: SourceView) -> Mapping[str, str]:
    published_at = source["published_at"]
    return {
        "url": source["url"],
        "publisher": source["publisher"] or "",
        "title": source["title"] or "",
        "published_on": correction_fields.split_moment(published_at, "day")[0]
        if published_at
        else "",
        "language": source["language"] or "",
        "archive_url": source["archive_url"] or "",
    }


async def _render(
    call: Call,
    source_id: str,
    *,
    form: Form | None = None,
    typed: Typed | None = None,
    error: ClaimdeskError | None = None,
) -> Response:
    source = await call.read(directory_queries.read_source, source_id)
    record = _read_recorded(source)
    return render_page(
        call,
        "source_correction.html",
        error=error,
        source=source,
        concerned=len(await call.read(source_corrections.list_claims_from, source_id)),
        version=await call.read(correction_queries.read_version, SubjectKind.SOURCE, source_id),
        recorded=record,
        digests=correction_fields.build_digests(record),
        typed=typed.catch_up(record) if typed else record,
        reason=(form.get_verbatim("reason") if form else None) or "",
        is_changed=isinstance(error, PreconditionFailed),
        faults=forms.describe_faults(error, PLACES),
    )


@router.get("/sources/{source_id}/correction")
async def show_correction(
    source_id: RecordId, call: Annotated[Call, allow(Action.REVERSE, page=True)]
) -> Response:
    return await _render(call, source_id)


@router.post("/sources/{source_id}/correction")
async def correct(
    source_id: RecordId, form: Annotated[Form, accept_form(Action.REVERSE)]
) -> Response:
    """Record what is right of a source, on every claim that shows words from it."""
    typed = correction_fields.read_typed(form, NAMES)
    values: dict[str, str | None] = {
        name: form.get_text(name) for name in typed.touched if name not in PLACES.values()
    }
    if typed.has_touched("published_on"):
        day = form.get_text("published_on")
        values["published_at"] = f"{day}T00:00:00Z" if day else None
    if typed.has_touched("url"):
        values["url"] = form.get_text("url") or ""
    try:
        body = forms.parse_body(
            correction_inputs.SourceCorrectionIn,
            values | {"reason": form.get_text("reason") or ""},
        )
        return await form.carry_out(
            source_corrections.correct_source,
            source_id,
            body.to_command(),
            reason=body.reason,
            version=form.version,
            redirect_to=f"/sources/{source_id}?done=corrected",
        )
    except (Invalid, Conflict, PreconditionFailed) as error:
        return await _render(form.call, source_id, form=form, typed=typed, error=error)
