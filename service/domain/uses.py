"""What a use of a claim is, and which later change of the claim makes it outdated.

A use says where a claim was printed, with the version, status and print line of that moment.  Its
own record says what people did with it; that it is outdated follows from the claim's record, by
`CLASSES`.  The functions here say the same of a row in memory as the writer's SQL says of all rows.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from service.domain import things
from service.domain.claims import Finding, Lifecycle, Status, format_instant
from service.domain.history import Event
from service.domain.subjects import SubjectKind
from service.domain.things import Row, SignedEvent

Data = Mapping[str, Any]


class UseState(StrEnum):
    CURRENT = "current"
    OUTDATED = "outdated"
    """What was printed is no longer what may be printed, and nobody has seen to it."""
    ACKNOWLEDGED = "acknowledged"
    RETIRED = "retired"
    """It is no longer anywhere to be read."""


class UseClass(StrEnum):
    """What whoever printed a claim has to do, the gravest first."""

    KILL = "kill"
    """Take it back."""
    CORRECTION = "correction"
    """What was printed was wrong in part."""
    UPDATE = "update"
    """More is known."""


class ContactState(StrEnum):
    """Whether somebody wants mail about what they printed."""

    WAITING = "waiting"
    """Nobody has been asked yet."""
    ASKED = "asked"
    CONFIRMED = "confirmed"
    STOPPED = "stopped"


GRAVEST_FIRST = tuple(UseClass)


@dataclass(frozen=True, slots=True)
class Rule:
    """A change of a claim by which its uses become outdated."""

    type: str
    grade: UseClass
    applies: Callable[[Data], bool]
    when: str
    """The condition in words, for docs/rules.md."""


def _always(_data: Data) -> bool:
    return True


def _falls(data: Data) -> bool:
    return bool(data["previous_status"] == Status.CONFIRMED)


def _refutes(data: Data) -> bool:
    return bool(data["finding"] == Finding.REFUTED)


def _finds_conflict(data: Data) -> bool:
    return bool(data["finding"] == Finding.CONFLICTING)


def _is_material(data: Data) -> bool:
    return bool(data.get("material"))


def _changes_voice(data: Data) -> bool:
    """Say whether links want to be affirmed anew, or what is printed of whose words they are."""
    voice = {"party", "speaker", "attribution", "description"}
    return bool(data["material"]) or not voice.isdisjoint(data["after"])


def _prints(data: Data) -> bool:
    """Say whether the print line has anything else of requests for comment from then on."""
    return bool(data.get("prints"))


CLASSES = (
    Rule("claim.voided", UseClass.KILL, _always, "it was recorded by mistake"),
    Rule("claim.status_changed", UseClass.KILL, _falls, "it is confirmed no longer"),
    Rule("finding.changed", UseClass.KILL, _refutes, "it is found refuted"),
    Rule("claim.amended", UseClass.CORRECTION, _is_material, "its wording changes materially"),
    Rule("claim.corrected", UseClass.CORRECTION, _always, "it is corrected"),
    Rule(
        "statement.corrected",
        UseClass.CORRECTION,
        _changes_voice,
        "a statement it shows is corrected materially, or whose it is",
    ),
    Rule("finding.changed", UseClass.CORRECTION, _finds_conflict, "evidence is found conflicting"),
    Rule("claim.status_changed", UseClass.UPDATE, _always, "its status changes otherwise"),
    Rule("finding.changed", UseClass.UPDATE, _always, "its finding changes otherwise"),
    Rule("claim.withdrawn", UseClass.UPDATE, _always, "its claimant takes it back"),
    Rule("claim.restored", UseClass.UPDATE, _always, "it is in force again"),
    Rule("claim.merged", UseClass.UPDATE, _always, "it is merged into another claim"),
    Rule("claim.separated", UseClass.UPDATE, _always, "it is a claim of its own again"),
    Rule("claim.superseded", UseClass.UPDATE, _always, "another claim takes its place"),
    Rule("hold.placed", UseClass.UPDATE, _always, "it is put on hold"),
    Rule("hold.ended", UseClass.UPDATE, _always, "a hold of it ends"),
    Rule("inquiry.lapsed", UseClass.UPDATE, _prints, "a party does not answer in time"),
    Rule(
        "inquiry.changed",
        UseClass.UPDATE,
        _prints,
        "it turns out that a party did not answer or declined, or that it answered after all",
    ),
    Rule("inquiry.created", UseClass.UPDATE, _prints, "a party that was silent is asked again"),
)
"""Which change outdates uses, and how gravely: the first line that applies to an event decides."""

ALTERING_TYPES = tuple(dict.fromkeys(rule.type for rule in CLASSES))
"""The types of events that may outdate a use."""
FOLLOWING = ("state", "class", "outdated_at", "outdated_version")
"""The columns of a use that follow from its claim's events too."""
OF_VOID = UseClass.KILL
"""The class of a use that is recorded of a claim nobody may use."""


