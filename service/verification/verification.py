"""`claimdesk verify`: proves every stored state from the record, and the record from its hashes.

Hashes show a change of an event, unless every later hash of its chain was computed again.  Folding
the events shows a change of what is derived from them.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from sqlalchemy import Connection

from service.store.snapshot import hold_snapshot
from service.verification.breaks import Break, Counts, Remark
from service.verification.parts import (
    MOST_BREAKS,
    Part,
    PartResult,
    check_part,
    plan_parts,
)

Progress = Callable[[int, int], None] | None

UNPROVED: Mapping[str, str] = {
    "idempotency": "answers to be given again, kept for a day",
    "sessions": "who is signed in where, for as long as that lasts",
    "sign_in_links": "links that let in once, for as long as they hold",
    "sign_in_tries": "how often passwords were tried lately",
    "request_limits": "how many requests each caller made lately",
    "correction_requests": "what strangers ask, and the answers until they are published",
    "follows": "what people follow",
    "saved_views": "filters of the board that people saved under a name",
    "notices": "what people were told, for as long as that is kept",
    "notice_jobs": "what is still to be told to followers",
    "personal_feeds": "private addresses of feeds",
    "notice_settings": "where and when people are written to",
    "notice_mailings": "notices that are to go out by mail or chat",
    "endpoint_alerts": "of which endpoints administrators were told",
    "contact_addresses": "addresses of mail of those who printed claims, until they are deleted",
    "use_contacts": "to which of these addresses mail about a use goes",
    "notice_position": "up to which event people were told",
    "intakes": "articles' texts, kept while they are worked on",
    "renames": "renames that come to claims in batches, until they have come to all",
    "rename_claims": "the claims that a rename has not come to yet",
    "webhook_messages": "what was sent, in the bytes of its time",
    "webhook_deliveries": "how far each message has come",
    "webhook_attempts": "what receivers answered",
}
"""Tables that do not follow from the record, and what they hold."""
UNPROVED_COLUMNS: Mapping[tuple[str, str], str] = {
    ("events", "id"): "the id by which receivers of webhooks know an event: no hash covers it",
    ("api_keys", "last_used_at"): "when a key was last used",
    ("users", "time_zone"): "the zone in which pages show somebody times",
    ("claim_search", "number"): "in which order claims came into the index",
    ("statement_search", "number"): "in which order statements came into the index",
} | {
    ("webhooks", column): "how the endpoint does"
    for column in (
        "state",
        "state_reason",
        "updated_at",
        "failures",
        "failing_since",
        "blocked_until",
        "last_success_at",
        "last_failure_at",
        "last_error",
        "served_at",
    )
}
"""Columns of proved tables that do not follow from the record, and what they hold."""


@dataclass(frozen=True, slots=True)
class Report:
    """What was read, how many breaks there are, the first few of them, and what is not proved."""

    ok: bool
    claims: int
    things: int
    events: int
    broken: int
    first_break: Break | None
    breaks: tuple[Break, ...]
    remarks: tuple[Remark, ...]


def verify(connection: Connection, *, progress: Progress = None) -> Report:
    """Read everything as it is at one instant, and compare.

    To be called by `Database.read`.  `progress` is called from time to time with the number of
    steps that are done, and of all.
    """
    with hold_snapshot(connection):
        return compare_with_record(connection, progress)


def compare_with_record(connection: Connection, progress: Progress = None) -> Report:
    """Do what `verify` does in the transaction of the caller."""
    parts = plan_parts(connection)
    total, step_count = sum(part.steps for part in parts), 0
    results = []
    for part in parts:
        results.append(check_part(connection, part))
        step_count += part.steps
        if progress is not None:
            progress(step_count, total)
    return build_report(results)


def plan(connection: Connection) -> list[Part]:
    """Return the parts of which a report is made, for whoever has them checked side by side."""
    with hold_snapshot(connection):
        return plan_parts(connection)


def verify_part(connection: Connection, part: Part) -> PartResult:
    """Check one part as it is at one instant.  To be called by `Database.read`."""
    with hold_snapshot(connection):
        return check_part(connection, part)


def build_report(results: Iterable[PartResult]) -> Report:
    """Return the report of all parts, in their order."""
    counts = Counts()
    breaks: list[Break] = []
    remarks: list[Remark] = []
    break_count = 0
    for result in results:
        break_count += result.broken
        breaks += result.breaks[: MOST_BREAKS - len(breaks)]
        remarks += result.remarks
        counts.add(result.counts)
    remarks += [*counts.list_remarks(), *_list_unproved()]
    return Report(
        ok=not break_count,
        claims=counts.claims,
        things=counts.things,
        events=counts.events,
        broken=break_count,
        first_break=breaks[0] if breaks else None,
        breaks=tuple(breaks),
        remarks=tuple(remarks),
    )


def _list_unproved() -> Iterator[Remark]:
    """Yield a remark for each table that is not proved, and for columns that hold the same."""
    for table, content in UNPROVED.items():
        yield Remark(table, f"not proved: {content}")
    columns: dict[tuple[str, str], list[str]] = {}
    for (table, name), content in UNPROVED_COLUMNS.items():
        columns.setdefault((table, content), []).append(name)
    for (table, content), names in columns.items():
        yield Remark(table, f"not proved, {', '.join(names)}: {content}")
