"""Stories at the desk: the list, who stands where, statuses over time, what happened, as of."""

from typing import Any

import pytest
from sqlalchemy import Engine, event

from tests.desk.conftest import People, parse_page, read_text, read_words, submit
from tests.support.desk import Desk

STORY = {"slug": "border", "title": "Kosovo border", "description": "Troops near the line."}


def open_to_all(desk: Desk) -> None:
    """Turn public reading on."""
    services = desk.app.state.services
    services.settings = services.settings.model_copy(update={"public_read": True})


@pytest.fixture
async def story(desk: Desk) -> str:
    """A story with one claim: asked about, denied, its denial withdrawn; the claim's id."""
    await desk.record_parties()
    await desk.post("/v1/stories", STORY)
    claim = await desk.record_claim(story="border")
    await desk.link_statement(
        claim["id"], "requests_confirmation", "state-department", conditional=True
    )
    return str(claim["id"])


async def test_the_list_shows_every_story_with_its_statuses(
    desk: Desk, people: People, story: str
) -> None:
    """Title, description, how many claims have which status, and a link to each."""
    page = await people.reader.get("/stories")
    assert page.status_code == 200
    text = read_text(page)
    assert "Kosovo border" in text
    assert "Troops near the line." in text
    assert "1 awaiting confirmation" in text
    assert parse_page(page).xpath('//li[@data-row]//a[@href="/stories/border"]')
    assert not parse_page(page).xpath('//form[@action="/stories"]'), "readers record nothing"


async def test_empty_list_explains_itself(people: People) -> None:
    page = await people.checker.get("/stories")
    assert "A story is a set of claims followed together" in read_text(page)


async def test_a_story_is_recorded_with_an_address_made_of_its_title(people: People) -> None:
    answer = await submit(people.checker, "/stories", "/stories", title="Vučević’s campaign, 2023")
    assert answer.status_code == 303
    assert answer.headers["location"] == "/stories/vucevics-campaign-2023?done=recorded"
    page = await people.checker.get(answer.headers["location"])
    assert "Recorded." in read_text(page)
    assert "No claims in it yet" in read_text(page)


@pytest.mark.parametrize(
    ("fields", "status", "at", "message"),
    [
        ({"title": " "}, 422, "title", "this is needed"),
        ({"title": "A title", "slug": "Not A Slug"}, 422, "slug", "take small letters"),
        ({"title": "北京"}, 422, "slug", "none can be made of this title"),
        ({"title": "Another", "slug": "border"}, 409, "slug", "There is a story"),
    ],
)
async def test_a_refused_story_keeps_what_was_typed(
    people: People, story: str, fields: dict[str, str], status: int, at: str, message: str
) -> None:
    """The message stands at its field, and nothing that was typed is lost."""
    answer = await submit(
        people.checker, "/stories", "/stories", description="Keep <this> & that", **fields
    )
    assert answer.status_code == status
    page = parse_page(answer)
    field = page.get_element_by_id(at)
    assert field.get("aria-invalid") == "true"
    assert message in read_words(page.get_element_by_id(field.get("aria-describedby")))
    assert page.get_element_by_id("description").value.strip() == "Keep <this> & that"


async def test_an_editor_changes_title_and_description(people: People, story: str) -> None:
    """A checker may not; the address stays."""
    url = "/stories/border/edit"
    assert (await people.checker.get(url)).status_code == 403
    answer = await submit(people.editor, url, url, title="The border", description="")
    assert answer.headers["location"] == "/stories/border?done=saved"
    text = read_text(await people.reader.get("/stories/border"))
    assert "The border" in text
    assert "Troops near the line." not in text
    refusal = await submit(people.editor, url, url, title="x" * 301)
    assert refusal.status_code == 422
    assert parse_page(refusal).get_element_by_id("title").value == "x" * 301


