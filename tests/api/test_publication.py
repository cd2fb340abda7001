"""Claims as others show them: ClaimReview, badges and embeds, for whom, of when, and how long."""

import re
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import httpx
import orjson
import pytest

from service.config import Settings
from service.domain.access import SYSTEM
from service.exchange import seeds
from service.publishing import markup
from tests.api.problems import NOBODY, require_field_error, require_problem
from tests.publishing.test_markup import HOSTILE, keep_xml_characters
from tests.support import desk as support
from tests.support import schema_org
from tests.support.desk import BEGIN, SOURCE, Desk, Json, build_claim, build_quote

GOLDEN = Path(__file__).parent / "published"
BASE = "http://127.0.0.1:8000"
PUBLIC = "public, max-age=60, must-revalidate"


@pytest.fixture
async def open_desk(settings: Settings) -> AsyncIterator[Desk]:
    """A desk whose claims anybody may read."""
    async with support.run_desk(settings.model_copy(update={"public_read": True})) as desk:
        yield desk


def list_places(claim: str) -> Iterator[str]:
    """Everywhere a claim is published."""
    yield f"/v1/claims/{claim}/claimreview"
    yield f"/v1/claims/{claim}/badge.svg"
    for format in ("json", "xml"):
        yield f"/oembed?format={format}&url={BASE}/claims/{claim}"


async def read_review(desk: Desk, claim: str, **query: str) -> Json:
    """A claim's JSON-LD, held against the vocabulary."""
    response = await desk.reader.get(f"/v1/claims/{claim}/claimreview", params=query)
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == "application/ld+json"
    body: Json = response.json()
    schema_org.check(body)
    return body


async def read_badge(desk: Desk, claim: str, **query: str) -> list[str]:
    """The words in a claim's badge."""
    response = await desk.reader.get(f"/v1/claims/{claim}/badge.svg", params=query)
    assert response.status_code == 200, response.text
    root = ElementTree.fromstring(response.content)
    return [each.text or "" for each in root.iter("{http://www.w3.org/2000/svg}text")]


async def embed(desk: Desk, url: str, **query: Any) -> httpx.Response:
    return await desk.reader.get("/oembed", params={"url": url, **query})


async def merge(desk: Desk, loser: str, into: str) -> None:
    answer = await desk.checker.post(
        f"/v1/claims/{loser}/merge", json={"into": into}, headers={"If-Match": "*"}
    )
    assert answer.status_code == 200, answer.text


async def test_claims_of_the_article_as_claim_review(desk: Desk) -> None:
    """Byte by byte, on both databases: C1 awaits and is a Claim alone, then is confirmed; C4 is
    disputed, then refuted; C5 has no author; C9, which took C3, names it."""
    plan = seeds.parse_seed_file(seeds.find_default_file().read_bytes())
    desk.clock.now = BEGIN + timedelta(seconds=1)  # whatever the start of the desk took
    await desk.database.write(seeds.load_plan, plan, actor=SYSTEM, now=desk.clock.now)
    items = (await desk.reader.get("/v1/claims", params={"limit": 200})).json()["items"]
    keys_by_text = {entry.text: entry.key for entry in plan.claims}
    claims = {keys_by_text[each["text"]]: each["id"] for each in items}

    async def require_golden_review(key: str, name: str) -> Json:
        review = await read_review(desk, claims[key])
        review_text = orjson.dumps(review, option=orjson.OPT_INDENT_2).decode()
        for other, claim in claims.items():
            review_text = review_text.replace(claim, other)
        assert f"{review_text}\n" == (GOLDEN / f"{name}.json").read_text(), name
        return review

    assert (await require_golden_review("C1", "awaiting"))["@type"] == "Claim"
    assert (await require_golden_review("C4", "disputed"))["reviewRating"] == {
        "@type": "Rating",
        "alternateName": "Disputed",
    }
    assert "author" not in await require_golden_review("C5", "unattributed")
    await desk.confirm_claim(claims["C1"])
    await require_golden_review("C1", "confirmed")
    denial = await desk.link_statement(claims["C4"], "contradicts", "nato", basis="documents")
    await desk.record_finding(claims["C4"], "refuted", denial["id"])
    await require_golden_review("C4", "refuted")
    await merge(desk, claims["C3"], claims["C9"])
    await require_golden_review("C9", "merged")


