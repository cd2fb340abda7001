"""The form that corrects a claim."""

from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Response

from service.claims import claim_corrections, history_queries
from service.desk.claims import figure_fields
from service.desk.claims.claim_pages import list_changes_since
from service.desk.corrections import correction_fields
from service.desk.corrections.correction_fields import Typed
from service.desk.layout import forms
from service.desk.layout.forms import Form, accept_form
from service.desk.layout.rendering import render_page
from service.desk.search import candidates
from service.desk.search.candidates import CandidateKind, Picker
from service.desk.statements import statement_fields
from service.domain.access import Action
from service.domain.claims import ClaimState, Kind, format_instant
from service.domain.errors import ClaimdeskError, Conflict, Invalid, PreconditionFailed
from service.store.paging import MAX_LIMIT, Window
from service.stories import story_queries
from service.web.bodies import correction_inputs
from service.web.calls import Call, allow
from service.web.fields import ClaimId

router = APIRouter(include_in_schema=False)

VOICE = ("claimant", "speaker", "role")
MOMENT = ("claimed_on", "claimed_hour", "claimed_in")
PICKED = {
    "part_of": CandidateKind.CLAIM,
    "supersedes": CandidateKind.CLAIM,
    "origin_statement": CandidateKind.STATEMENT,
}
"""Fields that name another claim, or a statement, by its id or address."""
NAMES = (
    "kind",
    *VOICE,
    *MOMENT,
    "story",
    *PICKED,
    *figure_fields.NAMES,
)
PLACES = {
    "speaker.role": "role",
    "claimed_at": "claimed_on",
    "precision": "claimed_on",
    **figure_fields.PLACES,
}
LABELS = {
    "claimant": "Claimant",
    "claimed_on": "Claimed on",
    "claimed_hour": "Time",
    "claimed_in": "Or only in",
    "supersedes": "Supersedes",
    "origin_statement": "The statement it comes from",
    "figure_value": "Figure",
    "reason": "Why it was wrong",
}


def _read_recorded(state: ClaimState) -> Mapping[str, str]:
    """Return what is recorded, as the form's fields have it."""
    claimant = state.claimant
    speaker = claimant.speaker if claimant else None
    moment = correction_fields.split_moment(format_instant(state.claimed_at), state.precision)
    return {
        "kind": str(state.kind),
        "claimant": claimant.party if claimant else "",
        "speaker": speaker.name if speaker else "",
        "role": (speaker.role if speaker else None) or "",
        **dict(zip(MOMENT, moment, strict=True)),
        "story": state.story or "",
        "part_of": state.part_of or "",
        "supersedes": state.supersedes or "",
        "origin_statement": state.origin_statement,
        **{
            f"figure_{name}": (getattr(state.figure, name) if state.figure else None) or ""
            for name in figure_fields.PARTS
        },
    }


async def _render(
    call: Call,
    claim_id: str,
    *,
    form: Form | None = None,
    typed: Typed | None = None,
    error: ClaimdeskError | None = None,
    search: str | None = None,
) -> Response:
    """Render the form; with what the field `search` finds, where that was asked for."""
    state = await call.read(history_queries.require_state, claim_id, None)
    record = _read_recorded(state)
    typed_fields = typed.catch_up(record) if typed else record
    changes = None
    if isinstance(error, PreconditionFailed) and form is not None:
        changes = await list_changes_since(call, claim_id, form.version)
    return render_page(
        call,
        "claim_correction.html",
        error=error,
        state=state,
        # What is sent after a search is held against what its sender saw at first.
        version=form.version if form and search else state.version,
        pickers={
            name: await candidates.build_picker(
                call,
                Picker(
                    name,
                    kind,
                    claim_id,
                    chosen=candidates.read_id(typed_fields[name]),
                    words=candidates.read_words(form, name),
                ),
                chosen_text=record[name],
                searches=name == search,
            )
            for name, kind in PICKED.items()
        },
        voices=await call.read(statement_fields.list_known_voices),
        stories=await call.read(story_queries.list_stories, window=Window(MAX_LIMIT, None)),
        recorded=record,
        digests=correction_fields.build_digests(record),
        typed=typed_fields,
        reason=(form.get_verbatim("reason") if form else None) or "",
        changes=changes,
        faults=forms.describe_faults(error, PLACES),
        labels=LABELS,
    )


@router.get("/claims/{claim_id}/correction")
async def show_correction(
    claim_id: ClaimId, call: Annotated[Call, allow(Action.REVERSE, page=True)]
) -> Response:
    return await _render(call, claim_id)


@router.post("/claims/{claim_id}/correction")
async def correct(
    claim_id: ClaimId, form: Annotated[Form, accept_form(Action.REVERSE)]
) -> Response:
    """Record what is right of a claim; its wording is amended instead."""
    typed = correction_fields.read_typed(form, NAMES)
    search = candidates.read_search_field(form, PICKED)
    if search is not None:
        return await _render(form.call, claim_id, form=form, typed=typed, search=search)
    try:
        body = _read_correction(form, typed)
        return await form.carry_out(
            claim_corrections.correct_claim,
            claim_id,
            body.to_command(),
            reason=body.reason,
            versions=form.versions,
            redirect_to=f"/claims/{claim_id}?done=corrected",
        )
    except (Invalid, Conflict, PreconditionFailed) as error:
        return await _render(form.call, claim_id, form=form, typed=typed, error=error)


def _read_correction(form: Form, typed: Typed) -> correction_inputs.ClaimCorrectionIn:
    """Read the fields that were changed.  Raises Invalid with all that is wrong with them."""
    problems = forms.Problems()
    values: dict[str, object] = {"reason": form.get_text("reason") or ""}
    for name in ("kind", "claimant", "story"):
        if typed.has_touched(name):
            values[name] = form.get_text(name)
    if typed.has_touched(*VOICE):
        values["speaker"] = problems.gather(statement_fields.read_speaker, form)
    if typed.has_touched(*MOMENT):
        moment = problems.gather(statement_fields.read_instant, form, *MOMENT)
        values |= dict(zip(("claimed_at", "precision"), moment, strict=True)) if moment else {}
    for name in PICKED:
        if typed.has_touched(name):
            values[name] = candidates.read_id(form.get_text(name)) or None
    if typed.has_touched(*figure_fields.NAMES):
        values["figure"] = problems.gather(figure_fields.read_figure, form)
    elif form.get_text("kind") != Kind.FIGURE and typed.has_touched("kind"):
        # Only a figure has one; the form shows that it goes.
        values["figure"] = None
    body: correction_inputs.ClaimCorrectionIn | None = problems.gather(
        forms.parse_body, correction_inputs.ClaimCorrectionIn, values
    )
    problems.raise_any()
    assert body is not None, "whatever has no result has raised"
    return body