async def test_matrix_shows_each_stance_and_why_it_counts(
    desk: Desk, people: People, story: str
) -> None:
    """One row a claim, one column a root party; how a voice stands, and why it counts or not."""
    await desk.link_statement(story, "supports", "belgrade")
    page = parse_page(await people.reader.get("/stories/border"))
    heads = [read_words(item) for item in page.xpath('//table[@class="matrix"]/thead//th')]
    assert heads == ["Claim", "Belgrade", "Washington"]
    (row,) = page.xpath(f'//tr[@id="m-{story}"]')
    assert row.get("data-row") is not None
    assert "Awaiting confirmation" in read_words(row.xpath("./th")[0])
    cells = [" / ".join(item.xpath("./a/@title")) for item in row.xpath("./td")]
    assert cells == [
        # The claimant's own word adds nothing.
        "Belgrade claims it / Belgrade supports, not counted",
        "Washington asks for confirmation, conditional",
    ]
    (mark,) = row.xpath('./td/a[contains(@title, "asks")]')
    assert mark.get("class") == "requests_confirmation counted some"
    assert mark.get("href") == f"/claims/{story}#p-washington"
    claim = parse_page(await people.reader.get(f"/claims/{story}"))
    assert claim.get_element_by_id("p-washington") is not None, "a mark leads to the words"


async def test_components_stand_below_what_they_are_part_of(desk: Desk, people: People) -> None:
    await desk.record_parties()
    await desk.post("/v1/stories", STORY)
    whole = await desk.record_claim(story="border", text="Serbia reduced troops")
    await desk.record_claim(story="border", text="Another claim")
    part = await desk.record_claim(story="border", text="From 8,350 to 4,500", part_of=whole["id"])
    page = parse_page(await people.reader.get("/stories/border"))
    rows = page.xpath('//table[@class="matrix"]/tbody/tr')
    ids = [row.get("id").removeprefix("m-") for row in rows]
    assert ids.index(part["id"]) == ids.index(whole["id"]) + 1
    assert rows[ids.index(part["id"])].get("class") == "part"
    assert "Part of the claim above" in read_words(rows[ids.index(part["id"])])


async def test_lanes_show_statuses_in_shapes_words_and_a_table(people: People, story: str) -> None:
    """Each lane is named for those who cannot see it, and stands in a table too; no style
    attribute, which the policy would block."""
    answer = await people.reader.get("/stories/border")
    page = parse_page(answer)
    (lane,) = page.xpath(f'//li[@id="l-{story}"]/svg')
    assert lane.get("role") == "img"
    assert lane.get("aria-label") == "Asserted, then Awaiting confirmation"
    assert "Asserted from 2 Oct 2023" in lane.xpath("./use/title")[0].text
    assert [item.get("class") for item in lane.xpath("./use[@class]")] == [
        "asserted",
        "awaiting_confirmation",
    ]
    table = read_words(page.xpath('//details[@id="lanes-table"]//tbody')[0])
    assert "Asserted" in table
    assert "still" in table
    assert not page.xpath("//*[@style]")


