"""The links of a claim, each with its statement, quotes and sources.

All that links refer to is read in one query, and built into views by one function, `build_links`.
What a link says, and whose words they are, is read from the claim's state: so links are of one
version of their claim, and as the desk knew them at any instant.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import orjson
from sqlalchemy import Connection, Row, Select, bindparam, select

from service.claims import former_statements, statement_queries
from service.claims.statement_views import (
    LinkBriefView,
    LinkView,
    QuoteView,
    StatementView,
    VoiceFields,
)
from service.directory import directory_queries
from service.domain import plain_data
from service.domain.claims import Attribution, ClaimState, Link, Unnamed, Voice, format_instant
from service.store import states
from service.store.compiled_statements import TypedLookup
from service.store.paging import Window
from service.store.tables import links, quotes, sources, statements
from service.store.types import format_optional_instant


class EvidenceRow(NamedTuple):
    """A quote with its source, its statement, and the statement's link to a claim."""

    link: str
    note: str | None
    linked_by: str
    linked_at: datetime
    retracted_at: datetime | None
    retraction_reason: str | None
    voided_at: datetime | None
    void_reason: str | None
    statement: str
    party: str | None
    said_at: datetime
    precision: str
    basis: str
    stated_at: datetime
    withdrawn_at: datetime | None
    withdrawal_reason: str | None
    withdrawal_source: str | None
    withdrawal_said_at: datetime | None
    withdrawal_precision: str | None
    withdrawal_ended_at: datetime | None
    statement_voided_at: datetime | None
    statement_void_reason: str | None
    statement_void_ended_at: datetime | None
    position: int
    id: str
    text: str
    language: str
    rendering: str
    exact: str | None
    prefix: str | None
    suffix: str | None
    recorded_at: datetime
    source_id: str
    source_url: str
    source_publisher: str | None
    source_title: str | None
    source_published_at: datetime | None
    source_language: str | None
    source_archive_url: str | None
    source_sha256: str | None
    source_merged_into: str | None
    source_recorded_at: datetime


EVIDENCE: Select[Any] = (
    select(
        links.c.id.label("link"),
        links.c.note,
        links.c.linked_by,
        links.c.recorded_at.label("linked_at"),
        links.c.retracted_at,
        links.c.retraction_reason,
        links.c.voided_at,
        links.c.void_reason,
        statements.c.id.label("statement"),
        statements.c.party,
        statements.c.said_at,
        statements.c.precision,
        statements.c.basis,
        statements.c.recorded_at.label("stated_at"),
        statements.c.withdrawn_at,
        statements.c.withdrawal_reason,
        statements.c.withdrawal_source,
        statements.c.withdrawal_said_at,
        statements.c.withdrawal_precision,
        statements.c.withdrawal_ended_at,
        statements.c.voided_at.label("statement_voided_at"),
        statements.c.void_reason.label("statement_void_reason"),
        statements.c.void_ended_at.label("statement_void_ended_at"),
        quotes.c.position,
        quotes.c.id,
        quotes.c.text,
        quotes.c.language,
        quotes.c.rendering,
        quotes.c.exact,
        quotes.c.prefix,
        quotes.c.suffix,
        quotes.c.recorded_at,
        sources.c.id.label("source_id"),
        sources.c.url.label("source_url"),
        sources.c.publisher.label("source_publisher"),
        sources.c.title.label("source_title"),
        sources.c.published_at.label("source_published_at"),
        sources.c.language.label("source_language"),
        sources.c.archive_url.label("source_archive_url"),
        sources.c.sha256.label("source_sha256"),
        sources.c.merged_into.label("source_merged_into"),
        sources.c.recorded_at.label("source_recorded_at"),
    )
    .select_from(
        directory_queries.join_shown_source(
            links.join(statements, statements.c.id == links.c.statement).join(
                quotes, quotes.c.statement == statements.c.id
            ),
            quotes.c.source,
        )
    )
    .where(links.c.claim == bindparam("claim", type_=links.c.claim.type))
)
ALL_EVIDENCE = TypedLookup(EVIDENCE, EvidenceRow, point=True)
"""The rows of all links of one claim."""


def list_link_page(
    connection: Connection, state: ClaimState, window: Window, *, moment: datetime | None = None
) -> list[LinkView]:
    """List a claim's links from the cursor on, oldest first, one more than the limit."""
    begin = 0
    if window.after is not None:
        places = {link.id: place for place, link in enumerate(state.links)}
        begin = places.get(window.after[0], len(places)) + 1
    page = state.links[begin : begin + window.limit + 1]
    return list_links(connection, state, moment=moment, chosen_links=page)


