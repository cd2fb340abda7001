"""What is printed of a claim, as data, and which change of it takes a second person.

Four eyes guard what is printed.  `FIELDS` is the whole list: what the print line and the review of
a claim are made of, never the sentences themselves.  So a sentence in another language, a hold that
ends, a claim that supersedes this one or a question that nobody answered changes nothing here, and
voids no proposal.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from hashlib import sha256
from typing import Any

from service.domain import evidence
from service.domain.claims import ClaimState, Lifecycle, Link, Status, Voice, format_instant

Data = Mapping[str, Any]


class Agreement(Enum):
    """What two people have agreed to about a claim."""

    CONFIRMATION = "confirmation"
    FINDING = "finding"


@dataclass(frozen=True, slots=True)
class PrintedField:
    """One thing that is printed: how it is read, who vouches for it, and when a change of it makes
    what is printed more cautious."""

    read_value: Callable[[ClaimState], Any]
    vouched_for_by: frozenset[Agreement]
    is_cautious: Callable[[Any, Any], bool]


def read_printed(state: ClaimState) -> dict[str, Any]:
    """What is printed of the claim, as plain data: one entry for each of `FIELDS`."""
    return {name: field.read_value(state) for name, field in FIELDS.items()}


def list_differences(then: Data, now: Data) -> list[str]:
    """The fields in which `now` differs from what somebody saw `then`."""
    return [name for name, value in then.items() if now.get(name) != value]


def compute_digest(seen: Data, prints: Data) -> str:
    """What a proposal is bound to: SHA-256 over what printed and what would print."""
    text = json.dumps(
        {"prints": prints, "seen": seen},
        ensure_ascii=False,
        separators=(",", ":"),
        sort_keys=True,
    )
    return sha256(text.encode()).hexdigest()


def list_fields_to_agree_on(before: ClaimState, after: ClaimState) -> list[str]:
    """The printed fields that change and that two people vouch for, before and after.

    Empty where nothing of that kind changes, where what changes makes the line more cautious, and
    where the change takes the confirmation or the finding away: then nobody vouches any more.
    """
    standing = _list_words(before) & _list_words(after)
    if not standing:
        return []
    then, now = read_printed(before), read_printed(after)
    return [
        name
        for name in list_differences(then, now)
        if FIELDS[name].vouched_for_by & standing
        and not FIELDS[name].is_cautious(then[name], now[name])
    ]


def is_vouched_for(state: ClaimState) -> bool:
    """Whether two people have agreed to anything about the claim."""
    return bool(_list_words(state))


def _list_words(state: ClaimState) -> frozenset[Agreement]:
    words = set()
    if state.status is Status.CONFIRMED:
        words.add(Agreement.CONFIRMATION)
    if state.finding is not None:
        words.add(Agreement.FINDING)
    return frozenset(words)


def _read_claimant(state: ClaimState) -> Any:
    if state.claimant is None:
        return None
    speaker = state.claimant.speaker
    person = {"name": speaker.name, "role": speaker.role} if speaker else None
    return {"name": state.claimant.name, "speaker": person}


def _read_date(state: ClaimState) -> Any:
    return {"at": format_instant(state.claimed_at), "precision": state.precision.value}


def _read_requests(state: ClaimState) -> Any:
    # A confirmation answers the requests: the line no longer names them.
    return [] if state.status is Status.CONFIRMED else _name_roots(evidence.list_requests(state))


def _read_finding(state: ClaimState) -> Any:
    if state.finding is None:
        return None
    theirs = state.imported is not None and state.imported.finding is state.finding
    return {
        "finding": state.finding.value,
        "by": state.imported.by if state.imported and theirs else None,
    }


def _read_import(state: ClaimState) -> Any:
    if state.imported is None:
        return None
    return {"by": state.imported.by, "label": state.imported.label}


def _name_roots(links: Iterable[Link]) -> list[dict[str, str]]:
    """The root parties of `links`, each once, by slug: their order in the sentence is no matter."""
    voices: dict[str, Voice] = {link.voice.root: link.voice for link in links}
    return [{"party": root, "name": voices[root].root_name} for root in sorted(voices)]


def _never(_before: Any, _after: Any) -> bool:
    return False


def _has_grown(before: Any, after: Any) -> bool:
    """Whether all who stood there stand there still."""
    return all(voice in after for voice in before)


def _has_shrunk(before: Any, after: Any) -> bool:
    return _has_grown(after, before)


BOTH = frozenset(Agreement)
CONFIRMATION = frozenset({Agreement.CONFIRMATION})

FIELDS: dict[str, PrintedField] = {
    "text": PrintedField(lambda state: state.text, BOTH, _never),
    "claimant": PrintedField(_read_claimant, BOTH, _never),
    "claimed": PrintedField(_read_date, BOTH, _never),
    "status": PrintedField(lambda state: state.status.value, CONFIRMATION, _never),
    "override": PrintedField(lambda state: state.override, CONFIRMATION, _never),
    "imported": PrintedField(_read_import, CONFIRMATION, _never),
    "supports": PrintedField(
        lambda state: _name_roots(evidence.list_qualifying_support(state)),
        CONFIRMATION,
        _has_shrunk,
    ),
    "contradicts": PrintedField(
        lambda state: _name_roots(evidence.list_open_contradictions(state)),
        CONFIRMATION,
        _has_grown,
    ),
    "requests": PrintedField(_read_requests, CONFIRMATION, _has_grown),
    "finding": PrintedField(_read_finding, BOTH, _never),
    "withdrawn": PrintedField(
        lambda state: state.lifecycle is Lifecycle.WITHDRAWN,
        CONFIRMATION,
        lambda _before, after: bool(after),
    ),
}
"""Everything that is printed.  A later feature that changes what may be printed for good is added
here; one that speaks beside the claim (a hold, a language, a question) is not."""
