"""`q` on claims: what is found, in which order, with which filters, and what is shown of it."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import quote as escaped

import httpx
import pytest

from service.domain.errors import Unsearchable
from service.search.finding import claim_hits, index_pages
from service.search.index import query_parser, ranking, searchable_fields
from service.search.index.ranking import Tier
from service.search.index.searchable_fields import Level, Quoted
from tests.api.problems import require_field_error, require_problem
from tests.support.corpus import QUERIES, build_name_fields, invent_queries, record_corpus
from tests.support.desk import Desk, build_quote, build_statement

MICROSECOND = timedelta(microseconds=1)
REFUSED = {"%"}
"""Of the queries of the corpus, those without a word."""


async def search_claims(client: httpx.AsyncClient, q: str, **query: Any) -> list[dict[str, Any]]:
    """All that `q` finds, page by page."""
    items: list[dict[str, Any]] = []
    params = {"q": q, **query}
    while True:
        response = await client.get("/v1/claims", params=params)
        assert response.status_code == 200, (q, response.text)
        page = response.json()
        items += page["items"]
        if page["next_cursor"] is None:
            return items
        params["cursor"] = page["next_cursor"]


async def search_ids(client: httpx.AsyncClient, q: str, **query: Any) -> list[str]:
    return [each["id"] for each in await search_claims(client, q, **query)]


@pytest.mark.parametrize("size", ["a small desk", "a large desk"])
async def test_both_databases_find_what_ranking_finds(
    desk: Desk, size: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The hits and their order are the same, whole or in pages; every hit shows why it is one.

    On a large desk, which this one is made to look like, no word is rare, and what is looked
    through at once is less than all.
    """
    corpus = await record_corpus(desk)
    if size == "a large desk":
        await pretend_large(desk, monkeypatch)
    count = 0
    for text in QUERIES:
        if text in REFUSED:
            response = await desk.reader.get("/v1/claims", params={"q": text})
            assert require_problem(response, "unsearchable")["errors"][0]["loc"] == ["query", "q"]
            continue
        query = query_parser.parse_query(text)
        expected = corpus.find(text)
        items = await search_claims(desk.reader, text)
        assert [each["id"] for each in items] == expected, text
        assert await search_ids(desk.reader, text, limit=2) == expected, text
        changed_ids = await search_ids(desk.reader, text, sort="changed", limit=3)
        assert changed_ids == [
            each for each in await list_in_order(desk, "changed") if each in expected
        ], text
        for each in items:
            assert each["snippets"], text
            for snippet in each["snippets"]:
                for start, end in snippet["marks"]:
                    marked_field = searchable_fields.read_name("quote", snippet["text"][start:end])
                    assert any(term.find_in(marked_field) for term in query.required), text
        count += len(items)
    assert count > 150


async def test_invented_queries_find_what_ranking_finds(desk: Desk) -> None:
    """Whatever is typed, both databases agree with the evaluator, or it is refused."""
    corpus = await record_corpus(desk)
    count = 0
    for text in invent_queries(seed=13, count=200):
        try:
            expected = corpus.find(text)
        except Unsearchable:
            refusal = await desk.reader.get("/v1/claims", params={"q": text})
            require_problem(refusal, "unsearchable")
            continue
        assert await search_ids(desk.reader, text) == expected, text
        count += len(expected)
    assert count > 100


SPREAD = "UPDATE claim_search SET number = number * 5000, words = words"


