"""A story of an explosion: figures that replace each other, an official who is not named, a
ministry that takes something back, a month without a day, and quotes in three scripts."""

from collections.abc import Iterator

import httpx
import pytest
from playwright.async_api import expect

from tests.desk.browser import acts
from tests.desk.browser.articles import Hand, read_article
from tests.desk.browser.conftest import Desk, Windows
from tests.faults import served
from tests.support import browsing

pytestmark = pytest.mark.asyncio(loop_scope="session")

ARTICLE = read_article("port")
STORY = "qasira-2020"
IN_SENTENCE = {
    "health-ministry": "the Health Ministry",
    "interior-ministry": "the Interior Ministry",
    "port-authority": "the Port Authority",
    "red-crescent": "the Red Crescent",
}
TWELVE, SEVENTEEN, NINE = (
    f"{count} people died in the explosion at Qasira" for count in ("Twelve", "Seventeen", "Nine")
)
FIRE = "The fire began on board the Selma"
DEPOT = "Warehouse 12 was inspected before the explosion"
SAILORS = "Two citizens of Serbia were slightly hurt at Qasira"
FIGURES = ((TWELVE, 12, None), (SEVENTEEN, 17, TWELVE), (NINE, 9, SEVENTEEN))
"""Claims with the number in each, and which claim each replaces."""
LINES = {
    "en": "Claimed by the Health Ministry (Layla Haddad, 5 August 2020). Disputed by the Red "
    "Crescent. No independent party has confirmed it. Superseded on 6 August 2020 by “Nine people "
    "died in the explosion at Qasira”.",
    "sr": "Тврди: Health Ministry (Layla Haddad, 5. августа 2020). Оспорено; оспоравају: Red "
    "Crescent. Није потврдила ниједна независна страна. Замењено новијом тврдњом (6. августа "
    "2020): „Nine people died in the explosion at Qasira“.",
    "sr-Latn": "Tvrdi: Health Ministry (Layla Haddad, 5. avgusta 2020). Osporeno; osporavaju: Red "
    "Crescent. Nije potvrdila nijedna nezavisna strana. Zamenjeno novijom tvrdnjom (6. avgusta "
    "2020): „Nine people died in the explosion at Qasira“.",
    "sq": "Pohuar nga Health Ministry (Layla Haddad, 5 gusht 2020). Kundërshtuar nga Red Crescent. "
    "Asnjë palë e pavarur nuk e ka konfirmuar. Zëvendësuar më 6 gusht 2020 nga „Nine people died "
    "in the explosion at Qasira“.",
    "fr": "Affirmé par Health Ministry (Layla Haddad, 5 août 2020). Contesté par Red Crescent. "
    "Aucune partie indépendante ne l’a confirmé. Remplacé le 6 août 2020 par « Nine people died in "
    "the explosion at Qasira ».",
}
"""What may be printed of the seventeen, which are disputed and superseded."""
READ_DIRECTION = """(element) => {
  const inner = [...element.querySelectorAll("bdi, span")].find((each) => each.textContent);
  return getComputedStyle(inner ?? element).direction;
}"""


