"""The article, taken in by hand: it ends where the seed file does."""

import tomllib
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from playwright.async_api import Page, expect

from service.exchange import seeds
from tests.desk.browser.conftest import Desk, Windows
from tests.faults import served
from tests.support import browsing

pytestmark = pytest.mark.asyncio(loop_scope="session")

SEED: dict[str, Any] = tomllib.loads(seeds.find_default_file().read_text())
STORY = SEED["stories"][0]
PARTIES = {item["slug"]: item for item in SEED["parties"]}
SPEAKERS = {item["key"]: item for item in SEED["speakers"]}
CLAIMS = {item["key"]: item for item in SEED["claims"]}
# The article itself is not ours to keep: what is quoted of it, with what stands around each quote,
# is enough of a text to select from.
TEXT = "\n\n".join(
    f"{quote.get('prefix', '')}{quote['text']}{quote.get('suffix', '')}"
    for statement in SEED["statements"]
    for quote in statement["quotes"]
)
SELECT = """(words) => {
  const text = document.querySelector("#text");
  const walker = document.createTreeWalker(text, NodeFilter.SHOW_TEXT);
  const range = document.createRange();
  const begin = text.textContent.indexOf(words), end = begin + words.length;
  let at = 0, started = false;
  for (let node = walker.nextNode(); node; at += node.length, node = walker.nextNode()) {
    if (!started && begin < at + node.length) {
      range.setStart(node, begin - at);
      started = true;
    }
    if (end <= at + node.length) { range.setEnd(node, end - at); break; }
  }
  getSelection().removeAllRanges();
  getSelection().addRange(range);
  text.dispatchEvent(new MouseEvent("mouseup", { bubbles: true }));
}"""


