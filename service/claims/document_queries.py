"""Reads claims by their ids, whatever has become of them since."""

from collections.abc import Collection

import orjson
from sqlalchemy import Connection, select

from service.claims.claim_views import ClaimView
from service.store.tables import claims


def read_claims(connection: Connection, claim_ids: Collection[str]) -> dict[str, ClaimView]:
    """Read claims by id as they are stored, also merged and void ones; unknown ids are left out."""
    if not claim_ids:
        return {}
    rows = connection.scalars(select(claims.c.document).where(claims.c.id.in_(claim_ids)))
    by_id: dict[str, ClaimView] = {}
    for document in rows:
        claim: ClaimView = orjson.loads(document)
        by_id[claim["id"]] = claim
    return by_id
