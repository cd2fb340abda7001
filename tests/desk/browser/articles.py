"""Articles of our own, and a hand that takes them in on the desk's pages, and counts its work."""

import tomllib
from dataclasses import dataclass, field
from pathlib import Path

from playwright.async_api import Locator, Page, expect

from tests.support import browsing

DATA = Path(__file__).parent / "data"
PLACE = """(words) => {
  const text = document.querySelector("#text");
  const begin = text.textContent.indexOf(words);
  if (begin < 0) throw new Error("not in the text: " + words);
  const find = (at) => {
    const walker = document.createTreeWalker(text, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      if (at <= node.length) return [node, at];
      at -= node.length;
    }
  };
  const range = document.createRange();
  range.setStart(...find(begin));
  range.setEnd(...find(begin + words.length));
  getSelection().removeAllRanges();
  getSelection().addRange(range);
  text.dispatchEvent(new MouseEvent("mouseup", { bubbles: true }));
}"""
"""Selects words in the text of an article, as a mouse does that is dragged over them."""


@dataclass(frozen=True)
class Passage:
    """What somebody takes from a text: whose words, when they were said, what they do."""

    words: str
    party: str = ""
    speaker: str = ""
    role: str = ""
    description: str = ""
    withheld: str = ""
    said_on: str = ""
    said_hour: str = ""
    said_in: str = ""
    basis: str = "unstated"
    language: str = "en"
    rendering: str = "verbatim"
    claim: str = ""
    kind: str = "event"
    tags: str = ""
    part_of: str = ""
    stands: dict[str, str] = field(default_factory=dict)
    conditional: bool = False
    partial: bool = False
    note: str = ""


@dataclass(frozen=True)
class Article:
    """A text with its source, and what is to be taken from it."""

    url: str
    title: str
    publisher: str
    published_on: str
    language: str
    text: str
    passages: tuple[Passage, ...]


def read_article(name: str) -> Article:
    """Read an article from its file."""
    data = tomllib.loads((DATA / f"{name}.toml").read_text())
    passages = tuple(Passage(**passage) for passage in data.pop("passages"))
    return Article(**data, passages=passages)


class Hand:
    """Somebody at a page, whose clicks and keys are counted.

    A field that has what it should is left alone. A text is typed letter by letter, a choice is
    opened and clicked, a selection is dragged once.
    """

    def __init__(self, page: Page) -> None:
        self.page = page
        self.clicks = 0
        self.keys = 0

    async def select(self, words: str) -> None:
        await self.page.evaluate(PLACE, words)
        await expect(self.page.locator("#quote")).to_have_value(words)
        self.clicks += 1

    async def write(self, place: str, text: str) -> None:
        field = self.page.locator(place)
        if await field.input_value() != text:
            await field.fill(text)
            self.clicks += 1
            self.keys += len(text)

    async def choose(self, place: str, value: str) -> None:
        choice = self.page.locator(place).first
        if await choice.input_value() != value:
            await choice.select_option(value)
            self.clicks += 2

    async def click(self, place: str) -> None:
        await self.reveal(self.page.locator(place))
        await self.page.locator(place).click()
        self.clicks += 1

    async def proceed(self, place: str) -> None:
        """Click what leads to another page."""
        await self.reveal(self.page.locator(place))
        await browsing.follow(self.page.locator(place))
        self.clicks += 1

    async def tick(self, place: str, is_wanted: bool) -> None:
        if await self.page.locator(place).is_checked() != is_wanted:
            await self.click(place)

    async def reveal(self, target: Locator) -> None:
        """Open what is folded around something that is not shown."""
        await target.wait_for(state="attached")
        if not await target.is_visible():
            await self.page.locator("details", has=target).locator("> summary").click()
            self.clicks += 1

    async def follow(self, name: str) -> None:
        """Follow the first link of this name."""
        link = self.page.locator(f'a:text-is("{name}")').first
        await self.reveal(link)
        await browsing.follow(link)
        self.clicks += 1

    async def fill_in(self, fields: dict[str, str]) -> None:
        """Write into fields, or choose in them, by their places."""
        for place, value in fields.items():
            target = self.page.locator(place)
            await self.reveal(target)
            if await target.evaluate("(element) => element.tagName") == "SELECT":
                await self.choose(place, value)
            else:
                await self.write(place, value)

    async def begin(self, article: Article, story: str) -> None:
        """Begin with an article, for a story."""
        await self.page.goto("/intake")
        await self.write("#url", article.url)
        await self.write("#title", article.title)
        await self.write("#publisher", article.publisher)
        await self.write("#published_on", article.published_on)
        await self.choose("#story", story)
        await self.page.fill("#text", article.text.strip())  # pasted
        self.keys += 1
        await self.proceed("main form button")
        await self.page.wait_for_url("**/intake/*-*")

    async def take(self, passage: Passage, number: int) -> None:
        """Record a passage; `number` are recorded with it."""
        await self.select(passage.words)
        await self.choose("#rendering", passage.rendering)
        await self.write("#language", passage.language)
        speaker_button = self.page.locator(
            f'#offered-speakers button:text-is("{passage.speaker}, {passage.role}")'
        )
        if passage.speaker and await speaker_button.count():
            await speaker_button.first.click()
            self.clicks += 1
        await self.write("#speaker", passage.speaker)
        await self._name_party(passage.party)
        await self.write("#role", passage.role)
        if passage.description:
            await self.reveal(self.page.locator("#description"))
            await self.write("#description", passage.description)
            await self.write("#withheld", passage.withheld)
        await self.write("#said_on", passage.said_on)
        await self.write("#said_hour", passage.said_hour)
        await self.write("#said_in", passage.said_in)
        await self.choose("#basis", passage.basis)
        await self.write("#claim", passage.claim)
        if passage.claim:
            await self.choose("#kind", passage.kind)
            await self.write("#tags", passage.tags)
            await self._choose_whole(passage.part_of)
        for claim, stance in passage.stands.items():
            await self.choose(f'#stands li:has-text("{claim}") select', stance)
        await self.tick("input[name=conditional]", passage.conditional)
        await self.tick("input[name=partial]", passage.partial)
        await self.write("#note", passage.note)
        await self.proceed("#passage button:not([type=button])")
        if await self.page.locator("input[name=anyway]").count():
            # It looks like a claim that is there; somebody has read both: it is another.
            await self.tick("input[name=anyway]", True)
            await self.proceed("#passage button:not([type=button])")
        await expect(self.page.locator(".passages > li")).to_have_count(number)

    async def _name_party(self, name: str) -> None:
        options = self.page.locator("#party option")
        names = [text.removeprefix("– ") for text in await options.all_inner_texts()]
        if not name or name in names:
            value = await options.nth(names.index(name)).get_attribute("value") if name else ""
            await self.choose("#party", value or "")
            return
        await self.choose("#party", "")
        await self.reveal(self.page.locator("#new_party"))
        await self.write("#new_party", name)

    async def _choose_whole(self, text: str) -> None:
        if text:
            option = self.page.locator("#part_of option", has_text=text[:80])
            await self.choose("#part_of", await option.get_attribute("value") or "")
