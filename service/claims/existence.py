"""The one error for ids that name nothing, and the check that a claim is there."""

from typing import Literal

from sqlalchemy import Connection, bindparam, select

from service.domain.errors import NotFound
from service.store.compiled_statements import CompiledStatement
from service.store.tables import claims

_CLAIM = CompiledStatement(select(claims.c.id).where(claims.c.id == bindparam("claim")))


def build_not_found(kind: Literal["claim", "decision", "link", "statement"]) -> NotFound:
    """Build the error for an id that names nothing of this kind."""
    return NotFound(f"There is no {kind} with this id.")


def is_claim(connection: Connection, claim_id: str) -> bool:
    """Whether there is a claim with this id."""
    return _CLAIM.run(connection, {"claim": claim_id}).first() is not None


def require_claim(connection: Connection, claim_id: str) -> None:
    """Raise NotFound if there is no claim with this id."""
    if not is_claim(connection, claim_id):
        raise build_not_found("claim")
