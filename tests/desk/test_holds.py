"""Holds on pages: said before anything else, and ended by hand or by the clock."""

from tests.api.test_holds import hold_claim
from tests.desk.conftest import People, parse_page, read_words, submit
from tests.support.desk import Desk


async def test_hold_is_said_before_the_claim(desk: Desk, people: People) -> None:
    """On the board and in lists, on the claim's page above it, and in what may be printed."""
    await desk.record_parties()
    claim = (await desk.record_claim())["id"]
    await hold_claim(desk, claim)
    for address in ("/", "/?status=asserted", "/search?q=regime"):
        [row] = parse_page(await people.reader.get(address)).cssselect(f"#c-{claim} .what")
        assert read_words(row).startswith("hold: do not use Serbia has returned"), address
    page = parse_page(await people.reader.get(f"/claims/{claim}"))
    note = read_words(page.get_element_by_id("hold-note"))
    assert note.startswith("Hold: do not use. The desk checks since")
    assert "ends by itself" not in note
    assert read_words(page.get_element_by_id("print-line")).startswith("HOLD: do not use")


async def test_hold_ends_by_itself_and_the_page_says_so(desk: Desk, people: People) -> None:
    """Until then it says when; afterwards nothing is on hold, and the record says why once the
    next event of the claim has come."""
    await desk.record_parties()
    claim = (await desk.record_claim())["id"]
    page = f"/claims/{claim}"
    hold = await submit(
        people.checker,
        page,
        f"{page}/hold",
        hold_reason="The source is checked",
        until="2023-10-02T15:00",
    )
    assert hold.status_code == 303, hold.text
    note = parse_page(await people.reader.get(page)).get_element_by_id("hold-note")
    assert "“The source is checked” It ends by itself on 2 Oct 2023, 15:00" in read_words(note)
    desk.clock.advance(hours=4)
    after = parse_page(await people.reader.get(page))
    assert read_words(after.get_element_by_id("hold-note")) == ""
    assert "HOLD" not in read_words(after.get_element_by_id("print-line"))
    await desk.link_statement(claim, "comments", "nato")
    record = read_words(parse_page(await people.reader.get(page)).get_element_by_id("record"))
    assert "The hold ended by itself: its time had come" in record


async def test_requests_for_comment_of_a_merged_claim_are_shown_with_the_survivor(
    desk: Desk, people: People
) -> None:
    """For the desk, named as such; what was asked of the claim itself stands first."""
    await desk.record_parties()
    survivor = (await desk.record_claim())["id"]
    merged_claim = (await desk.record_claim(text="The same in other words"))["id"]
    until = "2023-10-05T12:00:00Z"
    for claim, party in ((merged_claim, "nato"), (survivor, "belgrade")):
        inquiry = {"party": party, "way": "telephone", "until": until}
        await desk.post(f"/v1/claims/{claim}/inquiries", inquiry)
    answer = await desk.checker.post(
        f"/v1/claims/{merged_claim}/merge", json={"into": survivor}, headers={"If-Match": "*"}
    )
    assert answer.status_code == 200, answer.text
    page = parse_page(await people.checker.get(f"/claims/{survivor}"))
    first, second = page.get_element_by_id("inquiries").cssselect("li")
    assert "Belgrade" in read_words(first)
    assert "merged into this one" not in read_words(first)
    assert "NATO" in read_words(second)
    assert "of a claim merged into this one" in read_words(second)
