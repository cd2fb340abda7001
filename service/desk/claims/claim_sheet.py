"""A claim's page as data: who says what, what the rules make of it, and what happened.

Read in one transaction, now or as of an instant, so that no part contradicts another.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from service.accounts import account_queries
from service.claims import decision_queries, documents, history_queries, statement_queries
from service.claims.statement_queries import describe_voice
from service.desk.claims import record_lines
from service.directory import directory_queries
from service.domain import disclosure, evidence, guards, lifecycle
from service.domain.access import Actor
from service.domain.claims import (
    ClaimState,
    Lifecycle,
    Link,
    Precision,
    SetAside,
    Stance,
    Status,
    compute_end,
)
from service.domain.disclosure import Audience
from service.domain.guards import Move
from service.publishing import publication_queries
from service.publishing.claim_review import build_claim_review
from service.record.tail import newest
from service.store.engine import Connection
from service.store.snapshot import hold_snapshot
from service.web import redaction

Data = dict[str, Any]
SHOWN = 12
"""Statements of a claim that has many: the latest of each party; all of them are a click away."""
RECORDED = 30
"""Events that a page shows; the whole record is a click away."""
PAGE = 40
"""Statements, and events, on a page of all of them."""
MOST_PARTIES = 10
"""Columns of a page that does not show all: those that take a side come first."""
NOTED = 200
"""Notes that a page shows, the newest; the API has them all."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """What a claim's page shows, for one caller."""

    state: ClaimState
    claim: Data
    """As the API serves it."""
    columns: list[Data]
    shown: set[str]
    """The links on the page."""
    suggestion: Data
    moves: list[Data]
    events: list[Data]
    """Oldest first; those up to the instant asked about are `past`."""
    left_out: int
    parties_left_out: int
    next_statements: str | None
    """The link after which a page of all statements goes on."""
    """Earlier events that are not among them."""
    notes: list[Data]
    people: Mapping[str, str]
    """Who may be assigned, by id."""
    assignee: str | None
    withdrawal: Data
    """When and where the claimant took the claim back, if so."""
    around: Data
    """The claim that it is part of, if any."""
    json_ld: Data
    newest: int

    @property
    def linked_cards(self) -> list[Data]:
        """The cards of links, column by column."""
        return [card for column in self.columns for card in column["cards"] if card["link"]]


def read(
    connection: Connection,
    claim_id: str,
    *,
    caller: Actor | None,
    moment: datetime | None,
    entire: bool,
    after: str | None = None,
    ahead_of: int | None = None,
    keep: Collection[str] = (),
    four_eyes: bool,
    publisher: str,
    base_url: str,
) -> Sheet:
    """A claim of many statements and events is shown with the latest, or `entire`, page by page:
    the links from the one that follows `after`, the events before `ahead_of`.  Links in `keep` are
    always shown, and to the desk so is what a proposal rests on.

    Raises NotFound, NotYetRecorded.
    """
    audience = disclosure.find_audience(caller)
    internals = audience is Audience.DESK
    with hold_snapshot(connection):
        last = newest(connection)
        state = history_queries.require_state(connection, claim_id, moment)
        if entire:
            chosen, next_statements = _page(state, after)
            left_out_of: dict[str | None, int] = {}
            parties_left_out = 0
        else:
            named = _named_in_proposal(state) if internals else ()
            chosen, left_out_of, parties_left_out = _choose(state, {*keep, *named})
            next_statements = None
        links = redaction.redact_links(
            statement_queries.list_links(connection, state, moment=moment, chosen=chosen), audience
        )
        origin = statement_queries.read_statement(connection, state.origin_statement)
        assert origin is not None, "a claim has an origin"
        if moment is not None:
            origin = statement_queries.restrict_to_moment(origin, moment)
        rows, left_out = history_queries.list_latest_events(
            connection,
            claim_id,
            limit=PAGE if entire else RECORDED,
            internal=internals,
            ahead_of=ahead_of,
        )
        people = account_queries.read_assignee_names(connection) if internals else {}
        notes = []
        if internals:
            notes = decision_queries.list_latest_notes(connection, claim_id, moment, limit=NOTED)
        beside = publication_queries.read_review_sources(connection, claim_id, moment)
        above = (
            history_queries.require_state(connection, state.part_of, moment)
            if state.part_of
            else None
        )
        assignee = None
        if internals and state.assignee:
            assignee = account_queries.read_names(connection, [state.assignee]).get(
                state.assignee, "somebody"
            )
        withdrawal = _withdrawal(connection, state, rows)
    by_id = {link.id: {"statement": describe_voice(link.voice)} for link in state.links}
    claim: Any = orjson.loads(documents.render_document(state))
    suggestion = decision_queries.build_suggestion(state)
    columns = _columns(state, links, origin, suggestion)
    for column in columns:
        column["left_out"] = left_out_of.get(column["root"], 0)
    return Sheet(
        state=state,
        claim=claim,
        columns=columns,
        shown={card["link"]["id"] for one in columns for card in one["cards"] if card["link"]},
        suggestion=suggestion,
        moves=_moves(state, four_eyes=four_eyes),
        events=[
            record_lines.told(one, by_id, people)
            | {"past": moment is None or datetime.fromisoformat(one["recorded_at"]) <= moment}
            for one in redaction.redact_events(rows, audience)
        ],
        left_out=left_out,
        parties_left_out=parties_left_out,
        next_statements=next_statements,
        notes=notes,
        people=people,
        assignee=assignee,
        withdrawal=withdrawal,
        around=_brief(above),
        json_ld=build_claim_review(claim, beside, publisher=publisher, base_url=base_url),
        newest=last,
    )


