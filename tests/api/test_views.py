"""Views of the board that people save."""

from typing import Any

import httpx
import pytest

from service.notices.saved_views import MOST_VIEWS
from tests.api.problems import nothing_changes, require_field_error, require_problem
from tests.support.desk import Desk


async def save(
    client: httpx.AsyncClient, name: str, query: str = "status=disputed", shared: bool = False
) -> dict[str, Any]:
    response = await client.post("/v1/views", json={"name": name, "query": query, "shared": shared})
    assert response.status_code == 201, response.text
    view: dict[str, Any] = response.json()
    assert response.headers["Location"] == f"/v1/views/{view['id']}"
    return view


async def list_names(client: httpx.AsyncClient) -> list[str]:
    return [item["name"] for item in (await client.get("/v1/views")).json()["items"]]


async def test_own_views_are_nobody_elses(desk: Desk) -> None:
    """Others neither list nor find them, may have one of the same name, and everybody reads the
    desk's, which editors alone save, change and delete."""
    own = await save(desk.checker, "Mine")
    await save(desk.checker2, "Mine")
    of_desk = await save(desk.editor, "Disputed", shared=True)
    assert (own["shared"], of_desk["shared"]) == (False, True)
    assert await list_names(desk.checker) == ["Mine", "Disputed"]
    assert await list_names(desk.reader) == ["Disputed"]
    assert (await desk.reader.get(f"/v1/views/{of_desk['id']}")).json() == of_desk
    async with nothing_changes(desk):
        url = f"/v1/views/{own['id']}"
        for answer in (
            await desk.editor.get(url),
            await desk.editor.patch(url, json={"name": "x"}),
            await desk.editor.delete(url),
        ):
            require_problem(answer, "not-found")
        url = f"/v1/views/{of_desk['id']}"
        for answer in (
            await desk.checker.patch(url, json={"name": "x"}),
            await desk.checker.delete(url),
            await desk.checker.post("/v1/views", json={"name": "x", "query": "", "shared": True}),
            await desk.checker.patch(f"/v1/views/{own['id']}", json={"shared": True}),
        ):
            require_problem(answer, "forbidden")
    deletion = await desk.editor.delete(f"/v1/views/{of_desk['id']}")
    assert deletion.status_code == 204
    assert await list_names(desk.reader) == []


async def test_query_is_saved_in_one_spelling(desk: Desk) -> None:
    """Checked as the list checks it; pages and empty filters are left out, `me` stays."""
    await desk.record_parties()
    query = "?tag=troops&status=disputed&status=asserted&story=&limit=5&assignee=me&overdue=true"
    view = await save(desk.checker, "Mine", query)
    assert view["query"] == "status=asserted&status=disputed&tag=troops&assignee=me&overdue=true"
    change = await desk.checker.patch(
        f"/v1/views/{view['id']}",
        json={"query": "changed_since=2023-10-02T02:00:00%2B02:00&story=none", "name": "Other"},
    )
    assert change.json()["query"] == "story=none&changed_since=2023-10-02T00%3A00%3A00Z"
    assert change.json()["name"] == "Other"
    assert (await desk.checker.get("/v1/claims?" + view["query"])).status_code == 200
    async with nothing_changes(desk):
        for bad in ("party=nobody", "colour=red", "status=x", "sort=relevance", "q=%22"):
            body = {"name": "x", "query": bad}
            require_field_error(await desk.checker.post("/v1/views", json=body), "body", "query")
    no_filters = await save(desk.checker, "All", "")
    assert no_filters["query"] == ""


async def test_readers_save_no_filter_that_tells_who_works_on_what(desk: Desk) -> None:
    """A key that belongs to nobody has no views of its own."""
    body = {"name": "x", "query": "assignee=me"}
    require_problem(await desk.reader.post("/v1/views", json=body), "forbidden")
    body = {"name": "x", "query": ""}
    require_problem(await desk.reader.post("/v1/views", json=body), "key-without-person")


@pytest.mark.parametrize("shared", [False, True])
async def test_names_and_numbers_of_views_are_bounded(desk: Desk, shared: bool) -> None:
    """A name once an owner, and so many in all; a view keeps its own name."""
    first = await save(desk.editor, "View 0", shared=shared)
    for number in range(1, MOST_VIEWS):
        await save(desk.editor, f"View {number}", shared=shared)
    body = {"query": "", "shared": shared}
    for name in ("View 1", "One more"):
        refusal = await desk.editor.post("/v1/views", json=body | {"name": name})
        require_field_error(refusal, "body", "name")
    url = f"/v1/views/{first['id']}"
    require_field_error(await desk.editor.patch(url, json={"name": "View 1"}), "body", "name")
    change = await desk.editor.patch(url, json={"name": "View 0", "query": "tag=x"})
    assert change.json()["query"] == "tag=x"
    await save(desk.editor, "View 1", shared=not shared)
