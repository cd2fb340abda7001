"""Proves from their own chains of events whatever is no claim: statements and sources, parties
and people, keys, webhooks and settings.

What of a row is worked out from another (folded names, fingerprints, roots) is worked out again.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
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

from service.directory import source_commands
from service.domain import addresses, names, things
from service.domain.claims import Precision, compute_end
from service.domain.history import Event
from service.domain.subjects import SubjectKind
from service.domain.things import Data, SignedEvent
from service.record import audit
from service.store import row_data, tables
from service.store.installation import RECORDED_SETTINGS
from service.store.row_data import PARTY, SOURCE, SPEAKER, STATEMENT, STORY, Exchanged
from service.store.webhook_tables import webhook_parties, webhooks
from service.verification.breaks import (
    Break,
    Remark,
    clip,
    compare_row,
    compare_rows,
    show_both,
    show_text,
)
from service.verification.chain_checks import check_chain

BATCH = 500


@dataclass(frozen=True, slots=True)
class Proved:
    """A table whose rows have a record, and what of a row that record says, as plain data."""

    table: Table
    key: Column[Any]
    describe: Callable[[RowMapping], Data]


def _exchanged(kind: Exchanged) -> Proved:
    return Proved(kind.table, kind.key, lambda row: row_data.plain(kind, row))


def _audited(table: Table, *columns: str) -> Proved:
    return Proved(
        table, table.c.id, lambda row: audit.describe_row({name: row[name] for name in columns})
    )


KINDS: Mapping[SubjectKind, Proved] = {
    SubjectKind.PARTY: _exchanged(PARTY),
    SubjectKind.SPEAKER: _exchanged(SPEAKER),
    SubjectKind.SOURCE: _exchanged(SOURCE),
    SubjectKind.STORY: _exchanged(STORY),
    SubjectKind.STATEMENT: _exchanged(STATEMENT),
    SubjectKind.NOTE: _audited(
        tables.notes, "claim", "text", "author", "author_name", "recorded_at"
    ),
    SubjectKind.PERSON: _audited(
        tables.users,
        "email",
        "name",
        "role",
        "password_hash",
        "password_by",
        "created_at",
        "disabled_at",
    ),
    SubjectKind.KEY: _audited(
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
    SubjectKind.WEBHOOK: _audited(
        webhooks,
        "url",
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
    ),
}
MAY_BE_GONE = {SubjectKind.WEBHOOK: "webhook.removed"}
"""The last event of things whose rows are cleared away once they are deleted."""


@dataclass(slots=True)
class Counts:
    """What was read: events, things, and how many of these began before the record did."""

    events: int = 0
    things: int = 0
    unproved: dict[tuple[str, str], int] = field(default_factory=dict)
    """How many rows of a table began with a mark (`things.FOUND_MARK`, `things.TOLD_MARK`)."""

    def remarks(self) -> list[Remark]:
        return [
            Remark(table, MARKED[mark].format(count=count))
            for (table, mark), count in self.unproved.items()
        ]


MARKED = {
    things.FOUND_MARK: "{count} recorded as found when the record of them began: "
    "nothing proves what they were before",
    things.TOLD_MARK: "{count} recorded as another desk's file told them, without proof",
}


def check_things(connection: Connection, counts: Counts) -> Iterator[Break]:
    """The breaks of every kind, and of what parties were called in the past."""
    for kind in KINDS:
        yield from _check_kind(connection, kind, counts)
        yield from _find_chains_of_nothing(connection, kind)
    yield from _check_party_versions(connection)
    yield from _check_settings(connection, counts)


def _check_kind(connection: Connection, kind: SubjectKind, counts: Counts) -> Iterator[Break]:
    proved = KINDS[kind]
    key = proved.key
    query = select(proved.table).order_by(key).limit(BATCH)
    roots = _list_roots(connection) if kind is SubjectKind.PARTY else {}
    rows = connection.execute(query).all()
    while rows:
        keys = [row._mapping[key.name] for row in rows]
        chains = _read_chains(connection, kind, keys)
        quotes = _read_quotes(connection, keys) if kind is SubjectKind.STATEMENT else {}
        parties = _read_parties(connection, keys) if kind is SubjectKind.WEBHOOK else {}
        for row in rows:
            subject = row._mapping[key.name]
            lines = chains.get(subject, [])
            counts.things += 1
            counts.events += len(lines)
            if not lines:
                yield Break(subject, None, "events", "at least 1", "none", kind.value)
                continue
            yield from check_chain(subject, lines, kind=kind)
            try:
                signed = [sign(line) for line in lines]
                expected = things.fold(kind, signed)
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                found = clip(f"{type(error).__name__}: {error}")
                yield Break(subject, None, "fold", "events that can follow", found, kind.value)
                continue
            for mark in things.FOUND_MARK, things.TOLD_MARK:
                if mark in signed[0].event.data:
                    place = (proved.table.name, mark)
                    counts.unproved[place] = counts.unproved.get(place, 0) + 1
            if kind is SubjectKind.STATEMENT:
                yield from _check_quotes(subject, expected.pop("quotes"), quotes.get(subject, []))
            name = proved.table.name
            plain = proved.describe(row._mapping)
            if kind is SubjectKind.WEBHOOK:
                plain["parties"] = parties.get(subject, [])
            expected = dict.fromkeys(plain.keys() - {key.name}) | expected
            yield from compare_row(subject, None, name, expected, plain, kind=kind.value)
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


def sign(line: Row[Any]) -> SignedEvent:
    """A stored event as the rules read it.  Raises ValueError for what is no JSON."""
    event = Event(line.number, line.type, line.recorded_at, orjson.loads(line.data))
    return SignedEvent(event, orjson.loads(line.actor))


def _derive(kind: SubjectKind, row: RowMapping, roots: Mapping[str, str]) -> Data:
    """What columns of a row follow from its others."""
    if kind is SubjectKind.PARTY:
        return {"root": roots.get(row["slug"], row["slug"])}
    if kind is SubjectKind.SPEAKER:
        derived = names.normalize_speaker(row["name"], row["role"])
        marked_name = names.mark_duplicate(derived, row["id"])
        return marked_name if row["folded_name"] == marked_name["folded_name"] else derived
    if kind is SubjectKind.STATEMENT:
        return {"said_end": compute_end(row["said_at"], Precision(row["precision"]))}
    if kind is SubjectKind.SOURCE:
        mark = source_commands.fingerprint(row["url"], row["sha256"])
        # A page that an older desk has under several spellings: all but one are marked by id.
        second = sha256(row["id"].encode()).hexdigest()
        marked = second if row["fingerprint"] == second else mark
        return {
            "fingerprint": marked,
            "address_digest": addresses.compute_address_digest(row["url"]),
        }
    return {}


def _check_quotes(
    statement: str, expected: Sequence[Data], rows: Sequence[Row[Any]]
) -> Iterator[Break]:
    yield from compare_rows(
        statement,
        "quotes",
        {quote["id"]: quote for quote in expected},
        {row.id: row_data.plain(row_data.QUOTE, row._mapping) for row in rows},
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


def _read_parties(connection: Connection, keys: Sequence[str]) -> dict[str, list[str]]:
    t = webhook_parties
    rows = connection.execute(
        select(t).where(t.c.webhook.in_(keys)).order_by(t.c.webhook, t.c.party)
    ).all()
    return {key: sorted(row.party for row in mine) for key, mine in groupby(rows, _webhook_of)}


def _webhook_of(row: Row[Any]) -> str:
    webhook: str = row.webhook
    return webhook


def _check_settings(connection: Connection, counts: Counts) -> Iterator[Break]:
    """What is recorded of the installation's settings, and what they are."""
    t = tables.events
    rows = connection.execute(
        select(t).where(t.c.kind == SubjectKind.SETTING.value).order_by(t.c.subject, t.c.number)
    )
    expected: dict[str, Data] = {}
    for name, lines in groupby(rows.all(), lambda row: row.subject):
        chain = list(lines)
        counts.things += 1
        counts.events += len(chain)
        yield from check_chain(name, chain, kind=SubjectKind.SETTING)
        try:
            signed = [sign(line) for line in chain]
            expected[name] = things.fold(SubjectKind.SETTING, signed)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            found = clip(f"{type(error).__name__}: {error}")
            yield Break(name, None, "fold", "events that can follow", found, "setting")
    i = tables.installation
    values = {
        row.name: row.value
        for row in connection.execute(select(i).where(i.c.name.in_(RECORDED_SETTINGS)))
    }
    for name in sorted(expected.keys() | values.keys()):
        right = expected.get(name)
        if right is None:
            yield Break(name, None, "events", "at least 1", "none", "setting")
            continue
        found_setting = audit.describe_setting(name, values.get(name))
        if right != found_setting:
            shown = show_both(show_text(right), show_text(found_setting))
            yield Break(name, None, "installation.value", *shown, "setting")


