"""Voids of statements, and ways back from a void or a withdrawal, on all claims that show them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, func, select, update

from service.claims import claim_writer, history_queries, proposal_commands, statement_commands
from service.claims.claim_writer import Loaded
from service.claims.link_activity import has_ceased
from service.domain import access, reversals
from service.domain.access import Action, Actor
from service.domain.changes import Change
from service.domain.claims import UNLISTED, ClaimState, Lifecycle
from service.domain.errors import AlreadySettled, Conflict
from service.domain.history import Draft
from service.domain.reversals import Undone
from service.record import writer
from service.record.writer import Chain
from service.store.engine import clamp_now
from service.store.tables import claims, events, statements


@dataclass(frozen=True, slots=True)
class _LockedStatement:
    """A statement that is locked, with the claims that show it, and the instant of a change of all
    of them."""

    row: Row[Any]
    chain: Chain
    made_claims: Sequence[str]
    concerned_claims: Sequence[str]
    now: datetime


def void_statement(
    connection: Connection,
    statement_id: str,
    *,
    reason: str,
    four_eyes: bool,
    actor: Actor,
    now: datetime,
) -> list[str]:
    """Record that a statement was recorded by mistake: its links count for nothing any more.

    A claim that is confirmed in spite of it is printed with it until a second person agrees:
    returns the ids of those decisions.  Raises NotFound, AlreadySettled, DecisionPending, and
    Conflict for the origin of a claim that is in force.
    """
    access.require_permission(actor, Action.REVERSE)
    locked_statement = _lock_statement(connection, statement_id, now=now)
    if is_void(locked_statement.row):
        raise AlreadySettled("This statement is void already.", statement=statement_id)
    _require_no_live_claim(connection, locked_statement.made_claims)
    _record(
        connection,
        locked_statement,
        Draft("statement.voided", {"reason": reason}),
        {"voided_at": locked_statement.now, "void_reason": reason, "void_ended_at": None},
        actor=actor,
    )
    return _change_claims(
        connection,
        locked_statement,
        lambda _: reversals.void_statement(statement_id, reason=reason),
        four_eyes=four_eyes,
        actor=actor,
    )


def restore_statement(
    connection: Connection,
    statement_id: str,
    *,
    undoes: Undone,
    reason: str,
    four_eyes: bool,
    actor: Actor,
    now: datetime,
) -> list[str]:
    """Record that a statement is not void, or was not withdrawn, after all: its links count again.

    A claim that was withdrawn with it is in force again.  What two people have to agree to waits:
    returns the ids of those decisions.  Raises NotFound, AlreadySettled, DecisionPending.
    """
    access.require_permission(actor, Action.REVERSE)
    locked_statement = _lock_statement(connection, statement_id, now=now)
    require_ceased(locked_statement.row, undoes)
    endings = {f"{undoes}_ended_at": locked_statement.now}
    draft = Draft("statement.restored", {"undoes": undoes, "reason": reason})
    _record(connection, locked_statement, draft, endings, actor=actor)
    return _change_claims(
        connection,
        locked_statement,
        lambda state: plan_restoration(
            connection,
            state,
            statement_id,
            undoes,
            reason=reason,
            since=locked_statement.row.withdrawn_at,
        ),
        four_eyes=four_eyes,
        actor=actor,
    )


def plan_restoration(
    connection: Connection,
    state: ClaimState,
    statement_id: str,
    undoes: Undone,
    *,
    reason: str,
    since: datetime | None,
) -> Change | None:
    """Plan what the restoration of a statement, withdrawn `since`, makes of a claim."""
    former_state = None
    if (
        undoes == "withdrawal"
        and state.origin_statement == statement_id
        and state.lifecycle is Lifecycle.WITHDRAWN
        and _read_withdrawal_instant(connection, state.id) == since
    ):
        former_state = history_queries.read_state_before_last(
            connection, state.id, "claim.withdrawn"
        )
    return reversals.restore_statement(
        state, statement_id, undoes, reason=reason, since=former_state
    )


def read_row(connection: Connection, statement_id: str) -> Row[Any]:
    """Read a statement of which a claim is made, or which is linked to it.

    Without a lock: whoever changes it waits for the claim, which the caller has locked.
    """
    return connection.execute(select(statements).where(statements.c.id == statement_id)).one()


def is_void(row: Row[Any]) -> bool:
    """Say whether the statement in a row is void."""
    return has_ceased(row.voided_at, row.void_ended_at, None)


def require_not_void(origin: Row[Any]) -> None:
    """Raise Conflict where the statement that a claim comes from is void: the claim follows it."""
    if is_void(origin):
        raise Conflict(
            "The statement that this claim comes from is void: restore that first.",
            statement=origin.id,
        )


def is_withdrawn(row: Row[Any]) -> bool:
    """Say whether the statement in a row is withdrawn."""
    return has_ceased(row.withdrawn_at, row.withdrawal_ended_at, None)


IS_UNDONE: Mapping[Undone, Callable[[Row[Any]], bool]] = {
    "void": is_void,
    "withdrawal": is_withdrawn,
}
"""Whether there is something for a restoration to take back."""


def require_ceased(row: Row[Any], undoes: Undone) -> None:
    """Raise AlreadySettled unless the statement in a row is void, or is withdrawn."""
    if not IS_UNDONE[undoes](row):
        was = "is not void" if undoes == "void" else "was not withdrawn"
        raise AlreadySettled(
            f"This statement {was}: there is nothing to take back.", statement=row.id
        )


def _lock_statement(
    connection: Connection, statement_id: str, *, now: datetime
) -> _LockedStatement:
    row = statement_commands.lock_row(connection, statement_id)
    chain = writer.lock_chain(connection, statement_commands.build_subject(statement_id))
    linked_claims, made_claims = statement_commands.list_claims_showing(connection, statement_id)
    concerned_claims = sorted({*linked_claims, *made_claims})
    now = clamp_now(
        chain.recorded_at, claim_writer.lock_claims(connection, concerned_claims, now=now)
    )
    return _LockedStatement(row, chain, made_claims, concerned_claims, now)


def _record(
    connection: Connection,
    locked_statement: _LockedStatement,
    draft: Draft,
    values: Mapping[str, object],
    *,
    actor: Actor,
) -> None:
    writer.extend_chain(
        connection, locked_statement.chain, [draft], actor=actor, now=locked_statement.now
    )
    row = update(statements).where(statements.c.id == locked_statement.row.id)
    connection.execute(row.values(**values))


def _change_claims(
    connection: Connection,
    locked_statement: _LockedStatement,
    plan: Callable[[ClaimState], Change | None],
    *,
    four_eyes: bool,
    actor: Actor,
) -> list[str]:
    """Make the change that `plan` gives for each claim, or propose it; returns what waits."""
    waiting = []
    for claim_id in locked_statement.concerned_claims:
        loaded_claim: Loaded = claim_writer.load_claim(
            connection, claim_id, now=locked_statement.now
        )
        change = plan(loaded_claim.state)
        if change is None:
            continue
        outcome = proposal_commands.submit_change(
            connection,
            loaded_claim,
            change,
            four_eyes=four_eyes,
            actor=actor,
            now=locked_statement.now,
        )
        waiting += [outcome.decision] if outcome.decision else []
    return waiting


def _require_no_live_claim(connection: Connection, made_claims: Sequence[str]) -> None:
    live = connection.scalars(
        select(claims.c.id).where(
            claims.c.id.in_(made_claims),
            claims.c.lifecycle.not_in([lifecycle.value for lifecycle in UNLISTED]),
        )
    ).all()
    if live:
        raise Conflict(
            f"Claim {live[0]} was recorded with this statement: void the claim first, or correct "
            "its origin_statement.",
            claims=sorted(live),
        )


def _read_withdrawal_instant(connection: Connection, claim_id: str) -> datetime | None:
    last = select(func.max(events.c.recorded_at)).where(
        events.c.claim == claim_id, events.c.type == "claim.withdrawn"
    )
    instant: datetime | None = connection.scalar(last)
    return instant
