"""Renders events in canonical form and hashes them, so that the events of a subject form a chain.

Canonical JSON here is UTF-8, with object keys sorted by code point, no white space and no floats:
what RFC 8785 gives for such data.  The hash of a claim's event is SHA-256 over that form of
`{actor, claim, data, number, previous_hash, recorded_at, type}`, in hexadecimal.  An event of
another subject has `subject` (`{id, kind}`) instead of `claim`.

What may be withheld from some readers (domain/disclosure.py) is hashed as a salted commitment: in
what is hashed, the value is replaced by `{"commitment": …}`, SHA-256 over the canonical form of
`{salt, value}`, or of `{salt}` alone if the event does not have the field, so that nobody can tell
whether it does.  The salt is stored with the event.  Those who may see a value get its salt and can
compute the commitment; others get the commitment, and can still check the hash.  Because salts are
random, a value cannot be found by trying all possible ones.

Events of earlier releases have no salts: what is hashed is what is stored.
"""

import re
import secrets
from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import Any

import orjson

from service.domain.subjects import Subject, SubjectKind

GENESIS = "0" * 64
"""The previous hash of a subject's first event."""
SALT_BYTES = 16
SALT = re.compile(f"[0-9a-f]{{{2 * SALT_BYTES}}}")
Place = tuple[str, ...]
"""Where a value is in an event `{type, actor, data}`: names, and positions in lists as text."""
Salts = Mapping[str, str]
"""A salt in hexadecimal by place, its parts joined by dots: `actor`, `data.link.note`."""


def render_canonical(value: Any) -> str:
    """Return `value` as canonical JSON."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()


def hash_event(
    subject: Subject,
    *,
    number: int,
    type: str,
    recorded_at: str,
    actor: str,
    data: str,
    salts: Salts | None = None,
    previous_hash: str,
) -> str:
    """Return the hash of an event; `actor` and `data` are canonical JSON.

    Raises LookupError, TypeError or ValueError if a salt belongs to no place in the event.
    """
    kind = f'"{type}"'
    if salts:
        kind, actor, data = _conceal_texts(kind, actor, data, salts)
    if subject.kind is SubjectKind.CLAIM:
        body = (
            f'{{"actor":{actor},"claim":"{subject.id}","data":{data},"number":{number},'
            f'"previous_hash":"{previous_hash}","recorded_at":"{recorded_at}","type":{kind}}}'
        )
    else:
        about = render_canonical({"id": subject.id, "kind": subject.kind.value})
        body = (
            f'{{"actor":{actor},"data":{data},"number":{number},'
            f'"previous_hash":"{previous_hash}","recorded_at":"{recorded_at}",'
            f'"subject":{about},"type":{kind}}}'
        )
    return sha256(body.encode()).hexdigest()


def make_salts(places: Iterable[Place]) -> dict[str, str]:
    """Return a new salt for each place."""
    return {".".join(place): secrets.token_hex(SALT_BYTES) for place in places}


def read_salts(text: str | None) -> dict[str, str]:
    """Return the salts of an event from the text that is stored with it.  Raises ValueError."""
    return {} if text is None else check_salts(orjson.loads(text))


def check_salts(salts: Any) -> dict[str, str]:
    """Return `salts` if they are valid.  Raises ValueError that says what is wrong."""
    if not isinstance(salts, dict) or not salts:
        raise ValueError("salts are an object of at least one")
    for place, salt in salts.items():
        if not isinstance(salt, str) or not SALT.fullmatch(salt):
            raise ValueError(f"the salt of {place!r} is not of {2 * SALT_BYTES} hexadecimal digits")
    return salts


def compute_commitment(value: Any, salt: str) -> str:
    """Return the commitment to a value, in hexadecimal."""
    return _commit(render_canonical(value), salt)


def compute_absence_commitment(salt: str) -> str:
    """Return the commitment for a field that the event does not have."""
    return sha256(f'{{"salt":"{salt}"}}'.encode()).hexdigest()


def conceal_values(event: Mapping[str, Any], salts: Salts) -> Mapping[str, Any]:
    """Return the event as it is hashed: each place that has a salt holds its commitment."""
    concealed_event = dict(event)
    for place, salt in salts.items():
        *path, last = place.split(".")
        inner: Any = concealed_event
        for step in path:
            key: Any = int(step) if isinstance(inner, list) else step
            inner[key] = list(inner[key]) if isinstance(inner[key], list) else dict(inner[key])
            inner = inner[key]
        name: Any = int(last) if isinstance(inner, list) else last
        inner[name] = {"commitment": _commit_at(event, place, salt)}
    return concealed_event


def build_proof(
    event: Mapping[str, Any], salts: Salts, withheld_places: Iterable[Place]
) -> dict[str, Salts]:
    """Return what a reader from whom `hidden` is withheld needs to check the event's hash.

    `commitments` are of what is withheld, `salts` of what is not.  With `{"commitment": …}` in both
    kinds of places, the hash covers the event.  If an older release recorded something that is
    withheld without a salt, the hash is withheld as well.
    """
    names = {".".join(place) for place in withheld_places}
    commitments = {
        place: _commit_at(event, place, salt) for place, salt in salts.items() if place in names
    }
    readable = {place: salt for place, salt in salts.items() if place not in names}
    return {"commitments": commitments, "salts": readable}


def _conceal_texts(kind: str, actor: str, data: str, salts: Salts) -> tuple[str, str, str]:
    inner = {place: salt for place, salt in salts.items() if place.startswith("data.")}
    texts = {"type": kind, "actor": actor, "data": data}
    if len(inner) + len(salts.keys() & texts.keys()) != len(salts) or (inner and "data" in salts):
        raise ValueError("there is a salt of something that is no part of an event")
    if inner:
        texts["data"] = render_canonical(
            conceal_values({"data": orjson.loads(data)}, inner)["data"]
        )
    for name in salts.keys() & texts.keys():
        texts[name] = f'{{"commitment":"{_commit(texts[name], salts[name])}"}}'
    return texts["type"], texts["actor"], texts["data"]


def _commit(text: str, salt: str) -> str:
    return sha256(f'{{"salt":"{salt}","value":{text}}}'.encode()).hexdigest()


def _commit_at(event: Mapping[str, Any], place: str, salt: str) -> str:
    *path, last = place.split(".")
    inner: Any = event
    for step in path:
        inner = inner[int(step)] if isinstance(inner, list) else inner[step]
    if isinstance(inner, list):
        return compute_commitment(inner[int(last)], salt)
    return (
        compute_commitment(inner[last], salt) if last in inner else compute_absence_commitment(salt)
    )
