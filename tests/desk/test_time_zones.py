"""The desk's time zone and people's own: what pages show, and how forms are read."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from tests.desk.conftest import People, parse_page, read_text, submit
from tests.support.desk import Desk

NICOSIA = "Asia/Nicosia"


async def choose_zone(people: People, zone: str) -> None:
    answer = await submit(people.checker, "/profile", "/profile/time-zone", time_zone=zone)
    assert answer.headers["location"] == "/profile?done=zone"


async def test_own_zone_is_shown_with_utc_on_hover(desk: Desk, people: People) -> None:
    """Times are by one's own clock and say so; the print line too; the API stays in UTC."""
    await desk.record_parties()
    claim = await desk.record_claim(claimed_at="2023-10-02T22:30:00Z", precision="minute")
    await choose_zone(people, NICOSIA)
    page = parse_page(await people.checker.get(f"/claims/{claim['id']}"))
    line = page.get_element_by_id("print-line").text_content()
    assert "3 October 2023, 01:30 EEST" in line
    assert "2 October 2023, 22:30 UTC" in claim["print_line"]
    (first_time, *_) = page.cssselect(".card time")
    assert first_time.text_content() == "3 October 2023, 01:30 EEST"
    assert first_time.get("title") == "2 Oct 2023, 22:30 UTC"
    assert "3 Oct 2023" in read_text(await people.checker.get("/"))
    assert f"times are in {NICOSIA}" in read_text(await people.checker.get("/"))
    other = read_text(await people.reader.get(f"/claims/{claim['id']}"))
    assert "2 October 2023, 22:30 UTC" in other, "others keep the desk's zone"
    assert "2 Oct 2023" in read_text(await people.reader.get("/")), "no page is kept across zones"


async def test_a_day_is_the_same_in_every_zone(desk: Desk, people: People) -> None:
    await desk.record_parties()
    claim = await desk.record_claim(claimed_at="2023-10-02T00:00:00Z", precision="day")
    await choose_zone(people, "America/New_York")
    page = parse_page(await people.checker.get(f"/claims/{claim['id']}"))
    (first_time, *_) = page.cssselect(".card time")
    assert (first_time.text_content(), first_time.get("title")) == ("2 October 2023", None)
    assert "2 Oct 2023" in read_text(await people.checker.get("/"))


async def test_time_is_entered_in_the_shown_zone(desk: Desk, people: People) -> None:
    """What is typed is of the clock that the form showed, even if another was chosen meanwhile."""
    await desk.record_parties()
    claim = (await desk.record_claim())["id"]
    await choose_zone(people, NICOSIA)
    page = await people.checker.get(f"/claims/{claim}/link")
    assert f"Time, in {NICOSIA}" in read_text(page)
    fields = {
        "stance": "supports",
        "quote": "We saw it.",
        "party": "nato",
        "said_on": "2023-09-28",
        "said_hour": "01:30",
        "url": "https://example.org/said",
    }
    for zone, said_at in ((NICOSIA, "2023-09-27T22:30:00Z"), ("UTC", "2023-09-28T01:30:00Z")):
        address = f"/claims/{claim}/link"
        answer = await submit(
            people.checker, address, address, **fields | {"zone": zone, "quote": f"We saw {zone}."}
        )
        assert answer.status_code == 303, read_text(answer)
        links = (await desk.checker.get(f"/v1/claims/{claim}/links")).json()["items"]
        statement = links[-1]["statement"]
        assert datetime.fromisoformat(statement["said_at"]) == datetime.fromisoformat(said_at)
        assert statement["precision"] == "minute"


@pytest.mark.parametrize(
    ("day", "words"),
    [("2023-03-26", "there was no such time"), ("2023-10-29", "this time came twice")],
)
async def test_time_that_the_clocks_skip_or_repeat_is_refused(
    desk: Desk, people: People, day: str, words: str
) -> None:
    """03:30 in Nicosia: left out in spring, twice in autumn. The form says so and keeps it."""
    await desk.record_parties()
    claim = (await desk.record_claim())["id"]
    await choose_zone(people, NICOSIA)
    address = f"/claims/{claim}/link"
    refusal = await submit(
        people.checker,
        address,
        address,
        stance="supports",
        quote="We saw it.",
        party="nato",
        said_on=day,
        said_hour="03:30",
        url="https://example.org/said",
    )
    assert refusal.status_code == 422
    page = parse_page(refusal)
    assert words in page.get_element_by_id("fault-said_hour").text_content()
    assert page.get_element_by_id("said_hour").value == "03:30"
    as_of = await people.checker.get(f"/claims/{claim}", params={"at": f"{day}T03:30"})
    assert as_of.status_code == 422
    assert words in read_text(as_of).lower()


async def test_as_of_is_read_in_the_zone_that_the_form_names(desk: Desk, people: People) -> None:
    """An address that is passed on means the same instant to somebody in another zone."""
    await desk.record_parties()
    claim = (await desk.record_claim())["id"]
    desk.clock.advance(minutes=5)
    local = desk.clock.now.astimezone(ZoneInfo(NICOSIA))
    address = {"at": f"{local:%Y-%m-%dT%H:%M}", "zone": NICOSIA}
    desk.clock.advance(minutes=5)
    for client in (people.checker, people.reader):
        page = await client.get(f"/claims/{claim}", params=address)
        assert page.status_code == 200
        assert f"knew on {local.day} {local:%b %Y, %H:%M %Z}" in read_text(page)


async def test_unknown_zone_is_refused(people: People) -> None:
    answer = await submit(
        people.checker, "/profile", "/profile/time-zone", time_zone="Mars/Olympus"
    )
    assert answer.status_code == 422
    assert "no such time zone" in read_text(answer)
    second_answer = await submit(people.checker, "/profile", "/profile/time-zone", time_zone="")
    assert second_answer.status_code == 303


async def test_hold_ends_at_the_hour_of_the_shown_zone(desk: Desk, people: People) -> None:
    await desk.record_parties()
    claim = (await desk.record_claim())["id"]
    await choose_zone(people, NICOSIA)
    page = f"/claims/{claim}"
    hold = await submit(
        people.checker, page, f"{page}/hold", hold_reason="We listen", until="2023-10-04T01:30"
    )
    assert hold.status_code == 303, read_text(hold)
    assert (await desk.read_claim(claim))["hold"]["until"] == "2023-10-03T22:30:00Z"


async def test_correction_moves_only_a_time_that_was_changed(desk: Desk, people: People) -> None:
    """The form holds the time by one's own clock; left alone, it stays the instant that it is."""
    await desk.record_parties()
    claim = await desk.record_claim(claimed_at="2023-10-01T22:30:00Z", precision="minute")
    await choose_zone(people, NICOSIA)
    address = f"/claims/{claim['id']}/correction"
    answer = await submit(people.checker, address, address, kind="position", reason="Misread")
    assert answer.status_code == 303, read_text(answer)
    right = await desk.read_claim(claim["id"])
    assert (right["kind"], right["claimed_at"]) == ("position", "2023-10-01T22:30:00Z")
    answer = await submit(people.checker, address, address, claimed_hour="02:00", reason="Misread")
    assert answer.status_code == 303, read_text(answer)
    right = await desk.read_claim(claim["id"])
    assert (right["claimed_at"], right["precision"]) == ("2023-10-01T23:00:00Z", "minute")
