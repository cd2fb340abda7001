"""A claim's and a story's dossier: one page to print with all that bears on it."""

from tests.desk.conftest import People, parse_page, read_words
from tests.desk.test_many_statements import record_statements
from tests.support.desk import Desk


async def test_claim_dossier_has_evidence_sources_decisions_and_corrections(
    desk: Desk, people: People
) -> None:
    await desk.record_parties()
    claim = (await desk.record_claim())["id"]
    link = await desk.link_statement(claim, "contradicts", "nato", basis="documents")
    reason = {"reason": "NATO took it back"}
    retraction = await desk.checker.post(f"/v1/links/{link['id']}/retraction", json=reason)
    assert retraction.is_success
    page = parse_page(await people.reader.get(f"/claims/{claim}/dossier"))
    words = read_words(page.cssselect("main")[0])
    claim_view = (await desk.reader.get(f"/v1/claims/{claim}")).json()
    assert claim_view["print_line"] in words
    for part in ("Belgrade claimant", "NATO", "basis: documents", "From asserted to disputed"):
        assert part in words, part
    assert "NATO took it back" in words
    sources = {item.get("href") for item in page.cssselect(".said .hint a")}
    quotes = [quote for part in (link,) for quote in part["statement"]["quotes"]]
    assert {quote["source"]["url"] for quote in quotes} <= sources
    assert not page.cssselect("main form")
    assert page.cssselect(".printed"), "with the day of printing and its address"


async def test_claim_dossier_has_every_statement(desk: Desk, people: People) -> None:
    """Also those that the claim's page leaves to further pages."""
    await desk.record_parties()
    claim, links = await record_statements(desk)
    page = parse_page(await people.reader.get(f"/claims/{claim}/dossier"))
    assert len(page.cssselect(".said")) == len(links) + 1


async def test_story_dossier_has_its_claims_in_order(desk: Desk, people: People) -> None:
    await desk.record_parties()
    await desk.post("/v1/stories", {"slug": "border", "title": "The border"})
    for text in ("First claim", "Second claim"):
        await desk.record_claim(text=text, story="border")
    page = parse_page(await people.reader.get("/stories/border/dossier"))
    assert [read_words(item) for item in page.cssselect("h2")][:2] == [
        "First claim",
        "Second claim",
    ]
    numbers = {link.get("href") for link in page.cssselect(".said .hint a")}
    assert numbers == {f"#{item.get('id')}" for item in page.cssselect(".sources li")}
    addresses = [link.get("href") for link in page.cssselect(".sources a")]
    assert len(addresses) == len(set(addresses)) > 0, "each source once"
    assert (await people.reader.get("/stories/none/dossier")).status_code == 404


async def test_dossier_names_of_a_source_what_is_known(desk: Desk, people: People) -> None:
    """Outlet, headline and day, each of which may be missing, and always the address."""
    await desk.record_parties()
    address = "https://example.org/said"
    for number, (details, words) in enumerate(
        (
            ({"publisher": "The Outlet", "title": "A headline"}, "The Outlet, “A headline”: "),
            ({"title": "A headline"}, "“A headline”: "),
            ({"publisher": "The Outlet"}, "The Outlet: "),
            ({}, ""),
        )
    ):
        source = {"url": f"{address}/{number}"} | details
        quote = {"text": "It was so", "language": "en", "source": source}
        claim = await desk.record_claim(text=f"Claim {number}", origin={"quotes": [quote]})
        page = parse_page(await people.reader.get(f"/claims/{claim['id']}/dossier"))
        (hint,) = (
            read_words(item) for item in page.cssselect(".said .hint") if "(en)" in read_words(item)
        )
        assert hint.partition("(en); ")[2].startswith(f"{words}{address}"), hint
