"""Input that no browser sends by itself, and pasted text: refused or accepted, never a 500."""

import asyncio
from datetime import datetime, timedelta

import pytest

from tests.desk.conftest import (
    People,
    find_form,
    parse_page,
    read_fields,
    read_text,
    read_words,
    send_form,
    submit,
)
from tests.support.desk import Desk

CONTROLS = ("\x02", "\x02 and \x02 again", "\x1b[31m", "\x7f\x85", "\u202e", "<age>", "&lt;age&gt;")


@pytest.mark.parametrize("odd", CONTROLS)
async def test_no_text_of_a_claim_breaks_the_lists(desk: Desk, people: People, odd: str) -> None:
    """Texts that an old desk holds from before the text policy are shown like any other."""
    await desk.record_parties()
    claim = {"id": await desk.record_unchecked(f"It is {odd} said")}
    for url in ("/", "/?status=asserted", "/review", "/search?q=said", f"/claims/{claim['id']}"):
        for _ in range(2):
            assert (await people.checker.get(url)).status_code == 200, url
    (row,) = parse_page(await people.checker.get("/")).cssselect("[data-row]")
    assert read_words(row.cssselect("time")[0]) == "now"


async def test_renamed_user_shows_on_the_board_within_a_minute(desk: Desk, people: People) -> None:
    """It is no event of the record, which the board is remembered by."""
    await desk.record_parties()
    claim = await desk.record_claim()
    page = f"/claims/{claim['id']}"
    await submit(people.checker, page, f"{page}/assignee", assignee=people.ids["checker2"])
    assert "Boris Checker" in (await people.checker.get("/")).text
    renaming = await desk.admin.patch(
        f"/v1/users/{people.ids['checker2']}", json={"name": "Bojan Checker"}
    )
    assert renaming.status_code == 200
    desk.clock.now += timedelta(minutes=1)
    assert "Bojan Checker" in (await people.checker.get("/")).text


@pytest.mark.parametrize(
    "previous_page",
    [
        "/review\nSet-Cookie: claimdesk_session=x",
        "/review\r\nX-Odd: y",
        "/review?reason=ć",
        "/review\x00",
        "//other.example/review",
        "https://other.example/review",
    ],
)
async def test_assigning_from_the_queue_leads_back_to_it(
    desk: Desk, people: People, previous_page: str
) -> None:
    """To the queue as its own link has it, and nowhere else."""
    await desk.record_parties()
    page = f"/claims/{(await desk.record_claim())['id']}"
    fields = {"assignee": people.ids["checker"]}
    answer = await submit(people.checker, page, f"{page}/assignee", **fields, back=previous_page)
    assert answer.headers["location"] == f"{page}?done=assigned"
    fields = {"assignee": "", "back": "/review?reason=stale"}
    answer = await submit(people.checker, page, f"{page}/assignee", **fields)
    assert answer.headers["location"] == "/review?reason=stale&done=assigned"


async def test_a_proposal_is_settled_on_its_own_claim(desk: Desk, people: People) -> None:
    await desk.record_parties()
    other = await desk.record_claim(text="The barracks are empty")
    claim = await desk.record_claim()
    link = await desk.link_statement(claim["id"], "supports", "nato")
    decision = (await desk.change_status(claim["id"], "confirmed", cites=[link["id"]])).json()["id"]
    page = await people.editor.get(f"/claims/{claim['id']}")
    address = f"/claims/{claim['id']}/decisions/{decision}"
    fields = read_fields(find_form(parse_page(page), f"{address}/approval"))
    for url in (
        f"{address}/anything",
        f"/claims/{other['id']}/decisions/{decision}/approval",
        f"/claims/{other['id']}/decisions/{decision}/rejection",
    ):
        answer = await people.editor.post(url, data=fields | {"comment": "no"})
        assert answer.status_code == 404, url
    approval_answer = await people.editor.post(f"{address}/approval", data=fields)
    assert approval_answer.headers["location"] == f"/claims/{claim['id']}?done=approved"


