"""Webhooks at the desk: registered, watched, mended, sent to again; by administrators alone."""

from datetime import timedelta
from typing import Any

import httpx
import pytest

from service.desk.layout.rendering import format_moment
from service.domain.webhooks import EventType
from service.web.limits import Limiter
from service.webhooks.address_guard import AddressRefused
from tests.api.problems import NOBODY, nothing_changes
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
from tests.support.desk import Desk, Json
from tests.support.inboxes import set_health
from tests.webhooks.board import Board

URL = "http://127.0.0.1:9/hook"
NEW = "/admin/webhooks/new"
LIST = "/admin/webhooks"


async def register(people: People, **fields: Any) -> str:
    """Register by the form, as an administrator does; gives the id."""
    response = await submit(people.admin, NEW, LIST, **{"url": URL} | fields)
    assert response.status_code == 303, read_text(response)
    place, _, query = response.headers["location"].partition("/secret")
    assert query == "?done=registered"
    return str(place.rpartition("/")[2])


async def read_endpoint(people: People, webhook: str) -> Json:
    body: Json = (await people.desk.admin.get(f"/v1/webhooks/{webhook}")).json()
    return body


async def list_deliveries(people: People, webhook: str) -> list[Json]:
    items: list[Json] = (await people.desk.admin.get(f"/v1/webhooks/{webhook}/deliveries")).json()[
        "items"
    ]
    return items


def list_faults(response: httpx.Response) -> dict[str, str]:
    """What is said at fields, by the field."""
    page = parse_page(response)
    faults = {}
    for field in page.xpath("//*[@aria-invalid='true']"):
        fault = page.get_element_by_id(field.get("aria-describedby"))
        faults[field.get("name") or field.get("id")] = read_words(fault)
    return faults


async def test_broker_is_registered_and_edited_by_the_form(people: People) -> None:
    """The form offers the format; the password is typed once, and stays when the rest is saved."""
    address = "redis://desk:right@127.0.0.1:6379/0?stream=claims"
    webhook = await register(people, url=address, format="redis")
    path = f"{LIST}/{webhook}"
    page = await people.admin.get(path)
    assert "appended to a Redis stream" in read_text(page)
    answer = await submit(people.admin, f"{path}/edit", path, description="The archive")
    assert answer.status_code == 303, read_text(answer)
    endpoint = await read_endpoint(people, webhook)
    assert (endpoint["format"], endpoint["description"]) == ("redis", "The archive")
    assert endpoint["url"] == "redis://***@127.0.0.1:6379/0?stream=claims"
    stored_webhook = await Board(people.desk.database).read_webhook(webhook)
    assert stored_webhook.credentials == "desk:right"
    for shown_page in (page, await people.admin.get(f"{path}/edit"), await people.admin.get(LIST)):
        assert "right" not in shown_page.text.replace("copyright", "")
    refusal = await submit(people.admin, f"{path}/edit", path, format="nats")
    assert refusal.status_code == 422
    assert "begins with tls:// or nats://" in list_faults(refusal)["url"]


async def test_only_administrators_see_webhooks(people: People) -> None:
    """Others are told so on a page, and nobody's page offers it to them; the public signs in."""
    webhook = await register(people)
    for client in (people.reader, people.checker, people.editor):
        for path in (LIST, NEW, f"{LIST}/{webhook}", f"{LIST}/{webhook}/secret"):
            refusal = await client.get(path)
            assert refusal.status_code == 403
            assert "one of the roles" in read_text(refusal)
            assert URL not in refusal.text
            assert 'href="/admin' not in refusal.text
    public = await people.public.get(LIST)
    assert public.headers["location"] == "/sign-in?next=%2Fadmin%2Fwebhooks"


async def test_empty_list_explains_itself(people: People) -> None:
    response = await people.admin.get(LIST)
    assert "Nobody is told yet" in read_text(response)
    assert parse_page(response).xpath(f"//a[@href='{NEW}']")


