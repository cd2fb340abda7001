"""Turns claims into plain JSON, as event data and stored states hold them, and reads them back."""

from collections.abc import Mapping
from dataclasses import fields
from datetime import datetime
from typing import Any

from service.domain.claims import (
    Basis,
    ClaimState,
    Component,
    DecisionKind,
    Finding,
    Imported,
    Kind,
    Lifecycle,
    Link,
    Override,
    Pending,
    Precision,
    Scope,
    SetAside,
    Speaker,
    Stance,
    Status,
    Voice,
    format_instant,
    parse_instant,
)

Data = Mapping[str, Any]


def make_plain(value: Any) -> Any:
    """Return a dataclass and what it holds as plain JSON data, instants as RFC 3339 texts."""
    if isinstance(value, datetime):
        return format_instant(value)
    if isinstance(value, tuple | list):
        return [make_plain(item) for item in value]
    if isinstance(value, Mapping):
        return {name: make_plain(item) for name, item in value.items()}
    if hasattr(value, "__dataclass_fields__"):
        return {field.name: make_plain(getattr(value, field.name)) for field in fields(value)}
    return str(value) if isinstance(value, str) else value


def read_voice(data: Data) -> Voice:
    speaker = data["speaker"]
    return Voice(
        data["party"],
        data["name"],
        data["root"],
        data["root_name"],
        Speaker(speaker["id"], speaker["name"], speaker["role"]) if speaker else None,
    )


def read_link(data: Data) -> Link:
    recorded_at = data["recorded_at"]
    return Link(
        id=data["id"],
        statement=data["statement"],
        stance=Stance(data["stance"]),
        scope=Scope(data["scope"]),
        conditional=data["conditional"],
        basis=Basis(data["basis"]),
        voice=read_voice(data["voice"]),
        said_at=parse_instant(data["said_at"]),
        precision=Precision(data["precision"]),
        quote=data["quote"],
        recorded_at=parse_instant(recorded_at) if isinstance(recorded_at, str) else recorded_at,
        affirmed=data.get("affirmed", True),
        retracted=data.get("retracted", False),
        withdrawn=data.get("withdrawn", False),
        conflicting=data.get("conflicting", False),
        set_aside=data.get("set_aside", False),
    )


def read_imported(data: Data) -> Imported:
    finding = data["finding"]
    return Imported(data["by"], data["label"], Finding(finding) if finding else None)


def _sort_keys(value: Any) -> Any:
    """Return `value` with the keys of its objects sorted, as the record stores them.

    So a state is the same before and after it was stored.
    """
    if isinstance(value, Mapping):
        return {key: _sort_keys(value[key]) for key in sorted(value)}
    return [_sort_keys(item) for item in value] if isinstance(value, list | tuple) else value


def read_pending(data: Data) -> Pending:
    override = data["override"]
    return Pending(
        id=data["id"],
        to=Status(data["to"]),
        reason=data["reason"],
        cites=tuple(data["cites"]),
        set_aside=tuple(
            SetAside(contradiction["link"], contradiction["reason"])
            for contradiction in data["set_aside"]
        ),
        override=Override(override["code"], override["note"], override.get("source"))
        if override
        else None,
        proposed_by=data["proposed_by"],
        proposed_by_name=data["proposed_by_name"],
        kind=DecisionKind(data.get("kind", DecisionKind.STATUS)),
        change=_sort_keys(data.get("change")),
        seen=_sort_keys(data.get("seen")),
        prints=_sort_keys(data.get("prints")),
        proposed_through=tuple(data.get("proposed_through", ())),
    )


def read_state(data: Data) -> ClaimState:
    """Return the claim whose state was stored as `data`: the inverse of `make_plain`."""
    claimant, waiting = data["claimant"], data["pending"]
    return ClaimState(
        id=data["id"],
        text=data["text"],
        kind=Kind(data["kind"]),
        claimant=read_voice(claimant) if claimant else None,
        claimed_at=parse_instant(data["claimed_at"]),
        precision=Precision(data["precision"]),
        story=data["story"],
        origin_statement=data["origin_statement"],
        part_of=data["part_of"],
        created_at=parse_instant(data["created_at"]),
        updated_at=parse_instant(data["updated_at"]),
        status_since=parse_instant(data["status_since"]),
        version=data["version"],
        revision=data["revision"],
        sequence=data["sequence"],
        status=Status(data["status"]),
        lifecycle=Lifecycle(data["lifecycle"]),
        merged_into=data["merged_into"],
        finding=Finding(data["finding"]) if data["finding"] else None,
        tags=tuple(data["tags"]),
        assignee=data["assignee"],
        override=data["override"],
        verification_opened=data["verification_opened"],
        links=tuple(map(read_link, data["links"])),
        components=tuple(
            Component(part["id"], part["text"], Status(part["status"]))
            for part in data["components"]
        ),
        pending=read_pending(waiting) if waiting else None,
        imported=read_imported(data["imported"]) if data.get("imported") else None,
    )
