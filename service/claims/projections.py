"""Defines how events of a claim change the rows beside it: links, tags, decisions, requests for
comment, and what a correction leaves of what was recorded before.

`list_row_changes` is the one place that says so.  The writer executes the changes; `claimdesk
verify` applies them to rows in memory and compares those with the tables.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, delete, insert, update

from service.claims import former_claims
from service.domain.claims import ClaimState, DecisionKind
from service.domain.history import Event
from service.domain.things import Row
from service.record.canonical import render_canonical
from service.store.tables import claim_tags, decisions, inquiries, links

PROPOSAL_FIELDS = ("cites", "set_aside", "override", "change", "seen", "prints", "digest")
"""What a decision keeps of its proposal as one text; older ones have only the first three."""

SUPERSEDING_TYPES = (
    "claim.status_changed",
    "claim.merged",
    "claim.withdrawn",
    "claim.voided",
    "claim.restored",
    "claim.separated",
)
"""The events that end a decision which was proposed about what the claim was before."""


@dataclass(frozen=True, slots=True)
class Inserted:
    """Rows to insert, with all columns of the table."""

    table: Table
    rows: Sequence[Mapping[str, object]]


@dataclass(frozen=True, slots=True)
class Updated:
    """Values for the rows that match: each column of `where` has the value, or one of a tuple."""

    table: Table
    where: Mapping[str, object]
    values: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Deleted:
    """The rows that match are deleted."""

    table: Table
    where: Mapping[str, object]


RowChange = Inserted | Updated | Deleted


def list_row_changes(
    before: ClaimState | None, after: ClaimState, event: Event, actor: Mapping[str, Any]
) -> list[RowChange]:
    """List what `event`, which led from `before` to `after`, changes, in order.

    `actor` is that of the event: `{id, name}` of a person or key, or `{rule}`.
    """
    data, at = event.data, event.recorded_at
    changes: list[RowChange] = []
    if event.type in ("link.created", "claim.absorbed"):
        new_links = [data["link"]] if event.type == "link.created" else data["links"]
        rows = [build_link_row(after.id, link, event, actor["name"]) for link in new_links]
        changes.append(Inserted(links, rows))
    elif event.type == "link.retracted":
        retraction = {
            "retracted_at": at,
            "retraction_reason": data["reason"],
            "retraction_ended_at": None,
        }
        changes.append(Updated(links, {"id": data["link"]}, retraction))
    elif event.type == "link.voided":
        void = {"voided_at": at, "void_reason": data["reason"], "void_ended_at": None}
        changes.append(Updated(links, {"id": data["link"]}, void))
    elif event.type == "link.restored":
        changes.append(Updated(links, {"id": data["link"]}, {f"{data['undoes']}_ended_at": at}))
    elif event.type == "claim.released":
        left_columns = {
            "retracted_at": at,
            "retraction_reason": data["reason"],
            "retraction_ended_at": None,
        }
        changes += [Updated(links, {"id": link}, left_columns) for link in data["links"]]
        back = {"retraction_ended_at": at}
        changes += [Updated(links, {"id": link}, back) for link in data["restored"]]
    elif event.type == "statement.corrected":
        voice = data["spoken"]["voice"]
        if voice is not None:
            where = {"claim": after.id, "statement": data["statement"]}
            changes.append(Updated(links, where, _name_party(voice)))
    elif event.type == "party.changed":
        changes += [
            Updated(links, {"claim": after.id, "party": party}, {"root": voice["root"]})
            for party, voice in data["parties"].items()
        ]
    elif event.type == "inquiry.created":
        changes.append(Inserted(inquiries, [_build_inquiry_row(after, data["inquiry"])]))
    elif event.type in ("inquiry.changed", "inquiry.lapsed"):
        row = _build_inquiry_row(after, data["inquiry"])
        changes.append(Updated(inquiries, {"id": row["id"]}, {"due_at": row["due_at"]}))
    elif event.type == "decision.proposed":
        changes.append(Inserted(decisions, [build_decision_row(after, event, before)]))
    if before is not None and event.type in former_claims.TYPES:
        former_rows = former_claims.list_former_rows(before, after, event)
        changes += [Inserted(table, rows) for table, rows in former_rows if rows]
    if "tags" in data:
        changes += _list_tag_changes(before, after, at)
    if before is not None and before.pending is not None:
        changes += _list_settlement(before.pending.id, event, actor)
    return changes


def write_row_changes(connection: Connection, changes: Iterable[RowChange]) -> None:
    """Execute changes, in order."""
    for change in changes:
        if isinstance(change, Updated):
            where = _build_conditions(change.table, change.where)
            connection.execute(update(change.table).where(*where).values(**change.values))
        elif isinstance(change, Deleted):
            connection.execute(
                delete(change.table).where(*_build_conditions(change.table, change.where))
            )
        elif change.rows:
            connection.execute(insert(change.table), change.rows)


def _build_conditions(table: Table, where: Mapping[str, object]) -> list[ColumnElement[bool]]:
    return [
        table.c[name].in_(value) if isinstance(value, tuple) else table.c[name] == value
        for name, value in where.items()
    ]


def _name_party(voice: Mapping[str, Any]) -> Row:
    """Return the columns of a link that name whose voice it is; a source that is not named is no
    voice of the party that it belongs to."""
    is_unnamed = "description" in voice
    return {name: None if is_unnamed else voice[name] for name in ("party", "root")}


def build_link_row(claim: str, link: Mapping[str, Any], event: Event, linked_by: str) -> Row:
    """Build the row of a link that `event` made."""
    return {
        "id": link["id"],
        "claim": claim,
        "statement": link["statement"],
        **_name_party(link["voice"]),
        "stance": link["stance"],
        "scope": link["scope"],
        "conditional": link["conditional"],
        "note": link.get("note"),
        "linked_by": linked_by,
        "recorded_at": event.recorded_at,
        "retracted_at": None,
        "retraction_reason": None,
        "retraction_ended_at": None,
        "voided_at": None,
        "void_reason": None,
        "void_ended_at": None,
    }


def _build_inquiry_row(after: ClaimState, inquiry_id: str) -> Row:
    inquiry = next(inquiry for inquiry in after.inquiries if inquiry.id == inquiry_id)
    return {
        "id": inquiry.id,
        "claim": after.id,
        "party": inquiry.voice.party if inquiry.voice else None,
        "due_at": inquiry.due_at,
    }


def build_decision_row(after: ClaimState, event: Event, before: ClaimState | None) -> Row:
    """Build the row of a decision that `event` proposed."""
    data = event.data
    return {
        "id": data["id"],
        "claim": after.id,
        "state": "pending",
        "kind": data.get("kind", DecisionKind.STATUS.value),
        "to": data["to"],
        "from": (before or after).status.value,
        "reason": data["reason"],
        "proposal": render_canonical(
            {name: data[name] for name in PROPOSAL_FIELDS if name in data}
        ),
        "proposed_by": data["proposed_by"],
        "proposed_by_name": data["proposed_by_name"],
        "proposed_at": event.recorded_at,
        "settled_by": None,
        "settled_by_name": None,
        "settled_at": None,
        "comment": None,
    }


def _list_tag_changes(
    before: ClaimState | None, after: ClaimState, at: datetime
) -> list[RowChange]:
    had, has = set(before.tags if before else ()), set(after.tags)
    removals, additions = tuple(sorted(had - has)), tuple(sorted(has - had))
    changes: list[RowChange] = []
    if removals:
        standing = {"claim": after.id, "tag": removals, "removed_at": None}
        changes.append(Updated(claim_tags, standing, {"removed_at": at}))
    if additions:
        if before is not None and before.updated_at == at:
            # No time has passed on this claim's clock: the tag may have come and gone within it.
            changes.append(
                Deleted(claim_tags, {"claim": after.id, "tag": additions, "added_at": at})
            )
        rows = [
            {"claim": after.id, "tag": tag, "added_at": at, "removed_at": None} for tag in additions
        ]
        changes.append(Inserted(claim_tags, rows))
    return changes


def _list_settlement(decision: str, event: Event, actor: Mapping[str, Any]) -> list[RowChange]:
    """List what closes the pending decision, if `event` ended it."""
    ending = _find_ending(decision, event)
    if ending is None:
        return []
    state, comment = ending
    settler = {} if state == "superseded" else actor
    settlement = {
        "state": state,
        "settled_by": settler.get("id"),
        "settled_by_name": settler.get("name"),
        "settled_at": event.recorded_at,
        "comment": comment,
    }
    return [Updated(decisions, {"id": decision}, settlement)]


def _find_ending(decision: str, event: Event) -> tuple[str, str | None] | None:
    """Return the state in which `event` leaves a pending decision, and the comment; None if it does
    not end it."""
    data = event.data
    if event.type == "claim.status_changed" and data["decision"] == decision:
        return "approved", data["approval_note"]
    if event.type == "decision.approved":
        return "approved", data["approval_note"]
    if event.type == "decision.lapsed":
        return "lapsed", data["reason"]
    if event.type == "decision.rejected":
        return "rejected", data["comment"]
    if event.type == "decision.withdrawn":
        return "withdrawn", data["reason"]
    if event.type in SUPERSEDING_TYPES or (event.type == "claim.amended" and data.get("material")):
        return "superseded", f"superseded by {event.type}"
    return None
