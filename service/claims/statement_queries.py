"""Statements with their renderings, speakers and sources."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, literal, select
from typing_extensions import TypedDict

from service.claims import former_statements, link_activity
from service.claims.link_activity import STATEMENT_VOID, has_ceased
from service.claims.statement_views import (
    QuoteView,
    SelectorView,
    StatementClaimView,
    StatementView,
)
from service.directory import directory_queries
from service.directory.directory_queries import build_source_view
from service.domain.claims import Attribution, Precision, format_instant, parse_instant
from service.domain.instants import compute_end
from service.store.paging import Window, select_page
from service.store.tables import claims, links, parties, quotes, sources, speakers, statements
from service.store.types import format_optional_instant
from service.views import Moment, Uuid

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


def read_statement(
    connection: Connection, statement_id: str, *, moment: datetime | None = None
) -> StatementView | None:
    """Read a statement, now or as of `moment`; None if there is none with this id."""
    rows = connection.execute(STATEMENT.where(statements.c.id == statement_id)).all()
    for statement in _build_statements(connection, rows, moment=moment):
        if moment is None:
            return statement
        statement = restrict_to_moment(statement, moment)
        former_statements.restore_statements(connection, [statement], moment)
        return statement
    return None


def read_withheld_reason(connection: Connection, statement_id: str) -> str | None:
    """Read why a statement's source is not named.  Only editors may see it."""
    return connection.scalar(select(statements.c.reason).where(statements.c.id == statement_id))


def read_statements(
    connection: Connection, statement_ids: Collection[str]
) -> dict[str, StatementView]:
    """Statements by id, each with all its renderings: two queries however many there are."""
    if not statement_ids:
        return {}
    rows = connection.execute(STATEMENT.where(statements.c.id.in_(statement_ids))).all()
    return {statement["id"]: statement for statement in _build_statements(connection, rows)}


def list_statements_from(
    connection: Connection, source_id: str, *, limit: int
) -> list[StatementView]:
    """List the newest statements with words from a source, one more than the limit."""
    statement_ids = select(quotes.c.statement).where(quotes.c.source == source_id)
    query = STATEMENT.where(statements.c.id.in_(statement_ids)).order_by(statements.c.id.desc())
    return _build_statements(connection, connection.execute(query.limit(limit + 1)).all())


def list_statements(
    connection: Connection,
    *,
    party: str | None,
    speaker: str | None,
    since: datetime | None,
    until: datetime | None,
    window: Window,
) -> list[StatementView]:
    """Statements that are not void, latest said first, one more than the limit.  A party includes
    those below it.

    What is known to be of a day comes where the day ends, after all that is of one of its hours.
    """
    query: Select[Any] = STATEMENT.where(*link_activity.build_conditions([STATEMENT_VOID]))
    if party is not None:
        query = query.where(
            statements.c.party.in_(directory_queries.select_subtree(literal(party), "below"))
        )
    if speaker is not None:
        query = query.where(statements.c.speaker == speaker)
    if since is not None:
        # The order's own column is bounded too, so that the index begins or ends there.
        query = query.where(statements.c.said_at >= since, statements.c.said_end >= since)
    if until is not None:
        latest = compute_end(until, Precision.YEAR)
        query = query.where(statements.c.said_at <= until, statements.c.said_end <= latest)
    order = statements.c.said_end, statements.c.id
    page = select_page(query, window, *order, newest_first=True)
    return _build_statements(connection, connection.execute(page).all())


def get_sort_keys(statement: StatementView) -> list[Any]:
    """Return the sort keys of a statement in `list_statements`."""
    end = compute_end(parse_instant(statement["said_at"]), Precision(statement["precision"]))
    return [end, statement["id"]]


def list_claims(connection: Connection, statement_id: str) -> list[StatementClaimView]:
    """The claims that a statement is the origin of, then those it is linked to, each with its
    claim as stored (`document`) and its link: None for an origin.  What was linked to a merged
    claim is linked to the one that remains."""
    is_unmerged = claims.c.merged_into.is_(None)
    brief = (claims.c.id, claims.c.document)
    originals = (
        select(*brief)
        .where(claims.c.origin_statement == statement_id, is_unmerged)
        .order_by(claims.c.created_at, claims.c.id)
    )
    linked_claims = (
        select(
            *brief,
            links.c.id.label("link"),
            links.c.stance,
            links.c.scope,
            links.c.conditional,
            links.c.retracted_at,
            links.c.retraction_ended_at,
            links.c.voided_at,
            links.c.void_ended_at,
            links.c.recorded_at,
        )
        .join(links, links.c.claim == claims.c.id)
        .where(links.c.statement == statement_id, is_unmerged)
        .order_by(links.c.recorded_at, links.c.id)
    )
    return [
        {"document": row.document, "link": None} for row in connection.execute(originals).all()
    ] + [
        {
            "document": row.document,
            "link": {
                "id": row.link,
                "stance": row.stance,
                "scope": row.scope,
                "conditional": row.conditional,
                "retracted_at": describe_end(row.retracted_at, row.retraction_ended_at),
                "voided_at": describe_end(row.voided_at, row.void_ended_at),
                "recorded_at": format_instant(row.recorded_at),
            },
        }
        for row in connection.execute(linked_claims).all()
    ]


