"""Write the rows of the search index, with the change that they follow from.

A claim's row holds the terms of its fields, and those by which it was found before. It changes only
when one of these does, and so never for a status. `claimdesk verify` derives each row from the
record, as `index_rebuild.rebuild_index` does for all.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import orjson
from sqlalchemy import (
    ColumnElement,
    Connection,
    String,
    bindparam,
    cast,
    insert,
    literal,
    null,
    or_,
    select,
    union_all,
    update,
)

from service.domain import plain_data
from service.domain.claims import ClaimState, Speaker, Voice
from service.domain.history import Event
from service.domain.inputs import NewQuote
from service.search.index import field_sources, match_expressions, postings, searchable_fields
from service.search.index.index_tables import claim_search, statement_search
from service.search.index.searchable_fields import STATEMENT_LEVELS, Field, FieldSources, Quoted
from service.store.compiled_statements import CompiledStatement
from service.store.list_parameters import LISTS, ListElements
from service.store.tables import links, parties, quotes, speakers, statements
from service.store.types import format_id

ADDING = frozenset({"claim.created", "link.created", "link.restored", "statement.restored"})
TAKING = frozenset(
    {
        *("link.retracted", "link.voided", "statement.voided"),
        *("claim.corrected", "statement.corrected"),
        *("claim.absorbed", "claim.released", "party.changed", "speaker.changed"),
    }
)
"""Types of events that add to a claim's words, and that take some of them away."""
MANY_LINKS = 32
"""Links from which on a claim's row is asked whether it has room for more."""

Step = tuple[ClaimState | None, ClaimState, Event]
"""A claim before and after an event."""
IndexRow = dict[str, str]
"""A row of the index, as parameters of the statements here."""

_claim = bindparam("search_claim", type_=claim_search.c.claim.type)
_statement = bindparam("search_statement", type_=statement_search.c.statement.type)
_words = bindparam("search_words", type_=claim_search.c.words.type)
_beside_words = {
    name: bindparam(f"search_{name}", type_=claim_search.c[name].type)
    for name in ("former", "fields")
}
INSERT_CLAIM = insert(claim_search).values(claim=_claim, words=_words, **_beside_words)
UPDATE_CLAIM = (
    update(claim_search).where(claim_search.c.claim == _claim).values(words=_words, **_beside_words)
)
# Inline: numbers are drawn by the database itself.
COMPILED_INSERT_CLAIM, COMPILED_UPDATE_CLAIM = (
    CompiledStatement(INSERT_CLAIM.inline()),
    CompiledStatement(UPDATE_CLAIM),
)
COMPILED_INSERT_STATEMENT = CompiledStatement(
    insert(statement_search).values(statement=_statement, words=_words).inline()
)
# Its words have another name than a claim's: the two rows are written together.
INSERT_NEW_STATEMENT = insert(statement_search).values(
    statement=_statement,
    words=bindparam("search_statement_words", type_=statement_search.c.words.type),
)
REPLACE_STATEMENT = CompiledStatement(
    update(statement_search).where(statement_search.c.statement == _statement).values(words=_words)
)


def build_claim_row(
    state: ClaimState, sources: FieldSources, former_terms: Iterable[str]
) -> IndexRow:
    """Return a claim's row."""
    former_words = sorted(former_terms)
    fields = searchable_fields.read_claim(state, sources)
    indexed_fields: list[Field] = []
    return {
        "search_claim": state.id,
        "search_words": postings.build_line(
            fields, postings.list_labels(state), former_words, indexed_fields=indexed_fields
        ),
        "search_former": " ".join(former_words),
        "search_fields": searchable_fields.write_fields(indexed_fields),
    }


def list_lost_terms(step: Step, sources: FieldSources) -> set[str]:
    """Return the terms of what an event takes away."""
    before, after, event = step
    if before is None or not _takes_words(event):
        return set()
    names, statements = set(_read_names(after)), searchable_fields.list_statements(after)
    lost_fields = [field for field in _read_names(before) if field not in names]
    if before.text != after.text:
        lost_fields.append(searchable_fields.read_text(before.text))
    for statement in searchable_fields.list_statements(before):
        # A statement that the claim does not come from after all is none of its own any more.
        if statement not in statements and event.type != "claim.corrected":
            lost_fields += map(searchable_fields.read_quote, sources.quotes[statement])
    if event.type == "statement.corrected":
        for quote in event.data["before"].get("quotes", ()):
            if "text" in quote:
                former_quote = Quoted(quote["text"], quote["language"])
                lost_fields.append(searchable_fields.read_quote(former_quote))
    return postings.list_former_terms(lost_fields)


