"""A statement's page: its renderings, what it bears on, another rendering, its withdrawal."""

from typing import Any

import pytest

from tests.desk.conftest import People, parse_page, read_text, read_words, send_form, submit
from tests.desk.test_stories import open_to_all
from tests.support.desk import SOURCE, Desk


@pytest.fixture
async def confirmed_claim(desk: Desk) -> tuple[str, str]:
    """A claim that NATO's statement confirmed: the claim's id and the statement's."""
    await desk.record_parties()
    claim = (await desk.record_claim())["id"]
    link = await desk.confirm_claim(claim, "nato")
    links = (await desk.reader.get(f"/v1/claims/{claim}/links")).json()["items"]
    (statement,) = [item["statement"]["id"] for item in links if item["id"] == link]
    return claim, statement


def build_fields(**changes: Any) -> dict[str, Any]:
    return {
        "quote": "  We wait.\nTo see it.",
        "language": "en",
        "rendering": "paraphrase",
        "url": "https://example.net/a",
        "publisher": "Another Outlet",
        "published_on": "2023-10-04",
    } | changes


async def test_a_statement_shows_its_words_source_and_claims(
    people: People, confirmed_claim: tuple[str, str]
) -> None:
    claim, statement = confirmed_claim
    answer = await people.reader.get(f"/statements/{statement}")
    text = read_text(answer)
    for part in (
        "NATO, 2 October 2023",
        "basis: own observation",
        "We are waiting to see confirmation of this.",
        "Example News",
        "supports",
        "Confirmed",
    ):
        assert part in text, part
    page = parse_page(answer)
    assert page.xpath(f'//li[@data-row]//a[@href="/claims/{claim}"]')
    (outside,) = page.xpath(f'//a[@href="{SOURCE["url"]}"]')
    assert outside.get("rel") == "noopener nofollow"
    assert not page.xpath('//main//form[@method="post"]'), "readers change nothing"


async def test_origin_of_a_claim_is_marked(desk: Desk, people: People) -> None:
    await desk.record_parties()
    await desk.record_claim()
    statement = (await desk.reader.get("/v1/statements")).json()["items"][0]["id"]
    assert "the claim’s own words" in read_text(await people.reader.get(f"/statements/{statement}"))


async def test_another_rendering_is_shown_beside_the_first(
    people: People, confirmed_claim: tuple[str, str]
) -> None:
    """Its words are kept as they were typed, its source with its day."""
    url = f"/statements/{confirmed_claim[1]}"
    answer = await submit(people.checker, url, f"{url}/quotes", **build_fields())
    assert answer.headers["location"] == f"{url}?done=recorded"
    page = await people.checker.get(url)
    assert "2 renderings of the same words" in read_text(page)
    assert "Another Outlet, 4 Oct 2023" in read_text(page)
    quotes = parse_page(page).xpath("//blockquote")
    assert quotes[1].text_content() == "  We wait.\nTo see it."


@pytest.mark.parametrize(
    ("changes", "at"),
    [
        ({"quote": " "}, "quote"),
        ({"language": "english please"}, "language"),
        ({"url": "javascript:alert(1)"}, "url"),
        ({"archive_url": "ftp://example.org"}, "archive_url"),
        ({"published_on": "2023-02-30"}, "published_on"),
        ({"rendering": "sung"}, "rendering"),
    ],
)
async def test_a_refused_rendering_keeps_what_was_typed(
    people: People, confirmed_claim: tuple[str, str], changes: dict[str, str], at: str
) -> None:
    url = f"/statements/{confirmed_claim[1]}"
    answer = await submit(people.checker, url, f"{url}/quotes", **build_fields(**changes))
    assert answer.status_code == 422
    page = parse_page(answer)
    assert page.xpath('//*[@aria-invalid="true"]/@id') == [at], "and at no other"
    assert read_words(page.get_element_by_id(f"fault-{at}"))
    assert page.xpath('//*[@id="faults"]//li/a/@href') == [f"#{at}"]
    assert page.get_element_by_id("publisher").value == "Another Outlet"
    if at != "quote":
        assert page.get_element_by_id("quote").value.strip() == build_fields()["quote"].strip()


async def test_a_double_click_adds_one_rendering(
    people: People, confirmed_claim: tuple[str, str]
) -> None:
    url = f"/statements/{confirmed_claim[1]}"
    page = await people.checker.get(url)
    for _ in range(2):
        answer = await send_form(people.checker, page, f"{url}/quotes", **build_fields())
        assert answer.status_code == 303
    assert "2 renderings" in read_text(await people.checker.get(url))


