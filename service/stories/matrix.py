"""Who stands where: a claim as a row of its story's matrix, with a cell for each root party.

Parties are roots here, as evidence counts them: three Serbian voices are one cell, and Kosovo
Police speaks in Pristina's.  What a voice said stands under the stance it took, never under a
kinder one: a conditional welcome is not support, and says so.
"""

from typing import Any

from service.claims.documents import build_claimant, is_challenged
from service.domain import evidence
from service.domain.claims import ClaimState, Scope, Stance, format_instant
from service.domain.evidence import TraceLine
from service.domain.print_line import build_print_line

LINK_LIMIT = 20
"""Links that a cell quotes of one stance; it counts them all."""


def build_row(state: ClaimState) -> dict[str, Any]:
    """The claim in brief, and where each party stands on it."""
    voice = state.claimant
    return {
        "id": state.id,
        "text": state.text,
        "kind": state.kind,
        "claimant": None
        if voice is None
        else {**(build_claimant(voice) or {}), "root": voice.root},
        "claimed_at": format_instant(state.claimed_at),
        "precision": state.precision,
        "status": state.status,
        "status_since": format_instant(state.status_since),
        "version": state.version,
        "finding": state.finding,
        "override": state.override,
        "challenged": is_challenged(state),
        "lifecycle": state.lifecycle,
        "print_line": build_print_line(state),
        "part_of": state.part_of,
        "cells": _build_cells(state),
    }


def _build_cells(state: ClaimState) -> list[dict[str, Any]]:
    """The claimant's cell, then the others' in order of first appearance."""
    taken: dict[str, dict[Stance, list[TraceLine]]] = {}
    if state.claimant is not None:
        taken[state.claimant.root] = {}
    for one in evidence.suggest_status(state).trace:
        taken.setdefault(one.link.voice.root, {}).setdefault(one.link.stance, []).append(one)
    claiming = state.claimant.root if state.claimant else None
    return [
        {
            "party": root,
            "role": "claimant" if root == claiming else None,
            "stances": [_build_stance(one, stances[one]) for one in Stance if one in stances],
        }
        for root, stances in taken.items()
    ]


def _build_stance(stance: Stance, taken: list[TraceLine]) -> dict[str, Any]:
    standing = [one.link for one in taken if one.link.is_active]
    latest = taken[::-1]
    shown = [one for one in latest if one.link.is_active] + [
        one for one in latest if not one.link.is_active
    ]
    return {
        "stance": stance,
        "links": len(standing),
        "counted": sum(one.counted for one in taken),
        "conditional": sum(one.conditional for one in standing),
        "partial": sum(one.scope is Scope.PARTIAL for one in standing),
        "set_aside": sum(one.set_aside for one in standing),
        "withdrawn": sum(one.link.withdrawn and not one.link.retracted for one in taken),
        "retracted": sum(one.link.retracted for one in taken),
        "said": [_build_said(one) for one in shown[:LINK_LIMIT]],
    }


def _build_said(one: TraceLine) -> dict[str, Any]:
    link = one.link
    speaker = link.voice.speaker
    return {
        "link": link.id,
        "statement": link.statement,
        "party": link.voice.party,
        "party_name": link.voice.name,
        "speaker": {"name": speaker.name, "role": speaker.role} if speaker else None,
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
        "counted": one.counted,
        "why": one.why,
        "recorded_at": format_instant(link.recorded_at),
    }
