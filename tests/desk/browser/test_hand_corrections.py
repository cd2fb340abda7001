"""An article of 1,400 words, taken in by hand with twelve slips, and put right until nothing is
wrong: the desk ends as one on which nobody ever slipped."""

import json
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace

import pytest
from playwright.async_api import Page, expect

from tests.desk.browser import article_records
from tests.desk.browser.articles import Hand, Passage, read_article
from tests.desk.browser.conftest import Desk, Windows
from tests.faults import served
from tests.support import browsing
from tests.support.desk import Json

pytestmark = pytest.mark.asyncio(loop_scope="session")

ARTICLE = read_article("sluices")
STORY, OTHER_STORY = "sluices-2024", "bridges-2024"
WRONG_URL = ARTICLE.url.removesuffix("s")
(
    TWO_OPEN,
    TOLD,
    FIVE_OPEN,
    NOT_WARNED,
    DROWNED,
    SLEPT,
    NINE_DAYS,
    ORDERED,
    SERVICED,
    TREATY,
    PAID,
) = (passage.claim for passage in ARTICLE.passages if passage.claim)
MOST_CLICKS, MOST_KEYS = 4, 25
"""What a passage may take, slips included."""
BY_MISTAKE = Passage(
    words="The water came at a quarter past three in the morning of 12 May",
    rendering="paraphrase",
    said_on="2024-05-16",
    claim="The water came to Lumas at a quarter past three",
)


def find_passage(words: str) -> int:
    """Return the index of the passage that begins so."""
    [index] = [n for n, each in enumerate(ARTICLE.passages) if each.words.startswith(words)]
    return index


GAUGE, LAKE, BOOK, FAMILIES, NAMES, ACCORD = map(
    find_passage,
    ("Our gauge", "The lake stood", "There is no call", "Every family", "Three people", "The rel"),
)
SLIPS: dict[int, Json] = {
    NAMES: {"words": f"{ARTICLE.passages[NAMES].words}” said", "rendering": "paraphrase"},
    FAMILIES: {"said_hour": "18:30"},
    BOOK: {"speaker": "Arben Hoxha", "role": "mayor of Lumas"},
    ACCORD: {"kind": "event"},
    LAKE: {"party": "Water Board"},
    # On the wrong day, and with a stance in the wrong row of the list.
    GAUGE: {
        "said_on": "2024-05-13",
        "stands": ARTICLE.passages[GAUGE].stands | {SLEPT: "contradicts"},
    },
}
"""What is wrong with passages as they are taken in."""


@pytest.fixture(scope="module")
def empty_desks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Desk, Desk]]:
    """Two desks on which nothing is recorded: for a hand that slips, and for one that does not."""
    folders = [tmp_path_factory.mktemp(name) for name in ("slips", "right")]
    urls = [f"sqlite:///{folder / 'claimdesk.db'}" for folder in folders]
    with (
        served.serve(urls[0], folders[0]) as first_server,
        served.serve(urls[1], folders[1]) as other,
    ):
        yield Desk(first_server, urls[0], folders[0]), Desk(other, urls[1], folders[1])


async def test_twelve_slips_are_corrected_until_nothing_is_wrong(
    windows: Windows, empty_desks: tuple[Desk, Desk]
) -> None:
    """A wrong word, hour, speaker, kind, claimant, date, story, source address, a wrong merge; a
    withdrawal, a link and a claim by mistake: each is put right by a form of the desk, at 360
    pixels and without scripts."""
    slipping, right = empty_desks
    await article_records.record_article(right, ARTICLE, STORY)
    expected = await article_records.describe_desk(right)
    windows.desk = slipping
    async with article_records.open_client(slipping, "editor") as editor:
        for slug in (STORY, OTHER_STORY):
            answer = await editor.post("/v1/stories", json={"slug": slug, "title": slug})
            assert answer.status_code == 201, answer.text
    hand = Hand(await windows.open(name="Ana", role="checker"))
    work = [(0, 0)]
    await take_in_with_slips(hand, work)
    claims = await slip_afterwards(hand, slipping)
    assert await article_records.describe_desk(slipping) != expected
    narrow = {"width": 360, "height": 780}
    phone = await windows.open(
        name="Ana", role="checker", viewport=narrow, java_script_enabled=False
    )
    statements = await article_records.list_statements(slipping)
    figures = await Corrections(Hand(phone), claims, statements).carry_out()
    assert await article_records.describe_desk(slipping) == expected
    assert json.loads(slipping.run("verify", "--json"))["ok"] is True
    print_figures(work, figures)


