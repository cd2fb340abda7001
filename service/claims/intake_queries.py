"""Reads articles that are being taken in, and what was recorded from a source so far."""

from typing import Any

import orjson
from sqlalchemy import Connection, Row, select

from service.claims import link_activity, statement_queries
from service.claims.intake_views import (
    ArticleView,
    IntakeView,
    PassageUseView,
    PassageView,
    PassageWordsView,
)
from service.directory.directory_queries import build_source_view
from service.domain.claims import format_instant
from service.store.tables import claims, intakes, links, quotes, sources

LIMIT = 50


def list_intakes(connection: Connection) -> list[IntakeView]:
    """List the articles that are being taken in, the latest first."""
    rows = connection.execute(
        select(
            intakes.c.id,
            intakes.c.story,
            intakes.c.opened_by_name,
            intakes.c.opened_at,
            *(column.label(f"source_{column.name}") for column in sources.c),
        )
        .join(sources, sources.c.id == intakes.c.source)
        .order_by(intakes.c.opened_at.desc(), intakes.c.id.desc())
        .limit(LIMIT)
    ).all()
    return [_build_intake(row) for row in rows]


def read_intake(connection: Connection, intake_id: str) -> ArticleView | None:
    """Read an article with its text, and the passages that were recorded from its source."""
    row = connection.execute(
        select(intakes, *(column.label(f"source_{column.name}") for column in sources.c))
        .join(sources, sources.c.id == intakes.c.source)
        .where(intakes.c.id == intake_id)
    ).first()
    if row is None:
        return None
    return {
        **_build_intake(row),
        "text": row.text,
        "language": row.language,
        "passages": list_passages(connection, row.source),
    }


def _build_intake(row: Row[Any]) -> IntakeView:
    return {
        "id": row.id,
        "story": row.story,
        "opened_by": row.opened_by_name,
        "opened_at": format_instant(row.opened_at),
        "source": build_source_view(row, "source_"),
    }


def list_passages(connection: Connection, source_id: str) -> list[PassageView]:
    """List the statements with a quote from a source, in the order they were recorded.

    Each has its quotes from the source and its links.  Runs four queries, however many there are.
    """
    rows = connection.execute(
        select(quotes)
        .where(quotes.c.source == source_id)
        .order_by(quotes.c.recorded_at, quotes.c.position, quotes.c.id)
    ).all()
    statements = statement_queries.read_statements(connection, {row.statement for row in rows})
    does: dict[str, list[PassageUseView]] = {statement_id: [] for statement_id in statements}
    claim_rows = connection.execute(
        select(claims.c.origin_statement, claims.c.id, claims.c.document).where(
            claims.c.origin_statement.in_(statements)
        )
    )
    for row in claim_rows:
        does[row.origin_statement].append(
            {"id": row.id, "text": _read_text(row.document), "stance": None, "conditional": False}
        )
    link_rows = connection.execute(
        select(
            links.c.statement,
            links.c.stance,
            links.c.conditional,
            claims.c.id,
            claims.c.document,
        )
        .join(claims, claims.c.id == links.c.claim)
        .where(
            links.c.statement.in_(statements),
            *link_activity.build_conditions(link_activity.LINK_ENDINGS),
        )
        .order_by(links.c.recorded_at, links.c.id)
    )
    for link in link_rows:
        does[link.statement].append(
            {
                "id": link.id,
                "text": _read_text(link.document),
                "stance": link.stance,
                "conditional": link.conditional,
            }
        )
    passages: dict[str, PassageView] = {}
    for row in rows:
        words: PassageWordsView = {
            "text": row.text,
            "language": row.language,
            "rendering": row.rendering,
            "exact": row.exact,
            "prefix": row.prefix,
        }
        if row.statement in passages:
            passages[row.statement]["others"].append(words)
        else:
            passages[row.statement] = {
                **words,
                "statement": statements[row.statement],
                "others": [],
                "does": does[row.statement],
            }
    return list(passages.values())


def _read_text(document: str) -> str:
    text: str = orjson.loads(document)["text"]
    return text
