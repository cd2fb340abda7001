"""Requests to correct: what strangers may send, who reads it, and how it is answered."""

from collections.abc import AsyncIterator
from datetime import timedelta

import httpx
import pytest

from service.claims import correction_requests
from service.config import Settings
from service.store import tables
from service.web.service_container import REQUESTS_A_MINUTE
from tests.api.problems import nothing_changes
from tests.desk.conftest import People, parse_page, read_fields, read_words, submit
from tests.support import desk as support
from tests.support.desk import Desk

WORDS = "It was not <b>Belgrade</b> that said so"
CONTACT = "Ana +381 60 000"
SECRETS = ("not <b>", "not &lt;b&gt;", CONTACT, "example.org/proof")


@pytest.fixture
async def desk(settings: Settings) -> AsyncIterator[Desk]:
    """A desk that lets the public read."""
    async with support.run_desk(settings.model_copy(update={"public_read": True})) as desk:
        yield desk


@pytest.fixture
async def claim(desk: Desk) -> str:
    await desk.record_parties()
    return str((await desk.record_claim())["id"])


def place(claim: str) -> str:
    return f"/claims/{claim}/correction-request"


async def send(people: People, claim: str, **fields: str | None) -> httpx.Response:
    """Send the form as somebody whom nobody knows."""
    form_fields: dict[str, str | None] = {"text": WORDS, **fields}
    return await submit(people.browser(), place(claim), place(claim), **form_fields)


async def count_waiting(desk: Desk) -> int:
    return (await desk.database.read(correction_requests.list_waiting_requests))[1]


async def find_request(people: People, client: httpx.AsyncClient) -> str:
    """The address of the one request in the review queue."""
    page = parse_page(await client.get("/review"))
    (link,) = page.get_element_by_id("requests").cssselect("a")
    address = link.get("href")
    assert isinstance(address, str)
    return address


async def test_stranger_asks_and_everybody_reads_the_answer(
    desk: Desk, people: People, claim: str
) -> None:
    """The claim's page leads to the form; nothing that was sent is public before or after; the
    answer is, in the record too, and an instant before does not have it."""
    page = parse_page(await people.browser().get(f"/claims/{claim}"))
    assert place(claim) in [link.get("href") for link in page.cssselect("a")]
    answer = await send(
        people, claim, contact=CONTACT, url="https://example.org/proof", wants_publication="yes"
    )
    assert (answer.status_code, answer.headers["Location"]) == (
        303,
        f"/claims/{claim}?done=request-sent",
    )
    moment = desk.clock.now.isoformat()
    public_urls = (
        f"/claims/{claim}",
        f"/v1/claims/{claim}",
        f"/v1/claims/{claim}/history",
        "/v1/events",
        "/feeds/claims.json",
    )
    for url in public_urls:
        text = (await people.browser().get(url)).text
        assert not [secret for secret in SECRETS if secret in text], url
    address = await find_request(people, people.checker)
    all_words = read_words(parse_page(await people.checker.get(address)))
    for words in (WORDS, CONTACT, "https://example.org/proof"):
        assert words in all_words
    settlement = await submit(
        people.checker,
        address,
        address,
        outcome="not_corrected",
        answer="The ministry’s own page says it.",
        publish="yes",
    )
    assert settlement.status_code == 303, settlement.text
    page = parse_page(await people.browser().get(f"/claims/{claim}"))
    all_words = read_words(page.get_element_by_id("answers"))
    assert "Not corrected: The ministry’s own page says it." in all_words
    earlier_page = await people.browser().get(f"/claims/{claim}", params={"as_of": moment})
    assert "own page says it" not in earlier_page.text
    for url in public_urls:
        text = (await people.browser().get(url)).text
        assert not [secret for secret in SECRETS if secret in text], url
    history = (await desk.reader.get(f"/v1/claims/{claim}/history")).json()["items"]
    assert history[-1]["type"] == "correction_request.answered"
    assert history[-1]["data"]["answer"] == "The ministry’s own page says it."
    assert await count_waiting(desk) == 0
    page_again = await people.checker.get(address)
    assert "Not corrected" in read_words(parse_page(page_again))


@pytest.mark.parametrize("agrees", [True, False])
async def test_answer_is_public_only_if_both_want_that(
    desk: Desk, people: People, claim: str, agrees: bool
) -> None:
    """Otherwise the record has nothing of it, and a form that says more is refused."""
    await send(people, claim, wants_publication="yes" if agrees else None)
    address = await find_request(people, people.checker)
    form = await people.checker.get(address)
    assert ("Show the answer" in form.text) is agrees
    answer_fields = {"outcome": "corrected", "answer": "Put right."}
    if not agrees:
        refusal = await submit(people.checker, address, address, **answer_fields, publish="yes")
        assert refusal.status_code == 422
        assert "no public answer" in read_words(parse_page(refusal).get_element_by_id("faults"))
    for lacking in ({"answer": ""}, {"outcome": ""}):
        refusal = await submit(people.checker, address, address, **(answer_fields | lacking))
        assert refusal.status_code == 422
    settlement = await submit(people.checker, address, address, **answer_fields)
    assert settlement.status_code == 303
    assert "Put right" not in (await people.browser().get(f"/claims/{claim}")).text
    assert (await desk.read_claim(claim))["version"] == 1
    late = await desk.database.read(correction_requests.list_waiting_requests)
    assert late == ([], 0)


