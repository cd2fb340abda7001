"""When claims are due, and the lists of those that are overdue or on hold."""

from datetime import timedelta
from typing import Any

import httpx

from tests.api.problems import nothing_changes, require_field_error, require_problem
from tests.support.desk import Desk


async def patch_claim(desk: Desk, claim: str, **changes: Any) -> httpx.Response:
    return await desk.checker.patch(f"/v1/claims/{claim}", json=changes, headers={"If-Match": "*"})


async def list_ids(client: httpx.AsyncClient, **query: str) -> set[str]:
    response = await client.get("/v1/claims", params=query)
    assert response.status_code == 200, response.text
    return {claim["id"] for claim in response.json()["items"]}


async def test_claim_is_due_for_the_desk_alone(desk: Desk) -> None:
    """It has the time at once, in one claim, lists, what is found and the review queue, and as of
    an instant the one of then; others never read it, nor what was amended, and cannot ask for what
    is overdue."""
    await desk.record_parties()
    due, undue, late = [
        (await desk.record_claim(text=text))["id"] for text in ("due words", "undue", "late words")
    ]
    url = f"/v1/claims/{due}"
    require_problem(
        await desk.reader.patch(
            url, json={"due_at": "2023-10-05T18:00:00Z"}, headers={"If-Match": "*"}
        ),
        "forbidden",
    )
    require_field_error(await patch_claim(desk, due, due_at="tomorrow"), "body", "due_at")
    set_at = desk.clock.now
    first = (await patch_claim(desk, late, due_at=(set_at + timedelta(hours=1)).isoformat())).json()
    view = (await patch_claim(desk, due, due_at="2033-10-05T20:00:00+02:00")).json()
    assert view["due_at"] == "2033-10-05T18:00:00Z"
    async with nothing_changes(desk):
        same = await patch_claim(desk, due, due_at="2033-10-05T18:00:00Z")
        assert same.json() == view
    assert (await desk.checker.get(url)).json()["due_at"] == view["due_at"]
    soonest = (await desk.checker.get("/v1/claims", params={"sort": "due"})).json()["items"]
    assert [claim["id"] for claim in soonest] == [late, due]
    assert soonest[1]["due_at"] == view["due_at"]
    page = (await desk.checker.get("/v1/claims", params={"sort": "due", "limit": 1})).json()
    rest = {"sort": "due", "limit": 1, "cursor": page["next_cursor"]}
    assert [
        claim["id"]
        for part in (page, (await desk.checker.get("/v1/claims", params=rest)).json())
        for claim in part["items"]
    ] == [late, due]
    search = {"q": "words", "sort": "due"}
    hits = (await desk.checker.get("/v1/claims", params=search)).json()["items"]
    assert [(claim["id"], claim["due_at"]) for claim in hits] == [
        (late, first["due_at"]),
        (due, view["due_at"]),
    ]
    overdue = {"overdue": "true"}
    assert (await desk.checker.get("/v1/claims", params=overdue)).json()["items"] == []
    desk.clock.advance(hours=2)
    items = (await desk.checker.get("/v1/claims", params=overdue)).json()["items"]
    assert [claim["id"] for claim in items] == [late]
    earlier_query = overdue | {"as_of": (set_at + timedelta(minutes=30)).isoformat()}
    assert (await desk.checker.get("/v1/claims", params=earlier_query)).json()["items"] == []
    for query in (overdue, {"sort": "due"}, {"assignee": "none"}):
        require_problem(await desk.reader.get("/v1/claims", params=query), "forbidden")
    for claim in (await desk.reader.get("/v1/claims")).json()["items"]:
        assert claim["due_at"] is None
    assert (await desk.reader.get(url)).json()["due_at"] is None
    history = (await desk.reader.get(f"{url}/history")).json()["items"]
    assert history[1]["type"] == "internal"
    cleared_view = (await patch_claim(desk, due, due_at=None)).json()
    assert cleared_view["due_at"] is None
    before = {"as_of": (desk.clock.now - timedelta(seconds=1)).isoformat()}
    assert (await desk.checker.get(url, params=before)).json()["due_at"] == view["due_at"]
    await desk.checker.post(f"/v1/claims/{late}/withdrawal", json={"reason": "x"})
    assert (await desk.checker.get("/v1/claims", params=overdue)).json()["items"] == []
    assert undue not in [claim["id"] for claim in soonest]


async def test_lists_tell_what_is_on_hold(desk: Desk) -> None:
    """Now and as of an instant, to everybody; a hold that has ended by itself is none."""
    await desk.record_parties()
    held_claim, briefly, _ = [
        (await desk.record_claim(text=text))["id"] for text in ("a", "b", "c")
    ]
    before = desk.clock.now.isoformat()
    desk.clock.advance(minutes=1)
    until = (desk.clock.now + timedelta(minutes=5)).isoformat()
    for claim, end in ((held_claim, None), (briefly, until)):
        response = await desk.checker.put(
            f"/v1/claims/{claim}/hold",
            json={"reason": "a check", "until": end},
            headers={"If-Match": "*"},
        )
        assert response.status_code == 200, response.text
    assert await list_ids(desk.reader, hold="true") == {held_claim, briefly}
    assert await list_ids(desk.reader, hold="true", story="none") == {held_claim, briefly}
    instant = desk.clock.now.isoformat()
    desk.clock.advance(minutes=5)
    assert await list_ids(desk.reader, hold="true") == {held_claim}
    await desk.checker.delete(f"/v1/claims/{held_claim}/hold", headers={"If-Match": "*"})
    assert await list_ids(desk.reader, hold="true") == set()
    assert await list_ids(desk.reader, hold="true", as_of=instant) == {held_claim, briefly}
    assert await list_ids(desk.reader, hold="true", as_of=before) == set()