def _find_chains_of_nothing(connection: Connection, kind: SubjectKind) -> Iterator[Break]:
    """Events of a thing that is not there."""
    key = KINDS[kind].key
    t = tables.events
    subject: Any = t.c.subject
    if connection.dialect.name == "sqlite" and not isinstance(key.type, String):
        subject = func.replace(t.c.subject, "-", "")
    here = select(cast(key, String)).scalar_subquery()
    missing: Select[Any] = select(t.c.subject).where(t.c.kind == kind.value, subject.not_in(here))
    last = MAY_BE_GONE.get(kind)
    if last is not None:
        ended = select(t.c.subject).where(t.c.kind == kind.value, t.c.type == last)
        missing = missing.where(t.c.subject.not_in(ended))
    for gone in connection.scalars(missing.distinct()):
        yield Break(gone, None, KINDS[kind].table.name, "a row", "no row", kind.value)


def _list_roots(connection: Connection) -> dict[str, str]:
    """The party at the top above each party; itself, where the tree is a circle."""
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


def _check_party_versions(connection: Connection) -> Iterator[Break]:
    """What parties were called, and where they stood, from the events of all of them in order."""
    t = tables.events
    lines = connection.execute(
        select(t).where(t.c.kind == SubjectKind.PARTY.value).order_by(t.c.seq)
    ).all()
    try:
        expected = things.fold_party_versions((line.subject, sign(line)) for line in lines)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        found = clip(f"{type(error).__name__}: {error}")
        yield Break("", None, "party_versions", "events that can follow", found, "party")
        return
    found_rows: dict[str, list[Data]] = {}
    v = tables.party_versions
    for row in connection.execute(select(v).order_by(v.c.slug, v.c.recorded_at)):
        plain = row_data.plain(row_data.PARTY_VERSION, row._mapping)
        found_rows.setdefault(row.slug, []).append(plain)
    for slug in dict.fromkeys([*expected, *found_rows]):
        yield from compare_rows(
            slug,
            "party_versions",
            {version["recorded_at"]: version for version in expected.get(slug, [])},
            {row["recorded_at"]: row for row in found_rows.get(slug, [])},
            kind="party",
        )
