"""The record and what it folds to.

A claim *is* its events.  Every function of the rulebook returns drafts of events; `apply` is the
only code that says what an event does to a claim; the stored state is what `fold` gives, and
`claimdesk verify` proves it.  Event data is plain JSON: text, whole numbers, booleans, null, lists
and objects with text keys, so that its canonical bytes are the same everywhere.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Any

from service.domain.claims import (
    Basis,
    Cause,
    ClaimState,
    Component,
    DecisionKind,
    Finding,
    Imported,
    Kind,
    Lifecycle,
    Link,
    Override,
    Pending,
    Precision,
    Scope,
    SetAside,
    Speaker,
    Stance,
    Status,
    Voice,
    compute_end,
    format_instant,
    parse_instant,
)

Data = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Draft:
    """A change that a rule allows, before the record gives it its number and instant.

    `rule` names the rule that made an automatic change; None where a person acted.
    """

    type: str
    data: Data
    rule: str | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """One line of the record: the `number`th (1, 2, 3 …) change of its subject."""

    number: int
    type: str
    recorded_at: datetime
    data: Data


def apply(state: ClaimState | None, event: Event, *, claim_id: str) -> ClaimState:
    """The claim after `event`.  Raises ValueError if the event cannot follow the state."""
    if state is None:
        if event.type != "claim.created" or event.number != 1:
            raise ValueError(f"a record begins with claim.created, not {event.type}")
        return _created(claim_id, event)
    if event.number != state.version + 1:
        raise ValueError(f"event {event.number} cannot follow event {state.version}")
    try:
        step = STEPS[event.type]
    except KeyError:
        raise ValueError(f"unknown event type {event.type!r}") from None
    return replace(
        step(state, event.data, event.recorded_at),
        version=event.number,
        updated_at=event.recorded_at,
    )


def require_matching_status(before: ClaimState | None, event: Event) -> None:
    """Raise ValueError where a change of status began from another status than the claim had."""
    if before is None or event.type != "claim.status_changed":
        return
    began = (event.data["previous_status"], event.data["sequence"])
    if began != (before.status.value, before.sequence + 1):
        raise ValueError(
            f"change {began[1]} from {began[0]} follows change {before.sequence} to {before.status}"
        )


def fold(claim_id: str, events: Iterable[Event]) -> ClaimState | None:
    """The claim after all of `events`, oldest first; None where there are none."""
    state: ClaimState | None = None
    for event in events:
        state = apply(state, event, claim_id=claim_id)
    return state


def apply_drafts(state: ClaimState, drafts: Iterable[Draft]) -> ClaimState:
    """The claim as `drafts` would leave it.  Nothing is recorded."""
    for draft in drafts:
        event = Event(state.version + 1, draft.type, state.updated_at, draft.data)
        state = apply(state, event, claim_id=state.id)
    return state


def fold_until(claim_id: str, events: Iterable[Event], moment: datetime) -> ClaimState | None:
    """The claim as the desk knew it at `moment`: what was recorded by then, that instant
    included."""
    return fold(claim_id, (event for event in events if event.recorded_at <= moment))


def read_said_at(event: Event) -> datetime | None:
    """When the world heard what `event` tells of; None for what is the desk's own doing."""
    if event.type == "claim.created":
        return parse_instant(event.data["claimed_at"])
    if event.type == "link.created":
        return parse_instant(event.data["link"]["said_at"])
    return None


def read_said_end(event: Event) -> datetime | None:
    """The end of the day, hour, minute or second in which the world heard what `event` tells of;
    None for what is the desk's own doing."""
    moment = read_said_at(event)
    if moment is None:
        return None
    said = event.data if event.type == "claim.created" else event.data["link"]
    return compute_end(moment, Precision(said["precision"]))


def _created(claim_id: str, event: Event) -> ClaimState:
    data = event.data
    return ClaimState(
        id=claim_id,
        text=data["text"],
        kind=Kind(data["kind"]),
        claimant=read_voice(data["claimant"]) if data["claimant"] else None,
        claimed_at=parse_instant(data["claimed_at"]),
        precision=Precision(data["precision"]),
        story=data["story"],
        origin_statement=data["origin_statement"],
        part_of=data["part_of"],
        tags=tuple(data["tags"]),
        created_at=event.recorded_at,
        updated_at=event.recorded_at,
        status_since=event.recorded_at,
        version=1,
    )


