"""What happened in a story: an event as an entry of its timeline, and a claim's lane.

Both clocks stand in every entry and are never mixed: `recorded_at` is when the desk knew,
'said_at' when the world heard.  Nothing here is the desk's own concern: no assignee, no draft of
a decision, nobody's name who decided.
"""

from collections.abc import Iterable
from typing import Any

from service.domain.claims import Voice, format_instant, parse_instant
from service.domain.history import Event, read_said_at
from service.stories.status_spans import Lane

TYPES = (
    "claim.created",
    "claim.status_changed",
    "claim.amended",
    "finding.changed",
    "claim.merged",
    "claim.absorbed",
    "claim.withdrawn",
    "link.created",
    "link.affirmed",
    "link.retracted",
    "statement.withdrawn",
)
"""The events that a timeline tells of."""
SHOWN = ("text", "tags", "finding")
"""What of an amendment everybody may know of."""


def build_entry(
    event: Event,
    *,
    seq: int,
    claim: dict[str, Any],
    links: list[dict[str, Any]],
    voices: list[Voice],
) -> dict[str, Any]:
    """`claim` is the claim in brief; `links` are the data of those that the event makes, cites or
    ends, `voices` those who speak in it."""
    data, heard = event.data, read_said_at(event)
    status = event.type == "claim.status_changed"
    linked = links[0] if links and event.type.startswith("link.") else None
    said = data if event.type == "claim.created" else linked or {}
    return {
        "seq": seq,
        "number": event.number,
        "type": event.type,
        "recorded_at": format_instant(event.recorded_at),
        "said_at": format_instant(heard) if heard else None,
        "precision": said["precision"] if heard else None,
        "claim": claim,
        "previous_status": data["previous_status"] if status else None,
        "status": data["status"] if status else None,
        "cause": data["cause"] if status else None,
        "override": status and data["override"] is not None,
        "reason": data.get("reason"),
        "changes": [name for name in SHOWN if name in data]
        if event.type == "claim.amended"
        else [],
        "finding": data["finding"] if event.type == "finding.changed" else None,
        "material": bool(data.get("material")),
        "into": data.get("into"),
        "merged": data.get("merged"),
        "link": _build_link(linked) if linked else None,
        "parties": _list_parties(voices),
    }


def build_lane(claim: str, drawn: Lane) -> dict[str, Any]:
    return {
        "claim": claim,
        "lifecycle": drawn.lifecycle,
        "closed_at": format_instant(drawn.closed_at) if drawn.closed_at else None,
        "intervals": [
            {
                "from": format_instant(one.since),
                "to": format_instant(one.until) if one.until else None,
                "status": one.status,
            }
            for one in drawn.intervals
        ],
    }


def _build_link(data: dict[str, Any]) -> dict[str, Any]:
    speaker = data["voice"]["speaker"]
    return {
        "id": data["id"],
        "statement": data["statement"],
        "stance": data["stance"],
        "scope": data["scope"],
        "conditional": data["conditional"],
        "speaker": {"name": speaker["name"], "role": speaker["role"]} if speaker else None,
        "quote": data["quote"],
        "said_at": format_instant(parse_instant(data["said_at"])),
        "precision": data["precision"],
    }


def _list_parties(voices: Iterable[Voice]) -> list[dict[str, Any]]:
    """Each party once, with its root, as the record named them."""
    return [
        {"slug": one.party, "name": one.name, "root": one.root, "root_name": one.root_name}
        for one in {voice.party: voice for voice in voices}.values()
    ]