async def test_figures_are_drawn_over_time_by_party_with_a_table_behind(
    desk: Desk, people: People, story: str
) -> None:
    """Points of each party in a shape of its own, joined in time; superseded ones are there."""
    instant = desk.clock.now.isoformat()
    desk.clock.advance(minutes=1)
    older = None
    for day, party, figure in (
        (1, "belgrade", {"value": 12}),
        (2, "pristina", {"low": 20, "high": 25}),
        (3, "belgrade", {"value": 17.5}),
    ):
        claim = await desk.record_claim(
            story="border",
            text=f"{party} on {day}",
            kind="figure",
            claimant=party,
            speaker=None,
            claimed_at=f"2023-10-0{day}T00:00:00Z",
            figure=figure | {"what": "wounded"},
            supersedes=older if party == "belgrade" else None,
        )
        older = older or claim["id"]
    page = parse_page(await people.reader.get("/stories/border"))
    (chart,) = page.cssselect("#figures figure")
    assert read_words(chart.cssselect("figcaption")[0]) == "Wounded"
    (drawing,) = chart.cssselect("svg[role=img]")
    assert drawing.get("role") == "img"
    assert drawing.get("aria-label") == "Belgrade: 12, then Pristina: 20–25, then Belgrade: 17.5"
    assert len(drawing.cssselect(".point")) == 3
    assert len(drawing.cssselect(".former")) == 1
    assert len(drawing.cssselect(".step")) == len(drawing.cssselect(".range")) == 1
    places = [float(point.get("x").removesuffix("%")) for point in drawing.cssselect(".point")]
    assert places == sorted(places)
    rows = [
        [read_words(cell) for cell in row.cssselect("th, td")][:3]
        for row in chart.cssselect("tbody tr")
    ]
    assert rows == [
        ["Belgrade", "12", "1 October 2023"],
        ["Pristina", "20–25", "2 October 2023"],
        ["Belgrade", "17.5", "3 October 2023"],
    ]
    assert "superseded" in read_words(chart.cssselect("tbody tr")[0])
    claim_page = await people.reader.get(f"/claims/{older}")
    assert "the claim that supersedes it" in read_text(claim_page)
    assert not parse_page(
        await people.reader.get("/stories/border", params={"as_of": instant})
    ).cssselect("#figures")


async def test_timeline_is_newest_first_in_both_orders(people: People, story: str) -> None:
    by_record = parse_page(await people.reader.get("/stories/border"))
    words = [read_words(item) for item in by_record.xpath('//ol[@class="events"]/li')]
    assert "From asserted to awaiting confirmation" in words[0]
    assert "asks for confirmation (conditionally)" in words[1]
    assert "Claimed by Belgrade" in words[2]
    by_word = parse_page(await people.reader.get("/stories/border?clock=said"))
    said_items = [read_words(item) for item in by_word.xpath('//ol[@class="events"]/li')]
    assert len(said_items) == 2, "what only the desk did was never said"
    assert all("2 October 2023 recorded" in item for item in said_items)
    assert (await people.reader.get("/stories/border?clock=sundial")).status_code == 422


async def test_as_of_shows_what_the_desk_knew_then(desk: Desk, people: People, story: str) -> None:
    """In the URL as RFC 3339, from the form as an hour of UTC; nothing live then."""
    before = desk.clock.advance(hours=1)
    desk.clock.advance(hours=1)
    await desk.link_statement(story, "contradicts", "nato")
    now = await people.reader.get("/stories/border")
    assert "NATO" in read_text(now)
    assert parse_page(now).body.get("data-live").endswith("story=border")
    for query in ({"as_of": before.isoformat()}, {"at": before.strftime("%Y-%m-%dT%H:%M")}):
        response = await people.reader.get("/stories/border", params=query)
        assert response.status_code == 200
        assert "As the desk knew it on 2 Oct 2023, 13:0" in read_text(response)
        assert "NATO" not in read_text(response)
        assert parse_page(response).body.get("data-live") is None
    early = await people.reader.get("/stories/border?at=2023-10-02T11:00")
    assert early.status_code == 404
    assert "began this story only later" in read_text(early)
    back = parse_page(early).cssselect("main a.button")[0].get("href")
    assert (await people.reader.get(back)).status_code == 200
    for bad in ("yesterday", "2023-10-02", "2023-02-30T10:00", "9999-99-99T99:99"):
        assert (await people.reader.get("/stories/border", params={"at": bad})).status_code == 422


async def test_feeds_and_open_graph_are_in_the_head(people: People, story: str) -> None:
    page = parse_page(await people.reader.get("/stories/border"))
    assert page.xpath('//head/link[@rel="alternate"]/@href') == [
        "/feeds/corrections.atom",
        "/feeds/stories/border.atom",
        "/feeds/stories/border.json",
    ]
    assert page.xpath('//meta[@property="og:title"]/@content') == ["Kosovo border"]
    assert page.xpath('//meta[@property="og:description"]/@content') == ["Troops near the line."]
    assert page.xpath('//main//a[@href="/feeds/stories/border.atom"]'), "and in sight"