def _linked(state: ClaimState, data: Data, at: datetime) -> ClaimState:
    return replace(state, links=(*state.links, read_link({**data["link"], "recorded_at": at})))


def _changing_link(**changes: bool) -> Callable[[ClaimState, Data, datetime], ClaimState]:
    def step(state: ClaimState, data: Data, _at: datetime) -> ClaimState:
        return _replace_links(state, lambda one: one.id == data["link"], **changes)

    return step


def _statement_withdrawn(state: ClaimState, data: Data, _at: datetime) -> ClaimState:
    return _replace_links(state, lambda one: one.statement == data["statement"], withdrawn=True)


def _replace_links(state: ClaimState, chosen: Callable[[Link], bool], **changes: Any) -> ClaimState:
    links = tuple(replace(one, **changes) if chosen(one) else one for one in state.links)
    return replace(state, links=links)


def _status_changed(state: ClaimState, data: Data, at: datetime) -> ClaimState:
    status = Status(data["status"])
    brought = read_imported(data["imported"]) if "imported" in data else None
    aside = {entry["link"] for entry in data["set_aside"]}
    return replace(
        state,
        status=status,
        status_since=at,
        sequence=data["sequence"],
        override=data["override"] is not None,
        # From disputed a claim returns to awaiting for the requests that remain, not for a checker.
        verification_opened=(
            status is Status.AWAITING_CONFIRMATION
            and state.status is Status.ASSERTED
            and data["cause"] == Cause.DECISION
        ),
        finding=_finding(state, status, brought),
        links=tuple(replace(one, set_aside=True) if one.id in aside else one for one in state.links)
        if aside
        else state.links,
        # Any change of status settles a waiting decision: it was proposed about another status.
        pending=None,
        imported=brought,
    )


def _finding(state: ClaimState, status: Status, brought: Imported | None) -> Finding | None:
    """What is found about a claim once its status has changed."""
    if brought is not None:
        return brought.finding
    # A confirmation is the desk's newer conclusion; what others found goes with their status.
    if status is Status.CONFIRMED or _is_theirs(state):
        return None
    return state.finding


def _is_theirs(state: ClaimState) -> bool:
    return state.imported is not None and state.finding is state.imported.finding


def _finding_changed(state: ClaimState, data: Data, _at: datetime) -> ClaimState:
    return replace(state, finding=Finding(data["finding"]) if data["finding"] else None)


def _amended(state: ClaimState, data: Data, _at: datetime) -> ClaimState:
    changes: dict[str, Any] = {}
    if "text" in data:
        changes["text"] = data["text"]
    if "tags" in data:
        changes["tags"] = tuple(data["tags"])
    if "assignee" in data:
        changes["assignee"] = data["assignee"]
    if "finding" in data:
        changes["finding"] = Finding(data["finding"]) if data["finding"] else None
    if data.get("material"):
        changes["revision"] = state.revision + 1
        changes["pending"] = None
        # Others judged another wording.
        changes["imported"] = None
        if _is_theirs(state) and "finding" not in changes:
            changes["finding"] = None
        changes["links"] = tuple(
            replace(one, affirmed=False, set_aside=False) for one in state.links
        )
    return replace(state, **changes)


def _statement_quoted(state: ClaimState, _data: Data, _at: datetime) -> ClaimState:
    """A rendering that a statement gained: the claim shows it, but keeps none of it."""
    return state


def _merged(state: ClaimState, data: Data, _at: datetime) -> ClaimState:
    return replace(state, lifecycle=Lifecycle.MERGED, merged_into=data["into"], pending=None)


def _absorbed(state: ClaimState, data: Data, _at: datetime) -> ClaimState:
    conflicts = set(data["conflicts"])
    links = (*state.links, *(read_link(entry) for entry in data["links"]))
    return replace(
        state,
        links=tuple(
            replace(one, conflicting=True) if one.id in conflicts else one for one in links
        ),
    )


