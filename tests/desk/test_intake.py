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


async def test_passage_within_another_has_its_number_in_the_text(
    desk: Desk, people: People, place: str
) -> None:
    """One within another, one that ends where it ends: each number stands where its words end."""
    address = f"{place}/passages"
    whole = "“We left,” Belgrade said"
    for quote, claim in ((whole, "They left"), ("We left", "All left"), ("Belgrade said", "It")):
        fields = PASSAGE | {"quote": quote, "claim": claim}
        answer = await submit(people.checker, place, address, **fields, anyway="yes")
        assert answer.status_code == 303, read_text(answer)
    text = parse_page(await people.checker.get(place)).get_element_by_id("text")
    assert text.text_content() == TEXT
    assert "".join(mark.text for mark in text.cssselect("mark")) == whole
    places = {}
    for link in text.cssselect(".ref"):
        before = "".join(link.xpath("preceding::text()[ancestor::*[@id='text']]"))
        places[link.get("href")] = (before.strip(), link.get("data-number"))
    assert places == {
        "#passage-1": (whole, "1"),
        "#passage-2": ("“We left", "2"),
        "#passage-3": (whole, ", 3"),
    }


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


async def list_ways_to_correct(people: People, place: str) -> list[str]:
    """Record a passage about a claim; the links that correct and void its statement."""
    claim = (await people.desk.record_claim())["id"]
    passage = PASSAGE | {"claim": "", f"stand-{claim}": "comments"}
    answer = await submit(people.checker, place, f"{place}/passages", **passage)
    assert answer.status_code == 303, read_text(answer)
    page = parse_page(await people.editor.get(place))
    links = [link.get("href") for link in page.cssselect(".passages .hint a")]
    return [link for link in links if "?intake=" in link]


async def test_who_corrects_a_passage_comes_back_to_the_article(people: People, place: str) -> None:
    """Also after a refusal; once the text is forgotten, to the statement."""
    correction, _ = await list_ways_to_correct(people, place)
    action = correction.partition("?")[0]
    form_page = await people.editor.get(correction)
    assert "Intake: An article" in read_text(form_page)
    refusal = await send_form(people.editor, form_page, action, reason="", role="spokesperson")
    assert refusal.status_code == 422
    for answer in (form_page, refusal):
        assert place in [link.get("href") for link in parse_page(answer).cssselect("main a")]
    corrections = {"speaker": "Ivo Marić", "role": "spokesperson", "reason": "Misheard"}
    answer = await send_form(people.editor, refusal, action, **corrections)
    assert answer.status_code == 303, read_text(answer)
    assert answer.headers["location"] == f"{place}?done=corrected"
    assert "Ivo Marić" in read_text(await people.editor.get(answer.headers["location"]))
    form_page = await people.editor.get(correction)
    await submit(people.editor, place, f"{place}/finish")
    answer = await send_form(people.editor, form_page, action, **corrections | {"role": "minister"})
    assert answer.headers["location"] == f"{action.rpartition('/')[0]}?done=corrected"
    for intake in (place.rpartition("/")[2], "x"):
        page = await people.editor.get(f"{action}?intake={intake}")
        assert page.status_code == 200
        assert "Intake:" not in read_text(page)


async def test_who_voids_a_passage_comes_back_to_the_article(people: People, place: str) -> None:
    """There it can be taken back."""
    _, void = await list_ways_to_correct(people, place)
    form_page = await people.editor.get(void)
    assert "Intake: An article" in read_text(form_page)
    action = void.partition("?")[0]
    answer = await send_form(people.editor, form_page, action, reason="Not said")
    assert answer.status_code == 303, read_text(answer)
    assert answer.headers["location"].startswith(f"{place}?done=statement-voided")
    page = parse_page(await people.editor.get(answer.headers["location"]))
    [way_back] = page.cssselect(".done a")
    assert way_back.get("href") == action.replace("/void", "/restoration")


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


