"""Claims that may be the same as another: candidates from the search index, compared one by one."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Connection, bindparam, select

from service.domain.claims import Kind
from service.search.similar import candidates, similarity
from service.search.similar.candidates import Candidate
from service.search.similar.similarity import Claim, Similarity
from service.store.engine import Database
from service.store.tables import claims

CANDIDATES = 40
"""Claims whose texts are looked at, at most."""
OFFERED = 10
"""Those of them that are compared, and offered if they are like enough: the ones with most words
in common."""

_STORED = tuple(claims.c[name] for name in Candidate._fields)
ONE = select(*_STORED).where(claims.c.id == bindparam("claim"))

# Where merged claims went, step by step.
_path = (
    select(claims.c.id.label("merged"), claims.c.merged_into.label("into"))
    .where(claims.c.id.in_(bindparam("merged", expanding=True)))
    .cte("path", recursive=True)
)
_path = _path.union_all(
    select(_path.c.merged, claims.c.merged_into).join(claims, claims.c.id == _path.c.into)
)
SURVIVORS = (
    select(_path.c.merged, *_STORED)
    .join(claims, claims.c.id == _path.c.into)
    .where(claims.c.merged_into.is_(None))
)
"""Each merged claim with the one that stands for it now."""


async def of_claim(database: Database, claim_id: str) -> list[dict[str, Any]] | None:
    """What may be the same as a recorded claim, likeliest first; None where there is none such.

    Left out: what it was merged into, what it is part of, and what is part of it.
    """
    row = await database.read(_one, claim_id)
    if row is None:
        return None
    related = {claim_id, row.part_of, row.merged_into}
    return await _offered(database, _claim(row), related, above=claim_id)


async def of_new(database: Database, claim: Claim, *, part_of: str | None) -> list[dict[str, Any]]:
    """What may be the same as a claim that is to be recorded, likeliest first."""
    return await _offered(database, claim, {part_of}, above=None)


async def _offered(
    database: Database, claim: Claim, related: Collection[str | None], *, above: str | None
) -> list[dict[str, Any]]:
    found = await candidates.find_candidates(database, claim.text, limit=CANDIDATES)
    merged = [one.id for one in found if one.merged_into is not None]
    survivors = await database.read(_survivors, merged) if merged else {}
    others = {
        place: _claim(one)
        for place, one in enumerate(found)
        if not _is_related(survivors.get(one.id, one), related, above)
    }
    texts = {place: other.text for place, other in others.items()}
    best: dict[str, tuple[Similarity, Candidate]] = {}
    for place in similarity.nearest(claim.text, texts, most=OFFERED):
        stands = survivors.get(found[place].id, found[place])
        likeness = similarity.compare(claim, others[place])
        if likeness.score < similarity.RELATED:
            continue
        if stands.id not in best or likeness.score > best[stands.id][0].score:
            best[stands.id] = likeness, stands
    ranked = sorted(best.values(), key=lambda one: (-one[0].score, one[1].id))
    return [_shape(likeness, stands) for likeness, stands in ranked]


def _is_related(one: Candidate, related: Collection[str | None], above: str | None) -> bool:
    return one.id in related or (above is not None and one.part_of == above)


def _one(connection: Connection, claim_id: str) -> Candidate | None:
    row = connection.execute(ONE, {"claim": claim_id}).first()
    return None if row is None else Candidate(*row)


def _survivors(connection: Connection, merged: list[str]) -> dict[str, Candidate]:
    """The claims that stand for merged ones, by the id of the merged one."""
    rows = connection.execute(SURVIVORS, {"merged": merged})
    return {claim: Candidate(*stored) for claim, *stored in rows}


def _claim(stored: Candidate) -> Claim:
    document = orjson.loads(stored.document)
    claimant = document["claimant"]
    voices = {claimant["party"], stored.claimant_root} if claimant else set()
    claimed = datetime.fromisoformat(document["claimed_at"])
    return Claim(document["text"], Kind(document["kind"]), frozenset(voices), claimed.date())


def _shape(found: Similarity, stands: Candidate) -> dict[str, Any]:
    document = orjson.loads(stands.document)
    shown = ("id", "text", "kind", "claimant", "claimed_at", "precision", "status", "lifecycle")
    return {name: document[name] for name in shown} | {
        "score": found.score,
        "probably_same": found.probably_same,
        "shares": found.shares,
        "differs": found.differs,
    }
