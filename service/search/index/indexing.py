"""The rows of the search indexes, written with the change that they follow from.

A claim's row says what `search/index/terms.py` reads in its state and its statements' renderings,
and under which terms it was found before.  It changes only when one of these does: never for a
status.
`claimdesk verify` derives each from the record, as `rebuild` does for all.
"""

from collections.abc import Iterable, Sequence
from itertools import groupby
from operator import attrgetter
from typing import Any

import orjson
from sqlalchemy import (
    Connection,
    String,
    bindparam,
    cast,
    delete,
    insert,
    literal,
    null,
    select,
    union,
    union_all,
    update,
)

from service.domain import history
from service.domain.claims import ClaimState, Speaker, Voice
from service.domain.history import Event
from service.domain.inputs import NewQuote
from service.domain.search import Field
from service.search.index import fulltext, terms
from service.search.index.fulltext import claim_search, statement_search
from service.search.index.terms import Quoted
from service.store import states
from service.store.compiled_statements import CompiledStatement
from service.store.list_parameters import LISTS, ListElements
from service.store.tables import claims, events, links, parties, quotes, speakers, statements
from service.store.types import id_text

ADDING = frozenset({"claim.created", "link.created"})
TAKING = frozenset({"link.retracted", "claim.absorbed", "party.changed", "speaker.changed"})
_root = parties.alias("root")
SPOKEN = (
    select(
        statements.c.id,
        statements.c.party,
        parties.c.name,
        parties.c.full_name,
        parties.c.root,
        _root.c.name.label("root_name"),
        statements.c.speaker,
        speakers.c.name.label("speaker_name"),
        speakers.c.role,
    )
    .join(parties, parties.c.slug == statements.c.party, isouter=True)
    .join(_root, _root.c.slug == parties.c.root, isouter=True)
    .join(speakers, speakers.c.id == statements.c.speaker, isouter=True)
)
BATCH = 500
MANY = 32
"""Links from which a claim's row is asked whether it has room for more."""

Step = tuple[ClaimState | None, ClaimState, Event]
"""A claim before and after an event."""

ENTER = insert(claim_search).values(
    claim=bindparam("search_claim", type_=claim_search.c.claim.type),
    words=bindparam("search_words", type_=claim_search.c.words.type),
    former=bindparam("search_former", type_=claim_search.c.former.type),
)
REPLACE = (
    update(claim_search)
    .where(claim_search.c.claim == bindparam("search_claim", type_=claim_search.c.claim.type))
    .values(
        words=bindparam("search_words", type_=claim_search.c.words.type),
        former=bindparam("search_former", type_=claim_search.c.former.type),
    )
)
# Inline: numbers are drawn by the database itself.
ENTERED, REPLACED = CompiledStatement(ENTER.inline()), CompiledStatement(REPLACE)
ENTER_STATEMENT = insert(statement_search).values(
    statement=bindparam("search_statement", type_=statement_search.c.statement.type),
    words=bindparam("search_words", type_=statement_search.c.words.type),
)
ENTERED_STATEMENT = CompiledStatement(ENTER_STATEMENT.inline())
RENEWED_STATEMENT = CompiledStatement(
    update(statement_search)
    .where(
        statement_search.c.statement
        == bindparam("search_statement", type_=statement_search.c.statement.type)
    )
    .values(words=bindparam("search_words", type_=statement_search.c.words.type))
)


def _read_full(dialect: str) -> CompiledStatement:
    """Whether a claim's row has room for no further name, and for no further quote."""
    full = [fulltext.holds(dialect, claim_search, one) for one in terms.NO_ROOM.values()]
    mine = claim_search.c.claim == bindparam("claim", type_=claim_search.c.claim.type)
    return CompiledStatement(select(*full).where(mine))


FULL = {name: _read_full(name) for name in LISTS}


class Known:
    """What claims' words need beside their states: renderings by statement, full names by
    party."""

    def __init__(self) -> None:
        self.quotes: dict[str, list[Quoted]] = {}
        self.full_names: dict[str, str] = {}


def row(state: ClaimState, known: Known, former: Iterable[str]) -> dict[str, Any]:
    """A claim's row, as parameters of `ENTER` and `REPLACE`."""
    fields = terms.fields(state, known.quotes, known.full_names)
    kept = sorted(former)
    return {
        "search_claim": state.id,
        "search_words": terms.line(fields, terms.labels(state), kept),
        "search_former": " ".join(kept),
    }


def left(step: Step, known: Known) -> set[str]:
    """The terms of what an event takes away."""
    before, after, event = step
    if before is None or not _takes(event):
        return set()
    named, said = set(_named(after)), terms.said(after)
    gone = [one for one in _named(before) if one not in named]
    if before.text != after.text:
        gone.append(terms.wording(before))
    for statement in terms.said(before):
        if statement not in said:
            gone += map(terms.quote, known.quotes[statement])
    return terms.former(gone)


