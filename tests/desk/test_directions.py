"""Text from right to left stands apart from what is around it, on every page that shows it."""

import re
from typing import Any

from tests.desk.conftest import People, parsed

ARABIC = re.compile("[\u0590-\u08ff]")
UNSHOWN = {"title", "script", "style", "option", "textarea", "datalist"}


def find_loose_texts(page: Any) -> list[str]:
    """List the shown texts with Arabic letters that neither `bdi` nor `dir="auto"` isolates."""
    return [
        str(text)
        for text in page.xpath("//body//text()")
        if ARABIC.search(text) and not is_isolated(text)
    ]


def is_isolated(text: Any) -> bool:
    # The text behind an element is its parent's.
    element = text.getparent().getparent() if text.is_tail else text.getparent()
    return any(
        above.tag == "bdi" or above.get("dir") == "auto" or above.tag in UNSHOWN
        for above in (element, *element.iterancestors())
    )


async def test_pages_isolate_text_from_right_to_left(people: People) -> None:
    desk = people.desk
    await desk.parties()
    await desk.post("/v1/parties", {"slug": "falih", "name": "فالح (KFOR)"})
    await desk.post("/v1/stories", {"slug": "hudud", "title": "الحدود (2023)"})
    claim = (await desk.claim(text="عبر ثلاثون جنديا (KFOR)", story="hudud", claimant="falih"))[
        "id"
    ]
    link = await desk.link(claim, "supports", "falih", note="سمعناه (مرتين)")
    pages = ["/", f"/claims/{claim}", "/stories", "/stories/hudud"]
    pages += ["/parties", "/parties/falih", f"/claims/{claim}/amend", f"/claims/{claim}/link"]
    pages += [f"/links/{link['id']}/retract", f"/claims/{claim}/merge"]
    for address in pages:
        answer = await people.editor.get(address)
        assert answer.status_code == 200, address
        assert ARABIC.search(answer.text), address
        assert find_loose_texts(parsed(answer)) == [], address


async def test_print_line_isolates_a_name_and_copies_clean(people: People) -> None:
    desk = people.desk
    await desk.parties()
    await desk.post("/v1/parties", {"slug": "falih", "name": "فالح العلي"})
    claim = await desk.claim(claimant="falih")
    page = parsed(await people.checker.get(f"/claims/{claim['id']}"))
    (line,) = page.cssselect("#print-line")
    assert [name.text for name in line.cssselect("bdi")] == ["فالح العلي"]
    assert line.text_content() == claim["print_line"]
