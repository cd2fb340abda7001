"""Filters of endpoints: statuses, kinds, tags, languages, severity; and payloads without quotes."""

from collections import Counter
from typing import Any

import orjson
import pytest

from service.domain.webhooks import Format
from service.webhooks import formats
from service.webhooks.exchanges import Outgoing
from tests.api.problems import require_problem
from tests.api.test_webhooks import register
from tests.support.desk import Desk, Json
from tests.webhooks.board import Board
from tests.webhooks.senders import NOW, SECRET

HEADERS = {"If-Match": "*"}
ODD = "50%_off, really"
"""A tag of signs that patterns and lists take for their own."""


async def count_types(board: Board, webhook: str) -> Counter[str]:
    return Counter(row.type for row in await board.list_deliveries() if row.webhook == webhook)


async def record_day(desk: Desk) -> Json:
    """A claim that is awaiting confirmation, used in Serbian, and then void; and another."""
    claim = await desk.record_claim(tags=["border", ODD])
    place = f"/v1/claims/{claim['id']}"
    await desk.link_statement(claim["id"], "requests_confirmation", "washington")
    use = {"url": "https://rs.example/a", "title": "A", "language": "sr"}
    await desk.post(f"{place}/uses", use)
    void = await desk.editor.post(f"{place}/void", json={"reason": "a parody"}, headers=HEADERS)
    assert void.status_code in (200, 202), void.text
    if void.status_code == 202:
        approval = await desk.admin.post(f"/v1/decisions/{void.json()['id']}/approval")
        assert approval.status_code == 200, approval.text
    await desk.record_claim(text="Twelve soldiers crossed the line", kind="figure")
    return claim


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        (
            {},
            {
                "claim.created": 2,
                "claim.status_changed": 1,
                "link.created": 1,
                "claim.voided": 1,
                "use.outdated": 1,
            },
        ),
        ({"status_to": ["awaiting_confirmation"]}, {"claim.status_changed": 1}),
        ({"status_to": ["confirmed"]}, {}),
        ({"status_from": ["asserted", "disputed"]}, {"claim.status_changed": 1}),
        ({"status_from": ["disputed"]}, {}),
        ({"kinds": ["figure"]}, {"claim.created": 1}),
        ({"kinds": ["figure"], "tags": ["border"]}, {}),
        (
            {"tags": ["nothing", ODD], "event_types": ["claim.created", "claim.voided"]},
            {"claim.created": 1, "claim.voided": 1},
        ),
        ({"tags": ["50"]}, {}),
        ({"tags": ["bord_r"]}, {}),
        ({"tags": ["BORDER"]}, {}),
        ({"severity": ["kill"]}, {"claim.voided": 1, "use.outdated": 1}),
        ({"severity": ["correction"]}, {}),
        ({"languages": ["SR"]}, {"use.outdated": 1}),
        ({"languages": ["en"]}, {}),
        ({"languages": ["sr"], "severity": ["kill"], "kinds": ["event"]}, {"use.outdated": 1}),
    ],
)
async def test_endpoint_gets_what_matches_all_its_filters(
    desk: Desk, filters: Json, expected: dict[str, int]
) -> None:
    await desk.record_parties()
    webhook_view = await register(desk, **filters)
    await record_day(desk)
    assert await count_types(Board(desk.database), webhook_view["id"]) == Counter(expected)


async def test_filters_are_shown_changed_and_emptied(desk: Desk) -> None:
    filters: Json = {
        "status_from": ["asserted"],
        "status_to": ["confirmed", "disputed"],
        "kinds": ["event"],
        "tags": ["border", ODD],
        "languages": ["sr-latn"],
        "severity": ["kill"],
        "payload": {"quotes": False},
    }
    webhook_view = await register(desk, **filters)
    wide: Json = {name: [] for name in filters} | {"payload": {"quotes": True}}
    assert {name: sorted(webhook_view[name]) for name in filters} == {
        name: sorted(value) for name, value in filters.items()
    }
    plain = await register(desk)
    assert {name: plain[name] for name in wide} == wide
    place = f"/v1/webhooks/{webhook_view['id']}"
    for name, value in wide.items():
        change = await desk.admin.patch(place, json={name: value})
        assert change.json()[name] == value, name
    assert {name: change.json()[name] for name in wide} == wide
    for name, value in (
        ("status_to", ["refuted"]),
        ("kinds", ["lie"]),
        ("languages", ["српски"]),
        ("severity", ["fatal"]),
        ("tags", [""]),
        ("payload", {"quotes": "no"}),
        ("payload", {"html": True}),
    ):
        refusal = await desk.admin.patch(place, json={name: value})
        assert require_problem(refusal, "invalid-request")["errors"][0]["loc"][1] == name


def build_outgoing(format: Format, body: bytes, **changes: Any) -> Outgoing:
    return Outgoing("e", "https://x.example", {}, (SECRET,), "m", body, 5.0, format, **changes)


async def test_body_without_quotes_is_otherwise_the_same(desk: Desk) -> None:
    """Signed as it is sent; and with them it is byte for byte what is stored."""
    await desk.record_parties()
    await register(desk, event_types=["link.created"], payload={"quotes": False})
    claim = await desk.record_claim()
    await desk.link_statement(claim["id"], "requests_confirmation", "washington")
    board = Board(desk.database)
    board.now = desk.clock.now
    (lease,) = await board.lease_deliveries()
    assert not lease.quotes
    whole = orjson.loads(lease.body)
    words = whole["data"]["link"].pop("quote")
    for format in (Format.STANDARD, Format.SLACK):
        render = formats.FORMATS[format].render
        assert words in render(build_outgoing(format, lease.body), NOW).body.decode()
        bare = render(build_outgoing(format, lease.body, quotes=False), NOW).body
        assert words not in bare.decode()
        if format is Format.STANDARD:
            assert orjson.loads(bare) == whole
            assert render(build_outgoing(format, lease.body), NOW).body == lease.body
