"""Reads what a claim's page shows: statements, what the rules conclude, and the record.

All is read in one transaction, now or as of an instant, so that no part contradicts another.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from service.accounts import account_queries
from service.claims import (
    correction_queries,
    correction_requests,
    decision_queries,
    documents,
    history_queries,
    inquiry_views,
    link_queries,
    note_queries,
    statement_queries,
)
from service.claims.claim_views import ClaimView
from service.claims.correction_requests import PublicAnswer
from service.claims.decision_views import SuggestionView
from service.claims.inquiry_views import InquiryView
from service.claims.link_queries import describe_voice
from service.claims.statement_views import StatementView
from service.desk.claims import possible_moves, record_lines
from service.desk.claims.claim_columns import Card, Column, build_columns
from service.desk.claims.possible_moves import PossibleMove
from service.desk.claims.record_lines import Names, RecordLine
from service.desk.corrections import correction_words
from service.desk.corrections.correction_words import Correction
from service.directory import directory_queries
from service.directory.directory_views import SourceView
from service.domain import disclosure, holds
from service.domain.access import Actor, Audience
from service.domain.claims import ClaimState, Lifecycle, Link, Stance
from service.domain.instants import compute_end
from service.publishing import publication_queries
from service.publishing.claim_review import build_claim_review as claim_review
from service.record.tail import newest
from service.store.engine import Connection
from service.store.paging import MAX_LIMIT, Window
from service.store.snapshot import hold_snapshot
from service.web import redaction, time_zones

SHOWN = 12
"""Statements of a claim that has many: the latest of each party. A link leads to all of them."""
RECORDED = 25
"""Events on a page. A link leads to the whole record."""
PAGE = 40
"""Statements, and events, on a page of all of them."""
MOST_PARTIES = 10
"""Columns of a page that does not show all: those that take a side come first."""
NOTED = 200
"""Notes that a page shows, the newest; the API has them all."""


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """When and why the claimant took the claim back, and where that was read."""

    reason: str | None
    said_at: str | None
    precision: str | None
    source: SourceView | None


@dataclass(frozen=True, slots=True)
class Sheet:
    """What a claim's page shows, for one caller."""

    state: ClaimState
    claim: ClaimView
    corrections: Sequence[Correction]
    """Of the claim itself, oldest first."""
    columns: list[Column]
    suggestion: SuggestionView
    moves: list[PossibleMove]
    events: list[RecordLine]
    """Oldest first."""
    left_out: int
    """Earlier events that are not among them."""
    parties_left_out: int
    next_statements: str | None
    """The link after which a page of all statements goes on."""
    inquiries: Sequence[InquiryView]
    """Requests for comment, the newest first."""
    answers: Sequence[PublicAnswer]
    """To requests to correct, the newest first."""
    threads: Sequence[note_queries.Thread]
    people: Mapping[str, str]
    """Who may be assigned, by id."""
    assignee: str | None
    withdrawal: Withdrawal | None
    whole: ClaimState | None
    """The claim that it is part of."""
    json_ld: Mapping[str, object]
    newest: int

    @property
    def linked_cards(self) -> list[Card]:
        """The cards of links, column by column."""
        return [card for column in self.columns for card in column.cards if card.link]

    @property
    def linked_ids(self) -> set[str]:
        """The links on the page."""
        return {card.link["id"] for card in self.linked_cards if card.link}


def read_sheet(
    connection: Connection,
    claim_id: str,
    *,
    caller: Actor | None,
    moment: datetime | None,
    now: datetime,
    entire: bool,
    after: str | None = None,
    ahead_of: int | None = None,
    keep: Collection[str] = (),
    four_eyes: bool,
    publisher: str,
    base_url: str,
    zone: str,
) -> Sheet:
    """Read what the page of a claim shows: the latest of its statements and events or, if `entire`,
    a page of all: the links that follow `after`, the events before `ahead_of`.

    Links in `keep` are always shown, and to the desk also what a proposal rests on.
    Raises NotFound, NotYetRecorded.
    """
    audience = disclosure.find_audience(caller)
    is_desk = audience is Audience.DESK
    with hold_snapshot(connection):
        last = newest(connection)
        state = history_queries.require_state(connection, claim_id, moment)
        state = holds.drop_due_hold(state, moment or now)
        next_statements, left_out_by_root, parties_left_out = None, dict[str | None, int](), 0
        if entire:
            chosen_links, next_statements = _choose_page(state, after)
        else:
            proposed_links = _list_proposed_links(state) if is_desk else set()
            chosen_links, left_out_by_root, parties_left_out = _choose_latest(
                state, {*keep, *proposed_links}
            )
        links = redaction.redact_links(
            link_queries.list_links(connection, state, moment=moment, chosen_links=chosen_links),
            audience,
        )
        origin = statement_queries.read_statement(connection, state.origin_statement, moment=moment)
        assert origin is not None, "a claim has an origin"
        rows, left_out = history_queries.list_latest_events(
            connection,
            claim_id,
            limit=PAGE if entire else RECORDED,
            internal=is_desk,
            ahead_of=ahead_of,
        )
        people, notes, assignee = dict[str, str](), [], None
        if is_desk:
            people = account_queries.read_assignee_names(connection)
            notes = note_queries.list_latest_notes(connection, claim_id, moment, limit=NOTED)
            if state.assignee:
                names = account_queries.read_names(connection, [state.assignee])
                assignee = names.get(state.assignee, "somebody")
        sources = publication_queries.read_review_sources(connection, claim_id, moment)
        whole = (
            history_queries.require_state(connection, state.part_of, moment)
            if state.part_of
            else None
        )
        answers = correction_requests.list_public_answers(connection, claim_id, moment)
        present = history_queries.require_state(connection, claim_id, None) if moment else state
        withdrawal = _read_withdrawal(connection, state, rows)
        statements = [origin, *(link["statement"] for link in links)]
        corrections = _read_corrections(connection, state, statements, moment, audience)
    claim: Any = documents.parse_document(documents.render_document(state), moment or now)
    if moment and present.corrected_at is not None and present.corrected_at > moment:
        claim["corrected_since"] = present.corrected_at.isoformat()
    suggestion = decision_queries.build_suggestion(state)
    event_names = Names(
        {link.id: record_lines.name_voice(describe_voice(link.voice)) for link in state.links},
        people,
    )
    with time_zones.use_zone(zone):
        lines = [
            record_lines.describe_event(event, event_names, moment=moment)
            for event in redaction.redact_events(rows, audience)
        ]
    return Sheet(
        state=state,
        claim=claim,
        corrections=[each for each in corrections if not each.statement and not each.source],
        columns=build_columns(state, links, origin, suggestion, left_out_by_root, corrections),
        suggestion=suggestion,
        moves=possible_moves.list_moves(state, four_eyes=four_eyes),
        events=lines,
        left_out=left_out,
        parties_left_out=parties_left_out,
        next_statements=next_statements,
        inquiries=redaction.redact_inquiries(
            inquiry_views.build_inquiries(state.id, reversed(state.inquiries)), audience
        ),
        answers=answers,
        threads=note_queries.build_threads(notes),
        people=people,
        assignee=assignee,
        withdrawal=withdrawal,
        whole=whole,
        json_ld=claim_review(claim, sources, publisher=publisher, base_url=base_url),
        newest=last,
    )