async def test_rating_has_a_number_only_with_a_finding(desk: Desk) -> None:
    """A rating has a value only with a finding, between its worst and its best; a finding makes a
    review of a claim that nobody has confirmed or disputed."""
    await desk.record_parties()
    claim = (await desk.record_claim())["id"]
    assert (await read_review(desk, claim))["@type"] == "Claim"
    await desk.record_finding(claim, "unprovable")
    assert (await read_review(desk, claim))["@type"] == "ClaimReview"
    await desk.record_finding(claim, None)
    denial = (await desk.link_statement(claim, "contradicts", "pristina", basis="documents"))["id"]
    await desk.link_statement(claim, "supports", "washington", basis="documents")
    for finding, value, cites in (
        ("refuted", 1, [denial]),
        ("conflicting", 3, [denial]),
        ("unprovable", 3, []),
    ):
        await desk.record_finding(claim, finding, *cites)
        rating = (await read_review(desk, claim))["reviewRating"]
        assert rating["ratingValue"] == value
        assert (rating["worstRating"], rating["bestRating"]) == (1, 5)
    await desk.record_finding(claim, None)
    await desk.post(f"/v1/links/{denial}/retraction", {"reason": "misread"}, status=200)
    rating = (await read_review(desk, claim))["reviewRating"]
    assert rating.keys() == {"@type", "alternateName"}
    await desk.confirm_claim(claim)
    assert (await read_review(desk, claim))["reviewRating"].keys() == {"@type", "alternateName"}


async def test_claim_of_a_day_has_a_date_and_other_claims_an_instant(desk: Desk) -> None:
    """schema.org's Date where only the day is known, else its DateTime."""
    await desk.record_parties()
    for precision, date in (("day", "2023-10-02"), ("hour", "2023-10-02T14:00:00Z")):
        moment = "2023-10-02T14:00:00Z"
        claim = await desk.record_claim(claimed_at=moment, precision=precision)
        assert (await read_review(desk, claim["id"]))["datePublished"] == date


async def test_claim_review_names_each_source_of_the_origin_once(desk: Desk) -> None:
    """Every source of the origin once, and the earliest published as the first; another rendering
    of an old statement is an event of the claim, and changes the tag."""
    await desk.record_parties()
    first = build_quote() | {"source": {"url": "https://example.org/late", "title": "Late"}}
    first["source"]["published_at"] = "2023-10-03T00:00:00Z"
    claim = (await desk.record_claim(origin={"quotes": [first, first | {"text": "again"}]}))["id"]
    before = await desk.reader.get(f"/v1/claims/{claim}/claimreview")
    links = (await desk.read_claim(claim))["version"]
    instant = desk.clock.now.isoformat()
    statements = (await desk.reader.get("/v1/statements")).json()["items"]
    desk.clock.advance(hours=1)
    early = build_quote() | {"source": {"url": "https://example.org/early", "language": "sr"}}
    early["source"]["published_at"] = "2023-10-02T00:00:00Z"
    early["source"]["archive_url"] = "https://archive.example/early"
    await desk.post(f"/v1/statements/{statements[0]['id']}/quotes", early)
    now = await read_review(desk, claim)
    assert [each["url"] for each in now["appearance"]] == [
        "https://example.org/late",
        "https://example.org/early",
    ]
    assert now["firstAppearance"]["url"] == "https://example.org/early"
    assert now["firstAppearance"]["archivedAt"] == "https://archive.example/early"
    second_answer = await desk.reader.get(f"/v1/claims/{claim}/claimreview")
    assert (await desk.read_claim(claim))["version"] == links + 1
    assert second_answer.headers["ETag"] != before.headers["ETag"]
    assert (await read_review(desk, claim, as_of=instant))["firstAppearance"]["headline"] == "Late"


async def test_override_and_withdrawal_are_always_marked(desk: Desk) -> None:
    """This holds whether the claim is reviewed or not."""
    await desk.record_parties()
    claim, other = (await desk.record_claim())["id"], (await desk.record_claim())["id"]
    override = {"code": "deadline", "note": "Two reporters were there.", "source": SOURCE}
    proposal = await desk.change_status(claim, "confirmed", client=desk.editor, override=override)
    url = f"/v1/decisions/{proposal.json()['id']}/approval"
    assert (await desk.editor2.post(url)).status_code == 200
    require_golden_review = await read_review(desk, claim)
    assert require_golden_review["reviewRating"]["alternateName"] == "Confirmed (override)"
    assert "override" in require_golden_review["reviewBody"]
    assert await read_badge(desk, claim) == ["Confirmed", "override"]
    assert "(override)" in (await embed(desk, f"{BASE}/claims/{claim}")).json()["title"]
    for each in (claim, other):
        await desk.post(f"/v1/claims/{each}/withdrawal", {"reason": "They said so."}, status=200)
    require_golden_review = await read_review(desk, claim)
    assert (
        require_golden_review["reviewRating"]["alternateName"] == "Confirmed (override, withdrawn)"
    )
    assert require_golden_review["itemReviewed"]["creativeWorkStatus"] == "Withdrawn"
    require_golden_review = await read_review(desk, other)
    assert (require_golden_review["@type"], require_golden_review["creativeWorkStatus"]) == (
        "Claim",
        "Withdrawn",
    )
    assert "withdrawn" in require_golden_review["description"]
    assert await read_badge(desk, other) == ["Asserted", "withdrawn"]


