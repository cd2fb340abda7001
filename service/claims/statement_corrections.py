"""Corrects statements that were recorded wrongly, on every claim that shows them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, TypedDict

from sqlalchemy import Connection, Row, select, update

from service.claims import (
    claim_writer,
    statement_commands,
    statement_reversals,
)
from service.directory import party_commands, source_commands
from service.domain import access, corrections, plain_data
from service.domain.access import Action, Actor
from service.domain.claims import (
    Attribution,
    Basis,
    Cause,
    Precision,
    Rendering,
    Unnamed,
    Voice,
)
from service.domain.corrections import Difference, Spoken
from service.domain.errors import Invalid, PreconditionFailed, StatementVoid
from service.domain.history import Draft
from service.domain.inputs import NewSource, NewSpeaker, Selector
from service.domain.instants import compute_end, normalize_instant
from service.record import writer
from service.search.index import index_writer
from service.store.engine import clamp_now
from service.store.tables import claims, quotes, speakers, statements


class QuoteCorrection(TypedDict, total=False):
    """A quote by its id, and the fields of it that were sent."""

    id: str
    text: str
    language: str
    rendering: Rendering
    source: str | NewSource
    selector: Selector | None


class StatementCorrection(TypedDict, total=False):
    """The fields of a statement that were sent, as they should be."""

    party: str | None
    speaker: str | NewSpeaker | None
    said_at: datetime
    precision: Precision
    basis: Basis
    attribution: Attribution
    description: str | None
    withheld_reason: str | None
    quotes: Sequence[QuoteCorrection]


class StatementColumns(TypedDict):
    """The columns of a statement that a correction may change, as its event has them."""

    party: str | None
    speaker: str | None
    said_at: datetime
    precision: Precision
    basis: Basis
    attribution: str | None
    description: str | None
    reason: str | None


QuoteColumns = dict[str, str | None]
"""The columns of a quote that a correction changes."""
STATEMENT_COLUMNS = tuple(StatementColumns.__annotations__)
SELECTOR = ("exact", "prefix", "suffix")


def normalize_moment(
    moment: datetime, precision: Precision, *, field: str, now: datetime
) -> datetime:
    """Return an instant as it is recorded with its precision.  Raises Invalid if it lies ahead."""
    moment = normalize_instant(moment, precision)
    statement_commands.require_not_future(moment, now=now, loc=("body", field))
    return moment


def require_version(chain: writer.Chain, version: int | None) -> None:
    """Raise PreconditionFailed if more has happened than the sender has seen."""
    if version is not None and version != chain.number:
        raise PreconditionFailed(
            "This was changed while you were at it. Read it again and decide anew.",
            version=chain.number,
        )


def correct_statement(
    connection: Connection,
    statement_id: str,
    correction: StatementCorrection,
    *,
    reason: str,
    material: bool,
    version: int | None = None,
    actor: Actor,
    now: datetime,
) -> None:
    """Record what is right of a statement, and on every claim that shows it.

    With `material`, its links want to be affirmed anew; `version` is the number of the last event
    that the sender has seen of it.  Raises NotFound, StatementVoid, PreconditionFailed, and Invalid
    for what does not exist or fit, and where nothing differs.
    """
    access.require_permission(actor, Action.REVERSE)
    row = statement_commands.lock_row(connection, statement_id)
    if statement_reversals.is_void(row):
        raise StatementVoid("This statement is void: restore it first.", statement=statement_id)
    chain = writer.lock_chain(connection, statement_commands.build_subject(statement_id))
    require_version(chain, version)
    linked_claims, made_claims = statement_commands.list_claims_showing(connection, statement_id)
    concerned_claims = sorted({*linked_claims, *made_claims})
    now = clamp_now(
        chain.recorded_at, claim_writer.lock_claims(connection, concerned_claims, now=now)
    )
    voice = _resolve_voice(connection, row, correction, actor=actor, now=now)
    _require_fitting_voice(connection, voice, linked_claims, made_claims)
    columns = _correct_columns(row, correction, voice, now=now)
    quote_rows = connection.execute(
        select(quotes).where(quotes.c.statement == statement_id).order_by(quotes.c.position)
    ).all()
    corrected_quotes = _correct_quotes(
        connection, quote_rows, correction.get("quotes", ()), actor=actor, now=now
    )
    before, after = _list_changes(row, columns, quote_rows, corrected_quotes)
    data: Difference = {"before": before, "after": after, "reason": reason, "material": material}
    draft = Draft("statement.corrected", {**data})
    writer.extend_chain(connection, chain, [draft], actor=actor, now=now)
    _update_rows(connection, statement_id, columns, corrected_quotes)
    difference = _describe_on_claims(connection, data)
    if not difference["after"]:
        return
    first = quote_rows[0]
    text = corrected_quotes.get(first.id, {}).get("text") or first.text
    speech: Spoken = {
        "voice": voice,
        "basis": columns["basis"],
        "said_at": columns["said_at"],
        "precision": columns["precision"],
        "quote": statement_commands.shorten_quote(text),
    }
    changed_states = []
    for claim_id in concerned_claims:
        loaded_claim = claim_writer.load_claim(connection, claim_id, now=now)
        drafts = corrections.correct_statement(loaded_claim.state, statement_id, difference, speech)
        changed_states.append(
            claim_writer.record_events(
                connection, loaded_claim, drafts, actor=actor, now=now, cause=Cause.CORRECTION
            ).state
        )
    if corrected_quotes:
        index_writer.reindex_claims(connection, changed_states, statement=statement_id)


def _resolve_voice(
    connection: Connection,
    row: Row[Any],
    correction: StatementCorrection,
    *,
    actor: Actor,
    now: datetime,
) -> Voice | Unnamed | None:
    """Return whose words they are; another party without a speaker has none."""
    loc = ("body",)
    party = correction.get("party", row.party)
    attribution = correction.get("attribution", Attribution(row.attribution or Attribution.NAMED))
    if attribution is Attribution.UNNAMED:
        if correction.get("speaker") is not None:
            raise Invalid(
                "a source that is not named has no speaker: describe it", loc=(*loc, "speaker")
            )
        description = correction.get("description", row.description)
        if not description:
            raise Invalid(
                "describe a source that is not named: “a senior security official”",
                loc=(*loc, "description"),
            )
        if not correction.get("withheld_reason", row.reason):
            raise Invalid(
                "say why the name is withheld; only editors see it", loc=(*loc, "withheld_reason")
            )
        whose = party_commands.require_voice(connection, party, None, loc=loc) if party else None
        return Unnamed(description, whose)
    if correction.get("description") or correction.get("withheld_reason"):
        raise Invalid("a description is of a source that is not named", loc=(*loc, "description"))
    if party is None:
        if correction.get("speaker") is not None:
            raise Invalid("a speaker speaks for a party: name it", loc=(*loc, "party"))
        return None
    speaker = correction.get("speaker", row.speaker if party == row.party else None)
    lines: list[writer.EventRow] = []
    voice = party_commands.resolve_voice(
        connection, party, speaker, lines, actor=actor, now=now, loc=loc
    )
    writer.write_lines(connection, lines)
    return voice


def _require_fitting_voice(
    connection: Connection,
    voice: Voice | Unnamed | None,
    linked_claims: Sequence[str],
    made_claims: Sequence[str],
) -> None:
    if voice is None and linked_claims:
        raise Invalid(
            f"it is linked to claim {linked_claims[0]}: words that no party stands behind take no "
            "stance; retract that link first",
            loc=("body", "party"),
        )
    if not isinstance(voice, Unnamed):
        return
    attribution = connection.scalar(
        select(claims.c.id)
        .where(claims.c.id.in_(made_claims), claims.c.claimant.is_not(None))
        .limit(1)
    )
    if attribution is not None:
        raise Invalid(
            f"claim {attribution} was recorded with it: correct that claim's claimant to null "
            "first",
            loc=("body", "attribution"),
        )


def _correct_columns(
    row: Row[Any], correction: StatementCorrection, voice: Voice | Unnamed | None, *, now: datetime
) -> StatementColumns:
    """Return the columns of the statement as they should be."""
    said_at = correction.get("said_at", row.said_at)
    precision = correction.get("precision", Precision(row.precision))
    if "said_at" in correction or "precision" in correction:
        said_at = normalize_moment(said_at, precision, field="said_at", now=now)
    is_unnamed = isinstance(voice, Unnamed)
    named_party = voice.party if isinstance(voice, Voice) else None
    party_of_source = voice.party.party if isinstance(voice, Unnamed) and voice.party else None
    return {
        "party": named_party or party_of_source,
        "speaker": voice.speaker.id if isinstance(voice, Voice) and voice.speaker else None,
        "said_at": said_at,
        "precision": precision,
        "basis": correction.get("basis", Basis(row.basis)),
        "attribution": Attribution.UNNAMED.value if is_unnamed else None,
        "description": voice.description if isinstance(voice, Unnamed) else None,
        "reason": correction.get("withheld_reason", row.reason) if is_unnamed else None,
    }


def _correct_quotes(
    connection: Connection,
    rows: Sequence[Row[Any]],
    correction: Sequence[QuoteCorrection],
    *,
    actor: Actor,
    now: datetime,
) -> dict[str, QuoteColumns]:
    """Return the columns that differ, of each quote that has any."""
    rows_by_id = {row.id: row for row in rows}
    corrections: dict[str, QuoteColumns] = {}
    for position, quote in enumerate(correction):
        loc = ("body", "quotes", position)
        row = rows_by_id.get(quote["id"])
        if row is None:
            raise Invalid("this is no quote of the statement", loc=(*loc, "id"))
        if any(quote["id"] == earlier["id"] for earlier in correction[:position]):
            raise Invalid("this quote is corrected above", loc=(*loc, "id"))
        new: QuoteColumns = {}
        if "text" in quote:
            new["text"] = quote["text"]
        if "language" in quote:
            new["language"] = quote["language"]
        if "rendering" in quote:
            new["rendering"] = quote["rendering"].value
        if "source" in quote:
            new["source"] = source_commands.resolve_source(
                connection, quote["source"], actor=actor, now=now, loc=loc
            )
        if "selector" in quote:
            selector = quote["selector"]
            new |= {name: getattr(selector, name) if selector else None for name in SELECTOR}
        different = {name: value for name, value in new.items() if row._mapping[name] != value}
        if {"text", "language"} & different.keys():
            # A text is read by its language: the index needs both of what it was.
            different = {"text": row.text, "language": row.language} | different
        if different:
            corrections[row.id] = different
    return corrections


def _list_changes(
    row: Row[Any],
    columns: StatementColumns,
    quote_rows: Sequence[Row[Any]],
    corrected_quotes: Mapping[str, QuoteColumns],
) -> tuple[corrections.Values, corrections.Values]:
    """Return what differs of the statement and its quotes, as it was and as it is, as plain data.

    Raises Invalid if nothing does.
    """
    before = {name: plain_data.make_plain(row._mapping[name]) for name in STATEMENT_COLUMNS}
    after = plain_data.make_plain(columns)
    rows_by_id = {quote.id: quote for quote in quote_rows}
    if corrected_quotes:
        before["quotes"] = [
            {"id": quote, **{name: rows_by_id[quote]._mapping[name] for name in new}}
            for quote, new in corrected_quotes.items()
        ]
        after["quotes"] = [{"id": quote, **new} for quote, new in corrected_quotes.items()]
    return corrections.list_changes(before, after)


def _update_rows(
    connection: Connection,
    statement_id: str,
    columns: StatementColumns,
    corrected_quotes: Mapping[str, QuoteColumns],
) -> None:
    """Write what is right of the statement and its quotes, and its words into the index."""
    values = {
        **columns,
        "precision": columns["precision"].value,
        "basis": columns["basis"].value,
        "said_end": compute_end(columns["said_at"], columns["precision"]),
    }
    connection.execute(update(statements).where(statements.c.id == statement_id).values(values))
    for quote, new in corrected_quotes.items():
        connection.execute(update(quotes).where(quotes.c.id == quote).values(**new))
    index_writer.reindex_statements(connection, statements.c.id == statement_id)


def _describe_on_claims(connection: Connection, data: Difference) -> Difference:
    """Return the correction as claims tell of it: speakers by name, and not why a source is not
    named."""

    def describe(values: Mapping[str, object]) -> dict[str, object]:
        shown_values = {name: value for name, value in values.items() if name != "reason"}
        if shown_values.get("speaker") is not None:
            speaker = connection.execute(
                select(speakers.c.id, speakers.c.name, speakers.c.role).where(
                    speakers.c.id == shown_values["speaker"]
                )
            ).one()
            shown_values["speaker"] = {"id": speaker.id, "name": speaker.name, "role": speaker.role}
        return shown_values

    return {**data, "before": describe(data["before"]), "after": describe(data["after"])}
