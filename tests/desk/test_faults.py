"""A refused form shows everything that is wrong at once, by the labels of the fields."""

from typing import Any

import httpx
import pytest

from tests.desk.conftest import People, parse_page, read_text, read_words, submit
from tests.support.desk import Desk

TEXT = "“We left,” Belgrade said.\n\n“Show us,” Washington said. “Not yet,” it added."


@pytest.fixture
async def places(desk: Desk, people: People) -> dict[str, str]:
    """The pages whose forms are tried, by a word each; with the article's text in hand."""
    await desk.record_parties()
    claim = (await desk.record_claim())["id"]
    statement = (await desk.reader.get("/v1/statements")).json()["items"][0]["id"]
    article = await submit(
        people.checker, "/intake", "/intake", url="https://example.org/a", title="A", text=TEXT
    )
    return {
        "link": f"/claims/{claim}/link",
        "amend": f"/claims/{claim}/amend",
        "withdraw": f"/claims/{claim}/withdraw",
        "statement": f"/statements/{statement}/withdraw",
        "parties": "/parties",
        "stories": "/stories",
        "intake": "/intake",
        "passage": str(article.headers["location"]),
        "claim": f"/claims/{claim}",
    }


def list_faults(answer: httpx.Response) -> dict[str, str]:
    """What the page says is wrong: each field by the name that the list gives it."""
    return {
        item.cssselect("a")[0].get("href")[1:]: read_words(item.cssselect("a")[0])
        for item in parse_page(answer).cssselect("#faults li")
    }


def find_label(page: Any, field: str) -> str:
    """What a field, or a group of choices, is called on the page."""
    (label,) = page.xpath(f"//label[@for='{field}'] | //fieldset[@id='{field}']/legend")
    return read_words(label)


FORMS = [
    ("link", "", {}),
    ("amend", "", {"text": ""}),
    ("withdraw", "", {"url": "ftp://nowhere"}),
    ("statement", "", {"url": "ftp://nowhere"}),
    ("parties", "", {"slug": "A b", "country": "Serbia"}),
    ("stories", "", {"slug": "A b"}),
    ("intake", "", {"url": "ftp://nowhere", "text": TEXT, "language": "?"}),
    ("passage", "/passages", {"new_party": "§", "language": "?", "claim": "x", "part_of": "y"}),
]


@pytest.mark.parametrize(("place", "suffix", "typed"), FORMS)
async def test_error_names_the_label_of_its_field(
    people: People, places: dict[str, str], place: str, suffix: str, typed: dict[str, str]
) -> None:
    address = places[place]
    refusal = await submit(people.editor, address, f"{address}{suffix}", **typed)
    assert refusal.status_code == 422
    page, faults = parse_page(refusal), list_faults(refusal)
    assert faults
    for field, name in faults.items():
        assert name == find_label(page, field)


async def test_all_errors_of_a_passage_are_shown_at_once(
    people: People, places: dict[str, str]
) -> None:
    """The statement, the claim that it makes, and what it does to another, in one answer."""
    refusal = await submit(
        people.checker,
        places["passage"],
        f"{places['passage']}/passages",
        quote="",
        said_on="",
        role="a role without a name",
        language="?",
        claim="A claim",
        part_of="nothing",
        tags="x" * 60,
        note="n" * 2100,
    )
    faulty_fields = {"quote", "said_on", "speaker", "language", "part_of", "tags"}
    assert faulty_fields <= set(list_faults(refusal))


async def test_missing_status_and_reason_are_shown_at_once(
    people: People, places: dict[str, str]
) -> None:
    claim = places["claim"]
    refusal = await submit(people.checker, claim, f"{claim}/status", reason=" ")
    (fault,) = parse_page(refusal).cssselect("#decide-fault")
    words = read_words(fault)
    assert words == "status: this is needed; reason: this is needed"


async def test_words_that_are_not_in_the_article_cannot_be_verbatim(
    people: People, places: dict[str, str]
) -> None:
    passage = {"party": "belgrade", "said_on": "2023-10-02", "claim": "Belgrade left"}
    for words, rendering, status in (
        ("We have left", "verbatim", 422),
        ("We have left", "paraphrase", 303),
        ("Show us … Not yet", "verbatim", 303),
        ("Not yet […] Show us", "verbatim", 422),
        ("Show   us,” Washington\nsaid", "verbatim", 303),
    ):
        answer = await submit(
            people.checker,
            places["passage"],
            f"{places['passage']}/passages",
            quote=words,
            rendering=rendering,
            anyway="yes",
            **passage,
        )
        assert answer.status_code == status, (words, read_text(answer))
        if status == 422:
            assert "rendering" in list_faults(answer)
