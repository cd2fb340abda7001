"""Claims: recording, amending, merging and withdrawing them; their history and notes."""

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from starlette.responses import RedirectResponse

from service.api import decisions
from service.claims import (
    claim_commands,
    claim_views,
    decision_queries,
    decision_views,
    documents,
    existence,
    history_queries,
    note_commands,
    note_queries,
)
from service.claims.proposal_commands import Outcome
from service.domain.access import Action
from service.domain.claims import ClaimState
from service.domain.inputs import NewClaim
from service.record import event_views
from service.record.idempotency import Answer
from service.search.similar import similar_claims as similar
from service.search.similar.similarity import ComparedClaim
from service.store.engine import Connection
from service.store.paging import Window
from service.views import Page
from service.web import redaction
from service.web.bodies import claim_inputs, decision_inputs, statement_inputs
from service.web.calls import (
    Call,
    Paged,
    allow,
    allow_writing,
    answer_json,
    build_answer,
)
from service.web.conditions import IfMatch, OptionalIfMatch, format_etag
from service.web.fields import ClaimId, read_sent_fields
from service.web.json_bodies import JsonRoute

router = APIRouter(prefix="/v1/claims", tags=["claims"], route_class=JsonRoute)

Recording = Annotated[Call, allow_writing(Action.RECORD)]
Amending = Annotated[Call, allow_writing(Action.AMEND)]
Reading = Annotated[Call, allow(Action.READ_CLAIMS)]
Desk = Annotated[Call, allow(Action.READ_INTERNALS)]


def answer_claim(state: ClaimState, *, status: int = 200) -> Answer:
    """Answer with a claim as its changer sees it, and its ETag."""
    return build_answer(_build_claim(state), status=status, ETag=format_etag(state.version))


def _build_claim(state: ClaimState) -> claim_views.ClaimView:
    claim = claim_views.build_claim(state)
    return documents.set_internals(claim, documents.Internals(state.assignee, state.due_at))


def answer_recorded(
    state: ClaimState, similar_claims: list[claim_views.SimilarView] | None
) -> Answer:
    """Answer with a claim that was recorded, and what may be the same where that was asked for."""
    claim = _build_claim(state)
    if similar_claims is not None:
        claim["similar"] = similar_claims
    location = f"/v1/claims/{state.id}"
    return build_answer(claim, status=201, ETag=format_etag(state.version), Location=location)


def answer_outcome(
    connection: Connection, outcome: Outcome, show_applied: Callable[[ClaimState], Answer]
) -> Answer:
    """What an act came to: what `show_applied` makes of the claim, or the decision that waits."""
    if outcome.decision is None:
        return show_applied(outcome.state)
    return build_answer(
        decision_queries.read_decision(connection, outcome.decision),
        status=202,
        ETag=format_etag(outcome.state.version),
        Location=f"/v1/decisions/{outcome.decision}",
    )


def build_comparison(new: NewClaim) -> ComparedClaim:
    """A claim to record, as it is compared with others."""
    voices = frozenset() if new.claimant is None else frozenset({new.claimant})
    return ComparedClaim(new.text, new.kind, voices, new.claimed_at.date())


def build_preview(
    state: ClaimState, similar_claims: list[claim_views.SimilarView]
) -> claim_views.ClaimPreviewView:
    """Build the view of a claim that will not be recorded: its id names nothing."""
    return {**claim_views.build_claim(state), "id": None, "similar": similar_claims}


@router.post(
    "",
    operation_id="create_claim",
    status_code=201,
    summary="Record a claim",
    responses={
        201: {"model": claim_views.ClaimView, "description": "The claim: it is asserted"},
        # A range, because a generator of clients takes the lowest status for what the operation
        # returns: that is the claim, not its preview.
        "2XX": {
            "model": claim_views.ClaimPreviewView,
            "description": "200, for dry_run: what would be recorded; nothing was",
        },
    },
)
async def create_claim(
    body: claim_inputs.ClaimIn,
    call: Recording,
    dry_run: Annotated[bool, Query(description="Check everything, record nothing")] = False,
    asks_similar: Annotated[
        bool, Query(alias="similar", description="Answer with claims that may be the same, too")
    ] = False,
) -> Response:
    """Somebody is on record. The claim comes with the quote it was read in: `origin` records that
    statement too, `origin_statement` names one recorded before. With `similar=true`, and for a
    `dry_run`, `similar` says what was recorded before that may be the same claim."""
    new = body.to_command()
    similar_claims: list[claim_views.SimilarView] | None = None
    if dry_run or asks_similar:
        # Read ahead of the transaction, which is short so; its answer, kept for retries, has it.
        similar_claims = await similar.find_similar_to_new(
            call.reader, build_comparison(new), part_of=new.part_of
        )
    if dry_run:
        return await call.rehearse(
            claim_commands.create_claim,
            new,
            answer=lambda _, state: build_answer(build_preview(state, similar_claims or [])),
        )
    return await call.write(
        claim_commands.create_claim,
        new,
        answer=lambda _, state: answer_recorded(state, similar_claims),
    )


@router.get(
    "/{claim_id}/similar",
    operation_id="find_similar_claims",
    summary="Find claims that may be the same",
    responses={
        200: {"model": Page[claim_views.SimilarView], "description": "Likeliest first, at most ten"}
    },
)
async def find_similar_claims(claim_id: ClaimId, call: Reading) -> Response:
    """What shares words, names and figures with the claim, with what sets it apart: other figures
    or days, a denial, roles exchanged. A merged claim is found as the one that took its place; what
    the claim is part of, or is part of it, is left out."""
    similar_claims = await similar.find_similar_to_claim(call.reader, claim_id)
    if similar_claims is None:
        raise existence.build_not_found("claim")
    return answer_json({"items": similar_claims, "next_cursor": None})