async def test_publications_as_of_an_instant(desk: Desk) -> None:
    """With as_of all three are of that instant; before the claim was recorded there is none; a
    badge of then says so."""
    await desk.record_parties()
    early = desk.clock.now.isoformat()
    claim = (await desk.record_claim())["id"]
    instant = desk.clock.advance(hours=1).isoformat().replace("+00:00", "Z")
    desk.clock.advance(hours=1)
    await desk.confirm_claim(claim)
    url = f"{BASE}/claims/{claim}"
    assert (await read_review(desk, claim))["@type"] == "ClaimReview"
    assert (await read_review(desk, claim, as_of=instant))["@type"] == "Claim"
    assert await read_badge(desk, claim) == ["Confirmed"]
    badge = await read_badge(desk, claim, as_of=instant)
    assert badge[0] == "Asserted"
    assert badge[1].startswith("as of 2 October 2023, ")
    assert (await embed(desk, url)).json()["title"].startswith("Confirmed: ")
    of_then = (await embed(desk, f"{url}?utm_source=x&as_of={instant}#top")).json()
    assert of_then["title"].startswith("Asserted: ")
    assert of_then["html"].count("as_of=") == 3
    for part in ("claimreview", "badge.svg"):
        missing = await desk.reader.get(f"/v1/claims/{claim}/{part}", params={"as_of": early})
        require_problem(missing, "not-yet-recorded")
        response = await desk.reader.get(f"/v1/claims/{claim}/{part}", params={"as_of": "then"})
        require_field_error(response, "query", "as_of")
    require_field_error(await embed(desk, f"{url}?as_of=then"), "query", "url")


async def test_merged_claim_is_published_as_its_survivor(desk: Desk) -> None:
    """ClaimReview redirects with its question and the survivor names all that became it, by when
    they did; badge and embed show the survivor, and the badge says why."""
    await desk.record_parties()
    first, second, third = [(await desk.record_claim())["id"] for _ in range(3)]
    await merge(desk, first, second)
    instant = desk.clock.now.isoformat().replace("+00:00", "Z")
    desk.clock.advance(hours=1)
    await merge(desk, second, third)
    amendment = await desk.checker.patch(
        f"/v1/claims/{third}",
        json={"text": "The survivor's words", "material": False},
        headers={"If-Match": "*"},
    )
    assert amendment.status_code == 200
    for method in ("GET", "HEAD"):
        redirect = await desk.reader.request(
            method, f"/v1/claims/{second}/claimreview?as_of=2100-01-01T00:00:00Z"
        )
        assert redirect.status_code == 308
        location = f"/v1/claims/{third}/claimreview?as_of=2100-01-01T00:00:00Z"
        assert redirect.headers["Location"] == location
    now = await read_review(desk, third)
    assert set(now["sameAs"]) == {f"{BASE}/claims/{each}" for each in (first, second)}
    before = await read_review(desk, second, as_of=instant)
    assert before["sameAs"] == [f"{BASE}/claims/{first}"]
    assert "sameAs" not in await read_review(desk, third, as_of=instant)
    assert await read_badge(desk, first) == ["Asserted", "merged"]
    assert await read_badge(desk, third) == ["Asserted"]
    assert (await read_badge(desk, first, as_of=instant))[1].startswith("merged · as of")
    html = (await embed(desk, f"{BASE}/claims/{first}")).json()["html"]
    assert "The survivor&#x27;s words" in html
    assert f"{BASE}/claims/{third}" in html


REFUSED = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\ufffe\uffff\U0010ffff]")
"""Of what hostile texts hold, what no field takes."""


@pytest.mark.parametrize("text", [text for text in HOSTILE if REFUSED.search(text)], ids=repr)
async def test_texts_that_could_forge_a_print_line_are_refused(desk: Desk, text: str) -> None:
    await desk.record_parties()
    speaker = {"name": f"«{text}»", "role": None}
    answer = await desk.checker.post("/v1/claims", json=build_claim(speaker=speaker))
    require_field_error(answer, "body", "speaker", "name")


