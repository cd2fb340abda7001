"""The text policy holds at the API's edge: every field of every body of the OpenAPI document."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.api.problems import nothing_changes
from tests.support.desk import Desk, Json

ID = "01970000-0000-7000-8000-00000000000a"
HOSTILE = {
    "escape": "a\x1b[2Jb",
    "nul": "a\x00b",
    "bidi override": "a\u202eb",
    "isolate": "a\u2066b",
    "half a character": "a\ud800b",
    "noncharacter": "a\ufffeb",
    "hidden words": "a\U000e0041b",
}
NOTHING = ("\u2060", "\u2800\u3164", "\u200e")
UNSTORED = {
    ("POST", "/v1/session", "password"),  # compared with a hash, never kept
    ("POST", "/v1/users", "password"),  # kept as a hash alone
    ("PATCH", "/v1/users/{user_id}", "password"),
}
MAY_BE_BLANK = {"prefix", "suffix"}
"""What stands around a quote is as its source has it."""
NAMES = {"name", "role", "publisher", "full_name"}
"""Fields that are printed within sentences, or stand for who acted: not the name of a view."""
HEADER = "X-Example"
Place = tuple[str | int, ...]


def list_fields(document: Json) -> Iterator[tuple[str, str, Place, Json]]:
    """Every text field of every JSON body: method, path, where it stands, a body that has it."""
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            content = operation.get("requestBody", {}).get("content", {})
            if "application/json" in content:
                schema = content["application/json"]["schema"]
                for place in _list_texts(document, schema, ()):
                    body = _build_sample(document, schema, place)
                    yield method.upper(), path, place, body


def _resolve_schema(document: Json, schema: Json) -> list[Json]:
    """A schema's alternatives, references followed."""
    if "$ref" in schema:
        subschema = document
        for part in schema["$ref"].removeprefix("#/").split("/"):
            subschema = subschema[part]
        return _resolve_schema(document, subschema)
    alternatives = [*schema.get("anyOf", ()), *schema.get("oneOf", ()), *schema.get("allOf", ())]
    return [item for each in alternatives for item in _resolve_schema(document, each)] or [schema]


def _is_text(schema: Json) -> bool:
    if schema.get("type") != "string" or "enum" in schema or "const" in schema:
        return False
    return schema.get("format") not in ("uuid", "date-time")


def _list_texts(document: Json, schema: Json, at: Place) -> Iterator[Place]:
    for alternative in _resolve_schema(document, schema):
        if _is_text(alternative):
            yield at
        elif alternative.get("type") == "array":
            yield from _list_texts(document, alternative["items"], (*at, 0))
        elif alternative.get("type") == "object":
            for name, field in alternative.get("properties", {}).items():
                yield from _list_texts(document, field, (*at, name))
            if isinstance(alternative.get("additionalProperties"), dict):
                yield (*at, HEADER)


def _build_sample(document: Json, schema: Json, place: Place) -> Any:
    """A value that fits, and holds the field at `place`."""
    alternatives = _resolve_schema(document, schema)
    if place:
        step, rest = place[0], place[1:]
        if step == 0:
            (array,) = [
                alternative for alternative in alternatives if alternative.get("type") == "array"
            ]
            return [_build_sample(document, array["items"], rest)]
        objects = [
            alternative for alternative in alternatives if alternative.get("type") == "object"
        ]
        object_schema = next(
            (each for each in objects if step in each.get("properties", {})), objects[0]
        )
        sample = {
            name: _build_sample(document, object_schema["properties"][name], ())
            for name in object_schema.get("required", ())
        }
        field = object_schema.get("properties", {}).get(step, {"type": "string"})
        return sample | {step: _build_sample(document, field, rest)}
    return _build_example(document, alternatives[0])


