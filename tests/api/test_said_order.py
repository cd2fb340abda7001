"""Lists by when something was said are in the order of the ends of known days and hours: what is of
a day follows what is of its hours."""

from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import select

from service.domain.claims import Precision
from service.domain.instants import compute_end
from service.store import tables
from service.store.paging import BY_END, Cursors
from tests.api.problems import require_problem
from tests.support.desk import Desk, build_statement

SAID = (
    ("2023-10-01T23:30:00Z", "minute"),
    ("2023-10-02T09:00:00Z", "hour"),
    ("2023-10-02T09:40:00Z", "minute"),
    ("2023-10-02T10:00:00Z", "second"),
    ("2023-10-02T11:40:00Z", "minute"),
    ("2023-10-02T00:00:00Z", "day"),
    ("2023-10-03T00:00:00Z", "minute"),
)
ORDER = (0, 2, 1, 3, 4, 5, 6)
"""Earliest first, by their ends: 09:00, to the hour, ends at 10:00."""
Said = tuple[str, str]


def sort_items(items: list[dict[str, Any]], at: str = "said_at") -> list[Said]:
    return [(each[at], each["precision"]) for each in items]


EXPECTED = [SAID[i] for i in ORDER]


async def walk(desk: Desk, url: str, **query: Any) -> list[dict[str, Any]]:
    """The whole list, two by two."""
    all_items: list[dict[str, Any]] = []
    params = {"limit": 2, **query}
    while True:
        answer = await desk.checker.get(url, params=params)
        assert answer.status_code == 200, answer.text
        body = answer.json()
        all_items += body["items"]
        if body["next_cursor"] is None:
            return all_items
        params["cursor"] = body["next_cursor"]


async def test_statement_of_a_day_comes_after_those_of_its_hours(desk: Desk) -> None:
    """Page by page, for all and for one party, within bounds too."""
    await desk.record_parties()
    for said_at, precision in (SAID[i] for i in (5, 3, 0, 6, 1, 4, 2)):
        body = build_statement("washington", said_at=said_at, precision=precision)
        await desk.post("/v1/statements", body)
    latest_first = EXPECTED[::-1]
    for query in ({}, {"party": "washington"}):
        assert sort_items(await walk(desk, "/v1/statements", **query)) == latest_first
    bounds = {"since": "2023-10-02T00:00:00Z", "until": "2023-10-02T09:59:59Z"}
    expected_items = [
        each for each in latest_first if bounds["since"] <= each[0] <= bounds["until"]
    ]
    assert sort_items(await walk(desk, "/v1/statements", **bounds)) == expected_items


async def test_claims_are_ordered_by_the_end_of_the_day_or_hour_claimed(desk: Desk) -> None:
    """In the list, in what is found by words, as of an instant, and on the board."""
    await desk.record_parties()
    for said_at, precision in SAID:
        await desk.record_claim(claimed_at=said_at, precision=precision)
    latest_first = EXPECTED[::-1]
    for query in ({}, {"q": "regime"}, {"as_of": desk.clock.now.isoformat()}):
        claims = await walk(desk, "/v1/claims", sort="claimed", **query)
        assert sort_items(claims, "claimed_at") == latest_first, query
    bounds = {"claimed_since": "2023-10-02T00:00:00Z", "claimed_until": "2023-10-02T09:59:59Z"}
    expected_items = [
        each for each in latest_first if "2023-10-02T00" <= each[0] <= "2023-10-02T09:59:59Z"
    ]
    for sort in ("claimed", "changed"):
        claims = await walk(desk, "/v1/claims", sort=sort, **bounds)
        assert sorted(sort_items(claims, "claimed_at")) == sorted(expected_items)


async def test_timeline_orders_a_day_after_its_hours(desk: Desk) -> None:
    """A denial "on 2 October" follows what was said at 09:00 that day: in the API oldest first, on
    the story's page newest first."""
    await desk.record_parties()
    await desk.post("/v1/stories", {"slug": "border", "title": "The border"})
    claim = await desk.record_claim(story="border", claimed_at=SAID[0][0], precision=SAID[0][1])
    for said_at, precision in (SAID[i] for i in (5, 3, 6, 1, 4, 2)):
        statement = build_statement("washington", said_at=said_at, precision=precision)
        await desk.post(
            f"/v1/claims/{claim['id']}/links", {"statement": statement, "stance": "comments"}
        )
    entries = await walk(desk, "/v1/stories/border/timeline", clock="said")
    assert sort_items(entries) == EXPECTED
    page = (await desk.checker.get("/stories/border?clock=said")).text
    day_place = page.index("2 October 2023", page.index("What happened"))
    assert page.index("3 October 2023", page.index("What happened")) < day_place
    hours = [page.index(hour, page.index("What happened")) for hour in ("11:40", "09:40")]
    assert day_place < min(hours), "the day comes first, where the latest come first"


@pytest.mark.parametrize(
    ("url", "query", "name"),
    [
        ("/v1/statements", {}, "statements"),
        ("/v1/claims", {"sort": "claimed"}, "claims"),
        ("/v1/stories/border/timeline", {"clock": "said"}, "timeline"),
    ],
    ids=["statements", "claims", "timeline"],
)
async def test_cursor_of_an_older_order_is_refused(
    desk: Desk, url: str, query: dict[str, str], name: str
) -> None:
    """It would skip rows that have another place now; a present cursor goes on."""
    await desk.record_parties()
    await desk.post("/v1/stories", {"slug": "border", "title": "The border"})
    for _ in range(2):
        await desk.record_claim(story="border")
    cursors = Cursors(await desk.database.read(read_cursor_key))
    scope, keys = f"{name} {url} {sorted(query.items())}", ["2023-10-02T00:00:00Z", "x"]
    before = cursors.write(scope, keys, now=desk.clock.now)
    refusal = await desk.checker.get(url, params=query | {"cursor": before})
    assert "another order" in require_problem(refusal, "expired-cursor")["detail"]
    first = (await desk.checker.get(url, params=query | {"limit": 1})).json()
    assert cursors.read(first["next_cursor"], scope + BY_END, now=desk.clock.now)
    require_problem(
        await desk.checker.get("/v1/parties", params={"cursor": before}), "invalid-cursor"
    )


def read_cursor_key(connection: Any) -> bytes:
    i = tables.installation
    value = connection.scalar(select(i.c.value).where(i.c.name == "cursor_key"))
    return bytes.fromhex(value)


def test_last_possible_day_can_be_ordered() -> None:
    last = datetime(9999, 12, 31, tzinfo=UTC)
    assert last < compute_end(last, Precision.DAY)
