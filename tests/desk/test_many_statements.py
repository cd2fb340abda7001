"""A claim with many statements: its page stays light, and links to all of them."""

import re

from tests.desk import rich_desk
from tests.desk.conftest import send_form, sign_people_in
from tests.support.desk import Desk

PARTIES, EACH = 14, 8


async def record_statements(desk: Desk) -> tuple[str, list[str]]:
    claim = (await desk.record_claim())["id"]
    links = []
    for number in range(PARTIES):
        slug = f"party-{number}"
        await desk.post("/v1/parties", {"slug": slug, "name": f"Party {number}"})
        for _ in range(EACH):
            links.append(
                (await desk.link_statement(claim, "comments", slug, basis="unstated"))["id"]
            )
    return claim, links


async def test_page_of_many_statements_is_light_and_links_to_all_of_them(desk: Desk) -> None:
    await desk.record_parties()
    claim, links = await record_statements(desk)
    supporter = (await desk.link_statement(claim, "supports", "nato"))["id"]
    page = (await desk.checker.get(f"/claims/{claim}")).text
    matches = set(re.findall(r'id="l-([0-9a-f-]{36})"', page))
    assert supporter in matches, "who takes a side is shown first"
    assert len(matches) <= 30
    assert len(page) < 50_000
    assert "more parties" in " ".join(page.split())
    link_ids: list[str] = []
    url: str | None = f"/claims/{claim}?record=all"
    while url is not None:
        page = (await desk.checker.get(url)).text
        link_ids += re.findall(r'id="l-([0-9a-f-]{36})"', page)
        following = re.search(r'rel="next"\s+href="([^"#]*)', page)
        url = following[1].replace("&amp;", "&") if following else None
    assert sorted(link_ids) == sorted([*links, supporter])
    numbers: list[int] = []
    url = f"/claims/{claim}?record=all"
    while url is not None:
        page = (await desk.checker.get(url)).text
        numbers = [*map(int, re.findall(r'id="e-(\d+)"', page)), *numbers]
        following = re.search(r'href="([^"#]*ahead_of=\d+)#record"', page)
        url = following[1].replace("&amp;", "&") if following else None
    assert numbers == [*range(1, PARTIES * EACH + 3)]


async def test_page_of_twelve_voices_is_light_for_whoever_sees_most_of_it(desk: Desk) -> None:
    """Long names and words, stances of all kinds, what an administrator may do with each, a note
    at each, and the views that the menu has room for: under 50 kB."""
    desk.clock.advance(days=60)
    eva = rich_desk.Hand(desk.editor, desk.keys["editor"])
    await rich_desk.begin_story(eva)
    claim = await rich_desk.record_claim(eva, 0)
    async with sign_people_in(desk) as people:
        board = await people.admin.get("/?tag=harbour")
        for number in range(20):
            answer = await send_form(
                people.admin,
                board,
                "/views",
                name=f"What is disputed of the harbour, week {number}",
                query=f"claimant=party-{number % 12}&status=disputed&tag=harbour",
                **({"shared": "true"} if number % 2 else {}),
            )
            assert answer.status_code == 303
        page = await people.admin.get(f"/claims/{claim}")
    assert "All 20 views" in page.text
    assert len(page.content) < 50_000