async def test_a_webhook_is_registered_as_filled_in(people: People) -> None:
    """Every field of the form reaches it, and the form shows it again to be edited."""
    await people.desk.record_parties()
    await people.desk.post("/v1/stories", {"slug": "border", "title": "The border"})
    claim = (await people.desk.record_claim())["id"]
    fields: dict[str, Any] = {
        "url": f" {URL} ",
        "description": "The CMS <b>",
        "event_types": ["claim.created", "claim.status_changed"],
        "story": "border",
        "claim": f"https://desk.example/claims/{claim}?as_of=2023-10-02T00:00:00Z",
        "parties": "nato, State Department",
        "ordering": None,
        "max_in_flight": "4",
        "timeout_s": "2.5",
        "headers": "Authorization: Bearer a:b\r\n\r\nX-Desk:  one ",
    }
    webhook = await register(people, **fields)
    endpoint = await read_endpoint(people, webhook)
    expected = {
        "url": URL,
        "description": "The CMS <b>",
        "event_types": ["claim.created", "claim.status_changed"],
        "story": "border",
        "claim": claim,
        "parties": ["nato", "state-department"],
        "ordering": "none",
        "max_in_flight": 4,
        "timeout_s": 2.5,
        "headers": {"Authorization": "Bearer a:b", "X-Desk": "one"},
    }
    assert {name: endpoint[name] for name in expected} == expected
    assert endpoint["created_by"] == "Ada Admin"
    place = f"{LIST}/{webhook}"
    answer = await submit(people.admin, f"{place}/edit", place)
    assert answer.headers["location"] == f"{place}?done=saved"
    same = await read_endpoint(people, webhook)
    assert {name: same[name] for name in expected} == expected
    await submit(
        people.admin, f"{place}/edit", place, event_types=None, ordering="claim", parties="",
        story="", claim="", headers="", description="", max_in_flight="", timeout_s="",
    )  # fmt: skip
    plain = await read_endpoint(people, webhook)
    assert plain["event_types"] == plain["parties"] == []
    assert plain["story"] is plain["claim"] is plain["description"] is None
    assert (plain["ordering"], plain["headers"]) == ("claim", {})
    assert (plain["max_in_flight"], plain["timeout_s"]) == (8, 15)


async def test_form_offers_changes_of_status_first(people: People) -> None:
    """That is ticked to begin with; pings are no choice."""
    page = parse_page(await people.admin.get(NEW))
    assert page.xpath("//input[@name='event_types'][@checked]/@value") == ["claim.status_changed"]
    choices = page.xpath("//input[@name='event_types']/@value")
    assert choices == [item.value for item in EventType if item is not EventType.PING]


async def test_secret_is_on_its_own_page_only(people: People) -> None:
    """What is answered to the form, and kept for a double click, has no secret; the page that shows
    it is not stored, and says how to verify."""
    page = await people.admin.get(NEW)
    response = await send_form(people.admin, page, LIST, url=URL)
    second_answer = await send_form(people.admin, page, LIST, url=URL)
    assert response.headers["location"] == second_answer.headers["location"]
    assert len((await people.desk.admin.get("/v1/webhooks")).json()["items"]) == 1
    secret_page = await people.admin.get(response.headers["location"])
    assert secret_page.headers["cache-control"] == "no-store"
    place = response.headers["location"].partition("/secret")[0]
    secret = (await people.desk.admin.get(f"/v1{place.removeprefix('/admin')}/secret")).json()
    assert secret["secret"] in secret_page.text
    assert "How to verify" in read_text(secret_page)
    for other in (LIST, place, f"{place}/edit", f"{place}/delete"):
        assert "whsec_" not in (await people.admin.get(other)).text.replace(
            "<code>whsec_</code>", ""
        )


BAD: list[tuple[dict[str, Any], str, str]] = [
    ({"url": ""}, "url", "this is needed"),
    ({"url": "ftp://example.org/"}, "url", "http"),
    ({"url": "http://10.0.0.1/"}, "url", "CLAIMDESK_WEBHOOK_ALLOW_CIDRS"),
    ({"parties": "atlantis"}, "parties", "there is no party 'atlantis'"),
    ({"parties": "Ünder, nato"}, "parties", "small letters"),
    ({"story": "atlantis"}, "story", "there is no story"),
    ({"claim": "not an id"}, "claim", "UUID"),
    ({"claim": NOBODY}, "claim", "there is no claim"),
    ({"max_in_flight": "0"}, "max_in_flight", "greater than or equal to 1"),
    ({"max_in_flight": "8.5"}, "max_in_flight", "integer"),
    ({"max_in_flight": "many"}, "max_in_flight", "number"),
    ({"timeout_s": "nan"}, "timeout_s", "15"),
    ({"timeout_s": "0"}, "timeout_s", "this should be greater than or equal to 0.1"),
    ({"event_types": ["claim.exploded"]}, "event_types", "claim.created"),
    ({"headers": "no colon"}, "headers", "Name: value"),
    ({"headers": "X-A: 1\nX-A: 2"}, "headers", "twice"),
    ({"headers": "Webhook-Id: forged"}, "headers", "not yours"),
    ({"description": "a" * 501}, "description", "500"),
]
"""What may not be registered, the field it is said at, and something of what is said."""