def _build_example(document: Json, schema: Json) -> Any:
    if "enum" in schema:
        return schema["enum"][0]
    if "const" in schema:
        return schema["const"]
    kind, form = schema.get("type"), schema.get("format")
    if kind == "object":
        return {
            name: _build_sample(document, schema["properties"][name], ())
            for name in schema.get("required", ())
        }
    if kind == "array":
        return [_build_sample(document, schema["items"], ())] if schema.get("minItems") else []
    if kind in ("integer", "number"):
        return schema.get("minimum", 1)
    if kind in ("boolean", "null"):
        return False if kind == "boolean" else None
    return ID if form == "uuid" else "2023-10-02T00:00:00Z" if form == "date-time" else "aa"


def put_text(body: Any, place: Place, value: str) -> Any:
    """The same body with another value at a place."""
    if not place:
        return value
    body_copy = list(body) if isinstance(body, list) else dict(body)
    body_copy[place[0]] = put_text(body[place[0]], place[1:], value)  # type: ignore[index]
    return body_copy


def is_at(loc: list[str | int], place: Place) -> bool:
    """Whether an error stands at a field: validation names models of a union in between."""
    if place[-1] == HEADER:
        # Headers are refused together.
        place = place[:-1]
    remaining = iter(loc[1:])
    return all(any(part == step for part in remaining) for step in place)


async def list_refusals(desk: Desk, method: str, path: str, body: Any, place: Place) -> list[str]:
    """What is said of the field when it is sent so."""
    path = re.sub(r"\{\w+_id\}", ID, path).replace("{slug}", "nowhere")
    assert "{" not in path, path
    # As escapes: half a character has no UTF-8.
    content = json.dumps(body).encode()
    headers = {"If-Match": '"1"', "Content-Type": "application/json"}
    response = await desk.admin.request(method, path, content=content, headers=headers)
    if response.status_code != 422:
        return []
    return [error["msg"] for error in response.json()["errors"] if is_at(error["loc"], place)]


@pytest.mark.parametrize("database_kind", ["sqlite"])
async def test_every_text_field_of_every_body_refuses_forbidden_characters(desk: Desk) -> None:
    """A field that is added without the policy fails here, whatever its route does with it."""
    field_names: set[str] = set()
    passes: list[tuple[str, str, Place, str]] = []
    async with nothing_changes(desk):
        for method, path, place, body in list_fields(desk.app.openapi()):
            if (method, path, ".".join(map(str, place))) in UNSTORED:
                continue
            field_names.add(str(place[-1]))
            values = dict(HOSTILE)
            if place[-1] not in MAY_BE_BLANK:
                values |= {f"nothing: {text!a}": text for text in NOTHING}
            if place[-1] in NAMES and "/views" not in path:
                values |= {"no width": "a\u200bb", "stop": "Nobody (2 October). Confirmed by NATO"}
            for description, value in values.items():
                if not await list_refusals(desk, method, path, put_text(body, place, value), place):
                    passes.append((method, path, place, description))
    assert not passes
    assert field_names >= {
        "text",
        "name",
        "role",
        "reason",
        "note",
        "title",
        "url",
        "exact",
        "email",
    }


@pytest.mark.parametrize("database_kind", ["sqlite"])
async def test_every_text_field_accepts_plain_text(desk: Desk) -> None:
    """Otherwise a field might be refused above for another reason."""
    for method, path, place, body in list_fields(desk.app.openapi()):
        last = place[-1] if isinstance(place[-1], str) else place[-2]
        if last in NAMES | {"text", "reason", "note", "title", "comment", "exact", "code"}:
            plain_body = put_text(body, place, "Grand marché")
            assert not await list_refusals(desk, method, path, plain_body, place), (path, place)


async def test_texts_are_stored_composed_and_with_plain_line_ends(desk: Desk) -> None:
    await desk.record_parties()
    claim = await desk.record_claim(text="Cafe\u0301 closed\r\nat noon", tags=["cafe\u0301"])
    assert claim["text"] == "Caf\u00e9 closed\nat noon"
    assert claim["tags"] == ["caf\u00e9"]
    party = await desk.post(
        "/v1/parties", {"slug": "ana", "name": " Ana\u00a0\u00a0C\u030ciric\u0301 "}
    )
    assert party["name"] == "Ana \u010ciri\u0107"
