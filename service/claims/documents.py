"""The documents of claims: rendered when a claim changes, and stored.

Only the desk may read who is assigned, so a document is stored with `assignee` as null;
`add_assignee` sets it for those who may.  A `hold` is stored only where there is one, last of all
fields.  Whatever serves a document completes it first (`complete_document`, `parse_document`): a
hold whose time has come is not served, whether its end is recorded yet or not.
"""

from datetime import datetime

import orjson

from service.claims.claim_views import ClaimView, build_claim
from service.domain.claims import ClaimState, parse_instant
from service.domain.evidence import Suggestion
from service.domain.print_line import HOLD_LINE

HOLD_FIELD = ',"hold":'
"""How the field stands in a document.  No text holds it: a quotation mark in a text has a backslash
before it."""


def render_document(state: ClaimState, suggestion: Suggestion | None = None) -> str:
    """Render the JSON document that is stored for a claim."""
    document = orjson.dumps(build_claim(state, suggestion)).decode()
    return document.removesuffix(f"{HOLD_FIELD}null}}") + "}" if state.hold is None else document


def complete_document(document: str, moment: datetime) -> str:
    """Return a stored document as it is served at `moment`."""
    if HOLD_FIELD not in document:
        return f"{document[:-1]}{HOLD_FIELD}null}}"
    return orjson.dumps(parse_document(document, moment)).decode()


def mark_corrected(document: str, present: str | None, moment: datetime) -> str:
    """Return the document of an earlier `moment` with the last correction after it, which the
    `present` document tells of."""
    if present is None:
        return document
    claim: ClaimView = orjson.loads(present)
    corrected_at = claim.get("corrected_at")
    if corrected_at is None or parse_instant(corrected_at) <= moment:
        return document
    return f'{document[:-1]},"corrected_since":"{corrected_at}"}}'


def parse_document(document: str, moment: datetime) -> ClaimView:
    """Parse a stored document as it is served at `moment`."""
    return complete_claim(orjson.loads(document), moment)


def complete_claim(claim: ClaimView, moment: datetime) -> ClaimView:
    """Return a claim, parsed from its stored document, as it is served at `moment`."""
    hold = claim.get("hold")
    if hold is None:
        claim["hold"] = None
    elif _has_passed(hold["until"], moment):
        claim["hold"] = None
        claim["print_line"] = claim["print_line"].removeprefix(f"{HOLD_LINE} ")
    return claim


def has_ended_hold(document: str, moment: datetime) -> bool:
    """Whether a stored document holds a claim whose hold has ended by `moment`: then it is served
    otherwise than its version says."""
    if HOLD_FIELD not in document:
        return False
    claim: ClaimView = orjson.loads(document)
    hold = claim["hold"]
    return hold is not None and _has_passed(hold["until"], moment)


def _has_passed(until: str | None, moment: datetime) -> bool:
    return until is not None and parse_instant(until) <= moment


def add_assignee(document: str, assignee: str | None) -> str:
    """Return the document with its assignee, for those who may read it."""
    if assignee is None:
        return document
    claim: ClaimView = orjson.loads(document)
    claim["assignee"] = assignee
    return orjson.dumps(claim).decode()
