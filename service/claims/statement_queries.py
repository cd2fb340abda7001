"""Statements with their renderings, speakers and sources; the links of a claim."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, literal, select, tuple_

from service.directory.directory_queries import build_source_view
from service.directory.party_tree import below
from service.domain.claims import (
    ClaimState,
    Link,
    Precision,
    Voice,
    compute_end,
    format_instant,
    parse_instant,
)
from service.store.paging import Window
from service.store.tables import claims, links, parties, quotes, sources, speakers, statements
from service.store.types import instant_or_none

_root = parties.alias("root")
STATEMENT = (
    select(
        statements,
        parties.c.name.label("party_name"),
        parties.c.root,
        _root.c.name.label("root_name"),
        speakers.c.name.label("speaker_name"),
        speakers.c.role.label("speaker_role"),
    )
    .join(parties, parties.c.slug == statements.c.party, isouter=True)
    .join(_root, _root.c.slug == parties.c.root, isouter=True)
    .join(speakers, speakers.c.id == statements.c.speaker, isouter=True)
)


def read_statement(connection: Connection, statement_id: str) -> dict[str, Any] | None:
    return read_statements(connection, [statement_id]).get(statement_id)


def read_statements(
    connection: Connection, statement_ids: Collection[str]
) -> dict[str, dict[str, Any]]:
    """Statements by id, each with all its renderings: two queries however many there are."""
    if not statement_ids:
        return {}
    rows = connection.execute(STATEMENT.where(statements.c.id.in_(statement_ids))).all()
    return {shape["id"]: shape for shape in _build_statements(connection, rows)}


def list_statements(
    connection: Connection,
    *,
    party: str | None,
    speaker: str | None,
    since: datetime | None,
    until: datetime | None,
    window: Window,
) -> list[dict[str, Any]]:
    """Statements, latest said first, one more than the limit.  A party includes those below it.

    What is known to be of a day comes where the day ends, after all that is of one of its hours.
    """
    query: Select[Any] = STATEMENT
    if party is not None:
        query = query.where(statements.c.party.in_(below(literal(party), "below")))
    if speaker is not None:
        query = query.where(statements.c.speaker == speaker)
    if since is not None:
        # The order's own column is bounded too, so that the index begins or ends there.
        query = query.where(statements.c.said_at >= since, statements.c.said_end >= since)
    if until is not None:
        latest = compute_end(until, Precision.DAY)
        query = query.where(statements.c.said_at <= until, statements.c.said_end <= latest)
    if window.after is not None:
        said_end, statement_id = window.after
        query = query.where(
            tuple_(statements.c.said_end, statements.c.id)
            < tuple_(
                literal(datetime.fromisoformat(said_end), statements.c.said_end.type),
                literal(statement_id, statements.c.id.type),
            )
        )
    query = query.order_by(statements.c.said_end.desc(), statements.c.id.desc())
    return _build_statements(connection, connection.execute(query.limit(window.limit + 1)).all())


def get_sort_keys(shape: dict[str, Any]) -> list[Any]:
    """The sort keys of a statement in `list_statements`."""
    return [
        compute_end(parse_instant(shape["said_at"]), Precision(shape["precision"])),
        shape["id"],
    ]


def list_link_page(
    connection: Connection, state: ClaimState, window: Window, *, moment: datetime | None = None
) -> list[dict[str, Any]]:
    """A claim's links from the cursor on, oldest first, one more than the limit."""
    begin = 0
    if window.after is not None:
        places = {link.id: place for place, link in enumerate(state.links)}
        begin = places.get(window.after[0], len(places)) + 1
    page = state.links[begin : begin + window.limit + 1]
    return list_links(connection, state, moment=moment, chosen=page)


def list_links(
    connection: Connection,
    state: ClaimState,
    *,
    moment: datetime | None = None,
    chosen: Sequence[Link] | None = None,
) -> list[dict[str, Any]]:
    """The links in a claim's state, or those `chosen` of them, oldest first, each with its
    statement: three queries however many.  With `moment`, as the desk knew them then (the state
    must be of that moment too)."""
    query = select(links).where(links.c.claim == state.id)
    if chosen is not None:
        query = query.where(links.c.id.in_([link.id for link in chosen]))
    rows = {row.id: row for row in connection.execute(query).all()}
    shown = state.links if chosen is None else chosen
    said = read_statements(connection, {one.statement for one in shown})
    shapes = []
    for one in shown:
        row, statement = rows[one.id], said[one.statement]
        if moment is not None:
            statement = restrict_to_moment(statement, moment)
        shapes.append(
            {
                "id": one.id,
                "claim": state.id,
                "stance": one.stance,
                "scope": one.scope,
                "conditional": one.conditional,
                "note": row.note,
                "affirmed": one.affirmed,
                "conflicting": one.conflicting,
                "set_aside": one.set_aside,
                "linked_by": row.linked_by,
                "recorded_at": format_instant(row.recorded_at),
                "retracted_at": instant_or_none(row.retracted_at) if one.retracted else None,
                "retraction_reason": row.retraction_reason if one.retracted else None,
                "statement": statement | describe_voice(one.voice),
            }
        )
    return shapes


