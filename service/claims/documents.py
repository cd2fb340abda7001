"""The documents of claims: rendered when a claim changes, and stored.

Only the desk may read who is assigned and until when, so a document is stored with `assignee` as
null and without `due_at`; `add_internals` sets them for those who may.  A `hold` is stored only
where there is one, last of all fields.  Whatever serves a document completes it first
(`complete_document`, `parse_document`): a hold whose time has come is not served, whether its end
is recorded yet or not.
"""

from datetime import datetime
from typing import NamedTuple

import orjson

from service.claims.claim_views import ClaimView, build_claim
from service.domain.claims import ClaimState, format_instant, parse_instant
from service.domain.evidence import Suggestion
from service.domain.print_line import HOLD_LINE


class Internals(NamedTuple):
    """What the desk alone may read of a claim, as its row has it."""

    assignee: str | None
    due_at: datetime | str | None
    """An instant, whatever the driver made of it."""


class StoredClaim(NamedTuple):
    """A claim's document, and what the desk alone may read beside it."""

    document: str
    assignee: str | None
    due_at: datetime | str | None

    @property
    def internals(self) -> Internals:
        return Internals(self.assignee, self.due_at)


HOLD_FIELD = ',"hold":'
"""How the field stands in a document.  No text holds it: a quotation mark in a text has a backslash
before it."""


def render_document(state: ClaimState, suggestion: Suggestion | None = None) -> str:
    """Render the JSON document that is stored for a claim."""
    document = orjson.dumps(build_claim(state, suggestion)).decode()
    document = document.removesuffix(',"due_at":null}') + "}"
    return document.removesuffix(f"{HOLD_FIELD}null}}") + "}" if state.hold is None else document


def complete_document(document: str, moment: datetime) -> str:
    """Return a stored document as it is served at `moment`."""
    if HOLD_FIELD not in document:
        return f'{document[:-1]}{HOLD_FIELD}null,"due_at":null}}'
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
    claim["due_at"] = None
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


def add_internals(document: str, internals: Internals) -> str:
    """Return a completed document with what the desk alone may read, for those who may."""
    if internals == (None, None):
        return document
    return orjson.dumps(set_internals(orjson.loads(document), internals)).decode()


def set_internals(claim: ClaimView, internals: Internals) -> ClaimView:
    """Return a completed claim with what the desk alone may read, for those who may."""
    return {**claim, "assignee": internals.assignee, "due_at": format_due_time(internals.due_at)}


def format_due_time(due_at: datetime | str | None) -> str | None:
    """Return an instant as served, whatever the driver made of it."""
    if due_at is None:
        return None
    return format_instant(parse_instant(due_at) if isinstance(due_at, str) else due_at)