def _read_names(state: ClaimState) -> list[Field]:
    voices = searchable_fields.list_voices(state)
    return [field for voice in voices for field in searchable_fields.read_names(voice)]


def _takes_words(event: Event) -> bool:
    return event.type in TAKING or (event.type == "claim.amended" and "text" in event.data)


def build_row_after(connection: Connection, steps: Sequence[Step]) -> IndexRow | None:
    """Return the row of a claim after these events; None where they change none of its words."""
    changing = [event for _, _, event in steps if event.type in ADDING or _takes_words(event)]
    if not changing or _have_no_room(connection, steps[0][0], changing):
        return None
    states = [state for state in (steps[0][0], *(step[1] for step in steps)) if state is not None]
    sources, former_terms = _read_known(connection, steps[-1][1].id, states)
    return build_claim_row(
        steps[-1][1],
        sources,
        former_terms.union(*(list_lost_terms(step, sources) for step in steps)),
    )


def _read_room(dialect: str) -> CompiledStatement:
    """Select whether a claim's row has no room for another name, and for another quote."""
    labels = [
        match_expressions.has_term(dialect, claim_search, label)
        for label in postings.FULL_LABELS.values()
    ]
    is_claim = claim_search.c.claim == bindparam("claim", type_=claim_search.c.claim.type)
    return CompiledStatement(select(*labels).where(is_claim))


_READ_ROOM = {dialect: _read_room(dialect) for dialect in LISTS}


def _have_no_room(
    connection: Connection, before: ClaimState | None, changing: Sequence[Event]
) -> bool:
    """Whether these events only add what the row of a claim with many links has no room for."""
    if before is None or len(before.links) < MANY_LINKS:
        return False
    new_voices = [event.data["link"]["voice"] for event in changing if event.type == "link.created"]
    if len(new_voices) < len(changing):
        return False
    room = _READ_ROOM[connection.dialect.name].run(connection, {"claim": before.id}).first()
    if room is None or not room[1]:
        return False
    voices = [*searchable_fields.list_voices(before)]
    return room[0] or all(plain_data.read_source(voice) in voices for voice in new_voices)


def reindex_claims(
    connection: Connection, states: Iterable[ClaimState], *, statement: str = ""
) -> None:
    """Index claims again whose parties' full names have changed, or the quotes of `statement`.

    Where a link to it was once retracted, or it was once void, its words are among those that did
    not always stand.
    """
    for state in states:
        sources, former_terms = _read_known(connection, state.id, [state])
        if statement and connection.scalar(
            _WAS_MISTAKEN, {"claim": state.id, "statement": statement}
        ):
            lost_fields = map(searchable_fields.read_quote, sources.quotes[statement])
            former_terms |= postings.list_former_terms(lost_fields)
        COMPILED_UPDATE_CLAIM.run(connection, build_claim_row(state, sources, former_terms))


_WAS_MISTAKEN = (
    select(links.c.id)
    .join(statements, statements.c.id == links.c.statement)
    .where(
        links.c.claim == bindparam("claim", type_=links.c.claim.type),
        links.c.statement == bindparam("statement", type_=links.c.statement.type),
        or_(
            links.c.retracted_at.is_not(None),
            links.c.voided_at.is_not(None),
            statements.c.voided_at.is_not(None),
        ),
    )
    .limit(1)
)


