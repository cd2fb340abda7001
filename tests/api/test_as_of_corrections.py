"""Lists, stories and searches as of an instant before a correction: as it was recorded then."""

from datetime import datetime
from typing import Any

import pytest

from tests.api.test_as_of import list_claim_ids
from tests.api.test_corrections import correct
from tests.api.test_reversals import require_sound_record
from tests.support.desk import Desk, build_quote, build_statement


async def record_moved_claim(desk: Desk) -> tuple[str, datetime, datetime]:
    """A claim of another story, kind, claimant and day than the desk first believed; and the
    instants of the first belief, and of a second that was wrong too."""
    await desk.record_parties()
    for slug in ("border", "elections", "third"):
        await desk.post("/v1/stories", {"slug": slug, "title": slug})
    claim = (await desk.record_claim(story="border", kind="event"))["id"]
    first = desk.clock.now
    for changes in (
        {"story": "third", "claimed_at": "2022-01-01T00:00:00Z"},
        {
            "story": "elections",
            "kind": "position",
            "claimant": "nato",
            "claimed_at": "2021-05-05T00:00:00Z",
        },
    ):
        desk.clock.advance(hours=1)
        await correct(desk, f"/v1/claims/{claim}", **changes)
    return claim, first, desk.clock.now.replace(microsecond=0)


QUERIES: list[tuple[dict[str, str], dict[str, str]]] = [
    ({"story": "border"}, {"story": "elections"}),
    ({"kind": "event"}, {"kind": "position"}),
    ({"claimant": "belgrade"}, {"claimant": "nato"}),
    ({"claimed_since": "2023-01-01T00:00:00Z"}, {"claimed_until": "2021-12-31T00:00:00Z"}),
    ({"story": "border", "sort": "claimed"}, {"story": "elections", "sort": "claimed"}),
    ({"story": "border", "q": "regime"}, {"story": "elections", "q": "regime"}),
    (
        {"kind": "event", "claimant": "belgrade", "q": "regime", "sort": "changed"},
        {"kind": "position", "claimant": "nato", "q": "regime", "sort": "changed"},
    ),
]


@pytest.mark.parametrize(("query_then", "query_now"), QUERIES, ids=range(len(QUERIES)))
async def test_list_as_of_an_instant_has_what_was_recorded_then(
    desk: Desk, query_then: dict[str, str], query_now: dict[str, str]
) -> None:
    claim, first, _ = await record_moved_claim(desk)
    assert await list_claim_ids(desk, first, **query_then) == [claim]
    assert await list_claim_ids(desk, first, **query_now) == []
    desk.clock.advance(hours=1)
    assert await list_claim_ids(desk, desk.clock.now, **query_then) == []
    assert await list_claim_ids(desk, desk.clock.now, **query_now) == [claim]
    await require_sound_record(desk)


async def read_story(desk: Desk, slug: str, at: datetime) -> dict[str, Any]:
    """What a story has as of an instant: the claims of its matrix, the columns, the parties."""
    params = {"as_of": at.isoformat()}
    matrix = (await desk.reader.get(f"/v1/stories/{slug}/matrix", params=params)).json()
    story_view = (await desk.reader.get(f"/v1/stories/{slug}", params=params)).json()
    facets = {"q": "regime", "facets": "true", "story": slug, **params}
    counted = (await desk.reader.get("/v1/claims", params=facets)).json()["facets"]
    return {
        "claims": [(row["id"], row["claimant"]["party"]) for row in matrix["claims"]],
        "columns": [(party["slug"], party["claims"]) for party in matrix["parties"]],
        "parties": [party["slug"] for party in story_view["parties"]],
        "counted": [(each["value"], each["count"]) for each in counted["story"]],
    }


async def test_story_as_of_an_instant_has_the_claims_of_then(desk: Desk) -> None:
    """Each in one story at a time, with the claimant that it had there."""
    claim, first, last = await record_moved_claim(desk)
    empty_matrix: dict[str, Any] = {"claims": [], "columns": [], "parties": [], "counted": []}
    for at, slug, party in ((first, "border", "belgrade"), (last, "elections", "nato")):
        for other in ("border", "elections", "third"):
            assert await read_story(desk, other, at) == (
                {
                    "claims": [(claim, party)],
                    "columns": [(party, 1)],
                    "parties": [party],
                    "counted": [(slug, 1)],
                }
                if other == slug
                else empty_matrix
            ), (at, other)


async def test_voices_as_of_an_instant_are_those_of_then(desk: Desk) -> None:
    """Whose a linked statement was, and in which language it was quoted."""
    await desk.record_parties()
    await desk.post("/v1/stories", {"slug": "border", "title": "Border"})
    claim = (await desk.record_claim(story="border"))["id"]
    statement_body = build_statement("washington", quotes=[build_quote() | {"language": "sq"}])
    link = await desk.post(
        f"/v1/claims/{claim}/links", {"statement": statement_body, "stance": "supports"}
    )
    first, statement = desk.clock.now, link["statement"]
    desk.clock.advance(hours=1)
    quote = {"id": statement["quotes"][0]["id"], "language": "fr"}
    await correct(desk, f"/v1/statements/{statement['id']}", party="nato", quotes=[quote])
    desk.clock.advance(hours=1)
    for at, party, language in ((first, "washington", "sq"), (desk.clock.now, "nato", "fr")):
        other_values = {"washington", "nato"} - {party}, {"sq", "fr"} - {language}
        assert await list_claim_ids(desk, at, party=party) == [claim]
        assert await list_claim_ids(desk, at, party=party, stance="supports") == [claim]
        assert await list_claim_ids(desk, at, language=language) == [claim]
        assert await list_claim_ids(desk, at, party=other_values[0].pop()) == []
        assert await list_claim_ids(desk, at, language=other_values[1].pop()) == []
        story_view = await desk.reader.get("/v1/stories/border", params={"as_of": at.isoformat()})
        assert {each["slug"] for each in story_view.json()["parties"]} == {"belgrade", party}
    await require_sound_record(desk)


