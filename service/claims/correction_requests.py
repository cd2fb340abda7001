"""Requests to correct: what anybody may send, what the desk reads of it, and how it answers."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson
from sqlalchemy import Connection, Row, delete, func, insert, select, update

from service.claims import claim_writer, existence
from service.domain import access, ids
from service.domain import correction_requests as rules
from service.domain.access import Action, Actor
from service.domain.claims import format_instant
from service.domain.correction_requests import RequestOutcome
from service.domain.errors import AlreadySettled, Invalid, NotFound, RateLimited
from service.store.tables import claims, correction_requests, events

MOST_WAITING = 500
MOST_WAITING_ON_CLAIM = 20
"""How many requests wait at the desk, and on one claim, at most: strangers fill no disk."""
RETENTION = timedelta(days=90)
"""How long an answered request is kept, with how its sender can be reached."""
BATCH = 100
LISTED = 50
MOST_ANSWERS = 20
"""Public answers that a claim's page shows, the newest."""
FULL = (
    "So many requests wait to be read that no more are taken just now. Nothing was sent; try again "
    "in a day or two."
)


@dataclass(frozen=True, slots=True)
class NewRequest:
    """What somebody asks: what is wrong, where it can be read, how to reach them, and whether they
    want the answer public."""

    text: str
    url: str | None
    contact: str | None
    wants_publication: bool


@dataclass(frozen=True, slots=True)
class CorrectionRequest(NewRequest):
    """A request, as the desk reads it."""

    id: str
    claim: str
    claim_text: str
    received_at: datetime
    outcome: RequestOutcome | None
    answer: str | None
    published: bool
    answered_by_name: str | None
    answered_at: datetime | None


@dataclass(frozen=True, slots=True)
class PublicAnswer:
    """The desk's answer to a request, as everybody reads it."""

    received_at: str
    answered_at: str
    outcome: RequestOutcome
    answer: str


def receive_request(
    connection: Connection, claim_id: str, new: NewRequest, *, now: datetime
) -> None:
    """Keep a request for the desk to read.  The same words that wait already are not kept twice.

    Nobody has to be known for it, so it changes nothing else.  Raises NotFound, and RateLimited
    where too many wait.
    """
    existence.require_claim(connection, claim_id)
    waiting = correction_requests.c.answered_at.is_(None)
    is_of_claim = correction_requests.c.claim == claim_id
    same = select(correction_requests.c.id).where(
        waiting, is_of_claim, correction_requests.c.text == new.text
    )
    if connection.execute(same.limit(1)).first() is not None:
        return
    for most, condition in (
        (MOST_WAITING, waiting),
        (MOST_WAITING_ON_CLAIM, waiting & is_of_claim),
    ):
        count = select(func.count()).select_from(correction_requests).where(condition)
        if connection.execute(count).scalar_one() >= most:
            raise RateLimited(FULL, headers={"Retry-After": "86400"})
    row = {
        "id": ids.make_id(),
        "claim": claim_id,
        "text": new.text,
        "url": new.url,
        "contact": new.contact,
        "wants_publication": new.wants_publication,
        "received_at": now,
        "published": False,
    }
    connection.execute(insert(correction_requests), row)


def answer_request(
    connection: Connection,
    request_id: str,
    *,
    outcome: RequestOutcome,
    sentence: str,
    publish: bool,
    actor: Actor,
    now: datetime,
) -> str:
    """Answer a request; with `publish` everybody reads the answer on the claim's page, if whoever
    asked wants that.  Returns the id of the claim on which it is answered.

    Raises NotFound, AlreadySettled, and Invalid for an answer that its asker wants for themselves.
    """
    access.require_permission(actor, Action.AMEND)
    row = connection.execute(
        select(correction_requests).where(correction_requests.c.id == request_id).with_for_update()
    ).first()
    if row is None:
        raise _build_not_found()
    if row.answered_at is not None:
        raise AlreadySettled("This request was answered before.", request=request_id)
    if publish and not row.wants_publication:
        raise Invalid("whoever asked wants no public answer", loc=("body", "publish"))
    loaded_claim = claim_writer.load_claim(connection, row.claim, now=now)
    while loaded_claim.state.merged_into is not None:
        loaded_claim = claim_writer.load_claim(connection, loaded_claim.state.merged_into, now=now)
    if publish:
        draft = rules.draft_public_answer(
            request_id, outcome=outcome, answer=sentence, received_at=row.received_at
        )
        claim_writer.record_events(connection, loaded_claim, [draft], actor=actor, now=now)
    connection.execute(
        update(correction_requests)
        .where(correction_requests.c.id == request_id)
        .values(
            outcome=outcome.value,
            answer=sentence,
            published=publish,
            answered_by=actor.id,
            answered_by_name=actor.name,
            answered_at=now,
        )
    )
    return loaded_claim.state.id


def delete_old_requests(connection: Connection, *, now: datetime) -> int:
    """Delete a batch of requests that were answered long ago; returns how many."""
    old = (
        select(correction_requests.c.id)
        .where(correction_requests.c.answered_at < now - RETENTION)
        .limit(BATCH)
    )
    return connection.execute(
        delete(correction_requests).where(correction_requests.c.id.in_(old.scalar_subquery()))
    ).rowcount


def list_waiting_requests(connection: Connection) -> tuple[list[CorrectionRequest], int]:
    """List the requests that wait longest, and count all that wait."""
    waiting = correction_requests.c.answered_at.is_(None)
    order = (correction_requests.c.received_at, correction_requests.c.id)
    rows = connection.execute(SELECT.where(waiting).order_by(*order).limit(LISTED)).all()
    count = select(func.count()).select_from(correction_requests).where(waiting)
    return [_build_request(row) for row in rows], connection.execute(count).scalar_one()


def read_request(connection: Connection, request_id: str) -> CorrectionRequest:
    """Read a request.  Raises NotFound."""
    row = connection.execute(SELECT.where(correction_requests.c.id == request_id)).first()
    if row is None:
        raise _build_not_found()
    return _build_request(row)


def list_public_answers(
    connection: Connection, claim_id: str, moment: datetime | None
) -> list[PublicAnswer]:
    """List the newest answers that everybody may read on a claim, now or as of an instant, the
    newest first."""
    query = select(events.c.data, events.c.recorded_at).where(
        events.c.claim == claim_id, events.c.type == rules.ANSWERED
    )
    if moment is not None:
        query = query.where(events.c.recorded_at <= moment)
    rows = connection.execute(query.order_by(events.c.number.desc()).limit(MOST_ANSWERS)).all()
    return [_build_answer(orjson.loads(row.data), row.recorded_at) for row in rows]


SELECT = select(correction_requests, claims.c.document.label("claim_document")).join(
    claims, claims.c.id == correction_requests.c.claim
)


def _build_request(row: Row[Any]) -> CorrectionRequest:
    return CorrectionRequest(
        text=row.text,
        url=row.url,
        contact=row.contact,
        wants_publication=row.wants_publication,
        id=row.id,
        claim=row.claim,
        claim_text=orjson.loads(row.claim_document)["text"],
        received_at=row.received_at,
        outcome=RequestOutcome(row.outcome) if row.outcome else None,
        answer=row.answer,
        published=row.published,
        answered_by_name=row.answered_by_name,
        answered_at=row.answered_at,
    )


def _build_answer(data: Mapping[str, Any], answered_at: datetime) -> PublicAnswer:
    return PublicAnswer(
        data["received_at"],
        format_instant(answered_at),
        RequestOutcome(data["outcome"]),
        data["answer"],
    )


def _build_not_found() -> NotFound:
    return NotFound("There is no request to correct with this id.")
