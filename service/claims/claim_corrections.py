"""Corrects claims that were recorded wrongly."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypedDict

from sqlalchemy import Connection, select

from service.claims import (
    claim_references,
    claim_writer,
    statement_commands,
    statement_corrections,
)
from service.claims.claim_writer import Versions
from service.directory import party_commands
from service.domain import access, corrections
from service.domain.access import Action, Actor
from service.domain.claims import (
    Attribution,
    Cause,
    ClaimState,
    Figure,
    Kind,
    Precision,
    Voice,
)
from service.domain.errors import Invalid
from service.domain.inputs import NewSpeaker
from service.record import writer
from service.store.tables import statements


class ClaimCorrection(TypedDict, total=False):
    """The fields of a claim that were sent, as they should be."""

    kind: Kind
    claimant: str | None
    speaker: str | NewSpeaker | None
    claimed_at: datetime
    precision: Precision
    story: str | None
    part_of: str | None
    origin_statement: str
    supersedes: str | None
    figure: Figure | None


def correct_claim(
    connection: Connection,
    claim_id: str,
    correction: ClaimCorrection,
    *,
    reason: str,
    versions: Versions = None,
    actor: Actor,
    now: datetime,
) -> ClaimState:
    """Record what is right of a claim; independence is judged anew, and no correction confirms.

    Raises NotFound, PreconditionFailed, ClaimMerged, ClaimVoid, and Invalid for what does not exist
    or fit, and where nothing differs.
    """
    access.require_permission(actor, Action.REVERSE)
    other_claims = [
        other for other in (correction.get("part_of"), correction.get("supersedes")) if other
    ]
    # In one order with whoever corrects those, so that two cannot deadlock.
    now = claim_writer.lock_claims(connection, [claim_id, *other_claims], now=now)
    loaded_claim = claim_writer.load_claim(connection, claim_id, versions=versions, now=now)
    state = loaded_claim.state
    looked_up = {"claimant", "speaker", "claimed_at", "precision"}
    changes: dict[str, Any] = {
        name: value for name, value in correction.items() if name not in looked_up
    }
    if "claimed_at" in correction or "precision" in correction:
        precision = correction.get("precision", state.precision)
        changes["claimed_at"] = statement_corrections.normalize_moment(
            correction.get("claimed_at", state.claimed_at), precision, field="claimed_at", now=now
        )
        changes["precision"] = precision
    claimant = state.claimant
    if "claimant" in correction or "speaker" in correction:
        claimant = changes["claimant"] = _resolve_claimant(
            connection, state, correction, actor=actor, now=now
        )
    if "story" in changes and changes["story"] is not None:
        claim_references.require_story(connection, changes["story"])
    if changes.get("part_of") is not None and changes["part_of"] != state.part_of:
        _require_other_parent(connection, claim_id, changes["part_of"])
    origin = changes.get("origin_statement", state.origin_statement)
    if origin != state.origin_statement:
        _require_no_stance(connection, state, origin)
    if claimant is not None and {"claimant", "origin_statement"} & changes.keys():
        _require_named_origin(connection, origin)
    if changes.get("kind", state.kind) is not Kind.FIGURE and changes.get("figure", state.figure):
        raise Invalid(
            "only a claim of kind figure has a figure: send figure null too", loc=("body", "figure")
        )
    _require_supersession(connection, state, changes, claimant, now=now)
    drafts = corrections.correct_claim(state, changes, reason=reason)
    return claim_writer.record_events(
        connection, loaded_claim, drafts, actor=actor, now=now, cause=Cause.CORRECTION
    ).state


def _resolve_claimant(
    connection: Connection,
    state: ClaimState,
    correction: ClaimCorrection,
    *,
    actor: Actor,
    now: datetime,
) -> Voice | None:
    """Return whose claim it is; another party without a speaker has none."""
    claimant_now = state.claimant
    party = correction.get("claimant", claimant_now.party if claimant_now else None)
    if party is None:
        if correction.get("speaker") is not None:
            raise Invalid(
                "a speaker speaks for a party: name the claimant", loc=("body", "speaker")
            )
        return None
    is_same = claimant_now is not None and claimant_now.party == party
    present = claimant_now.speaker.id if claimant_now and claimant_now.speaker and is_same else None
    speaker = correction.get("speaker", present)
    lines: list[writer.EventRow] = []
    voice = party_commands.resolve_voice(
        connection, party, speaker, lines, actor=actor, now=now, field="claimant"
    )
    writer.write_lines(connection, lines)
    return voice


def _require_other_parent(connection: Connection, claim_id: str, parent: str) -> None:
    claim_references.require_parent(connection, parent)
    if claim_id in {parent, *claim_references.list_ancestors(connection, parent)}:
        raise Invalid("a claim cannot be part of itself, at any height", loc=("body", "part_of"))


def _require_named_origin(connection: Connection, statement: str) -> None:
    """Raise Invalid if a claim that has a claimant would come from a source that is not named."""
    attribution = connection.scalar(
        select(statements.c.attribution).where(statements.c.id == statement)
    )
    if attribution == Attribution.UNNAMED:
        raise Invalid(
            "nobody is on record with what a source that is not named says: claimant is null",
            loc=("body", "claimant"),
        )


def _require_no_stance(connection: Connection, state: ClaimState, statement: str) -> None:
    """Raise Invalid unless the claim may come from this statement, which takes no stance on it;
    lock it against withdrawal."""
    loc = ("body", "origin_statement")
    statement_commands.lock_statement(connection, statement, loc=loc)
    link = next(
        (link for link in state.links if link.statement == statement and link.is_active), None
    )
    if link is not None:
        raise Invalid(
            f"this statement is linked to the claim: retract link {link.id} first", loc=loc
        )


def _require_supersession(
    connection: Connection,
    state: ClaimState,
    changes: Mapping[str, Any],
    claimant: Voice | None,
    *,
    now: datetime,
) -> None:
    """Require that claims that supersede each other stay of one story and one claimant's root."""
    if not {"story", "claimant", "supersedes"} & changes.keys():
        return
    story, former_id = (
        changes.get("story", state.story),
        changes.get("supersedes", state.supersedes),
    )
    if former_id is not None:
        claim_references.require_supersedable(
            connection, former_id, claim_id=state.id, story=story, claimant=claimant, now=now
        )
    if state.superseded_by is None:
        return
    root = claimant.root if claimant else None
    if story != state.story or root != (state.claimant.root if state.claimant else None):
        raise Invalid(
            f"claim {state.superseded_by.id} supersedes this one, of the same story and claimant: "
            "correct what that one supersedes first",
            loc=("body", "story" if story != state.story else "claimant"),
        )
