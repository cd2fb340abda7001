"""The documents of claims: rendered when a claim changes, served as they are stored.

Only the desk may read who is assigned, so a document is stored with `assignee` as null;
`add_assignee` sets it for those who may.
"""

import orjson
from typing_extensions import TypedDict

from service.claims.claim_views import ClaimantView, ClaimView, ImportedView, SpeakerNameView
from service.domain import evidence
from service.domain.claims import (
    ClaimState,
    Lifecycle,
    Speaker,
    Stance,
    Status,
    Voice,
    format_instant,
)
from service.domain.evidence import Suggestion
from service.domain.print_line import build_print_line


class _Imported(TypedDict, total=False):
    imported: ImportedView


def build_claim(state: ClaimState, suggestion: Suggestion | None = None) -> ClaimView:
    """Build the view of a claim, without its assignee.

    `suggestion` is what the claim's links suggest, if the caller has it already.
    """
    suggestion = suggestion or evidence.suggest_status(state, explain=False)

    def list_roots(stance: Stance) -> list[str]:
        return list(evidence.list_roots(evidence.list_active_by_others(state, stance)))

    imported: _Imported = {}  # before the assignee, as documents are stored
    if state.imported is not None:
        imported = {"imported": {"by": state.imported.by, "label": state.imported.label}}
    return {
        "id": state.id,
        "text": state.text,
        "kind": state.kind,
        "revision": state.revision,
        "claimant": build_claimant(state.claimant),
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
        "challenged": is_challenged(state),
        "override": state.override,
        "evidence": {
            "supports": list_roots(Stance.SUPPORTS),
            "contradicts": list_roots(Stance.CONTRADICTS),
            "requests_confirmation": list_roots(Stance.REQUESTS_CONFIRMATION),
        },
        "print_line": build_print_line(state, suggestion),
        "story": state.story,
        "tags": list(state.tags),
        "part_of": state.part_of,
        "components": [
            {"id": component.id, "text": component.text, "status": component.status}
            for component in state.components
        ],
        "created_at": format_instant(state.created_at),
        "updated_at": format_instant(state.updated_at),
        **imported,  # type: ignore[typeddict-item]
        "assignee": None,
    }


def render_document(state: ClaimState, suggestion: Suggestion | None = None) -> str:
    """Render the JSON document that is stored for a claim."""
    return orjson.dumps(build_claim(state, suggestion)).decode()


def add_assignee(document: str, assignee: str | None) -> str:
    """Return the stored document with its assignee, for those who may read it."""
    if assignee is None:
        return document
    claim: ClaimView = orjson.loads(document)
    claim["assignee"] = assignee
    return orjson.dumps(claim).decode()


def build_claimant(voice: Voice | None) -> ClaimantView | None:
    """Build the view of the voice whose claim it is."""
    if voice is None:
        return None
    return {"party": voice.party, "name": voice.name, "speaker": build_speaker_name(voice.speaker)}


def build_speaker_name(speaker: Speaker | None) -> SpeakerNameView | None:
    """Build the view of a speaker as printed."""
    return None if speaker is None else {"name": speaker.name, "role": speaker.role}


def is_challenged(state: ClaimState) -> bool:
    """Whether a contradiction is open against a confirmed claim."""
    return (
        state.status is Status.CONFIRMED
        and state.lifecycle is Lifecycle.ACTIVE
        and bool(evidence.list_open_contradictions(state))
    )
