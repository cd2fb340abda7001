"""Facets: how many of the claims that a query finds have which status, story, party …"""

from datetime import timedelta
from typing import Any

import pytest

from service.search.finding import claim_hits, facets
from service.search.index import term_statistics
from tests.api.problems import require_field_error
from tests.api.test_search import search_ids
from tests.desk.test_stories import open_to_all
from tests.support.corpus import record_corpus
from tests.support.desk import Desk

QUERIES = ("troops", "kosovo", "the", "serbia -troops", '"operating regime"', "withdr*", "zzz")
NARROWED: tuple[dict[str, Any], ...] = (
    {},
    {"story": "border"},
    {"status": "asserted", "kind": "event"},
    {"party": "washington"},
    {"party": "washington", "stance": "comments"},
    {"language": "sr"},
)


async def read_facets(desk: Desk, q: str, **filters: Any) -> dict[str, Any]:
    params = {"q": q, "facets": "true", "limit": 1, **filters}
    response = await desk.reader.get("/v1/claims", params=params)
    assert response.status_code == 200, response.text
    return dict(response.json()["facets"])


def list_counts(counted: dict[str, Any], name: str) -> dict[str, int]:
    return {each["value"]: each["count"] for each in counted[name]}


async def require_true_counts(desk: Desk, q: str, filters: dict[str, Any]) -> int:
    """Each count is the number of claims that are found with that value as a filter too."""
    facet_counts = await read_facets(desk, q, **filters)
    assert facet_counts["is_complete"] is True
    all_ids = set(await search_ids(desk.reader, q, **filters))
    count_sum = 0
    for name in facets.NAMES:
        counts = list_counts(facet_counts, name)
        assert list(counts.values()) == sorted(counts.values(), reverse=True)
        for value, count in counts.items():
            narrow_ids = set(await search_ids(desk.reader, q, **{**filters, name: value}))
            assert len(narrow_ids & all_ids) == count, (q, filters, name, value)
            count_sum += count
        if name in ("status", "kind"):
            assert sum(counts.values()) == len(all_ids)
    return count_sum


async def test_facets_count_what_each_value_would_leave(desk: Desk) -> None:
    """With any filters, alike on both databases, and as of an instant."""
    corpus = await record_corpus(desk)
    await desk.confirm_claim(corpus.ids[0])
    link = await desk.link_statement(corpus.ids[1], "comments", "nato")
    statement = link["statement"]["id"]
    instant = desk.clock.advance(minutes=1)
    desk.clock.advance(minutes=1)
    response = await desk.checker.post(
        f"/v1/statements/{statement}/withdrawal", json={"reason": "It was misheard."}
    )
    assert response.is_success, response.text
    count_sum = 0
    for q in QUERIES:
        for filters in NARROWED:
            count_sum += await require_true_counts(desk, q, filters)
            count_sum += await require_true_counts(
                desk, q, {**filters, "as_of": instant.isoformat()}
            )
    assert count_sum > 300


async def test_facets_of_a_small_desk_are_as_written_down(desk: Desk) -> None:
    """The same figures on both databases."""
    corpus = await record_corpus(desk)
    await desk.confirm_claim(corpus.ids[0])
    facet_counts = await read_facets(desk, "serbia")
    counts = {name: list_counts(facet_counts, name) for name in ("status", "language", "story")}
    assert counts == {
        "status": {"asserted": 6, "confirmed": 1},
        "language": {"en": 4, "sr": 4, "sq": 2},
        "story": {"border": 4, "attack": 1},
    }
    begin = (desk.clock.now - timedelta(days=400)).isoformat()
    empty_facets = await read_facets(desk, "serbia", as_of=begin)
    assert empty_facets == {"is_complete": True, **{name: [] for name in facets.NAMES}}


@pytest.mark.parametrize("moment", [False, True], ids=["now", "as of an instant"])
async def test_counts_that_are_bounded_say_so(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, moment: bool
) -> None:
    """The newest are counted, on a desk however large; statistics that know nothing change
    nothing."""
    await record_corpus(desk)
    monkeypatch.setattr(facets, "MOST", 2)
    monkeypatch.setattr(claim_hits, "RANKED", 2)

    async def find_many(*_: object, **__: object) -> bool:
        return False

    monkeypatch.setattr(term_statistics, "has_few_matches", find_many)
    filters = {"as_of": desk.clock.now.isoformat()} if moment else {}
    facet_counts = await read_facets(desk, "serbia", **filters)
    assert facet_counts["is_complete"] is False
    assert sum(list_counts(facet_counts, "status").values()) <= 2


async def test_facets_need_a_query(desk: Desk) -> None:
    refusal = await desk.reader.get("/v1/claims", params={"facets": "true"})
    assert require_field_error(refusal, "query", "facets")


async def test_facets_stand_beside_any_page(desk: Desk) -> None:
    """The cursor of a page without them goes on with them, and the other way round."""
    await record_corpus(desk)
    first = await desk.reader.get("/v1/claims", params={"q": "serbia", "limit": 2})
    cursor = first.json()["next_cursor"]
    assert "facets" not in first.json()
    params = {"q": "serbia", "limit": 2, "cursor": cursor, "facets": "true"}
    second = (await desk.reader.get("/v1/claims", params=params)).json()
    assert second["facets"] == await read_facets(desk, "serbia")
    assert len(second["items"]) == 2


async def test_public_facets_tell_nothing_internal(desk: Desk) -> None:
    """Whoever may read claims may count them; by who works on them, nobody can."""
    await record_corpus(desk)
    params = {"q": "serbia", "facets": "true"}
    assert (await desk.public.get("/v1/claims", params=params)).status_code == 401
    open_to_all(desk)
    answer = await desk.public.get("/v1/claims", params=params)
    assert answer.json()["facets"] == await read_facets(desk, "serbia")
    assert set(answer.json()["facets"]) == {"is_complete", *facets.NAMES}
    hidden_filters = {**params, "assignee": "me"}
    assert (await desk.public.get("/v1/claims", params=hidden_filters)).status_code in (401, 403)
