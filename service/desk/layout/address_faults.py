"""Says in plain words what is wrong with the address of a page, and how to go on: the same page
with a choice that there is, and without what it cannot use."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request

from service.desk.layout.rendering import shorten
from service.domain import labels
from service.domain.errors import ClaimdeskError, Invalid

LONGEST_SHOWN = 60
NAMES = {
    "as_of": "As of",
    "assignee": "Assigned to",
    "at": "As of",
    "changed_since": "Changed since",
    "changed_until": "Changed until",
    "claim": "Claim",
    "claimant": "Claimant",
    "claimed_since": "Claimed since",
    "claimed_until": "Claimed until",
    "class": "What to publish",
    "clock": "In the order of",
    "drift": "Ready to be marked",
    "facets": "Counts",
    "hold": "On hold",
    "kind": "Kind",
    "lang": "Language of print lines",
    "language": "Language",
    "lifecycle": "In force",
    "overdue": "Overdue",
    "part_of": "Part of",
    "party": "Party",
    "q": "Search",
    "reason": "Why it is here",
    "since": "From",
    "sort": "Order",
    "stance": "Stance",
    "state": "State",
    "status": "Status",
    "story": "Story",
    "superseded": "Replaced by a later claim",
    "tag": "Tag",
    "type": "What was corrected",
    "until": "To",
}
YES_OR_NO = {"true": "yes", "false": "no"}
CHOICES: Mapping[str, Mapping[Any, str]] = {
    "status": labels.STATUSES,
    "stance": labels.STANCES,
    "kind": labels.KINDS,
    "lifecycle": {
        "active": "in force",
        "withdrawn": "taken back",
        "void": "recorded by mistake",
    },
    "sort": {"changed": "last changed", "claimed": "when it was claimed", "due": "due first"},
    "drift": YES_OR_NO,
    "hold": YES_OR_NO,
    "overdue": YES_OR_NO,
    "superseded": YES_OR_NO,
    "facets": YES_OR_NO,
}
"""The choices of filters of claims, by what the address says and what people read."""
AN_INSTANT = "A time is written as 2023-10-02T18:00:00Z."
A_SHORT_NAME = (
    "It is named here by small letters, digits and hyphens, as in the address of its own page."
)
SENTENCES = {
    "as_of": AN_INSTANT,
    "changed_since": AN_INSTANT,
    "changed_until": AN_INSTANT,
    "claimed_since": AN_INSTANT,
    "claimed_until": AN_INSTANT,
    "claimant": A_SHORT_NAME,
    "party": A_SHORT_NAME,
    "story": A_SHORT_NAME,
    "language": "A language is named by its code, such as en or sr.",
    "part_of": "A claim is named here by the id in the address of its page.",
    "claim": "A claim is named here by the id in the address of its page.",
    "tag": "A tag has at most 50 characters.",
}
CURSORS = frozenset({"cursor", "claims", "events"})
"""Parameters that say from where a list goes on."""
RAW = ("Input should", "String should", "Field required", "Value error", "Extra inputs")
"""How sentences of the validator begin, which are for programs."""


@dataclass(frozen=True, slots=True)
class Way:
    """A link that goes on."""

    address: str
    words: str


@dataclass(frozen=True, slots=True)
class AddressFault:
    """A part of an address that the page cannot use."""

    name: str
    value: str
    sentence: str
    ways: Sequence[Way]


@dataclass(frozen=True, slots=True)
class FaultyAddress:
    """All that is wrong with an address, and the same page without it."""

    faults: Sequence[AddressFault]
    remaining_address: str


def read_faulty_address(request: Request, error: ClaimdeskError) -> FaultyAddress | None:
    """Describe an error in words, where it is about the address that somebody looks at."""
    if not isinstance(error, Invalid) or request.method != "GET":
        return None
    parts = [part for part in error.extras["errors"] if part["loc"][:1] == ["query"]]
    if not parts or len(parts) < len(error.extras["errors"]):
        return None
    pairs = [
        (name, value.strip()) for name, value in request.query_params.multi_items() if value.strip()
    ]
    kept_pairs = pairs
    faults: dict[tuple[str, str], AddressFault] = {}
    for part in parts:
        name, value = _find_pair(part["loc"], pairs)
        if (name, value) in faults:
            continue
        dropped_names = CURSORS if name in CURSORS else {name}
        kept_pairs = [
            pair
            for pair in kept_pairs
            if pair[0] not in dropped_names or (name not in CURSORS and value and pair[1] != value)
        ]
        choices = part.get("choices") or CHOICES.get(name, {})
        faults[name, value] = AddressFault(
            NAMES.get(name, "" if name in CURSORS else name),
            shorten(value, LONGEST_SHOWN),
            _describe(name, part["msg"], choices),
            [
                Way(_build(request, [*_drop(pairs, name, value), (name, choice)]), words)
                for choice, words in choices.items()
            ],
        )
    return FaultyAddress([*faults.values()], _build(request, kept_pairs))


def build_refusal(name: str, choices: Mapping[Any, str]) -> Invalid:
    """Build the error of a parameter that has none of its choices, given with their words."""
    message = f"it is one of {', '.join(choices)}"
    words = {str(choice): word for choice, word in choices.items()}
    part = {"loc": ["query", name], "msg": message, "choices": words}
    return Invalid(f"{name}: {message}", errors=[part])


def _find_pair(place: Sequence[Any], pairs: Sequence[tuple[str, str]]) -> tuple[str, str]:
    """Find the parameter at a place such as `query status 1`, and what it says."""
    name = str(place[1]) if len(place) > 1 else ""
    values = [value for key, value in pairs if key == name]
    number = place[2] if len(place) > 2 and isinstance(place[2], int) else 0
    return name, values[number] if number < len(values) else ""


def _describe(name: str, message: str, choices: Mapping[Any, str]) -> str:
    if name in CURSORS:
        return "The place from which the list was to go on is not known any more."
    if choices:
        return "This is none of its choices. Take one of these:"
    if name in SENTENCES and message.startswith((*RAW, "an ", "a ")):
        return SENTENCES[name]
    if "at most" in message:
        return "This is too long."
    if message == "there is no such parameter" or message.startswith("there is no parameter"):
        return "This page has no such filter."
    if message.startswith(RAW):
        return "This cannot be read."
    return f"{message[0].upper()}{message[1:].rstrip('.')}."


def _drop(pairs: Sequence[tuple[str, str]], name: str, value: str) -> list[tuple[str, str]]:
    return [pair for pair in pairs if pair != (name, value) and pair[0] not in CURSORS]


def _build(request: Request, pairs: Sequence[tuple[str, str]]) -> str:
    path = request.url.path
    return f"{path}?{urlencode([*dict.fromkeys(pairs)])}" if pairs else path
