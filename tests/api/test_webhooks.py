"""Webhooks from outside: registering, changing, secrets, pings, deliveries, sending again."""

import json
import re
from ipaddress import ip_network
from typing import Any

import pytest
from pydantic import TypeAdapter
from sqlalchemy import update

from service.api import webhook_events
from service.domain.webhooks import OPERATORS, EventType
from service.store.webhook_tables import webhooks
from service.webhooks import due_endpoints
from service.webhooks.address_guard import AddressGuard, AddressRefused
from service.webhooks.delivery import Sender
from service.webhooks.exchanges import Outgoing
from tests.api.problems import NOBODY, require_problem
from tests.support import mistakes
from tests.support.desk import Desk, Json, build_claim
from tests.webhooks import receivers
from tests.webhooks.board import Board

LOOPBACK = ip_network("127.0.0.0/8")
URL = "http://127.0.0.1:9/hook"


async def register(desk: Desk, **settings: Any) -> Json:
    response = await desk.admin.post("/v1/webhooks", json={"url": URL, **settings})
    assert response.status_code == 201, response.text
    answer: Json = response.json()
    return answer


async def list_deliveries(desk: Desk, webhook: str, **query: str) -> list[Json]:
    """Newest first."""
    response = await desk.admin.get(f"/v1/webhooks/{webhook}/deliveries", params=query)
    assert response.status_code == 200, response.text
    items: list[Json] = response.json()["items"]
    return items


async def test_secret_of_a_registered_webhook_is_shown_once(desk: Desk) -> None:
    """Defaults as documented; the secret is in this answer, at its own address, and nowhere
    else."""
    webhook_view = await register(desk)
    assert webhook_view["secret"].startswith("whsec_")
    assert len(webhook_view["secret"]) == len("whsec_") + 44
    body = (await desk.admin.get(f"/v1/webhooks/{webhook_view['id']}")).json()
    assert body == {name: value for name, value in webhook_view.items() if name != "secret"}
    assert (body["state"], body["ordering"]) == ("active", "claim")
    assert (body["max_in_flight"], body["timeout_s"]) == (8, 15)
    assert body["event_types"] == body["parties"] == []
    page = await desk.admin.get("/v1/webhooks")
    assert webhook_view["secret"] not in page.text
    secret = (await desk.admin.get(f"/v1/webhooks/{webhook_view['id']}/secret")).json()
    assert secret == {"secret": webhook_view["secret"], "previous_until": []}


async def test_retried_registration_makes_one_webhook_and_shows_no_secret(desk: Desk) -> None:
    """The same Idempotency-Key gets the first answer again, without the secret."""
    headers = {"Idempotency-Key": "once"}
    first = await desk.admin.post("/v1/webhooks", json={"url": URL}, headers=headers)
    retry = await desk.admin.post("/v1/webhooks", json={"url": URL}, headers=headers)
    assert retry.json() == first.json() | {"secret": None}
    assert len((await desk.admin.get("/v1/webhooks")).json()["items"]) == 1


