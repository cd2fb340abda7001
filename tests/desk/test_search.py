"""Search at the desk: what is found, how it is shown, and what is said where nothing is."""

import pytest

from service.search.finding import facets
from tests.desk.conftest import People, parse_page, read_text, read_words
from tests.desk.test_stories import open_to_all
from tests.support.desk import Desk, build_quote


@pytest.fixture
async def claim(desk: Desk) -> str:
    """C1 and a request for its confirmation; its id."""
    await desk.record_parties()
    claim_view = await desk.record_claim()
    await desk.link_statement(claim_view["id"], "requests_confirmation", "state-department")
    return str(claim_view["id"])


async def test_empty_search_shows_how_to_search(people: People) -> None:
    for path in ("/search", "/search?q=", "/search?q=%20"):
        page = await people.reader.get(path)
        assert page.status_code == 200
        for example in ('"armed group"', "mojsil*", "troops -NATO"):
            assert example in read_text(page)


async def test_claims_and_statements_are_found_and_marked(people: People, claim: str) -> None:
    """What was found is marked in the wording itself; statements stand below claims."""
    page = parse_page(await people.reader.get("/search?q=regimes"))
    (row,) = page.xpath(f'//li[@id="c-{claim}"]')
    assert row.xpath(f'.//a[@href="/claims/{claim}"]//mark/text()') == ["regime"]
    (statement_item,) = page.xpath('//section[@aria-labelledby="found-statements"]//li')
    assert statement_item.xpath(".//mark/text()") == ["regime"]
    assert statement_item.xpath('.//a[starts-with(@href, "/statements/")]')
    assert page.get_element_by_id("q").value == "regimes"


async def test_matches_in_quotes_and_names_are_shown_below(people: People, claim: str) -> None:
    page = parse_page(await people.reader.get("/search?q=waiting"))
    (row,) = page.xpath(f'//li[@id="c-{claim}"]')
    assert row.xpath('.//p[@class="snippet"]/mark/text()') == ["waiting"]


async def test_found_text_is_escaped(desk: Desk, people: People) -> None:
    """Only the marks are HTML; whatever stands between them is text."""
    await desk.record_parties()
    await desk.record_claim(
        text="<script>alert(1)</script> & <b>troops</b>",
        origin={"quotes": [build_quote("<img src=x onerror=alert(2)> troops")]},
    )
    answer = await people.reader.get("/search", params={"q": 'troops "onerror"'})
    page = parse_page(answer)
    assert "<script>alert" not in answer.text
    assert not page.xpath("//main//script | //main//img | //main//b[text()='troops']")
    assert page.xpath("//main//mark")
    hostile = await people.reader.get("/search", params={"q": '"><script>alert(3)</script>'})
    assert "<script>alert" not in hostile.text


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ('"open', "is not closed"),
        ("-troops", "say what to look for as well"),
        ("tr*", "at least 3 letters"),
        ("? !", "no word"),
        ("a b c d e f g h i j k l m n o p q", "at most 16 words"),
        ("x" * 501, "at most 500 characters"),
    ],
)
async def test_unsearchable_query_is_kept_and_explained(
    people: People, query: str, reason: str
) -> None:
    """The page says what is wrong and how it is done, with the query still in its box."""
    answer = await people.reader.get("/search", params={"q": query})
    assert answer.status_code == 422
    page = parse_page(answer)
    (fault,) = page.xpath('//p[@role="alert"]')
    assert reason in read_words(fault)
    assert page.get_element_by_id("q").value == query
    assert "How to search" in read_text(answer)


async def test_empty_result_gives_advice(people: People, claim: str) -> None:
    text = read_text(await people.checker.get("/search?q=zeppelin"))
    assert "Nothing found" in text
    assert "Try fewer words" in text
    filtered_text = read_text(
        await people.checker.get("/search?q=regime&status=confirmed&in=claims")
    )
    assert "No claim within these filters" in filtered_text
    assert "Clear" in filtered_text


