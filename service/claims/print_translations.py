"""Print lines in other languages than English, rendered when somebody asks for them.

Documents are rendered in English when a claim changes.  What another language says of a version is
built of the events up to it, so it is of exactly the version that is served.
"""

from collections.abc import Iterable
from dataclasses import replace

from sqlalchemy import Connection, and_, or_, select

from service.claims.claim_views import ClaimView
from service.claims.history_queries import parse_event
from service.domain import history
from service.domain.claims import ClaimState
from service.domain.print_line import build_print_line
from service.domain.print_phrases import Language
from service.store.tables import events


def translate_claims(
    connection: Connection, claims: Iterable[ClaimView], *, language: Language
) -> list[ClaimView]:
    """Return claims as served, each of its version, with their print lines in `language`."""
    documents = list(claims)
    if language is Language.EN or not documents:
        return documents
    versions_by_claim: dict[str, set[int]] = {}
    for claim in documents:
        versions_by_claim.setdefault(claim["id"], set()).add(claim["version"])
    states = _read_states(connection, versions_by_claim)
    translations: list[ClaimView] = []
    for claim in documents:
        state = states[claim["id"], claim["version"]]
        if claim.get("hold") is None:
            # One that has ended by itself is not served, whether its end is recorded or not.
            state = replace(state, hold=None)
        translations.append({**claim, "print_line": build_print_line(state, language=language)})
    return translations


def _read_states(
    connection: Connection, versions_by_claim: dict[str, set[int]]
) -> dict[tuple[str, int], ClaimState]:
    """Return the state of each version of each claim: one query however many."""
    query = (
        select(events)
        .where(
            or_(
                *(
                    and_(events.c.claim == claim, events.c.number <= max(versions))
                    for claim, versions in versions_by_claim.items()
                )
            )
        )
        .order_by(events.c.claim, events.c.number)
    )
    latest: dict[str, ClaimState] = {}
    states: dict[tuple[str, int], ClaimState] = {}
    for row in connection.execute(query):
        claim_id = str(row.claim)
        state = history.apply_event(latest.get(claim_id), parse_event(row), claim_id=claim_id)
        latest[claim_id] = state
        if state.version in versions_by_claim[claim_id]:
            states[claim_id, state.version] = state
    return states