@pytest.mark.parametrize("name", ["at", "as_of"])
@pytest.mark.parametrize(
    "instant",
    [
        "2023-10-02",
        "2023-W01-1",
        "20231002T18",
        "0001-01-01T00:00",
        "9999-12-31T23:59",
        "9999-12-31T23:59-23:00",
        "0001-01-01T00:00+23:00",
        "2023-10-02T25:00",
        "yesterday",
    ],
)
async def test_odd_instants_are_refused_with_a_page(
    desk: Desk, people: People, name: str, instant: str
) -> None:
    await desk.record_parties()
    claim = await desk.record_claim()
    for path in (f"/claims/{claim['id']}", "/stories", "/search?q=troops", "/"):
        answer = await people.reader.get(path, params={name: instant})
        assert answer.status_code in (200, 422), path
    assert (await people.reader.get(f"/claims/{claim['id']}?{name}={instant}")).status_code == 422


async def test_hour_of_a_form_is_utc(desk: Desk, people: People) -> None:
    await desk.record_parties()
    claim = await desk.record_claim()
    for hour in ("2023-10-02T12:01", "2023-10-02T12:01:00", " 2023-10-02T12:01 "):
        page = await people.reader.get(f"/claims/{claim['id']}", params={"at": hour})
        assert "what the desk knew on 2 Oct 2023, 12:01" in read_text(page)


async def test_double_click_is_one_change_with_one_answer(desk: Desk, people: People) -> None:
    """The browser shows what the second click is told: that it is done, not that it clashes."""
    await desk.record_parties()
    address = f"/claims/{(await desk.record_claim())['id']}"
    page = await people.checker.get(address)
    fields = read_fields(find_form(parse_page(page), f"{address}/notes")) | {
        "note": "Ask the ministry"
    }
    answers = await asyncio.gather(
        *(people.checker.post(f"{address}/notes", data=fields) for _ in range(4))
    )
    assert {answer.headers.get("location") for answer in answers} == {f"{address}?done=noted#notes"}
    notes = (await people.checker.get(f"/v1{address}/notes")).json()["items"]
    assert [note["text"] for note in notes] == ["Ask the ministry"]


@pytest.mark.parametrize("charset", ["utf-8", "unicode_escape", "undefined", "punycode", "utf-16"])
async def test_multipart_form_with_any_encoding_is_refused_with_a_page(
    desk: Desk, people: People, charset: str
) -> None:
    """Multipart may declare an encoding that yields what is no text."""
    await desk.record_parties()
    address = f"/claims/{(await desk.record_claim())['id']}"
    page = await people.checker.get(address)
    fields = read_fields(find_form(parse_page(page), f"{address}/notes")) | {"note": "a \\ud800 b"}
    part = '--X\r\nContent-Disposition: form-data; name="{}"\r\n\r\n{}\r\n'
    content = "".join(part.format(*item) for item in fields.items()) + "--X--\r\n"
    kind = {"Content-Type": f"multipart/form-data; boundary=X; charset={charset}"}
    for url in (f"{address}/notes", "/sign-in"):
        answer = await people.checker.post(url, content=content.encode(), headers=kind)
        assert answer.status_code == 403, url
        assert "<h1" in answer.text


@pytest.mark.parametrize("odd", ["\x00", "nobody", "😀", "x" * 5000])
async def test_values_of_choices_are_checked(desk: Desk, people: People, odd: str) -> None:
    """A choice may hold anything once somebody sends it by hand."""
    await desk.record_parties()
    page = f"/claims/{(await desk.record_claim())['id']}"
    answer = await submit(people.checker, page, f"{page}/assignee", assignee=odd)
    assert answer.status_code == 422
    article = {"url": "https://example.org/a", "text": "We left."}
    refusal = await submit(people.checker, "/intake", "/intake", **article, story=odd)
    assert refusal.status_code == 422
    assert "We left." in refusal.text


