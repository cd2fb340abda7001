"""Lists: every filter alone and together, pages without gaps or repeats, cursors that hold."""

from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from service.store.paging import Cursors
from tests.api.problems import NOBODY, require_field_error, require_problem
from tests.support.desk import Desk, build_statement


async def list_ids(client: httpx.AsyncClient, path: str = "/v1/claims", **query: Any) -> list[str]:
    response = await client.get(path, params=query)
    assert response.status_code == 200, response.text
    return [item["id"] for item in response.json()["items"]]


async def walk(
    client: httpx.AsyncClient, path: str, query: dict[str, Any], after_page: Any = None
) -> list[dict[str, Any]]:
    """All pages of a list by next_cursor; `after_page` is awaited after each."""
    items: list[dict[str, Any]] = []
    cursor = None
    while True:
        params = query | ({"cursor": cursor} if cursor else {})
        response = await client.get(path, params=params)
        assert response.status_code == 200, response.text
        page = response.json()
        assert len(page["items"]) <= query.get("limit", 50)
        items += page["items"]
        cursor = page["next_cursor"]
        assert ("Link" in response.headers) == (cursor is not None)
        if cursor is None:
            return items
        link = response.headers["Link"]
        assert link.endswith('>; rel="next"')
        target = urlsplit(link[1:].partition(">")[0])
        assert target.path == path
        sent_query = parse_qs(target.query)
        assert sent_query["cursor"] == [cursor]
        assert sent_query.keys() == params.keys() | {"cursor"}
        if after_page is not None:
            await after_page()


async def test_filters_narrow_the_list_and_combine(desk: Desk) -> None:
    """Every filter of the claims' list finds what it names and nothing else; parties include those
    below them; filters given together all hold."""
    await desk.record_parties()
    await desk.post("/v1/stories", {"slug": "border", "title": "The border"})
    a = await desk.record_claim(story="border", tags=["north"], kind="figure", speaker=None)
    b = await desk.record_claim(
        claimant="kosovo-police", speaker=None, claimed_at="2023-09-24T00:00:00Z"
    )
    c = await desk.record_claim(
        claimant=None, speaker=None, tags=["north", "south"], part_of=a["id"]
    )
    d = await desk.record_claim(claimant="pristina", speaker=None, kind="position")
    a, b, c, d = a["id"], b["id"], c["id"], d["id"]
    before_links = desk.clock.now.isoformat()
    desk.clock.advance(minutes=1)
    await desk.link_statement(a, "requests_confirmation", "state-department")
    supporting = await desk.link_statement(b, "supports", "nato")
    await desk.link_statement(c, "contradicts", "washington")
    await desk.change_status(d, "awaiting_confirmation")
    me = (await desk.checker.get("/v1/me")).json()["id"]
    assignment = await desk.checker.patch(
        f"/v1/claims/{b}", json={"assignee": me}, headers={"If-Match": "*"}
    )
    assert assignment.status_code == 200
    for query, expected in (
        ({}, {a, b, c, d}),
        ({"status": "asserted"}, {b}),
        ({"status": "disputed"}, {c}),
        ({"status": ["asserted", "awaiting_confirmation"]}, {a, b, d}),
        ({"status": ["awaiting_confirmation", "awaiting_confirmation"]}, {a, d}),
        ({"status": "confirmed"}, set()),
        ({"claimant": "belgrade"}, {a}),
        ({"claimant": "pristina"}, {b, d}),
        ({"claimant": "kosovo-police"}, {b}),
        ({"party": "washington"}, {a, c}),
        ({"party": "state-department"}, {a}),
        ({"party": "pristina"}, set()),
        ({"stance": "supports"}, {b}),
        ({"party": "washington", "stance": "contradicts"}, {c}),
        ({"party": "nato", "stance": "contradicts"}, set()),
        ({"story": "border"}, {a}),
        ({"story": "elsewhere"}, set()),
        ({"tag": "north"}, {a, c}),
        ({"tag": "nort"}, set()),
        ({"kind": "figure"}, {a}),
        ({"assignee": "me"}, {b}),
        ({"assignee": me}, {b}),
        ({"assignee": NOBODY}, set()),
        ({"assignee": "none"}, {a, c, d}),
        ({"story": "none"}, {b, c, d}),
        ({"part_of": a}, {c}),
        ({"claimed_since": "2023-10-02T00:00:00Z"}, {a, c, d}),
        ({"claimed_until": "2023-10-01T23:59:59.999999Z"}, {b}),
        (
            {"claimed_since": "2023-09-24T02:00:00+02:00", "claimed_until": "2023-09-24T00:00:00Z"},
            {b},
        ),
        ({"changed_since": desk.clock.now.isoformat()}, {b}),
        ({"changed_since": before_links}, {a, b, c, d}),
        ({"changed_until": before_links}, set()),
        ({"drift": "true"}, {b}),
        ({"drift": "false"}, {a, b, c, d}),
        ({"status": "disputed", "tag": "north", "drift": "false"}, {c}),
        ({"claimant": "pristina", "kind": "event", "assignee": "me", "party": "nato"}, {b}),
        ({"claimant": "belgrade", "story": "border", "tag": "south"}, set()),
    ):
        assert set(await list_ids(desk.checker, **query)) == expected, query
    await desk.checker.post(f"/v1/links/{supporting['id']}/retraction", json={"reason": "x"})
    assert await list_ids(desk.checker, party="nato") == []
    assert await list_ids(desk.checker, sort="claimed") == [*sorted([a, c, d], reverse=True), b]
    assert (await list_ids(desk.checker))[0] == b, "the latest change is first"


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"status": "true"}, "status"),
        ({"kind": "x"}, "kind"),
        ({"stance": "x"}, "stance"),
        ({"claimant": "nobody"}, "claimant"),
        ({"party": "nobody"}, "party"),
        ({"claimant": "No Slug"}, "claimant"),
        ({"sort": "random"}, "sort"),
        ({"drift": "perhaps"}, "drift"),
        ({"limit": "0"}, "limit"),
        ({"limit": "201"}, "limit"),
        ({"limit": "-1"}, "limit"),
        ({"limit": "ten"}, "limit"),
        ({"limit": "9" * 5000}, "limit"),
        ({"part_of": "x"}, "part_of"),
        ({"tag": "x" * 51}, "tag"),
        ({"cursor": "x" * 1001}, "cursor"),
        ({"offset": "5"}, "offset"),
        ({"limit": ["1", "2"]}, None),
    ],
)
@pytest.mark.parametrize("database_kind", ["sqlite"])
async def test_invalid_filter_is_refused_by_name(
    desk: Desk, query: dict[str, Any], field: Any
) -> None:
    """Each is refused by name, on the hot list as on the others."""
    response = await desk.checker.get("/v1/claims", params=query)
    if field is None:
        require_problem(response, "invalid-request")
        return
    fields = {
        tuple(error["loc"][:2]) for error in require_problem(response, "invalid-request")["errors"]
    }
    assert ("query", field) in fields
    if field in ("limit", "cursor"):
        require_field_error(await desk.checker.get("/v1/parties", params=query), "query", field)


