"""The story that an article is taken in for: chosen, brought along by an address, or begun."""

import httpx
import pytest

from tests.desk.conftest import People, find_form, parse_page, read_text, submit
from tests.support.desk import Desk

ARTICLE = {
    "url": "https://example.org/bridge",
    "title": "Who closed the bridge?",
    "text": "“We closed the bridge,” Belgrade said.",
}


async def begin(people: People, **fields: str) -> httpx.Response:
    return await submit(people.checker, "/intake", "/intake", **ARTICLE, **fields)


async def list_stories(desk: Desk) -> list[tuple[str, str]]:
    items = (await desk.reader.get("/v1/stories")).json()["items"]
    return [(story["slug"], story["title"]) for story in items]


def read_chosen_story(answer: httpx.Response) -> str:
    return str(find_form(parse_page(answer), "/intake").fields["story"])


async def test_story_without_claims_leads_to_an_article_for_it(people: People) -> None:
    await submit(people.checker, "/stories", "/stories", title="Kamenica bridge")
    page = parse_page(await people.checker.get("/stories/kamenica-bridge"))
    (button,) = page.cssselect("#matrix a.button")
    assert read_chosen_story(await people.checker.get(button.get("href"))) == "kamenica-bridge"


async def test_address_of_no_story_chooses_none(people: People) -> None:
    answer = await people.checker.get("/intake?story=no-such-story")
    assert answer.status_code == 200
    assert read_chosen_story(answer) == ""


async def test_story_begins_with_its_first_article(desk: Desk, people: People) -> None:
    answer = await begin(people, new_story="Kamenica bridge, May 2026")
    assert answer.status_code == 303, read_text(answer)
    assert await list_stories(desk) == [("kamenica-bridge-may-2026", "Kamenica bridge, May 2026")]
    place = str(answer.headers["location"])
    await desk.record_parties()
    answer = await submit(
        people.checker,
        place,
        f"{place}/passages",
        quote="We closed the bridge",
        party="belgrade",
        said_on="2023-10-02",
        claim="Serbia closed the bridge",
    )
    assert answer.status_code == 303, read_text(answer)
    (claim,) = (await desk.reader.get("/v1/claims")).json()["items"]
    assert claim["story"] == "kamenica-bridge-may-2026"


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (
            {"story": "older", "new_story": "Kamenica bridge"},
            "choose a story or name a new one, not both",
        ),
        ({"new_story": "Older"}, "There is a story 'older' already. Choose it in the list."),
        (
            {"new_story": "…"},
            "no address can be made of this title: record the story under Stories, and choose it",
        ),
        ({"new_story": " ".join(["Bridge"] * 80)}, "300 characters"),
    ],
    ids=["two stories", "its title is taken", "no letters", "too long"],
)
async def test_refused_story_changes_nothing_and_keeps_the_text(
    desk: Desk, people: People, fields: dict[str, str], message: str
) -> None:
    await submit(people.checker, "/stories", "/stories", title="Older")
    answer = await begin(people, **fields)
    assert answer.status_code == 422
    assert message in read_text(answer)
    form = find_form(parse_page(answer), "/intake")
    assert form.fields["text"].strip() == ARTICLE["text"]
    assert form.fields["new_story"] == fields["new_story"]
    assert await list_stories(desk) == [("older", "Older")]
    assert "Begun" not in read_text(await people.checker.get("/intake"))
