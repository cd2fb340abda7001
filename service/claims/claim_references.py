"""Checks what a claim refers to: its story, the claim that it is part of, the one it supersedes."""

from datetime import datetime

from sqlalchemy import Connection, bindparam, select

from service.claims import claim_writer, existence, history_queries
from service.domain.claims import UNLISTED, ClaimState, Lifecycle, Voice
from service.domain.errors import Conflict, Invalid
from service.store.compiled_statements import CompiledStatement
from service.store.tables import claims, stories

STORY = CompiledStatement(select(stories.c.slug).where(stories.c.slug == bindparam("story")))
ABOVE = (
    select(claims.c.part_of)
    .where(claims.c.id == bindparam("claim"))
    .with_for_update(read=True, key_share=True)
)


def require_supersedable(
    connection: Connection,
    former_id: str,
    *,
    claim_id: str | None,
    story: str | None,
    claimant: Voice | None,
    now: datetime,
    loc: tuple[str | int, ...] = ("body", "supersedes"),
) -> None:
    """Raise Invalid unless a claim of this story and claimant may supersede `former_id`, which is
    locked.

    Both are of one story and one claimant's root; nothing else supersedes the former yet; and no
    claim supersedes itself, through others either.  `claim_id` is None for a claim that is being
    recorded.
    """
    if not existence.is_claim(connection, former_id):
        raise Invalid("there is no claim with this id", loc=loc)
    former_state = claim_writer.load_claim(connection, former_id, now=now).state
    if former_state.lifecycle in UNLISTED:
        raise Invalid(
            f"that claim is {former_state.lifecycle}: it stands for nothing any more", loc=loc
        )
    if story is None or former_state.story != story:
        raise Invalid("a claim supersedes one of its own story", loc=loc)
    if (
        claimant is None
        or former_state.claimant is None
        or former_state.claimant.root != claimant.root
    ):
        raise Invalid("a claim supersedes one of the same claimant, by its root party", loc=loc)
    newer = former_state.superseded_by
    if newer is not None and newer.id != claim_id:
        raise Invalid(f"claim {newer.id} supersedes it already: supersede that one", loc=loc)
    below: str | None = former_id
    while below is not None:
        if below == claim_id:
            raise Invalid("a claim cannot supersede itself, through others either", loc=loc)
        state = history_queries.read_state(connection, below)
        below = state.supersedes if state else None


def require_none_newer(connection: Connection, state: ClaimState) -> None:
    """Raise Conflict if another claim supersedes what this one, which was closed, superseded."""
    former_state = (
        history_queries.read_state(connection, state.supersedes) if state.supersedes else None
    )
    newer = former_state.superseded_by if former_state else None
    if newer is not None and newer.id != state.id:
        raise Conflict(
            f"Claim {newer.id} supersedes the same claim since: void that one first.",
            claim=newer.id,
        )


def require_parent(connection: Connection, parent_id: str) -> None:
    """Raise Invalid unless a claim may be part of this one, which is locked."""
    loc = ("body", "part_of")
    # Locked as its new component will change it: were it held only lightly until then, two
    # components at once would each wait for the other.
    row = connection.execute(
        select(claims.c.lifecycle).where(claims.c.id == parent_id).with_for_update()
    ).first()
    if row is None:
        raise Invalid("there is no claim with this id", loc=loc)
    if row.lifecycle == Lifecycle.MERGED:
        raise Invalid("that claim was merged into another; be part of that one", loc=loc)
    if row.lifecycle == Lifecycle.VOID:
        raise Invalid("that claim was recorded by mistake; be part of another", loc=loc)


def require_story(connection: Connection, slug: str) -> None:
    """Raise Invalid unless there is such a story."""
    if STORY.run(connection, {"story": slug}).first() is None:
        raise Invalid(
            f"there is no story '{slug}'; create it with POST /v1/stories", loc=("body", "story")
        )


def list_ancestors(connection: Connection, claim_id: str) -> set[str]:
    """List the claims that `claim_id` is part of, at any height, and lock them.

    Without the locks two concurrent merges, each valid alone, could form a cycle.
    """
    ancestors: set[str] = set()
    above = connection.scalar(ABOVE, {"claim": claim_id})
    while above is not None and above not in ancestors:
        ancestors.add(above)
        above = connection.scalar(ABOVE, {"claim": above})
    return ancestors
