"""Record rows as claims, with the status that others gave them (docs/exchange.md).

A claim's id is made of the row's key, so importing the same data again adds nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select
from sqlalchemy.exc import StatementError

from service.claims import claim_commands
from service.claims.claim_batches import ClaimBatch
from service.domain import ids
from service.domain.access import Actor
from service.domain.claims import Basis, Imported, Rendering, Status
from service.domain.errors import ClaimdeskError, Invalid
from service.domain.inputs import NewClaim, NewQuote, NewSource, NewSpeaker, NewStatement, Verdict
from service.exchange.import_directory import Directory, NameFinder, Rules
from service.exchange.import_fields import ClaimRow, RowRefusal
from service.exchange.import_labels import normalize_label
from service.exchange.import_mapping import Mapping
from service.store import savepoints, tables

NAMESPACE = "claimdesk import"
FIELDS = {"claimed_at": "date", "origin.said_at": "date"}
"""The fields of rows that commands call otherwise."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a row: `refusal` says why it is not in, `remarks` how it differs."""

    line: int
    is_new: bool
    refusal: RowRefusal | None = None
    remarks: tuple[str, ...] = ()
    party: tuple[str, str] | None = None
    """Slug and name of the party that was made for it."""
    story: tuple[str, str] | None = None
    """Slug and title, likewise."""


class RehearsalDone(Exception):
    """Ends a dry run and undoes its transaction; carries what `record_rows` returned."""

    def __init__(self, outcomes: list[Outcome], directory: Directory) -> None:
        super().__init__("rehearsed")
        self.outcomes, self.directory = outcomes, directory


class BatchRefused(Exception):
    """The database refuses one of the rows that were to be written together."""


def record_rows(
    connection: Connection,
    rows: Sequence[ClaimRow],
    mapping: Mapping,
    directory: Directory,
    *,
    together: bool = True,
    dry_run: bool,
    actor: Actor,
    now: datetime,
) -> tuple[list[Outcome], Directory]:
    """Record the rows that are not here yet; return what became of each, and the directory after
    them.  A row that is refused leaves nothing behind.  A dry run raises RehearsalDone.

    Rows are written `together`, which raises BatchRefused where the database refuses one of them.
    Written one by one, that one is refused and the others are in.
    """
    claims = [_build_claim_id(mapping, row.key) for row in rows]
    former_ids = [row.former_key and _build_claim_id(mapping, row.former_key) for row in rows]
    t = tables.claims
    all_claims = [*claims, *(claim for claim in former_ids if claim is not None)]
    present = set(connection.scalars(select(t.c.id).where(t.c.id.in_(all_claims))))
    # The caller's stays as it is: this may be done again, or undone.
    directory = directory.copy()
    rules = Rules(mapping)
    outcomes = []
    batch = ClaimBatch()
    for row, claim, former_claim in zip(rows, claims, former_ids, strict=True):
        if claim in present or former_claim in present:
            outcomes.append(Outcome(row.line, is_new=False))
            continue
        present.add(claim)
        finder = NameFinder(connection, row, rules, directory, actor, now)
        outcomes.append(_try_row(finder, claim, batch if together else None))
    # Not in a savepoint: SQLite takes the longer for each statement in one, the more it holds.
    try:
        batch.write(connection, now=now)
    except StatementError as error:
        raise BatchRefused from error
    if dry_run:
        made_parties = (outcome.party for outcome in outcomes if outcome.party)
        directory.undone_parties.update(made_parties)
        directory.undone_stories.update(outcome.story for outcome in outcomes if outcome.story)
        raise RehearsalDone(outcomes, directory)
    return outcomes, directory


