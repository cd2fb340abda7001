"""Taking in an article: its text is kept while somebody works on it, its quotes for ever."""

from datetime import timedelta

import pytest

from service.claims import intake_commands
from service.claims.intake_queries import list_passages
from tests.desk.conftest import (
    People,
    find_form,
    parse_page,
    read_text,
    read_words,
    send_form,
    submit,
)
from tests.support.desk import Desk

TEXT = "“We left,” Belgrade said.\n\n“Show us,” Washington said. “We left,” Belgrade said again."


async def begin_intake(people: People) -> str:
    answer = await submit(
        people.checker,
        "/intake",
        "/intake",
        url="https://example.org/article",
        title="An article",
        text=TEXT.replace("\n", "\r\n"),
    )
    assert answer.status_code == 303, read_text(answer)
    return str(answer.headers["location"])


@pytest.fixture
async def place(desk: Desk, people: People) -> str:
    await desk.record_parties()
    return await begin_intake(people)


PASSAGE = {
    "quote": "We left",
    "party": "belgrade",
    "said_on": "2023-10-02",
    "claim": "Belgrade’s troops left",
}


async def test_passage_is_recorded_at_the_selected_place(
    desk: Desk, people: People, place: str
) -> None:
    """Of two places with the same words, the one that was selected; and the claim's origin is the
    passage's statement, once."""
    address = f"{place}/passages"
    second = TEXT.rindex("We left")
    answer = await submit(people.checker, place, address, **PASSAGE, near=str(second))
    assert answer.headers["location"] == f"{place}?done=recorded"
    (claim,) = (await desk.reader.get("/v1/claims")).json()["items"]
    (statement,) = (await desk.reader.get("/v1/statements")).json()["items"]
    selector = statement["quotes"][0]["selector"]
    assert selector["prefix"].endswith("Washington said. “")
    assert selector["suffix"].startswith(",” Belgrade said again")
    assert claim["claimant"]["party"] == "belgrade"
    marks = parse_page(await people.checker.get(place)).cssselect("#text mark")
    assert [read_words(item) for item in marks] == ["We left"]
    assert (
        parse_page(await people.checker.get(place)).get_element_by_id("text").text_content() == TEXT
    )


async def test_one_statement_can_take_several_stances(
    desk: Desk, people: People, place: str
) -> None:
    """It is recorded once, and stands to each claim as was said."""
    first = await desk.record_claim(text="The barracks are empty")
    second = await desk.record_claim(text="The reserves are home")
    stances = {
        f"stand-{first['id']}": "requests_confirmation",
        f"stand-{second['id']}": "contradicts",
    }
    answer = await submit(
        people.checker,
        place,
        f"{place}/passages",
        quote="Show us",
        party="washington",
        said_on="2023-10-03",
        conditional="yes",
        **stances,
    )
    assert answer.status_code == 303
    assert (await desk.read_claim(first["id"]))["status"] == "awaiting_confirmation"
    link_view = (await desk.reader.get(f"/v1/claims/{first['id']}/links")).json()["items"][0]
    other = (await desk.reader.get(f"/v1/claims/{second['id']}/links")).json()["items"][0]
    assert link_view["statement"]["id"] == other["statement"]["id"]
    assert (other["stance"], other["conditional"]) == ("contradicts", True)


async def test_unnamed_source_and_a_month_are_taken_in(
    desk: Desk, people: People, place: str
) -> None:
    """Without a party that would have to be made up, and without a day."""
    passage = {
        **PASSAGE,
        "said_on": "",
        "said_in": "in August 2020",
        "description": "a senior official",
        "withheld": "He would lose his post",
    }
    answer = await submit(people.checker, place, f"{place}/passages", **passage)
    assert answer.status_code == 303, read_text(answer)
    (claim,) = (await desk.reader.get("/v1/claims")).json()["items"]
    (statement,) = (await desk.reader.get("/v1/statements")).json()["items"]
    assert (claim["claimant"], claim["precision"]) == (None, "month")
    assert (statement["attribution"], statement["party"]) == ("unnamed", "belgrade")
    next_page = parse_page(await people.checker.get(place))
    assert next_page.get_element_by_id("said_in").get("value") == "August 2020"
    page = f"/statements/{statement['id']}"
    assert "a senior official, not named (Belgrade)" in read_text(await people.reader.get(page))
    assert "lose his post" not in read_text(await people.checker.get(page))
    assert "lose his post" in read_text(await people.editor.get(page))
    wrong_month = await submit(
        people.checker, place, f"{place}/passages", **passage | {"said_in": "last summer"}
    )
    assert "write it as August 2020" in read_text(wrong_month)
    day_and_month = await submit(
        people.checker, place, f"{place}/passages", **passage | {"said_on": "2020-08-02"}
    )
    assert "give the day, or only the month or year" in read_text(day_and_month)