def _read_corrections(
    connection: Connection,
    state: ClaimState,
    statements: Sequence[StatementView],
    moment: datetime | None,
    audience: Audience,
) -> list[Correction]:
    """Read what was corrected of the claim and of what it shows; as of an instant the page says
    only since when another wording holds."""
    if state.corrected_at is None or moment is not None:
        return []
    corrections = correction_queries.list_of_claim(
        connection, state.id, audience=audience, window=Window(MAX_LIMIT, None)
    )
    precisions: dict[str | None, str] = {None: state.precision}
    precisions |= {statement["id"]: statement["precision"] for statement in statements}
    return correction_words.describe_corrections(connection, corrections, precisions)


def _read_withdrawal(
    connection: Connection, state: ClaimState, rows: Sequence[history_queries.RecordedEvent]
) -> Withdrawal | None:
    """Read the event that closed a withdrawn claim, with its source."""
    if state.lifecycle is not Lifecycle.WITHDRAWN:
        return None
    data: Mapping[str, Any] = next(
        (row["data"] for row in reversed(rows) if row["type"] == "claim.withdrawn"), {}
    )
    source = data.get("source")
    return Withdrawal(
        reason=data.get("reason"),
        said_at=data.get("said_at"),
        precision=data.get("precision"),
        source=directory_queries.read_source(connection, source) if source else None,
    )


def _list_proposed_links(state: ClaimState) -> set[str]:
    waiting = state.pending
    return (
        set() if waiting is None else {*waiting.cites, *(item.link for item in waiting.set_aside)}
    )


def _choose_page(state: ClaimState, after: str | None) -> tuple[Sequence[Link], str | None]:
    """Return the links after one of them, and the one after which the next page begins."""
    places = {link.id: place for place, link in enumerate(state.links)}
    begin = 0 if after is None else places.get(after, -1) + 1
    page_links = state.links[begin : begin + PAGE]
    return page_links, page_links[-1].id if begin + PAGE < len(state.links) else None


def _choose_latest(
    state: ClaimState, keep: set[str]
) -> tuple[Sequence[Link], dict[str | None, int], int]:
    """Return the latest links of each party where there are too many to look at, how many of each
    party are left out, and how many parties are."""
    if len(state.links) < SHOWN:
        return state.links, {}, 0
    by_root: dict[str | None, list[Link]] = {}
    for link in state.links:
        by_root.setdefault(link.root, []).append(link)
    claiming = state.claimant.root if state.claimant else None

    def rank(root: str | None) -> tuple[bool, bool]:
        takes_side = any(
            link.is_active and link.stance is not Stance.COMMENTS for link in by_root[root]
        )
        return root != claiming, not takes_side

    roots = sorted(by_root, key=rank)
    shown_roots = {*roots[:MOST_PARTIES], *(link.root for link in state.links if link.id in keep)}
    most = max(2, SHOWN // len(shown_roots))
    chosen_links: list[Link] = []
    left_out: dict[str | None, int] = {}
    for root in shown_roots:
        ordered_events = sorted(
            by_root[root],
            key=lambda link: (compute_end(link.said_at, link.precision), link.recorded_at),
        )
        latest = len(ordered_events) - most
        kept_links = [
            link for place, link in enumerate(ordered_events) if place >= latest or link.id in keep
        ]
        left_out[root] = len(ordered_events) - len(kept_links)
        chosen_links += kept_links
    places = {link.id: place for place, link in enumerate(state.links)}
    chosen_links.sort(key=lambda link: places[link.id])
    return chosen_links, left_out, len(roots) - len(shown_roots)
