"""My work: what waits for whoever looks."""

from datetime import timedelta

from tests.desk.conftest import People, parse_page, read_text, read_words, send_form
from tests.support.desk import Desk
from tests.support.inboxes import tell_people


def read_count(page: object) -> str:
    return str(page.get_element_by_id("work-count").text_content())  # type: ignore[attr-defined]


async def test_empty_groups_teach_what_will_stand_there(people: People) -> None:
    """Whoever may not decide is shown what they follow and printed alone; nobody is counted
    anything."""
    page = await people.checker.get("/work")
    text = read_text(page)
    for words in ("Nothing waits.", "You have proposed nothing", "No claim is assigned"):
        assert words in text
    assert read_count(parse_page(page)) == ""
    assert (await people.checker.get("/work-count")).text == "0"
    text = read_text(await people.reader.get("/work"))
    assert "Waiting for my approval" not in text
    assert "Printed and not corrected" in text


async def test_proposal_waits_for_others_and_its_rejection_is_learnt_of(
    desk: Desk, people: People
) -> None:
    """It counts for whoever may approve it, on every page, and not for its proposer, who reads why
    it was rejected."""
    await desk.record_parties()
    claim = (await desk.record_claim())["id"]
    link = await desk.link_statement(claim, "supports", "nato")
    page = await people.checker.get(f"/claims/{claim}")
    answer = await send_form(
        people.checker,
        page,
        f"/claims/{claim}/status",
        to="confirmed",
        reason="seen",
        cites=[link["id"]],
    )
    assert answer.status_code == 303, answer.text
    work = parse_page(await people.checker2.get("/work"))
    waiting = read_words(work.get_element_by_id("approvals"))
    assert "operating regime" in waiting
    assert "confirmed" in waiting.lower()
    assert "Ana Checker" in waiting
    page = parse_page(await people.checker2.get("/stories"))
    assert read_count(page) == "1"
    assert read_words(page.get_element_by_id("menu-button")) == "Menu 1 in My work"
    page = parse_page(await people.checker.get("/stories"))
    assert page.get_element_by_id("menu-count").get("hidden") is not None
    assert (await people.checker.get("/work-count")).text == "0"
    own = read_words(parse_page(await people.checker.get("/work")).get_element_by_id("proposals"))
    assert "waits" in own
    decision = (await desk.checker.get("/v1/decisions?state=pending")).json()["items"][0]["id"]
    rejection = await desk.editor.post(
        f"/v1/decisions/{decision}/rejection", json={"comment": "an old photograph"}
    )
    assert rejection.status_code == 200
    assert (await people.checker2.get("/work-count")).text == "0"
    own = read_words(parse_page(await people.checker.get("/work")).get_element_by_id("proposals"))
    assert "rejected" in own
    assert "an old photograph" in own
    await tell_people(desk)
    assert (await people.checker.get("/work-count")).text == "1"
    page = await people.checker.get("/work")
    desk.clock.advance(minutes=1)
    answer = await send_form(people.checker, page, "/inbox/read")
    assert answer.status_code == 303


async def test_assigned_claims_stand_in_the_order_in_which_they_are_due(
    desk: Desk, people: People
) -> None:
    """The overdue first and marked, those without a time last; a mention is told of."""
    await desk.record_parties()
    claims = {text: await desk.record_claim(text=text) for text in ("open", "late", "soon")}
    due = {"late": timedelta(hours=-1), "soon": timedelta(hours=5), "open": None}
    for text, claim in claims.items():
        time_left = due[text]
        change = await desk.checker.patch(
            f"/v1/claims/{claim['id']}",
            json={
                "assignee": people.ids["checker"],
                "due_at": time_left and (desk.clock.now + time_left).isoformat(),
            },
            headers={"If-Match": "*"},
        )
        assert change.status_code == 200, change.text
    note = {"text": "@Ana Checker, who saw it?"}
    await desk.post(f"/v1/claims/{claims['open']['id']}/notes", note)
    await tell_people(desk)
    work = parse_page(await people.checker.get("/work"))
    rows = work.get_element_by_id("assigned").cssselect(".row .what")
    assert [read_words(row) for row in rows] == ["late", "soon", "open"]
    assert "overdue since" in read_words(work.get_element_by_id("assigned"))
    assert "checker" in read_words(work.get_element_by_id("mentions"))
    assert int(read_count(work)) >= 1


async def test_what_a_page_shows_is_followed_from_it(desk: Desk, people: People) -> None:
    """Claim, story, party, tag and search: a button begins it, and another ends it; the public
    has none."""
    await desk.record_parties()
    await desk.post("/v1/stories", {"slug": "border", "title": "The border"})
    claim = await desk.record_claim(story="border", tags=["troops"])
    pages = {
        f"/claims/{claim['id']}": "claim",
        "/stories/border": "story",
        "/parties/nato": "party",
        "/?tag=troops": "tag",
        "/?status=asserted": "search",
        "/search?q=regime": "search",
    }
    for address, kind in pages.items():
        page = await people.reader.get(address)
        answer = await send_form(people.reader, page, "/follows")
        assert (answer.status_code, answer.headers["location"]) == (303, address)
        key = (await people.reader.get(address)).text
        assert "Following" in key
        assert f"this {kind}" in key
    page = await people.reader.get("/stories/border")
    [end] = [
        form.get("action") for form in parse_page(page).forms if "/end" in form.get("action", "")
    ]
    answer = await send_form(people.reader, page, end)
    assert answer.status_code == 303
    assert "Following" not in (await people.reader.get("/stories/border")).text