async def test_withdrawn_statement_takes_its_claims_confirmation_back(
    desk: Desk, people: People, confirmed_claim: tuple[str, str]
) -> None:
    """The form says what will happen, it happens, and the words stay, struck through."""
    claim, statement = confirmed_claim
    url = f"/statements/{statement}/withdraw"
    page = read_text(await people.checker.get(url))
    assert "weighed anew" in page
    assert "Serbia has returned" in page
    answer = await submit(
        people.checker, url, url, reason="It corrected itself.", url="https://nato.example/1"
    )
    assert answer.headers["location"] == f"/statements/{statement}?done=statement-withdrawn"
    response = await people.checker.get(answer.headers["location"])
    assert "Every claim that it is linked to was weighed anew." in read_text(response)
    assert "It corrected itself." in read_text(response)
    assert parse_page(response).xpath("//blockquote/s")
    assert parse_page(response).xpath('//a[@href="https://nato.example/1"]')
    assert f'href="{url}"' not in response.text
    assert (await desk.read_claim(claim))["status"] == "awaiting_confirmation"


@pytest.mark.parametrize(
    ("fields", "at"),
    [
        ({"reason": ""}, "reason"),
        ({"reason": "x", "url": "nowhere"}, "url"),
        ({"reason": "x", "publisher": "NATO"}, "url"),
    ],
)
async def test_a_refused_withdrawal_keeps_what_was_typed(
    desk: Desk, people: People, confirmed_claim: tuple[str, str], fields: dict[str, str], at: str
) -> None:
    url = f"/statements/{confirmed_claim[1]}/withdraw"
    answer = await submit(people.checker, url, url, **fields)
    assert answer.status_code == 422
    page = parse_page(answer)
    assert page.xpath('//*[@aria-invalid="true"]/@id') == [at]
    assert page.get_element_by_id("reason").value.strip() == fields["reason"]
    assert (await desk.read_claim(confirmed_claim[0]))["status"] == "confirmed"


async def test_second_withdrawal_is_refused_and_keeps_what_was_typed(
    people: People, confirmed_claim: tuple[str, str]
) -> None:
    """Of two people at once the second is told."""
    url = f"/statements/{confirmed_claim[1]}/withdraw"
    page = await people.checker.get(url)
    assert (await submit(people.checker2, url, url, reason="First.")).status_code == 303
    answer = await send_form(people.checker, page, url, reason="Second.")
    assert answer.status_code == 409
    assert "withdrawn before" in read_text(answer)
    assert parse_page(answer).get_element_by_id("reason").value.strip() == "Second."


async def test_readers_cannot_change_statements(
    desk: Desk, people: People, confirmed_claim: tuple[str, str]
) -> None:
    """Readers read; the public does not, even where claims are public; no token, no change."""
    url = f"/statements/{confirmed_claim[1]}"
    open_to_all(desk)
    assert (await people.public.get(url)).status_code == 303
    assert (await people.reader.get(f"{url}/withdraw")).status_code == 403
    for action in ("quotes", "withdraw"):
        assert (await people.reader.post(f"{url}/{action}", data={})).status_code == 403
        refusal = await people.checker.post(f"{url}/{action}", data=build_fields(reason="Stolen."))
        assert refusal.status_code == 403
    assert "Withdrawn" not in read_text(await people.reader.get(url))
    missing_statement = "/statements/01970000-0000-7000-8000-000000000000"
    for path in (missing_statement, f"{missing_statement}/withdraw"):
        assert (await people.checker.get(path)).status_code == 404


async def test_a_known_address_without_a_headline_is_the_known_source(
    desk: Desk, people: People, confirmed_claim: tuple[str, str]
) -> None:
    """Another would have no name; what is typed and differs from the known makes one."""
    claim, statement = confirmed_claim
    source = await desk.post(
        "/v1/sources",
        {
            "url": "https://example.net/a",
            "publisher": "Another Outlet",
            "title": "A headline",
            "published_at": "2023-10-04T00:00:00Z",
            "sha256": "a" * 64,
        },
    )
    form = build_fields(url="https://EXAMPLE.net/a?utm_source=mail")
    page = f"/statements/{statement}"
    answer = await submit(people.checker, page, f"{page}/quotes", **form)
    assert answer.status_code == 303
    link = f"/claims/{claim}/link"
    answer = await submit(
        people.checker,
        link,
        link,
        party="nato",
        said_on="2023-10-02",
        basis="documents",
        stance="comments",
        quote="Words",
        language="en",
        rendering="verbatim",
        url=form["url"],
    )
    assert answer.status_code == 303, answer.text
    sources = (await desk.reader.get("/v1/sources", params={"url": form["url"]})).json()["items"]
    assert sources == [source]
    other = build_fields(url=form["url"], publisher="A Third Outlet")
    await submit(people.checker, page, f"{page}/quotes", **other)
    sources = (await desk.reader.get("/v1/sources", params={"url": form["url"]})).json()["items"]
    assert len(sources) == 2
