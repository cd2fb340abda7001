"""What a check of a long file has to remember, on disk: memory stays of one size.

A temporary SQLite database of our own, gone with the process.  It is beside the desk's database,
whichever kind that is, and holds nothing that outlives the command.
"""

import sqlite3
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

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
CREATE TABLE refusals (line INTEGER, record TEXT, id TEXT, field TEXT, value TEXT, reason TEXT,
    PRIMARY KEY (line, reason)) WITHOUT ROWID;
CREATE TABLE remarks (line INTEGER, remark TEXT, PRIMARY KEY (line, remark)) WITHOUT ROWID;
CREATE TABLE remembered (name TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID;
CREATE TABLE counted (name TEXT PRIMARY KEY, count INTEGER) WITHOUT ROWID;
BEGIN;
"""
CASCADE = """
INSERT OR IGNORE INTO refusals
SELECT r.line, 'claim', r.claim, NULL, NULL,
    'it refers to claim ' || r.other || ', which was refused (line ' || o.refused || ')'
FROM refers r JOIN chains o ON o.claim = r.other JOIN chains c ON c.claim = r.claim
WHERE o.refused IS NOT NULL AND c.refused IS NULL
"""
SPREAD = """
UPDATE chains SET refused = (
    SELECT min(r.line) FROM refers r JOIN chains o ON o.claim = r.other
    WHERE r.claim = chains.claim AND o.refused IS NOT NULL
)
WHERE refused IS NULL AND EXISTS (
    SELECT 1 FROM refers r JOIN chains o ON o.claim = r.other
    WHERE r.claim = chains.claim AND o.refused IS NOT NULL
)
"""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A line that is not imported, and why.  `field` and `value` name the place, where there is
    one."""

    line: int
    record: str
    id: str | None
    field: str | None
    value: str | None
    reason: str


@dataclass(slots=True)
class Chain:
    """How far a claim's record was read: the last line's number, hash and instant.

    `line` is where it begins; `here` how many events the desk has of it; `fresh` and `known` how
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
        self._db = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._db.executescript(SCHEMA)

    def close(self) -> None:
        self._db.close()

    # Things: what has a key of its own.

    def thing(self, kind: str, key: str, line: int, *, refused: bool) -> None:
        self._db.execute(
            "INSERT OR IGNORE INTO things VALUES (?, ?, ?, ?)", (kind, key, line, refused)
        )

    def things(self, keys: Collection[tuple[str, str]]) -> dict[tuple[str, str], tuple[int, bool]]:
        """The lines of those of `keys` (kind and id) that the file has so far, and whether they
        were refused."""
        find = "SELECT line, refused FROM things WHERE kind = ? AND id = ?"
        found = ((key, self._db.execute(find, key).fetchone()) for key in keys)
        return {key: (row[0], bool(row[1])) for key, row in found if row is not None}

    def name(self, name: str, line: int) -> int | None:
        """Take a name that only one thing may have; the line that took it before, if any."""
        taken = self._db.execute("INSERT OR IGNORE INTO names VALUES (?, ?)", (name, line))
        if taken.rowcount:
            return None
        row = self._db.execute("SELECT line FROM names WHERE name = ?", (name,)).fetchone()
        return int(row[0])

    def count(self, name: str) -> int:
        """How often `name` was counted, this time included."""
        row = self._db.execute(
            "INSERT INTO counted VALUES (?, 1) "
            "ON CONFLICT (name) DO UPDATE SET count = count + 1 RETURNING count",
            (name,),
        ).fetchone()
        return int(row[0])

    def remember(self, name: str, value: str) -> str:
        """Keep a value under a name; give the first that was kept under it."""
        self._db.execute("INSERT OR IGNORE INTO remembered VALUES (?, ?)", (name, value))
        row = self._db.execute("SELECT value FROM remembered WHERE name = ?", (name,)).fetchone()
        return str(row[0])

    def settle(self, line: int) -> None:
        """Note that nothing is to be written of a line."""
        self._db.execute("INSERT OR IGNORE INTO settled VALUES (?)", (line,))

    def settled(self, first: int, last: int) -> set[int]:
        rows = self._db.execute(
            "SELECT line FROM settled WHERE line BETWEEN ? AND ?", (first, last)
        )
        return {row[0] for row in rows}

    # Claims' records.

    def chains(self, claims: Iterable[str]) -> dict[str, Chain]:
        find = "SELECT * FROM chains WHERE claim = ?"
        rows = (self._db.execute(find, (claim,)).fetchone() for claim in claims)
        return {row[0]: Chain(*row) for row in rows if row is not None}

    def keep(self, chains: Iterable[Chain]) -> None:
        self._db.executemany(
            "INSERT OR REPLACE INTO chains VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (c.claim, c.number, c.hash, c.at, c.line, c.here, c.fresh, c.known, c.refused)
                for c in chains
            ],
        )

    def refers(self, pairs: Iterable[tuple[str, str, int]]) -> None:
        """Note that a claim (its event at a line) needs another."""
        self._db.executemany("INSERT OR IGNORE INTO refers VALUES (?, ?, ?)", pairs)

    def spread(self) -> None:
        """Refuse what refers to a refused claim, and so on until nothing more falls."""
        while True:
            self._db.execute(CASCADE)
            if not self._db.execute(SPREAD).rowcount:
                return

    def events(self) -> tuple[int, int, int]:
        """Of the lines of events: how many are new, were here, are refused."""
        row = self._db.execute(
            "SELECT coalesce(sum(CASE WHEN refused IS NULL THEN fresh ELSE 0 END), 0), "
            "coalesce(sum(known), 0), "
            "coalesce(sum(CASE WHEN refused IS NULL THEN 0 ELSE number - known END), 0) "
            "FROM chains"
        ).fetchone()
        return row[0], row[1], row[2]

    # What is not imported.

    def refuse(self, refusal: Refusal) -> None:
        self._db.execute(
            "INSERT OR IGNORE INTO refusals VALUES (?, ?, ?, ?, ?, ?)",
            (
                refusal.line,
                refusal.record,
                refusal.id,
                refusal.field,
                refusal.value,
                refusal.reason,
            ),
        )

    def refusals(self, most: int | None = None) -> Iterator[Refusal]:
        """What was refused, in the file's order."""
        limit: Sequence[int] = (-1 if most is None else most,)
        for row in self._db.execute("SELECT * FROM refusals ORDER BY line LIMIT ?", limit):
            yield Refusal(*row)

    def refused(self) -> int:
        return int(self._db.execute("SELECT count(*) FROM refusals").fetchone()[0])

    # What is, but not as it stood there.

    def remark(self, line: int, remark: str) -> None:
        self._db.execute("INSERT OR IGNORE INTO remarks VALUES (?, ?)", (line, remark))

    def remarks(self, most: int | None = None) -> Iterator[tuple[int, str]]:
        limit: Sequence[int] = (-1 if most is None else most,)
        yield from self._db.execute("SELECT line, remark FROM remarks ORDER BY line LIMIT ?", limit)

    def remarked(self) -> int:
        return int(self._db.execute("SELECT count(*) FROM remarks").fetchone()[0])
