"""A JSON body means one thing: no key twice, no NaN, no Infinity, in any operation."""

import pytest

from tests.api.problems import nothing_changes, require_problem
from tests.api.test_texts import ID
from tests.support.desk import Desk

JSON = {"Content-Type": "application/json", "If-Match": '"1"'}


@pytest.mark.parametrize("database_kind", ["sqlite"])
async def test_every_operation_refuses_a_key_that_is_there_twice(desk: Desk) -> None:
    """A router that does not read bodies strictly fails here."""
    operation_count = 0
    async with nothing_changes(desk):
        for path, operations in desk.app.openapi()["paths"].items():
            for method, operation in operations.items():
                if "application/json" not in operation.get("requestBody", {}).get("content", {}):
                    continue
                operation_count += 1
                address = path.replace("{slug}", "nowhere")
                for part in path.split("{")[1:]:
                    address = address.replace(f"{{{part.partition('}')[0]}}}", ID)
                for body in (b'{"a": 1, "a": 1}', b'{"x": {"b": 1, "c": 2, "b": 3}}'):
                    response = await desk.admin.request(
                        method.upper(), address, content=body, headers=JSON
                    )
                    refusal = require_problem(response, "invalid-request")
                    assert "is there twice" in refusal["detail"], (method, path, refusal)
                for number in (b"NaN", b"Infinity", b"-Infinity"):
                    response = await desk.admin.request(
                        method.upper(), address, content=b'{"x": %s}' % number, headers=JSON
                    )
                    assert "no number" in require_problem(response, "invalid-request")["detail"], (
                        path
                    )
    assert operation_count > 25


async def test_body_with_a_key_twice_uses_up_no_idempotency_key(desk: Desk) -> None:
    headers = JSON | {"Idempotency-Key": "once"}
    twice = b'{"slug": "nato", "name": "NATO", "name": "Other"}'
    refusal = await desk.checker.post("/v1/parties", content=twice, headers=headers)
    assert refusal.status_code == 422
    body_once = b'{"slug": "nato", "name": "NATO"}'
    answer = await desk.checker.post("/v1/parties", content=body_once, headers=headers)
    assert answer.status_code == 201


@pytest.mark.parametrize(
    ("path", "field", "value", "words"),
    [
        ("parties", "slug", "White House", "take small letters, digits and hyphens between them"),
        ("parties", "slug", "-nato", "such as white-house"),
        ("parties", "country", "usa", "a country as two letters"),
        ("stories", "slug", "a_b", "take small letters, digits and hyphens between them"),
        ("sources", "language", "english!", "a language as its code"),
        ("sources", "sha256", "ABC", "64 digits and small letters"),
    ],
)
async def test_refused_text_says_in_words_how_it_is_written(
    desk: Desk, path: str, field: str, value: str, words: str
) -> None:
    """Not by the pattern that programs hold it against."""
    bodies = {
        "parties": {"slug": "nato", "name": "NATO"},
        "stories": {"slug": "border", "title": "The border"},
        "sources": {"url": "https://example.org/a"},
    }
    response = await desk.checker.post(f"/v1/{path}", json=bodies[path] | {field: value})
    [fault] = require_problem(response, "invalid-request")["errors"]
    assert fault["loc"] == ["body", field]
    assert words in fault["msg"]
    assert "^" not in response.text


async def test_error_in_json_says_what_is_wrong(desk: Desk) -> None:
    response = await desk.checker.post("/v1/parties", content=b'{"slug": }', headers=JSON)
    assert (
        "this is no JSON: Expecting value" in require_problem(response, "invalid-request")["detail"]
    )


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b'{"slug": "a", "name": "caf\xe9"}', "byte 27 begins no character of UTF-8"),
        (b"[" * 100_000, "too deeply"),
        (b'{"a":' * 40_000, "too deeply"),
        (b'{"slug": ' + b"9" * 5000 + b"}", "too many digits"),
    ],
    ids=["Latin-1", "lists", "objects", "digits"],
)
async def test_bytes_that_cannot_be_read_are_named(desk: Desk, body: bytes, reason: str) -> None:
    """An answer that only says that there was an error leaves its reader where they were."""
    response = await desk.checker.post("/v1/parties", content=body, headers=JSON)
    assert reason in require_problem(response, "bad-request")["detail"]
