"""A claim with many statements: its page stays light, and links to all of them."""

import re

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