@pytest.mark.parametrize(("change", "field", "message"), BAD)
async def test_a_refusal_keeps_what_was_typed(
    people: People, change: dict[str, Any], field: str, message: str
) -> None:
    """The form comes back with 422, the message at its field, and everything as it was typed."""
    form_fields: dict[str, Any] = {
        "url": URL,
        "description": "The CMS",
        "event_types": ["claim.created", "claim.merged"],
        "claim": "",
        "parties": "",
        "max_in_flight": "4",
        "timeout_s": "2.5",
        "headers": "X-Desk: one",
    } | change
    async with nothing_changes(people.desk):
        refusal = await submit(people.admin, NEW, LIST, **form_fields)
    assert refusal.status_code == 422
    assert message in list_faults(refusal)[field], list_faults(refusal)
    page = parse_page(refusal)
    assert page.xpath("//*[@role='alert']")
    fields = read_fields(find_form(page, LIST))
    for name, value in form_fields.items():
        if name not in ("event_types", "headers"):
            assert fields[name] == value, name
    assert fields["headers"].replace("\r", "") == form_fields["headers"]
    if field != "event_types":
        assert fields["event_types"] == form_fields["event_types"]


async def test_webhook_is_edited_while_its_name_does_not_resolve(
    people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An address is vetted where it changes, and only then."""
    webhook = await register(people)
    place = f"{LIST}/{webhook}"

    async def refuse(_: str) -> None:
        raise AddressRefused("it cannot be looked up")

    monkeypatch.setattr(people.desk.app.state.services.guard, "check_address", refuse)
    answer = await submit(people.admin, f"{place}/edit", place, description="Mended")
    assert answer.status_code == 303
    refusal = await submit(people.admin, f"{place}/edit", place, url=f"{URL}/2")
    assert list_faults(refusal)["url"] == "it cannot be looked up"
    assert (await read_endpoint(people, webhook))["url"] == URL


async def test_webhook_can_be_paused_and_activated(people: People) -> None:
    """With a reason that all see; a paused webhook is not pinged, and says so."""
    webhook = await register(people)
    place = f"{LIST}/{webhook}"
    answer = await submit(people.admin, place, f"{place}/state", reason="The CMS moves house")
    assert "kept" in read_text(await people.admin.get(answer.headers["location"]))
    for path in (LIST, place):
        text = read_text(await people.admin.get(path))
        assert "paused" in text
        assert "The CMS moves house" in text
    refusal = await submit(people.admin, place, f"{place}/ping")
    assert refusal.status_code == 409
    assert "activate it first" in read_text(refusal)
    back = await submit(people.admin, place, f"{place}/state")
    assert back.headers["location"] == f"{place}?done=activated"
    assert (await read_endpoint(people, webhook))["state"] == "active"
    long = await submit(people.admin, place, f"{place}/state", reason="a" * 2001)
    assert long.status_code == 422
    assert "2000" in list_faults(long)["reason"]
    assert parse_page(long).xpath("//input[@name='reason']/@value") == ["a" * 2001]
    odd = await submit(people.admin, place, f"{place}/state", state="disabled")
    assert odd.status_code == 422
    assert (await read_endpoint(people, webhook))["state"] == "active"


async def test_pings_are_limited_and_say_how_long_to_wait(people: People) -> None:
    """A double click costs one; beyond the limit the page says how long, and nothing is sent."""
    people.desk.app.state.services.pings = Limiter(2)
    webhook = await register(people)
    place = f"{LIST}/{webhook}"
    page = await people.admin.get(place)
    for _ in range(2):
        answer = await send_form(people.admin, page, f"{place}/ping")
        assert answer.headers["location"] == f"{place}?done=ping"
    assert len(await list_deliveries(people, webhook)) == 1
    assert (await submit(people.admin, place, f"{place}/ping")).status_code == 303
    refusal = await submit(people.admin, place, f"{place}/ping")
    assert refusal.status_code == 429
    assert f"Wait {refusal.headers['retry-after']} seconds" in read_text(refusal)
    assert len(await list_deliveries(people, webhook)) == 2


async def test_secret_is_rotated(people: People) -> None:
    """The page shows the new one and until when the one before signs too; bad hours are refused
    at their field."""
    webhook = await register(people)
    place = f"{LIST}/{webhook}/secret"
    before = (await people.desk.admin.get(f"/v1/webhooks/{webhook}/secret")).json()["secret"]
    for hours, message in (("-1", "0"), ("169", "168"), ("soon", "number")):
        refusal = await submit(people.admin, place, f"{place}/rotation", overlap_hours=hours)
        assert refusal.status_code == 422
        assert refusal.headers["cache-control"] == "no-store"
        assert message in list_faults(refusal)["overlap_hours"]
        assert parse_page(refusal).xpath("//input[@name='overlap_hours']/@value") == [hours]
    rotation = await submit(people.admin, place, f"{place}/rotation", overlap_hours="2")
    assert "whsec_" not in rotation.text
    response = await people.admin.get(rotation.headers["location"])
    assert before not in response.text
    assert "The one before it signs too, until 2 Oct 2023, 14:0" in read_text(response)


async def test_deliveries_are_listed_filtered_and_paged(people: People) -> None:
    """Newest first, by state, type and time; the page after the first goes on where it ended,
    whatever stood in the address."""
    webhook = await register(people, event_types=[])
    place = f"{LIST}/{webhook}"
    assert "Nothing has been sent to it yet" in read_text(await people.admin.get(place))
    people.desk.app.state.services.pings = Limiter(None)
    for _ in range(32):
        await people.desk.admin.post(f"/v1/webhooks/{webhook}/ping")
    await people.desk.record_parties()
    await people.desk.record_claim()
    delivery_ids = [delivery["id"] for delivery in await list_deliveries(people, webhook)]

    async def read_rows(url: str) -> tuple[list[str], str | None]:
        answer = await people.admin.get(url)
        assert answer.status_code == 200, read_text(answer)
        page = parse_page(answer)
        links = page.xpath("//table//th/a/@href")
        following = page.xpath("//a[@rel='next']/@href")
        return [item.rpartition("/")[2] for item in links], following[0] if following else None

    first, following = await read_rows(f"{place}?done=ping&state=&type=&since=")
    assert following is not None
    rest, end = await read_rows(following)
    assert first + rest == delivery_ids
    assert end is None
    claim_only, _ = await read_rows(f"{place}?type=claim.created&state=pending")
    assert claim_only == [
        delivery["id"]
        for delivery in await list_deliveries(people, webhook)
        if delivery["type"] == "claim.created"
    ]
    assert (await read_rows(f"{place}?state=dead"))[0] == []
    assert "fits these filters" in read_text(await people.admin.get(f"{place}?state=dead"))
    later = people.desk.clock.advance(minutes=5).strftime("%Y-%m-%dT%H:%M")
    assert (await read_rows(f"{place}?since={later}"))[0] == []
    assert len((await read_rows(f"{place}?since=2023-10-02T11:59"))[0]) == 30
    for query in ("state=lost", "type=claim.exploded", "since=yesterday"):
        refusal = await people.admin.get(f"{place}?{query}")
        assert refusal.status_code == 422
        assert parse_page(refusal).xpath("//*[@role='alert']")
    assert (await people.admin.get(f"{place}?cursor=forged")).status_code == 422


async def record_attempts(
    people: People, *statuses: int, state: str | None = None
) -> tuple[str, str]:
    """A webhook that was pinged, and answered so at each attempt; its id and the delivery's."""
    webhook = await register(people)
    await people.desk.admin.post(f"/v1/webhooks/{webhook}/ping")
    [ping] = await list_deliveries(people, webhook)
    board = Board(people.desk.database)
    for number, status in enumerate(statuses, 1):
        board.now = people.desk.clock.advance(hours=1)
        await board.set_columns(webhook, blocked_until=None)
        lease = await board.lease_delivery()
        answer_headers = {"X-Number": str(number), "Content-Type": "text/html"}
        answer = f"<script>alert({number})</script>"
        await board.settle_attempts(
            board.build_attempt(
                lease, status, response_headers=answer_headers, response_body=answer
            )
        )
    if state is not None:
        await board.set_delivery_columns(webhook, ping["id"], state=state, settled_at=board.now)
    return webhook, ping["id"]


async def test_delivery_page_shows_its_body_and_each_attempt(people: People) -> None:
    """Its body set to be read, and of each attempt when, where to, what became of it and what was
    answered; what a receiver says is text and nothing else."""
    webhook, delivery = await record_attempts(people, 500, 503, 200)
    place = f"{LIST}/{webhook}/deliveries/{delivery}"
    answer = await people.admin.get(place)
    page, text = parse_page(answer), read_text(answer)
    assert "<script>alert" not in answer.text
    body = page.xpath("//section[@aria-labelledby='body']/pre")[0].text_content()
    assert '\n  "type": "webhook.ping"' in body
    attempts = page.xpath("//article")
    assert [read_words(attempt.xpath("./h3")[0]).split()[:2] for attempt in attempts] == [
        ["3.", "delivered"],
        ["2.", "failed"],
        ["1.", "failed"],
    ]
    for attempt, number, status in zip(attempts, (3, 2, 1), (200, 503, 500), strict=True):
        words = read_words(attempt)
        assert f"HTTP {status}" in words
        assert f"POST {URL}" in words
        assert f"X-Number: {number}" in words
        assert f"<script>alert({number})</script>" in words
        assert "2 Oct 2023" in words
    assert "Attempts 3" in text
    unknown = await people.admin.get(f"{LIST}/{webhook}/deliveries/{NOBODY}")
    assert unknown.status_code == 404


async def test_delivery_page_shows_the_next_attempt(people: People) -> None:
    """While that is to come; once it is due, what holds it back is said instead."""
    webhook, delivery = await record_attempts(people, 500, 500, 500, 500, 500)
    place = f"{LIST}/{webhook}"
    for path in (place, f"{place}/deliveries/{delivery}"):
        assert "next" in read_text(await people.admin.get(path))
    board = Board(people.desk.database)
    rests = people.desk.clock.advance(hours=3)
    await board.set_columns(webhook, blocked_until=rests + timedelta(minutes=10))
    assert "next 2 Oct" not in read_text(await people.admin.get(place))
    text = read_text(await people.admin.get(f"{place}/deliveries/{delivery}"))
    assert "next attempt" not in text
    assert f"left alone until {format_moment(rests + timedelta(minutes=10))}" in text


async def test_delivery_can_be_sent_again(people: People) -> None:
    """What was delivered is due again, once for a double click, and the page says so."""
    webhook, delivery = await record_attempts(people, 200)
    place = f"{LIST}/{webhook}/deliveries/{delivery}"
    page = await people.admin.get(place)
    for _ in range(2):
        answer = await send_form(people.admin, page, f"{place}/redelivery")
        assert answer.headers["location"] == f"{place}?done=redelivered"
    [replay] = await list_deliveries(people, webhook)
    assert (replay["state"], replay["replay"]) == ("pending", True)
    text = read_text(await people.admin.get(answer.headers["location"]))
    assert "It is sent again" in text
    assert "waiting" in text


async def test_dead_letters_can_be_recovered(people: People) -> None:
    """Since an hour of UTC, seconds or none; what is no hour is refused at its field."""
    webhook, delivery = await record_attempts(people, 500, state="dead")
    place = f"{LIST}/{webhook}"
    assert (await read_endpoint(people, webhook))["health"]["dead"] == 1
    list_page = await people.admin.get(LIST)
    assert parse_page(list_page).xpath(f"//a[@href='{place}?state=dead']")
    for hour, message in (("", "day and an hour"), ("yesterday", "day and an hour")):
        refusal = await submit(people.admin, place, f"{place}/recovery", since=hour)
        assert refusal.status_code == 422
        assert message in list_faults(refusal)["since"]
    late = await submit(people.admin, place, f"{place}/recovery", since="2023-11-02T00:00")
    assert "nothing to send again" in read_text(await people.admin.get(late.headers["location"]))
    answer = await submit(people.admin, place, f"{place}/recovery", since="2023-10-02T00:00:30")
    assert answer.headers["location"] == f"{place}?done=recovering"
    [replay] = await list_deliveries(people, webhook)
    assert (replay["id"], replay["state"]) == (delivery, "pending")


async def test_list_shows_health_of_webhooks(people: People) -> None:
    """Well, failing with its breaker open and why, or new; in words, not in colour alone."""
    well, _ = await record_attempts(people, 200)
    bad, _ = await record_attempts(people, 500, 500, 500, 500, 500)
    new = await register(people)
    list_page = parse_page(await people.admin.get(LIST))
    rows = {
        item.xpath(".//th/a/@href")[0]: read_words(item) for item in list_page.xpath("//tbody/tr")
    }
    assert "nothing delivered yet" in rows[f"{LIST}/{new}"]
    assert "OK" in rows[f"{LIST}/{well}"]
    for text in ("failed 5 times in a row", "breaker open", "the receiver answered 500"):
        assert text in rows[f"{LIST}/{bad}"]
    page = read_text(await people.admin.get(f"{LIST}/{bad}"))
    assert "5 in a row, since 2 Oct 2023" in page
    assert "one at a time is tried until one gets through" in page


async def test_webhook_is_deleted_after_a_question(people: People) -> None:
    """The page before says what goes with it; afterwards nothing of it is there."""
    webhook = await register(people, description="The CMS")
    place = f"{LIST}/{webhook}"
    assert "cannot be undone" in read_text(await people.admin.get(f"{place}/delete"))
    answer = await submit(people.admin, f"{place}/delete", f"{place}/deletion")
    assert answer.headers["location"] == f"{LIST}?done=deleted"
    assert "The CMS" not in read_text(await people.admin.get(answer.headers["location"]))
    for path in (place, f"{place}/edit", f"{place}/secret", f"{place}/delete"):
        assert (await people.admin.get(path)).status_code == 404


async def test_a_form_without_its_token_changes_nothing(people: People) -> None:
    """No form here is taken from another site's page."""
    webhook, delivery = await record_attempts(people, 200)
    place = f"{LIST}/{webhook}"
    forms = [
        (NEW, LIST),
        (f"{place}/edit", place),
        (place, f"{place}/state"),
        (place, f"{place}/ping"),
        (place, f"{place}/recovery"),
        (f"{place}/secret", f"{place}/secret/rotation"),
        (f"{place}/delete", f"{place}/deletion"),
        (f"{place}/deliveries/{delivery}", f"{place}/deliveries/{delivery}/redelivery"),
    ]
    async with nothing_changes(people.desk):
        for page, action in forms:
            refusal = await submit(people.admin, page, action, csrf=None, url=URL)
            assert refusal.status_code == 403, action
            assert "not filled in on a page of your present session" in read_text(refusal)


async def test_list_names_what_an_endpoint_is_told_of(people: People) -> None:
    await people.desk.record_parties()
    await people.desk.post("/v1/stories", {"slug": "border", "title": "The border"})
    claim = (await people.desk.record_claim())["id"]
    for filters in ({"claim": claim}, {"story": "border", "parties": ["nato"]}):
        answer = await people.desk.admin.post("/v1/webhooks", json={"url": URL, **filters})
        assert answer.status_code == 201, answer.text
    list_text = read_text(await people.admin.get(LIST))
    assert "told of every event of one claim" in list_text
    assert "told of every event of the story border where nato speaks" in list_text


async def test_webhook_in_trouble_is_named_on_administrators_pages_alone(
    desk: Desk, people: People
) -> None:
    """From when it is disabled or fails again and again until it is well; with a link to it."""
    first = await register(people, description="The CMS <b>")
    await set_health(desk, first, failures=20, last_error="it timed out")
    page = parse_page(await people.admin.get("/stories"))
    (banner,) = page.xpath(f'//div[@class="notice"][.//a[@href="{LIST}/{first}"]]')
    assert read_words(banner) == "The webhook to The CMS <b> fails again and again."
    for client in (people.editor, people.reader):
        assert first not in (await client.get("/stories")).text
    second = await register(people)
    await set_health(desk, second, state="disabled", state_reason="it answered 410 Gone")
    text = read_text(await people.admin.get("/"))
    assert "The webhook to 127.0.0.1 is disabled, and 1 more." in text
    for webhook in (first, second):
        assert (await people.desk.admin.delete(f"/v1/webhooks/{webhook}")).status_code in (200, 204)
        text = read_text(await people.admin.get("/"))
        assert ("fails again" in text, "is disabled" in text) == (False, webhook == first)
