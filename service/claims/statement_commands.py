"""Records statements, adds quotes to them, and withdraws them."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    Connection,
    Row,
    bindparam,
    func,
    insert,
    select,
    update,
)

from service.claims import claim_writer, existence, proposal_commands
from service.claims.link_activity import has_ceased
from service.claims.pending_statements import PendingStatement, RecordedStatement
from service.directory import party_commands, source_commands
from service.domain import access, amendments, ids, plain_data, things
from service.domain.access import Action, Actor
from service.domain.claims import (
    Attribution,
    Basis,
    Lifecycle,
    Precision,
    Unnamed,
    Voice,
    choose_voice,
)
from service.domain.errors import AlreadySettled, Invalid, StatementVoid, StatementWithdrawn
from service.domain.history import Draft
from service.domain.inputs import NewQuote, NewSource, NewStatement
from service.domain.instants import compute_end
from service.domain.subjects import Subject, SubjectKind
from service.record import writer
from service.record.writer import EventRow
from service.search.index import index_writer
from service.store.engine import clamp_now
from service.store.row_data import QUOTE
from service.store.tables import claims, links, quotes, statements

FUTURE_TOLERANCE = timedelta(days=1)
EXCERPT_LENGTH = 500
"""How much of a quote a claim's record repeats."""

LOCK_STATEMENT = (
    select(statements, quotes.c.text.label("quote"))
    .join(quotes, quotes.c.statement == statements.c.id)
    .where(statements.c.id == bindparam("statement"))
    .order_by(quotes.c.position)
    .limit(1)
    # A withdrawal waits for whoever is about to link, and whoever links sees a withdrawal.
    .with_for_update(read=True, key_share=True, of=statements)
)
EVENT_COLUMNS = ("party", "speaker", "said_at", "precision", "basis")
"""What the event of a statement repeats of its row; who recorded it, and when, is the event's."""
EVENT_QUOTE_COLUMNS = tuple(name for name in QUOTE.columns if name != "recorded_at")
"""What an event repeats of a quote's row."""

QuoteRow = Mapping[str, Any]
"""The columns of a row of `quotes`."""


def record_statement(
    connection: Connection,
    new: NewStatement,
    *,
    actor: Actor,
    now: datetime,
    loc: tuple[str | int, ...] = ("body",),
) -> RecordedStatement:
    """Record one utterance with its renderings.

    Raises Invalid for references to things that do not exist.
    """
    pending = prepare_statement(connection, new, lines=[], actor=actor, now=now, loc=loc)
    pending.write(connection)
    return pending.statement


def prepare_statement(
    connection: Connection,
    new: NewStatement,
    *,
    voice: Voice | Unnamed | None = None,
    claimant: Voice | None = None,
    lines: list[EventRow],
    actor: Actor,
    now: datetime,
    loc: tuple[str | int, ...] = ("body",),
) -> PendingStatement:
    """Prepare the rows of one utterance with its renderings, for the caller to write.

    `voice` is whose it is, if known, and `claimant` whose the claim is that is made of it.  `lines`
    are events that wait to be written: they are written with this statement's own.  Raises Invalid
    for references to things that do not exist.
    """
    access.require_permission(actor, Action.RECORD)
    require_not_future(new.said_at, now=now, loc=(*loc, "said_at"))
    if not new.quotes:
        raise Invalid("a statement needs at least one quote", loc=(*loc, "quotes"))
    is_unnamed = new.attribution is Attribution.UNNAMED
    if is_unnamed:
        voice = _resolve_unnamed(connection, new, loc=loc)
    elif voice is None and new.party is not None:
        voice = party_commands.resolve_voice(
            connection, new.party, new.speaker, lines, actor=actor, now=now, loc=loc
        )
    elif new.party is None and new.speaker is not None:
        raise Invalid("a speaker speaks for a party: name it", loc=(*loc, "party"))
    statement_id = ids.make_id()
    row = {
        "id": statement_id,
        "party": new.party,
        "speaker": voice.speaker.id if isinstance(voice, Voice) and voice.speaker else None,
        "attribution": new.attribution.value if is_unnamed else None,
        "description": new.description,
        "reason": new.reason,
        "said_at": new.said_at,
        "said_end": compute_end(new.said_at, new.precision),
        "precision": new.precision.value,
        "basis": new.basis.value,
        "recorded_at": now,
        "recorded_by": actor.name,
    }
    quote_rows = [
        _build_quote_row(
            connection, statement_id, position, quote, actor=actor, now=now, loc=loc, lines=lines
        )
        for position, quote in enumerate(new.quotes, start=1)
    ]
    values = {name: row[name] for name in EVENT_COLUMNS}
    values |= {name: row[name] for name in things.UNNAMED if is_unnamed}
    draft = Draft(
        "statement.recorded",
        plain_data.make_plain(values | {"quotes": _select_quote_columns(quote_rows)}),
    )
    subject = build_subject(statement_id)
    return PendingStatement(
        RecordedStatement(
            statement_id,
            voice,
            new.said_at,
            new.precision,
            new.basis,
            shorten_quote(new.quotes[0].text),
        ),
        row,
        quote_rows,
        [*lines, *writer.build_first_lines(subject, [draft], actor=actor, now=now)],
        index_writer.read_new_sources(
            connection, statement_id, new.quotes, (choose_voice(voice), claimant)
        ),
    )


