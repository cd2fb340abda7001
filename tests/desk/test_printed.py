"""Printed: who printed a claim, what may be printed now, and what was done about it."""

from itertools import pairwise
from typing import Any

import httpx
import pytest

from service.config import Settings
from tests.api.problems import nothing_changes
from tests.api.test_holds import hold_claim
from tests.api.test_notice_settings import run_mailing_desk, wait_for_mails
from tests.api.test_reversals import require_sound_record
from tests.api.test_use_contacts import ADDRESS, find_link, press
from tests.api.test_uses import read_use, record_use
from tests.desk.conftest import (
    People,
    find_form,
    parse_page,
    read_text,
    read_words,
    sign_people_in,
    submit,
)
from tests.support.desk import Desk, Json
from tests.support.inboxes import tell_people
from tests.webhooks.running import wait_until


async def read_rows(client: httpx.AsyncClient, address: str = "/printed") -> list[tuple[str, Any]]:
    """The id and the words of each use on a page."""
    page = parse_page(await client.get(address))
    return [
        (item.get("id").removeprefix("u-"), read_words(item))
        for item in page.cssselect(".notices > li")
    ]


async def fall(desk: Desk, claim: str, link: str) -> None:
    """Let a confirmation fall, by retracting what it rested on."""
    answer = await desk.checker.post(f"/v1/links/{link}/retraction", json={"reason": "another"})
    assert answer.status_code == 200, answer.text


async def test_who_printed_a_fallen_claim_is_told_and_settled(desk: Desk, people: People) -> None:
    """Open longest first, with the class, what could be printed then and what may be now; seeing to
    one takes it off the list, and it leads to where it stands corrected."""
    await desk.record_parties()
    claim = (await desk.record_claim())["id"]
    link = await desk.confirm_claim(claim)
    first = await record_use(desk, claim, title="Units are back")
    second = await record_use(desk, claim, url="https://other.example/1", title=None)
    other = await desk.record_claim(text="Another claim")
    current = await record_use(desk, other["id"], desk.checker, title="Something else")
    await fall(desk, claim, link)
    rows = await read_rows(people.checker)
    assert [use for use, _ in rows] == [first["id"], second["id"], current["id"]]
    words = rows[0][1]
    assert words.startswith("Kill Outdated open: now")
    assert "Independently confirmed by NATO." in words
    assert "May be printed now (awaiting confirmation)" in words
    page = parse_page(await people.checker.get("/printed"))
    assert [read_words(removed_words) for removed_words in page.cssselect("del")] == [
        "Independently confirmed by NATO."
    ] * 2
    assert read_words(page.cssselect(".open-counts")[0]) == "Kill 2"
    acknowledge = f"/uses/{first['id']}/acknowledgement"
    answer = await submit(
        people.checker,
        "/printed",
        acknowledge,
        note="Taken back at the top",
        corrected_url="https://paper.example/1#correction",
    )
    assert (answer.status_code, answer.headers["Location"]) == (
        303,
        "/printed?done=use-acknowledged",
    )
    assert [use for use, _ in await read_rows(people.checker)] == [second["id"], current["id"]]
    settled_rows = await read_rows(people.checker, "/printed?state=acknowledged")
    assert [use for use, _ in settled_rows] == [first["id"]]
    assert "Seen to by Ana Checker" in settled_rows[0][1]
    assert "“Taken back at the top” as corrected" in settled_rows[0][1]
    page = parse_page(await people.checker.get("/printed?state=outdated"))
    retire = f"/uses/{second['id']}/retirement"
    assert page.xpath(f"//button[@formaction='{retire}']")
    form = find_form(page, f"/uses/{second['id']}/acknowledgement")
    removed_words = await people.checker.post(retire, data=dict(form.form_values()))
    assert removed_words.headers["Location"] == "/printed?state=outdated&done=use-retired"
    assert (await read_use(desk, second["id"]))["state"] == "retired"


async def test_settling_is_offered_to_whoever_recorded_it_and_checkers(
    desk: Desk, people: People
) -> None:
    """A reader is offered nothing about what others recorded, nor sees whom to tell."""
    await desk.record_parties()
    claim = (await desk.record_claim())["id"]
    own = await submit(
        people.reader,
        f"/printed/new?claim={claim}",
        "/printed",
        where="Page 3",
        contact="night desk",
    )
    assert own.headers["Location"] == f"/claims/{claim}?done=use-recorded#uses"
    other_use = await record_use(desk, claim, desk.checker, contact="day desk")
    await hold_claim(desk, claim)
    page = parse_page(await people.reader.get("/printed"))
    own_use, use_of_another = page.cssselect(".notices > li")
    assert "Page 3" in read_words(own_use)
    assert "to be told: night desk" in read_words(own_use)
    assert own_use.cssselect("form")
    assert not use_of_another.cssselect("form")
    assert "day desk" not in read_words(use_of_another)
    assert "day desk" in (await people.checker.get("/printed")).text
    place = f"/uses/{other_use['id']}/acknowledgement"
    data = dict(find_form(page, own_use.cssselect("form")[0].get("action")).form_values())
    async with nothing_changes(desk):
        refusal = await people.reader.post(place, data=data | {"note": "Seen to"})
        assert refusal.status_code == 403
    stranger = await people.public.get("/printed")
    assert stranger.status_code in (303, 401)