BAD: list[tuple[Json, str]] = [
    ({"url": "ftp://example.org/"}, "url"),
    ({"url": "http://user:password@127.0.0.1/"}, "url"),
    ({"url": "http://127.0.0.1/#part"}, "url"),
    ({"url": "http://10.0.0.1/"}, "url"),
    ({"url": "http://[::1]/"}, "url"),
    ({"url": "http://169.254.169.254/latest"}, "url"),
    ({"url": "http://" + "a" * 2100}, "url"),
    ({"url": URL, "event_types": ["claim.exploded"]}, "event_types"),
    ({"url": URL, "parties": ["atlantis"]}, "parties"),
    ({"url": URL, "story": "atlantis"}, "story"),
    ({"url": URL, "claim": NOBODY}, "claim"),
    ({"url": URL, "max_in_flight": 0}, "max_in_flight"),
    ({"url": URL, "max_in_flight": 257}, "max_in_flight"),
    ({"url": URL, "timeout_s": 16}, "timeout_s"),
    ({"url": URL, "timeout_s": "5"}, "timeout_s"),
    ({"url": URL, "timeout_s": True}, "timeout_s"),
    ({"url": URL, "ordering": "random"}, "ordering"),
    ({"url": URL, "headers": {"Webhook-Id": "forged"}}, "headers"),
    ({"url": URL, "headers": {"Host": "example.org"}}, "headers"),
    ({"url": URL, "headers": {"Transfer-Encoding": "chunked"}}, "headers"),
    ({"url": URL, "headers": {"ACCEPT": "text/html"}}, "headers"),
    ({"url": URL, "headers": {"Content-Language": "de"}}, "headers"),
    ({"url": URL, "headers": {"proxy-Anything": "1"}}, "headers"),
    ({"url": URL, "headers": {"X-A": "1\r\nX-B: 2"}}, "headers"),
    ({"url": URL, "headers": {"X A": "1"}}, "headers"),
    ({"url": URL, "headers": {"X-A": "1", "x-a": "2"}}, "headers"),
    ({"url": URL, "headers": {f"X-{n}": "1" for n in range(21)}}, "headers"),
    ({"url": URL, "secret": "whsec_mine"}, "secret"),
    ({"url": URL, "format": "kafka"}, "format"),
    ({"url": URL, "format": "nats"}, "url"),
    ({"url": "nats://127.0.0.1/claims", "format": "standard"}, "url"),
    ({"url": "redis://127.0.0.1/0?stream=claims", "format": "nats"}, "url"),
    ({"url": "nats://127.0.0.1/claims", "format": "nats", "headers": {"X-A": "1"}}, "headers"),
    *(
        ({"url": url, "format": "nats"}, "url")
        for url in (
            "nats://127.0.0.1",
            "nats://127.0.0.1/",
            "nats://127.0.0.1/claims.*",
            "nats://127.0.0.1/claims.>",
            "nats://127.0.0.1/$JS.API.STREAM.DELETE.CLAIMS",
            "nats://127.0.0.1/claims%0d%0aPING",
            "nats://127.0.0.1/claims?stream=x",
            "nats://127.0.0.1/" + "a" * 201,
            "nats://10.0.0.1/claims",
            "nats://a@b@127.0.0.1/claims",
            "nats://***@127.0.0.1/claims",
            "tls://127.0.0.1:0/claims",
        )
    ),
    *(
        ({"url": url, "format": "redis"}, "url")
        for url in (
            "redis://127.0.0.1",
            "redis://127.0.0.1/claims",
            "redis://127.0.0.1/0",
            "redis://127.0.0.1/0?stream=",
            "redis://127.0.0.1/0?stream=a b",
            "redis://127.0.0.1/0?stream={a}",
            "redis://127.0.0.1/0?stream=a&stream=b",
            "redis://127.0.0.1/x?stream=a",
            "redis://127.0.0.1/99999?stream=a",
            "redis://user@127.0.0.1/0?stream=a",
            "rediss://10.0.0.1/0?stream=a",
        )
    ),
]
"""What may not be registered, and the field that is at fault."""


async def test_invalid_registration_is_refused_with_its_field(desk: Desk) -> None:
    """422 with the field at fault, and nothing is registered; so too where it is a change."""
    webhook_view = await register(desk)
    place = f"/v1/webhooks/{webhook_view['id']}"
    for body, field in BAD:
        for answer in (
            await desk.admin.post("/v1/webhooks", json=body),
            await desk.admin.patch(place, json=body),
        ):
            problem = require_problem(answer, "invalid-request")
            assert problem["errors"][0]["loc"][:2] == ["body", field], body
    [kept_view] = (await desk.admin.get("/v1/webhooks")).json()["items"]
    assert kept_view == {name: value for name, value in webhook_view.items() if name != "secret"}


BROKERS = [
    ("nats", "nats://{}127.0.0.1:4222/claims"),
    ("redis", "redis://{}127.0.0.1:6379/0?stream=claims"),
]