@pytest.fixture(scope="module")
def empty_desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A desk on which nothing is recorded."""
    folder = tmp_path_factory.mktemp("empty")
    url = f"sqlite:///{folder / 'claimdesk.db'}"
    with served.serve(url, folder) as server:
        yield Desk(server, url, folder)


async def test_article_taken_in_by_hand_equals_the_seed_file(
    windows: Windows, empty_desk: Desk
) -> None:
    """Every passage is selected in the text, given to whom it belongs, and said what it does; the
    claims, links and statuses are those of the seed file."""
    windows.desk = empty_desk
    page = await windows.open(name="Ana")
    await expect(page.locator(".empty h2")).to_have_text("No claims yet")
    await _make_story(page, empty_desk)
    await browsing.follow(page.get_by_role("link", name="Add an article"))
    source = SEED["sources"][0]
    await page.fill("#url", source["url"])
    await page.fill("#title", source["title"])
    await page.fill("#published_on", "2023-10-03")
    await page.select_option("#story", label=STORY["title"])
    await page.fill("#text", TEXT)
    await browsing.follow(page.get_by_role("button", name="Begin"))
    for number, statement in enumerate(SEED["statements"], start=1):
        await _take(page, statement)
        await expect(page.locator(".passages li[id]")).to_have_count(number)
    await page.fill("#find", "zzzz")
    await expect(page.locator("#stands li:visible")).to_have_count(0)
    await page.fill("#find", "")
    # Belgrade's rejection has disputed C4 by rule.
    await page.goto("/")
    await browsing.follow(page.get_by_role("link", name=CLAIMS["C4"]["text"]))
    await expect(page.locator(".current-status .status")).to_have_text("Disputed")
    loaded_claims = await _describe_claims(empty_desk)
    assert len(loaded_claims) == len(SEED["claims"])
    empty_desk.run("seed")
    assert loaded_claims == await _describe_claims(empty_desk, story=STORY["slug"])


async def _make_story(page: Page, desk: Desk) -> None:
    async with httpx.AsyncClient(base_url=desk.url) as client:
        headers = {"Authorization": f"Bearer {desk.create_key('editor')}"}
        body = {"slug": "by-hand", "title": STORY["title"]}
        assert (await client.post("/v1/stories", json=body, headers=headers)).status_code == 201


async def _take(page: Page, statement: dict[str, Any]) -> None:
    quote = statement["quotes"][0]
    await page.evaluate(SELECT, quote["text"])
    await expect(page.locator("#quote")).to_have_value(quote["text"])
    await page.select_option("#rendering", quote["rendering"])
    party = PARTIES.get(statement.get("party", ""))
    if party is not None:
        if await page.locator(f"#party option[value={party['slug']}]").count():
            await page.select_option("#party", party["slug"])
        else:
            await _name_party(page, party)
    speaker = SPEAKERS.get(statement.get("speaker", ""))
    if speaker is not None:
        await page.fill("#speaker", speaker["name"])
        await page.fill("#role", speaker["role"])
    await page.fill("#said_on", statement["said_at"].date().isoformat())
    await page.select_option("#basis", statement["basis"])
    for claim in SEED["claims"]:
        if claim["origin"] == statement["key"]:
            await page.fill("#claim", claim["text"])
            await page.select_option("#kind", claim["kind"])
            if "part_of" in claim:
                whole = CLAIMS[claim["part_of"]]["text"]
                await page.select_option("#part_of", label=_shorten(whole))
    for link in SEED["links"]:
        if link["statement"] == statement["key"]:
            await page.get_by_label(CLAIMS[link["claim"]]["text"]).first.select_option(
                link["stance"]
            )
            if link.get("conditional"):
                await page.check("input[name=conditional]")
            await page.fill("#note", link.get("note", ""))
    await browsing.follow(page.get_by_role("button", name="Record the passage"))
    if await page.locator("#faults").count():
        # It looks like a claim that is there; somebody has read both and says that it is another.
        await page.check("input[name=anyway]")
        await browsing.follow(page.get_by_role("button", name="Record the passage"))


async def _name_party(page: Page, party: dict[str, Any]) -> None:
    await page.get_by_text("A party that is not in the list").click()
    await page.fill("#new_party", party["name"])
    if "parent" in party:
        await page.select_option("#new_parent", party["parent"])


def _shorten(text: str) -> str:
    return text if len(text) <= 90 else f"{text[:89]}…"


async def _describe_claims(desk: Desk, story: str = "by-hand") -> list[Any]:
    """The claims of a story, with what makes two desks the same."""
    async with httpx.AsyncClient(base_url=desk.url) as client:
        client.headers["Authorization"] = f"Bearer {desk.create_key('checker')}"
        items = (await client.get("/v1/claims", params={"story": story})).json()["items"]
        texts = {item["id"]: item["text"] for item in items}
        claims = []
        for claim in items:
            links = (await client.get(f"/v1/claims/{claim['id']}/links")).json()["items"]
            claims.append(
                [
                    *(claim[name] for name in ("text", "kind", "claimant", "status", "print_line")),
                    texts.get(claim["part_of"]),
                    sorted(
                        [
                            link["statement"]["party"],
                            link["statement"]["basis"],
                            link["stance"],
                            link["conditional"],
                            link["note"],
                            link["statement"]["quotes"][0]["text"],
                            link["statement"]["quotes"][0]["rendering"],
                            link["statement"]["quotes"][0]["selector"]["exact"],
                        ]
                        for link in links
                    ),
                ]
            )
    return sorted(claims)


async def test_words_recorded_before_are_linked_by_a_key(windows: Windows, desk: Desk) -> None:
    """With their translation selected in the text; then the same words are offered, and taken
    instead of a second statement, whose words inherit nothing."""
    page = await windows.open("/intake", name="Ana")
    text = "“Asnjë urë nuk ra”, tha Arben Krasniqi. („Nijedan most nije pao“) He left."
    await page.fill("#url", "https://example.org/bridges")
    await page.fill("#published_on", "2023-10-03")
    await page.fill("#text", text)
    await page.get_by_text("A story that is not in the list").click()
    await page.fill("#new_story", "The bridges of Lumas")
    await browsing.follow(page.get_by_role("button", name="Begin"))
    await expect(page.locator(".story")).to_contain_text("The bridges of Lumas")
    await page.evaluate(SELECT, "Asnjë urë nuk ra")
    await expect(page.locator("#language")).to_have_value("sq")
    await page.keyboard.press("l")
    await expect(page.locator("#take-translation")).to_have_attribute("aria-pressed", "true")
    await page.evaluate(SELECT, "Nijedan most nije pao")
    await expect(page.locator("#translation")).to_have_value("Nijedan most nije pao")
    await expect(page.locator("#quote")).to_have_value("Asnjë urë nuk ra")
    await page.fill("#translation_language", "sr")
    await _name_party(page, {"name": "Lumas"})
    await page.fill("#claim", "No bridge of Lumas fell")
    await browsing.follow(page.get_by_role("button", name="Record the passage"))
    await expect(page.locator(".passages > li .other")).to_contain_text("Nijedan most nije pao")
    await page.evaluate(SELECT, "Asnjë urë nuk ra")
    await expect(page.locator("#offered-recorded")).to_contain_text("the same words")
    await page.keyboard.press("e")
    await expect(page.locator("#voice")).to_be_hidden()
    await page.evaluate(SELECT, "He left.")
    await expect(page.locator("#voice")).to_be_visible()
    await expect(page.locator("#translation")).to_have_value("")
    await page.evaluate(SELECT, "Asnjë urë nuk ra")
    await expect(page.locator("#offered-recorded")).to_contain_text("the same words")
    await page.keyboard.press("e")
    await expect(page.locator("#voice")).to_be_hidden()
    await page.fill("#claim", "The bridge at the mill still stands")
    await browsing.follow(page.get_by_role("button", name="Record the passage"))
    passages = page.locator(".passages > li")
    await expect(passages).to_have_count(1)
    await expect(passages).to_contain_text("The bridge at the mill still stands")