async def test_use_is_recorded_by_hand_from_the_claims_page(desk: Desk, people: People) -> None:
    """The page counts who printed it; a refused form keeps what was typed; an address of the claim
    will do where none is chosen."""
    await desk.record_parties()
    claim = (await desk.record_claim())["id"]
    page = parse_page(await people.checker.get(f"/claims/{claim}"))
    [new] = page.xpath("//a[starts-with(@href, '/printed/new')]/@href")
    async with nothing_changes(desk):
        refusal = await submit(people.checker, new, "/printed", title="Units are back")
        assert refusal.status_code == 422
        assert "say where it was printed" in read_words(parse_page(refusal))
        assert 'value="Units are back"' in refusal.text
        nowhere = await submit(
            people.checker, "/printed/new", "/printed", claim="that one", where="Page 3"
        )
        assert nowhere.status_code == 422
        assert "address of the claim" in nowhere.text
        assert 'value="that one"' in nowhere.text
        unknown = "01970000-0000-7000-8000-000000000000"
        missing_answer = await submit(
            people.checker, "/printed/new", "/printed", claim=unknown, where="Page 3"
        )
        assert missing_answer.status_code == 404
        assert 'value="Page 3"' in missing_answer.text
    answer = await submit(
        people.checker,
        "/printed/new",
        "/printed",
        claim=f"https://desk.example/claims/{claim}?as_of=x#print-line",
        where="Page 3",
        published_at="2023-10-02T06:00",
        wording="Belgrade says so.\nAnd that is all.",
    )
    assert answer.status_code == 303, answer.text
    uses = (await desk.reader.get(f"/v1/claims/{claim}/uses")).json()["items"]
    assert [(use["where"], use["published_at"]) for use in uses] == [
        ("Page 3", "2023-10-02T06:00:00Z")
    ]
    page = parse_page(await people.checker.get(f"/claims/{claim}"))
    assert "1 article printed this." in read_words(page.get_element_by_id("uses"))
    await hold_claim(desk, claim)
    page = parse_page(await people.checker.get(f"/claims/{claim}"))
    section = page.get_element_by_id("uses")
    assert "1 article printed this; 1 must be told." in read_words(section)
    [single] = [link for link in section.xpath(".//a/@href") if link.startswith("/uses/")]
    place = f"{single}/acknowledgement"
    refusal = await submit(people.checker, single, place, note="", corrected_url="paper")
    assert refusal.status_code == 422
    assert 'value="paper"' in refusal.text
    settlement = await submit(people.checker, single, place, note="Seen to")
    assert settlement.headers["Location"] == f"{single}?done=use-acknowledged"


async def test_printed_is_narrowed_by_state_class_story_and_claim(
    desk: Desk, people: People
) -> None:
    """Filters in the address; one that is none is refused."""
    await desk.record_parties()
    await desk.post("/v1/stories", {"slug": "border", "title": "The border"})
    inside = (await desk.record_claim(story="border"))["id"]
    outside = (await desk.record_claim(text="Outside of it"))["id"]
    held_use = await record_use(desk, inside)
    void = await record_use(desk, outside)
    current = await record_use(desk, (await desk.record_claim(text="A third"))["id"])
    await hold_claim(desk, inside)
    await desk.post(f"/v1/claims/{outside}/void", {"reason": "a parody"}, status=200)
    for query, expected in (
        ("", [held_use, void, current]),
        ("?state=outdated", [held_use, void]),
        ("?state=current&class=&story=", [current]),
        ("?class=kill", [void]),
        ("?story=border", [held_use]),
        (f"?claim={outside}", [void]),
        ("?state=retired", []),
    ):
        rows = await read_rows(people.reader, f"/printed{query}")
        assert [use for use, _ in rows] == [use["id"] for use in expected], query
    page = await desk.reader.get("/v1/uses", params={"story": "border"})
    assert [use["id"] for use in page.json()["items"]] == [held_use["id"]]
    for query in ("?state=x", "?class=x", "?claim=x", "?cursor=x"):
        assert (await people.reader.get(f"/printed{query}")).status_code == 422


async def test_empty_list_teaches_how_uses_come_about(people: People) -> None:
    """And one that filters emptied leads back to the whole."""
    assert "POST /v1/claims/…/uses" in read_words(parse_page(await people.reader.get("/printed")))
    page = parse_page(await people.reader.get("/printed?state=retired"))
    assert page.xpath("//main//div[@class='empty']//a[@href='/printed']")


