"""Text from right to left stands apart from what is around it, on every page that shows it."""

import re
from typing import Any

from tests.desk.conftest import People, parse_page, read_words
from tests.support.desk import build_quote, build_statement

ARABIC = re.compile("[\u0590-\u08ff]")
UNSHOWN = {"title", "script", "style", "option", "textarea", "datalist"}


def find_loose_texts(page: Any) -> list[str]:
    """List the shown texts with Arabic letters that neither `bdi` nor `dir="auto"` isolates."""
    return [
        str(text)
        for text in page.xpath("//body//text()")
        if ARABIC.search(text) and not is_isolated(text)
    ]


SPOKEN = ("title", "aria-label", "alt", "placeholder")
"""Attributes that are shown or read aloud."""


def find_loose_words(page: Any) -> list[str]:
    """List the attributes and options that mix text from right to left with ours, unmarked."""
    attributes = [
        value
        for name in SPOKEN
        for value in page.xpath(f"//body//@{name}")
        if ARABIC.search(value) and "\u2068" not in value
    ]
    options = [
        option.text
        for option in page.iter("option")
        if option.text and ARABIC.search(option.text) and option.get("dir") != "auto"
    ]
    return attributes + options


def is_isolated(text: Any) -> bool:
    # The text behind an element is its parent's.
    element = text.getparent().getparent() if text.is_tail else text.getparent()
    return any(
        ancestor.tag == "bdi" or ancestor.get("dir") == "auto" or ancestor.tag in UNSHOWN
        for ancestor in (element, *element.iterancestors())
    )


async def test_pages_isolate_text_from_right_to_left(people: People) -> None:
    desk = people.desk
    await desk.record_parties()
    await desk.post("/v1/parties", {"slug": "falih", "name": "فالح (KFOR)"})
    await desk.post("/v1/stories", {"slug": "hudud", "title": "الحدود (2023)"})
    claim = (
        await desk.record_claim(text="عبر ثلاثون جنديا (KFOR)", story="hudud", claimant="falih")
    )["id"]
    link = await desk.link_statement(claim, "supports", "falih", note="سمعناه (مرتين)")
    pages = ["/", f"/claims/{claim}", "/stories", "/stories/hudud"]
    pages += ["/parties", "/parties/falih", f"/claims/{claim}/amend", f"/claims/{claim}/link"]
    pages += [f"/links/{link['id']}/retract", f"/claims/{claim}/merge"]
    for address in pages:
        answer = await people.editor.get(address)
        assert answer.status_code == 200, address
        assert ARABIC.search(answer.text), address
        assert find_loose_texts(parse_page(answer)) == [], address


async def test_every_page_isolates_names_and_texts(people: People) -> None:
    """People, keys, webhooks' stories, decisions; where a line cannot be isolated, it is turned."""
    desk = people.desk
    await desk.record_parties()
    await desk.post("/v1/parties", {"slug": "falih", "name": "(فالح"})
    await desk.post("/v1/stories", {"slug": "hudud", "title": "(الحدود"})
    ana = await desk.admin.patch(f"/v1/users/{people.ids['checker']}", json={"name": "(آنا"})
    assert ana.status_code == 200, ana.text
    key = {"name": "(مفتاح", "role": "reader"}
    assert (await desk.admin.post("/v1/keys", json=key)).status_code == 201
    hook = {"url": "http://127.0.0.1:9/hook", "story": "hudud", "parties": ["falih"]}
    webhook = await desk.admin.post("/v1/webhooks", json=hook)
    assert webhook.status_code == 201, webhook.text
    claim = (await desk.record_claim(text="(عبر ثلاثون", story="hudud", claimant="falih"))["id"]
    statement = await desk.post(
        "/v1/statements", build_statement("falih", quotes=[build_quote("(لا")])
    )
    link = await desk.link_statement(claim, "supports", "nato", note="(سمعناه")
    people.desk.app.state.services.callers.forget_credentials()
    proposal = await desk.change_status(
        claim, "confirmed", client=people.checker, cites=[link["id"]], reason="(لأن"
    )
    assert proposal.status_code == 202, proposal.text
    loose = {}
    for address in (
        "/review",
        f"/claims/{claim}",
        "/intake",
        "/search?q=عبر",
        f"/statements/{statement['id']}",
        f"/statements/{statement['id']}/withdraw",
        f"/claims/{claim}/withdraw",
        "/parties/falih/edit",
        "/stories/hudud",
        "/stories/hudud/edit",
        "/?story=hudud",
        "/admin/people",
        f"/admin/people/{people.ids['checker']}",
        "/admin/keys",
        "/admin/record",
        f"/admin/webhooks/{webhook.json()['id']}/edit",
    ):
        answer = await people.admin.get(address)
        assert answer.status_code == 200, address
        page = parse_page(answer)
        assert ARABIC.search(answer.text), address
        loose[address] = find_loose_texts(page) + find_loose_words(page)
    assert {address: texts for address, texts in loose.items() if texts} == {}