@pytest.fixture(scope="module")
def port_desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A desk on which nothing is recorded, open to the public."""
    folder = tmp_path_factory.mktemp("port")
    url = f"sqlite:///{folder / 'claimdesk.db'}"
    with served.serve(url, folder, CLAIMDESK_PUBLIC_READ="on") as server:
        yield Desk(server, url, folder)


async def take_in(windows: Windows, desk: Desk) -> None:
    """Take the article in at the desk, by hand."""
    editor = await windows.open(name="Edit", role="editor")
    await editor.goto("/stories")
    await editor.fill("#title", "The explosion at Qasira")
    await editor.fill("#slug", STORY)
    await browsing.follow(editor.locator("form[action='/stories'] button"))
    await editor.wait_for_url(f"**/stories/{STORY}*")
    ana = await windows.open(name="Ana", role="checker")
    hand = Hand(ana)
    await hand.begin(ARTICLE, STORY)
    for number, passage in enumerate(ARTICLE.passages, start=1):
        await hand.take(passage, number)
    for slug, name in IN_SENTENCE.items():
        await editor.goto(f"/parties/{slug}/edit")
        await editor.fill("#in_sentence", name)
        await browsing.follow(editor.locator("main form button").first)
        await editor.wait_for_url(f"**/parties/{slug}?*")


async def test_story_is_taken_in_without_inventing_a_party(
    windows: Windows, port_desk: Desk
) -> None:
    """The official without a name is nobody's; what is known only by its month stays so. The
    figures replace each other and are drawn, and each script runs its own way."""
    windows.desk = port_desk
    await take_in(windows, port_desk)
    claims = await finish_story(windows, port_desk)
    async with httpx.AsyncClient(base_url=port_desk.url) as client:
        client.headers["Authorization"] = f"Bearer {port_desk.create_key('reader')}"
        parties = (await client.get("/v1/parties")).json()["items"]
        assert {party["slug"] for party in parties} == {*IN_SENTENCE, "belgrade"}
        depot = (await client.get(f"/v1/claims/{claims[DEPOT]}")).json()
        [link] = (await client.get(f"/v1/claims/{claims[DEPOT]}/links")).json()["items"]
        assert (depot["precision"], depot["challenged"], depot["status"]) == (
            "month",
            True,
            "asserted",
        )
        assert (link["statement"]["party"], link["statement"]["attribution"]) == (None, "unnamed")
        assert depot["print_line"] == (
            "Claimed by the Port Authority (June 2020). No independent party has confirmed it. "
            "A senior security official, not named, denies it."
        )
        fire = (await client.get(f"/v1/claims/{claims[FIRE]}")).json()
        assert fire["lifecycle"] == "withdrawn"
        assert await read_lines(client, claims[SEVENTEEN]) == LINES
    await require_drawings(windows, port_desk)
    await require_directions(windows, port_desk)
    await require_offered_speaker(windows, port_desk)


async def require_drawings(windows: Windows, port_desk: Desk) -> None:
    """The three figures in their order, two of them as former ones, in a chart that takes the room
    it needs; a column for each party, and one for whoever is not named; a lane for each claim."""
    windows.desk = port_desk
    page = await windows.open(f"/stories/{STORY}")
    chart = page.locator(".figures")
    await expect(chart.locator("title")).to_have_text(
        [f"Health Ministry: {count} people" for count in (12, 17, 9)]
    )
    await expect(chart.locator(".value")).to_have_text(["12", "17", "9"])
    await expect(chart.locator(".point.former")).to_have_count(2)
    await expect(chart.locator(".step")).to_have_count(2)
    box = await chart.locator("> svg").bounding_box()
    below = await chart.locator("> p").bounding_box()
    assert box is not None
    assert below is not None
    assert box["y"] + 190 <= below["y"] + 1
    columns = page.locator(".matrix thead th")
    await expect(columns).to_have_count(1 + 5 + 1)
    await expect(columns.first).to_have_text("Claim")
    await expect(columns.last).to_have_text("Not named")
    for text in (TWELVE, SEVENTEEN):
        row = page.locator(".matrix tbody tr", has_text=text)
        await expect(row.locator(".flag", has_text="superseded")).to_be_visible()
    await expect(page.locator(".lanes li:not(.axis)")).to_have_count(6)


async def require_directions(windows: Windows, port_desk: Desk) -> None:
    """Arabic from right to left, its brackets and full stop where they belong; Serbian and English
    from left to right: on a claim's page, in the text and in the list of what was taken from it. A
    month stays one on the board, and a source without a name is shown as described."""
    windows.desk = port_desk
    page = await windows.open("/intake", name="Ana")
    await browsing.follow(page.locator("main li a").first)
    unnamed_passage = page.locator(".passages > li", has_text="set foot")
    await expect(unnamed_passage.locator("b")).to_have_text("a senior security official, not named")
    for element, text in ((".passages .words", "ارتفع"), (".passages .words", "أُدخل")):
        words = page.locator(element, has_text=text)
        assert await words.evaluate(READ_DIRECTION) == "rtl"
    await page.goto("/")
    depot = page.locator(".row", has_text=DEPOT)
    await expect(depot.locator(".who")).to_contain_text("Port Authority · Jun 2020")
    await browsing.follow(page.get_by_role("link", name=SAILORS))
    quotes = page.locator("blockquote")
    await expect(quotes).to_have_count(2)
    assert await quotes.evaluate_all(f"(all) => all.map({READ_DIRECTION})") == ["ltr", "rtl"]
    await expect(quotes.nth(0)).to_have_attribute("lang", "sr")
    await expect(quotes.nth(1)).to_have_attribute("lang", "ar")


async def finish_story(windows: Windows, desk: Desk) -> dict[str, str]:
    """Have the figures replace each other, the ministry take its claim back, and two people confirm
    what the hospital's register shows; gives the ids of claims by their texts."""
    async with httpx.AsyncClient(base_url=desk.url) as client:
        items = (await client.get("/v1/claims", params={"story": STORY})).json()["items"]
    claims = {item["text"]: item["id"] for item in items}
    hand = Hand(await windows.open(name="Ana"))
    for text, value, replaced_figure in FIGURES:
        fields = {"#figure_value": str(value), "#figure_unit": "people", "#figure_what": "dead"}
        if replaced_figure:
            fields["#supersedes"] = f"/claims/{claims[replaced_figure]}"
        await hand.page.goto(f"/claims/{claims[text]}/correction")
        await hand.fill_in(fields | {"#reason": "As it was said"})
        await hand.proceed("form[action$='/correction'] button:not([name], .sr-only)")
        await hand.page.wait_for_url("**done=*")
    ana = await windows.open(f"/claims/{claims[FIRE]}/withdraw", name="Ana")
    await ana.fill("#reason", "We spoke too early about the ship")
    await ana.fill("#url", "https://coast.example/2020/08/05/ministry")
    await ana.fill("#said_on", "2020-08-05")
    await browsing.follow(ana.locator("main form button").first)
    await ana.wait_for_url("**/claims/*done=*")
    await acts.confirm(windows, ana, claims[SAILORS], "The register names both")
    return claims