async def test_large_story_has_pages(desk: Desk, people: People) -> None:
    """Every claim once, and every event once, whichever of the two one walks."""
    await desk.record_parties()
    await desk.post("/v1/stories", STORY)
    claim_ids = [
        (await desk.record_claim(story="border", text=f"Claim {n}"))["id"] for n in range(43)
    ]

    async def walk_pages(path: str, rows: str) -> list[str]:
        row_ids: list[str] = []
        address: str | None = "/stories/border"
        while address is not None:
            page = parse_page(await people.reader.get(address))
            row_ids += [item.get("id")[2:] for item in page.xpath(rows)]
            following = page.xpath(f'//section[@id="{path}"]//a[@rel="next"]/@href')
            address = following[0] if following else None
        return row_ids

    assert sorted(await walk_pages("matrix", "//tr[@data-row]")) == sorted(claim_ids)
    events = await walk_pages("happened", '//ol[@class="events"]/li')
    assert len(events) == len(set(events)) == 43
    response = await people.reader.get("/stories/border?claims=nonsense")
    assert response.status_code == 422


@pytest.mark.usefixtures("seldom_upkeep")
async def test_a_page_costs_as_many_queries_for_one_claim_as_for_twenty(
    desk: Desk, people: People, story: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Who asks is looked up once, however slow the machine.
    monkeypatch.setattr("service.web.callers.TRUSTED_SECONDS", 3600.0)
    statements: list[str] = []

    def note(*args: Any) -> None:
        # Not that a session was used, which is written now and then.
        if not args[2].startswith(("BEGIN", "UPDATE")):
            statements.append(args[2])

    async def count_queries(path: str) -> int:
        statements.clear()
        assert (await people.reader.get(path)).status_code == 200
        return len(statements)

    await desk.stop_workers()
    event.listen(Engine, "before_cursor_execute", note)
    try:
        await people.reader.get("/stories/border")
        few = [await count_queries(path) for path in ("/stories/border", "/stories")]
        for number in range(12):
            claim = await desk.record_claim(story="border", text=f"Claim {number}")
            await desk.link_statement(claim["id"], "comments", "nato")
            await desk.post("/v1/stories", {"slug": f"s{number}", "title": "A story"})
        assert [await count_queries(path) for path in ("/stories/border", "/stories")] == few
    finally:
        event.remove(Engine, "before_cursor_execute", note)


async def test_unknown_story_is_answered_404(people: People) -> None:
    assert (await people.reader.get("/stories/none")).status_code == 404


async def test_public_sees_stories_and_nothing_internal(
    desk: Desk, people: People, story: str
) -> None:
    """Signed out, a story asks for sign-in; with public reading on it shows, without links to
    statements, forms, or what only the desk may do."""
    redirect = await people.public.get("/stories/border")
    assert redirect.status_code == 303
    open_to_all(desk)
    page = await people.public.get("/stories/border")
    assert page.status_code == 200
    text = page.text
    assert "asks for confirmation" in text
    for secret in ("/statements/", "/edit", "csrf", "/intake", 'method="post"'):
        assert secret not in text
    listing = await people.public.get("/stories")
    assert "Record a story" not in listing.text


async def test_form_without_its_token_changes_nothing(people: People, story: str) -> None:
    """Without the token of the session nothing is changed."""
    for client, url in ((people.checker, "/stories"), (people.editor, "/stories/border/edit")):
        answer = await client.post(url, data={"title": "Stolen", "slug": "stolen"})
        assert answer.status_code == 403
    assert (await people.reader.get("/stories/stolen")).status_code == 404
    refusal = await people.reader.post("/stories", data={"title": "Mine"})
    assert refusal.status_code == 403
