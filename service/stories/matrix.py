"""Builds the rows of a story's matrix: a claim, with a cell for each root party.

Parties are roots here, as evidence counts them: three Serbian voices are one cell, and Kosovo
Police is part of Pristina's.  A voice is shown with the stance that it took, never with a stronger
one: a conditional welcome is not support, and is marked as conditional.
"""

from typing import Literal

from service.claims.claim_views import build_claimant, build_hold
from service.domain import evidence
from service.domain.claims import ClaimState, Scope, Stance, Unnamed, format_instant
from service.domain.evidence import TraceLine
from service.domain.print_line import build_print_line
from service.stories.matrix_views import CellView, MatrixClaimView, MatrixLinkView, StanceView

LINK_LIMIT = 20
"""Links that a cell quotes of one stance; it counts them all."""


def build_row(state: ClaimState) -> MatrixClaimView:
    """Build the row of a claim: the claim in brief, and where each party stands on it."""
    voice, claimant = state.claimant, build_claimant(state.claimant)
    row: MatrixClaimView = {
        "id": state.id,
        "text": state.text,
        "kind": state.kind,
        "claimant": None if claimant is None or voice is None else {**claimant, "root": voice.root},
        "claimed_at": format_instant(state.claimed_at),
        "precision": state.precision,
        "status": state.status,
        "status_since": format_instant(state.status_since),
        "version": state.version,
        "finding": state.finding,
        "override": state.override,
        "challenged": evidence.is_challenged(state),
        "lifecycle": state.lifecycle,
        "print_line": build_print_line(state),
        "part_of": state.part_of,
        "cells": _build_cells(state),
    }
    hold = build_hold(state.hold)
    if hold is not None:
        row["hold"] = hold
    if state.superseded_by is not None:
        row["superseded_by"] = state.superseded_by.id
    return row


def _build_cells(state: ClaimState) -> list[CellView]:
    """Build the cells: the claimant's cell, then the others' in order of first appearance, and last
    that of all sources that are not named."""
    lines: dict[str | None, dict[Stance, list[TraceLine]]] = {}
    if state.claimant is not None:
        lines[state.claimant.root] = {}
    for line in evidence.suggest_status(state).trace:
        if line.link.void or line.link.statement_void:
            continue
        lines.setdefault(line.link.root, {}).setdefault(line.link.stance, []).append(line)
    if None in lines:
        lines[None] = lines.pop(None)
    claiming = state.claimant.root if state.claimant else None

    def find_role(root: str | None) -> Literal["claimant", "unnamed"] | None:
        if root is None:
            return "unnamed"
        return "claimant" if root == claiming else None

    return [
        {
            "party": root,
            "role": find_role(root),
            "stances": [
                _build_stance(stance, stances[stance]) for stance in Stance if stance in stances
            ],
        }
        for root, stances in lines.items()
    ]


def _build_stance(stance: Stance, lines: list[TraceLine]) -> StanceView:
    standing = [line.link for line in lines if line.link.is_active]
    latest = lines[::-1]
    shown_lines = [line for line in latest if line.link.is_active] + [
        line for line in latest if not line.link.is_active
    ]
    return {
        "stance": stance,
        "links": len(standing),
        "counted": sum(line.counted for line in lines),
        "conditional": sum(link.conditional for link in standing),
        "partial": sum(link.scope is Scope.PARTIAL for link in standing),
        "set_aside": sum(link.set_aside for link in standing),
        "withdrawn": sum(line.link.withdrawn and not line.link.retracted for line in lines),
        "retracted": sum(line.link.retracted for line in lines),
        "said": [_build_said(line) for line in shown_lines[:LINK_LIMIT]],
    }


def _build_said(line: TraceLine) -> MatrixLinkView:
    link = line.link
    source = link.voice
    voice = source.party if isinstance(source, Unnamed) else source
    speaker = voice.speaker if voice else None
    return {
        "link": link.id,
        "statement": link.statement,
        "party": voice.party if voice else None,
        "party_name": voice.name if voice else None,
        "speaker": {"name": speaker.name, "role": speaker.role} if speaker else None,
        "description": source.description if isinstance(source, Unnamed) else None,
        "quote": link.quote,
        "said_at": format_instant(link.said_at),
        "precision": link.precision,
        "basis": link.basis,
        "scope": link.scope,
        "conditional": link.conditional,
        "affirmed": link.affirmed,
        "conflicting": link.conflicting,
        "set_aside": link.set_aside,
        "withdrawn": link.withdrawn,
        "retracted": link.retracted,
        "counted": line.counted,
        "why": line.why,
        "recorded_at": format_instant(link.recorded_at),
    }
