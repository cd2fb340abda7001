"""One change of many claims at once."""

from typing import Any

import httpx
import pytest

from tests.api.problems import NOBODY, nothing_changes, require_field_error, require_problem
from tests.support.desk import Desk


async def change(desk: Desk, claims: list[Any], **change_fields: Any) -> list[dict[str, Any]]:
    response = await post(desk.checker, claims, **change_fields)
    assert response.status_code == 200, response.text
    items: list[dict[str, Any]] = response.json()["items"]
    return items


async def post(
    client: httpx.AsyncClient, claims: list[Any], **change_fields: Any
) -> httpx.Response:
    versions = [{"id": claim["id"], "version": claim["version"]} for claim in claims]
    return await client.post("/v1/claims/bulk", json={"claims": versions, **change_fields})


async def test_each_claim_is_changed_by_one_line_of_its_record(desk: Desk) -> None:
    """Assigned, tagged, due, in a story: as if each were changed alone; what is so already keeps
    its version."""
    await desk.record_parties()
    await desk.post("/v1/stories", {"slug": "border", "title": "The border"})
    claims = [await desk.record_claim(text=text, tags=["army"]) for text in ("a", "b", "c")]
    me = (await desk.checker.get("/v1/me")).json()["id"]
    due = "2033-10-05T18:00:00Z"
    for number, (fields_sent, fields) in enumerate(
        (
            ({"assignee": me}, {"assignee": me}),
            ({"due_at": due}, {"due_at": due}),
            ({"tags": {"add": ["north"], "remove": ["army"]}}, {"tags": ["north"]}),
            ({"story": "border", "reason": "about it"}, {"story": "border"}),
            ({"assignee": None}, {"assignee": None}),
        ),
        start=2,
    ):
        items = await change(desk, claims, **fields_sent)
        assert [item["claim"] for item in items] == [claim["id"] for claim in claims]
        assert [item["status"] for item in items] == [200] * 3
        assert [item["version"] for item in items] == [number] * 3
        claims = [(await desk.checker.get(f"/v1/claims/{claim['id']}")).json() for claim in claims]
        for claim in claims:
            assert claim["version"] == number
            assert {name: claim[name] for name in fields} == fields
    async with nothing_changes(desk):
        for fields_sent in ({"due_at": due}, {"tags": {"add": ["north"]}}):
            second_items = await change(desk, claims, **fields_sent)
            assert [item["version"] for item in second_items] == [number] * 3


async def test_one_refusal_keeps_no_other_claim_from_its_change(desk: Desk) -> None:
    """Unknown, read at another version, withdrawn: each with the problem that it would have had
    alone, in the order sent, and nothing of it stays."""
    await desk.record_parties()
    first, stale, withdrawn_claim, last = [
        await desk.record_claim(text=text) for text in ("a", "b", "c", "d")
    ]
    await desk.checker.post(f"/v1/claims/{withdrawn_claim['id']}/withdrawal", json={"reason": "x"})
    withdrawn_claim["version"] = 2
    claims = [
        last,
        stale | {"version": 7},
        {"id": NOBODY, "version": 1},
        withdrawn_claim,
        first,
    ]
    items = await change(desk, claims, tags={"add": ["north"]})
    assert [item["claim"] for item in items] == [claim["id"] for claim in claims]
    assert [item["status"] for item in items] == [200, 412, 404, 409, 200]
    assert items[1]["problem"]["version"] == 1
    assert items[3]["problem"]["type"] == "/problems/claim-withdrawn"
    assert [item["version"] for item in items] == [2, None, None, None, 2]
    for claim, tags in ((first, ["north"]), (stale, []), (withdrawn_claim, [])):
        assert (await desk.read_claim(claim["id"]))["tags"] == tags
    unknown = await change(desk, [stale], assignee="nobody")
    assert (unknown[0]["status"], unknown[0]["problem"]["errors"][0]["loc"]) == (
        422,
        ["body", "assignee"],
    )


async def test_bulk_change_is_repeated_by_its_key_and_refused_to_readers(desk: Desk) -> None:
    await desk.record_parties()
    claim = await desk.record_claim()
    body = {
        "claims": [{"id": claim["id"], "version": 1}],
        "tags": {"add": ["north"]},
    }
    first, second_answer = [
        await desk.checker.post("/v1/claims/bulk", json=body, headers={"Idempotency-Key": "k"})
        for _ in range(2)
    ]
    assert first.json() == second_answer.json()
    assert second_answer.headers["Idempotent-Replayed"] == "true"
    assert (await desk.read_claim(claim["id"]))["version"] == 2
    require_problem(await desk.reader.post("/v1/claims/bulk", json=body), "forbidden")


@pytest.mark.parametrize("database_kind", ["sqlite"])
@pytest.mark.parametrize(
    "change_fields",
    [
        {},
        {"assignee": None, "due_at": None},
        {"story": None},
        {"due_at": None, "reason": "x"},
        {"tags": {}},
        {"tags": {"add": ["a"], "remove": ["a"]}},
        {"tags": None},
        {"text": "other words"},
    ],
)
async def test_bulk_change_is_one_change(desk: Desk, change_fields: dict[str, Any]) -> None:
    claim = {"id": NOBODY, "version": 1}
    require_problem(await post(desk.checker, [claim], **change_fields), "invalid-request")


@pytest.mark.parametrize("database_kind", ["sqlite"])
async def test_bulk_change_names_each_of_200_claims_once(desk: Desk) -> None:
    claim = {"id": NOBODY, "version": 1}
    require_problem(await post(desk.checker, [claim, claim], due_at=None), "invalid-request")
    many = [{"id": f"{NOBODY[:-3]}{number:03}", "version": 1} for number in range(201)]
    require_field_error(await post(desk.checker, many, due_at=None), "body", "claims")
    items = await change(desk, many[:200], due_at=None)
    assert {item["status"] for item in items} == {404}