async def test_recorded_statement_is_linked_instead_of_a_second(
    desk: Desk, people: People, place: str
) -> None:
    """Its voice, day and basis are as recorded, whatever the form says; the article's words are
    added as another rendering, once; a claim has it as its origin."""
    first = await desk.record_claim(text="The barracks are empty")
    second = await desk.record_claim(text="The reserves are home")
    statement = await desk.post(
        "/v1/statements",
        {
            "party": "belgrade",
            "speaker": {"name": "Milan Simić", "role": "general"},
            "said_at": "2023-10-01T00:00:00Z",
            "precision": "day",
            "basis": "own_observation",
            "quotes": [
                {
                    "text": "We left",
                    "language": "en",
                    "source": {"url": "https://example.org/elsewhere"},
                }
            ],
        },
    )
    guesses = await people.checker.get(f"{place}/guesses", params={"begin": 1, "end": 8})
    assert "Recorded already: the same words. Link it instead" in read_text(guesses)
    [choice] = parse_page(guesses).cssselect("#offered-recorded input")
    assert choice.get("value") == statement["id"]
    passage = {"quote": "We left", "party": "washington", "statement": statement["id"]}
    address = f"{place}/passages"
    for claim in (first, second):
        stance = {f"stand-{claim['id']}": "supports"}
        answer = await submit(people.checker, place, address, **passage, **stance)
        assert answer.status_code == 303, read_text(answer)
    answer = await submit(
        people.checker, place, address, **passage, claim="The general left with his troops"
    )
    assert answer.status_code == 303, read_text(answer)
    recorded_statement = (await desk.reader.get(f"/v1/statements/{statement['id']}")).json()
    assert recorded_statement["party"] == "belgrade"
    quotes = [(quote["text"], quote["source"]["url"]) for quote in recorded_statement["quotes"]]
    assert quotes == [
        ("We left", "https://example.org/elsewhere"),
        ("We left", "https://example.org/article"),
    ]
    assert recorded_statement["quotes"][1]["selector"]["exact"] == "We left"
    [link] = (await desk.reader.get(f"/v1/claims/{first['id']}/links")).json()["items"]
    assert link["statement"]["id"] == statement["id"]
    claims = (await desk.reader.get("/v1/claims")).json()["items"]
    [general_claim] = [claim for claim in claims if claim["text"].startswith("The general")]
    assert general_claim["claimant"]["speaker"]["name"] == "Milan Simić"
    assert general_claim["claimed_at"].startswith("2023-10-01")
    page = parse_page(await people.checker.get(place))
    assert len(page.cssselect(".passages > li")) == 1, "one statement, however many claims"


async def record_statement(desk: Desk, party: str, words: str, said_at: str = "2023-10-01") -> str:
    statement = await desk.post(
        "/v1/statements",
        {
            "party": party,
            "said_at": f"{said_at}T00:00:00Z",
            "precision": "day",
            "quotes": [
                {
                    "text": words,
                    "language": "en",
                    "source": {"url": "https://example.org/elsewhere"},
                }
            ],
        },
    )
    return str(statement["id"])


async def test_unfit_statement_is_refused_and_kept_in_the_form(
    desk: Desk, people: People, place: str
) -> None:
    claim = await desk.record_claim(text="The barracks are empty")
    withdrawn_id = await record_statement(desk, "belgrade", "They are gone")
    path = f"/v1/statements/{withdrawn_id}/withdrawal"
    assert (await desk.checker.post(path, json={"reason": "Denied it"})).status_code < 300
    passage = {"quote": "We left", f"stand-{claim['id']}": "supports"}
    unknown = "01890000-0000-7000-8000-000000000000"
    for statement, status, reason in (
        (unknown, 422, "there is no statement with this id"),
        ("nonsense", 422, "there is no statement with this id"),
        (withdrawn_id, 409, "was withdrawn"),
    ):
        refusal = await submit(
            people.checker, place, f"{place}/passages", **passage, statement=statement
        )
        assert refusal.status_code == status, statement
        assert reason in read_text(refusal)
    form = find_form(parse_page(refusal), f"{place}/passages")
    assert form.fields["statement"] == withdrawn_id
    assert (await desk.reader.get(f"/v1/claims/{claim['id']}/links")).json()["items"] == []


async def test_statement_is_found_by_words_party_and_day_without_scripts(
    desk: Desk, people: People, place: str
) -> None:
    """The form is shown again with what was typed, and records nothing."""
    belgrade_id = await record_statement(desk, "belgrade", "They are gone", said_at="2023-10-02")
    washington_id = await record_statement(
        desk, "washington", "They are gone", said_at="2023-10-01"
    )
    for words, statements in (
        ("gone", {belgrade_id, washington_id}),
        ("gone belgrade", {belgrade_id}),
        ("2023-10-02", {belgrade_id}),
        ("gone 2023-10-01", {washington_id}),
        ("gone 2023-13-41", set()),
    ):
        answer = await submit(
            people.checker,
            place,
            f"{place}/passages",
            quote="We left",
            claim="They left",
            statement_words=words,
            find="statement",
        )
        assert answer.status_code == 200, read_text(answer)
        page = parse_page(answer)
        shown_ids = {each.get("value") for each in page.cssselect("#statement .candidates input")}
        assert shown_ids - {""} == statements, words
        assert find_form(page, f"{place}/passages").fields["claim"] == "They left"
    assert (await desk.reader.get("/v1/claims")).json()["items"] == []