def _try_row(finder: NameFinder, claim: str, batch: ClaimBatch | None) -> Outcome:
    """Add a row to the batch, or write it by itself; a refused one leaves nothing behind."""
    connection, line = finder.connection, finder.row.line
    try:
        with savepoints.undo_on_error(connection):
            row_batch = batch if batch is not None else ClaimBatch()
            remarks = _record_row(finder, claim, row_batch)
            if batch is None:
                row_batch.write(connection, now=finder.now)
    except RowRefusal as refusal:
        return Outcome(line, is_new=False, refusal=refusal)
    except ClaimdeskError as error:
        return Outcome(line, is_new=False, refusal=_build_refusal(error))
    except StatementError as error:
        t = tables.claims
        if connection.scalar(select(t.c.id).where(t.c.id == claim)) is not None:
            # Another import of the same data was faster.
            return Outcome(line, is_new=False)
        reason = f"the database refuses it: {getattr(error, 'orig', None) or error}"
        return Outcome(line, is_new=False, refusal=RowRefusal(None, None, reason))
    finder.keep()
    return Outcome(line, is_new=True, remarks=remarks, party=finder.party, story=finder.story)


def _build_claim_id(mapping: Mapping, key: Sequence[str]) -> str:
    return ids.derive_id(NAMESPACE, mapping.name, *key)


def _build_refusal(error: ClaimdeskError) -> RowRefusal:
    faults = error.extras.get("errors", ()) if isinstance(error, Invalid) else ()
    place = next((".".join(map(str, fault["loc"])) for fault in faults), "").removeprefix("body.")
    return RowRefusal(FIELDS.get(place, place) or None, None, error.detail)


def _record_row(finder: NameFinder, claim: str, batch: ClaimBatch) -> tuple[str, ...]:
    """Record a row as a claim; return the remarks on it, which are a note on the claim too."""
    connection, row, mapping = finder.connection, finder.row, finder.mapping
    remarks = list(row.remarks)
    party, person = finder.find_claimant(remarks)
    speaker = None
    if party and person:
        speaker = NewSpeaker(finder.directory.find_speaker(party, person), row.role)
    source = NewSource(row.url, row.publisher, row.title, row.published_at)
    rendering = mapping.defaults.rendering if row.quote else Rendering.PARAPHRASE
    quote = NewQuote(row.quote or row.text, row.language, rendering, source)
    new = NewClaim(
        text=row.text,
        kind=row.kind,
        claimant=party,
        speaker=speaker,
        claimed_at=row.claimed_at,
        precision=row.precision,
        origin=NewStatement(
            party, speaker, row.claimed_at, row.precision, Basis.UNSTATED, (quote,)
        ),
        story=finder.find_story(),
        tags=row.tags,
    )
    verdict = _build_verdict(row, finder.rules, remarks)
    claim_commands.import_claim(
        connection, new, verdict, claim_id=claim, batch=batch, actor=finder.actor, now=finder.now
    )
    if remarks:
        text = f"Imported from {mapping.name}: {'; '.join(remarks)}."
        batch.add_note(claim, text=text, actor=finder.actor, now=finder.now)
    return tuple(remarks)


def _build_verdict(row: ClaimRow, rules: Rules, remarks: list[str]) -> Verdict | None:
    """Return the status that the row's label means here; a remark where it means none."""
    label, mapping = row.label, rules.mapping
    if label is None:
        if row.explanation:
            remarks.append(f"explained: “{row.explanation}”")
        return None
    rater = row.rated_by or mapping.name
    why = f": {row.explanation}" if row.explanation else ""
    meaning = rules.labels.get(normalize_label(label))
    if meaning is None:
        if mapping.unknown_label == "refuse":
            raise RowRefusal("label", label, "the mapping does not say what this label means")
        remarks.append(f"rated “{label}” by {rater}, a label that means nothing here{why}")
        return None
    if meaning.status is Status.ASSERTED:
        remarks.append(f"rated “{label}” by {rater}{why}")
        return None
    where = f" ({row.review_url})" if row.review_url and len(row.review_url) < 500 else ""
    reason = f"Imported: rated “{label}” by {rater}{where}{why}"
    return Verdict(meaning.status, reason, Imported(rater, label, meaning.finding))