@pytest.mark.parametrize("text", [text for text in HOSTILE if not REFUSED.search(text)], ids=repr)
async def test_hostile_texts_are_published_as_text(desk: Desk, text: str) -> None:
    """From recording to publication, whatever is claimed and whoever claims it."""
    await desk.record_parties()
    text = f"«{text}»"
    claim = (await desk.record_claim(text=text, speaker={"name": text, "role": text}))["id"]
    require_golden_review = await read_review(desk, claim)
    assert (
        require_golden_review["text"],
        require_golden_review["author"]["name"],
        require_golden_review["author"]["jobTitle"],
    ) == (text, text, text)
    assert "</" not in markup.render_script_json(require_golden_review)
    picture = await desk.reader.get(f"/v1/claims/{claim}/badge.svg")
    label = ElementTree.fromstring(picture.content).get("aria-label")
    assert label == f"Asserted: {keep_xml_characters(text)}"
    for format in ("json", "xml"):
        answer = await embed(desk, f"{BASE}/claims/{claim}", format=format)
        html = (
            answer.json()["html"]
            if format == "json"
            else ElementTree.fromstring(answer.content).findtext("html")
        )
        assert html is not None
        assert "<script" not in html
        assert next(ElementTree.fromstring(html).iter("a")).text == keep_xml_characters(text)


async def test_unchanged_publication_is_answered_304(open_desk: Desk) -> None:
    """For the public a minute in any cache, then 304; for who has a key nothing is kept unasked;
    after a change the tag is another. HEAD is answered like GET."""
    desk = open_desk
    await desk.record_parties()
    claim = (await desk.record_claim())["id"]
    tags = {}
    for place in list_places(claim):
        public, answer_with_key = await desk.public.get(place), await desk.reader.get(place)
        assert public.headers["Cache-Control"] == PUBLIC
        assert answer_with_key.headers["Cache-Control"] == "private, no-cache"
        assert answer_with_key.headers["Vary"] == "Authorization, Cookie"
        assert public.content == answer_with_key.content
        tags[place] = public.headers["ETag"]
        assert re.fullmatch(r'"[0-9a-f]{32}"', tags[place]), "strong"
        for client, caching in ((desk.public, PUBLIC), (desk.reader, "private, no-cache")):
            for header in (tags[place], f'"other", W/{tags[place]}', "*"):
                same = await client.get(place, headers={"If-None-Match": header})
                assert (same.status_code, same.content) == (304, b""), place
                assert same.headers["ETag"] == tags[place]
                assert same.headers["Cache-Control"] == caching
        head = await desk.public.head(place)
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["Content-Type"] == public.headers["Content-Type"]
        assert head.headers["ETag"] == tags[place]
    await desk.link_statement(claim, "requests_confirmation", "washington")
    for place, tag in tags.items():
        answer = await desk.public.get(place, headers={"If-None-Match": tag})
        assert answer.status_code == 200, place


async def test_badge_has_headers_that_forbid_scripts(open_desk: Desk) -> None:
    """SVG is a document too: no sniffing, no script, no style but its own."""
    await open_desk.record_parties()
    claim = (await open_desk.record_claim())["id"]
    headers = (await open_desk.public.get(f"/v1/claims/{claim}/badge.svg")).headers
    assert headers["Content-Type"] == "image/svg+xml"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Content-Security-Policy"].startswith("default-src 'none'; style-src 'sha256-")
    assert headers["Cross-Origin-Resource-Policy"] == "cross-origin"


async def test_other_addresses_and_formats_are_not_embedded(desk: Desk) -> None:
    """404 for an address elsewhere, of something else, or of no claim; 501 for another format; 422
    for a size that is none; what oEmbed does not name is ignored."""
    await desk.record_parties()
    claim = (await desk.record_claim())["id"]
    own_address = f"{BASE}/claims/{claim}"
    for url in (
        f"https://elsewhere.example/claims/{claim}",
        f"{BASE}.elsewhere.example/claims/{claim}",
        f"{BASE}/stories/{claim}",
        f"{BASE}/claims/{claim}/links",
        f"{BASE}/claims/c1",
        f"{BASE}/claims/{NOBODY}",
        claim,
        "",
    ):
        require_problem(await embed(desk, url), "not-found")
    require_problem(await embed(desk, own_address, format="yaml"), "format-not-served")
    for size in ("0", "-1", "wide", "100000"):
        require_field_error(await embed(desk, own_address, maxwidth=size), "query", "maxwidth")
        require_field_error(await embed(desk, own_address, maxheight=size), "query", "maxheight")
    require_field_error(await desk.reader.get("/oembed"), "query", "url")
    require_field_error(await embed(desk, f"{own_address}?{'x' * 2048}"), "query", "url")
    for url in (own_address, f"{own_address}/", own_address.replace(claim, claim.upper())):
        answer = await embed(desk, url, dnt="1", maxwidth=300, maxheight=80)
        require_golden_review = answer.json()
        assert answer.headers["content-type"] == "application/json"
        assert (require_golden_review["width"], require_golden_review["height"]) == (300, 80)
    answer = await embed(desk, own_address, format="xml")
    assert answer.headers["content-type"] == "text/xml; charset=utf-8"
    require_problem(
        await desk.public.get("/oembed", params={"url": own_address}), "not-authenticated"
    )
