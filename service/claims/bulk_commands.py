"""Makes one change of many claims at once: whose they are, when they are due, tags, story."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from service.claims import claim_commands, claim_corrections, claim_writer
from service.domain.access import Action, Actor, require_permission
from service.domain.errors import ClaimdeskError, Invalid

MOST_TAGS = 20


@dataclass(frozen=True, slots=True)
class ChosenClaim:
    """A claim, and the version that whoever chose it has seen."""

    id: str
    version: int


@dataclass(frozen=True, slots=True)
class BulkChange:
    """One change of many claims: of fields, of tags, or of the story."""

    fields: Mapping[str, Any]
    """`assignee` or `due_at`, as an amendment takes it."""
    added_tags: tuple[str, ...] = ()
    removed_tags: tuple[str, ...] = ()
    has_story: bool = False
    story: str | None = None
    reason: str = ""
    """Why the story is another: that is a correction."""


@dataclass(frozen=True, slots=True)
class BulkOutcome:
    """What came of one claim: its version now, or why it was refused."""

    claim: str
    version: int | None
    error: ClaimdeskError | None


def change_claims(
    connection: Connection,
    chosen_claims: Sequence[ChosenClaim],
    change: BulkChange,
    *,
    four_eyes: bool,
    actor: Actor,
    now: datetime,
) -> list[BulkOutcome]:
    """Make a change of each claim, as if it were the only one: each is refused or changed on its
    own, and the outcomes are in the order of `chosen`.

    Raises Forbidden.  A refusal leaves nothing of that claim's change behind: every command checks
    before it writes.
    """
    require_permission(actor, Action.REVERSE if change.has_story else Action.AMEND)
    outcomes: dict[str, BulkOutcome] = {}
    # In one order with whoever changes several of them, so that two cannot deadlock.
    for claim in sorted(chosen_claims, key=lambda claim: claim.id):
        try:
            version = _change_claim(
                connection, claim, change, four_eyes=four_eyes, actor=actor, now=now
            )
        except ClaimdeskError as error:
            outcomes[claim.id] = BulkOutcome(claim.id, None, error)
        else:
            outcomes[claim.id] = BulkOutcome(claim.id, version, None)
    return [outcomes[claim.id] for claim in chosen_claims]


def _change_claim(
    connection: Connection,
    claim: ChosenClaim,
    change: BulkChange,
    *,
    four_eyes: bool,
    actor: Actor,
    now: datetime,
) -> int:
    state = claim_writer.load_claim(connection, claim.id, versions=(claim.version,), now=now).state
    if change.has_story:
        if state.story == change.story:
            return state.version
        correction = claim_corrections.correct_claim(
            connection,
            claim.id,
            {"story": change.story},
            reason=change.reason,
            actor=actor,
            now=now,
        )
        return correction.version
    changes = dict(change.fields)
    if change.added_tags or change.removed_tags:
        changes["tags"] = _change_tags(state.tags, change)
    outcome = claim_commands.amend_claim(
        connection,
        claim.id,
        changes,
        material=False,
        four_eyes=four_eyes,
        versions=None,
        actor=actor,
        now=now,
    )
    return outcome.state.version


def _change_tags(tags: Sequence[str], change: BulkChange) -> tuple[str, ...]:
    """Return a claim's tags after the change.  Raises Invalid for too many."""
    kept_tags = [tag for tag in tags if tag not in change.removed_tags]
    after = tuple(dict.fromkeys([*kept_tags, *change.added_tags]))
    if len(after) > MOST_TAGS:
        raise Invalid(f"a claim has {MOST_TAGS} tags at most", loc=("body", "tags"))
    return after
