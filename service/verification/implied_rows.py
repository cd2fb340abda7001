"""The rows beside a claim that its record implies, worked out without the database.

What `projections` writes as events happen, this derives from the events alone, so that
`claimdesk verify` can tell whether the tables still say the same.
"""

from datetime import datetime
from typing import Any

from service.claims import projections
from service.domain.claims import ClaimState
from service.domain.history import Event

Row = dict[str, Any]


class Implied:
    """One claim's links, decisions and tags after the events that were followed.

    Each is a dict of rows by key; a row has every column of its table.
    """

    def __init__(self) -> None:
        self.links: dict[str, Row] = {}
        self.decisions: dict[str, Row] = {}
        self.tags: dict[tuple[str, datetime], Row] = {}

    def follow(
        self, before: ClaimState | None, after: ClaimState, event: Event, actor: Row
    ) -> None:
        """Take in `event`; `actor` is the event's own: {id, name}, or {rule}."""
        data, at = event.data, event.recorded_at
        if event.type in ("link.created", "claim.absorbed"):
            for one in [data["link"]] if event.type == "link.created" else data["links"]:
                row = projections.link_row(after.id, one, event, actor["name"])
                self.links[one["id"]] = row | {"retracted_at": None, "retraction_reason": None}
        elif event.type == "link.retracted":
            self.links[data["link"]] |= {"retracted_at": at, "retraction_reason": data["reason"]}
        elif event.type == "party.changed":
            for row in self.links.values():
                if row["party"] in data["parties"]:
                    row["root"] = data["parties"][row["party"]]["root"]
        elif event.type == "decision.proposed":
            row = projections.decision_row(after, event, before)
            settling = ("settled_by", "settled_by_name", "settled_at", "comment")
            self.decisions[data["id"]] = row | dict.fromkeys(settling)
        if "tags" in data:
            self._retag(before, after, at)
        self._settle(before, event, actor)

    def _retag(self, before: ClaimState | None, after: ClaimState, at: datetime) -> None:
        had, has = set(before.tags if before else ()), set(after.tags)
        for row in self.tags.values():
            if row["tag"] in had - has and row["removed_at"] is None:
                row["removed_at"] = at
        for tag in has - had:
            self.tags[tag, at] = {
                "tag": tag,
                "claim": after.id,
                "added_at": at,
                "removed_at": None,
            }

    def _settle(self, before: ClaimState | None, event: Event, actor: Row) -> None:
        waiting = before.pending if before else None
        ended = projections.ending(waiting.id, event) if waiting else None
        if waiting is None or ended is None:
            return
        state, why = ended
        who = {} if state == "superseded" else actor
        self.decisions[waiting.id] |= {
            "state": state,
            "settled_by": who.get("id"),
            "settled_by_name": who.get("name"),
            "settled_at": event.recorded_at,
            "comment": why,
        }
