"""Lists of several pages: each begins where the one before ended."""

import pytest

from tests.desk.conftest import People, parse_page, read_words


@pytest.mark.parametrize(
    "address",
    [
        "/?status=asserted",
        # As the form of filters sends it, and as a page is called up after something was done.
        "/?status=asserted&story=&kind=",
        "/?status=asserted&done=recorded",
        "/?status=asserted&kind=event&story=&utm_source=mail",
    ],
)
async def test_next_page_begins_where_the_page_before_ended(people: People, address: str) -> None:
    """Without what only came along: empty filters, and word of what was done."""
    desk = people.desk
    await desk.record_parties()
    await desk.post("/v1/stories", {"slug": "border", "title": "The border"})
    for number in range(53):
        await desk.record_claim(text=f"Claim number {number} of the list")
    first = await people.checker.get(address)
    [following] = parse_page(first).xpath("//a[@rel='next']/@href")
    second = await people.checker.get(following)
    assert second.status_code == 200, second.text[:500]
    row_ids = [
        row_id
        for page in (first, second)
        for row_id in parse_page(page).xpath("//ol[@id='rows']/li/@id")
    ]
    assert len(row_ids) == len(set(row_ids)) == 53


async def test_withdrawn_claim_leaves_its_group_and_count(people: People) -> None:
    """On the board, in the list of its status, and among a story's; it has a list of its own."""
    desk = people.desk
    await desk.record_parties()
    await desk.post("/v1/stories", {"slug": "border", "title": "The border"})
    kept_claim = (await desk.record_claim(text="A claim in force", story="border"))["id"]
    withdrawn_claim = (await desk.record_claim(text="A claim taken back", story="border"))["id"]
    await desk.post(f"/v1/claims/{withdrawn_claim}/withdrawal", {"reason": "corrected"}, status=200)

    board = parse_page(await people.checker.get("/"))
    (group,) = board.cssselect("#g-asserted")
    assert read_words(group.cssselect(".count")[0]) == "1"
    assert withdrawn_claim not in str(group.xpath("string(ol)")) + "".join(group.xpath(".//li/@id"))
    (whole_group,) = group.xpath("h2/a/@href")
    (withdrawn_list,) = board.xpath("//a[contains(@href, 'lifecycle=withdrawn')]/@href")
    for address, claim in ((whole_group, kept_claim), (withdrawn_list, withdrawn_claim)):
        page = parse_page(await people.checker.get(address))
        links = page.xpath("//ol[@id='rows']//a/@href")
        assert [link for link in links if link.startswith("/claims/")] == [f"/claims/{claim}"]
    stories = parse_page(await people.checker.get("/stories"))
    assert "1 asserted" in " ".join(read_words(stories).lower().split())
    for query, expected in (("active", [kept_claim]), ("withdrawn", [withdrawn_claim])):
        answer = await desk.reader.get("/v1/claims", params={"lifecycle": query})
        assert [item["id"] for item in answer.json()["items"]] == expected
    refusal = await desk.reader.get("/v1/claims", params={"lifecycle": "merged"})
    assert refusal.status_code == 422


async def test_empty_board_offers_to_take_in_an_article_to_whom_may_record(people: People) -> None:
    """Whoever reads it first: what is kept of a board is not for everybody's eyes."""
    await people.desk.record_parties()
    offers = []
    for reader in (people.reader, people.checker, people.reader, people.editor):
        board = parse_page(await reader.get("/"))
        offers.append(bool(board.xpath("//main//a[@href='/intake']")))
    assert offers == [False, True, False, True]
