"""A claim as served: rendered once when it changes, read for ever after.

The bytes are stored beside the claim.  `assignee` is the desk's own business, so the stored form
ends with it as null and `for_desk` puts it in for those who may read it.
"""

from typing import Any

import orjson

from service.domain import evidence
from service.domain.claims import ClaimState, Lifecycle, Stance, Status, Voice, format_instant
from service.domain.evidence import Suggestion
from service.domain.print_line import build_print_line

STANCES = (Stance.SUPPORTS, Stance.CONTRADICTS, Stance.REQUESTS_CONFIRMATION)
TAIL = '"assignee":null}'


def document(state: ClaimState, suggestion: Suggestion | None = None) -> str:
    """The claim as it is served, as JSON text without its assignee; `suggestion` is what its links
    suggest, where that is known."""
    suggestion = suggestion or evidence.suggest_status(state, explain=False)
    shape: dict[str, Any] = {
        "id": state.id,
        "text": state.text,
        "kind": state.kind,
        "revision": state.revision,
        "claimant": claimant(state.claimant),
        "claimed_at": format_instant(state.claimed_at),
        "precision": state.precision,
        "status": state.status,
        "status_since": format_instant(state.status_since),
        "version": state.version,
        "finding": state.finding,
        "lifecycle": state.lifecycle,
        "merged_into": state.merged_into,
        "suggested_status": suggestion.status,
        "agrees": evidence.is_as_suggested(state, suggestion),
        "challenged": challenged(state),
        "override": state.override,
        "evidence": {
            stance.value: evidence.list_roots(evidence.list_active_by_others(state, stance))
            for stance in STANCES
        },
        "print_line": build_print_line(state, suggestion),
        "story": state.story,
        "tags": state.tags,
        "part_of": state.part_of,
        "components": [
            {"id": one.id, "text": one.text, "status": one.status} for one in state.components
        ],
        "created_at": format_instant(state.created_at),
        "updated_at": format_instant(state.updated_at),
    }
    if state.imported is not None:
        shape["imported"] = {"by": state.imported.by, "label": state.imported.label}
    shape["assignee"] = None
    return orjson.dumps(shape).decode()


def for_desk(stored: str, assignee: str | None) -> str:
    """The stored document with its assignee, for those who may read internals."""
    if assignee is None:
        return stored
    return f'{stored.removesuffix(TAIL)}"assignee":{orjson.dumps(assignee).decode()}}}'


def claimant(voice: Voice | None) -> dict[str, Any] | None:
    if voice is None:
        return None
    speaker = voice.speaker
    return {
        "party": voice.party,
        "name": voice.name,
        "speaker": {"name": speaker.name, "role": speaker.role} if speaker else None,
    }


def challenged(state: ClaimState) -> bool:
    """A confirmed claim against which a contradiction stands open."""
    return (
        state.status is Status.CONFIRMED
        and state.lifecycle is Lifecycle.ACTIVE
        and bool(evidence.list_open_contradictions(state))
    )