async def test_claim_found_by_search_stays_chosen(desk: Desk, people: People) -> None:
    """It is none of those that the page offers by itself; a refused form still has it."""
    await desk.record_parties()
    response = await desk.checker.post("/v1/stories", json={"slug": "kosovo", "title": "Kosovo"})
    assert response.status_code == 201
    other = await desk.record_claim(text="The barracks are empty")
    article = {"url": "https://example.org/a", "text": "Show us, they said.", "story": "kosovo"}
    intake_answer = await submit(people.checker, "/intake", "/intake", **article)
    place = intake_answer.headers["location"]
    passage = {"quote": "Show us", "party": "washington", "said_on": ""}
    stand = {f"stand-{other['id']}": "requests_confirmation"}
    refusal = await submit(people.checker, place, f"{place}/passages", **passage, **stand)
    assert refusal.status_code == 422
    answer = await send_form(people.checker, refusal, f"{place}/passages", said_on="2023-10-03")
    assert answer.status_code == 303
    assert (await desk.read_claim(other["id"]))["status"] == "awaiting_confirmation"


async def test_as_of_shows_the_parent_and_components_of_then(desk: Desk, people: People) -> None:
    await desk.record_parties()
    whole = await desk.record_claim(text="The army has left the border")
    part = await desk.record_claim(text="The tanks have left the border", part_of=whole["id"])
    instant = desk.clock.now
    desk.clock.advance(hours=1)
    rewording = await desk.checker.patch(
        f"/v1/claims/{whole['id']}",
        json={"text": "The whole army has left", "material": False},
        headers={"If-Match": f'"{(await desk.read_claim(whole["id"]))["version"]}"'},
    )
    assert rewording.status_code == 200, rewording.text
    page = f"/claims/{part['id']}"
    assert "The whole army has left" in read_text(await people.reader.get(page))
    before = await people.reader.get(page, params={"as_of": instant.isoformat()})
    assert before.status_code == 200
    assert "Part of The army has left the border" in read_text(before)


async def test_newest_notes_are_shown(desk: Desk, people: People) -> None:
    """However many there are: what one has just noted is there."""
    await desk.record_parties()
    claim = await desk.record_claim()
    for number in range(203):
        await desk.post(f"/v1/claims/{claim['id']}/notes", {"text": f"Call number {number}."})
        if number == 0:
            first = desk.clock.advance(seconds=1)
    page = read_text(await people.checker.get(f"/claims/{claim['id']}"))
    assert "Call number 202." in page
    assert "Call number 2." not in page
    assert page.index("Call number 201.") < page.index("Call number 202.")
    response = await people.checker.get(
        f"/claims/{claim['id']}", params={"as_of": first.isoformat()}
    )
    assert "Call number 0." in read_text(response)
    assert "Call number 1." not in read_text(response)


async def test_party_beyond_the_offered_list_can_be_named(desk: Desk, people: People) -> None:
    """A choice offers two hundred; any other that is recorded is taken by its name."""
    await desk.record_parties()
    for number in range(200):
        await desk.post("/v1/parties", {"slug": f"a-{number:03}", "name": f"A {number:03}"})
    page = f"/claims/{(await desk.record_claim())['id']}/link"
    form = find_form(parse_page(await people.checker.get(page)), page)
    assert "washington" not in form.inputs["party"].value_options
    statement_fields = {"quote": "No.", "said_on": "2023-10-03", "url": "https://example.org/no"}
    answer = await submit(
        people.checker, page, page, stance="contradicts", new_party="Washington", **statement_fields
    )
    assert answer.status_code == 303, read_text(answer)
    assert (await desk.reader.get("/v1/statements?party=washington")).json()["items"]
    # Said to be part of another, it is another party, and there is one of this name.
    wrong_party = {"new_party": "Washington", "new_parent": "a-001"}
    refusal = await submit(
        people.checker, page, page, stance="contradicts", **wrong_party, **statement_fields
    )
    assert refusal.status_code == 409