async def test_filters_narrow_claims_and_are_kept(desk: Desk, people: People, claim: str) -> None:
    await desk.post("/v1/stories", {"slug": "border", "title": "Kosovo border"})
    other = (await desk.record_claim(story="border", kind="figure"))["id"]
    for query in ("story=border", "kind=figure", "status=asserted"):
        page = parse_page(await people.reader.get(f"/search?q=regime&{query}"))
        assert page.xpath('//li[starts-with(@id, "c-")]/@id') == [f"c-{other}"]
        (chip,) = page.xpath('//nav[@class="facets"]//a[@class="chip"]')
        assert chip.get("href") == "/search?q=regime"
        assert page.xpath(f'//form[@class="filters"]//input[@name="{query.partition("=")[0]}"]')
    every = parse_page(
        await people.reader.get("/search?q=regime&status=&story=&kind=&sort=claimed")
    )
    assert len(every.xpath('//li[starts-with(@id, "c-")]')) == 2


async def test_facets_narrow_the_search_and_lead_back(
    desk: Desk, people: People, claim: str
) -> None:
    """Each value says how many claims it leaves, and its link leaves so many."""
    await desk.post("/v1/stories", {"slug": "border", "title": "Kosovo <border>"})
    await desk.record_claim(story="border", kind="figure")
    await desk.record_claim(story="border")
    await desk.confirm_claim(claim)
    page = parse_page(await people.reader.get("/search?q=regime"))
    links = page.xpath('//nav[@class="facets"]//li')
    link_texts = {read_words(link) for link in links}
    assert {"Asserted 2", "Confirmed 1", "event 2", "figure 1"} <= link_texts
    for link in links:
        (address,) = link.xpath("./a/@href")
        count = int(link.xpath('./span[@class="count"]/text()')[0])
        narrow_page = parse_page(await people.reader.get(address))
        assert len(narrow_page.xpath('//li[starts-with(@id, "c-")]')) == count, address
        (back,) = narrow_page.xpath('//nav[@class="facets"]//a[@class="chip"]/@href')
        assert back == "/search?q=regime"
    empty_page = parse_page(
        await people.reader.get("/search?q=regime&kind=position&status=asserted")
    )
    assert len(empty_page.xpath('//nav[@class="facets"]//a[@class="chip"]')) == 2
    assert "<border>" not in (await people.reader.get("/search?q=regime&story=border")).text


async def test_bounded_facets_say_at_least(
    people: People, claim: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(facets, "MOST", 1)
    page = await people.reader.get("/search?q=regime&status=asserted")
    assert "At least so many" in read_text(page)


async def test_results_have_pages(desk: Desk, people: People) -> None:
    """Claims and, on pages of their own, statements: each once."""
    await desk.record_parties()
    claim_ids = [(await desk.record_claim(text=f"Troops, report {n}"))["id"] for n in range(30)]

    async def walk_pages(address: str | None, rows: str) -> list[str]:
        row_ids: list[str] = []
        while address is not None:
            page = parse_page(await people.reader.get(address))
            row_ids += page.xpath(rows)
            following = page.xpath('//a[@rel="next"]/@href')
            address = following[0] if following else None
        return row_ids

    claims = await walk_pages("/search?q=troops", '//li[starts-with(@id, "c-")]/@id')
    assert sorted(claims) == sorted(f"c-{item}" for item in claim_ids)
    first = parse_page(await people.reader.get("/search?q=regime"))
    (every,) = first.xpath('//a[text()="All statements"]/@href')
    statements = await walk_pages(every, '//li[starts-with(@id, "t-")]/@id')
    assert len(statements) == len(set(statements)) == 30
    assert (await people.reader.get("/search?q=troops&cursor=nonsense")).status_code == 422


async def test_as_of_search_shows_what_was_known_then(
    desk: Desk, people: People, claim: str
) -> None:
    before = desk.clock.advance(hours=1)
    desk.clock.advance(hours=1)
    await desk.record_claim(text="A later regime")
    page = await people.reader.get("/search", params={"q": "regime", "as_of": before.isoformat()})
    assert "As the desk knew it on" in read_text(page)
    assert "A later" not in read_text(page)
    assert "Statements" not in [item.text for item in parse_page(page).xpath("//h2")]


async def test_public_finds_claims_only(desk: Desk, people: People, claim: str) -> None:
    """No statements, whatever the address says; nothing at all where reading is not public."""
    assert (await people.public.get("/search?q=regime")).status_code == 303
    open_to_all(desk)
    for path in ("/search?q=regime", "/search?q=regime&in=statements"):
        page = await people.public.get(path)
        assert page.status_code == 200
        assert f"/claims/{claim}" in page.text
        assert "/statements/" not in page.text
        assert "found-statements" not in page.text
    assert (await people.public.get("/search?q=regime&assignee=x")).status_code in (303, 401)
