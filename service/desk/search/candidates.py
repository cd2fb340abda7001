"""Finds the claim or statement that a form asks for, by its words or its address.

A form's field of this kind is a `Picker`: what is chosen now, and what was found to choose from.
It works in two steps: one searches (a script does that as one types), then chooses.
"""

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from service.claims import (
    claim_queries,
    document_queries,
    documents,
    history_queries,
    statement_queries,
)
from service.claims.claim_queries import Filters
from service.claims.claim_views import ClaimView, SimilarView
from service.claims.statement_views import StatementView
from service.desk.layout import rendering
from service.desk.layout.forms import Form
from service.domain import ids
from service.domain.claims import Lifecycle
from service.domain.errors import Unsearchable
from service.search.finding import claim_hits, statement_hits
from service.search.finding.claim_hits import ClaimSearch
from service.search.index import query_parser
from service.search.index.query_parser import Query
from service.store.engine import Connection
from service.store.paging import Window
from service.stories import story_queries
from service.web import claim_requests
from service.web.calls import Call

MOST = 8
"""Candidates of a search."""
MOST_WORDS = 240
"""Characters that are shown of a statement."""
SHORTEST_PREFIX = 3
"""Letters from which on a word may be the beginning of one."""
DAY = re.compile(r"\b\d{4}-\d\d-\d\d\b", re.ASCII)
EVERYBODYS = statement_hits.Filters(None, None, None, None)
FATES = {
    Lifecycle.WITHDRAWN: "taken back",
    Lifecycle.MERGED: "merged into another",
    Lifecycle.VOID: "void",
}


class CandidateKind(StrEnum):
    """What a picker picks."""

    CLAIM = "claim"
    STATEMENT = "statement"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A claim or a statement that may be chosen."""

    id: str
    text: str
    page: str
    voice: str | None
    """The claimant, or who says it; None for nobody in particular."""
    at: str
    precision: str
    status: str | None = None
    """Of a claim."""
    story: str | None = None
    """The title of a claim's story."""
    flags: Sequence[str] = ()
    differs: Sequence[str] = ()
    """What sets it apart from the claim that the form is about, in words."""


@dataclass(frozen=True, slots=True)
class Picker:
    """A field that holds the id of a claim or a statement."""

    name: str
    kind: CandidateKind
    about: str
    """The claim that the form is about, which is no candidate itself."""
    chosen: str = ""
    """The id that is chosen; empty for none."""
    kept: Sequence[Candidate] = ()
    """What is chosen, and what is recorded."""
    candidates: Sequence[Candidate] = ()
    words: str = ""
    """What was searched for."""
    searched: bool = False


def read_id(text: str | None) -> str:
    """Read the id with which an address ends; a query or a fragment may follow."""
    return (text or "").partition("?")[0].partition("#")[0].rstrip("/").rpartition("/")[2]


def read_search_field(form: Form, names: Iterable[str]) -> str | None:
    """Return the field, of `names`, whose search was asked for: by its button, or by words that
    were typed since the last search; None where the form is to be carried out."""
    names = tuple(names)
    picker_name = form.get_text("find")
    if picker_name in names:
        return picker_name
    for name in names:
        words = form.get_text(f"{name}_words") or ""
        if words and words != (form.get_text(f"{name}_sought") or ""):
            return name
    return None


def read_words(form: Form | None, name: str) -> str:
    return ((form and form.get_text(f"{name}_words")) or "")[: query_parser.MAX_CHARACTERS]


async def build_picker(
    call: Call,
    picker: Picker,
    *,
    chosen_text: str = "",
    searches: bool = False,
) -> Picker:
    """Complete a picker: with what is chosen and recorded, and with what its words find; without
    words, where it `searches`, with what is likely."""
    held_ids = [text for text in dict.fromkeys((picker.chosen, chosen_text)) if ids.parse_id(text)]
    held_candidates = await _read_candidates(call, picker.kind, held_ids)
    chosen_id = picker.chosen
    if chosen_id and chosen_id not in {candidate.id for candidate in held_candidates}:
        chosen_id = chosen_text
    candidates: Sequence[Candidate] = picker.candidates
    if searches or picker.words:
        candidates = await find_candidates(call, picker)
    known_ids = {candidate.id for candidate in held_candidates}
    return replace(
        picker,
        chosen=chosen_id,
        kept=held_candidates,
        candidates=[candidate for candidate in candidates if candidate.id not in known_ids],
        searched=searches or bool(picker.words),
    )


async def find_candidates(call: Call, picker: Picker) -> list[Candidate]:
    """Find what a picker's words or address mean; without any, what is likely."""
    words = picker.words.strip()
    if id := ids.parse_id(read_id(words)):
        matches = await _read_candidates(call, picker.kind, [id])
        return [candidate for candidate in matches if candidate.id != picker.about]
    if not words:
        return await _list_likely(call, picker)
    if picker.kind is CandidateKind.STATEMENT:
        return await _find_statements(call, words)
    try:
        query = parse_beginnings(words)
    except Unsearchable:
        return []
    page = await claim_hits.find_claims(
        call.reader, ClaimSearch(query, Filters(), None, None, MOST + 1, None)
    )
    return await _describe_claims(call, [hit.claim for hit in page.hits], picker.about)