def _named(state: ClaimState) -> list[Field]:
    return [field for voice in terms.voices(state) for field in terms.names(voice)]


def follow(connection: Connection, steps: Sequence[Step]) -> dict[str, Any] | None:
    """The row after these events of one claim; None where none of them changes its words."""
    changing = [event for _, _, event in steps if event.type in ADDING or _takes(event)]
    if not changing or _have_no_room(connection, steps[0][0], changing):
        return None
    stated = [state for state in (steps[0][0], *(step[1] for step in steps)) if state is not None]
    known, former = _known(connection, steps[-1][1].id, stated)
    return row(steps[-1][1], known, former.union(*(left(step, known) for step in steps)))


def _have_no_room(
    connection: Connection, before: ClaimState | None, changing: Sequence[Event]
) -> bool:
    """Whether these events only add what the row of a claim with many links has no room for."""
    if before is None or len(before.links) < MANY:
        return False
    added = [event.data["link"]["voice"] for event in changing if event.type == "link.created"]
    if len(added) < len(changing):
        return False
    row = FULL[connection.dialect.name].run(connection, {"claim": before.id}).first()
    if row is None or not row[1]:
        return False
    return row[0] or all(history.voice(voice) in terms.voices(before) for voice in added)


def renew(connection: Connection, states: Iterable[ClaimState], *, statement: str = "") -> None:
    """Index claims again whose parties' full names have changed, or `statement`'s renderings.

    Where a link to it was retracted, its words are among those that stood once.
    """
    for state in states:
        known, former = _known(connection, state.id, [state])
        if any(link.retracted and link.statement == statement for link in state.links):
            former |= terms.former(map(terms.quote, known.quotes[statement]))
        REPLACED.run(connection, row(state, known, former))


def _takes(event: Event) -> bool:
    return event.type in TAKING or (event.type == "claim.amended" and "text" in event.data)


def _known(
    connection: Connection, claim: str, states: Iterable[ClaimState]
) -> tuple[Known, frozenset[str]]:
    """What the words of one claim need, and the terms under which it was found before."""
    spoken: dict[str, None] = {}
    parties: dict[str, None] = {}
    for state in states:
        spoken |= dict.fromkeys((state.origin_statement, *(one.statement for one in state.links)))
        parties |= dict.fromkeys(voice.party for voice in terms.voices(state))
    # Ids go in as one parameter: as many parameters as links would be another statement to compile
    # for every link, and more of them than a driver takes.
    parameters = {
        "claim": claim,
        "statements": orjson.dumps(list(spoken)).decode(),
        "parties": orjson.dumps(list(parties)).decode(),
    }
    rows = KNOWN[connection.dialect.name].run(connection, parameters).fetchall()
    known, former = Known(), frozenset[str]()
    for what, key, text, language, _ in sorted(rows, key=lambda row: row[4]):
        if what == "quote":
            known.quotes.setdefault(id_text(key), []).append(Quoted(text, language))
        elif what == "party":
            known.full_names[key] = text
        else:
            former = frozenset(text.split())
    return known, former


def _read_known(elements: ListElements) -> CompiledStatement:
    """All that `Known` needs of one claim, in one statement."""
    return CompiledStatement(
        union_all(
            select(
                literal("quote"),
                cast(quotes.c.statement, String),
                quotes.c.text,
                quotes.c.language,
                quotes.c.position,
            ).where(quotes.c.statement.in_(elements("statements", quotes.c.statement))),
            select(
                literal("former"),
                literal(""),
                claim_search.c.former,
                cast(null(), String),
                literal(0),
            ).where(claim_search.c.claim == bindparam("claim", type_=claim_search.c.claim.type)),
            select(
                literal("party"),
                parties.c.slug,
                parties.c.full_name,
                cast(null(), String),
                literal(0),
            ).where(
                parties.c.slug.in_(elements("parties", parties.c.slug)),
                parties.c.full_name.is_not(None),
            ),
        )
    )


KNOWN = {name: _read_known(elements) for name, elements in LISTS.items()}


# Statements.


FULL_NAME = CompiledStatement(
    select(parties.c.full_name).where(parties.c.slug == bindparam("party"))
)


def statement_row(
    connection: Connection, statement: str, quotes: Iterable[NewQuote], voice: Voice | None
) -> dict[str, Any]:
    """The row of a statement that is being recorded, as parameters of `ENTER_STATEMENT`."""
    found = FULL_NAME.run(connection, {"party": voice.party}).first() if voice else None
    said = [Quoted(one.text, one.language) for one in quotes]
    return {
        "search_statement": statement,
        "search_words": statement_line(said, voice, found[0] if found else None),
    }


def statement_line(quotes: Iterable[Quoted], voice: Voice | None, full_name: str | None) -> str:
    """What is indexed of a statement."""
    fields = terms.statement_fields(quotes, voice, full_name)
    return terms.line(fields, levels=terms.STATEMENT_LEVELS)