def _resolve_unnamed(
    connection: Connection, new: NewStatement, *, loc: tuple[str | int, ...]
) -> Unnamed:
    """Return a source that is not named, as it is described.  Raises Invalid for an unknown party,
    and where the name is not withheld after all."""
    if new.speaker is not None:
        raise Invalid(
            "a source that is not named has no speaker: describe it", loc=(*loc, "speaker")
        )
    if not new.description:
        raise Invalid(
            "describe a source that is not named: “a senior security official”",
            loc=(*loc, "description"),
        )
    if not new.reason:
        raise Invalid("say why the name is withheld; only editors see it", loc=(*loc, "reason"))
    party = (
        party_commands.require_voice(connection, new.party, None, loc=loc) if new.party else None
    )
    return Unnamed(new.description, party)


def require_not_future(moment: datetime, *, now: datetime, loc: tuple[str | int, ...]) -> None:
    """Raise Invalid if something was said tomorrow or later; a day is allowed for time zones ahead
    of UTC."""
    if moment > now + FUTURE_TOLERANCE:
        raise Invalid("nobody can have said this yet: the instant lies in the future", loc=loc)


def lock_statement(
    connection: Connection, statement_id: str, *, loc: tuple[str | int, ...]
) -> RecordedStatement:
    """Read a recorded statement and lock it against withdrawal until this transaction ends.

    Raises Invalid (unknown), StatementVoid or StatementWithdrawn.
    """
    row = connection.execute(LOCK_STATEMENT, {"statement": statement_id}).first()
    if row is None:
        raise Invalid("there is no statement with this id", loc=loc)
    if has_ceased(row.voided_at, row.void_ended_at, None):
        raise StatementVoid(
            "This statement was recorded by mistake; nothing new can rest on it.",
            statement=statement_id,
        )
    if has_ceased(row.withdrawn_at, row.withdrawal_ended_at, None):
        raise StatementWithdrawn(
            "This statement was withdrawn; nothing new can rest on it.", statement=statement_id
        )
    voice: Voice | Unnamed | None = None
    if row.party is not None:
        voice = party_commands.require_voice(connection, row.party, row.speaker, loc=loc)
    if row.attribution == Attribution.UNNAMED:
        voice = Unnamed(row.description, choose_voice(voice))
    return RecordedStatement(
        row.id,
        voice,
        row.said_at,
        Precision(row.precision),
        Basis(row.basis),
        shorten_quote(row.quote),
    )


def add_quote(
    connection: Connection, statement_id: str, quote: NewQuote, *, actor: Actor, now: datetime
) -> None:
    """Add another rendering of the same utterance: two outlets quote it differently.

    It is recorded on every claim that shows the statement, which can be found by it from then on.
    """
    access.require_permission(actor, Action.RECORD)
    lock_row(connection, statement_id)
    chain = writer.lock_chain(connection, build_subject(statement_id))
    position = connection.scalar(
        select(func.max(quotes.c.position)).where(quotes.c.statement == statement_id)
    )
    linked_claims, made_claims = list_claims_showing(connection, statement_id)
    concerned_claims = sorted({*linked_claims, *made_claims})
    now = clamp_now(
        chain.recorded_at, claim_writer.lock_claims(connection, concerned_claims, now=now)
    )
    row = _build_quote_row(
        connection, statement_id, (position or 0) + 1, quote, actor=actor, now=now, loc=("body",)
    )
    connection.execute(insert(quotes), row)
    draft = Draft("statement.quoted", {"quote": _select_quote_columns([row])[0]})
    writer.extend_chain(connection, chain, [draft], actor=actor, now=now)
    index_writer.reindex_statements(connection, statements.c.id == statement_id)
    draft_on_claims = Draft("statement.quoted", {"statement": statement_id, **draft.data})
    changed_states = [
        claim_writer.record_events(
            connection,
            claim_writer.load_claim(connection, claim, now=now),
            [draft_on_claims],
            actor=actor,
            now=now,
        ).state
        for claim in concerned_claims
    ]
    index_writer.reindex_claims(connection, changed_states, statement=statement_id)