async def test_board_is_saved_as_a_view(desk: Desk, people: People) -> None:
    """Under a name, for oneself; an editor saves it for the desk. It is gone when deleted."""
    await desk.record_parties()
    await desk.record_claim(tags=["troops"])
    board = await people.checker.get("/?tag=troops&story=none&hold=&party=")
    assert "operating regime" in read_text(board)
    answer = await send_form(people.checker, board, "/views", name="Troops")
    assert (answer.status_code, answer.headers["location"]) == (303, "/?story=none&tag=troops")
    assert "Troops" in read_text(await people.checker.get("/"))
    assert "Troops" not in read_text(await people.checker2.get("/"))
    board = await people.editor.get("/?assignee=none")
    await send_form(people.editor, board, "/views", name="Nobody's", shared="true")
    page = await people.checker2.get("/?assignee=none")
    assert "Nobody's" in read_text(page)
    page = await people.checker.get("/?story=none&tag=troops")
    [delete] = [
        form.get("action") for form in parse_page(page).forms if "/delete" in form.get("action", "")
    ]
    assert (await send_form(people.checker, page, delete)).status_code == 303
    assert "Troops" not in read_text(await people.checker.get("/"))


async def test_claim_is_due_by_a_form(desk: Desk, people: People) -> None:
    """The page says so, overdue in time, and no longer when that is taken back; readers see
    nothing of it."""
    await desk.record_parties()
    claim = (await desk.record_claim())["id"]
    page = await people.checker.get(f"/claims/{claim}")
    form = f"/claims/{claim}/due-time"
    refusal = await send_form(people.checker, page, form, due_at="soon")
    assert refusal.status_code == 422
    page = await people.checker.get(f"/claims/{claim}")
    answer = await send_form(people.checker, page, form, due_at="2023-01-02T10:30")
    assert answer.status_code == 303, answer.text
    assert (await desk.checker.get(f"/v1/claims/{claim}")).json()[
        "due_at"
    ] == "2023-01-02T10:30:00Z"
    page = await people.checker.get(f"/claims/{claim}")
    assert "overdue" in read_text(page)
    assert "Due by 2 January 2023" in read_text(page)
    assert "overdue since" in read_text(await people.checker.get("/?overdue=true"))
    for address in ("/", f"/claims/{claim}"):
        text = read_text(await people.reader.get(address))
        assert "overdue since" not in text
        assert "2 January 2023" not in text
    answer = await send_form(people.checker, page, form, clear="true")
    assert (await desk.checker.get(f"/v1/claims/{claim}")).json()["due_at"] is None


async def test_ticked_claims_are_changed_at_once(desk: Desk, people: People) -> None:
    """Board and queue have a box for each claim; one page asks what to change, and says what came
    of each: whoever changed one meanwhile keeps it."""
    await desk.record_parties()
    claims = [await desk.record_claim(text=text) for text in ("first", "second")]
    board = await people.checker.get("/")
    boxes = parse_page(board).cssselect("input[form=bulk]")
    assert len(boxes) == 2
    assert not parse_page(await people.reader.get("/")).cssselect("input[form=bulk]")
    claim_ids = [box.get("value") for box in boxes]
    page = await send_form(people.checker, board, "/bulk/confirmation", chosen=claim_ids)
    assert "Change 2 claims" in read_text(page)
    refusal = await send_form(people.checker, page, "/bulk", chosen=claim_ids, change="tags")
    assert refusal.status_code == 422
    await desk.checker.patch(
        f"/v1/claims/{claims[1]['id']}", json={"tags": ["x"]}, headers={"If-Match": "*"}
    )
    answer = await send_form(
        people.checker, page, "/bulk", chosen=claim_ids, change="tags", add="north, army", remove=""
    )
    text = read_text(answer)
    assert "first changed" in text
    assert "second not changed You read another version" in text
    tags = [(await desk.read_claim(claim["id"]))["tags"] for claim in claims]
    assert tags == [["north", "army"], ["x"]]


async def test_saved_views_are_in_the_menu_and_all_of_them_on_a_page(
    desk: Desk, people: People
) -> None:
    """One's own and the desk's, on every page; the menu has a few of each."""
    arabic = "الادعاءات المتعلقة بالحدود والقوات هناك"
    page = await people.checker.get("/?tag=any")
    for number in range(20):
        answer = await send_form(
            people.checker,
            page,
            "/views",
            name=f"{arabic[:36]} {number:02}",
            query=f"tag=t{number}&hold=true",
        )
        assert answer.status_code == 303
    board = await people.editor.get("/?kind=figure&superseded=false")
    await send_form(people.editor, board, "/views", name="Figures", shared="true")
    [menu] = parse_page(await people.checker.get("/stories")).cssselect(".views-menu")
    names = [read_words(link) for link in menu.cssselect("a")]
    assert len(names) == 6 + 1 + 1
    assert names[-2:] == ["Figures", "All 21 views"]
    assert menu.cssselect("a bdi")
    assert not parse_page(await people.public.get("/sign-in")).cssselect(".views-menu")
    all_views = await people.checker.get("/views")
    assert len(parse_page(all_views).cssselect(".saved-views li")) == 21
    for words in ("tag: t19 · on hold", "kind: figure · not superseded"):
        assert words in read_text(all_views)
    deletions = [
        form.get("action")
        for form in parse_page(all_views).forms
        if form.get("action", "").endswith("/delete")
    ]
    assert len(deletions) == 20, "the desk's is the editors'"
    answer = await send_form(people.checker, all_views, deletions[0])
    assert (answer.status_code, answer.headers["location"]) == (303, "/views")
    assert "All 20 views" in read_text(await people.checker.get("/"))
    current = parse_page(await people.checker.get("/?kind=figure&superseded=false"))
    assert read_words(current.cssselect(".views-menu [aria-current=page]")[0]) == "Figures"
