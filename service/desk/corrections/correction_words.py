"""What pages say about corrections: the fields that were wrong, as they were and as they are."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from service.claims import document_queries, statement_queries
from service.claims.correction_views import FieldCorrectionView
from service.desk.layout import rendering
from service.directory import directory_queries
from service.domain import labels
from service.domain.claims import Lifecycle, Precision, parse_instant
from service.domain.print_phrases import format_date
from service.store.engine import Connection

FIELDS: Mapping[str, str] = {
    "party": "Party",
    "claimant": "Claimant",
    "speaker": "Speaker",
    "said_at": "Said on",
    "claimed_at": "Claimed on",
    "published_at": "Published on",
    "basis": "Basis",
    "kind": "Kind",
    "attribution": "Attribution",
    "description": "As it is printed",
    "reason": "Why the name is withheld",
    "story": "Story",
    "part_of": "Part of",
    "origin_statement": "Taken from",
    "supersedes": "Supersedes",
    "figure": "Figure",
    "text": "Words",
    "language": "Language",
    "rendering": "Wording",
    "source": "Source",
    "exact": "Place in the source",
    "prefix": "Words before it",
    "suffix": "Words after it",
    "url": "Address",
    "publisher": "Outlet",
    "title": "Headline",
    "archive_url": "Archived at",
}
"""What the fields of corrections are called."""
Values = Mapping[str, Any]
PAGES = {
    "part_of": "/claims/",
    "supersedes": "/claims/",
    "origin_statement": "/statements/",
    "source": "/sources/",
}
"""Where those fields lead that hold an id."""
FATES: Mapping[str, str] = {
    Lifecycle.MERGED: "merged into another since",
    Lifecycle.VOID: "void: recorded by mistake",
    Lifecycle.WITHDRAWN: "taken back",
}
"""What became of a claim or a statement that a field names."""
MOST_WORDS = 200
"""Characters of a statement's words."""


@dataclass(frozen=True, slots=True)
class CorrectedField:
    """A field, as it was and as it is; None where there is nothing."""

    label: str
    before: str | None
    after: str | None
    before_page: str | None = None
    after_page: str | None = None


@dataclass(frozen=True, slots=True)
class Correction:
    """What was recorded wrongly, what is right, and who said so, when and why."""

    fields: Sequence[CorrectedField]
    reason: str
    by: str | None
    at: str
    is_material: bool
    statement: str | None
    """On a claim: the statement that was corrected."""
    source: str | None
    """On a claim: the source that was corrected."""


def describe_corrections(
    connection: Connection,
    corrections: Sequence[FieldCorrectionView],
    precisions: Mapping[str | None, str],
) -> list[Correction]:
    """Describe corrections in words, oldest first; names are those of today.

    `precisions` say how precisely the time is known today of each statement by its id, and under
    None of what all of them are about.
    """
    return [
        Correction(
            fields=_describe_fields(connection, before, after),
            reason=correction["reason"],
            by=correction["by"],
            at=correction["recorded_at"],
            is_material=correction.get("material", False),
            statement=correction.get("statement"),
            source=correction.get("source"),
        )
        for correction, before, after in _complete_precisions(corrections, precisions)
    ]


def _complete_precisions(
    corrections: Sequence[FieldCorrectionView], precisions: Mapping[str | None, str]
) -> Iterable[tuple[FieldCorrectionView, Values, Values]]:
    """Give each correction what was wrong and what is right, with the precision of their times:
    where it stayed as it was, a correction lacks it."""
    present = dict(precisions)
    completed_fields: list[tuple[FieldCorrectionView, Values, Values]] = []
    for correction in reversed(corrections):
        about = correction.get("statement")
        new = correction["after"].get("precision", present.get(about, Precision.SECOND))
        old = present[about] = correction["before"].get("precision", new)
        before = {**correction["before"], "precision": old}
        completed_fields.append((correction, before, {**correction["after"], "precision": new}))
    return completed_fields[::-1]


