"""Reads what an assessor of fact-checkers is shown: claims drawn at random, with all that they
rest on.

The draw can be repeated by anybody who knows the seed and the claims' ids: claims are put in the
order of SHA-256 over the seed and their id, and the first are taken.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

import orjson
from sqlalchemy import Connection, select

from service.claims import (
    decision_queries,
    documents,
    history_queries,
    inquiry_views,
    link_queries,
    statement_queries,
)
from service.claims.claim_views import ClaimView
from service.claims.decision_views import DecisionView, SuggestionView
from service.claims.history_queries import RecordedEvent
from service.claims.inquiry_views import InquiryView
from service.claims.statement_views import LinkView, StatementView
from service.domain.access import SYSTEM
from service.domain.claims import ClaimState, Lifecycle, parse_instant
from service.domain.errors import Invalid
from service.domain.subjects import SubjectKind
from service.store.paging import Window
from service.store.snapshot import hold_snapshot
from service.store.tables import claims, decisions, events

MOST_SAMPLED = 1_000
"""Claims of one dossier: more than anybody reads, and all are in memory."""
MOST_EVENTS = 100_000
UNKNOWN = "somebody whose role is not recorded"
CONSOLE = "the command line"


@dataclass(frozen=True, slots=True)
class Period:
    """The time in which the claims of a dossier were recorded: from `begin` up to `end`, which is
    not in it."""

    begin: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class SampledClaim:
    """A claim that was drawn, with its evidence and its record."""

    state: ClaimState
    claim: ClaimView
    origin: StatementView
    links: Sequence[LinkView]
    suggestion: SuggestionView
    events: Sequence[RecordedEvent]
    """Oldest first."""
    decisions: Sequence[DecisionView]
    """What two people settled, or were to settle; oldest first."""
    inquiries: Sequence[InquiryView]


@dataclass(frozen=True, slots=True)
class Dossier:
    """Claims drawn at random from those of a period."""

    period: Period
    seed: int
    population: int
    """How many claims they were drawn from."""
    claims: Sequence[SampledClaim]
    roles: "Roles"


class Roles:
    """The roles that people and keys had, by instant."""

    def __init__(self, changes: Mapping[str, Sequence[tuple[datetime, str]]]) -> None:
        self._changes = changes

    def name_role(self, actor_id: str, at: str | datetime) -> str:
        """Return the role that somebody had at an instant, in words."""
        moment = parse_instant(at) if isinstance(at, str) else at
        if actor_id == SYSTEM.id:
            return CONSOLE
        roles = [role for since, role in self._changes.get(actor_id, ()) if since <= moment]
        return f"{'an' if roles[-1][0] in 'ae' else 'a'} {roles[-1]}" if roles else UNKNOWN


def read_dossier(connection: Connection, *, period: Period, sample: int, seed: int) -> Dossier:
    """Draw `sample` of the claims that were recorded in a period, and read what they rest on.

    Claims that were merged into others are not among them: the others are.  Raises Invalid for a
    period without so many claims.
    """
    if not 0 < sample <= MOST_SAMPLED:
        raise Invalid(f"a dossier has 1 to {MOST_SAMPLED} claims", loc=("sample",))
    if period.end <= period.begin:
        raise Invalid("the period ends before it begins", loc=("to",))
    with hold_snapshot(connection):
        claim_ids = connection.scalars(
            select(claims.c.id).where(
                claims.c.created_at >= period.begin,
                claims.c.created_at < period.end,
                claims.c.lifecycle != Lifecycle.MERGED.value,
            )
        ).all()
        sample_ids = draw_sample(claim_ids, sample=sample, seed=seed)
        sampled_claims = [_read_claim(connection, claim_id) for claim_id in sample_ids]
        roles = _read_roles(connection, _list_actors(sampled_claims))
    return Dossier(period, seed, len(claim_ids), sampled_claims, roles)


def draw_sample(claim_ids: Collection[str], *, sample: int, seed: int) -> list[str]:
    """Draw so many of these claims at random; the same seed draws the same.  Raises Invalid."""
    if not claim_ids:
        raise Invalid("no claim was recorded in this period", loc=("from",))
    if len(claim_ids) < sample:
        count = len(claim_ids)
        claims_were = "claims were" if count > 1 else "claim was"
        raise Invalid(
            f"{count} {claims_were} recorded in this period, fewer than the {sample} asked for; "
            f"--sample {count} takes all of them",
            loc=("sample",),
        )
    by_chance = sorted(claim_ids, key=lambda id: sha256(f"{seed} {id}".encode()).digest())
    return by_chance[:sample]


def _read_claim(connection: Connection, claim_id: str) -> SampledClaim:
    state = history_queries.require_state(connection, claim_id, None)
    origin = statement_queries.read_statement(connection, state.origin_statement)
    assert origin is not None, "a claim has an origin"
    rows = connection.scalars(
        select(decisions.c.id)
        .where(decisions.c.claim == claim_id)
        .order_by(decisions.c.proposed_at, decisions.c.id)
    ).all()
    settled_decisions = (
        decision_queries.read_decision(connection, decision_id) for decision_id in rows
    )
    document: ClaimView = orjson.loads(documents.render_document(state))
    return SampledClaim(
        state=state,
        claim=document,
        origin=origin,
        links=link_queries.list_links(connection, state),
        suggestion=decision_queries.build_suggestion(state),
        events=history_queries.list_events(connection, claim_id, Window(MOST_EVENTS, None)),
        decisions=[decision for decision in settled_decisions if decision is not None],
        inquiries=inquiry_views.build_inquiries(claim_id, state.inquiries),
    )


def _list_actors(sampled_claims: Sequence[SampledClaim]) -> set[str]:
    """Return the ids of all who acted on these claims."""
    actors: set[str] = set()
    for claim in sampled_claims:
        actors |= {event["actor"]["id"] for event in claim.events if "id" in event["actor"]}
        for decision in claim.decisions:
            actors.add(decision["proposed_by"]["id"])
            if decision["settled_by"] is not None:
                actors.add(decision["settled_by"]["id"])
    return actors


def _read_roles(connection: Connection, actors: Collection[str]) -> Roles:
    """Read which roles people and keys got, and when, from their records."""
    kinds = (SubjectKind.PERSON.value, SubjectKind.KEY.value)
    rows = connection.execute(
        select(events.c.subject, events.c.recorded_at, events.c.data)
        .where(events.c.kind.in_(kinds), events.c.subject.in_(actors))
        .order_by(events.c.subject, events.c.number)
    ).all()
    changes: dict[str, list[tuple[datetime, str]]] = {}
    for row in rows:
        data: dict[str, Any] = orjson.loads(row.data)
        if "role" in data:
            changes.setdefault(row.subject, []).append((row.recorded_at, data["role"]))
    return Roles(changes)