async def test_similar_claim_is_shown_before_recording(
    desk: Desk, people: People, place: str
) -> None:
    """A claim that is probably there is shown, and recorded only when somebody insists."""
    await desk.record_claim(text="Belgrade’s troops left")
    response = await submit(people.checker, place, f"{place}/passages", **PASSAGE)
    assert response.status_code == 422
    assert "this may be recorded already" in read_text(response)
    assert find_form(parse_page(response), f"{place}/passages").fields["claim"] == PASSAGE["claim"]
    assert (await desk.reader.get("/v1/statements")).json()["items"][0]["quotes"][0][
        "text"
    ] != "We left"
    answer = await send_form(people.checker, response, f"{place}/passages", **PASSAGE, anyway="yes")
    assert answer.status_code == 303
    part = await people.checker.get(
        "/intake/similar", params={"text": "Belgrade's troops left", "party": "belgrade"}
    )
    assert "probably the same" in read_text(part)


async def test_refused_passage_changes_nothing(desk: Desk, people: People, place: str) -> None:
    """Words that do nothing, nobody's stance, an unknown party: all is shown again, none of it is
    recorded, a party that is new neither."""
    claim = await desk.record_claim()
    address = f"{place}/passages"
    for fields, reason in (
        (PASSAGE | {"claim": ""}, "say what these words do"),
        (PASSAGE | {"said_on": ""}, "this is needed"),
        (PASSAGE | {"said_on": "2023-02-31"}, "there is no such day"),
        (PASSAGE | {"party": "nowhere"}, "nowhere"),
        (PASSAGE | {"party": "", "speaker": "A. Nonymous"}, "name"),
        ({**PASSAGE, "party": "", "claim": "", f"stand-{claim['id']}": "supports"}, "no party"),
        ({**PASSAGE, f"stand-{claim['id']}": "admires"}, "supports"),
        (PASSAGE | {"new_party": "Elsewhere", "new_parent": "nowhere"}, "nowhere"),
        (PASSAGE | {"said_hour": "25:00"}, "no such day or hour"),
        (PASSAGE | {"said_on": "2050-01-01"}, "future"),
    ):
        refusal = await submit(people.checker, place, address, **fields)
        assert refusal.status_code == 422, fields
        assert reason in read_text(refusal), (reason, fields)
        assert find_form(parse_page(refusal), address).fields["quote"] == "We left"
    assert len((await desk.reader.get("/v1/statements")).json()["items"]) == 1
    assert (await desk.reader.get("/v1/parties/elsewhere")).status_code == 404


async def test_intake_needs_a_source_and_a_text(people: People) -> None:
    for fields, at in (
        ({"url": "", "text": "x"}, "url"),
        ({"url": "javascript:alert(1)", "text": "x"}, "url"),
        ({"url": "https://example.org", "text": " "}, "text"),
        ({"url": "https://example.org", "text": "x" * 100_001}, "text"),
        ({"url": "https://example.org", "text": "x", "language": "Serbian!"}, "language"),
        ({"url": "https://example.org", "text": "x", "published_on": "then"}, "published_on"),
    ):
        refusal = await submit(people.checker, "/intake", "/intake", **fields)
        assert refusal.status_code == 422, fields
        assert parse_page(refusal).cssselect(f"#{at}[aria-invalid=true]"), fields


