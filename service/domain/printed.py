"""What is printed of a claim, as data, and which changes of it need a second person.

`FIELDS` lists all that the print line and the review of a claim are made of, as data and not as
sentences.  A proposal is outdated by a change of these fields, and by nothing else: not by a
sentence in another language, nor by a claim that supersedes this one.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from hashlib import sha256
from typing import Any

from service.domain import evidence
from service.domain.claims import (
    ClaimState,
    Lifecycle,
    Link,
    Stance,
    Status,
    Unnamed,
    Voice,
    format_instant,
)

Data = Mapping[str, Any]


class Agreement(Enum):
    """What two people have agreed to about a claim."""

    CONFIRMATION = "confirmation"
    FINDING = "finding"


@dataclass(frozen=True, slots=True)
class PrintedField:
    """A thing that is printed: how it is read, which agreements cover it, and which changes of it
    are cautious."""

    read_value: Callable[[ClaimState], Any]
    covered_by: frozenset[Agreement]
    is_cautious: Callable[[Any, Any], bool]
    is_optional: bool = False
    """It is left out where it has no value: proposals of older releases lack it."""


def read_printed(state: ClaimState) -> dict[str, object]:
    """Return what is printed of the claim, as plain data with an entry for each of `FIELDS`."""
    printed_values = {name: field.read_value(state) for name, field in FIELDS.items()}
    return {
        name: value
        for name, value in printed_values.items()
        if value or not FIELDS[name].is_optional
    }


def list_differences(before: Data, after: Data) -> list[str]:
    """Return the names of the fields that differ, and of optional ones that `before` lacks; none if
    `before` has no field, as in proposals that do not keep what was printed."""
    names = {**before, **after} if before else before
    return [name for name in names if before.get(name) != after.get(name)]


def compute_digest(present: Data, prints: Data) -> str:
    """Return the SHA-256 to which a proposal is bound: of what was and what would be printed."""
    text = json.dumps(
        {"prints": prints, "seen": present},
        ensure_ascii=False,
        separators=(",", ":"),
        sort_keys=True,
    )
    return sha256(text.encode()).hexdigest()


def list_fields_to_agree_on(
    before: ClaimState, after: ClaimState, *, is_correction: bool = False
) -> list[str]:
    """Return the printed fields that change and that an agreement of two people covers.

    A change that makes the print line more cautious does not count, but for a correction: what was
    wrong was agreed on.  Nor do fields whose agreement (the confirmation or the finding) the change
    itself takes away.
    """
    agreements = _list_agreements(before) & _list_agreements(after)
    if not agreements:
        return []
    printed_before, printed_after = read_printed(before), read_printed(after)
    return [
        name
        for name in list_differences(printed_before, printed_after)
        if FIELDS[name].covered_by & agreements
        and (
            is_correction
            or not FIELDS[name].is_cautious(printed_before.get(name), printed_after.get(name))
        )
    ]


def has_agreement(state: ClaimState) -> bool:
    """Say whether two people have agreed to anything about the claim."""
    return bool(_list_agreements(state))


def _list_agreements(state: ClaimState) -> frozenset[Agreement]:
    agreements: set[Agreement] = set()
    if state.lifecycle is Lifecycle.VOID:
        # All that prints of it is that nobody may use it.
        return frozenset()
    if state.status is Status.CONFIRMED:
        agreements.add(Agreement.CONFIRMATION)
    if state.finding is not None:
        agreements.add(Agreement.FINDING)
    return frozenset(agreements)


def _read_claimant(state: ClaimState) -> Any:
    if state.claimant is None:
        return None
    speaker = state.claimant.speaker
    person = {"name": speaker.name, "role": speaker.role} if speaker else None
    return {"name": state.claimant.printed_name, "speaker": person}


def _read_date(state: ClaimState) -> Any:
    return {"at": format_instant(state.claimed_at), "precision": state.precision.value}


def _read_requests(state: ClaimState) -> Any:
    # A confirmation answers the requests: the print line does not name them any more.
    return [] if state.status is Status.CONFIRMED else _name_roots(evidence.list_requests(state))


def _read_finding(state: ClaimState) -> Any:
    if state.finding is None:
        return None
    is_imported = state.imported is not None and state.imported.finding is state.finding
    return {
        "finding": state.finding.value,
        "by": state.imported.by if state.imported and is_imported else None,
    }


def _read_import(state: ClaimState) -> Any:
    if state.imported is None:
        return None
    return {"by": state.imported.by, "label": state.imported.label}


def _name_roots(links: Iterable[Link]) -> list[dict[str, str]]:
    """Return the distinct root parties of `links`, sorted by slug: their order does not matter."""
    voices = {link.voice.root: link.voice for link in links if isinstance(link.voice, Voice)}
    return [{"party": root, "name": voices[root].printed_root_name} for root in sorted(voices)]


def _read_partial_support(state: ClaimState) -> list[dict[str, str]]:
    # Only where nobody supports the whole is it said who supports a part.
    if state.status is Status.CONFIRMED or evidence.list_qualifying_support(state):
        return []
    return _name_roots(evidence.list_partial_support(state))


def _read_unnamed(state: ClaimState) -> list[dict[str, str | None]]:
    """Return each source that is not named, with its stance, as the print line has them."""
    sources = {
        (
            link.stance.value,
            link.voice.description,
            link.voice.party.printed_name if link.voice.party else None,
        )
        for link in evidence.list_unnamed(state, *evidence.TAKEN_STANCES)
        if isinstance(link.voice, Unnamed)
    }
    return [
        {"stance": stance, "description": description, "party": party}
        for stance, description, party in sorted(sources, key=str)
    ]


def _is_more_cautious(before: Any, after: Any) -> bool:
    """Say whether no source that is not named supports it anew, and none that doubts it is gone."""

    def choose(sources: Any, *, supports: bool) -> list[Any]:
        stance = Stance.SUPPORTS.value
        return [source for source in sources or () if (source["stance"] == stance) is supports]

    return _has_shrunk(choose(before, supports=True), choose(after, supports=True)) and _has_grown(
        choose(before, supports=False), choose(after, supports=False)
    )


def _never(_before: Any, _after: Any) -> bool:
    return False


def _has_grown(before: Any, after: Any) -> bool:
    """Say whether all who were there before are there still."""
    return all(voice in (after or ()) for voice in before or ())


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
    "partly": PrintedField(_read_partial_support, CONFIRMATION, _has_shrunk, is_optional=True),
    "unnamed": PrintedField(_read_unnamed, CONFIRMATION, _is_more_cautious, is_optional=True),
    "finding": PrintedField(_read_finding, BOTH, _never),
    "withdrawn": PrintedField(
        lambda state: state.lifecycle is Lifecycle.WITHDRAWN,
        CONFIRMATION,
        lambda _before, after: bool(after),
    ),
}
"""Everything that is printed.  A feature that changes what may be printed of a claim is added here;
one that is shown besides (a hold, a translation, a question) is not."""