def classify(type: str, data: Data) -> UseClass | None:
    """Return how gravely an event of a claim outdates its uses; None if it does not."""
    for rule in CLASSES:
        if rule.type == type and rule.applies(data):
            return rule.grade
    return None


def list_lesser(grade: UseClass) -> tuple[UseClass, ...]:
    """List the classes that `grade` takes the place of."""
    return GRAVEST_FIRST[GRAVEST_FIRST.index(grade) + 1 :]


@dataclass(frozen=True, slots=True)
class Alteration:
    """An event of a claim that outdates the uses before it."""

    number: int
    at: str
    grade: UseClass


def find_alteration(event: Event) -> Alteration | None:
    """Return how an event of a claim outdates its uses; None if it does not."""
    grade = classify(event.type, event.data)
    if grade is None:
        return None
    return Alteration(event.number, format_instant(event.recorded_at), grade)


def begin_use(lifecycle: Lifecycle, version: int, at: Any) -> Row:
    """Return the columns that say whether a use is outdated, for one that is recorded now."""
    if lifecycle is not Lifecycle.VOID:
        return {
            "state": UseState.CURRENT.value,
            "class": None,
            "outdated_at": None,
            "outdated_version": None,
        }
    return {
        "state": UseState.OUTDATED.value,
        "class": OF_VOID.value,
        "outdated_at": at,
        "outdated_version": version,
    }


def outdate(row: Row, alteration: Alteration) -> Row:
    """Return the row of a use after a change of its claim: the graver class stands."""
    mark: Row = {"class": alteration.grade.value, "outdated_version": alteration.number}
    if row["state"] in (UseState.CURRENT, UseState.ACKNOWLEDGED):
        return row | mark | {"state": UseState.OUTDATED.value, "outdated_at": alteration.at}
    if row["state"] == UseState.OUTDATED and row["class"] in list_lesser(alteration.grade):
        return row | mark
    return row


def fold_use(events: Iterable[SignedEvent], alterations: Iterable[Alteration]) -> Row:
    """Return the row of a use after its own events and its claim's, oldest first.

    Each of its own events names the claim's version at which it was recorded.  Raises ValueError,
    KeyError or TypeError for events that cannot be of a use.
    """
    waiting = list(alterations)[::-1]
    row: Row | None = None
    events_so_far: list[SignedEvent] = []
    for signed_event in events:
        version = _find_version(signed_event.event)
        while waiting and waiting[-1].number <= version:
            alteration = waiting.pop()
            if row is not None:
                row = outdate(row, alteration)
        events_so_far.append(signed_event)
        row = things.fold_on(SubjectKind.USE, row, events_so_far)
    if row is None:
        raise ValueError("there is no event")
    while waiting:
        row = outdate(row, waiting.pop())
    return row


def _find_version(event: Event) -> int:
    """Return the version of the claim of which an event of a use knows.

    What an import was told of a use, without its events, holds from the last version it names.
    """
    if things.MARKS.isdisjoint(event.data):
        version: int = event.data[VERSIONS[event.type]]
        return version
    names = ("outdated_version", *VERSIONS.values())
    versions: list[int] = [event.data[name] for name in names if event.data.get(name) is not None]
    return max(versions)


VERSIONS = {
    "use.recorded": "version",
    "use.acknowledged": "acknowledged_version",
    "use.retired": "retired_version",
}
"""The column of each event of a use that says at which version of the claim it was recorded."""
