"""The hash of a claim's event, from its parts: what a forger would compute."""

from service.domain.subjects import Subject, SubjectKind
from service.record.canonical import Salts, hash_event


def hash_claim_event(
    *,
    claim: str,
    number: int,
    type: str,
    recorded_at: str,
    actor: str,
    data: str,
    salts: Salts | None = None,
    previous_hash: str,
) -> str:
    """Return the hash of an event of a claim."""
    return hash_event(
        Subject(SubjectKind.CLAIM, claim),
        number=number,
        type=type,
        recorded_at=recorded_at,
        actor=actor,
        data=data,
        salts=salts,
        previous_hash=previous_hash,
    )
