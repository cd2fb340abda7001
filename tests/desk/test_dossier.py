"""The dossier of a desk at work: who decided in which role, and what was put right."""

from datetime import UTC, datetime
from typing import Any

from lxml import html

from service.desk.dossier import dossier_document
from service.exchange import dossier
from service.exchange.dossier import Period
from tests.support.desk import Desk, build_claim, build_quote, build_statement

PERIOD = Period(datetime(2023, 1, 1, tzinfo=UTC), datetime(2024, 1, 1, tzinfo=UTC))
ARABIC = "انسحبت القوات من الحدود"


async def render(desk: Desk, *, sample: int = 1, **options: Any) -> tuple[str, Any]:
    """A dossier of claims of this year: the page, and its tree."""
    sample_claims = await desk.database.read(
        dossier.read_dossier, period=PERIOD, sample=sample, seed=1
    )
    page = dossier_document.render_dossier(sample_claims, publisher="The <Desk>", **options)
    return page, html.fromstring(page)


def read_words(tree: Any) -> str:
    return " ".join(tree.text_content().split())


async def test_dossier_names_roles_and_no_people(desk: Desk) -> None:
    """Who proposed and who agreed, in the role that they had then; names only if asked for; what is
    the desk's own business in neither."""
    await desk.record_parties()
    claim = (await desk.record_claim())["id"]
    await desk.post(f"/v1/claims/{claim}/notes", {"text": "NOTE-of-the-desk"})
    inquiry = {"party": "nato", "whom": "WHOM-exactly", "way": "WAY-of-asking"}
    inquiry |= {"until": "2023-10-20T16:00:00Z", "note": "NOTE-on-asking"}
    await desk.post(f"/v1/claims/{claim}/inquiries", inquiry)
    unnamed_source = {
        "attribution": "unnamed",
        "description": "an official",
        "reason": "WHY-withheld",
    }
    body = {
        "statement": build_statement(None, **unnamed_source),
        "stance": "comments",
        "note": "LINK-note",
    }
    await desk.post(f"/v1/claims/{claim}/links", body)
    await desk.confirm_claim(claim)
    people = await desk.admin.get("/v1/users")
    editor = next(user for user in people.json()["items"] if user["name"] == "editor")
    await desk.admin.patch(f"/v1/users/{editor['id']}", json={"role": "reader"})
    denial = await desk.link_statement(claim, "contradicts", "pristina")
    await desk.post(f"/v1/links/{denial['id']}/void", {"reason": "misheard"}, status=202)
    page, tree = await render(desk)
    words = read_words(tree)
    assert "Proposed by a checker; approved by an editor" in words
    assert "NATO, asked" in words
    for secret in ("NOTE-of", "WHOM-", "WAY-of", "NOTE-on", "WHY-", "LINK-note", "misheard"):
        assert secret not in page, secret
    assert "checker, a checker" not in words
    _, page_with_names = await render(desk, shows_names=True)
    assert "Proposed by checker, a checker; approved by editor, an editor" in read_words(
        page_with_names
    )


async def test_dossier_says_what_was_put_right(desk: Desk) -> None:
    """Amendments, voids and withdrawals, with their reasons; a void claim is drawn like others, and
    a merged one is not."""
    await desk.record_parties()
    claim = (await desk.record_claim())["id"]
    link = (await desk.link_statement(claim, "comments", "nato"))["id"]
    await desk.post(f"/v1/links/{link}/void", {"reason": "of another claim"}, status=200)
    amendment = await desk.checker.patch(
        f"/v1/claims/{claim}",
        json={"text": "Better worded", "material": False},
        headers={"If-Match": "*"},
    )
    assert amendment.status_code == 200
    await desk.post(f"/v1/claims/{claim}/void", {"reason": "a parody"}, status=200)
    twins = [(await desk.record_claim(text=text))["id"] for text in ("One", "The other")]
    merge = await desk.checker.post(
        f"/v1/claims/{twins[0]}/merge", json={"into": twins[1]}, headers={"If-Match": "*"}
    )
    assert merge.status_code == 200, merge.text
    _, tree = await render(desk, sample=2)
    assert {article.get("id") for article in tree.cssselect("article")} == {
        f"c-{claim}",
        f"c-{twins[1]}",
    }
    words = read_words(tree.get_element_by_id(f"c-{claim}"))
    put_right = words.partition("Corrections, voids and what was taken back")[2]
    for part in ("Better worded", "of another claim", "a parody", "By a checker."):
        assert part in put_right, part
    assert "Do not use" in words


async def test_nothing_that_was_recorded_is_markup(desk: Desk) -> None:
    """Whatever texts hold is shown as it is; what reads from right to left moves nothing else; an
    address that is none is no link."""
    await desk.record_parties()
    text = f"<img src=x onerror=alert(1)> & “{ARABIC}”"
    quote = build_quote(f"<script>alert(1)</script> {ARABIC}") | {"language": "ar"}
    quote["source"] = {"url": "https://example.org/a?b=<c>&d='", "title": f"<b>{ARABIC}</b>"}
    await desk.post("/v1/claims", build_claim(text=text, origin={"quotes": [quote]}))
    page, tree = await render(desk)
    assert tree.cssselect("h2")[0].text_content() == text
    assert not tree.cssselect("img, script, b")
    assert "The &lt;Desk&gt; recorded" in page
    (block,) = tree.cssselect("blockquote")
    assert (block.get("dir"), block.get("lang")) == ("auto", "ar")
    assert [item.text_content() for item in tree.cssselect(".from bdi")]
    hrefs = [link.get("href") for link in tree.cssselect("a")]
    assert all(href.startswith(("#c-", "https://")) for href in hrefs), hrefs