def _withdrawn(state: ClaimState, _data: Data, _at: datetime) -> ClaimState:
    return replace(state, lifecycle=Lifecycle.WITHDRAWN, pending=None)


def _proposed(state: ClaimState, data: Data, _at: datetime) -> ClaimState:
    return replace(state, pending=read_pending(data))


def _unproposed(state: ClaimState, _data: Data, _at: datetime) -> ClaimState:
    return replace(state, pending=None)


def _component_changed(state: ClaimState, data: Data, _at: datetime) -> ClaimState:
    others = [one for one in state.components if one.id != data["component"]]
    if data["removed"]:
        return replace(state, components=tuple(others))
    changed = Component(data["component"], data["text"], Status(data["status"]))
    kept = [changed if one.id == changed.id else one for one in state.components]
    return replace(
        state, components=tuple(kept) if changed in kept else (*state.components, changed)
    )


def _moved(state: ClaimState, data: Data, _at: datetime) -> ClaimState:
    return replace(state, part_of=data["part_of"])


def _party_changed(state: ClaimState, data: Data, _at: datetime) -> ClaimState:
    parties = data["parties"]

    def renamed(one: Voice) -> Voice:
        return replace(one, **parties[one.party]) if one.party in parties else one

    return _replace_voices(state, renamed)


def _speaker_changed(state: ClaimState, data: Data, _at: datetime) -> ClaimState:
    def renamed(one: Voice) -> Voice:
        if one.speaker is None or one.speaker.id != data["speaker"]:
            return one
        return replace(one, speaker=Speaker(data["speaker"], data["name"], data["role"]))

    return _replace_voices(state, renamed)


def _replace_voices(state: ClaimState, change: Callable[[Voice], Voice]) -> ClaimState:
    return replace(
        state,
        claimant=change(state.claimant) if state.claimant else None,
        links=tuple(replace(one, voice=change(one.voice)) for one in state.links),
    )


def is_affected(state: ClaimState, draft: Draft) -> bool:
    """Whether a change of a party or a speaker changes anything that this claim shows."""
    after = STEPS[draft.type](state, draft.data, state.updated_at)
    return (after.claimant, after.links) != (state.claimant, state.links)


STEPS: dict[str, Callable[[ClaimState, Data, datetime], ClaimState]] = {
    "claim.status_changed": _status_changed,
    "claim.amended": _amended,
    "finding.changed": _finding_changed,
    "claim.merged": _merged,
    "claim.absorbed": _absorbed,
    "claim.withdrawn": _withdrawn,
    "claim.moved": _moved,
    "link.created": _linked,
    "link.retracted": _changing_link(retracted=True),
    "link.affirmed": _changing_link(affirmed=True, conflicting=False),
    "statement.quoted": _statement_quoted,
    "statement.withdrawn": _statement_withdrawn,
    "decision.proposed": _proposed,
    "decision.rejected": _unproposed,
    "decision.withdrawn": _unproposed,
    "decision.lapsed": _unproposed,
    "decision.approved": _unproposed,
    "component.changed": _component_changed,
    "party.changed": _party_changed,
    "speaker.changed": _speaker_changed,
}
"""What each type of event does.  `claim.created` comes first and is in `_created`."""

EVENT_TYPES = ("claim.created", *STEPS)

STATUS_TYPES = ("claim.created", "claim.status_changed")
"""The events that give a claim a status: its first, and every other."""

AMENDABLE = ("text", "tags", "assignee", "finding")
"""What `claim.amended` may change of a claim; it says besides whether that is `material`."""


# Reading the plain JSON of event data and of a stored state back into shapes.


def read_voice(data: Data) -> Voice:
    speaker = data["speaker"]
    return Voice(
        data["party"],
        data["name"],
        data["root"],
        data["root_name"],
        Speaker(speaker["id"], speaker["name"], speaker["role"]) if speaker else None,
    )