async def test_uses_of_a_merged_claim_are_shown_with_the_survivor(
    desk: Desk, people: People
) -> None:
    """They are outdated by the merge; what may be printed now is what may be of the survivor."""
    await desk.record_parties()
    survivor = await desk.record_claim()
    merged_claim = (await desk.record_claim(text="The same in other words", claimant="pristina"))[
        "id"
    ]
    use = await record_use(desk, merged_claim)
    answer = await desk.checker.post(
        f"/v1/claims/{merged_claim}/merge", json={"into": survivor["id"]}, headers={"If-Match": "*"}
    )
    assert answer.status_code == 200, answer.text
    [(shown_use, words)] = await read_rows(people.checker, f"/printed?claim={survivor['id']}")
    assert shown_use == use["id"]
    assert words.startswith("Update Outdated")
    assert "was merged into this claim" in words
    assert "“The same in other words”. Claimed by Pristina" in words
    assert f"“{survivor['text']}”. Claimed by Belgrade" in words
    page = parse_page(await people.checker.get(f"/claims/{survivor['id']}"))
    assert "1 article printed this; 1 must be told." in read_words(page.get_element_by_id("uses"))


async def test_use_of_a_merged_claim_goes_on_with_the_survivor(desk: Desk, people: People) -> None:
    """Once it is acknowledged, the changes of the claim in its place outdate it, through however
    many merges; and a separation outdates what was printed of the claim itself."""
    await desk.record_parties()
    claims = [(await desk.record_claim(text=f"Claim {number}"))["id"] for number in range(3)]
    use = await record_use(desk, claims[0])
    for loser, into in pairwise(claims):
        answer = await desk.checker.post(
            f"/v1/claims/{loser}/merge", json={"into": into}, headers={"If-Match": "*"}
        )
        assert answer.status_code == 200, answer.text
    place = f"/uses/{use['id']}"
    settlement = await submit(
        people.checker,
        place,
        f"{place}/acknowledgement",
        note="Names the other claim now",
        corrected_url="https://paper.example/2",
    )
    assert settlement.status_code == 303
    [anew] = (await desk.checker.get(f"/v1/claims/{claims[2]}/uses")).json()["items"]
    assert (anew["state"], anew["url"], anew["contact"], anew["wording"]) == (
        "current",
        "https://paper.example/2",
        use["contact"],
        None,
    )
    await hold_claim(desk, claims[2])
    assert (await read_use(desk, anew["id"]))["state"] == "outdated"
    assert (await read_use(desk, use["id"]))["state"] == "acknowledged"
    await require_sound_record(desk)


@pytest.mark.parametrize("count", [27])
async def test_long_list_goes_on_page_by_page(desk: Desk, people: People, count: int) -> None:
    """Each use once, open longest first, with the filters kept."""
    await desk.record_parties()
    claim = (await desk.record_claim())["id"]
    use_ids = [(await record_use(desk, claim, title=f"No. {n}"))["id"] for n in range(count)]
    await hold_claim(desk, claim)
    first = parse_page(await people.reader.get("/printed?class=update&story="))
    [following] = first.xpath("//a[@rel='next']/@href")
    assert "class=update" in following
    rows = await read_rows(people.reader, "/printed?class=update") + await read_rows(
        people.reader, following
    )
    assert [use for use, _ in rows] == use_ids


async def test_refused_mail_to_a_contact_is_shown_until_one_arrives(settings: Settings) -> None:
    """At the use and its claim, with what to do, to whoever sees the contact; not to others."""
    async with run_mailing_desk(settings) as (desk, server), sign_people_in(desk) as people:
        claim = (await desk.record_claim())["id"]
        use = (await record_use(desk, claim, desk.checker, contact=ADDRESS))["id"]
        [question] = await wait_for_mails(server, 1)
        await press(desk.public, find_link(question))
        assert (await read_use(desk, use))["contact_refusal"] is None
        server.rcpt = f"550 5.1.1 <{ADDRESS}>: no such mailbox"
        await hold_claim(desk, claim)
        await tell_people(desk)

        async def read_refusal() -> Json | None:
            refusal: Json | None = (await read_use(desk, use))["contact_refusal"]
            return refusal

        async def is_refused() -> bool:
            return await read_refusal() is not None

        await wait_until(is_refused)
        refusal = await read_refusal()
        assert refusal is not None
        assert refusal["reason"] == "the mail server answered 550 5.1.1 <…>: no such mailbox"
        assert (await read_use(desk, use, desk.reader))["contact_refusal"] is None
        [(_, words)] = await read_rows(people.checker)
        assert "did not arrive: the mail server answered 550 5.1.1 <…>: no such mailbox" in words
        assert "Whoever is to be told does not know. Tell them by other means" in words
        assert "what was done. If the address is wrong, delete it below. If it is right" in words
        assert "did not arrive" not in (await read_rows(people.reader))[0][1]
        assert "mail refused" in read_text(await people.checker.get(f"/claims/{claim}"))
        server.rcpt = "250 OK"
        await desk.post(f"/v1/claims/{claim}/void", {"reason": "a parody"}, status=200)
        await tell_people(desk)

        async def is_told() -> bool:
            return await read_refusal() is None

        await wait_until(is_told)
        assert "did not arrive" not in read_text(await people.checker.get(f"/uses/{use}"))
