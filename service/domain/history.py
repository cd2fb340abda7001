"""Derives the state of a claim from its events.

A claim *is* its events.  The functions of the rulebook return drafts of events.  `apply_event` is
the only code that says what an event does to a claim, and `fold` applies them all.  The state that
is stored is what `fold` returns; `claimdesk verify` proves it.  Event data is plain JSON: text,
whole numbers, booleans, null, lists and objects with text keys, so that its canonical bytes are the
same everywhere.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from service.domain import (
    correction_steps,
    hold_steps,
    inquiry_steps,
    plain_data,
    reversal_steps,
    supersession,
)
from service.domain.access import Audience
from service.domain.claims import (
    AMENDABLE,
    Cause,
    ClaimState,
    Component,
    Finding,
    Imported,
    Lifecycle,
    Link,
    Precision,
    Speaker,
    Status,
    Unnamed,
    Voice,
    parse_instant,
)
from service.domain.inputs import CREATION_FIELDS
from service.domain.instants import compute_end


@dataclass(frozen=True, slots=True)
class Draft:
    """A change that a rule allows, before the record gives it its number and instant.

    `rule` names the rule that made an automatic change; it is None if a person acted.
    """

    type: str
    data: dict[str, Any]
    rule: str | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """One line of the record: the `number`th (1, 2, 3 …) change of its subject."""

    number: int
    type: str
    recorded_at: datetime
    data: dict[str, Any]


def apply_event(state: ClaimState | None, event: Event, *, claim_id: str) -> ClaimState:
    """Return the claim after `event`.  Raises ValueError if the event cannot follow the state."""
    if state is None:
        if event.type != "claim.created" or event.number != 1:
            raise ValueError(f"a record begins with claim.created, not {event.type}")
        return _create(claim_id, event)
    if event.number != state.version + 1:
        raise ValueError(f"event {event.number} cannot follow event {state.version}")
    try:
        step = RULES[event.type].step
    except KeyError:
        raise ValueError(f"unknown event type {event.type!r}") from None
    return replace(step(state, event), version=event.number, updated_at=event.recorded_at)


def require_matching_status(before: ClaimState | None, event: Event) -> None:
    """Raise ValueError if a change of status began from another status than the claim had."""
    if before is None or event.type != "claim.status_changed":
        return
    status, sequence = event.data["previous_status"], event.data["sequence"]
    if (status, sequence) != (before.status.value, before.sequence + 1):
        raise ValueError(
            f"change {sequence} from {status} follows change {before.sequence} to {before.status}"
        )


def fold(claim_id: str, events: Iterable[Event]) -> ClaimState | None:
    """Return the claim after all of `events`, oldest first; None if there are none."""
    state: ClaimState | None = None
    for event in events:
        state = apply_event(state, event, claim_id=claim_id)
    return state


def apply_drafts(state: ClaimState, drafts: Iterable[Draft]) -> ClaimState:
    """Return the claim as `drafts` would leave it.  Nothing is recorded."""
    for draft in drafts:
        state = apply_event(state, _number(state, draft), claim_id=state.id)
    return state


def _number(state: ClaimState, draft: Draft) -> Event:
    """Return the draft as the next event of the claim, at the instant of its last."""
    return Event(state.version + 1, draft.type, state.updated_at, draft.data)


def read_said_at(event: Event) -> datetime | None:
    """Return when the world heard what the event records; None for what only the desk did."""
    if event.type == "claim.created":
        return parse_instant(event.data["claimed_at"])
    if event.type == "link.created":
        return parse_instant(event.data["link"]["said_at"])
    return None


def read_said_end(event: Event) -> datetime | None:
    """Return the end of the year, month, day, hour … that `read_said_at` stands for."""
    moment = read_said_at(event)
    if moment is None:
        return None
    statement = event.data if event.type == "claim.created" else event.data["link"]
    return compute_end(moment, Precision(statement["precision"]))


def is_affected(state: ClaimState, draft: Draft) -> bool:
    """Say whether a change of a party or a speaker changes anything that this claim shows."""
    return RULES[draft.type].step(state, _number(state, draft)) != state


# The steps: what each type of event does to a claim.


def _create(claim_id: str, event: Event) -> ClaimState:
    content = {name: event.data[name] for name in CREATION_FIELDS if name in event.data}
    moment = event.recorded_at
    began = {"created_at": moment, "updated_at": moment, "status_since": moment}
    return plain_data.read_state({**content, **began, "id": claim_id, "version": 1})


def _add_link(state: ClaimState, event: Event) -> ClaimState:
    link = plain_data.read_link({**event.data["link"], "recorded_at": event.recorded_at})
    return replace(state, links=(*state.links, link))


def _make_link_step(**changes: bool) -> Callable[[ClaimState, Event], ClaimState]:
    def change_link(state: ClaimState, event: Event) -> ClaimState:
        return _replace_links(state, lambda link: link.id == event.data["link"], **changes)

    return change_link


def _withdraw_statement(state: ClaimState, event: Event) -> ClaimState:
    statement = event.data["statement"]
    return _replace_links(state, lambda link: link.statement == statement, withdrawn=True)


def _replace_links(
    state: ClaimState, is_changed: Callable[[Link], bool], **changes: Any
) -> ClaimState:
    links = tuple(replace(link, **changes) if is_changed(link) else link for link in state.links)
    return replace(state, links=links)


def _change_status(state: ClaimState, event: Event) -> ClaimState:
    data = event.data
    status = Status(data["status"])
    import_note = plain_data.read_imported(data["imported"]) if "imported" in data else None
    excluded_ids = {contradiction["link"] for contradiction in data["set_aside"]}
    if excluded_ids:
        state = _replace_links(state, lambda link: link.id in excluded_ids, set_aside=True)
    return replace(
        state,
        status=status,
        status_since=event.recorded_at,
        sequence=data["sequence"],
        override=data["override"] is not None,
        # From disputed a claim returns to awaiting for the requests that remain, not for a checker.
        verification_opened=(
            status is Status.AWAITING_CONFIRMATION
            and state.status is Status.ASSERTED
            and data["cause"] == Cause.DECISION
        ),
        finding=_choose_finding(state, status, import_note),
        # Any change of status settles a waiting decision: it was proposed about another status.
        pending=None,
        imported=import_note,
    )


def _choose_finding(
    state: ClaimState, status: Status, import_note: Imported | None
) -> Finding | None:
    """Return the finding that a claim has after a change of its status."""
    if import_note is not None:
        return import_note.finding
    # A confirmation is the desk's newer conclusion; what others found goes with their status.
    if status is Status.CONFIRMED or _has_imported_finding(state):
        return None
    return state.finding


def _has_imported_finding(state: ClaimState) -> bool:
    return state.imported is not None and state.finding is state.imported.finding


def _change_finding(state: ClaimState, event: Event) -> ClaimState:
    finding = event.data["finding"]
    return replace(state, finding=Finding(finding) if finding else None)


def _amend(state: ClaimState, event: Event) -> ClaimState:
    data = event.data
    changes = plain_data.read_fields(data, AMENDABLE)
    if data.get("material"):
        changes["revision"] = state.revision + 1
        changes["pending"] = None
        # Others judged another wording.
        changes["imported"] = None
        if _has_imported_finding(state):
            changes.setdefault("finding", None)
        changes["links"] = tuple(
            replace(link, affirmed=False, set_aside=False) for link in state.links
        )
    return replace(state, **changes)


def _keep(state: ClaimState, _event: Event) -> ClaimState:
    """A quote, or an answer to a request, is shown with the claim, but not kept in its state."""
    return state


def _merge(state: ClaimState, event: Event) -> ClaimState:
    into = event.data["into"]
    return replace(state, lifecycle=Lifecycle.MERGED, merged_into=into, pending=None)


def _absorb(state: ClaimState, event: Event) -> ClaimState:
    conflicts = event.data["conflicts"]
    state = replace(state, links=(*state.links, *map(plain_data.read_link, event.data["links"])))
    return _replace_links(state, lambda link: link.id in conflicts, conflicting=True)


def _withdraw(state: ClaimState, _event: Event) -> ClaimState:
    return replace(state, lifecycle=Lifecycle.WITHDRAWN, pending=None)


def _propose(state: ClaimState, event: Event) -> ClaimState:
    return replace(state, pending=plain_data.read_pending(event.data))


def _end_proposal(state: ClaimState, _event: Event) -> ClaimState:
    return replace(state, pending=None)


def _change_component(state: ClaimState, event: Event) -> ClaimState:
    data = event.data
    components = {component.id: component for component in state.components}
    if data["removed"]:
        components.pop(data["component"], None)
    else:
        components[data["component"]] = Component(
            data["component"], data["text"], Status(data["status"])
        )
    return replace(state, components=tuple(components.values()))


def _move(state: ClaimState, event: Event) -> ClaimState:
    return replace(state, part_of=event.data["part_of"])


def _change_party(state: ClaimState, event: Event) -> ClaimState:
    parties = event.data["parties"]

    def change(voice: Voice) -> Voice:
        names = parties.get(voice.party)
        return voice if names is None else plain_data.build_voice(voice.party, names, voice.speaker)

    return _replace_voices(state, change)


def _change_speaker(state: ClaimState, event: Event) -> ClaimState:
    data = event.data

    def change(voice: Voice) -> Voice:
        if voice.speaker is None or voice.speaker.id != data["speaker"]:
            return voice
        return replace(voice, speaker=Speaker(data["speaker"], data["name"], data["role"]))

    return _replace_voices(state, change)


def _replace_voices(state: ClaimState, change: Callable[[Voice], Voice]) -> ClaimState:
    def change_source(voice: Voice | Unnamed) -> Voice | Unnamed:
        if isinstance(voice, Voice):
            return change(voice)
        return replace(voice, party=change(voice.party)) if voice.party else voice

    return replace(
        state,
        claimant=change(state.claimant) if state.claimant else None,
        links=tuple(replace(link, voice=change_source(link.voice)) for link in state.links),
        inquiries=tuple(
            replace(inquiry, voice=change(inquiry.voice)) if inquiry.voice else inquiry
            for inquiry in state.inquiries
        ),
    )


def _begin_again(state: ClaimState, _event: Event) -> ClaimState:
    raise ValueError(f"claim {state.id} was created already")


@dataclass(frozen=True, slots=True)
class Rule:
    """What a type of event does to a claim, and what of it others than the desk may read."""

    step: Callable[[ClaimState, Event], ClaimState]
    readable: Mapping[str, Audience] | None = None
    """None: nothing, the event is the desk's own.  Else the fields that not everybody may read,
    each with the lowest audience that may (`links.*.note`: of each link)."""


_WHO_DECIDED = {
    "decided_by": Audience.READER,
    "approved_by": Audience.READER,
    "approval_note": Audience.DESK,
}
_OF_THE_DESK = dict.fromkeys(("whom", "way", "note"), Audience.DESK)
RULES: dict[str, Rule] = {
    "claim.created": Rule(_begin_again, {"assignee": Audience.DESK, "due_at": Audience.DESK}),
    "claim.status_changed": Rule(_change_status, _WHO_DECIDED),
    "claim.amended": Rule(_amend, {"assignee": Audience.DESK, "due_at": Audience.DESK}),
    "finding.changed": Rule(_change_finding, _WHO_DECIDED),
    "claim.merged": Rule(_merge, {}),
    "claim.absorbed": Rule(_absorb, {"links.*.note": Audience.DESK}),
    "claim.withdrawn": Rule(_withdraw, {}),
    "claim.moved": Rule(_move, {}),
    "claim.voided": Rule(reversal_steps.void_claim, {}),
    "claim.restored": Rule(reversal_steps.restore_claim, {}),
    "claim.separated": Rule(reversal_steps.separate_claim, {}),
    "claim.released": Rule(reversal_steps.release_claim, {}),
    "claim.corrected": Rule(correction_steps.correct_claim, {}),
    "hold.placed": Rule(hold_steps.place_hold, {}),
    "hold.ended": Rule(hold_steps.end_hold, {}),
    "link.created": Rule(_add_link, {"link.note": Audience.DESK}),
    "link.retracted": Rule(_make_link_step(retracted=True), {}),
    "link.voided": Rule(reversal_steps.void_link, {}),
    "link.restored": Rule(reversal_steps.restore_link, {}),
    "link.affirmed": Rule(_make_link_step(affirmed=True, conflicting=False), {}),
    "statement.quoted": Rule(_keep, {}),
    "statement.corrected": Rule(correction_steps.correct_statement, {}),
    "source.corrected": Rule(correction_steps.correct_source, {}),
    "statement.withdrawn": Rule(_withdraw_statement, {}),
    "statement.voided": Rule(reversal_steps.void_statement, {}),
    "statement.restored": Rule(reversal_steps.restore_statement, {}),
    "decision.proposed": Rule(_propose),
    "decision.rejected": Rule(_end_proposal),
    "decision.withdrawn": Rule(_end_proposal),
    "decision.lapsed": Rule(_end_proposal),
    "decision.approved": Rule(_end_proposal),
    "component.changed": Rule(_change_component, {}),
    "claim.superseded": Rule(supersession.mark_superseded, {}),
    "inquiry.created": Rule(inquiry_steps.add_inquiry, _OF_THE_DESK),
    "inquiry.changed": Rule(inquiry_steps.change_inquiry, _OF_THE_DESK),
    "inquiry.lapsed": Rule(inquiry_steps.lapse_inquiry, {}),
    "correction_request.answered": Rule(_keep, {}),
    "party.changed": Rule(_change_party, {}),
    "speaker.changed": Rule(_change_speaker, {}),
}
"""Every type of event of a claim."""

EVENT_TYPES = tuple(RULES)

LIFECYCLE_TYPES = ("claim.voided", "claim.restored", "claim.separated")
"""The events after which nobody may use a claim, or somebody may use it again."""

HOLD_TYPES = ("hold.placed", "hold.ended")
"""The events after which a claim is not to be used for a while, or may be again."""

CORRECTION_TYPES = ("claim.corrected", "statement.corrected", "source.corrected")
"""The events after which something that a claim shows is no longer recorded wrongly."""

STATUS_TYPES = ("claim.created", "claim.status_changed")
"""The events that give a claim a status: its first, and every other."""
