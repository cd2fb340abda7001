"""The steps of `history`: what corrections do to a claim."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from service.domain.claims import Basis, ClaimState, Precision, parse_instant
from service.domain.plain_data import read_fields, read_source

if TYPE_CHECKING:
    from service.domain.history import Event

CORRECTABLE = (
    "kind",
    "claimant",
    "claimed_at",
    "precision",
    "story",
    "part_of",
    "origin_statement",
    "supersedes",
    "figure",
)
"""The fields of a claim that `claim.corrected` may change; its speaker is part of `claimant`."""


def correct_claim(state: ClaimState, event: Event) -> ClaimState:
    changes = read_fields(event.data["after"], CORRECTABLE)
    return replace(state, **changes, corrected_at=event.recorded_at)


def correct_statement(state: ClaimState, event: Event) -> ClaimState:
    """Give the links of a statement what is right of it, and show that it was corrected."""
    data = event.data
    speech = data["spoken"]
    voice = None if speech["voice"] is None else read_source(speech["voice"])
    is_material = data["material"]
    links = tuple(
        replace(
            link,
            voice=voice or link.voice,
            basis=Basis(speech["basis"]),
            said_at=parse_instant(speech["said_at"]),
            precision=Precision(speech["precision"]),
            quote=speech["quote"],
            affirmed=link.affirmed and not is_material,
            set_aside=link.set_aside and not is_material,
        )
        if link.statement == data["statement"]
        else link
        for link in state.links
    )
    return replace(state, links=links, corrected_at=event.recorded_at)


def correct_source(state: ClaimState, event: Event) -> ClaimState:
    return replace(state, corrected_at=event.recorded_at)
