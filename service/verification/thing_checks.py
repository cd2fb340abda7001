"""Proves statements, sources, parties, people, keys, webhooks and settings from their events.

Columns that follow from others (normalized names, fingerprints, roots) are derived again.
"""

import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import groupby
from typing import Any

import orjson
from sqlalchemy import (
    Column,
    Connection,
    Row,
    RowMapping,
    Select,
    String,
    Table,
    cast,
    func,
    select,
)

from service.claims import use_changes
from service.directory import source_commands
from service.domain import addresses, names, things
from service.domain import uses as domain_uses
from service.domain.claims import Precision
from service.domain.history import Event
from service.domain.instants import compute_end
from service.domain.subjects import SubjectKind
from service.domain.things import SignedEvent
from service.domain.webhooks import Format
from service.record import audit
from service.store import row_data, tables
from service.store.installation import RECORDED_SETTINGS
from service.store.row_data import PARTY, SOURCE, SPEAKER, STATEMENT, STORY, ExchangedTable
from service.store.webhook_tables import webhooks
from service.verification.breaks import (
    DAMAGE,
    Break,
    Counts,
    compare_row,
    compare_rows,
    describe_error,
    show_both,
    show_text,
)
from service.verification.chain_checks import check_chain
from service.webhooks import webhook_queries

BATCH = 500


@dataclass(frozen=True, slots=True)
class Proved:
    """A table whose rows have a record, and how the columns that it proves are read from a row."""

    table: Table
    key: Column[Any]
    describe: Callable[[RowMapping], things.Row]


def _prove_exchanged(kind: ExchangedTable) -> Proved:
    return Proved(kind.table, kind.key, lambda row: row_data.serialize_row(kind, row, whole=True))


def _prove_audited(table: Table, *columns: str) -> Proved:
    return Proved(
        table, table.c.id, lambda row: audit.describe_row({name: row[name] for name in columns})
    )


KINDS: Mapping[SubjectKind, Proved] = {
    SubjectKind.PARTY: _prove_exchanged(PARTY),
    SubjectKind.SPEAKER: _prove_exchanged(SPEAKER),
    SubjectKind.SOURCE: _prove_exchanged(SOURCE),
    SubjectKind.STORY: _prove_exchanged(STORY),
    SubjectKind.STATEMENT: _prove_exchanged(STATEMENT),
    SubjectKind.NOTE: _prove_audited(
        tables.notes, *("claim", "text", "author", "author_name", "recorded_at", "reply_to")
    ),
    SubjectKind.USE: _prove_audited(
        tables.uses, *(column.name for column in tables.uses.c if column.name != "id")
    ),
    SubjectKind.PERSON: _prove_audited(
        tables.users,
        "email",
        "name",
        "role",
        "password_hash",
        "password_by",
        "created_at",
        "disabled_at",
    ),
    SubjectKind.KEY: _prove_audited(
        tables.api_keys,
        "secret_hash",
        "name",
        "role",
        "user",
        "made_by",
        "created_at",
        "expires_at",
        "revoked_at",
    ),
    SubjectKind.WEBHOOK: _prove_audited(
        webhooks,
        "format",
        "url",
        "credentials",
        "description",
        "event_types",
        "story",
        "claim",
        "ordering",
        "max_in_flight",
        "timeout_s",
        "headers",
        "secret",
        "previous_secrets",
        "created_at",
        "created_by",
        "deleted_at",
        "owner",
        "contact",
        "status_from",
        "status_to",
        "kinds",
        "severity",
        "quotes",
    ),
}
ASSUMED: Mapping[SubjectKind, things.Row] = {
    SubjectKind.WEBHOOK: {
        "format": Format.STANDARD.value,
        **dict.fromkeys(("status_from", "status_to", "kinds", "severity"), ""),
        "quotes": True,
        "tags": [],
        "languages": [],
    }
}
"""What rows have of which the events of earlier releases say nothing; otherwise null."""
MAY_BE_GONE = {SubjectKind.WEBHOOK: "webhook.removed"}
"""The last event of things whose rows are deleted some time after it."""