async def pretend_large(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Take nothing for rare, have thousands of numbers between two claims, and look through few of
    them at once."""
    await desk.database.write(lambda connection: connection.exec_driver_sql(SPREAD))
    # Limits that only thousands of claims reach; each query chooses its plan by them.
    monkeypatch.setattr(index_pages, "RARE", -1)
    monkeypatch.setattr(index_pages, "SORTABLE", -1)
    monkeypatch.setattr(index_pages, "STEPS", 3)
    monkeypatch.setattr(claim_hits, "WALKED", (1, 3, 3))
    monkeypatch.setattr(claim_hits, "RANKED", 2)


async def list_in_order(desk: Desk, sort: str) -> list[str]:
    response = await desk.reader.get("/v1/claims", params={"sort": sort, "limit": 200})
    return [item["id"] for item in response.json()["items"]]


@pytest.mark.parametrize("size", ["a small desk", "a large desk"])
async def test_filters_apply_to_search_results(
    desk: Desk, size: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A search with a filter is the search and the filter, by relevance and in either order."""
    corpus = await record_corpus(desk)
    if size == "a large desk":
        await pretend_large(desk, monkeypatch)
    confirmed_id = corpus.ids[0]
    await desk.confirm_claim(confirmed_id)
    me = (await desk.checker.get("/v1/me")).json()["id"]
    await desk.checker.patch(
        f"/v1/claims/{corpus.ids[1]}", json={"assignee": me}, headers={"If-Match": "*"}
    )
    now = desk.clock.now.isoformat()
    for filters in (
        {"status": "confirmed"},
        {"status": ["asserted", "awaiting_confirmation"]},
        {"story": "border"},
        {"story": "border", "kind": "figure"},
        {"claimant": "belgrade"},
        {"claimant": "washington"},
        {"party": "nato"},
        {"party": "washington", "stance": "comments"},
        {"tag": "troops"},
        {"kind": "prediction"},
        {"assignee": "me"},
        {"claimed_since": "2023-10-02T00:00:00Z"},
        {"claimed_until": "2023-10-01T00:00:00Z"},
        {"changed_since": now},
        {"changed_until": now},
        {"drift": "true"},
        {"as_of": now},
        {"as_of": now, "story": "attack", "status": "asserted"},
    ):
        ids_by_order: dict[str, list[str]] = {}
        for sort in ("changed", "claimed"):
            response = await desk.checker.get("/v1/claims", params={**filters, "sort": sort})
            ids_by_order[sort] = [item["id"] for item in response.json()["items"]]
        for text in ("troops", "kosovo", "the -army", '"operating regime"', "withdr*"):
            all_ids = await search_ids(desk.checker, text)
            narrow_ids = await search_ids(desk.checker, text, **filters, limit=2)
            assert sorted(narrow_ids) == sorted(
                each for each in all_ids if each in ids_by_order["changed"]
            )
            if "as_of" not in filters:
                assert narrow_ids == [each for each in all_ids if each in ids_by_order["changed"]]
            for sort, order in ids_by_order.items():
                for limit in (1, 50):
                    answer = await search_ids(desk.checker, text, **filters, sort=sort, limit=limit)
                    assert answer == [each for each in order if each in all_ids], (filters, sort)


@pytest.mark.parametrize(
    ("typed", "advice"),
    [
        ("", "there is no word in it to look for"),
        ('"unbalanced', 'a " is not closed: put one at each end of a phrase'),
        ("-only -exclusions", "say what to look for as well"),
        ("…", "there is no word in it"),
        ("*", "at least 3 letters or digits stand before an asterisk"),
        ("ab*", "at least 3 letters or digits"),
        ("a b c d e f g h i j k l m n o p q", "at most 16 words"),
        ("x" * 10_000, "at most 500 characters"),
    ],
)
async def test_unsearchable_query_is_refused(desk: Desk, typed: str, advice: str) -> None:
    """The answer is 422, with the parameter at fault and what to do about it."""
    body = require_problem(await desk.reader.get("/v1/claims", params={"q": typed}), "unsearchable")
    assert advice in body["detail"]
    assert body["errors"] == [{"loc": ["query", "q"], "msg": body["detail"]}]


async def test_order_by_relevance_needs_a_query(desk: Desk) -> None:
    """An unknown order, or one that needs a query, is refused."""
    for params in ({"sort": "relevance"}, {"q": "serbia", "sort": "best"}):
        refusal = await desk.reader.get("/v1/claims", params=params)
        assert require_field_error(refusal, "query", "sort")


async def test_cursor_of_one_query_is_refused_by_another(desk: Desk) -> None:
    """Nor does the plain list accept it."""
    await record_corpus(desk)
    first = await desk.reader.get("/v1/claims", params={"q": "serbia", "limit": 1})
    cursor = first.json()["next_cursor"]
    assert f"q=serbia&limit=1&cursor={escaped(cursor)}" in first.headers["Link"]
    for params in ({"q": "kosovo"}, {"q": "serbia", "sort": "changed"}, {}):
        refusal = await desk.reader.get("/v1/claims", params={**params, "cursor": cursor})
        require_problem(refusal, "invalid-cursor")


async def test_internal_texts_are_not_searched(desk: Desk) -> None:
    """Notes, reasons, drafts of decisions, assignees, sources and the desk's people find nothing,
    for anybody."""
    await desk.record_parties()
    claim = (await desk.record_claim())["id"]
    await desk.post(f"/v1/claims/{claim}/notes", {"text": "secretnote"})
    link = await desk.link_statement(claim, "supports", "nato", note="secretlink")
    await desk.change_status(claim, "confirmed", cites=[link["id"]], reason="secretdraft")
    second_link = await desk.link_statement(claim, "comments", "washington")
    body = {"reason": "secretretraction"}
    await desk.checker.post(f"/v1/links/{second_link['id']}/retraction", json=body)
    for secret in ("secretnote", "secretlink", "secretdraft", "secretretraction", "checker"):
        assert await search_ids(desk.admin, secret) == [], secret
    assert await search_ids(desk.reader, "example") == []
    assert await search_ids(desk.reader, "washington") == [], "its link was retracted"
    items = await search_claims(desk.reader, "regime")
    assert [each["assignee"] for each in items] == [None]


async def test_changed_claim_is_found_by_its_new_words(desk: Desk) -> None:
    """By its new words, and no longer by its former ones; a merged claim is found as the one that
    took its place."""
    await desk.record_parties()
    a, b = (
        (await desk.record_claim())["id"],
        (await desk.record_claim(text="Something else entirely"))["id"],
    )
    await desk.checker.patch(
        f"/v1/claims/{b}",
        json={"text": "Quite another wording", "material": True},
        headers={"If-Match": "*"},
    )
    assert await search_ids(desk.reader, "entirely") == []
    assert await search_ids(desk.reader, "wordings") == [b]
    link = await desk.link_statement(b, "comments", "nato")
    statement = link["statement"]["id"]
    await desk.post(f"/v1/statements/{statement}/quotes", build_quote("A late rendering"))
    assert await search_ids(desk.reader, "late rendering") == [b]
    await desk.editor.patch("/v1/parties/nato", json={"full_name": "Atlantic Alliance"})
    assert await search_ids(desk.reader, "alliance") == [b]
    await desk.editor.patch("/v1/parties/nato", json={"name": "The Pact"})
    assert await search_ids(desk.reader, "pact") == [b]
    speaker = (await desk.reader.get("/v1/speakers")).json()["items"][0]
    await desk.editor.patch(f"/v1/speakers/{speaker['id']}", json={"name": "Milena Nova"})
    assert set(await search_ids(desk.reader, "milena")) == {a, b}
    merge = await desk.checker.post(
        f"/v1/claims/{b}/merge", json={"into": a}, headers={"If-Match": "*"}
    )
    assert merge.status_code == 200
    assert await search_ids(desk.reader, "late rendering") == [a]
    assert await search_ids(desk.reader, "wordings") == []
    await desk.checker.post(
        f"/v1/claims/{a}/withdrawal", json={"reason": "x"}, headers={"If-Match": "*"}
    )
    assert await search_ids(desk.reader, "regime") == [a]


async def test_as_of_search_finds_what_was_known_then(desk: Desk) -> None:
    """Before, at and after each change of what a claim is found by, it is found by exactly what the
    desk knew: former wordings and names, links since retracted, nothing that came later."""
    await desk.record_parties()
    a = (await desk.record_claim(text="The first wording"))["id"]
    b = (await desk.record_claim(text="Of nothing like it", speaker=None))["id"]
    instants = []

    async def act(method: str, path: str, body: Any) -> dict[str, Any]:
        desk.clock.advance(minutes=5)
        response = await desk.editor.request(method, path, json=body, headers={"If-Match": "*"})
        assert response.is_success, response.text
        instants.append(desk.clock.now)
        return dict(response.json())

    search_statements = build_statement("nato", speaker={"name": "Jens", "role": "secretary"})
    search_statements["quotes"] = [build_quote("Patrols observed withdrawals")]
    link = await act(
        "POST", f"/v1/claims/{b}/links", {"statement": search_statements, "stance": "comments"}
    )
    statement = link["statement"]["id"]
    await act("POST", f"/v1/statements/{statement}/quotes", build_quote("Another rendering"))
    await act("PATCH", f"/v1/claims/{a}", {"text": "The second wording", "material": True})
    await act("PATCH", f"/v1/speakers/{link['statement']['speaker']['id']}", {"name": "Mircea"})
    await act("PATCH", "/v1/parties/nato", {"name": "The Alliance"})
    await act("POST", f"/v1/links/{link['id']}/retraction", {"reason": "misread"})
    await act("POST", f"/v1/statements/{statement}/quotes", build_quote("After the retraction"))
    await act("PATCH", "/v1/parties/belgrade", {"full_name": "Government of Serbia"})
    await act("POST", f"/v1/claims/{b}/merge", {"into": a})
    linked_at, rendered_at, worded_at, person, party, retracted_at, _, named_at, merged_at = (
        instants
    )
    begin, end = instants[0] - timedelta(days=1), instants[-1] + timedelta(days=1)
    for query, claim, *spans in (
        ("first wording", a, (begin, worded_at)),
        ("second wordings", a, (worded_at, end)),
        ('"first wording"', a, (begin, worded_at)),
        ("wording -first", a, (worded_at, end)),
        ("patrol", b, (linked_at, retracted_at)),
        ("withdraw obs*", b, (linked_at, retracted_at)),
        ("rendering", b, (rendered_at, retracted_at)),
        ("jens secretary", b, (linked_at, person)),
        ("mircea", b, (person, retracted_at)),
        ("nato", b, (linked_at, retracted_at)),
        ("alliance", b, (party, retracted_at)),
        ("nothing -patrols", b, (begin, linked_at), (retracted_at, merged_at)),
        ("retraction", b),
        ("government", a, (named_at, end)),
        ("nothing", b, (begin, merged_at)),
    ):
        for moment in instants:
            for at in (moment - MICROSECOND, moment, moment + MICROSECOND):
                is_known = any(start <= at < end for start, end in spans)
                for params in ({}, {"sort": "claimed"}):
                    items = await search_claims(desk.reader, query, as_of=at.isoformat(), **params)
                    assert (claim in [each["id"] for each in items]) is is_known, (query, at)
                    assert all(each["snippets"] for each in items)


async def test_as_of_search_ranks_by_what_was_known_then(desk: Desk) -> None:
    """Best first as of then, in pages of any size; a full name that has changed since is not
    known."""
    corpus = await record_corpus(desk)
    instant = desk.clock.now.isoformat()
    desk.clock.advance(minutes=1)
    for claim in corpus.ids:
        await desk.checker.patch(
            f"/v1/claims/{claim}",
            json={"text": "Something else", "material": False},
            headers={"If-Match": "*"},
        )
    for text in ("troops", "serbia kosovo", '"operating regime"', "belgrade -vojska", "withdr*"):
        expected = corpus.find(text)
        assert expected
        assert await search_ids(desk.reader, text, as_of=instant) == expected, text
        assert await search_ids(desk.reader, text, as_of=instant, limit=1) == expected, text
    assert await search_ids(desk.reader, "atlantic treaty", as_of=instant)
    await desk.editor.patch("/v1/parties/nato", json={"full_name": "Another name"})
    assert not await search_ids(desk.reader, "atlantic treaty", as_of=instant)
    assert not await search_ids(desk.reader, "another name", as_of=instant)


async def search_statements(
    client: httpx.AsyncClient, q: str, **query: Any
) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    params = {"q": q, **query}
    while True:
        response = await client.get("/v1/statements", params=params)
        assert response.status_code == 200, response.text
        page = response.json()
        items += page["items"]
        if page["next_cursor"] is None:
            return items
        params["cursor"] = page["next_cursor"]


async def test_statements_are_found_alike_on_both_databases(desk: Desk) -> None:
    """In their quotes first, then with who says them, newest first, alike on both databases, with
    every filter; what is new of them or of their speakers is found at once."""
    await record_corpus(desk)
    items = (await desk.reader.get("/v1/statements", params={"limit": 200})).json()["items"]
    items_by_id = {each["id"]: each for each in items}
    fields = {
        key: [
            *(
                searchable_fields.read_quote(Quoted(quote["text"], quote["language"]), Level.TEXT)
                for quote in shape["quotes"]
            ),
            *build_name_fields(shape["party"], shape["speaker"]),
        ]
        for key, shape in items_by_id.items()
    }
    narrowings: tuple[tuple[dict[str, str], Callable[[dict[str, Any]], bool]], ...] = (
        ({"party": "washington"}, lambda statement: bool(statement["root"] == "washington")),
        (
            {"since": "2023-10-02T00:00:00Z"},
            lambda statement: bool(statement["said_at"] >= "2023-10-02"),
        ),
        (
            {"until": "2023-10-01T00:00:00Z"},
            lambda statement: bool(statement["said_at"] < "2023-10-02"),
        ),
    )
    count = 0
    for text in QUERIES:
        if text in REFUSED:
            refusal = await desk.reader.get("/v1/statements", params={"q": text})
            require_problem(refusal, "unsearchable")
            continue
        query = query_parser.parse_query(text)
        ranks = {
            key: ranking.rank_fields(query, fields[key])
            for key in sorted(items_by_id, reverse=True)
        }
        expected = [key for tier in Tier for key, rank in ranks.items() if rank is tier]
        for limit in (2, 50):
            page_items = await search_statements(desk.reader, text, limit=limit)
            assert [each["id"] for each in page_items] == expected, text
        for each in page_items:
            assert each["snippets"]
            assert {**each, "snippets": None} == {**items_by_id[each["id"]], "snippets": None}
        count += len(page_items)
        for filters, matches in narrowings:
            narrow_items = await search_statements(desk.reader, text, **filters, limit=3)
            assert [each["id"] for each in narrow_items] == [
                k for k in expected if matches(items_by_id[k])
            ]
    assert count > 120
    miller = next(each for each in items if each["speaker"] and "Miller" in each["speaker"]["name"])
    person = miller["speaker"]["id"]
    items_of_speaker = await search_statements(desk.reader, "miller", speaker=person)
    assert [each["id"] for each in items_of_speaker] == [miller["id"]]
    await desk.post(f"/v1/statements/{miller['id']}/quotes", build_quote("An unheard-of rendering"))
    assert [each["id"] for each in await search_statements(desk.reader, "unheard")] == [
        miller["id"]
    ]
    await desk.editor.patch(f"/v1/speakers/{person}", json={"name": "Zoltan"})
    assert miller["id"] in [each["id"] for each in await search_statements(desk.reader, "zoltan")]
    await desk.editor.patch("/v1/parties/nato", json={"full_name": "The Pact of Warsaw"})
    assert {each["party"] for each in await search_statements(desk.reader, "warsaw")} == {"nato"}
    require_problem(
        await desk.public.get("/v1/statements", params={"q": "serbia"}), "not-authenticated"
    )
