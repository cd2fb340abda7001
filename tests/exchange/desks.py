"""Build desks to exchange; export, edit and import them."""

import io
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from typing import Any

import orjson
from sqlalchemy import Connection

from service.accounts import account_queries, key_commands, sign_in_commands, user_commands
from service.claims import claim_commands, note_commands, statement_commands
from service.cli.importing import import_export
from service.cli.progress import ProgressBar
from service.domain.access import SYSTEM, Actor, Role
from service.domain.claims import Basis, Precision, Rendering, Stance, Status
from service.domain.inputs import NewQuote, NewSource, NewStatement
from service.exchange import export, export_format
from service.exchange.export_check import Tally
from service.exchange.scratch import Refusal, Scratch
from service.record.canonical import render_canonical
from service.store.engine import Database
from service.verification import verification
from service.webhooks import webhook_commands
from tests.support.hashes import hash_claim_event
from tests.verification.workday import BEGIN, Day, work_a_day

HOSTILE = (
    "<script>alert('x')</script> \"quoted\" =cmd|' /C calc'!A0",
    "\u202eright to left\u202c, \u0645\u0631\u062d\u0628\u0627, \U0001f469\u200d\U0001f680 e\u0301",
    "back\\slash, new\nline, tab\t, \x01control\x7f, \u2028 and \u2029, \\u0000 spelled out",
    "w" * 2000,
)
ENDPOINT: dict[str, Any] = {
    "url": "https://cms.example/hook",
    "description": None,
    "event_types": (),
    "story": None,
    "claim": None,
    "parties": (),
    "ordering": "claim",
    "max_in_flight": 8,
    "timeout_s": 15.0,
    "headers": {},
}
Json = dict[str, Any]


class LateDay(Day):
    """A day whose instants have microseconds."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection)
        self.time = BEGIN + timedelta(days=1, microseconds=123_456)


def fill_desk(connection: Connection) -> None:
    """Record every kind of event, hostile texts, people, notes, several renderings, a pending
    decision, withdrawn words, and secrets that no export may hold."""
    work_a_day(connection)
    day = LateDay(connection)
    for text in HOSTILE:
        claim = day.claim(text, tags=("<b>", "'=1+1", text[:40]))
        note = note_commands.add_note(connection, claim, text=text, **day.by())
    note_commands.change_note(connection, note, text="Meant otherwise", **day.by())
    ground = day.link(claim, "nato", Stance.SUPPORTS)
    day.move(claim, Status.CONFIRMED, ground)
    disputed_claim = day.claim("disputed")
    day.link(disputed_claim, "pristina", Stance.CONTRADICTS)
    user = user_commands.create_user(
        connection,
        email="ana@example.org",
        name="Ana",
        role=Role.ADMIN,
        password_hash="a-password-hash",
        **day.by(SYSTEM),
    )
    disabled_user = user_commands.create_user(
        connection, email="gone@example.org", name="Gone", role=Role.READER, **day.by(SYSTEM)
    )
    user_commands.change_user(connection, disabled_user, {"disabled": True}, **day.by(SYSTEM))
    key = key_commands.create_key(
        connection, name="bot", role=Role.CHECKER, user=user, **day.by(SYSTEM)
    )
    ana = account_queries.read_user_by_email(connection, "ana@example.org")["id"]
    sign_in_commands.create_sign_in_link(connection, ana, actor=SYSTEM, now=day.time)
    day.amend(disputed_claim, assignee=user)
    claim_commands.withdraw_claim(
        connection,
        disputed_claim,
        reason="taken back",
        source=None,
        **day.by(Actor(key.id, "bot", Role.CHECKER)),
    )
    sources = [
        NewSource(f"https://example.org/{n}", publisher="P", sha256=f"{n}" * 64) for n in "ab"
    ]
    statement_draft = NewStatement(
        "nato",
        None,
        BEGIN,
        Precision.HOUR,
        Basis.UNSTATED,
        (NewQuote("one", "en", Rendering.VERBATIM, sources[0]),),
    )
    statement = statement_commands.record_statement(connection, statement_draft, **day.by())
    statement_commands.add_quote(
        connection,
        statement.id,
        NewQuote("two", "sr-Latn", Rendering.TRANSLATED, sources[1]),
        **day.by(),
    )
    webhook_commands.create_webhook(connection, ENDPOINT, **day.by(SYSTEM))


async def export_desk(database: Database) -> bytes:
    out = io.BytesIO()
    await database.read(export.write_export, write=out.write)
    return out.getvalue()


@dataclass(frozen=True)
class ImportResult:
    tallies: dict[str, Tally]
    refusals: list[Refusal]

    @property
    def new(self) -> int:
        return sum(tally.new for tally in self.tallies.values())

    @property
    def refusal_pairs(self) -> list[tuple[str, str]]:
        return [(refusal.record, refusal.reason) for refusal in self.refusals]


async def import_lines(database: Database, data: bytes, *, dry_run: bool = False) -> ImportResult:
    """Import an export as the command does."""
    with closing(Scratch()) as scratch:
        outcome = await import_export(
            database, io.BytesIO(data), scratch, ProgressBar("", quiet=True).show, dry_run=dry_run
        )
        return ImportResult(outcome.tallies, list(scratch.list_refusals()))


async def count_proved_claims(database: Database) -> int:
    """Return how many claims there are, after `claimdesk verify` found nothing wrong."""
    report = await database.read(verification.verify)
    assert report.ok, report.breaks
    return report.claims


def edit_export(data: bytes, change: Callable[[list[Json]], list[Json] | None]) -> bytes:
    """Return the export with other lines, and a trailer that fits them."""
    first, *lines, _ = data.splitlines()
    values = [orjson.loads(line) for line in lines]
    values = change(values) or values
    body = b"".join(line + b"\n" for line in (first, *map(orjson.dumps, values)))
    counts = {
        kind: sum(line["record"] == kind for line in values) for kind in export_format.RECORDS
    }
    return body + export_format.build_trailer(counts, sha256(body).hexdigest())


def downgrade_to_version_1(data: bytes) -> bytes:
    """Return the export as version 1 has it: without the events of things."""

    def forget(lines: list[Json]) -> None:
        for line in lines:
            line.pop("events", None)

    return edit_export(data.replace(b'"version":3', b'"version":1', 1), forget)


def select_lines(lines: list[Json], record: str, **fields: Any) -> list[Json]:
    return [
        line
        for line in lines
        if line["record"] == record and all(line[name] == value for name, value in fields.items())
    ]


def rehash_chain(lines: list[Json], claim: str) -> None:
    """Compute the hashes of a claim's events again, whatever they say now."""
    previous = "0" * 64
    for number, line in enumerate(select_lines(lines, "event", claim=claim), start=1):
        line |= {"number": number, "previous_hash": previous}
        previous = line["hash"] = hash_claim_event(
            claim=claim,
            number=number,
            type=line["type"],
            recorded_at=line["recorded_at"],
            actor=render_canonical(line["actor"]),
            data=render_canonical(line["data"]),
            salts=line.get("salts"),
            previous_hash=previous,
        )