@router.patch(
    "/{claim_id}",
    operation_id="amend_claim",
    summary="Amend a claim",
    responses={
        200: {"model": claim_views.ClaimView, "description": "The claim as amended"},
        202: decisions.WAITS,
    },
)
async def amend_claim(
    claim_id: ClaimId,
    body: claim_inputs.ClaimChange,
    call: Annotated[Call, allow(Action.AMEND)],
    versions: IfMatch,
) -> Response:
    """Change text, tags, assignee or when it is due, which the desk alone reads. A material change
    of the text is a new revision: a confirmed claim awaits confirmation again, a finding ends, and
    links are to be affirmed one by one. Another wording of a confirmed claim that is not material
    is a decision; what is not printed changes at once."""
    changes = read_sent_fields(body)
    material = bool(changes.pop("material", False))
    return await call.write(
        claim_commands.amend_claim,
        claim_id,
        changes,
        material=material,
        four_eyes=call.services.four_eyes,
        versions=versions,
        answer=lambda connection, outcome: answer_outcome(connection, outcome, answer_claim),
    )


@router.get(
    "/{claim_id}/history",
    operation_id="read_history",
    summary="The claim's record",
    responses={200: {"model": Page[event_views.EventView], "description": "Oldest first"}},
)
async def read_history(
    claim_id: ClaimId,
    call: Reading,
    paging: Annotated[tuple[Window, str], Depends(Paged("history"))],
) -> Response:
    """Every event, each with its hash over the one before. What is the desk's own (drafts of
    decisions, who is assigned) is `internal` to others: they see that there was a change, not what
    kind. Its hash can be computed all the same, with the `commitments` that stand in it for what
    they may not read (docs/record.md). An event of an older release has none: from the first one
    on that covers something withheld, hashes are null for them."""
    window, scope = paging
    rows = await call.read(history_queries.list_events, claim_id, window)
    commitments = (
        None
        if call.sees_internals
        else await call.read(history_queries.find_first_sealed, claim_id)
    )
    return call.page(
        redaction.seal(redaction.redact_record(rows, call.audience), commitments),
        window,
        scope,
        keys=lambda row: [row["seq"]],
    )


@router.post(
    "/{claim_id}/merge",
    operation_id="merge_claim",
    summary="Merge a duplicate into another claim",
    responses={
        200: {"model": claim_views.ClaimView, "description": "The claim that remains"},
        202: decisions.WAITS,
    },
)
async def merge_claim(
    claim_id: ClaimId, body: decision_inputs.MergeIn, call: Amending, versions: IfMatch
) -> Response:
    """The duplicate redirects from now on; its links and components move. The status of the claim
    that remains follows its own links by the usual rules: nothing is inherited. What the duplicate
    was recorded with becomes a link too. Where that changes what is printed of a confirmed claim,
    the merge is a decision on that claim."""
    return await call.write(
        claim_commands.merge_claims,
        claim_id,
        into=body.into,
        four_eyes=call.services.four_eyes,
        versions=versions,
        answer=lambda connection, outcome: answer_outcome(connection, outcome, answer_claim),
    )


@router.post(
    "/{claim_id}/withdrawal",
    operation_id="withdraw_claim",
    summary="Record that the claimant takes the claim back",
    responses={
        200: {"model": claim_views.ClaimView, "description": "Withdrawn; its status is kept"}
    },
)
async def withdraw_claim(
    claim_id: ClaimId,
    body: statement_inputs.WithdrawalIn,
    call: Amending,
    versions: OptionalIfMatch,
) -> Response:
    return await call.write(
        claim_commands.withdraw_claim,
        claim_id,
        **body.to_command(),
        versions=versions,
        answer=lambda _, state: answer_claim(state),
    )


@router.get(
    "/{claim_id}/notes",
    operation_id="list_notes",
    summary="List the desk's notes on a claim",
    responses={200: {"model": Page[decision_views.NoteView], "description": "Oldest first"}},
)
async def list_notes(
    claim_id: ClaimId,
    call: Desk,
    paging: Annotated[tuple[Window, str], Depends(Paged("notes"))],
) -> Response:
    window, scope = paging
    rows = await call.read(note_queries.list_notes, claim_id, window)
    return call.page(rows, window, scope, keys=lambda row: [row["recorded_at"], row["id"]])


@router.post(
    "/{claim_id}/notes",
    operation_id="add_note",
    status_code=201,
    summary="Add a note for the desk",
    responses={201: {"model": decision_views.NoteView, "description": "Never public"}},
)
async def add_note(claim_id: ClaimId, body: claim_inputs.NewNoteIn, call: Recording) -> Response:
    """`@` and the full name of a person of the desk mentions that person. A reply to a reply joins
    the thread of the first note: `reply_to` is that note."""
    return await call.write(
        note_commands.add_note,
        claim_id,
        text=body.text,
        reply_to=body.reply_to,
        answer=lambda connection, note: build_answer(
            note_queries.read_note(connection, note), status=201
        ),
    )


def redirect_to_merged(request: Request, into: str, part: str = "") -> Response:
    """Where a merged claim, or a part of it, went, with the question that was asked of it
    (RFC 9110, 15.4.9)."""
    query = f"?{request.url.query}" if request.url.query else ""
    return RedirectResponse(
        f"/v1/claims/{into}{part}{query}", 308, headers={"Cache-Control": "private, no-cache"}
    )
