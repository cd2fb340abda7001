"""What lists filter claims by, as it was before a correction: its rows, and SQL that reads them.

`claims`, `links` and `quotes` say what is right.  A list as of an instant takes a claim that has
been corrected since from here (docs/decisions/0009-stories-and-as-of.md): few are.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Table, and_, case, exists, select

from service.domain.claims import ClaimState, Voice
from service.domain.history import Event
from service.domain.instants import compute_end
from service.domain.things import Row
from service.store.tables import claims, former_claims, former_links, former_quotes, links, quotes

Moment = datetime | ColumnElement[Any]
TYPES = frozenset({"claim.corrected", "statement.corrected", "claim.superseded"})
"""The events after which a claim is in other lists than before."""


def list_former_rows(
    before: ClaimState, after: ClaimState, event: Event
) -> list[tuple[Table, list[Row]]]:
    """List the rows that an event of `TYPES` leaves, by table."""
    until = {"claim": after.id, "number": event.number, "superseded_at": event.recorded_at}
    had, has = _describe(before), _describe(after)
    if had["superseded_since"] is None:
        # Since when one supersedes it, its own row says.
        has["superseded_since"] = None
    of_links = [
        until | {"link": link.id, "party": _name_party(link.voice)}
        for link, corrected_link in zip(before.links, after.links, strict=True)
        if _name_party(link.voice) != _name_party(corrected_link.voice)
    ]
    of_quotes = [
        until | {"quote": quote, "language": language}
        for quote, language in _list_former_languages(event)
    ]
    if had == has and not of_links and not of_quotes:
        return []
    of_claim = until | had
    return [(former_claims, [of_claim]), (former_links, of_links), (former_quotes, of_quotes)]


def _describe(state: ClaimState) -> Row:
    newer = state.superseded_by
    return {
        "kind": state.kind.value,
        "story": state.story,
        "claimant": state.claimant.party if state.claimant else None,
        "claimed_at": state.claimed_at,
        "claimed_end": compute_end(state.claimed_at, state.precision),
        "origin_statement": state.origin_statement,
        "superseded_since": newer.recorded_at if newer else None,
    }


def _name_party(voice: object) -> str | None:
    return voice.party if isinstance(voice, Voice) else None


def _list_former_languages(event: Event) -> list[tuple[str, str]]:
    """List the quotes whose language an event corrects, each with the language before."""
    if event.type != "statement.corrected":
        return []
    before, after = (event.data[name].get("quotes", ()) for name in ("before", "after"))
    right: Mapping[str, Any] = {quote["id"]: quote.get("language") for quote in after}
    return [
        (quote["id"], quote["language"])
        for quote in before
        if quote.get("language") != right[quote["id"]]
    ]


def is_uncorrected(moment: Moment) -> ColumnElement[bool]:
    """Whether a row of `claims` says what was recorded at `moment` in all that lists filter by."""
    later = (former_claims.c.claim == claims.c.id, former_claims.c.superseded_at > moment)
    return ~exists(select(1).where(*later).correlate(claims))


def is_held(moment: Moment) -> ColumnElement[bool]:
    """Whether a row of `former_claims` is what was recorded at `moment`."""
    earlier = former_claims.alias()
    first = exists(
        select(1)
        .where(
            earlier.c.claim == former_claims.c.claim,
            earlier.c.number < former_claims.c.number,
            earlier.c.superseded_at > moment,
        )
        .correlate(former_claims)
    )
    return and_(former_claims.c.superseded_at > moment, ~first)


def read_party(moment: Moment) -> ColumnElement[Any]:
    """Whose words a row of `links` was at `moment`; of a source that is not named, nobody's."""
    is_of_link = and_(former_links.c.claim == links.c.claim, former_links.c.link == links.c.id)
    return _read_former(former_links, former_links.c.party, is_of_link, moment, links.c.party)


def read_language(moment: Moment) -> ColumnElement[Any]:
    """In which language a row of `quotes` was at `moment`, on a row of `claims`."""
    is_of_quote = and_(former_quotes.c.claim == claims.c.id, former_quotes.c.quote == quotes.c.id)
    quote_language = former_quotes.c.language
    return _read_former(former_quotes, quote_language, is_of_quote, moment, quotes.c.language)


def _read_former(
    table: Table,
    value: ColumnElement[Any],
    is_of_row: ColumnElement[bool],
    moment: Moment,
    present: ColumnElement[Any],
) -> ColumnElement[Any]:
    later = and_(is_of_row, table.c.superseded_at > moment)
    first = select(value).where(later).order_by(table.c.number).limit(1)
    return case(
        (
            exists(select(1).select_from(table).where(later).correlate_except(table)),
            first.correlate_except(table).scalar_subquery(),
        ),
        else_=present,
    )
