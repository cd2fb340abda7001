"""Offer claims that may be the same as another: candidates of the index, compared one by one."""

from collections.abc import Collection
from datetime import datetime

import orjson
from sqlalchemy import Connection, bindparam, select

from service.claims.claim_views import ClaimView, SimilarView
from service.domain.claims import Kind, Lifecycle
from service.search.similar import candidates, similarity
from service.search.similar.candidates import Candidate
from service.search.similar.similarity import ComparedClaim, Similarity
from service.store.reader import Reader
from service.store.tables import claims

MAX_CANDIDATES = 40
"""Claims whose texts are looked at, at most."""
MAX_COMPARED = 10
"""Those of them that are compared, and offered if they are like enough: the ones with most words
in common."""

_COLUMNS = tuple(claims.c[name] for name in Candidate._fields)
_SELECT_CLAIM = select(*_COLUMNS).where(claims.c.id == bindparam("claim"))

# Where merged claims went, step by step.
_path = (
    select(claims.c.id.label("merged"), claims.c.merged_into.label("into"))
    .where(claims.c.id.in_(bindparam("merged", expanding=True)))
    .cte("path", recursive=True)
)
_path = _path.union_all(
    select(_path.c.merged, claims.c.merged_into).join(claims, claims.c.id == _path.c.into)
)
_SELECT_SURVIVORS = (
    select(_path.c.merged, *_COLUMNS)
    .join(claims, claims.c.id == _path.c.into)
    .where(claims.c.merged_into.is_(None))
)


async def find_similar_to_claim(database: Reader, claim_id: str) -> list[SimilarView] | None:
    """Return what may be the same as a recorded claim, likeliest first; None where there is none.

    Left out are what it was merged into, what it is part of, and what is part of it.
    """
    stored_claim = await database.read(_read_claim, claim_id)
    if stored_claim is None:
        return None
    related_ids = {claim_id, stored_claim.part_of, stored_claim.merged_into}
    return await _find_similar(database, _build_compared(stored_claim), related_ids, whole=claim_id)


async def find_similar_to_new(
    database: Reader, claim: ComparedClaim, *, part_of: str | None
) -> list[SimilarView]:
    """Return what may be the same as a claim that is to be recorded, likeliest first."""
    return await _find_similar(database, claim, {part_of}, whole=None)


async def _find_similar(
    database: Reader,
    claim: ComparedClaim,
    related_ids: Collection[str | None],
    *,
    whole: str | None,
) -> list[SimilarView]:
    """Compare candidates. Those of `related_ids`, or part of `whole`, are left out; a merged one
    is offered as the claim that stands for it now, and a void one not at all."""
    rows = await candidates.find_candidates(database, claim.text, limit=MAX_CANDIDATES)
    merged_ids = [candidate.id for candidate in rows if candidate.merged_into is not None]
    survivors = await database.read(_read_survivors, merged_ids) if merged_ids else {}
    standing = [survivors.get(candidate.id, candidate) for candidate in rows]
    candidates_by_id = {
        place: _build_compared(rows[place])
        for place, survivor in enumerate(standing)
        if survivor.id not in related_ids
        and (whole is None or survivor.part_of != whole)
        and Lifecycle.VOID not in (rows[place].lifecycle, survivor.lifecycle)
    }
    texts = {place: other.text for place, other in candidates_by_id.items()}
    best: dict[str, tuple[Similarity, Candidate]] = {}
    for place in similarity.find_nearest(claim.text, texts, most=MAX_COMPARED):
        survivor, likeness = (
            standing[place],
            similarity.compare_claims(claim, candidates_by_id[place]),
        )
        if likeness.score >= similarity.RELATED and (
            survivor.id not in best or likeness.score > best[survivor.id][0].score
        ):
            best[survivor.id] = likeness, survivor
    ranking = sorted(best.values(), key=lambda pair: (-pair[0].score, pair[1].id))
    return [_build_view(likeness, survivor) for likeness, survivor in ranking]


def _read_claim(connection: Connection, claim_id: str) -> Candidate | None:
    row = connection.execute(_SELECT_CLAIM, {"claim": claim_id}).first()
    return None if row is None else Candidate(*row)


def _read_survivors(connection: Connection, merged_ids: list[str]) -> dict[str, Candidate]:
    """Return the claims that stand for merged ones, by the id of the merged one."""
    rows = connection.execute(_SELECT_SURVIVORS, {"merged": merged_ids})
    return {claim: Candidate(*stored_claim) for claim, *stored_claim in rows}


def _build_compared(stored_claim: Candidate) -> ComparedClaim:
    view: ClaimView = orjson.loads(stored_claim.document)
    claimants = set()
    if view["claimant"] is not None:
        # The root is null only where nobody claims it.
        claimants = {view["claimant"]["party"], stored_claim.claimant_root or ""}
    claimed_at = datetime.fromisoformat(view["claimed_at"])
    return ComparedClaim(view["text"], Kind(view["kind"]), frozenset(claimants), claimed_at.date())


def _build_view(likeness: Similarity, survivor: Candidate) -> SimilarView:
    view: ClaimView = orjson.loads(survivor.document)
    return {
        "id": view["id"],
        "text": view["text"],
        "kind": view["kind"],
        "claimant": view["claimant"],
        "claimed_at": view["claimed_at"],
        "precision": view["precision"],
        "status": view["status"],
        "lifecycle": view["lifecycle"],
        "score": likeness.score,
        "probably_same": likeness.probably_same,
        "shares": [*likeness.shares],
        "differs": [*likeness.differs],
    }