def read_link(data: Data) -> Link:
    recorded_at = data["recorded_at"]
    return Link(
        id=data["id"],
        statement=data["statement"],
        stance=Stance(data["stance"]),
        scope=Scope(data["scope"]),
        conditional=data["conditional"],
        basis=Basis(data["basis"]),
        voice=read_voice(data["voice"]),
        said_at=parse_instant(data["said_at"]),
        precision=Precision(data["precision"]),
        quote=data["quote"],
        recorded_at=parse_instant(recorded_at) if isinstance(recorded_at, str) else recorded_at,
        affirmed=data.get("affirmed", True),
        retracted=data.get("retracted", False),
        withdrawn=data.get("withdrawn", False),
        conflicting=data.get("conflicting", False),
        set_aside=data.get("set_aside", False),
    )


def read_imported(data: Data) -> Imported:
    finding = data["finding"]
    return Imported(data["by"], data["label"], Finding(finding) if finding else None)


def _sort_keys(value: Any) -> Any:
    """`value` with the keys of its objects in the order in which the record keeps them, so that
    a state reads the same before and after it was stored."""
    if isinstance(value, Mapping):
        return {key: _sort_keys(value[key]) for key in sorted(value)}
    return [_sort_keys(one) for one in value] if isinstance(value, list | tuple) else value


def read_pending(data: Data) -> Pending:
    override = data["override"]
    return Pending(
        id=data["id"],
        to=Status(data["to"]),
        reason=data["reason"],
        cites=tuple(data["cites"]),
        set_aside=tuple(SetAside(one["link"], one["reason"]) for one in data["set_aside"]),
        override=Override(override["code"], override["note"], override.get("source"))
        if override
        else None,
        proposed_by=data["proposed_by"],
        proposed_by_name=data["proposed_by_name"],
        kind=DecisionKind(data.get("kind", DecisionKind.STATUS)),
        change=_sort_keys(data.get("change")),
        seen=_sort_keys(data.get("seen")),
        prints=_sort_keys(data.get("prints")),
        proposed_through=tuple(data.get("proposed_through", ())),
    )


def read_state(data: Data) -> ClaimState:
    """A stored state, read back: the inverse of the JSON of a ClaimState's fields."""
    claimant, waiting = data["claimant"], data["pending"]
    return ClaimState(
        id=data["id"],
        text=data["text"],
        kind=Kind(data["kind"]),
        claimant=read_voice(claimant) if claimant else None,
        claimed_at=parse_instant(data["claimed_at"]),
        precision=Precision(data["precision"]),
        story=data["story"],
        origin_statement=data["origin_statement"],
        part_of=data["part_of"],
        created_at=parse_instant(data["created_at"]),
        updated_at=parse_instant(data["updated_at"]),
        status_since=parse_instant(data["status_since"]),
        version=data["version"],
        revision=data["revision"],
        sequence=data["sequence"],
        status=Status(data["status"]),
        lifecycle=Lifecycle(data["lifecycle"]),
        merged_into=data["merged_into"],
        finding=Finding(data["finding"]) if data["finding"] else None,
        tags=tuple(data["tags"]),
        assignee=data["assignee"],
        override=data["override"],
        verification_opened=data["verification_opened"],
        links=tuple(read_link(one) for one in data["links"]),
        components=tuple(
            Component(one["id"], one["text"], Status(one["status"])) for one in data["components"]
        ),
        pending=read_pending(waiting) if waiting else None,
        imported=read_imported(data["imported"]) if data.get("imported") else None,
    )


def make_plain(shape: Any) -> Any:
    """A shape's fields as plain data for an event: instants as RFC 3339, enums as their text."""
    if isinstance(shape, datetime):
        return format_instant(shape)
    if isinstance(shape, tuple | list):
        return [make_plain(one) for one in shape]
    if isinstance(shape, Mapping):
        return {name: make_plain(value) for name, value in shape.items()}
    if hasattr(shape, "__dataclass_fields__"):
        return {one.name: make_plain(getattr(shape, one.name)) for one in fields(shape)}
    return str(shape) if isinstance(shape, str) else shape
