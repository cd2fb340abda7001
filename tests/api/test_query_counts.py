"""A list of a hundred costs as many questions to the database as a list of ten."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import Engine, event

from service.store.engine import Database, Lookup
from tests.support.desk import Desk, build_quote, build_statement


@pytest.fixture(autouse=True)
async def stopped_workers(seldom_upkeep: None, desk: Desk) -> None:
    """Nobody looks for deadlines, renames or notices meanwhile: those are statements of no
    request."""
    await desk.stop_workers()


@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What was sent, by SQLAlchemy or by the bare driver."""
    log: list[str] = []

    def note(*args: Any) -> None:
        log.append(args[2])

    look_up = Database.look_up

    async def note_and_look_up(self: Database, lookup: Lookup, *args: Any) -> Any:
        log.append(str(lookup.statement))
        return await look_up(self, lookup, *args)

    # Who asks is looked up once, not once a second, however slow the machine.
    monkeypatch.setattr("service.web.callers.TRUSTED_SECONDS", 3600.0)
    event.listen(Engine, "before_cursor_execute", note)
    monkeypatch.setattr(Database, "look_up", note_and_look_up)
    yield log
    event.remove(Engine, "before_cursor_execute", note)


@pytest.fixture
def count(statements: list[str]) -> Callable[[], int]:
    """How many statements were sent since last asked."""

    def count_since_last_call() -> int:
        number = len(statements)
        statements.clear()
        return number

    return count_since_last_call


async def test_lists_cost_the_same_for_ten_rows_and_a_hundred(
    desk: Desk, statements: list[str], count: Callable[[], int]
) -> None:
    """Every list, and a claim with all its links, is read in a fixed number of statements."""
    await desk.record_parties()
    claim = (await desk.record_claim())["id"]
    for number in range(12):
        await desk.post("/v1/stories", {"slug": f"s{number}", "title": "A story"})
        body = build_statement("nato", speaker={"name": f"Speaker {number}"})
        body["quotes"] = [
            build_quote(),
            build_quote() | {"source": {"url": f"https://example.org/{number}"}},
        ]
        await desk.post(f"/v1/claims/{claim}/links", {"statement": body, "stance": "comments"})
        person = {"name": f"Claimant {number}"}
        other = (await desk.record_claim(speaker=person, story="s0"))["id"]
        await desk.link_statement(other, "supports", "nato")
        await desk.post(f"/v1/claims/{claim}/notes", {"text": "a note"})
        await desk.admin.post("/v1/keys", json={"name": f"key {number}", "role": "reader"})
        await desk.admin.post(
            "/v1/users",
            json={"email": f"{number}@example.org", "name": f"N{number}", "role": "reader"},
        )
    instant = desk.clock.now.isoformat()
    for item in (await desk.reader.get("/v1/claims?story=s0")).json()["items"][:6]:
        await desk.link_statement(item["id"], "comments", "nato")
    for path, query in (
        ("/v1/claims", {}),
        ("/v1/stories/s0/matrix", {}),
        ("/v1/stories/s0/timeline", {}),
        ("/v1/stories/s0/timeline", {"as_of": instant}),
        ("/v1/stories/s0/timeline", {"clock": "said"}),
        ("/v1/stories/s0/matrix", {"as_of": instant}),
        ("/v1/claims", {"party": "nato", "stance": "supports", "as_of": instant}),
        ("/v1/statements", {}),
        ("/v1/statements", {"party": "nato"}),
        ("/v1/parties", {}),
        ("/v1/speakers", {}),
        ("/v1/sources", {}),
        ("/v1/stories", {}),
        ("/v1/review-queue", {}),
        ("/v1/events", {}),
        ("/feeds/claims.json", {}),
        ("/feeds/claims.json", {"as_of": instant}),
        ("/feeds/stories/s0.json", {}),
        ("/v1/keys", {}),
        ("/v1/users", {}),
        (f"/v1/claims/{claim}/history", {}),
        (f"/v1/claims/{claim}/notes", {}),
    ):
        costs, statements_by_limit = {}, {}
        for limit in (1, 10, 1, 100):
            count()
            response = await desk.admin.get(path, params={**query, "limit": limit})
            page = response.json()
            statements_by_limit[limit] = [*statements]
            costs[limit] = (count(), len(page.get("items") or page["claims"]))
        (cost_of_one, rows_one), (ten, _), (hundred, rows) = costs[1], costs[10], costs[100]
        assert cost_of_one == ten == hundred <= 8, (path, costs, statements_by_limit)
        assert cost_of_one > 0
        assert (rows_one, rows > 5) == (1, True), path
    few = (await desk.record_claim())["id"]
    await desk.link_statement(few, "comments", "nato")
    cost_by_claim = {}
    for each in (few, claim):
        count()
        await desk.admin.get(f"/v1/claims/{each}", params={"expand": "links"})
        cost_by_claim[each] = count()
    assert cost_by_claim[few] == cost_by_claim[claim] <= 6


async def test_a_search_asks_the_index_once_for_each_tier(
    desk: Desk, count: Callable[[], int]
) -> None:
    """However many it finds: once where the page is full before, and once more for what shows why
    where that is not in the wording; for an instant, in a fixed number of statements."""
    await desk.record_parties()
    for number in range(30):
        await desk.record_claim(text=f"The regime of unit {number}", speaker=None)
    instant = desk.clock.now.isoformat()
    for query, limit_of_statements in (
        ({"q": "regime"}, 3),
        ({"q": "regime of"}, 4),
        ({"q": "returned normal"}, 6),
        ({"q": "returned", "status": "asserted"}, 8),
        ({"q": "returned", "sort": "changed"}, 5),
        ({"q": "returned", "as_of": instant}, 7),
    ):
        for limit in (1, 1, 10, 100):
            count()
            response = await desk.reader.get("/v1/claims", params={**query, "limit": limit})
            cost = count()
            assert response.status_code == 200
            assert len(response.json()["items"]) == min(limit, 30), query
            # The first search asks PostgreSQL for its statistics, those of the next minute do not.
            assert 0 < cost <= limit_of_statements + 1, (query, limit, cost)


async def test_similar_claims_cost_no_more_for_many_than_for_two(
    desk: Desk, count: Callable[[], int]
) -> None:
    """Candidates by two words, then by one where few share two, and nothing for each of them."""
    await desk.record_parties()
    claim, *_ = [(await desk.record_claim())["id"] for _ in range(2)]
    # Who asks is looked up once, and so are PostgreSQL's statistics.
    await desk.reader.get(f"/v1/claims/{claim}/similar")
    costs = []
    for _ in range(2):
        count()
        response = await desk.reader.get(f"/v1/claims/{claim}/similar")
        costs.append((count(), len(response.json()["items"])))
        for _ in range(12):
            await desk.record_claim()
    (few, cost_of_one), (many, ten) = costs
    assert (cost_of_one, ten) == (1, 10)
    assert many == few - 1