async def read_lines(client: httpx.AsyncClient, claim: str) -> dict[str, str]:
    """Read the print line of a claim in every language that there is."""
    return {
        lang: (await client.get(f"/v1/claims/{claim}", params={"lang": lang})).json()["print_line"]
        for lang in ("en", "sr", "sr-Latn", "sq", "fr")
    }


async def require_offered_speaker(windows: Windows, port_desk: Desk) -> None:
    """Nobody is filled in unseen; chosen, or written, a known speaker brings role and party."""
    windows.desk = port_desk
    page = await windows.open("/intake", name="Ana")
    await browsing.follow(page.locator("main li a").first)
    hand = Hand(page)
    await hand.select("Eight names stood on two lists,")
    speaker_button = page.locator("#offered-speakers button")
    await expect(speaker_button).to_have_text(["Layla Haddad, spokeswoman"])
    await expect(page.locator("#speaker")).to_have_value("")
    await speaker_button.click()
    for place, value in (
        ("#speaker", "Layla Haddad"),
        ("#role", "spokeswoman"),
        ("#party", "health-ministry"),
    ):
        await expect(page.locator(place)).to_have_value(value)
    await hand.select("Nobody had set foot in there for six years.")
    # The sentence before is of a party that is known; whoever speaks here is not named.
    await expect(speaker_button).to_have_text(["Port Authority"])
    await expect(page.locator("#offered-voices")).to_contain_text("a senior security official")
    await page.fill("#speaker", "Omar Saab")
    await expect(page.locator("#role")).to_have_value("head of its crews")
    await expect(page.locator("#party")).to_have_value("red-crescent")