async def test_print_line_isolates_a_name_and_is_copied_without_marks(people: People) -> None:
    desk = people.desk
    await desk.record_parties()
    await desk.post("/v1/parties", {"slug": "falih", "name": "فالح العلي"})
    claim = await desk.record_claim(claimant="falih")
    page = parse_page(await people.checker.get(f"/claims/{claim['id']}"))
    (line,) = page.cssselect("#print-line")
    assert [name.text for name in line.cssselect("bdi")] == ["فالح العلي"]
    assert read_words(line) == claim["print_line"]


async def test_titles_and_answers_for_others_isolate_text_from_right_to_left(
    people: People,
) -> None:
    """Plain text that others show: titles of pages, feeds, embeds and badges.  What has no such
    letters holds no marks."""
    desk = people.desk
    await desk.record_parties()
    await desk.post("/v1/parties", {"slug": "falih", "name": "(فالح"})
    await desk.post("/v1/stories", {"slug": "hudud", "title": "(الحدود"})
    claim_view = await desk.record_claim(text="(عبر ثلاثون جنديا", story="hudud", claimant="falih")
    plain = await desk.record_claim(text="Troops (30) crossed")
    claim = claim_view["id"]
    statement = await desk.post(
        "/v1/statements", build_statement("falih", quotes=[build_quote("(لا")])
    )
    for address, text_in_title in (
        (f"/claims/{claim}", claim_view["text"]),
        ("/stories/hudud", "(الحدود"),
        ("/parties/falih", "(فالح"),
        ("/parties/falih/edit", "(فالح"),
        ("/search?q=عبر", "عبر"),
        (f"/statements/{statement['id']}", "(فالح"),
    ):
        title = parse_page(await people.editor.get(address)).findtext(".//title")
        assert f"\u2068{text_in_title}" in title, address
        assert title.count("\u2068") == title.count("\u2069"), address
    page = f"{desk.settings.base_url}/claims/{claim}"
    for address in (
        "/feeds/stories/hudud.atom",
        "/feeds/stories/hudud.json",
        f"/oembed?url={page}",
        f"/oembed?url={page}&format=xml",
        f"/v1/claims/{claim}/badge.svg",
    ):
        answer = await desk.reader.get(address)
        assert answer.status_code == 200, (address, answer.text)
        assert f"\u2068{claim_view['text']}\u2069" in answer.text, address
    atom = (await desk.reader.get("/feeds/stories/hudud.atom")).text
    assert "\u2068(الحدود\u2069" in atom
    assert "Claimed by (\u2068فالح\u2069" in atom
    assert "\u2068" not in claim_view["print_line"]
    badge = (await desk.reader.get(f"/v1/claims/{plain['id']}/badge.svg")).text
    assert "\u2068" not in badge