async def test_finished_intake_deletes_the_text_and_keeps_the_quotes(
    desk: Desk, people: People, place: str
) -> None:
    """An intake that nobody finishes is deleted after thirty days."""
    await submit(people.checker, place, f"{place}/passages", **PASSAGE)
    assert "An article" in read_text(await people.checker2.get("/intake"))
    answer = await submit(people.checker2, place, f"{place}/finish")
    assert answer.status_code == 303
    assert (await people.checker.get(place)).status_code == 404
    second_place = await begin_intake(people)
    late = desk.clock.now + timedelta(days=31)
    assert await desk.database.write(intake_commands.delete_old_intakes, now=late) == 1
    assert (await people.checker.get(second_place)).status_code == 404
    (source,) = (await desk.reader.get("/v1/sources?url=https://example.org/article")).json()[
        "items"
    ]
    passages = await desk.database.read(list_passages, source["id"])
    assert [item["text"] for item in passages] == ["We left"]
    assert source["sha256"]


async def test_figure_is_taken_in_and_replaces_an_earlier_claim(desk: Desk, people: People) -> None:
    """Only claims of the story that nothing replaces are offered; the former leaves the board,
    which links to it; what is refused is kept and named."""
    await desk.record_parties()
    await desk.post("/v1/stories", {"slug": "port", "title": "The port"})
    figures = {"kind": "figure", "story": "port"}
    oldest = (await desk.record_claim(text="Five died", **figures))["id"]
    older = (await desk.record_claim(text="Twelve died", supersedes=oldest, **figures))["id"]
    await desk.record_claim(text="Elsewhere")
    intake_answer = await submit(
        people.checker,
        "/intake",
        "/intake",
        url="https://example.org/port",
        text="“Seventeen died,” Belgrade said.",
        story="port",
    )
    place = intake_answer.headers["Location"]
    page = parse_page(await people.checker.get(place))
    choices = page.get_element_by_id("supersedes").xpath("option/@value")
    assert choices == ["", older]
    passage = {
        "quote": "Seventeen died",
        "party": "belgrade",
        "said_on": "2023-10-03",
        "claim": "Seventeen died",
        "kind": "figure",
        "anyway": "yes",
        "supersedes": older,
        "figure_low": "15",
        "figure_what": "dead",
    }
    lacking = await submit(people.checker, place, f"{place}/passages", **passage)
    assert lacking.status_code == 422
    assert "Figure: a figure has either a value, or low and high" in read_text(lacking)
    form_again = parse_page(lacking)
    assert form_again.get_element_by_id("figure_low").get("value") == "15"
    assert form_again.get_element_by_id("supersedes").xpath("option[@selected]/@value") == [older]
    other = passage | {"party": "washington", "figure_high": "17.5"}
    refusal = await submit(people.checker, place, f"{place}/passages", **other)
    assert "Replaces: a claim supersedes one of the same claimant" in read_text(refusal)
    word = await submit(people.checker, place, f"{place}/passages", **passage, figure_high="many")
    assert "this is a number" in read_text(word)
    answer = await submit(people.checker, place, f"{place}/passages", **passage, figure_high="17.5")
    assert answer.status_code == 303, read_text(answer)
    replaced_claim = await desk.read_claim(older)
    newer = await desk.read_claim(replaced_claim["superseded_by"])
    assert (newer["figure"]["low"], newer["figure"]["high"], newer["figure"]["what"]) == (
        15,
        17.5,
        "dead",
    )
    board = parse_page(await people.checker.get("/?story=port"))
    assert [read_words(link) for link in board.cssselect(".row .what a")] == ["Seventeen died"]
    [link] = board.xpath("//a[contains(@href, 'superseded=true')]/@href")
    replaced_page = parse_page(await people.checker.get(link))
    assert "Replaced by later claims" in read_words(replaced_page)
    rows = [read_words(link) for link in replaced_page.cssselect(".row .what a")]
    assert sorted(rows) == ["Five died", "Twelve died"]
    [whole] = board.xpath("//section[@id='g-asserted']/h2/a/@href")
    group = parse_page(await people.checker.get(whole))
    assert [read_words(link) for link in group.cssselect(".row .what a")] == ["Seventeen died"]