async def test_page_as_of_any_instant_equals_the_api(desk: Desk, people: People) -> None:
    """Status, wording and print line, at each event, just before it and just after."""
    await desk.record_parties()
    claim = await desk.record_claim()
    await desk.link_statement(claim["id"], "contradicts", "washington")
    desk.clock.advance(minutes=1)
    await desk.link_statement(claim["id"], "supports", "nato")
    version = (await desk.read_claim(claim["id"]))["version"]
    change = {"text": "Serbia has returned its units to normal", "material": True}
    amendment = await desk.checker.patch(
        f"/v1/claims/{claim['id']}", json=change, headers={"If-Match": f'"{version}"'}
    )
    assert amendment.status_code == 200
    move_answer = await desk.change_status(claim["id"], "asserted")
    assert move_answer.status_code < 500
    history = (await desk.reader.get(f"/v1/claims/{claim['id']}/history")).json()["items"]
    assert len(history) >= 4
    for event in history:
        for near in (-1, 0, 1):
            moment = datetime.fromisoformat(event["recorded_at"]) + timedelta(microseconds=near)
            query = {"as_of": moment.isoformat()}
            response = await desk.reader.get(f"/v1/claims/{claim['id']}", params=query)
            page = await people.reader.get(f"/claims/{claim['id']}", params=query)
            assert page.status_code == response.status_code
            if response.status_code != 200:
                continue
            page_tree, claim_view = parse_page(page), response.json()
            assert page_tree.cssselect("h1")[0].text_content() == claim_view["text"]
            assert (
                page_tree.get_element_by_id("print-line").text_content() == claim_view["print_line"]
            )
            (status,) = page_tree.cssselect(".current-status .status")
            assert claim_view["status"] in status.get("class")


@pytest.mark.parametrize("letter", ["a", "ж", "中", "😀"])
async def test_length_of_an_article_counts_characters(
    desk: Desk, people: People, letter: str
) -> None:
    """A limit of characters is one of characters; what is longer is shown again with what to do."""
    article = {"url": "https://example.org/long", "language": "en"}
    longest = letter * 100_000
    intake_answer = await submit(people.checker, "/intake", "/intake", **article, text=longest)
    assert intake_answer.status_code == 303
    page = parse_page(await people.checker.get(intake_answer.headers["location"]))
    assert page.get_element_by_id("text").text_content() == longest
    refusal = await submit(people.checker, "/intake", "/intake", **article, text=longest + letter)
    assert refusal.status_code == 422
    assert "take it in in parts" in read_text(refusal)
    assert parse_page(refusal).get_element_by_id("text").value == longest + letter


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("Београд", "beograd"),
        ("Влада Републике Србије", "vlada-republike-srbije"),
        ("Đorđe", "djordje"),
        ("Њњ — Ћ", "njnj-c"),
        ("Ministry " * 12 + "of all", "ministry-" * 7 + "m"),
    ],
)
async def test_a_party_is_named_in_its_own_script(
    desk: Desk, people: People, name: str, slug: str
) -> None:
    await desk.record_parties()
    page = f"/claims/{(await desk.record_claim())['id']}/link"
    statement_fields = {"quote": "Не.", "said_on": "2023-10-03", "url": "https://example.org/ne"}
    answer = await submit(
        people.checker, page, page, stance="contradicts", new_party=name, **statement_fields
    )
    assert answer.status_code == 303, read_text(answer)
    assert (await desk.reader.get(f"/v1/parties/{slug}")).json()["name"] == name


@pytest.mark.parametrize("name", ["北京", "😀", "B"])
async def test_invalid_address_is_reported_at_its_field(
    desk: Desk, people: People, name: str
) -> None:
    await desk.record_parties()
    page = f"/claims/{(await desk.record_claim())['id']}/link"
    statement_fields = {"quote": "No.", "said_on": "2023-10-03", "url": "https://example.org/no"}
    refusal = await submit(
        people.checker, page, page, stance="contradicts", new_party=name, **statement_fields
    )
    assert refusal.status_code == 422
    (fault,) = parse_page(refusal).cssselect("#fault-new_party")
    assert "record the party under Parties" in read_words(fault)
    assert parse_page(refusal).get_element_by_id("new_party").value == name