def _read_known(
    connection: Connection, claim: str, states: Iterable[ClaimState]
) -> tuple[FieldSources, frozenset[str]]:
    """Return what the fields of one claim need, and the terms by which it was found before."""
    statement_ids: dict[str, None] = {}
    slugs: dict[str, None] = {}
    for state in states:
        statement_ids |= dict.fromkeys(
            (state.origin_statement, *(link.statement for link in state.links))
        )
        slugs |= dict.fromkeys(voice.party for voice in searchable_fields.list_voices(state))
    # Ids go in as one parameter: as many parameters as links would be another statement to compile
    # for every link, and more of them than a driver takes.
    parameters = {
        "claim": claim,
        "statements": orjson.dumps(list(statement_ids)).decode(),
        "parties": orjson.dumps(list(slugs)).decode(),
    }
    rows = _KNOWN[connection.dialect.name].run(connection, parameters).fetchall()
    sources, former_terms = FieldSources(), frozenset[str]()
    for what, key, text, language, _ in sorted(rows, key=lambda row: row[4]):
        if what == "quote":
            sources.quotes.setdefault(format_id(key), []).append(Quoted(text, language))
        elif what == "party":
            sources.full_names[key] = text
        else:
            former_terms = frozenset(text.split())
    return sources, former_terms


def _select_known(elements: ListElements) -> CompiledStatement:
    """Select what `_read_known` reads, in one statement."""
    no_text = cast(null(), String)
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
                literal("former"), literal(""), claim_search.c.former, no_text, literal(0)
            ).where(claim_search.c.claim == bindparam("claim", type_=claim_search.c.claim.type)),
            select(
                literal("party"), parties.c.slug, parties.c.full_name, no_text, literal(0)
            ).where(
                parties.c.slug.in_(elements("parties", parties.c.slug)),
                parties.c.full_name.is_not(None),
            ),
        )
    )


_KNOWN = {dialect: _select_known(elements) for dialect, elements in LISTS.items()}


# Statements.


_FULL_NAME = CompiledStatement(
    select(parties.c.full_name).where(parties.c.slug == bindparam("party"))
)
_root = parties.alias("root")
_SPOKEN = (
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


def read_new_sources(
    connection: Connection,
    statement: str,
    quotes: Iterable[NewQuote],
    voices: Iterable[Voice | None],
) -> FieldSources:
    """Return what the index needs of a statement that is being recorded, and of a claim that is
    made of it; `voices` are whose they are."""
    sources = FieldSources()
    sources.quotes[statement] = [Quoted(quote.text, quote.language) for quote in quotes]
    for party in {voice.party for voice in voices if voice is not None}:
        full_name = _FULL_NAME.run(connection, {"party": party}).scalar()
        if full_name is not None:
            sources.full_names[party] = full_name
    return sources


def build_new_statement_row(statement: str, voice: Voice | None, sources: FieldSources) -> IndexRow:
    """Return the parameters of INSERT_NEW_STATEMENT."""
    full_name = sources.full_names.get(voice.party) if voice else None
    words = build_statement_line(sources.quotes[statement], voice, full_name)
    return {"search_statement": statement, "search_statement_words": words}


def build_statement_line(
    quotes: Iterable[Quoted], voice: Voice | None, full_name: str | None
) -> str:
    """Return the line of terms of a statement."""
    fields = searchable_fields.read_statement(quotes, voice, full_name)
    return postings.build_line(fields, levels=STATEMENT_LEVELS)


def build_statement_rows(
    connection: Connection, *conditions: ColumnElement[bool]
) -> list[IndexRow]:
    """Return the rows of the statements that meet the conditions, in the order of their ids."""
    ids = select(statements.c.id).where(*conditions)
    quotes_read = field_sources.read_quotes(connection, quotes.c.statement.in_(ids))
    rows = connection.execute(_SPOKEN.where(*conditions).order_by(statements.c.id))
    return [
        {
            "search_statement": row.id,
            "search_words": build_statement_line(
                quotes_read[row.id], _build_voice(row), row.full_name
            ),
        }
        for row in rows
    ]


def _build_voice(fields: Any) -> Voice | None:
    if fields.party is None:
        return None
    speaker = None
    if fields.speaker:
        speaker = Speaker(fields.speaker, fields.speaker_name, fields.role)
    return Voice(fields.party, fields.name, fields.root, fields.root_name, speaker)


def reindex_statements(connection: Connection, *conditions: ColumnElement[bool]) -> None:
    """Index the statements again that meet the conditions."""
    REPLACE_STATEMENT.run_each(connection, build_statement_rows(connection, *conditions))
