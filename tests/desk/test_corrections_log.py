"""The page of the corrections log: whatever no longer holds, as it was and as it is."""

from collections.abc import AsyncIterator

import pytest

from service.config import Settings
from service.desk.layout import differences
from tests.api.test_corrections_log import record_corrections
from tests.desk.conftest import People, parse_page, read_words
from tests.support import desk as support
from tests.support.desk import Desk


@pytest.fixture
async def desk(settings: Settings) -> AsyncIterator[Desk]:
    """A desk that lets the public read."""
    async with support.run_desk(settings.model_copy(update={"public_read": True})) as desk:
        yield desk


@pytest.mark.parametrize(
    ("before", "after", "marked"),
    [
        ("Some left.", "Some left.", ("Some left.", "Some left.")),
        (
            "The old army left town.",
            "The army left the town.",
            ("The <del>old</del> army left town.", "The army left <ins>the</ins> town."),
        ),
        ("It left. He saw it.", "He saw it.", ("<del>It left.</del> He saw it.", "He saw it.")),
        (
            # Repeated so, words take the cube of their number to compare: a minute for these.
            f"Start {'la ' * 900}end",
            f"Start {'la di ' * 450}end",
            (f"<del>Start {'la ' * 900}end</del>", f"<ins>Start {'la di ' * 450}end</ins>"),
        ),
        (
            f"{'la ' * 400}now he {'da ' * 400}left",
            f"{'la ' * 400}then she {'da ' * 400}left",
            (
                f"{'la ' * 400}<del>now he</del> {'da ' * 400}left",
                f"{'la ' * 400}<ins>then she</ins> {'da ' * 400}left",
            ),
        ),
    ],
    ids=["same", "words", "sentences", "repeated", "ends alike"],
)
def test_differing_words_are_marked_without_much_work(
    before: str, after: str, marked: tuple[str, str]
) -> None:
    assert differences.mark_differences(before, after) == marked


async def test_public_reads_corrections_with_differing_words_marked(
    desk: Desk, people: People
) -> None:
    """The newest first; what was printed and what may be printed stand beside each other, and each
    leads to the claim, now and as it was."""
    first, _ = await record_corrections(desk)
    page = parse_page(await people.browser().get("/corrections"))
    lines = page.cssselect(".notices > li")
    assert [read_words(line.cssselect(".notice-head .status")[0]) for line in lines] == [
        "Kill",
        "Correction",
        "Kill",
    ]
    fall = lines[2]
    assert "No longer confirmed; the claim is awaiting confirmation" in read_words(fall)
    [deletion] = fall.cssselect("del")
    [insertion] = fall.cssselect("ins")
    assert read_words(deletion) == "Independently confirmed by NATO."
    assert read_words(insertion) == "Awaiting confirmation. No independent party has confirmed it."
    links = [link.get("href") for link in fall.cssselect("a")]
    assert links[0] == f"/claims/{first}"
    earlier_page = await people.browser().get(links[1])
    assert "This is what the desk knew" in read_words(parse_page(earlier_page))


async def test_corrections_are_linked_from_head_foot_and_claim(desk: Desk, people: People) -> None:
    """Every page leads there; a claim's leads to its own, and the filters narrow the list."""
    first, second = await record_corrections(desk)
    page = parse_page(await people.browser().get(f"/claims/{first}"))
    assert "/feeds/corrections.atom" in page.xpath("//head/link[@rel='alternate']/@href")
    assert "/corrections" in page.xpath("//footer//a/@href")
    [own] = page.xpath("//main//a[starts-with(@href, '/corrections?')]/@href")

    async def list_claims(address: str) -> list[str]:
        shown_page = parse_page(await people.browser().get(address))
        links = shown_page.xpath("//ol[@class='notices']//a/@href")
        return [link.removeprefix("/claims/") for link in links if "?" not in link]

    assert await list_claims(own) == [first, first]
    assert await list_claims("/corrections?type=claim.voided&since=&until=") == [second]
    assert await list_claims("/corrections?since=2023-10-03") == [second]
    assert await list_claims("/corrections?until=2023-10-02") == [first, first]
    assert await list_claims("/corrections?since=2023-10-04") == []
    for query in ("type=x", "claim=x", "since=yesterday", "until=0001-01-01"):
        assert (await people.browser().get(f"/corrections?{query}")).status_code == 422


async def test_long_log_goes_on_page_by_page(desk: Desk, people: People) -> None:
    """Each correction once, with the filters kept."""
    await desk.record_parties()
    claims = [(await desk.record_claim(text=f"Parody {number}"))["id"] for number in range(26)]
    for claim in claims:
        await desk.post(f"/v1/claims/{claim}/void", {"reason": "a parody"}, status=200)
    first = parse_page(await people.reader.get("/corrections?type=claim.voided&done=x"))
    [following] = first.xpath("//a[@rel='next']/@href")
    assert "type=claim.voided" in following
    second = parse_page(await people.reader.get(following))
    claim_ids = [
        link.removeprefix("/claims/")
        for page in (first, second)
        for link in page.xpath("//ol[@class='notices']//a/@href")
        if "?" not in link
    ]
    assert claim_ids == claims[::-1]
    assert second.xpath("//a[@rel='next']") == []


async def test_empty_log_teaches_what_stands_in_it(people: People) -> None:
    """And a filter that finds nothing leads back to all of it."""
    page = parse_page(await people.browser().get("/corrections"))
    assert "Nothing was corrected yet" in read_words(page)
    narrow_page = parse_page(await people.browser().get("/corrections?type=claim.voided"))
    assert narrow_page.xpath("//main//a[@href='/corrections']")
