"""Articles of our own, and a hand that takes them in on the desk's pages, and counts its work."""

import re
import tomllib
from dataclasses import dataclass, field
from difflib import SequenceMatcher
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
VOICES = """() => [...document.querySelectorAll(
  "#guesses p:not(#offered-days, #offered-wording) button")].map((button) => {
  const voice = JSON.parse(button.dataset.fill);
  const option = [...document.querySelectorAll("#party option")]
    .find(({ value }) => value && value === voice.party);
  return { ...voice, party_name: option ? option.textContent.replace("– ", "") : "" };
})"""
"""The voices that are offered, in the order of their numbers."""
STANCE_KEYS = {
    "supports": "s",
    "contradicts": "c",
    "requests_confirmation": "r",
    "comments": "m",
}
BASIS_KEYS = {
    "own_observation": "o",
    "documents": "d",
    "third_party": "t",
    "restates_claimant": "x",
}


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
    opened and clicked, a selection is dragged once, a key is pressed. Words that are offered may
    be typed over in part.
    """

    def __init__(self, page: Page) -> None:
        self.page = page
        self.clicks = 0
        self.keys = 0

    async def select(self, words: str) -> None:
        await self.page.evaluate(PLACE, words)
        await expect(self.page.locator("#quote")).to_have_value(words)
        await expect(self.page.locator("#passage")).not_to_have_attribute("aria-busy", "true")
        self.clicks += 1

    async def press(self, *keys: str) -> None:
        for key in keys:
            await self.page.keyboard.press(key)
            self.keys += 1

    async def write(self, place: str, text: str) -> None:
        text_field = self.page.locator(place)
        before = await text_field.input_value()
        if before != text:
            is_in_field = not before and await self._is_focused(place.removeprefix("#"))
            await text_field.fill(text)
            self.clicks += not is_in_field
            self.keys += len(text)

    async def edit(self, place: str, text: str) -> None:
        """Make what a field was offered say `text`: typed over where it differs, word by word.

        A stretch is marked with the mouse, one click as any selection, and typed over; where that
        is no less than the whole, the whole is typed.
        """
        text_field = self.page.locator(place)
        before = await text_field.input_value()
        if not before and await self._is_focused(place.removeprefix("#")):
            await self._type(text_field, text)
            return
        if before == text or not before or self._count_edits(before, text) >= len(text):
            await self.write(place, text)
            return
        for begin, end, words in self._list_edits(before, text):
            await text_field.focus()
            await text_field.evaluate(f"(field) => field.setSelectionRange({begin}, {end})")
            self.clicks += 1
            if words:
                await self.page.keyboard.type(words)
                self.keys += len(words)
            else:
                await self.press("Delete")
        await expect(text_field).to_have_value(re.compile(rf"^\s*{re.escape(text)}\s*$"))

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
            tag = await target.evaluate("(element) => element.tagName")
            if tag == "SELECT":
                await self.choose(place, value)
            elif tag == "FIELDSET":
                await self.pick(place, value)
            else:
                await self.write(place, value)

    async def pick(self, place: str, address: str) -> None:
        """Find another claim by its address, and choose it."""
        await self.write(f"{place}-words", address)
        claim = address.rpartition("/")[2]
        await self.page.locator(f"{place} .found input[value='{claim}']").check()
        self.clicks += 1

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
        """Record a passage; `number` are recorded with it.

        What has a key is done from the text, the rest in the form.
        """
        await self.select(passage.words)
        await self._take_voice(passage)
        if passage.basis != "unstated":
            await self.press(BASIS_KEYS[passage.basis])
        for claim, stance in passage.stands.items():
            await self._take_stance(claim, stance)
        await self.press(*"i" * passage.conditional, *"p" * passage.partial)
        await self._fill_in_rest(passage)
        if passage.claim:
            await self._word_claim(passage.claim)
            await self.choose("#kind", passage.kind)
            await self.write("#tags", passage.tags)
            await self._choose_whole(passage.part_of)
        await self._record()
        if await self.page.locator("input[name=anyway]").count():
            # It looks like a claim that is there; somebody has read both: it is another.
            await self.tick("input[name=anyway]", True)
            await self._record()
        await expect(self.page.locator(".passages > li")).to_have_count(number)

    async def _take_voice(self, passage: Passage) -> None:
        """Take the voice that is offered and is nearest to the passage's, by its number."""
        best, most = -1, 0
        for at, voice in enumerate(await self.page.evaluate(VOICES)):
            is_same = bool(passage.speaker or passage.description) and (
                voice["speaker"] == passage.speaker and voice["description"] == passage.description
            )
            is_party = not passage.speaker and not passage.description and not voice["speaker"]
            is_party = is_party and passage.party in (voice["new_party"], voice["party_name"])
            match_count = is_same + (is_same and voice["role"] == passage.role) + is_party
            best, most = (at, match_count) if match_count > most else (best, most)
        if 0 <= best < 9:
            await self.press(str(best + 1))

    async def _take_stance(self, claim: str, stance: str) -> None:
        rows = await self.page.locator("#stands li").all_inner_texts()
        at = next((at for at, text in enumerate(rows[:9]) if claim in text), None)
        if at is None:
            await self.choose(f'#stands li:has-text("{claim}") select', stance)
        else:
            await self.press(STANCE_KEYS[stance], str(at + 1))

    async def _fill_in_rest(self, passage: Passage) -> None:
        """Set right what was not guessed."""
        await self.choose("#rendering", passage.rendering)
        await self.write("#language", passage.language)
        await self.write("#speaker", passage.speaker)
        await self._name_party(passage.party)
        await self.edit("#role", passage.role)
        if passage.description:
            await self.reveal(self.page.locator("#description"))
            await self.write("#description", passage.description)
            await self.write("#withheld", passage.withheld)
        if passage.said_on and await self.page.input_value("#said_on") != passage.said_on:
            day = self.page.locator(f"#offered-days button[data-fill*='{passage.said_on}']")
            for button in await day.all():
                await button.click()
                self.clicks += 1
        await self.write("#said_on", passage.said_on)
        await self.write("#said_hour", passage.said_hour)
        await self.write("#said_in", passage.said_in)
        # What the keys did is there.
        await self.choose("#basis", passage.basis)
        for claim, stance in passage.stands.items():
            await self.choose(f'#stands li:has-text("{claim}") select', stance)
        await self.tick("input[name=conditional]", passage.conditional)
        await self.tick("input[name=partial]", passage.partial)
        await self.write("#note", passage.note)

    async def _word_claim(self, claim: str) -> None:
        """Begin with the words as they are offered, where that is less work than to type all."""
        offered = self.page.locator("#offered-wording button")
        wording = await offered.inner_text() if await offered.count() else ""
        if not wording or self._count_edits(wording, claim) > len(claim):
            wording = ""
        if await self._is_focused("text"):
            # Without words on offer the key only leads to the field.
            await self.press("n")
            await expect(self.page.locator("#claim")).to_be_focused()
        elif wording:
            await offered.click()
            self.clicks += 1
        await self.edit("#claim", claim)

    async def _record(self) -> None:
        """Record by Enter where it does that, else by the button."""
        if await self._is_focused("text") or await self._is_focused("claim"):
            await browsing.press(self.page, "Enter")
            self.keys += 1
        else:
            await self.proceed("#passage .send button")

    async def _is_focused(self, name: str) -> bool:
        focused: bool = await self.page.evaluate(f"document.activeElement?.id === '{name}'")
        return focused

    async def _type(self, text_field: Locator, text: str) -> None:
        """Type letter by letter; where the next word is shown and is right, it takes one key."""
        typed_text = ""
        while len(typed_text) < len(text):
            rest = text[len(typed_text) :]
            next_words = (await self.page.locator("#next-word").inner_text()).removeprefix("→ …")
            if len(next_words) > 1 and (rest == next_words or rest.startswith(f"{next_words} ")):
                await self.press("ArrowRight")
                typed_text += f"{next_words} "
            else:
                await self.page.keyboard.type(rest[0])
                self.keys += 1
                typed_text += rest[0]
            await expect(text_field).to_have_value(typed_text)

    @staticmethod
    def _list_edits(before: str, after: str) -> list[tuple[int, int, str]]:
        """List the stretches to be typed over, the last first: where, and what comes there."""
        old, new = (re.findall(r"\S+\s*", text) for text in (before, after))
        at = [0]
        for word in old:
            at.append(at[-1] + len(word))
        return [
            (at[begin], at[end], "".join(new[first:last]))
            for kind, begin, end, first, last in reversed(
                SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
            )
            if kind != "equal"
        ]

    def _count_edits(self, before: str, after: str) -> int:
        """Count the keys of typing over what differs."""
        return sum(len(text) or 1 for _, _, text in self._list_edits(before, after))

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