# All rows at once.


def known_between(connection: Connection, low: str | None, high: str | None) -> Known:
    """What the words of the claims above `low` up to `high` need."""

    def ours(key: Any) -> list[Any]:
        return [*([key > low] if low else ()), *([key <= high] if high else ())]

    spoken = union(
        select(links.c.statement).where(*ours(links.c.claim)),
        select(claims.c.origin_statement).where(*ours(claims.c.id)),
    )
    known = Known()
    for one in connection.execute(
        select(quotes.c.statement, quotes.c.text, quotes.c.language)
        .where(quotes.c.statement.in_(spoken))
        .order_by(quotes.c.statement, quotes.c.position)
    ):
        known.quotes.setdefault(one.statement, []).append(Quoted(one.text, one.language))
    known.full_names = full_names(connection)
    return known


def full_names(connection: Connection) -> dict[str, str]:
    """The full names of the parties that have one."""
    found = connection.execute(
        select(parties.c.slug, parties.c.full_name).where(parties.c.full_name.is_not(None))
    )
    return {one.slug: one.full_name for one in found}


def rebuild(connection: Connection) -> None:
    """Index everything from the record, oldest first, a batch at a time."""
    connection.execute(delete(claim_search))
    connection.execute(delete(statement_search))
    low: str | None = None
    while True:
        query = select(claims.c.id, claims.c.state).order_by(claims.c.id).limit(BATCH)
        batch = connection.execute(query.where(claims.c.id > low) if low else query).all()
        if not batch:
            break
        high = batch[-1].id
        known = known_between(connection, low, high)
        former = _former(connection, known, low, high)
        found = [states.read_locked(connection, one.id, one.state) for one in batch]
        ENTERED.run_each(connection, [row(one, known, former.get(one.id, ())) for one in found])
        low = high
    _rebuild_statements(connection)


# Named one by one: a migration runs this, and later ones may add columns.
FOLDED = [events.c[name] for name in ("claim", "number", "type", "recorded_at", "data")]


def _former(
    connection: Connection, known: Known, low: str | None, high: str
) -> dict[str, set[str]]:
    """The terms under which claims were found before: only those that lost any are folded."""
    within = [events.c.claim <= high, *([events.c.claim > low] if low else ())]
    taking = select(events.c.claim).where(*within, events.c.type.in_([*TAKING, "claim.amended"]))
    lines = connection.execute(
        select(*FOLDED).where(events.c.claim.in_(taking)).order_by(events.c.claim, events.c.number)
    ).all()
    found: dict[str, set[str]] = {}
    for claim, mine in groupby(lines, key=attrgetter("claim")):
        state: ClaimState | None = None
        for line in mine:
            event = Event(line.number, line.type, line.recorded_at, orjson.loads(line.data))
            before, state = state, history.apply(state, event, claim_id=claim)
            found.setdefault(claim, set()).update(left((before, state, event), known))
    return found


def _rebuild_statements(connection: Connection) -> None:
    low: str | None = None
    while True:
        query = select(statements.c.id).order_by(statements.c.id).limit(BATCH)
        batch = connection.scalars(query.where(statements.c.id > low) if low else query).all()
        if not batch:
            return
        ENTERED_STATEMENT.run_each(connection, statement_rows(connection, low, batch[-1]))
        low = batch[-1]


def statement_rows(
    connection: Connection, low: str | None, high: str | None, *which: Any
) -> list[dict[str, Any]]:
    """The rows of the statements above `low` up to `high`, or of those that `which` says, as
    parameters of `ENTER_STATEMENT`, in the order of their ids."""
    mine = [
        *([statements.c.id > low] if low else ()),
        *([statements.c.id <= high] if high else ()),
        *which,
    ]
    said: dict[str, list[Quoted]] = {}
    for one in connection.execute(
        select(quotes.c.statement, quotes.c.text, quotes.c.language)
        .join(statements, statements.c.id == quotes.c.statement)
        .where(*mine)
        .order_by(quotes.c.statement, quotes.c.position)
    ):
        said.setdefault(one.statement, []).append(Quoted(one.text, one.language))
    found = connection.execute(SPOKEN.where(*mine).order_by(statements.c.id)).all()
    return [
        {
            "search_statement": one.id,
            "search_words": statement_line(said[one.id], spoken_voice(one), one.full_name),
        }
        for one in found
    ]


def spoken_voice(one: Any) -> Voice | None:
    """Whose words a row of `SPOKEN` is."""
    if one.party is None:
        return None
    speaker = Speaker(one.speaker, one.speaker_name, one.role) if one.speaker else None
    return Voice(one.party, one.name, one.root, one.root_name, speaker)


def renew_statements(connection: Connection, *which: Any) -> None:
    """Index again the statements that `which` says."""
    RENEWED_STATEMENT.run_each(connection, statement_rows(connection, None, None, *which))
