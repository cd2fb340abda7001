"""Import claims from elsewhere as the command does."""

import io
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import Connection, select

from service.cli.importing import Rows, import_claims
from service.cli.progress import ProgressBar
from service.exchange import import_csv, import_lists, import_reviews
from service.exchange.export_check import Tally
from service.exchange.import_lines import FileNotes
from service.exchange.import_mapping import Mapping
from service.exchange.scratch import Scratch
from service.store import tables
from service.store.engine import Database

COLUMNS = ("Claim", "By", "Person", "Role", "Date", "Link", "Rating", "Why", "Tags", "Story")
MAPPING: dict[str, Any] = {
    "name": "example",
    "rated_by": "Example Fact-check",
    "columns": {
        "text": "Claim",
        "claimant": "By",
        "speaker": "Person",
        "role": "Role",
        "date": "Date",
        "url": "Link",
        "label": "Rating",
        "explanation": "Why",
        "tags": "Tags",
        "story": "Story",
    },
    "dates": {"formats": ["%d-%m-%Y"], "timezone": "Europe/Belgrade"},
    "claimants": {"unknown": "create"},
    "defaults": {"url": "https://example.org/"},
}


@dataclass(frozen=True)
class Result:
    tally: Tally
    refused: list[tuple[int, str | None, str]]
    remarks: list[tuple[int, str]]
    fallback_lines: int
    notes: list[str]


async def import_rows(
    database: Database, data: bytes, form: str = "csv", *, dry_run: bool = False, **changes: Any
) -> Result:
    mapping = Mapping.model_validate(MAPPING | changes)
    return await import_mapped_rows(database, data, form, mapping, dry_run=dry_run)


async def import_mapped_rows(
    database: Database, data: bytes, form: str, mapping: Mapping, *, dry_run: bool = False
) -> Result:
    with closing(Scratch()) as scratch:
        source, notes = io.BytesIO(data), FileNotes()
        if form == "csv":
            rows: Rows = import_csv.read_rows(source, mapping, scratch, notes)
        elif form == "json":
            rows = import_lists.read_rows(source, mapping, scratch, notes)
        else:
            rows = import_reviews.read_reviews(source, mapping, scratch)
        show = ProgressBar("", quiet=True).show
        outcome = await import_claims(
            database, source, rows, mapping, scratch, show, dry_run=dry_run
        )
        return Result(
            outcome.tallies["claim"],
            [(refusal.line, refusal.field, refusal.reason) for refusal in scratch.list_refusals()],
            list(scratch.list_remarks()),
            notes.fallback_lines,
            notes.texts,
        )


def build_sheet(*rows: str, headings: str = ",".join(COLUMNS)) -> bytes:
    return "\n".join([headings, *rows, ""]).encode()


def build_row(text: str = "A claim", **cells: str) -> str:
    """Return a row of a sheet; cells are quoted only where the caller quotes them."""
    values = {"Claim": text, "By": "Belgrade", "Date": "25-8-2020", "Rating": "False"} | cells
    return ",".join(values.get(name, "") for name in COLUMNS)


async def list_claims(database: Database) -> list[dict[str, Any]]:
    """Return every claim as served, in the order in which they were imported."""

    def read(connection: Connection) -> list[dict[str, Any]]:
        t, events = tables.claims, tables.events
        query = select(t.c.document).join(events, events.c.claim == t.c.id)
        query = query.where(events.c.number == 1).order_by(events.c.seq)
        return [orjson.loads(document) for document in connection.scalars(query)]

    return await database.read(read)
