"""Reads uses with what may be printed now: what the desk's page Printed shows."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

import orjson
from sqlalchemy import Connection, func, select

from service.claims import claim_snapshots, documents
from service.claims.claim_views import ClaimView, UseCountView
from service.domain import access
from service.domain.access import Action, Actor
from service.domain.uses import UseClass, UseState
from service.store.paging import Window
from service.store.tables import claims, uses
from service.uses import use_queries
from service.uses.use_queries import UseFilters
from service.uses.use_views import UseView

MOST_COUNTED = 1_000
"""Beyond this, counts of open uses say `1000+`."""
FEW = 5
"""Open uses that a claim's page names."""


@dataclass(frozen=True, slots=True)
class PrintedUse:
    """A use, and its claim as it may be printed now."""

    use: UseView
    text: str
    """The words of the claim when it was printed."""
    claim: ClaimView
    """Of a merged claim the one in its place."""
    may_settle: bool
    """Whether the caller may say what was done about it."""

    @property
    def is_merged(self) -> bool:
        """Whether what was printed was merged into another claim since."""
        return self.claim["id"] != self.use["claim"]


@dataclass(frozen=True, slots=True)
class ClaimUses:
    """Who printed a claim, or what was merged into it."""

    counts: UseCountView
    """With 0 and 0 where nobody did."""
    open: Sequence[UseView]
    """Outdated ones, a few, open longest first."""


def list_printed(
    connection: Connection,
    filters: UseFilters,
    *,
    caller: Actor | None,
    window: Window,
    now: datetime,
) -> list[PrintedUse]:
    """List uses, one more than the limit, in the order of `use_queries.list_uses`."""
    recent_uses = use_queries.list_uses(connection, filters, caller=caller, window=window)
    return _complete(connection, recent_uses, caller=caller, now=now)


def read_printed(
    connection: Connection, use: str, *, caller: Actor | None, now: datetime
) -> PrintedUse | None:
    """Read one use; None if there is none with this id."""
    read = use_queries.read_use(connection, use, caller=caller)
    return None if read is None else _complete(connection, [read], caller=caller, now=now)[0]


def count_open(connection: Connection) -> dict[UseClass, int]:
    """Count the outdated uses of each class, as far as MOST_COUNTED + 1 in all."""
    is_outdated = uses.c.state == UseState.OUTDATED.value
    some = select(uses.c["class"]).where(is_outdated).limit(MOST_COUNTED + 1).subquery()
    rows = connection.execute(select(some.c[0], func.count()).group_by(some.c[0]))
    counts = {UseClass(row[0]): int(row[1]) for row in rows}
    return {grade: counts.get(grade, 0) for grade in UseClass}


def read_claim_uses(connection: Connection, claim: str, *, caller: Actor | None) -> ClaimUses:
    """Read who printed a claim: how many, and the first of those who must be told."""
    family = use_queries.list_family(connection, claim)
    query = select(uses.c.state, func.count()).where(uses.c.claim.in_(family))
    counts = use_queries.build_counts(connection.execute(query.group_by(uses.c.state)))
    if not counts["outdated"]:
        return ClaimUses(counts, [])
    filters = UseFilters(state=UseState.OUTDATED, claim=claim, takes_merged=True)
    recent_uses = use_queries.list_uses(
        connection, filters, caller=caller, window=Window(FEW, None)
    )
    return ClaimUses(counts, recent_uses[:FEW])


def _complete(
    connection: Connection, recent_uses: Sequence[UseView], *, caller: Actor | None, now: datetime
) -> list[PrintedUse]:
    claims_by_id = _read_claims(connection, {use["claim"] for use in recent_uses}, now=now)
    texts = _read_texts(connection, [use["id"] for use in recent_uses])
    settles_all = access.is_allowed(caller, Action.SETTLE_USE)
    own = set() if settles_all else _list_own(connection, recent_uses, caller)
    return [
        PrintedUse(
            use, texts[use["id"]], claims_by_id[use["claim"]], settles_all or use["id"] in own
        )
        for use in recent_uses
    ]


def _read_texts(connection: Connection, use_ids: Collection[str]) -> dict[str, str]:
    """Read the words of the claim of each use as they were when it was recorded: of the first
    version that was superseded later, or what is served now."""
    document = claim_snapshots.select_document_at(uses.c.claim, uses.c.recorded_at)
    query = (
        select(uses.c.id, document.label("document"))
        .join(claims, claims.c.id == uses.c.claim)
        .where(uses.c.id.in_(use_ids))
    )
    return {row.id: orjson.loads(row.document)["text"] for row in connection.execute(query)}


def _list_own(
    connection: Connection, recent_uses: Sequence[UseView], caller: Actor | None
) -> set[str]:
    """Return which of these uses the caller recorded."""
    if caller is None or not recent_uses:
        return set()
    ids = [use["id"] for use in recent_uses]
    query = select(uses.c.id).where(uses.c.id.in_(ids), uses.c.recorded_by == caller.id)
    return set(connection.scalars(query))


def _read_claims(
    connection: Connection, claim_ids: Collection[str], *, now: datetime
) -> dict[str, ClaimView]:
    """Read claims as they are served now, by the ids that they are asked for by: of a merged claim
    the one that took its place."""
    read: dict[str, ClaimView] = {}
    missing = set(claim_ids)
    while missing:
        query = select(claims.c.id, claims.c.document).where(claims.c.id.in_(missing))
        for row in connection.execute(query):
            read[row.id] = documents.parse_document(row.document, now)
        missing = {claim["merged_into"] for claim in read.values() if claim["merged_into"]} - set(
            read
        )

    def follow(claim: ClaimView) -> ClaimView:
        return follow(read[claim["merged_into"]]) if claim["merged_into"] else claim

    return {id: follow(read[id]) for id in claim_ids}