def check_kind(
    connection: Connection, kind: SubjectKind, counts: Counts, low: str | None, high: str | None
) -> Iterator[Break]:
    """Yield the breaks of the things of a kind above `low` up to `high`."""
    checked_table = KINDS[kind]
    key = checked_table.key
    query = select(checked_table.table).order_by(key).limit(BATCH)
    if high is not None:
        query = query.where(key <= high)
    roots = _list_roots(connection) if kind is SubjectKind.PARTY else {}
    rows = connection.execute(query if low is None else query.where(key > low)).all()
    while rows:
        keys = [row._mapping[key.name] for row in rows]
        chains = _read_chains(connection, kind, keys)
        quotes = _read_quotes(connection, keys) if kind is SubjectKind.STATEMENT else {}
        lists = webhook_queries.read_lists(connection, keys) if kind is SubjectKind.WEBHOOK else {}
        alterations = (
            use_changes.read_alterations(connection, {row.claim for row in rows})
            if kind is SubjectKind.USE
            else {}
        )
        for row in rows:
            subject = row._mapping[key.name]
            lines = chains.get(subject, [])
            counts.things += 1
            counts.events += len(lines)
            if not lines and _is_own_setting(kind, row._mapping):
                continue
            if not lines:
                yield Break(subject, None, "events", "at least 1", "none", kind.value)
                continue
            yield from check_chain(subject, lines, kind=kind)
            try:
                signed_events = [_read_event(line) for line in lines]
                if kind is SubjectKind.USE:
                    claim = row._mapping["claim"]
                    expected_row = domain_uses.fold_use(signed_events, alterations.get(claim, []))
                else:
                    expected_row = things.fold(kind, signed_events)
            except DAMAGE as error:
                reason = describe_error(error)
                yield Break(subject, None, "fold", "events that can follow", reason, kind.value)
                continue
            for mark in things.MARKS & signed_events[0].event.data.keys():
                place = (checked_table.table.name, mark)
                counts.marked[place] = counts.marked.get(place, 0) + 1
            if kind is SubjectKind.STATEMENT:
                stated_quotes = typing.cast("list[things.Row]", expected_row.pop("quotes"))
                yield from _check_quotes(subject, stated_quotes, quotes.get(subject, []))
            name = checked_table.table.name
            plain = checked_table.describe(row._mapping)
            if kind is SubjectKind.WEBHOOK:
                plain |= lists[subject]
            unsaid = dict.fromkeys(plain.keys() - {key.name}) | ASSUMED.get(kind, {})
            expected_row = unsaid | expected_row
            yield from compare_row(subject, None, name, expected_row, plain, kind=kind.value)
            yield from compare_row(
                subject,
                None,
                name,
                _derive(kind, row._mapping, roots),
                row._mapping,
                kind=kind.value,
            )
        last = rows[-1]._mapping[key.name]
        rows = connection.execute(query.where(key > last)).all()


def _is_own_setting(kind: SubjectKind, row: RowMapping) -> bool:
    """Whether a row is a person's own channel, or leads to a contact: those have no events."""
    return kind is SubjectKind.WEBHOOK and (row["owner"], row["contact"]) != (None, None)


def _read_event(line: Row[Any]) -> SignedEvent:
    """Return a stored event as the rules read it.  Raises ValueError if it is not JSON."""
    event = Event(line.number, line.type, line.recorded_at, orjson.loads(line.data))
    return SignedEvent(event, orjson.loads(line.actor))


def _derive(kind: SubjectKind, row: RowMapping, roots: Mapping[str, str]) -> Mapping[str, Any]:
    """Return the columns of a row that follow from its others."""
    if kind is SubjectKind.PARTY:
        return {"root": roots.get(row["slug"], row["slug"])}
    if kind is SubjectKind.SPEAKER:
        is_merged = row["merged_into"] is not None
        derived_names = names.normalize_speaker(
            *((row["merged_name"], row["merged_role"]) if is_merged else (row["name"], row["role"]))
        )
        marked_name = names.mark_duplicate(derived_names, row["id"])
        return marked_name if row["folded_name"] == marked_name["folded_name"] else derived_names
    if kind is SubjectKind.STATEMENT:
        return {"said_end": compute_end(row["said_at"], Precision(row["precision"]))}
    if kind is SubjectKind.SOURCE:
        mark = source_commands.compute_fingerprint(row["url"], row["sha256"])
        # An older release recorded a page once for each spelling: all but one are marked by id.
        second = sha256(row["id"].encode()).hexdigest()
        is_second = row["fingerprint"] == second
        return {
            "fingerprint": second if is_second else mark,
            "address_digest": addresses.compute_address_digest(row["url"]),
        }
    return {}


def _check_quotes(
    statement: str, expected_quotes: Sequence[things.Row], rows: Sequence[Row[Any]]
) -> Iterator[Break]:
    yield from compare_rows(
        statement,
        "quotes",
        {quote["id"]: quote for quote in expected_quotes},
        {row.id: row_data.serialize_row(row_data.QUOTE, row._mapping) for row in rows},
        kind=SubjectKind.STATEMENT.value,
    )


