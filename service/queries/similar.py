"""Claims that may be the same as another: candidates from the search index, compared one by one."""

from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Connection, bindparam, select

from service.domain.claims import Kind
from service.formats import similar
from service.formats.similar import Claim, Similarity
from service.queries import search
from service.store.tables import claims

CANDIDATES = 60
"""Claims whose texts are looked at, at most."""
COMPARED = 20
"""Those of them that are compared: the ones with most words in common."""
OFFERED = 10

ONE = select(
    claims.c.document, claims.c.claimant_root, claims.c.part_of, claims.c.merged_into
).where(claims.c.id == bindparam("claim"))

# Each candidate, and where it was merged into, step by step.
_path = (
    select(claims.c.id.label("candidate"), claims.c.id.label("stands"), claims.c.merged_into)
    .where(claims.c.id.in_(bindparam("candidates", expanding=True)))
    .cte("path", recursive=True)
)
_path = _path.union_all(
    select(_path.c.candidate, claims.c.id, claims.c.merged_into).join(
        claims, claims.c.id == _path.c.merged_into
    )
)
_worded = claims.alias("worded")
FOUND = (
    select(
        _path.c.stands,
        _worded.c.document.label("wording"),
        claims.c.document,
        claims.c.claimant_root,
        claims.c.part_of,
    )
    .join(claims, claims.c.id == _path.c.stands)
    .join(_worded, _worded.c.id == _path.c.candidate)
    .where(_path.c.merged_into.is_(None))
)
"""The claims that stand for the candidates, each with the document whose wording was found."""


def of_claim(session: Connection, claim_id: str) -> list[dict[str, Any]] | None:
    """What may be the same as a recorded claim, likeliest first; None where there is none such.

    Left out: what it was merged into, what it is part of, and what is part of it.
    """
    row = session.execute(ONE, {"claim": claim_id}).first()
    if row is None:
        return None
    document = orjson.loads(row.document)
    related = {claim_id, row.part_of, row.merged_into}
    return _offered(session, _claim(document, row.claimant_root), related, above=claim_id)


def of_new(session: Connection, claim: Claim, *, part_of: str | None) -> list[dict[str, Any]]:
    """What may be the same as a claim that is to be recorded, likeliest first."""
    return _offered(session, claim, {part_of}, above=None)


def _offered(
    session: Connection, claim: Claim, related: set[str | None], *, above: str | None
) -> list[dict[str, Any]]:
    candidates = search.candidates(session, claim.text, limit=CANDIDATES)
    if not candidates:
        return []
    rows = [
        row
        for row in session.execute(FOUND, {"candidates": candidates})
        if row.stands not in related and (above is None or row.part_of != above)
    ]
    documents = [orjson.loads(row.wording) for row in rows]
    texts = {place: document["text"] for place, document in enumerate(documents)}
    best: dict[str, tuple[Similarity, str]] = {}
    for place in similar.nearest(claim.text, texts, most=COMPARED):
        row = rows[place]
        found = similar.compare(claim, _claim(documents[place], row.claimant_root))
        before = best.get(row.stands)
        if found.score >= similar.RELATED and (before is None or found.score > before[0].score):
            best[row.stands] = found, row.document
    ranked = sorted(best.items(), key=lambda one: (-one[1][0].score, one[0]))
    return [_shape(found, orjson.loads(document)) for _, (found, document) in ranked[:OFFERED]]


def _claim(document: dict[str, Any], root: str | None) -> Claim:
    claimant = document["claimant"]
    voices = frozenset({claimant["party"], root} if claimant else ())
    claimed = datetime.fromisoformat(document["claimed_at"])
    return Claim(document["text"], Kind(document["kind"]), voices, claimed.date())


def _shape(found: Similarity, document: dict[str, Any]) -> dict[str, Any]:
    shown = ("id", "text", "kind", "claimant", "claimed_at", "precision", "status", "lifecycle")
    return {name: document[name] for name in shown} | {
        "score": found.score,
        "probably_same": found.probably_same,
        "shares": found.shares,
        "differs": found.differs,
    }