def list_claims(connection: Connection, statement_id: str) -> list[dict[str, Any]]:
    """The claims that a statement is the origin of, then those it is linked to, each with its
    claim as stored (`document`) and its link: None for an origin.  What was linked to a merged
    claim is linked to the one that remains."""
    unmerged = claims.c.merged_into.is_(None)
    brief = (claims.c.id, claims.c.document)
    begun = (
        select(*brief)
        .where(claims.c.origin_statement == statement_id, unmerged)
        .order_by(claims.c.created_at, claims.c.id)
    )
    linked = (
        select(
            *brief,
            links.c.id.label("link"),
            links.c.stance,
            links.c.scope,
            links.c.conditional,
            links.c.retracted_at,
            links.c.recorded_at,
        )
        .join(links, links.c.claim == claims.c.id)
        .where(links.c.statement == statement_id, unmerged)
        .order_by(links.c.recorded_at, links.c.id)
    )
    return [{"document": row.document, "link": None} for row in connection.execute(begun).all()] + [
        {
            "document": row.document,
            "link": {
                "id": row.link,
                "stance": row.stance,
                "scope": row.scope,
                "conditional": row.conditional,
                "retracted_at": instant_or_none(row.retracted_at),
                "recorded_at": format_instant(row.recorded_at),
            },
        }
        for row in connection.execute(linked).all()
    ]


def describe_voice(voice: Voice) -> dict[str, Any]:
    """Whose words they are, as the claim's record names them: a later rename is another fact."""
    speaker = voice.speaker
    return {
        "party_name": voice.name,
        "root": voice.root,
        "root_name": voice.root_name,
        "speaker": None
        if speaker is None
        else {"id": speaker.id, "name": speaker.name, "role": speaker.role},
    }


def read_link(connection: Connection, link_id: str) -> dict[str, Any] | None:
    """A link in brief: whose statement, on which claim, with which stance."""
    row = connection.execute(select(links).where(links.c.id == link_id)).first()
    if row is None:
        return None
    return {
        "id": row.id,
        "claim": row.claim,
        "stance": row.stance,
        "statement": read_statement(connection, row.statement),
        "retracted_at": instant_or_none(row.retracted_at),
    }


def restrict_to_moment(statement: dict[str, Any], moment: datetime) -> dict[str, Any]:
    """A statement without the renderings and the withdrawal that came after `moment`."""

    def known(text: str) -> bool:
        return datetime.fromisoformat(text) <= moment

    then = statement | {"quotes": [one for one in statement["quotes"] if known(one["recorded_at"])]}
    if then["withdrawn_at"] is not None and not known(then["withdrawn_at"]):
        then |= {
            "withdrawn_at": None,
            "withdrawal_reason": None,
            "withdrawal_source": None,
            "withdrawal_said_at": None,
            "withdrawal_precision": None,
        }
    return then


def _build_statements(connection: Connection, rows: Sequence[Row[Any]]) -> list[dict[str, Any]]:
    renderings: dict[str, list[dict[str, Any]]] = {row.id: [] for row in rows}
    found = (
        connection.execute(
            select(quotes, *(column.label(f"source_{column.name}") for column in sources.c))
            .join(sources, sources.c.id == quotes.c.source)
            .where(quotes.c.statement.in_(renderings))
            .order_by(quotes.c.statement, quotes.c.position)
        ).all()
        if rows
        else []
    )
    for quote in found:
        renderings[quote.statement].append(
            {
                "id": quote.id,
                "text": quote.text,
                "language": quote.language,
                "rendering": quote.rendering,
                "selector": None
                if quote.exact is None
                else {"exact": quote.exact, "prefix": quote.prefix, "suffix": quote.suffix},
                "recorded_at": format_instant(quote.recorded_at),
                "source": build_source_view(quote, "source_"),
            }
        )
    return [
        {
            "id": row.id,
            "party": row.party,
            "party_name": row.party_name,
            "root": row.root,
            "root_name": row.root_name,
            "speaker": None
            if row.speaker is None
            else {"id": row.speaker, "name": row.speaker_name, "role": row.speaker_role},
            "said_at": format_instant(row.said_at),
            "precision": row.precision,
            "basis": row.basis,
            "quotes": renderings[row.id],
            "recorded_at": format_instant(row.recorded_at),
            "withdrawn_at": instant_or_none(row.withdrawn_at),
            "withdrawal_reason": row.withdrawal_reason,
            "withdrawal_source": row.withdrawal_source,
            "withdrawal_said_at": instant_or_none(row.withdrawal_said_at),
            "withdrawal_precision": row.withdrawal_precision,
        }
        for row in rows
    ]