async def test_answer_follows_a_merged_claim(desk: Desk, people: People, claim: str) -> None:
    """It is shown on the claim in its place, and the form leads there too."""
    await send(people, claim, wants_publication="yes")
    into = (await desk.record_claim(text="The same, better recorded"))["id"]
    merge = await desk.checker.post(
        f"/v1/claims/{claim}/merge", json={"into": into}, headers={"If-Match": "*"}
    )
    assert merge.status_code == 200, merge.text
    form = await people.browser().get(place(claim))
    assert (form.status_code, form.headers["Location"]) == (303, place(into))
    address = await find_request(people, people.checker)
    await submit(
        people.checker, address, address, outcome="corrected", answer="Put right.", publish="yes"
    )
    assert "Put right." in (await people.browser().get(f"/claims/{into}")).text


async def test_form_of_another_site_or_without_a_visit_is_refused(
    desk: Desk, people: People, claim: str
) -> None:
    """Neither what another site sends nor what a program sends blindly is kept."""
    client = people.browser()
    page = await client.get(place(claim))
    (form,) = [item for item in parse_page(page).forms if item.get("action") == place(claim)]
    fields = read_fields(form) | {"text": WORDS}
    async with nothing_changes(desk):
        foreign = await client.post(
            place(claim), data=fields, headers={"Origin": "https://elsewhere.example"}
        )
        assert foreign.status_code == 403
        assert (await people.browser().post(place(claim), data=fields)).status_code == 403
        assert (await people.browser().post(place(claim), data={"text": WORDS})).status_code == 403
    assert await count_waiting(desk) == 0


@pytest.mark.parametrize(
    ("fields", "place_of_fault"),
    [
        ({"text": " "}, "What is wrong, and what is right"),
        ({"text": "x" * 2001}, "What is wrong, and what is right"),
        ({"url": "javascript:alert(1)"}, "Where that can be read"),
        ({"contact": "x" * 255}, "How to reach you"),
    ],
)
async def test_what_cannot_be_kept_is_refused_and_shown_again(
    desk: Desk, people: People, claim: str, fields: dict[str, str], place_of_fault: str
) -> None:
    refusal = await send(people, claim, **fields)
    assert refusal.status_code == 422
    page = parse_page(refusal)
    assert place_of_fault in read_words(page.get_element_by_id("faults"))
    assert await count_waiting(desk) == 0
    if "text" not in fields:
        assert page.get_element_by_id("text").value.strip() == WORDS


async def test_one_address_sends_few_a_minute(desk: Desk, people: People, claim: str) -> None:
    """What it typed is there again, with when to come back; the same words are kept once."""
    for number in range(REQUESTS_A_MINUTE):
        answer = await send(people, claim, text=f"{WORDS} {min(number, 1)}")
        assert answer.status_code == 303
    assert await count_waiting(desk) == 2
    refusal = await send(people, claim, text="one more")
    assert refusal.status_code == 429
    assert int(refusal.headers["Retry-After"]) > 0
    assert parse_page(refusal).get_element_by_id("text").value.strip() == "one more"
    assert await count_waiting(desk) == 2


async def test_no_more_wait_than_the_desk_can_read(
    desk: Desk, people: People, claim: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # How many a desk can read; nobody who runs it chooses that.
    monkeypatch.setattr(correction_requests, "MOST_WAITING_ON_CLAIM", 1)
    assert (await send(people, claim)).status_code == 303
    refusal = await send(people, claim, text="another")
    assert refusal.status_code == 429
    assert "Nothing was sent" in read_words(parse_page(refusal).get_element_by_id("faults"))
    other = (await desk.record_claim(text="Another claim"))["id"]
    assert (await send(people, other)).status_code == 303


async def test_answered_requests_are_deleted_in_time(
    desk: Desk, people: People, claim: str
) -> None:
    """Those that wait stay, however long; the public answer stays too."""
    await send(people, claim, wants_publication="yes", contact=CONTACT)
    address = await find_request(people, people.checker)
    await submit(
        people.checker, address, address, outcome="corrected", answer="Put right.", publish="yes"
    )
    await send(people, claim, text="still waiting")
    for later, count in ((timedelta(days=89), 2), (timedelta(days=91), 1)):
        now = desk.clock.now + later
        await desk.database.write(correction_requests.delete_old_requests, now=now)
        rows = await desk.database.read(
            lambda connection: connection.execute(tables.correction_requests.select()).all()
        )
        assert len(rows) == count
    assert (await people.checker.get(address)).status_code == 404
    assert "Put right." in (await people.browser().get(f"/claims/{claim}")).text


async def test_only_the_desk_reads_requests(desk: Desk, people: People, claim: str) -> None:
    await send(people, claim)
    address = await find_request(people, people.checker)
    assert (await people.reader.get(address)).status_code == 403
    assert (await people.browser().get(address)).status_code in (303, 401)
    assert not parse_page(await people.checker.get("/review?assignee=me")).cssselect("#requests")


async def test_closed_desk_takes_no_requests(settings: Settings) -> None:
    """Where the public may not read, there is neither form nor link, for whoever is signed in."""
    async with support.run_desk(settings) as desk:
        await desk.record_parties()
        claim = (await desk.record_claim())["id"]
        assert "correction-request" not in (await desk.reader.get(f"/claims/{claim}")).text
        assert (await desk.reader.get(place(claim))).status_code == 404
        assert (await desk.public.post(place(claim), data={"text": WORDS})).status_code == 404