async def take_in_with_slips(hand: Hand, work: list[tuple[int, int]]) -> None:
    """Take the article in, one passage of it for another story; notes the work of each."""
    wrong_article = replace(ARTICLE, url=WRONG_URL)
    await hand.begin(wrong_article, STORY)
    address, number = hand.page.url, 0
    work[0] = (hand.clicks, hand.keys)
    for index, passage in enumerate(ARTICLE.passages):
        if index == ACCORD:
            continue
        before = hand.clicks, hand.keys
        number += 1
        await hand.take(replace(passage, **SLIPS.get(index, {})), number)
        work.append((hand.clicks - before[0], hand.keys - before[1]))
    await hand.take(BY_MISTAKE, number + 1)
    await hand.begin(wrong_article, OTHER_STORY)
    assert hand.page.url != address
    await hand.take(replace(ARTICLE.passages[ACCORD], **SLIPS[ACCORD]), number + 2)


async def slip_afterwards(hand: Hand, desk: Desk) -> dict[str, str]:
    """Merge two claims that are not the same, and have one withdrawn that nobody took back; gives
    the ids of all claims by their texts."""
    claims = await article_records.list_ids(desk)
    await hand.page.goto(f"/claims/{claims[FIVE_OPEN]}/merge")
    await hand.pick("#into", f"/claims/{claims[TWO_OPEN]}")
    await browsing.follow(hand.page.locator("form[action$='/merge'] button:not([name], .sr-only)"))
    await hand.page.wait_for_url("**/claims/*done=*")
    await hand.page.goto(f"/claims/{claims[SERVICED]}/withdraw")
    await hand.page.fill("#reason", "Taken back, we thought")
    await browsing.follow(hand.page.locator("form[action$='/withdraw'] button"))
    await hand.page.wait_for_url("**/claims/*done=*")
    return claims


