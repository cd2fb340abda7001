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
    assert (await people.checker.get("/work/count")).text == "0"
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
    done = await send_form(
        people.checker,
        page,
        f"/claims/{claim}/status",
        to="confirmed",
        reason="seen",
        cites=[link["id"]],
    )
    assert done.status_code == 303, done.text
    work = parse_page(await people.checker2.get("/work"))
    waiting = read_words(work.get_element_by_id("approvals"))
    assert "operating regime" in waiting
    assert "confirmed" in waiting.lower()
    assert "Ana Checker" in waiting
    assert read_count(parse_page(await people.checker2.get("/stories"))) == "1"
    assert (await people.checker.get("/work/count")).text == "0"
    own = read_words(parse_page(await people.checker.get("/work")).get_element_by_id("proposals"))
    assert "waits" in own
    decision = (await desk.checker.get("/v1/decisions?state=pending")).json()["items"][0]["id"]
    rejected = await desk.editor.post(
        f"/v1/decisions/{decision}/rejection", json={"comment": "an old photograph"}
    )
    assert rejected.status_code == 200
    assert (await people.checker2.get("/work/count")).text == "0"
    own = read_words(parse_page(await people.checker.get("/work")).get_element_by_id("proposals"))
    assert "rejected" in own
    assert "an old photograph" in own
    await tell_people(desk)
    assert (await people.checker.get("/work/count")).text == "1"
    page = await people.checker.get("/work")
    desk.clock.advance(minutes=1)
    done = await send_form(people.checker, page, "/work/read")
    assert done.status_code == 303


async def test_assigned_claims_stand_in_the_order_in_which_they_are_due(
    desk: Desk, people: People
) -> None:
    """The overdue first and marked, those without a time last; a mention is told of."""
    await desk.record_parties()
    claims = {text: await desk.record_claim(text=text) for text in ("open", "late", "soon")}
    due = {"late": timedelta(hours=-1), "soon": timedelta(hours=5), "open": None}
    for text, claim in claims.items():
        left = due[text]
        changed = await desk.checker.patch(
            f"/v1/claims/{claim['id']}",
            json={
                "assignee": people.ids["checker"],
                "due_at": left and (desk.clock.now + left).isoformat(),
            },
            headers={"If-Match": "*"},
        )
        assert changed.status_code == 200, changed.text
    note = {"text": "@Ana Checker, who saw it?"}
    await desk.post(f"/v1/claims/{claims['open']['id']}/notes", note)
    await tell_people(desk)
    work = parse_page(await people.checker.get("/work"))
    rows = work.get_element_by_id("assigned").cssselect(".row .what")
    assert [read_words(row) for row in rows] == ["late", "soon", "open"]
    assert "overdue since" in read_words(work.get_element_by_id("assigned"))
    assert "checker" in read_words(work.get_element_by_id("mentions"))
    assert int(read_count(work)) >= 1