def restrict_to_moment(statement: StatementView, moment: datetime) -> StatementView:
    """Return a statement as of `moment` without the quotes that came after it."""
    known_quotes = [
        quote
        for quote in statement["quotes"]
        if datetime.fromisoformat(quote["recorded_at"]) <= moment
    ]
    return {**statement, "quotes": known_quotes}


class WithdrawalFields(TypedDict):
    """What a statement says of its withdrawal."""

    withdrawn_at: Moment | None
    withdrawal_reason: str | None
    withdrawal_source: Uuid | None
    withdrawal_said_at: Moment | None
    withdrawal_precision: Precision | None


def describe_withdrawal(row: Any, moment: datetime | None) -> WithdrawalFields:
    """Describe the withdrawal of the statement in a row, as it holds now or held at `moment`."""
    holds = has_ceased(row.withdrawn_at, row.withdrawal_ended_at, moment)
    return {
        "withdrawn_at": format_optional_instant(row.withdrawn_at) if holds else None,
        "withdrawal_reason": row.withdrawal_reason if holds else None,
        "withdrawal_source": row.withdrawal_source if holds else None,
        "withdrawal_said_at": format_optional_instant(row.withdrawal_said_at) if holds else None,
        "withdrawal_precision": row.withdrawal_precision if holds else None,
    }


class VoidFields(TypedDict, total=False):
    """What a statement says where it is void."""

    voided_at: Moment
    void_reason: str


def describe_void(row: Any, moment: datetime | None, *, prefix: str = "") -> VoidFields:
    """Describe the void of the statement in a row, whose columns of it begin with `prefix`."""
    began, end = getattr(row, f"{prefix}voided_at"), getattr(row, f"{prefix}void_ended_at")
    if not has_ceased(began, end, moment):
        return {}
    return {"voided_at": format_instant(began), "void_reason": getattr(row, f"{prefix}void_reason")}


def describe_end(began: datetime | None, end: datetime | None) -> Moment | None:
    """Return when something ceased to count, if it does not count now."""
    return format_optional_instant(began) if has_ceased(began, end, None) else None


def _build_statements(
    connection: Connection, rows: Sequence[Row[Any]], *, moment: datetime | None = None
) -> list[StatementView]:
    renderings: dict[str, list[QuoteView]] = {row.id: [] for row in rows}
    quote_rows = (
        connection.execute(
            select(quotes, *(column.label(f"source_{column.name}") for column in sources.c))
            .select_from(directory_queries.join_shown_source(quotes, quotes.c.source))
            .where(quotes.c.statement.in_(renderings))
            .order_by(quotes.c.statement, quotes.c.position)
        ).all()
        if rows
        else []
    )
    for quote in quote_rows:
        renderings[quote.statement].append(build_quote_view(quote))
    return [
        {
            "id": row.id,
            "party": row.party,
            "party_name": row.party_name,
            # A source that is not named is no voice of its party, and none of its evidence.
            "root": None if row.attribution else row.root,
            "root_name": None if row.attribution else row.root_name,
            "speaker": None
            if row.speaker is None
            else {"id": row.speaker, "name": row.speaker_name, "role": row.speaker_role},
            "attribution": Attribution(row.attribution)
            if row.attribution
            else (Attribution.NAMED if row.party else None),
            "description": row.description,
            "said_at": format_instant(row.said_at),
            "precision": row.precision,
            "basis": row.basis,
            "quotes": renderings[row.id],
            "recorded_at": format_instant(row.recorded_at),
            **describe_withdrawal(row, moment),
            **describe_void(row, moment),  # type: ignore[typeddict-item]
        }
        for row in rows
    ]


def build_quote_view(row: Any) -> QuoteView:
    """Return the quote in a row, whose columns of its source are named `source_…`."""
    selector: SelectorView | None = None
    if row.exact is not None:
        selector = {"exact": row.exact, "prefix": row.prefix, "suffix": row.suffix}
    return {
        "id": row.id,
        "text": row.text,
        "language": row.language,
        "rendering": row.rendering,
        "selector": selector,
        "recorded_at": format_instant(row.recorded_at),
        "source": build_source_view(row, "source_"),
    }
