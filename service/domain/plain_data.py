"""Turns claims into plain JSON, as event data and stored states hold them, and reads them back."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields
from datetime import datetime
from typing import Any

from service.domain.claims import (
    Basis,
    ClaimState,
    Component,
    DecisionKind,
    Figure,
    Finding,
    Hold,
    Imported,
    Kind,
    Lifecycle,
    Link,
    Newer,
    Override,
    Pending,
    Precision,
    Scope,
    SentenceVoice,
    SetAside,
    Speaker,
    Stance,
    Status,
    Unnamed,
    Voice,
    format_instant,
    parse_instant,
)
from service.domain.inquiries import Inquiry, InquiryOutcome

Data = Mapping[str, Any]
_PLAIN = frozenset({str, int, bool})
"""Types whose values stay as they are; what derives from them may not."""


def make_plain(value: Any) -> Any:
    """Return a dataclass and what it holds as plain JSON data, instants as RFC 3339 texts."""
    if value is None or type(value) in _PLAIN:
        return value
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
    person = Speaker(speaker["id"], speaker["name"], speaker["role"]) if speaker else None
    return build_voice(data["party"], data, person)


def build_voice(party: str, names: Data, speaker: Speaker | None) -> Voice:
    """Return the voice of a party that is called and placed as `names` say."""
    voice_names = (party, names["name"], names["root"], names["root_name"], speaker)
    in_sentence, root_in_sentence = names.get("in_sentence"), names.get("root_in_sentence")
    if in_sentence is None and root_in_sentence is None:
        return Voice(*voice_names)
    return SentenceVoice(*voice_names, in_sentence, root_in_sentence)


def describe_names(
    *, name: str, in_sentence: str | None, root: str, root_name: str, root_in_sentence: str | None
) -> dict[str, str]:
    """Return how a party is called and placed, as events say it: names within sentences only where
    there are any."""
    names = {"name": name, "root": root, "root_name": root_name}
    if in_sentence is not None:
        names["in_sentence"] = in_sentence
    if root_in_sentence is not None:
        names["root_in_sentence"] = root_in_sentence
    return names


def read_source(data: Data) -> Voice | Unnamed:
    """Return whose words a link gives: a voice, or a source that is not named."""
    if "description" not in data:
        return read_voice(data)
    party = data["party"]
    return Unnamed(data["description"], read_voice(party) if party else None)


def read_link(data: Data) -> Link:
    return Link(
        id=data["id"],
        statement=data["statement"],
        stance=Stance(data["stance"]),
        scope=Scope(data["scope"]),
        conditional=data["conditional"],
        basis=Basis(data["basis"]),
        voice=read_source(data["voice"]),
        said_at=parse_instant(data["said_at"]),
        precision=Precision(data["precision"]),
        quote=data["quote"],
        recorded_at=_read_instant(data["recorded_at"]),
        affirmed=data.get("affirmed", True),
        retracted=data.get("retracted", False),
        withdrawn=data.get("withdrawn", False),
        conflicting=data.get("conflicting", False),
        set_aside=data.get("set_aside", False),
        void=data.get("void", False),
        statement_void=data.get("statement_void", False),
    )


def read_imported(data: Data) -> Imported:
    return Imported(data["by"], data["label"], _read_finding(data["finding"]))


def read_newer(data: Data) -> Newer:
    return Newer(
        data["id"],
        data["text"],
        _read_instant(data["claimed_at"]),
        Precision(data["precision"]),
        _read_instant(data["recorded_at"]),
    )


def read_inquiry(data: Data) -> Inquiry:
    """Return a request for comment, as its first event or a stored state has it."""
    voice = data["voice"]
    return Inquiry(
        id=data["id"] if "id" in data else data["inquiry"],
        voice=read_voice(voice) if voice else None,
        lapsed=data.get("lapsed", False),
        **read_inquiry_fields(data),
    )


def read_inquiry_fields(data: Data) -> dict[str, Any]:
    """Return the fields of a request for comment that can be changed, as far as `data` has them."""
    return {name: read(data[name]) for name, read in _INQUIRY_READERS.items() if name in data}


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


def _read_instant(value: str | datetime) -> datetime:
    return parse_instant(value) if isinstance(value, str) else value


def _read_finding(value: str | None) -> Finding | None:
    return Finding(value) if value else None


def _read_hold(data: Data) -> Hold:
    until = data["until"]
    return Hold(
        data["reason"], _read_instant(data["since"]), _read_instant(until) if until else None
    )


def _read_component(data: Data) -> Component:
    return Component(data["id"], data["text"], Status(data["status"]))


_INQUIRY_READERS: dict[str, Callable[[Any], Any]] = {
    "whom": lambda value: value,
    "way": str,
    "asked_at": _read_instant,
    "until": _read_instant,
    "outcome": lambda value: InquiryOutcome(value) if value else None,
    "note": lambda value: value,
}
_READERS: dict[str, Callable[[Any], Any]] = {
    "kind": Kind,
    "claimant": lambda data: read_voice(data) if data else None,
    "claimed_at": _read_instant,
    "precision": Precision,
    "created_at": _read_instant,
    "updated_at": _read_instant,
    "status_since": _read_instant,
    "status": Status,
    "lifecycle": Lifecycle,
    "finding": _read_finding,
    "tags": tuple,
    "links": lambda links: tuple(map(read_link, links)),
    "components": lambda components: tuple(map(_read_component, components)),
    "pending": lambda data: read_pending(data) if data else None,
    "imported": lambda data: read_imported(data) if data else None,
    "hold": lambda data: _read_hold(data) if data else None,
    "superseded_by": lambda data: read_newer(data) if data else None,
    "figure": lambda data: Figure(**data) if data else None,
    "corrected_at": lambda value: _read_instant(value) if value else None,
    "due_at": lambda value: _read_instant(value) if value else None,
    "former_lifecycle": lambda value: Lifecycle(value) if value else None,
    "inquiries": lambda inquiries: tuple(map(read_inquiry, inquiries)),
}
"""How the fields of a claim are read that are more than a text, a number or a boolean."""

_STATE_FIELDS = tuple(field.name for field in fields(ClaimState))


def read_fields(data: Data, names: Iterable[str]) -> dict[str, Any]:
    """Return the named fields of a claim, as far as `data` has them, as `ClaimState` holds them."""
    return {
        name: _READERS[name](data[name]) if name in _READERS else data[name]
        for name in names
        if name in data
    }


def read_state(data: Data) -> ClaimState:
    """Return the claim whose state was stored as `data`: the inverse of `make_plain`."""
    return ClaimState(**read_fields(data, _STATE_FIELDS))
