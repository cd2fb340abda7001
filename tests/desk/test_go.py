"""The page behind the command palette: claims, stories, people and actions by a few letters."""

from tests.desk.conftest import People, parse_page, read_text
from tests.support.desk import Desk


async def list_found(people: People, text: str, name: str = "checker") -> dict[str, str]:
    page = parse_page(await getattr(people, name).get("/go", params={"q": text}))
    return {
        link.text_content().strip(): link.get("href")
        for link in page.cssselect("#destinations li a")
    }


async def test_few_letters_lead_to_claims_stories_people_and_actions(
    desk: Desk, people: People
) -> None:
    """Each by a part of its words, however it is spelled."""
    await desk.record_parties()
    await desk.post("/v1/stories", {"slug": "border", "title": "Serbian troops at the border"})
    claim = await desk.record_claim(text="Serbia moved troops to the line", story="border")
    places = await list_found(people, "serb troo")
    assert places["Serbia moved troops to the line"] == f"/claims/{claim['id']}"
    assert places["Serbian troops at the border"] == "/stories/border"
    assert (await list_found(people, "washing"))["Washington"] == "/parties/washington"
    assert (await list_found(people, "article"))["Add an article"] == "/intake"


async def test_nothing_is_offered_that_one_may_not_do(desk: Desk, people: People) -> None:
    """Administrators find the desk's people; readers find no page that they would be refused."""
    await desk.record_parties()
    assert "Add an article" not in await list_found(people, "", "reader")
    assert not await list_found(people, "boris", "checker")
    address = (await list_found(people, "boris", "admin"))["Boris Checker"]
    assert address == f"/admin/people/{people.ids['checker2']}"
    empty_page = await people.reader.get("/go", params={"q": "-"})
    assert "Nothing is called so" in read_text(empty_page)