async def _find_statements(call: Call, words: str) -> list[Candidate]:
    """Find statements by their words, by who says them, and by a day among the words."""
    filters = EVERYBODYS
    if (match := DAY.search(words)) is not None:
        try:
            since = datetime.fromisoformat(match[0]).replace(tzinfo=UTC)
        except ValueError:
            return []
        words = f"{words[: match.start()]} {words[match.end() :]}".strip()
        filters = replace(filters, since=since, until=since + timedelta(days=1, microseconds=-1))
    if not words:
        statements: Sequence[StatementView] = await call.read(
            statement_queries.list_statements,
            party=None,
            speaker=None,
            since=filters.since,
            until=filters.until,
            window=Window(MOST, None),
        )
        return [build_statement(statement) for statement in statements[:MOST]]
    try:
        query = parse_beginnings(words)
    except Unsearchable:
        return []
    statements, _ = await statement_hits.find_statements(
        call.reader, query, filters, limit=MOST, after=None
    )
    return [build_statement(statement) for statement in statements]


def parse_beginnings(text: str) -> Query:
    """Parse words of which each may be typed in part.  Raises Unsearchable."""
    words = [
        f"{word}*"
        if len(word) >= SHORTEST_PREFIX and word.isalnum() and not word.isdigit()
        else word
        for word in text.split()
    ]
    return query_parser.parse_query(" ".join(words))


def build_similar(claims: Iterable[SimilarView]) -> list[Candidate]:
    """Build candidates of the claims that may be the same as another."""
    return [
        Candidate(
            id=claim["id"],
            text=claim["text"],
            page=f"/claims/{claim['id']}",
            voice=claim["claimant"]["name"] if claim["claimant"] else None,
            at=claim["claimed_at"],
            precision=claim["precision"],
            status=claim["status"],
            flags=["probably the same"] if claim["probably_same"] else [],
            differs=claim["differs"],
        )
        for claim in claims
    ]


async def _list_likely(call: Call, picker: Picker) -> list[Candidate]:
    """List the claims of the same story, those of the same claimant first; or what the claimant
    said."""
    if picker.kind is CandidateKind.STATEMENT:
        return await call.read(_list_of_claimant, picker.about)
    about = (await call.read(document_queries.read_claims, [picker.about])).get(picker.about)
    if about is None or about["story"] is None:
        return []
    filters = Filters(story=about["story"])
    claimant = about["claimant"]
    family = await claim_requests.find_family(
        call, claimant["party"] if claimant else None, "claimant", None
    )
    claims: dict[str, ClaimView] = {}
    for choice in (replace(filters, claimant=claimant["party"]) if claimant else None, filters):
        if choice is None:
            continue
        listing = claim_queries.build_list_query(
            choice,
            limit=MOST,
            after=None,
            claimant=family if choice.claimant else None,
            party=None,
        )
        for row in await call.reader.look_up(listing.statement, listing.parameters):
            claim = documents.parse_document(row[0], call.now)
            claims.setdefault(claim["id"], claim)
    return await _describe_claims(call, claims.values(), picker.about)


def _list_of_claimant(connection: Connection, claim_id: str) -> list[Candidate]:
    """List the latest words of a claim's claimant that are not linked to it."""
    state = history_queries.require_state(connection, claim_id, None)
    linked_statements = {link.statement for link in state.links if link.is_active}
    statements = statement_queries.list_statements(
        connection,
        party=state.claimant.party if state.claimant else None,
        speaker=None,
        since=None,
        until=None,
        window=Window(MOST + len(linked_statements), None),
    )
    free = [statement for statement in statements if statement["id"] not in linked_statements]
    return [build_statement(statement) for statement in free[:MOST]]


async def _read_candidates(
    call: Call, kind: CandidateKind, chosen_ids: Collection[str]
) -> list[Candidate]:
    """Read candidates by their ids, whatever has become of them; unknown ids are left out."""
    if not chosen_ids:
        return []
    if kind is CandidateKind.STATEMENT:
        statements = await call.read(statement_queries.read_statements, chosen_ids)
        return [build_statement(statements[id]) for id in chosen_ids if id in statements]
    claims = await call.read(document_queries.read_claims, chosen_ids)
    return await _describe_claims(call, [claims[id] for id in chosen_ids if id in claims], None)


async def _describe_claims(
    call: Call, claims: Iterable[ClaimView], about: str | None
) -> list[Candidate]:
    claims = [claim for claim in claims if claim["id"] != about][:MOST]
    titles = await call.read(
        story_queries.read_titles, {claim["story"] for claim in claims if claim["story"]}
    )
    return [_build_claim(claim, titles) for claim in claims]


def _build_claim(claim: ClaimView, titles: dict[str, str]) -> Candidate:
    claimant = claim["claimant"]
    voice = None
    if claimant is not None:
        speaker = claimant["speaker"]
        voice = f"{claimant['name']} · {speaker['name']}" if speaker else claimant["name"]
    flags = [FATES[claim["lifecycle"]]] if claim["lifecycle"] in FATES else []
    if "superseded_by" in claim:
        flags.append("superseded")
    return Candidate(
        id=claim["id"],
        text=claim["text"],
        page=f"/claims/{claim['id']}",
        voice=voice,
        at=claim["claimed_at"],
        precision=claim["precision"],
        status=claim["status"],
        story=titles.get(claim["story"], claim["story"]) if claim["story"] else None,
        flags=flags,
    )


def build_statement(statement: StatementView) -> Candidate:
    flags = []
    if "voided_at" in statement:
        flags.append(FATES[Lifecycle.VOID])
    if statement["withdrawn_at"] is not None:
        flags.append(FATES[Lifecycle.WITHDRAWN])
    voice, party = rendering.name_voice(statement), statement["party_name"]
    return Candidate(
        id=statement["id"],
        text=rendering.shorten(statement["quotes"][0]["text"], MOST_WORDS),
        page=f"/statements/{statement['id']}",
        voice=" · ".join(dict.fromkeys(name for name in (party, voice) if name)) or None,
        at=statement["said_at"],
        precision=statement["precision"],
        flags=flags,
    )