class Corrections:
    """The forms by which slips are put right, and what each takes."""

    def __init__(self, hand: Hand, claims: dict[str, str], statements: dict[str, str]) -> None:
        self.hand = hand
        self.page: Page = hand.page
        self.claims = claims
        self.statements = statements

    async def carry_out(self) -> dict[str, tuple[int, int]]:
        """Put everything right; gives the clicks and keys of each."""
        figures = {}
        steps: dict[str, Callable[[], Awaitable[None]]] = {
            "a wrong word": self._correct_words,
            "a wrong hour": self._correct_hour,
            "a wrong speaker": self._correct_speaker,
            "a wrong kind, and story": self._correct_kind_and_story,
            "a wrong claimant": self._correct_claimant,
            "a wrong date": self._correct_date,
            "a wrong source address": self._correct_address,
            "a wrong merge": self._separate,
            "a withdrawal by mistake": self._reinstate,
            "a link by mistake": self._void_link,
            "a claim by mistake": self._void_claim,
        }
        for name, step in steps.items():
            before = self.hand.clicks, self.hand.keys
            await step()
            figures[name] = self.hand.clicks - before[0], self.hand.keys - before[1]
        return figures

    async def _correct_words(self) -> None:
        right = ARTICLE.passages[NAMES].words
        await self._correct_statement(
            SLIPS[NAMES]["words"],
            {"#text-0": right, "#rendering-0": "verbatim", "#exact-0": right},
            "One word too many",
        )

    async def _correct_hour(self) -> None:
        words = ARTICLE.passages[FAMILIES].words
        await self._correct_statement(words, {"#said_hour": "19:30"}, "Local time")
        await self._correct_claim(PAID, {"#claimed_hour": "19:30"}, "Local time")

    async def _correct_speaker(self) -> None:
        right = ARTICLE.passages[BOOK]
        fields = {"#speaker": right.speaker, "#role": right.role}
        await self._correct_statement(right.words, fields, "The chief of police said it")

    async def _correct_kind_and_story(self) -> None:
        fields = {"#kind": "position", "#story": STORY}
        await self._correct_claim(TREATY, fields, "Taken in for another story")

    async def _correct_claimant(self) -> None:
        words, why = ARTICLE.passages[LAKE].words, "It is the commission’s secretary"
        await self._correct_statement(words, {"#party": "river-commission"}, why)
        await self._correct_claim(NINE_DAYS, {"#claimant": "river-commission"}, why)

    async def _correct_date(self) -> None:
        words = ARTICLE.passages[GAUGE].words
        await self._correct_statement(words, {"#said_on": "2024-05-14"}, "It was Tuesday")

    async def _correct_address(self) -> None:
        await self.page.goto(f"/claims/{self.claims[SLEPT]}")
        await self.hand.follow("Statement")
        await self.hand.proceed("a[href$='/correction']")
        await self.hand.follow("correct the source")
        await self._send({"#url": ARTICLE.url}, "A letter was missing", "correction")

    async def _separate(self) -> None:
        await self.page.goto(f"/claims/{self.claims[TWO_OPEN]}")
        await self.hand.proceed(f"a[href='/claims/{self.claims[FIVE_OPEN]}/separation']")
        await self._send({}, "Two and five are not the same", "separation")

    async def _reinstate(self) -> None:
        await self.page.goto(f"/claims/{self.claims[SERVICED]}")
        await self.hand.proceed("a[href$='/reinstatement']")
        await self._send({}, "Nobody took it back", "reinstatement")

    async def _void_link(self) -> None:
        """Void the link, and take back by hand what the rules did on its account."""
        await self.page.goto(f"/claims/{self.claims[SLEPT]}")
        await self.hand.follow("Retract")
        await self.hand.proceed("main a[href$='/void']")
        await self._send({}, "The wrong row of the list", "void")
        await self.page.locator("input[name=to][value=asserted]").check()
        await self.page.fill("#reason", "Nobody contradicts it")
        await browsing.follow(self.page.locator("form[action$='/status'] button"))
        await expect(self.page.locator(".current-status .status")).to_have_text("Asserted")
        self.hand.clicks += 3
        self.hand.keys += len("Nobody contradicts it")

    async def _void_claim(self) -> None:
        await self.page.goto(f"/claims/{self.claims[BY_MISTAKE.claim]}")
        await self.hand.follow("Recorded by mistake")
        await self._send({}, "The article’s own words", "void")
        await self.page.goto(f"/statements/{self.statements[BY_MISTAKE.words]}")
        await self.hand.follow("Recorded by mistake")
        await self._send({}, "The article’s own words", "void")

    async def _correct_statement(self, words: str, fields: dict[str, str], reason: str) -> None:
        address = f"/statements/{self.statements[words]}"
        await self.page.goto(address)
        await self.hand.proceed(f"a[href^='{address}/correction']")
        await self._send(fields, reason, "correction")

    async def _correct_claim(self, text: str, fields: dict[str, str], reason: str) -> None:
        address = f"/claims/{self.claims[text]}"
        await self.page.goto(address)
        await self.hand.proceed(f"a[href='{address}/correction']")
        await self._send(fields, reason, "correction")

    async def _send(self, fields: dict[str, str], reason: str, action: str) -> None:
        """Fill in what is wrong, say why, and send the form."""
        await self.hand.fill_in(fields | {"#reason": reason})
        await self.hand.proceed(f"form[action$='/{action}'] button:not([name], .sr-only)")
        await self.page.wait_for_url("**done=*")


def print_figures(work: list[tuple[int, int]], figures: dict[str, tuple[int, int]]) -> None:
    """Print what the work took, in clicks and keys; a passage takes few."""
    (clicks, keys), *passages = work
    print(f"\nto begin: {clicks} clicks, {keys} keys")
    clicks, keys = (sum(counts) / len(passages) for counts in zip(*passages, strict=True))
    print(f"a passage: {clicks:.1f} clicks, {keys:.1f} keys")
    assert clicks <= MOST_CLICKS
    assert keys <= MOST_KEYS
    for name, (clicks, keys) in figures.items():
        print(f"{name}: {clicks} clicks, {keys} keys")