@pytest.mark.parametrize("sort", ["changed", "claimed"])
async def test_pages_neither_repeat_nor_skip_while_claims_come_in(desk: Desk, sort: str) -> None:
    """Walking a list by its cursors gives every claim that stood at the start exactly once, in
    order, though claims are recorded between the pages."""
    await desk.record_parties()
    claim_ids = [(await desk.record_claim(tags=[f"t{number}"]))["id"] for number in range(11)]

    async def record_another() -> None:
        await desk.record_claim(claimed_at="2023-10-02T01:00:00Z")

    items = await walk(desk.reader, "/v1/claims", {"limit": 3, "sort": sort}, record_another)
    listed_ids = [item["id"] for item in items]
    assert len(listed_ids) == len(set(listed_ids))
    assert [each for each in listed_ids if each in claim_ids] == sorted(claim_ids, reverse=True)
    instant = desk.clock.now.isoformat()
    all_ids = await list_ids(desk.reader, limit=200, sort=sort, as_of=instant)
    query = {"limit": 4, "sort": sort, "as_of": instant}
    assert [
        node["id"] for node in await walk(desk.reader, "/v1/claims", query, record_another)
    ] == all_ids


async def test_every_list_can_be_read_one_item_at_a_time(desk: Desk) -> None:
    """Each list walked one item at a time gives what it gives at once."""
    await desk.record_parties()
    claim = (await desk.record_claim())["id"]
    for number in range(3):
        await desk.post("/v1/stories", {"slug": f"story-{number}", "title": "A story"})
        await desk.post(f"/v1/claims/{claim}/notes", {"text": f"note {number}"})
        await desk.post("/v1/sources", {"url": f"https://example.org/{number}"})
        body = {"name": f"Speaker {number}", "role": "x", "party": "nato"}
        await desk.post("/v1/speakers", body)
        await desk.admin.post(
            "/v1/users",
            json={"email": f"{number}@example.org", "name": f"N{number}", "role": "reader"},
        )
        other = (await desk.record_claim(text=f"claim {number}"))["id"]
        link = await desk.link_statement(other, "supports", "nato")
        assert (await desk.change_status(other, "confirmed", cites=[link["id"]])).status_code == 202
        await desk.change_status(claim, "awaiting_confirmation" if number % 2 == 0 else "asserted")
    for path in (
        "/v1/claims",
        "/v1/parties",
        "/v1/speakers",
        "/v1/sources",
        "/v1/stories",
        "/v1/statements",
        "/v1/decisions",
        "/v1/review-queue",
        "/v1/keys",
        "/v1/users",
        f"/v1/claims/{claim}/notes",
        f"/v1/claims/{claim}/history",
        f"/v1/claims/{claim}/status-changes",
    ):
        whole = (await desk.admin.get(path, params={"limit": 200})).json()
        assert whole["next_cursor"] is None
        assert len(whole["items"]) >= 3, path
        for limit in (1, 2):
            assert await walk(desk.admin, path, {"limit": limit}) == whole["items"], path
        exact = await desk.admin.get(path, params={"limit": len(whole["items"])})
        assert exact.json()["next_cursor"] is None