def _describe_fields(connection: Connection, before: Values, after: Values) -> list[CorrectedField]:
    fields = []
    for name in after:
        if name == "quotes":
            quotes_before = {quote["id"]: quote for quote in before["quotes"]}
            for quote in after["quotes"]:
                fields += _describe_fields(
                    connection,
                    quotes_before[quote["id"]],
                    {
                        part: value
                        for part, value in quote.items()
                        if part != "id" and quotes_before[quote["id"]].get(part) != value
                    },
                )
        elif name in FIELDS:
            fields.append(_describe_field(connection, name, before, after))
    old, new = before.get("precision"), after.get("precision")
    if old != new and not {"said_at", "claimed_at"} & after.keys():
        fields.append(CorrectedField("How precisely the time is known", old, new))
    return fields


def _describe_field(
    connection: Connection, name: str, before: Values, after: Values
) -> CorrectedField:
    old, new = (_describe_value(connection, name, values) for values in (before, after))
    pages = [
        f"{PAGES[name]}{values[name]}" if name in PAGES and values.get(name) else None
        for values in (before, after)
    ]
    return CorrectedField(FIELDS[name], old, new, *pages)


def _describe_value(connection: Connection, name: str, values: Values) -> str | None:
    value = values.get(name)
    if value is None:
        return None
    match name:
        case "said_at" | "claimed_at":
            return format_date(parse_instant(value), Precision(values["precision"]))
        case "published_at":
            return format_date(parse_instant(value), Precision.DAY)
        case "party":
            return directory_queries.read_names(connection, [value]).get(value, str(value))
        case "claimant":
            return _name_person(value["name"], value["speaker"])
        case "speaker":
            speaker = (
                directory_queries.read_speaker(connection, value)
                if isinstance(value, str)
                else value
            )
            return _name_person(None, speaker)
        case "basis":
            return labels.BASES[value]
        case "kind":
            return labels.KINDS[value]
        case "rendering":
            return labels.RENDERINGS[value]
        case "source":
            source = directory_queries.read_source(connection, value)
            return source["publisher"] or source["title"] or source["url"]
        case "part_of" | "supersedes":
            return _quote_claim(connection, value)
        case "origin_statement":
            return _quote_statement(connection, value)
        case "figure":
            return _write_figure(value)
    return str(value)


def _quote_claim(connection: Connection, claim_id: str) -> str:
    """Quote another claim as it reads today, and say what became of it."""
    claim = document_queries.read_claims(connection, [claim_id]).get(claim_id)
    if claim is None:
        return "a claim that is not recorded here"
    return _add_fate(claim["text"], FATES.get(claim["lifecycle"]))


def _quote_statement(connection: Connection, statement_id: str) -> str:
    """Quote a statement's words as they read today, with who said them."""
    statement = statement_queries.read_statement(connection, statement_id)
    if statement is None:
        return "a statement that is not recorded here"
    fate = None
    if "voided_at" in statement:
        fate = FATES[Lifecycle.VOID]
    elif statement["withdrawn_at"] is not None:
        fate = FATES[Lifecycle.WITHDRAWN]
    words = rendering.shorten(statement["quotes"][0]["text"], MOST_WORDS)
    voice = rendering.name_voice(statement)
    return _add_fate(f"{voice}: {words}" if voice else words, fate)


def _add_fate(words: str, fate: str | None) -> str:
    return f"{words} ({fate})" if fate else words


def _name_person(party: str | None, speaker: Mapping[str, Any] | None) -> str:
    names = (speaker["name"], speaker["role"]) if speaker else ()
    return ", ".join(name for name in (party, *names) if name)


def _write_figure(figure: Mapping[str, Any]) -> str:
    number = figure["value"] or f"{figure['low']} to {figure['high']}"
    return " ".join(part for part in (number, figure["unit"], figure["what"]) if part)
