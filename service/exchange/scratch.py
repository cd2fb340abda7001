"""Keep what the check of a long file must remember on disk: memory stays of one size.

It is a temporary SQLite database of its own, beside the desk's database, whichever kind that is.
It is gone with the process, and holds nothing that outlives the command.
"""

import sqlite3
from collections.abc import Collection, Iterable, Iterator
from dataclasses import astuple, dataclass
from typing import Any

from service.domain.uses import Alteration, UseClass

SCHEMA = """
PRAGMA journal_mode=OFF;
PRAGMA synchronous=OFF;
PRAGMA cache_size=-16384;
CREATE TABLE things (kind TEXT, id TEXT, line INTEGER, refused INTEGER, PRIMARY KEY (kind, id))
    WITHOUT ROWID;
CREATE TABLE names (name TEXT PRIMARY KEY, line INTEGER) WITHOUT ROWID;
CREATE TABLE settled (line INTEGER PRIMARY KEY);
CREATE TABLE chains (
    claim TEXT PRIMARY KEY, number INTEGER, hash TEXT, at TEXT, line INTEGER,
    here INTEGER, fresh INTEGER, known INTEGER, refused INTEGER
) WITHOUT ROWID;
CREATE TABLE refers (claim TEXT, other TEXT, line INTEGER, PRIMARY KEY (claim, other))
    WITHOUT ROWID;
CREATE INDEX refers_other ON refers (other);
CREATE TABLE alterations (claim TEXT, number INTEGER, at TEXT, grade TEXT,
    PRIMARY KEY (claim, number)) WITHOUT ROWID;
CREATE TABLE refusals (line INTEGER, record TEXT, id TEXT, field TEXT, value TEXT, reason TEXT,
    PRIMARY KEY (line, reason)) WITHOUT ROWID;
CREATE TABLE remarks (line INTEGER, remark TEXT, PRIMARY KEY (line, remark)) WITHOUT ROWID;
CREATE TABLE remembered (name TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID;
CREATE TABLE counted (name TEXT PRIMARY KEY, count INTEGER) WITHOUT ROWID;
BEGIN;
"""
REFUSE_REFERRING = """
INSERT OR IGNORE INTO refusals
SELECT r.line, 'claim', r.claim, NULL, NULL,
    'it refers to claim ' || r.other || ', which was refused (line ' || o.refused || ')'
FROM refers r JOIN chains o ON o.claim = r.other JOIN chains c ON c.claim = r.claim
WHERE o.refused IS NOT NULL AND c.refused IS NULL
"""
MARK_REFERRING = """
UPDATE chains SET refused = (
    SELECT min(r.line) FROM refers r JOIN chains o ON o.claim = r.other
    WHERE r.claim = chains.claim AND o.refused IS NOT NULL
)
WHERE refused IS NULL AND EXISTS (
    SELECT 1 FROM refers r JOIN chains o ON o.claim = r.other
    WHERE r.claim = chains.claim AND o.refused IS NOT NULL
)
"""
COUNT_EVENTS = """
SELECT coalesce(sum(CASE WHEN refused IS NULL THEN fresh ELSE 0 END), 0),
    coalesce(sum(known), 0),
    coalesce(sum(CASE WHEN refused IS NULL THEN 0 ELSE number - known END), 0)
FROM chains
"""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A line that is not imported, and why.  `field` and `value` say where in the line, if that is
    known."""

    line: int
    record: str
    id: str | None
    field: str | None
    value: str | None
    reason: str


@dataclass(slots=True)
class Chain:
    """How far a claim's record was read: number, hash and instant of the last event.

    `line` is where it begins; `here` how many of its events the desk has; `fresh` and `known` how
    many lines are new and were here; `refused` the line for which the claim is refused.
    """

    claim: str
    number: int
    hash: str
    at: str
    line: int
    here: int
    fresh: int = 0
    known: int = 0
    refused: int | None = None


class Scratch:
    def __init__(self) -> None:
        # An empty name: a file that SQLite makes, fills when memory is short, and deletes.
        self._database = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._database.executescript(SCHEMA)

    def close(self) -> None:
        self._database.close()

    def _read_one(self, query: str, *values: object) -> Any:
        return self._database.execute(query, values).fetchone()

    def add_thing(self, kind: str, key: str, line: int, *, is_refused: bool) -> None:
        self._database.execute(
            "INSERT OR IGNORE INTO things VALUES (?, ?, ?, ?)", (kind, key, line, is_refused)
        )

    def find_things(
        self, keys: Collection[tuple[str, str]]
    ) -> dict[tuple[str, str], tuple[int, bool]]:
        """Return the lines of those of `keys` (kind and id) that the file has so far, and whether
        they were refused."""
        query = "SELECT line, refused FROM things WHERE kind = ? AND id = ?"
        rows = ((key, self._read_one(query, *key)) for key in keys)
        return {key: (row[0], bool(row[1])) for key, row in rows if row is not None}

    def take_name(self, name: str, line: int) -> int | None:
        """Take a name that only one thing may have; return the line that took it before, if any."""
        query = "INSERT OR IGNORE INTO names VALUES (?, ?)"
        if self._database.execute(query, (name, line)).rowcount:
            return None
        return int(self._read_one("SELECT line FROM names WHERE name = ?", name)[0])

    def count_occurrence(self, name: str) -> int:
        """Return how often `name` was counted, this time included."""
        query = (
            "INSERT INTO counted VALUES (?, 1) "
            "ON CONFLICT (name) DO UPDATE SET count = count + 1 RETURNING count"
        )
        return int(self._read_one(query, name)[0])

    def remember_first(self, name: str, value: str) -> str:
        """Keep the first value under a name, and return it."""
        self._database.execute("INSERT OR IGNORE INTO remembered VALUES (?, ?)", (name, value))
        return str(self._read_one("SELECT value FROM remembered WHERE name = ?", name)[0])

    def mark_settled(self, line: int) -> None:
        """Note that nothing is to be written of a line."""
        self._database.execute("INSERT OR IGNORE INTO settled VALUES (?)", (line,))

    def list_settled(self, first: int, last: int) -> set[int]:
        query = "SELECT line FROM settled WHERE line BETWEEN ? AND ?"
        return {row[0] for row in self._database.execute(query, (first, last))}

    def find_chains(self, claims: Iterable[str]) -> dict[str, Chain]:
        query = "SELECT * FROM chains WHERE claim = ?"
        rows = (self._read_one(query, claim) for claim in claims)
        return {row[0]: Chain(*row) for row in rows if row is not None}

    def keep_chains(self, chains: Iterable[Chain]) -> None:
        query = "INSERT OR REPLACE INTO chains VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
        self._database.executemany(query, map(astuple, chains))

    def add_references(self, references: Iterable[tuple[str, str, int]]) -> None:
        """Note that a claim (its event at a line) needs another."""
        self._database.executemany("INSERT OR IGNORE INTO refers VALUES (?, ?, ?)", references)

    def add_alteration(self, claim: str, alteration: Alteration) -> None:
        """Note that an event of a claim outdates its uses."""
        values = (claim, *astuple(alteration))
        self._database.execute("INSERT OR IGNORE INTO alterations VALUES (?, ?, ?, ?)", values)

    def list_alterations(self, claim: str) -> list[Alteration]:
        """Return what outdates the uses of a claim, oldest first."""
        query = "SELECT number, at, grade FROM alterations WHERE claim = ? ORDER BY number"
        rows = self._database.execute(query, (claim,))
        return [Alteration(number, at, UseClass(grade)) for number, at, grade in rows]

    def spread_refusals(self) -> None:
        """Refuse what refers to a refused claim, and so on until nothing more is refused."""
        while True:
            self._database.execute(REFUSE_REFERRING)
            if not self._database.execute(MARK_REFERRING).rowcount:
                return

    def count_events(self) -> tuple[int, int, int]:
        """Return how many lines of events are new, were here, are refused."""
        new, known_count, refused_count = self._read_one(COUNT_EVENTS)
        return new, known_count, refused_count

    def add_refusal(self, refusal: Refusal) -> None:
        query = "INSERT OR IGNORE INTO refusals VALUES (?, ?, ?, ?, ?, ?)"
        self._database.execute(query, astuple(refusal))

    def list_refusals(self, most: int = -1) -> Iterator[Refusal]:
        """Yield what was refused, in the file's order; at most so many."""
        query = "SELECT * FROM refusals ORDER BY line LIMIT ?"
        for row in self._database.execute(query, (most,)):
            yield Refusal(*row)

    def count_refusals(self) -> int:
        return int(self._read_one("SELECT count(*) FROM refusals")[0])

    def add_remark(self, line: int, remark: str) -> None:
        """Note how what is imported differs from what the line says."""
        self._database.execute("INSERT OR IGNORE INTO remarks VALUES (?, ?)", (line, remark))

    def list_remarks(self, most: int = -1) -> Iterator[tuple[int, str]]:
        query = "SELECT line, remark FROM remarks ORDER BY line LIMIT ?"
        yield from self._database.execute(query, (most,))

    def count_remarks(self) -> int:
        return int(self._read_one("SELECT count(*) FROM remarks")[0])
