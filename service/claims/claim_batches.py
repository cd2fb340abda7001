"""New claims that are recorded together, as imports do: their rows wait, and are then written table
by table.

One statement for each row takes longer than making the rows.  What they say, and the order of the
events, is as if each claim had been recorded by itself.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Connection, Table, insert, select

from service.claims import pending_statements, projections, webhook_bodies
from service.claims.pending_statements import PendingStatement
from service.domain import ids
from service.domain.access import Actor
from service.domain.subjects import SubjectKind
from service.record import audit, writer
from service.search.index import index_writer
from service.search.index.index_tables import claim_search, statement_search
from service.store import wakeups
from service.store.compiled_statements import CompiledStatement, StatementBatch, bind_columns
from service.store.tables import claim_tags, claims, events, notes, quotes, statements
from service.store.transaction_context import context_of
from service.store.webhook_tables import IS_REGISTERED, webhooks
from service.webhooks import outbox

Row = Mapping[str, Any]
Message = tuple[Sequence[index_writer.Step], Sequence[Row]]
"""The steps of a claim, and the lines of its events: what receivers are told of."""


def _build_insert(table: Table, columns: Sequence[str] | None = None) -> CompiledStatement:
    names = columns if columns is not None else [column.name for column in table.c]
    return CompiledStatement(insert(table).values(bind_columns(table, names, "new")).inline())


# In the order in which they refer to each other.
INSERTS = {
    statements: _build_insert(statements, pending_statements.STATEMENT_COLUMNS),
    quotes: _build_insert(quotes),
    statement_search: index_writer.COMPILED_INSERT_STATEMENT,
    claims: _build_insert(claims),
    events: _build_insert(events, writer.COLUMNS),
    claim_search: index_writer.COMPILED_INSERT_CLAIM,
    claim_tags: _build_insert(claim_tags),
    notes: _build_insert(notes, [column.name for column in notes.c if column.name != "reply_to"]),
}
ENDPOINT = select(webhooks.c.id).where(webhooks.c.deleted_at.is_(None), IS_REGISTERED).limit(1)
MESSAGE = StatementBatch(*outbox.build_inserts("told"))


class ClaimBatch:
    """Claims, with their statements, tags and notes, that wait to be written."""

    def __init__(self) -> None:
        self._rows: dict[Table, list[Row]] = {table: [] for table in INSERTS}
        self._messages: list[Message] = []

    def add_claim(
        self,
        row: Row,
        steps: Sequence[index_writer.Step],
        lines: Sequence[Row],
        origin: PendingStatement | None,
    ) -> None:
        """Add a claim that begins with these events, made of this statement."""
        assert origin is not None, "a claim from elsewhere brings its statement along"
        after = steps[-1][1]
        self._add(statements, origin.row)
        for quote in origin.quote_rows:
            self._add(quotes, quote)
        statement_row = index_writer.build_new_statement_row(
            origin.statement.id, origin.voice, origin.sources
        )
        self._rows[statement_search].append(
            {
                "search_statement": statement_row["search_statement"],
                "search_words": statement_row["search_statement_words"],
            }
        )
        self._add(claims, {**row, "id": after.id, "created_at": after.created_at})
        for line in (*origin.lines, *lines):
            self._add(events, line)
        index_row = index_writer.build_claim_row(after, origin.sources, ())
        self._rows[claim_search].append(index_row)
        for (before, state, event), line in zip(steps, lines, strict=True):
            actor = orjson.loads(line["actor"])
            for change in projections.list_row_changes(before, state, event, actor):
                assert isinstance(change, projections.Inserted), "a new claim replaces nothing"
                for new_row in change.rows:
                    self._add(change.table, new_row)
        self._messages.append((steps, lines))

    def add_note(self, claim_id: str, *, text: str, actor: Actor, now: datetime) -> None:
        """Add a note on a claim of this batch."""
        row = {
            "id": ids.make_id(),
            "claim": claim_id,
            "text": text,
            "author": actor.id,
            "author_name": actor.name,
            "recorded_at": now,
        }
        self._add(notes, row)
        for line in audit.build_first_lines(
            SubjectKind.NOTE, str(row["id"]), row, actor=actor, now=now
        ):
            self._add(events, line)

    def write(self, connection: Connection, *, now: datetime) -> None:
        """Write everything, a table at a time, and tell receivers of it."""
        for table, insertion in INSERTS.items():
            insertion.run_each(connection, self._rows[table])
        # Asked last, as one claim alone would ask: an endpoint that was made meanwhile is told.
        if connection.execute(ENDPOINT).first() is not None:
            for message in self._list_messages(context_of(connection).base_url, now=now):
                MESSAGE.run(connection, message)
        wakeups.notify_after_commit(connection)

    def _add(self, table: Table, row: Row) -> None:
        self._rows[table].append({f"new_{name}": value for name, value in row.items()})

    def _list_messages(self, base_url: str, *, now: datetime) -> list[Row]:
        messages: list[Row] = []
        for steps, lines in self._messages:
            after = steps[-1][1]
            for (_, _, event), line in zip(steps, lines, strict=True):
                by = orjson.loads(line["actor"]).get("name")
                body = webhook_bodies.render_message(event, after, by=by, base_url=base_url)
                if body is not None:
                    messages.append(
                        outbox.build_parameters("told", event, line, after, body, now=now)
                    )
        return messages