async def test_cursor_is_valid_for_its_own_list_for_a_day(desk: Desk) -> None:
    """A cursor that is forged, altered, of another list, filter or installation, or over a day old
    is refused, and says which."""
    await desk.record_parties()
    for _ in range(3):
        await desk.record_claim(tags=["a"])
    page = await desk.reader.get("/v1/claims", params={"limit": 1, "tag": "a"})
    cursor = page.json()["next_cursor"]
    parties = (await desk.reader.get("/v1/parties", params={"limit": 1})).json()["next_cursor"]
    forged_cursor = Cursors(b"guess").write(
        "claims", ["2023-10-02T12:00:00Z", NOBODY], now=desk.clock.now
    )
    changed_cursor = cursor[:30] + ("A" if cursor[30] != "A" else "B") + cursor[31:]
    for wrong_cursor, query in (
        (parties, {"tag": "a"}),
        (cursor, {}),
        (cursor, {"tag": "b"}),
        (cursor, {"tag": "a", "sort": "claimed"}),
        (cursor, {"tag": "a", "status": "asserted"}),
        (forged_cursor, {"tag": "a"}),
        (changed_cursor, {"tag": "a"}),
        (cursor[:-4], {"tag": "a"}),
        ("", {"tag": "a"}),
        ("null", {"tag": "a"}),
        ("é", {"tag": "a"}),
        ("A" * 64, {"tag": "a"}),
    ):
        response = await desk.reader.get("/v1/claims", params={"cursor": wrong_cursor, **query})
        require_problem(response, "invalid-cursor")
    require_problem(
        await desk.reader.get("/v1/parties", params={"cursor": cursor}), "invalid-cursor"
    )
    query_again = {"cursor": cursor, "tag": "a", "limit": 2}
    assert len(await list_ids(desk.reader, **query_again)) == 2, "another limit is fine"
    desk.clock.advance(seconds=timedelta(hours=24).total_seconds())
    require_problem(await desk.reader.get("/v1/claims", params=query_again), "expired-cursor")


async def test_statements_are_found_by_who_and_when(desk: Desk) -> None:
    """By party (those below included), speaker and instant said, latest first."""
    await desk.record_parties()
    statements = {}
    for name, party, said_at in (
        ("one", "washington", "2023-10-01T00:00:00Z"),
        ("two", "state-department", "2023-10-02T00:00:00Z"),
        ("three", "nato", "2023-10-02T08:00:00Z"),
    ):
        person = {"name": name}
        body = build_statement(party, said_at=said_at, precision="minute", speaker=person)
        statements[name] = await desk.post("/v1/statements", body)
    first, two, three = (statements[name]["id"] for name in ("one", "two", "three"))
    for query, expected in (
        ({}, [three, two, first]),
        ({"party": "washington"}, [two, first]),
        ({"party": "state-department"}, [two]),
        ({"speaker": statements["three"]["speaker"]["id"]}, [three]),
        ({"since": "2023-10-02T00:00:00Z"}, [three, two]),
        ({"until": "2023-10-02T00:00:00Z"}, [two, first]),
        ({"since": "2023-10-01T00:00:01Z", "until": "2023-10-02T07:59:59Z"}, [two]),
        ({"party": "washington", "speaker": statements["three"]["speaker"]["id"]}, []),
    ):
        assert await list_ids(desk.reader, "/v1/statements", **query) == expected, query
