"""The rows beside a claim that its record implies, worked out without the database.

The rule is `projections.list_row_changes`, by which the writer wrote the tables. Here its changes
are applied to rows in memory, so that `claimdesk verify` can tell whether the tables still agree.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import RowMapping

from service.claims import projections
from service.claims.projections import Deleted, Inserted, Updated
from service.domain.claims import ClaimState
from service.domain.history import Event
from service.domain.things import Row
from service.store.tables import claim_tags, decisions, inquiries, links

FORMER_KEYS: Mapping[str, tuple[str, ...]] = {
    "former_claims": ("number",),
    "former_links": ("number", "link"),
    "former_quotes": ("number", "quote"),
}
"""The keys of one claim's rows in the tables of what was corrected."""


def build_former_key(table: str, row: Row | RowMapping) -> tuple[object, ...]:
    return tuple(row[name] for name in FORMER_KEYS[table])


class ImpliedRows:
    """One claim's links, decisions, requests for comment, tags and what corrections left of it,
    after the events that were followed.

    Each is a dict of rows by key; a row has every column of its table.
    """

    def __init__(self) -> None:
        self.by_id: dict[str, dict[object, Row]] = {
            table.name: {} for table in (links, decisions, inquiries)
        }
        """By table and id."""
        self.tags: dict[tuple[object, object], Row] = {}
        self.former: dict[str, dict[tuple[object, ...], Row]] = {name: {} for name in FORMER_KEYS}
        """What corrections left, by table and key."""

    def follow(
        self,
        before: ClaimState | None,
        after: ClaimState,
        event: Event,
        actor: Mapping[str, Any],
    ) -> None:
        """Apply what `event` changes; `actor` is the event's own: {id, name}, or {rule}."""
        for change in projections.list_row_changes(before, after, event, actor):
            if isinstance(change, Inserted):
                for row in change.rows:
                    self._insert(change.table.name, dict(row))
                continue
            matching = self._find(change)
            if isinstance(change, Updated):
                for row in matching:
                    row.update(change.values)
            else:
                for row in matching:
                    del self.tags[row["tag"], row["added_at"]]

    def _insert(self, table: str, row: Row) -> None:
        if table == claim_tags.name:
            self.tags[row["tag"], row["added_at"]] = row
        elif table in FORMER_KEYS:
            self.former[table][build_former_key(table, row)] = row
        else:
            self.by_id[table][row["id"]] = row

    def _find(self, change: Updated | Deleted) -> list[Row]:
        """Find the rows to change.  Raises KeyError for an id that no row has."""
        rows: Iterable[Row]
        if change.table is claim_tags:
            rows = self.tags.values()
        else:
            by_id = self.by_id[change.table.name]
            rows = [by_id[change.where["id"]]] if "id" in change.where else by_id.values()
        return [row for row in rows if _matches(row, change.where)]


def _matches(row: Row, where: Mapping[str, object]) -> bool:
    return all(
        row[name] in value if isinstance(value, tuple) else row[name] == value
        for name, value in where.items()
    )