@pytest.mark.parametrize(("format", "form"), BROKERS)
async def test_password_of_a_broker_is_in_no_answer(desk: Desk, format: str, form: str) -> None:
    """It is used, and never shown: `***` stands for it, and keeps it in a change of the rest."""
    webhook_view = await register(desk, url=form.format("desk:s%65cret@"), format=format)
    place = f"/v1/webhooks/{webhook_view['id']}"
    public_url = form.format("***@")
    assert (webhook_view["url"], webhook_view["format"]) == (public_url, format)
    board = Board(desk.database)
    assert (await board.read_webhook(webhook_view["id"])).credentials == "desk:s%65cret"
    other_name = public_url.replace("claims", "changes")
    for url in (public_url, other_name):
        change = await desk.admin.patch(place, json={"url": url})
        assert change.json()["url"] == url
        assert (await board.read_webhook(webhook_view["id"])).credentials == "desk:s%65cret"
    ping = (await desk.admin.post(f"{place}/ping")).json()
    board.now = desk.clock.now
    (lease,) = await board.lease_deliveries()
    assert (lease.format, lease.credentials) == (format, "desk:s%65cret")
    await board.settle_attempts(board.build_attempt(lease, None))
    for path in (
        "/v1/webhooks",
        place,
        f"{place}/deliveries",
        f"{place}/deliveries/{ping['id']}",
        "/v1/audit",
    ):
        answer = await desk.admin.get(path)
        assert answer.status_code == 200, path
        assert "cret" not in answer.text.replace("secret", ""), path


@pytest.mark.parametrize(("format", "form"), BROKERS)
async def test_password_does_not_follow_an_address_to_another_host(
    desk: Desk, format: str, form: str
) -> None:
    """Whoever changes host or port writes the password anew, or there is none any more."""
    webhook_view = await register(desk, url=form.format("desk:right@"), format=format)
    place = f"/v1/webhooks/{webhook_view['id']}"
    board = Board(desk.database)
    for host in ("127.0.0.2", "127.0.0.1:99"):
        url = re.sub(r"127.0.0.1:\d+", host, form.format("***@"))
        refusal = await desk.admin.patch(place, json={"url": url})
        assert require_problem(refusal, "invalid-request")["errors"][0]["loc"] == ["body", "url"]
    assert (await board.read_webhook(webhook_view["id"])).credentials == "desk:right"
    bare = await desk.admin.patch(place, json={"url": form.format("")})
    assert bare.json()["url"] == form.format("")
    assert (await board.read_webhook(webhook_view["id"])).credentials is None


async def test_new_password_starts_afresh(desk: Desk) -> None:
    """As a new address does: the breaker that the wrong one opened is closed."""
    webhook_view = await register(desk, url="nats://desk:wrong@127.0.0.1/claims", format="nats")
    board = Board(desk.database)
    await board.set_columns(webhook_view["id"], failures=7)
    for url, failures in (
        ("nats://***@127.0.0.1/claims", 7),
        ("nats://desk:wrong@127.0.0.1/claims", 7),
        ("nats://desk:right@127.0.0.1/claims", 0),
    ):
        await desk.admin.patch(f"/v1/webhooks/{webhook_view['id']}", json={"url": url})
        assert (await board.read_webhook(webhook_view["id"])).failures == failures


async def test_format_changes_with_its_address(desk: Desk) -> None:
    """Each alone would not go together with the other."""
    webhook_view = await register(desk)
    place = f"/v1/webhooks/{webhook_view['id']}"
    broker: Json = {"format": "redis", "url": "redis://127.0.0.1/0?stream=claims"}
    for part in broker:
        refusal = await desk.admin.patch(place, json={part: broker[part]})
        assert require_problem(refusal, "invalid-request")["errors"][0]["loc"] == ["body", "url"]
    view = (await desk.admin.patch(place, json=broker)).json()
    assert {name: view[name] for name in broker} == broker