async def test_claim_that_was_void_then_was_in_no_story(desk: Desk) -> None:
    await desk.record_parties()
    await desk.post("/v1/stories", {"slug": "border", "title": "Border"})
    claim = (await desk.record_claim(story="border"))["id"]
    await desk.post(f"/v1/claims/{claim}/void", {"reason": "by mistake"}, status=200)
    void = desk.clock.now
    desk.clock.advance(hours=1)
    await desk.post(f"/v1/claims/{claim}/restoration", {"reason": "it was none"}, status=200)
    story_view = await desk.reader.get("/v1/stories/border", params={"as_of": void.isoformat()})
    assert story_view.json()["parties"] == []


async def test_claim_that_superseded_by_mistake_superseded_then(desk: Desk) -> None:
    await desk.record_parties()
    await desk.post("/v1/stories", {"slug": "border", "title": "Border"})
    earlier = (await desk.record_claim(story="border", kind="figure"))["id"]
    desk.clock.advance(hours=1)
    later = (
        await desk.record_claim(
            story="border", kind="figure", text="It was nine.", supersedes=earlier
        )
    )["id"]
    earlier_instant = desk.clock.now
    desk.clock.advance(hours=1)
    await correct(desk, f"/v1/claims/{later}", supersedes=None)
    assert await list_claim_ids(desk, earlier_instant, superseded="true") == [earlier]
    assert await list_claim_ids(desk, earlier_instant, superseded="false") == [later]
    assert await list_claim_ids(desk, desk.clock.now, superseded="true") == []


async def find(desk: Desk, at: datetime, words: str, **query: str) -> tuple[list[str], int]:
    """What a search finds as of an instant, and how many claims its facets count."""
    ids = await list_claim_ids(desk, at, q=words, **query)
    params = {"q": words, "facets": "true", "as_of": at.isoformat(), **query}
    facets = (await desk.reader.get("/v1/claims", params=params)).json()["facets"]
    return ids, sum(status["count"] for status in facets["status"])


@pytest.mark.parametrize("sort", ["relevance", "changed", "claimed"])
async def test_search_as_of_an_instant_finds_words_of_an_origin_corrected_since(
    desk: Desk, sort: str
) -> None:
    """The statement that a claim was believed to come from, and nothing of the one that is right;
    even where that statement was itself corrected afterwards."""
    await desk.record_parties()
    origins = []
    for word in ("zeppelins", "gliders"):
        quotes = [build_quote() | {"text": f"We saw {word} over the bridge."}]
        body = build_statement("belgrade", quotes=quotes)
        origins.append(await desk.post("/v1/statements", body))
    wrong_origin, right_origin = origins
    claim = (await desk.record_claim(origin=None, origin_statement=wrong_origin["id"]))["id"]
    first = desk.clock.now
    desk.clock.advance(hours=1)
    await correct(desk, f"/v1/claims/{claim}", origin_statement=right_origin["id"])
    second = desk.clock.now
    desk.clock.advance(hours=1)
    quote = {"id": wrong_origin["quotes"][0]["id"], "text": "We saw kites over the bridge."}
    await correct(desk, f"/v1/statements/{wrong_origin['id']}", quotes=[quote])
    desk.clock.advance(hours=1)
    for words, instants in (("zeppelins", {first}), ("gliders", {second}), ("kites", set())):
        for at in (first, second):
            expected = ([claim], 1) if at in instants else ([], 0)
            assert await find(desk, at, words, sort=sort) == expected, (words, at)
    assert await find(desk, first, "regime -zeppelins", sort=sort) == ([], 0)
    assert await list_claim_ids(desk, desk.clock.now, q="gliders") == [claim]
    assert await list_claim_ids(desk, desk.clock.now, q="zeppelins") == []
    await require_sound_record(desk)


async def test_search_as_of_an_instant_finds_the_words_of_a_quote_before_its_correction(
    desk: Desk,
) -> None:
    await desk.record_parties()
    quotes = [build_quote() | {"text": "We saw zeppelins over the bridge."}]
    body = {"statement": build_statement("nato", quotes=quotes), "stance": "comments"}
    claim = (await desk.record_claim())["id"]
    link = await desk.post(f"/v1/claims/{claim}/links", body)
    first, statement = desk.clock.now, link["statement"]
    desk.clock.advance(hours=1)
    quote = {"id": statement["quotes"][0]["id"], "text": "We saw gliders over the bridge."}
    await correct(desk, f"/v1/statements/{statement['id']}", quotes=[quote])
    second = desk.clock.now
    desk.clock.advance(hours=1)
    for at, word, other in ((first, "zeppelins", "gliders"), (second, "gliders", "zeppelins")):
        assert await find(desk, at, word) == ([claim], 1)
        assert await find(desk, at, other) == ([], 0)
    await require_sound_record(desk)