async def test_translation_is_recorded_with_the_words(
    desk: Desk, people: People, place: str
) -> None:
    """One statement in two languages, each with its place, found by either; it counts once."""
    passage = {**PASSAGE, "translation": "Otišli smo", "translation_language": "sr"}
    answer = await submit(people.checker, place, f"{place}/passages", **passage)
    assert answer.status_code == 303, read_text(answer)
    [statement] = (await desk.reader.get("/v1/statements", params={"q": "otišli"})).json()["items"]
    described = [
        (quote["text"], quote["language"], quote["rendering"]) for quote in statement["quotes"]
    ]
    assert described == [("We left", "en", "verbatim"), ("Otišli smo", "sr", "translated")]
    page = parse_page(await people.checker.get(place))
    [item] = page.cssselect(".passages > li")
    [other] = item.cssselect(".other")
    assert read_words(other) == "Otišli smo translated · sr"
    [claim] = (await desk.reader.get("/v1/claims")).json()["items"]
    claim_page = read_text(await people.reader.get(f"/claims/{claim['id']}"))
    assert claim_page.index("We left") < claim_page.index("Otišli smo")


async def test_original_beside_a_translation_stands_in_the_text(
    desk: Desk, people: People, place: str
) -> None:
    passage = {**PASSAGE, "rendering": "translated", "quote": "Nous sommes partis"}
    original = {"language": "fr", "translation_language": "en"}
    refusal = await submit(
        people.checker, place, f"{place}/passages", **passage, **original, translation="We went"
    )
    assert "these words do not stand in the text" in read_text(refusal)
    answer = await submit(
        people.checker, place, f"{place}/passages", **passage, **original, translation="We left"
    )
    assert answer.status_code == 303, read_text(answer)
    [statement] = (await desk.reader.get("/v1/statements")).json()["items"]
    assert [quote["rendering"] for quote in statement["quotes"]] == ["translated", "verbatim"]
    assert statement["quotes"][1]["selector"]["exact"] == "We left"


async def test_wrong_translation_is_named_and_kept(desk: Desk, people: People, place: str) -> None:
    for fields, at, reason in (
        ({"translation": "Otišli smo"}, "translation_language", "give a language as"),
        (
            {"translation": "Otišli smo", "translation_language": "Serbian!"},
            "translation_language",
            "give a language as its code",
        ),
        (
            {"translation": "We went", "translation_language": "en"},
            "translation_language",
            "another language than the words",
        ),
        ({"translation": "x" * 10_001, "translation_language": "sr"}, "translation", "10000"),
    ):
        refusal = await submit(people.checker, place, f"{place}/passages", **PASSAGE, **fields)
        assert refusal.status_code == 422, fields
        page = parse_page(refusal)
        assert page.cssselect(f"#{at}[aria-invalid=true]"), fields
        assert reason in read_words(page.get_element_by_id(f"fault-{at}")), fields
        form = find_form(page, f"{place}/passages")
        assert form.fields["translation"] == fields["translation"]
    assert (await desk.reader.get("/v1/statements")).json()["items"] == []


async def test_faults_of_an_article_and_of_its_story_are_told_at_once(
    desk: Desk, people: People
) -> None:
    answer = await submit(
        people.checker, "/intake", "/intake", url="nonsense", text="", story="xy", new_story="Fire"
    )
    assert answer.status_code == 422
    page = parse_page(answer)
    for name in ("url", "text", "new_story"):
        assert page.cssselect(f"#{name}[aria-invalid=true]"), name
    assert find_form(page, "/intake").fields["new_story"] == "Fire"
    assert (await desk.reader.get("/v1/stories")).json()["items"] == []


async def test_story_is_chosen_or_made_while_an_article_is_taken_in(
    desk: Desk, people: People, place: str
) -> None:
    """The claims that follow are in it; a story's own page begins with it chosen."""
    choice = f"{place}/story"
    answer = await submit(people.checker, choice, choice, new_story="The flood")
    assert answer.headers["location"] == f"{place}?done=saved"
    await submit(people.checker, place, f"{place}/passages", **PASSAGE)
    [claim] = (await desk.reader.get("/v1/claims")).json()["items"]
    assert claim["story"] == "the-flood"
    for fields, reason in (
        ({"story": "nowhere"}, "there is no story"),
        ({"new_story": "The flood", "story": ""}, "There is a story 'the-flood' already."),
        ({"new_story": "A fire", "story": "the-flood"}, "not both"),
        ({"new_story": "水", "story": ""}, "no address can be made of this title"),
    ):
        refusal = await submit(people.checker, choice, choice, **fields)
        assert refusal.status_code == 422, fields
        assert reason in read_text(refusal), fields
        form = find_form(parse_page(refusal), choice)
        assert form.fields["new_story"] == fields.get("new_story", "")
    stories = (await desk.reader.get("/v1/stories")).json()["items"]
    assert [story["slug"] for story in stories] == ["the-flood"]
    await submit(people.checker, choice, choice, story="")
    page = parse_page(await people.checker.get(place))
    assert "story: none yet" in read_words(page.cssselect(".story")[0])
    story_page = parse_page(await people.checker.get("/stories/the-flood"))
    [link] = story_page.cssselect("main a[href^='/intake']")
    form = find_form(parse_page(await people.checker.get(link.get("href"))), "/intake")
    assert form.fields["story"] == "the-flood"
