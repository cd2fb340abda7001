"""Rows that repeat parts of the record for queries across claims: links, tags, decisions.

Each follows one event.  `claimdesk verify` compares them with what the record says.
"""

from typing import Any

from sqlalchemy import Connection, bindparam, delete, insert, update

from service.domain.access import Actor
from service.domain.claims import ClaimState, DecisionKind
from service.domain.history import Event
from service.record.canonical import canonical
from service.store.tables import claim_tags, decisions, links

PROPOSAL = ("cites", "set_aside", "override", "change", "seen", "prints", "digest")
"""What a decision keeps of its proposal as one text; older ones have only the first three."""
INSERT_LINK = insert(links)
INSERT_TAG = insert(claim_tags)
SETTLE = (
    update(decisions)
    .where(
        decisions.c.id == bindparam("decision", type_=decisions.c.id.type),
        # The first event that ends it is what ended it, where one change has several.
        decisions.c.state == "pending",
    )
    .values(
        state=bindparam("new_state"),
        settled_by=bindparam("who"),
        settled_by_name=bindparam("who_name"),
        settled_at=bindparam("when", type_=decisions.c.settled_at.type),
        comment=bindparam("why"),
    )
)


def follow(
    connection: Connection,
    before: ClaimState | None,
    after: ClaimState,
    event: Event,
    *,
    actor: Actor,
) -> None:
    """Write what `event` means for the rows beside the claim."""
    data, at = event.data, event.recorded_at
    if event.type in ("link.created", "claim.absorbed"):
        added = [data["link"]] if event.type == "link.created" else data["links"]
        if added:
            connection.execute(
                INSERT_LINK, [link_row(after.id, one, event, actor.name) for one in added]
            )
    elif event.type == "link.retracted":
        connection.execute(
            update(links)
            .where(links.c.id == data["link"])
            .values(retracted_at=at, retraction_reason=data["reason"])
        )
    elif event.type == "party.changed":
        for party, voice in data["parties"].items():
            connection.execute(
                update(links)
                .where(links.c.claim == after.id, links.c.party == party)
                .values(root=voice["root"])
            )
    elif event.type == "decision.proposed":
        connection.execute(insert(decisions), decision_row(after, event, before))
    if "tags" in data:
        _retag(connection, before, after, at)
    _settle(connection, before, event, actor)


def link_row(claim: str, link: dict[str, Any], event: Event, linked_by: str) -> dict[str, Any]:
    """The row of a link that `event` made."""
    return {
        "id": link["id"],
        "claim": claim,
        "statement": link["statement"],
        "party": link["voice"]["party"],
        "root": link["voice"]["root"],
        "stance": link["stance"],
        "scope": link["scope"],
        "conditional": link["conditional"],
        "note": link.get("note"),
        "linked_by": linked_by,
        "recorded_at": event.recorded_at,
    }


def decision_row(after: ClaimState, event: Event, before: ClaimState | None) -> dict[str, Any]:
    """The row of a decision that `event` proposed."""
    data = event.data
    return {
        "id": data["id"],
        "claim": after.id,
        "state": "pending",
        "kind": data.get("kind", DecisionKind.STATUS.value),
        "to": data["to"],
        "from": (before or after).status.value,
        "reason": data["reason"],
        "proposal": canonical({name: data[name] for name in PROPOSAL if name in data}),
        "proposed_by": data["proposed_by"],
        "proposed_by_name": data["proposed_by_name"],
        "proposed_at": event.recorded_at,
    }


def _retag(connection: Connection, before: ClaimState | None, after: ClaimState, at: Any) -> None:
    had, has = set(before.tags if before else ()), set(after.tags)
    if had - has:
        connection.execute(
            update(claim_tags)
            .where(
                claim_tags.c.claim == after.id,
                claim_tags.c.tag.in_(had - has),
                claim_tags.c.removed_at.is_(None),
            )
            .values(removed_at=at)
        )
    if has - had:
        if before is not None and before.updated_at == at:
            # No time has passed on this claim's clock: the tag may have come and gone within it.
            connection.execute(
                delete(claim_tags).where(
                    claim_tags.c.claim == after.id,
                    claim_tags.c.tag.in_(has - had),
                    claim_tags.c.added_at == at,
                )
            )
        connection.execute(
            INSERT_TAG,
            [{"claim": after.id, "tag": tag, "added_at": at} for tag in sorted(has - had)],
        )


def _settle(connection: Connection, before: ClaimState | None, event: Event, actor: Actor) -> None:
    """Close the waiting decision with the event that ended it."""
    waiting = before.pending if before else None
    ended = ending(waiting.id, event) if waiting else None
    if waiting is None or ended is None:
        return
    state, why = ended
    who = None if state == "superseded" else actor
    connection.execute(
        SETTLE,
        {
            "decision": waiting.id,
            "new_state": state,
            "who": who.id if who else None,
            "who_name": who.name if who else None,
            "when": event.recorded_at,
            "why": why,
        },
    )


def ending(decision: str, event: Event) -> tuple[str, str | None] | None:
    """How `event` ends a waiting decision, and the comment it leaves; None where it does not."""
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
    if event.type in ("claim.status_changed", "claim.merged", "claim.withdrawn") or (
        event.type == "claim.amended" and data.get("material")
    ):
        return "superseded", f"superseded by {event.type}"
    return None