async def test_accepted_headers_are_sent(desk: Desk) -> None:
    """Whatever headers a registration takes are on the wire: none is dropped in silence."""
    names = ("Authorization", "Cookie", "X-Desk", "Date", "Via", "Forwarded", "X-Content-Type")
    async with receivers.run_receiver(receivers.build_answering(receivers.OK)) as receiver:
        await register(desk, url=receiver.url, headers=dict.fromkeys(names, "ours"))
        await desk.record_parties()
        await desk.record_claim()
        board = Board(desk.database)
        board.now = desk.clock.now
        (lease,) = await board.lease_deliveries()
        sender = Sender(AddressGuard(allow_http=True, allow_cidrs=[LOOPBACK]), desk.clock)
        outgoing = Outgoing(
            endpoint=lease.webhook,
            url=lease.url,
            headers=lease.headers,
            secrets=lease.secrets,
            message=lease.message,
            body=lease.body,
            timeout=lease.timeout,
        )
        assert (await sender.send(outgoing)).delivered
        await sender.close()
    request_text = receiver.requests[0].decode().lower()
    assert all(f"\r\n{name.lower()}: ours\r\n" in request_text for name in names)


async def test_retry_with_idempotency_key_gets_the_first_answer(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A retry by Idempotency-Key gets the first answer though the name cannot be looked up any
    more, and costs no ping."""
    key_header = {"Idempotency-Key": "once"}
    first = await desk.admin.post("/v1/webhooks", json={"url": URL}, headers=key_header)

    async def refuse(_: str) -> None:
        raise AddressRefused("it cannot be looked up")

    monkeypatch.setattr(desk.app.state.services.guard, "check_address", refuse)
    retry = await desk.admin.post("/v1/webhooks", json={"url": URL}, headers=key_header)
    assert (retry.status_code, retry.headers["idempotent-replayed"]) == (201, "true")
    require_problem(await desk.admin.post("/v1/webhooks", json={"url": URL}), "invalid-request")
    assert len((await desk.admin.get("/v1/webhooks")).json()["items"]) == 1
    ping = f"/v1/webhooks/{first.json()['id']}/ping"
    for _ in range(7):
        assert (await desk.admin.post(ping, headers={"Idempotency-Key": "p"})).status_code == 202
    for _ in range(5):
        assert (await desk.admin.post(ping)).status_code == 202
    require_problem(await desk.admin.post(ping), "rate-limited")
    page = await desk.admin.get(f"/v1/webhooks/{first.json()['id']}/deliveries")
    assert len(page.json()["items"]) == 6


async def test_answers_with_secrets_are_not_cached(desk: Desk) -> None:
    """Nothing between us and an administrator stores an answer that holds one."""
    response = await desk.admin.post("/v1/webhooks", json={"url": URL})
    place = f"/v1/webhooks/{response.json()['id']}/secret"
    for answer in (
        response,
        await desk.admin.get(place),
        await desk.admin.post(f"{place}/rotation"),
    ):
        assert answer.headers["cache-control"] == "no-store"


async def test_refused_private_address_names_the_setting_that_allows_it(desk: Desk) -> None:
    """Who hosts their own receivers is told how."""
    refusal = require_problem(
        await desk.admin.post("/v1/webhooks", json={"url": "http://10.1.2.3/"}), "invalid-request"
    )
    assert "CLAIMDESK_WEBHOOK_ALLOW_CIDRS" in refusal["detail"]
    assert "10.1.2.3/32" in refusal["detail"]


async def test_events_are_delivered_to_matching_endpoints(desk: Desk) -> None:
    """Each event that receivers are told of becomes one delivery, whose id is the event's; filters
    hold together."""
    await desk.record_parties()
    await desk.post("/v1/stories", {"slug": "border", "title": "The border"})
    every = await register(desk)
    changes = await register(desk, event_types=["claim.status_changed"])
    of_story = await register(desk, story="border")
    of_nato = await register(desk, parties=["nato"])
    claim = await desk.record_claim(story="border")
    other = await desk.record_claim()
    of_claim = await register(desk, claim=claim["id"])
    await desk.link_statement(claim["id"], "requests_confirmation", "state-department")
    of_washington = await register(desk, parties=["washington"])
    await desk.link_statement(other["id"], "requests_confirmation", "state-department")

    async def types(webhook: Json) -> list[str]:
        return [
            delivery["type"] for delivery in reversed(await list_deliveries(desk, webhook["id"]))
        ]

    event_types = ["link.created", "claim.status_changed"]
    assert await types(every) == ["claim.created", "claim.created", *event_types, *event_types]
    assert await types(changes) == ["claim.status_changed"] * 2
    assert await types(of_story) == ["claim.created", *event_types]
    assert await types(of_nato) == []
    assert await types(of_claim) == event_types
    assert await types(of_washington) == event_types
    items = (await desk.admin.get("/v1/events")).json()["items"]
    assert [each["type"] for each in items] == await types(every)


async def test_deliveries_can_be_paged_and_filtered(desk: Desk) -> None:
    """Newest first, by state, type and instant, page after page."""
    await desk.record_parties()
    webhook = (await register(desk))["id"]
    for _ in range(5):
        await desk.record_claim()
    since = desk.clock()
    claim = await desk.record_claim()
    await desk.link_statement(claim["id"], "requests_confirmation", "washington")
    assert len(await list_deliveries(desk, webhook, type="claim.created")) == 6
    assert (
        len(await list_deliveries(desk, webhook, since=since.isoformat().replace("+00:00", "Z")))
        == 3
    )
    assert await list_deliveries(desk, webhook, state="dead") == []
    whole = await list_deliveries(desk, webhook)
    all_deliveries: list[Json] = []
    path = f"/v1/webhooks/{webhook}/deliveries?limit=3"
    while path:
        page = await desk.admin.get(path)
        all_deliveries += page.json()["items"]
        path = page.links["next"]["url"] if "next" in page.links else ""
    assert all_deliveries == whole
    require_problem(
        await desk.admin.get(f"/v1/webhooks/{webhook}/deliveries?state=lost"), "invalid-request"
    )
    require_problem(await desk.admin.get(f"/v1/webhooks/{NOBODY}/deliveries"), "not-found")


async def test_body_of_every_event_type_fits_its_schema(desk: Desk) -> None:
    """The body of every type fits its schema, with nothing that the schema does not name; the
    examples do too."""
    await desk.record_parties()
    webhook = (await register(desk))["id"]
    claim, other = await desk.record_claim(), await desk.record_claim()
    link = await desk.link_statement(claim["id"], "supports", "nato")
    proposal = await desk.change_status(claim["id"], "confirmed", cites=[link["id"]])
    rejection = f"/v1/decisions/{proposal.json()['id']}/rejection"
    await desk.editor.post(rejection, json={"comment": "not yet"})
    await desk.confirm_claim(claim["id"])
    await desk.checker.patch(
        f"/v1/claims/{claim['id']}",
        json={"tags": ["troops"], "text": "Other words", "material": True},
        headers={"If-Match": "*"},
    )
    await desk.post(f"/v1/links/{link['id']}/retraction", {"reason": "misread"}, status=200)
    second = await desk.link_statement(claim["id"], "comments", "washington")
    statement = second["statement"]["id"]
    await desk.post(f"/v1/statements/{statement}/withdrawal", {"reason": "denied"}, status=200)
    third = await desk.record_claim()
    finding = await desk.checker.post(
        f"/v1/claims/{third['id']}/findings",
        json={"finding": "unprovable", "reason": "Nobody was there."},
        headers={"If-Match": "*"},
    )
    assert finding.status_code == 202, finding.text
    await desk.editor.post(f"/v1/decisions/{finding.json()['id']}/approval")
    await desk.post(f"/v1/claims/{third['id']}/withdrawal", {"reason": "denied"}, status=200)
    merge = f"/v1/claims/{claim['id']}/merge"
    merge_answer = await desk.checker.post(
        merge, json={"into": other["id"]}, headers={"If-Match": "*"}
    )
    assert merge_answer.status_code == 200, merge_answer.text
    await mistakes.make_and_mend_mistakes(desk)
    await desk.admin.post(f"/v1/webhooks/{webhook}/ping")
    kinds_of_events = set()
    for delivery in await list_deliveries(desk, webhook, limit="200"):
        whole = await desk.admin.get(f"/v1/webhooks/{webhook}/deliveries/{delivery['id']}")
        kind = EventType(delivery["type"])
        view = TypeAdapter(webhook_events.build_body_view(kind))
        body = whole.json()["body"]
        assert view.dump_python(view.validate_json(body), mode="json") == json.loads(body)
        kinds_of_events.add(kind)
    # Those are told only to who asks for them by name (tests/webhooks/test_operator_events.py).
    assert kinds_of_events == set(EventType) - OPERATORS, "let all of them happen in this test"
    for kind in EventType:
        example = webhook_events.EXAMPLES[webhook_events.build_name(kind)]
        view = TypeAdapter(webhook_events.build_body_view(kind))
        assert view.dump_python(view.validate_python(example), mode="json") == example


async def test_bodies_hold_nothing_internal(desk: Desk) -> None:
    """Who is assigned and what the desk notes is in no body, and an assignment alone is no
    event."""
    await desk.record_parties()
    webhook = (await register(desk))["id"]
    claim = await desk.record_claim()
    me = (await desk.checker.get("/v1/me")).json()["id"]
    anyway = {"If-Match": "*"}
    path = f"/v1/claims/{claim['id']}"
    await desk.checker.patch(path, json={"assignee": me}, headers=anyway)
    await desk.post(f"{path}/notes", {"text": "between ourselves"})
    await desk.checker.patch(path, json={"assignee": None, "tags": ["a"]}, headers=anyway)
    bodies = [
        (await desk.admin.get(f"/v1/webhooks/{webhook}/deliveries/{delivery['id']}")).json()["body"]
        for delivery in await list_deliveries(desk, webhook)
    ]
    assert len(bodies) == 2
    assert not any(word in body for body in bodies for word in ("assignee", me, "ourselves"))


async def test_failed_change_is_rolled_back_whole(desk: Desk) -> None:
    """A change that is refused leaves no delivery either."""
    await desk.record_parties()
    webhook = (await register(desk))["id"]
    refusal = await desk.checker.post("/v1/claims", json=build_claim(part_of=NOBODY))
    assert refusal.status_code == 422
    claim = await desk.record_claim()
    require_problem(await desk.change_status(claim["id"], "confirmed"), "transition-refused")
    assert [delivery["type"] for delivery in await list_deliveries(desk, webhook)] == [
        "claim.created"
    ]


async def test_paused_webhook_collects_deliveries_and_deleted_one_drops_them(desk: Desk) -> None:
    """What happens while a webhook is paused waits for it; a deleted one is gone from every
    address."""
    await desk.record_parties()
    webhook = (await register(desk))["id"]
    place = f"/v1/webhooks/{webhook}"
    answer = await desk.admin.post(f"{place}/state", json={"state": "paused", "reason": "moving"})
    assert (answer.json()["state"], answer.json()["state_reason"]) == ("paused", "moving")
    await desk.record_claim()
    assert (await desk.admin.get(place)).json()["health"]["pending"] == 1
    assert await desk.database.read(due_endpoints.list_due_endpoints, now=desk.clock()) == []
    require_problem(await desk.admin.post(f"{place}/ping"), "webhook-not-active")
    active = await desk.admin.post(f"{place}/state", json={"state": "active"})
    assert (active.json()["state"], active.json()["state_reason"]) == ("active", None)
    assert await desk.database.read(due_endpoints.list_due_endpoints, now=desk.clock()) == [webhook]
    require_problem(
        await desk.admin.post(f"{place}/state", json={"state": "disabled"}), "invalid-request"
    )
    [delivery] = await list_deliveries(desk, webhook)
    assert (await desk.admin.delete(place)).status_code == 204
    await desk.record_claim()
    assert await desk.database.read(due_endpoints.list_due_endpoints, now=desk.clock()) == []
    assert (await desk.admin.get("/v1/webhooks")).json()["items"] == []
    for path in ("", "/secret", "/deliveries", f"/deliveries/{delivery['id']}"):
        require_problem(await desk.admin.get(place + path), "not-found")
    for path in ("/ping", "/secret/rotation", f"/deliveries/{delivery['id']}/redelivery"):
        require_problem(await desk.admin.post(place + path), "not-found")
    require_problem(await desk.admin.patch(place, json={}), "not-found")
    require_problem(await desk.admin.delete(place), "not-found")


async def test_a_secret_is_rotated_with_an_overlap(desk: Desk) -> None:
    """The new secret is told once, and until when the one before signs; without an overlap that
    ends at once."""
    webhook_view = await register(desk)
    place = f"/v1/webhooks/{webhook_view['id']}/secret"
    first = (await desk.admin.post(f"{place}/rotation")).json()
    assert first["secret"] not in (webhook_view["secret"], None)
    [until] = first["previous_until"]
    assert until.startswith("2023-10-03T12")
    body = (await desk.admin.get(place)).json()
    assert body == first
    shorter = (await desk.admin.post(f"{place}/rotation", json={"overlap_hours": 1})).json()
    # The oldest of three signs no longer than was asked for last.
    assert [each[:13] for each in shorter["previous_until"]] == ["2023-10-02T13"] * 2
    longer = (await desk.admin.post(f"{place}/rotation", json={"overlap_hours": 168})).json()
    assert [each[:13] for each in longer["previous_until"]] == ["2023-10-09T12"] + [
        "2023-10-02T13"
    ] * 2
    second = (await desk.admin.post(f"{place}/rotation", json={"overlap_hours": 0})).json()
    assert second["previous_until"] == []
    for hours in (-1, 169, "many", "24", True):
        require_problem(
            await desk.admin.post(f"{place}/rotation", json={"overlap_hours": hours}),
            "invalid-request",
        )


async def test_pings_are_limited(desk: Desk) -> None:
    """Six a minute for each webhook, then 429; another webhook has its own."""
    webhook, other = (await register(desk))["id"], (await register(desk))["id"]
    for _ in range(6):
        assert (await desk.admin.post(f"/v1/webhooks/{webhook}/ping")).status_code == 202
    refusal = await desk.admin.post(f"/v1/webhooks/{webhook}/ping")
    require_problem(refusal, "rate-limited")
    assert int(refusal.headers["retry-after"]) > 0
    assert (await desk.admin.post(f"/v1/webhooks/{other}/ping")).status_code == 202
    require_problem(await desk.admin.post(f"/v1/webhooks/{NOBODY}/ping"), "not-found")


async def test_readiness_fails_where_no_dispatcher_works(desk: Desk) -> None:
    """Five minutes after something was due that nothing of the receiver's holds up, /readyz says
    503 and what to start; /metrics shows the age."""
    await register(desk)
    await desk.record_parties()
    await desk.record_claim()
    assert (await desk.public.get("/readyz")).status_code == 200
    desk.clock.advance(minutes=6)
    refusal = require_problem(await desk.public.get("/readyz"), "unavailable")
    assert "claimdesk dispatch" in refusal["detail"]
    text = (await desk.admin.get("/metrics")).text
    assert "claimdesk_webhook_due 1.0" in text
    age = next(
        line for line in text.splitlines() if line.startswith("claimdesk_webhook_oldest_due")
    )
    assert float(age.split()[1]) > 300


async def test_claim_address_in_a_webhook_leads_to_the_claims_page(desk: Desk) -> None:
    """Whoever follows it gets to the claim's page, under the same rules."""
    await desk.record_parties()
    claim = await desk.record_claim()
    page = await desk.reader.get(f"/claims/{claim['id']}")
    assert f"<title>{claim['text']}" in page.text
    require_problem(await desk.public.get(f"/claims/{claim['id']}"), "not-authenticated")


async def test_new_address_begins_in_good_health(desk: Desk) -> None:
    """What failed was the old one; other changes leave the health as it is."""
    webhook = (await register(desk))["id"]
    await desk.database.write(
        lambda connection: connection.execute(update(webhooks).values(failures=3))
    )
    for change, failures in (({"description": "CMS"}, 3), ({"url": f"{URL}/new"}, 0)):
        change_answer = await desk.admin.patch(f"/v1/webhooks/{webhook}", json=change)
        assert change_answer.json()["health"]["failures_in_a_row"] == failures


async def test_change_of_an_endpoint_to_what_it_is_leaves_no_record(desk: Desk) -> None:
    webhook = (await register(desk))["id"]
    before = (await desk.admin.get("/v1/audit")).json()["items"]
    same = await desk.admin.patch(f"/v1/webhooks/{webhook}", json={"url": URL})
    assert same.status_code == 200
    assert (await desk.admin.get("/v1/audit")).json()["items"] == before