def _read_chains(
    connection: Connection, kind: SubjectKind, keys: Sequence[str]
) -> dict[str, list[Row[Any]]]:
    t = tables.events
    query = (
        select(t)
        .where(t.c.kind == kind.value, t.c.subject.in_(keys))
        .order_by(t.c.subject, t.c.number)
    )
    rows = connection.execute(query)
    return {subject: list(lines) for subject, lines in groupby(rows, lambda row: row.subject)}


def _read_quotes(connection: Connection, statements: Sequence[str]) -> dict[str, list[Row[Any]]]:
    t = tables.quotes
    rows = connection.execute(
        select(t).where(t.c.statement.in_(statements)).order_by(t.c.statement, t.c.position)
    )
    return {key: list(quotes) for key, quotes in groupby(rows, lambda row: row.statement)}


def check_settings(connection: Connection, counts: Counts) -> Iterator[Break]:
    """Yield the breaks between the recorded settings of the installation and the present ones."""
    t = tables.events
    rows = connection.execute(
        select(t).where(t.c.kind == SubjectKind.SETTING.value).order_by(t.c.subject, t.c.number)
    )
    expected_rows: dict[str, things.Row] = {}
    for name, lines in groupby(rows.all(), lambda row: row.subject):
        chain = list(lines)
        counts.things += 1
        counts.events += len(chain)
        yield from check_chain(name, chain, kind=SubjectKind.SETTING)
        try:
            signed_events = [_read_event(line) for line in chain]
            expected_rows[name] = things.fold(SubjectKind.SETTING, signed_events)
        except DAMAGE as error:
            reason = describe_error(error)
            yield Break(name, None, "fold", "events that can follow", reason, "setting")
    i = tables.installation
    values = {
        row.name: row.value
        for row in connection.execute(select(i).where(i.c.name.in_(RECORDED_SETTINGS)))
    }
    for name in sorted(expected_rows.keys() | values.keys()):
        right = expected_rows.get(name)
        if right is None:
            yield Break(name, None, "events", "at least 1", "none", "setting")
            continue
        found_setting = audit.describe_setting(name, values.get(name))
        if right != found_setting:
            shown_values = show_both(show_text(right), show_text(found_setting))
            yield Break(name, None, "installation.value", *shown_values, "setting")


def check_missing_rows(connection: Connection, kind: SubjectKind) -> Iterator[Break]:
    """Yield a break for each thing that has events and no row."""
    key = KINDS[kind].key
    t = tables.events
    subject: Any = t.c.subject
    if connection.dialect.name == "sqlite" and not isinstance(key.type, String):
        subject = func.replace(t.c.subject, "-", "")
    subjects = select(cast(key, String)).scalar_subquery()
    missing: Select[Any] = select(t.c.subject).where(
        t.c.kind == kind.value, subject.not_in(subjects)
    )
    last = MAY_BE_GONE.get(kind)
    if last is not None:
        ended_subjects = select(t.c.subject).where(t.c.kind == kind.value, t.c.type == last)
        missing = missing.where(t.c.subject.not_in(ended_subjects))
    for subject_id in connection.scalars(missing.distinct()):
        yield Break(subject_id, None, KINDS[kind].table.name, "a row", "no row", kind.value)


def _list_roots(connection: Connection) -> dict[str, str]:
    """Return the root of each party; if the tree is a circle, the last before it closes."""
    parents = {
        row.slug: row.parent
        for row in connection.execute(select(tables.parties.c.slug, tables.parties.c.parent))
    }
    roots = {}
    for slug in parents:
        path = [slug]
        while (parent := parents.get(path[-1])) is not None and parent not in path:
            path.append(parent)
        roots[slug] = path[-1]
    return roots


def check_party_versions(connection: Connection) -> Iterator[Break]:
    """Yield the breaks of the former names and parents of parties."""
    t = tables.events
    lines = connection.execute(
        select(t).where(t.c.kind == SubjectKind.PARTY.value).order_by(t.c.seq)
    ).all()
    try:
        expected_versions = things.fold_party_versions(
            (line.subject, _read_event(line)) for line in lines
        )
    except DAMAGE as error:
        reason = describe_error(error)
        yield Break("", None, "party_versions", "events that can follow", reason, "party")
        return
    found_rows: dict[str, list[things.Row]] = {}
    v = tables.party_versions
    for row in connection.execute(select(v).order_by(v.c.slug, v.c.recorded_at)):
        plain = row_data.serialize_row(row_data.PARTY_VERSION, row._mapping)
        found_rows.setdefault(row.slug, []).append(plain)
    for slug in dict.fromkeys([*expected_versions, *found_rows]):
        yield from compare_rows(
            slug,
            "party_versions",
            {version["recorded_at"]: version for version in expected_versions.get(slug, [])},
            {row["recorded_at"]: row for row in found_rows.get(slug, [])},
            kind="party",
        )