def withdraw_statement(
    connection: Connection,
    statement_id: str,
    *,
    reason: str,
    source: str | NewSource | None,
    said_at: datetime | None = None,
    precision: Precision | None = None,
    four_eyes: bool,
    actor: Actor,
    now: datetime,
) -> list[str]:
    """Record that the speaker withdrew the statement; `said_at` and `source` say when and where.

    The evidence of every linked claim is counted again, and a claim that rested on the statement
    loses its confirmation by rule; a claim of which it is the origin is withdrawn by its claimant.
    On a claim that was confirmed in spite of the statement, the withdrawal is proposed: returns the
    ids of those decisions.  Raises NotFound, Settled, DecisionPending.
    """
    access.require_permission(actor, Action.RECORD)
    if said_at is not None:
        require_not_future(said_at, now=now, loc=("body", "said_at"))
        precision = precision or Precision.DAY
    row = lock_row(connection, statement_id)
    if has_ceased(row.withdrawn_at, row.withdrawal_ended_at, None):
        raise AlreadySettled("This statement was withdrawn before.", statement=statement_id)
    chain = writer.lock_chain(connection, build_subject(statement_id))
    source_id = (
        None
        if source is None
        else source_commands.resolve_source(connection, source, actor=actor, now=now, loc=("body",))
    )
    linked_claims, made_claims = list_claims_showing(connection, statement_id)
    concerned_claims = sorted({*linked_claims, *made_claims})
    now = clamp_now(
        chain.recorded_at, claim_writer.lock_claims(connection, concerned_claims, now=now)
    )
    withdrawal = {
        "reason": reason,
        "source": source_id,
        "said_at": said_at,
        "precision": precision.value if precision and said_at else None,
    }
    draft = Draft("statement.withdrawn", plain_data.make_plain(withdrawal))
    writer.extend_chain(connection, chain, [draft], actor=actor, now=now)
    connection.execute(
        update(statements)
        .where(statements.c.id == statement_id)
        .values(withdrawn_at=now, withdrawal_ended_at=None)
        .values({f"withdrawal_{name}": value for name, value in withdrawal.items()})
    )
    about: amendments.Withdrawal = {
        "reason": reason,
        "source": source_id,
        "said_at": said_at,
        "precision": precision,
    }
    waiting = []
    for claim_id in concerned_claims:
        loaded_claim = claim_writer.load_claim(connection, claim_id, now=now)
        drafts = []
        if any(link.statement == statement_id for link in loaded_claim.state.links):
            drafts.append(amendments.draft_statement_withdrawal(statement_id, **about))
        if claim_id in made_claims and loaded_claim.state.lifecycle is Lifecycle.ACTIVE:
            drafts.append(amendments.draft_claim_withdrawal(loaded_claim.state, **about))
        change = amendments.withdraw_linked_statement(statement_id, drafts, about)
        outcome = proposal_commands.submit_change(
            connection, loaded_claim, change, four_eyes=four_eyes, actor=actor, now=now
        )
        waiting += [outcome.decision] if outcome.decision else []
    return waiting


def list_claims_showing(connection: Connection, statement_id: str) -> tuple[list[str], list[str]]:
    """List the claims that the statement is linked to, and those whose origin it is."""
    linked_claims = select(links.c.claim).where(links.c.statement == statement_id)
    made_claims = select(claims.c.id).where(claims.c.origin_statement == statement_id)
    return list(connection.scalars(linked_claims)), list(connection.scalars(made_claims))


def build_subject(statement_id: str) -> Subject:
    return Subject(SubjectKind.STATEMENT, statement_id)


def _select_quote_columns(rows: Iterable[QuoteRow]) -> list[Mapping[str, object]]:
    """Select quotes with the columns that events repeat."""
    return [{name: row[name] for name in EVENT_QUOTE_COLUMNS} for row in rows]


def lock_row(connection: Connection, statement_id: str) -> Row[Any]:
    row = connection.execute(
        select(statements).where(statements.c.id == statement_id).with_for_update()
    ).first()
    if row is None:
        raise existence.build_not_found("statement")
    return row


def _build_quote_row(
    connection: Connection,
    statement_id: str,
    position: int,
    quote: NewQuote,
    *,
    actor: Actor,
    now: datetime,
    loc: tuple[str | int, ...],
    lines: list[EventRow] | None = None,
) -> QuoteRow:
    where = (*loc, "quotes", position - 1)
    selector = quote.selector
    return {
        "id": ids.make_id(),
        "statement": statement_id,
        "position": position,
        "text": quote.text,
        "language": quote.language,
        "rendering": quote.rendering.value,
        "source": source_commands.resolve_source(
            connection, quote.source, actor=actor, now=now, loc=where, lines=lines
        ),
        "exact": selector.exact if selector else None,
        "prefix": selector.prefix if selector else None,
        "suffix": selector.suffix if selector else None,
        "recorded_at": now,
    }


def shorten_quote(text: str) -> str:
    """Return as much of a quote as a claim's record repeats."""
    return text if len(text) <= EXCERPT_LENGTH else text[: EXCERPT_LENGTH - 1] + "…"