def _withdrawal(connection: Connection, state: ClaimState, rows: list[Data]) -> Data:
    """The event that closed a withdrawn claim, with its source."""
    if state.lifecycle is not Lifecycle.WITHDRAWN:
        return {}
    data: Data = next(
        (one["data"] for one in reversed(rows) if one["type"] == "claim.withdrawn"), {}
    )
    source = data.get("source")
    unknown = dict.fromkeys(("reason", "said_at", "precision"))
    return {
        **unknown,
        **data,
        "source": directory_queries.read_source(connection, source) if source else None,
    }


def _brief(state: ClaimState | None) -> Data:
    if state is None:
        return {}
    return {"id": state.id, "text": state.text, "status": state.status}


def _columns(state: ClaimState, links: list[Data], origin: Data, suggestion: Data) -> list[Data]:
    """One column for each root party, the claimant's first, each with its statements in the order
    in which they were said."""
    counted = {one["link"]: one for one in suggestion["trace"]}
    claimant = state.claimant
    first: Data = {
        "root": claimant.root if claimant else None,
        "name": claimant.root_name if claimant else "Unattributed",
        "claimant": True,
        "left_out": 0,
        "cards": [_card(None, origin, None)],
    }
    columns = {first["root"]: first}
    for link in links:
        statement = link["statement"]
        column = columns.setdefault(
            statement["root"],
            {
                "root": statement["root"],
                "name": statement["root_name"],
                "claimant": False,
                "left_out": 0,
                "cards": [],
            },
        )
        column["cards"].append(_card(link, statement, counted.get(link["id"])))
    for column in columns.values():
        column["cards"].sort(key=_order_said)
    return list(columns.values())


def _order_said(card: Data) -> tuple[Any, ...]:
    statement = card["statement"]
    said_at = datetime.fromisoformat(statement["said_at"])
    return compute_end(said_at, Precision(statement["precision"])), card["order"]


def _named_in_proposal(state: ClaimState) -> set[str]:
    waiting = state.pending
    return set() if waiting is None else {*waiting.cites, *(one.link for one in waiting.set_aside)}


def _page(state: ClaimState, after: str | None) -> tuple[Sequence[Link], str | None]:
    """The links after one of them, and the one after which the next page begins."""
    places = {link.id: place for place, link in enumerate(state.links)}
    begin = 0 if after is None else places.get(after, -1) + 1
    chosen = state.links[begin : begin + PAGE]
    return chosen, chosen[-1].id if begin + PAGE < len(state.links) else None


def _choose(state: ClaimState, keep: set[str]) -> tuple[Sequence[Link], dict[str | None, int], int]:
    """The latest links of each party where there are too many to look at, how many of each are
    left out, and how many parties are."""
    if len(state.links) < SHOWN:
        return state.links, {}, 0
    by_root: dict[str | None, list[Link]] = {}
    for link in state.links:
        by_root.setdefault(link.voice.root, []).append(link)
    claiming = state.claimant.root if state.claimant else None

    def rank(root: str | None) -> tuple[bool, bool]:
        takes_side = any(
            link.is_active and link.stance is not Stance.COMMENTS for link in by_root[root]
        )
        return root != claiming, not takes_side

    roots = sorted(by_root, key=rank)
    shown = {*roots[:MOST_PARTIES], *(link.voice.root for link in state.links if link.id in keep)}
    most = max(2, SHOWN // len(shown))
    chosen: list[Link] = []
    left_out: dict[str | None, int] = {}
    for root in shown:
        ordered = sorted(
            by_root[root],
            key=lambda link: (compute_end(link.said_at, link.precision), link.recorded_at),
        )
        latest = len(ordered) - most
        kept = [link for place, link in enumerate(ordered) if place >= latest or link.id in keep]
        left_out[root] = len(ordered) - len(kept)
        chosen += kept
    places = {link.id: place for place, link in enumerate(state.links)}
    chosen.sort(key=lambda link: places[link.id])
    return chosen, left_out, len(roots) - len(shown)


def _card(link: Data | None, statement: Data, traced: Data | None) -> Data:
    recorded = link["recorded_at"] if link else statement["recorded_at"]
    gone = bool(
        statement["withdrawn_at"] is not None or (link and link["retracted_at"] is not None)
    )
    return {
        "id": f"l-{link['id']}" if link else f"o-{statement['id']}",
        "link": link,
        "statement": statement,
        "counted": traced["counted"] if traced else None,
        "why": traced["why"] if traced else None,
        "gone": gone,
        "late": recorded[:10] > statement["said_at"][:10],
        "recorded_at": recorded,
        "order": (link is not None, recorded),
    }


def _moves(state: ClaimState, *, four_eyes: bool) -> list[Data]:
    """Every status that the claim might be given, with what is missing for it.

    Reasons and citations come from the form, so what they lack is not told as missing here.
    """
    if state.lifecycle is not Lifecycle.ACTIVE:
        return []
    aside = tuple(SetAside(one.id, "…") for one in evidence.list_open_contradictions(state))
    found = []
    for to in Status:
        if (state.status, to) not in lifecycle.TRANSITIONS:
            continue
        fitting = tuple(link.id for link in guards.list_citable_links(state, to))
        move = Move(to, "…", fitting)
        missing = lifecycle.list_missing(state, move)
        if missing and aside and to is Status.CONFIRMED and state.status is Status.DISPUTED:
            # It may be reached by setting aside, which takes more support.
            setting = lifecycle.list_missing(state, Move(to, "…", fitting, aside))
            missing = setting or []
        found.append(
            {
                "to": to.value,
                "missing": [one.detail for one in missing],
                "fitting": fitting,
                "second": lifecycle.needs_second_person(move, four_eyes=four_eyes),
            }
        )
    return found
