"""Builds a story's timeline: an event as an entry, and the lane of a claim.

Every entry has both instants, which are never mixed: `recorded_at` is when the desk knew, `said_at`
when it was said in public.  Entries hold nothing internal: no assignee, no draft of a decision, no
name of who decided.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast, get_args

from service.domain.claims import Voice, format_instant, parse_instant
from service.domain.history import Event, read_said_at
from service.stories.status_spans import Lane
from service.stories.timeline_views import (
    AmendedField,
    EntryType,
    EntryView,
    LaneView,
    TimelineClaimView,
    TimelineLinkView,
    TimelinePartyView,
)

TYPES = get_args(EntryType)
"""The events that a timeline tells of."""
SHOWN: tuple[AmendedField, ...] = get_args(AmendedField)
"""What of an amendment everybody may know of."""


def build_entry(
    event: Event,
    *,
    seq: int,
    claim: TimelineClaimView,
    links: Sequence[Mapping[str, Any]],
    voices: list[Voice],
) -> EntryView:
    """Build the entry of an event.

    `claim` is the claim in brief; `links` are the data of those that the event makes, cites or
    ends, `voices` those who speak in it.
    """
    data, said_at = event.data, read_said_at(event)
    status = event.type == "claim.status_changed"
    link = links[0] if links and event.type.startswith("link.") else None
    statement = data if event.type == "claim.created" else link or {}
    return {
        "seq": seq,
        "number": event.number,
        "type": cast(EntryType, event.type),
        "recorded_at": format_instant(event.recorded_at),
        "said_at": format_instant(said_at) if said_at else None,
        "precision": statement["precision"] if said_at else None,
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
        "link": _build_link(link) if link else None,
        "parties": _list_parties(voices),
    }


def build_lane(claim: str, lane: Lane) -> LaneView:
    """Build the view of a lane."""
    return {
        "claim": claim,
        "lifecycle": lane.lifecycle,
        "closed_at": format_instant(lane.closed_at) if lane.closed_at else None,
        "intervals": [
            {
                "from": format_instant(interval.since),
                "to": format_instant(interval.until) if interval.until else None,
                "status": interval.status,
            }
            for interval in lane.intervals
        ],
    }


def _build_link(data: Mapping[str, Any]) -> TimelineLinkView:
    speaker = data["voice"].get("speaker")
    return {
        "id": data["id"],
        "statement": data["statement"],
        "stance": data["stance"],
        "scope": data["scope"],
        "conditional": data["conditional"],
        "speaker": {"name": speaker["name"], "role": speaker["role"]} if speaker else None,
        "description": data["voice"].get("description"),
        "quote": data["quote"],
        "said_at": format_instant(parse_instant(data["said_at"])),
        "precision": data["precision"],
    }


def _list_parties(voices: Iterable[Voice]) -> list[TimelinePartyView]:
    """List each party once, with its root, as the record named them."""
    return [
        {
            "slug": voice.party,
            "name": voice.name,
            "root": voice.root,
            "root_name": voice.root_name,
        }
        for voice in {voice.party: voice for voice in voices}.values()
    ]