def list_links(
    connection: Connection,
    state: ClaimState,
    *,
    moment: datetime | None = None,
    chosen_links: Sequence[Link] | None = None,
) -> list[LinkView]:
    """List the links in a claim's state, or those `chosen` of them, oldest first, each with its
    statement.

    With `moment`, links are as the desk knew them then; the state must be of that moment too.
    """
    query = EVIDENCE
    if chosen_links is not None and len(chosen_links) < len(state.links):
        query = query.where(links.c.id.in_([link.id for link in chosen_links]))
    shown_links = state.links if chosen_links is None else chosen_links
    rows = connection.execute(query, {"claim": state.id}).all() if shown_links else ()
    views = build_links(state.id, shown_links, rows, moment=moment)
    if moment is not None:
        statements = [view["statement"] for view in views]
        former_statements.restore_statements(connection, statements, moment, with_voices=False)
    return views


def parse_links(stored_state: str) -> list[Link] | None:
    """Return the links in the state in a claim's row; None where it has too many to hold them."""
    state = orjson.loads(stored_state)
    if states.FURTHER in state:
        return None
    return list(map(plain_data.read_link, state["links"]))


def build_links(
    claim: str,
    shown_links: Iterable[Link],
    rows: Iterable[Row[Any] | EvidenceRow],
    *,
    moment: datetime | None = None,
) -> list[LinkView]:
    """Build the views of links from the rows of EVIDENCE, in any order."""
    first_rows: dict[str, Row[Any] | EvidenceRow] = {}
    renderings: dict[str, list[tuple[int, QuoteView]]] = {}
    for row in rows:
        first_rows.setdefault(row.link, row)
        quote = (row.position, statement_queries.build_quote_view(row))
        renderings.setdefault(row.link, []).append(quote)
    views: list[LinkView] = []
    for link in shown_links:
        row = first_rows[link.id]
        ordered_renderings = sorted(renderings[link.id], key=lambda pair: pair[0])
        statement = _build_statement(
            row, link.voice, [quote for _, quote in ordered_renderings], moment
        )
        view: LinkView = {
            "id": link.id,
            "claim": claim,
            "stance": link.stance,
            "scope": link.scope,
            "conditional": link.conditional,
            "note": row.note,
            "affirmed": link.affirmed,
            "conflicting": link.conflicting,
            "set_aside": link.set_aside,
            "linked_by": row.linked_by,
            "recorded_at": format_instant(row.linked_at),
            "retracted_at": format_optional_instant(row.retracted_at) if link.retracted else None,
            "retraction_reason": row.retraction_reason if link.retracted else None,
            "statement": statement,
        }
        if link.void and row.voided_at is not None:
            view["voided_at"] = format_instant(row.voided_at)
            view["void_reason"] = row.void_reason or ""
        views.append(view)
    return views


def _build_statement(
    row: Any,
    voice: Voice | Unnamed,
    renderings: list[QuoteView],
    moment: datetime | None,
) -> StatementView:
    names = describe_voice(voice)
    void = statement_queries.describe_void(row, moment, prefix="statement_")
    statement: StatementView = {
        "id": row.statement,
        "party": row.party,
        "party_name": names["party_name"],
        "root": names["root"],
        "root_name": names["root_name"],
        "speaker": names["speaker"],
        "attribution": names["attribution"],
        "description": names["description"],
        "said_at": format_instant(row.said_at),
        "precision": row.precision,
        "basis": row.basis,
        "quotes": renderings,
        "recorded_at": format_instant(row.stated_at),
        **statement_queries.describe_withdrawal(row, moment),
        **void,  # type: ignore[typeddict-item]
    }
    if moment is not None:
        return statement_queries.restrict_to_moment(statement, moment)
    return statement


def describe_voice(voice: Voice | Unnamed) -> VoiceFields:
    """Name whose words they are as the claim's record does: a later rename is another fact."""
    if isinstance(voice, Unnamed):
        return {
            "party_name": voice.party.name if voice.party else None,
            "root": None,
            "root_name": None,
            "speaker": None,
            "attribution": Attribution.UNNAMED,
            "description": voice.description,
        }
    speaker = voice.speaker
    return {
        "party_name": voice.name,
        "root": voice.root,
        "root_name": voice.root_name,
        "speaker": None
        if speaker is None
        else {"id": speaker.id, "name": speaker.name, "role": speaker.role},
        "attribution": Attribution.NAMED,
        "description": None,
    }


def read_link(connection: Connection, link_id: str) -> LinkBriefView | None:
    """Read a link in brief: whose statement, on which claim, with which stance."""
    row = connection.execute(select(links).where(links.c.id == link_id)).first()
    if row is None:
        return None
    statement = statement_queries.read_statement(connection, row.statement)
    assert statement is not None, "a link's statement stays"
    return {
        "id": row.id,
        "claim": row.claim,
        "stance": row.stance,
        "statement": statement,
        "retracted_at": statement_queries.describe_end(row.retracted_at, row.retraction_ended_at),
        "voided_at": statement_queries.describe_end(row.voided_at, row.void_ended_at),
    }
