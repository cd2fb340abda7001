"""The outbox: each endpoint that wants an event has a delivery from the same transaction."""

from collections import Counter
from typing import Any

import orjson
import pytest
from sqlalchemy import Connection, func, select

from service.domain import ids
from service.domain.access import SYSTEM
from service.domain.webhooks import OPERATORS, EndpointState, EventType
from service.store import tables as record
from service.store import webhook_tables as tables
from service.webhooks import outbox, webhook_commands
from tests.support import mistakes
from tests.support.desk import Desk, build_quote, build_statement
from tests.webhooks.board import Board

PRIVATE = "do not print: our man in the ministry"
HEADERS = {"If-Match": "*"}


@pytest.fixture
def board(desk: Desk) -> Board:
    return Board(desk.database)


async def count_types(board: Board, webhook: str) -> Counter[str]:
    """The types that an endpoint is told of."""
    return Counter(row.type for row in await board.list_deliveries() if row.webhook == webhook)


async def read_bodies(board: Board) -> list[dict[str, Any]]:
    query = select(tables.webhook_messages.c.body).order_by(tables.webhook_messages.c.id)
    return [orjson.loads(row.body) for row in await board.read_rows(query)]


async def record_full_day(desk: Desk) -> None:
    """Everything that outsiders are told of happens once at least, with notes and an assignee."""
    await desk.record_parties()
    me = (await desk.checker.get("/v1/me")).json()["id"]
    claim = (await desk.record_claim(tags=["border"]))["id"]
    amendment = await desk.checker.patch(
        f"/v1/claims/{claim}",
        json={"assignee": me, "text": "Serbia sent its units home", "material": True},
        headers=HEADERS,
    )
    assert amendment.status_code == 200, amendment.text
    await desk.post(f"/v1/claims/{claim}/notes", {"text": PRIVATE})
    await desk.link_statement(claim, "requests_confirmation", "washington")
    link = await desk.link_statement(claim, "supports", "nato", note=PRIVATE)
    proposal = await desk.change_status(claim, "confirmed", cites=[link["id"]])
    assert proposal.status_code == 202, proposal.text
    rejection = f"/v1/decisions/{proposal.json()['id']}/rejection"
    rejection_answer = await desk.editor.post(rejection, json={"comment": "not yet"})
    assert rejection_answer.status_code == 200, rejection_answer.text
    finding = await desk.checker.post(
        f"/v1/claims/{claim}/findings",
        json={"finding": "unprovable", "reason": "Nobody was there."},
        headers=HEADERS,
    )
    assert finding.status_code == 202, finding.text
    response = await desk.editor.post(f"/v1/decisions/{finding.json()['id']}/approval")
    assert response.status_code == 200, response.text
    origin = await desk.post(
        "/v1/statements", build_statement("pristina", quotes=[build_quote("No.")])
    )
    denial = {"statement": origin["id"], "stance": "contradicts"}
    await desk.post(f"/v1/claims/{claim}/links", denial)
    withdrawal = await desk.editor.post(
        f"/v1/statements/{origin['id']}/withdrawal", json={"reason": "taken back"}
    )
    assert withdrawal.status_code == 200, withdrawal.text
    retraction = await desk.checker.post(
        f"/v1/links/{link['id']}/retraction", json={"reason": "another unit"}
    )
    assert retraction.status_code == 200, retraction.text
    twin = (await desk.record_claim(text="Serbia's units went home"))["id"]
    merge = await desk.editor.post(
        f"/v1/claims/{twin}/merge", json={"into": claim}, headers=HEADERS
    )
    assert merge.status_code == 200, merge.text
    claim_withdrawal = await desk.editor.post(
        f"/v1/claims/{claim}/withdrawal", json={"reason": "Belgrade corrects"}, headers=HEADERS
    )
    assert claim_withdrawal.status_code == 200, claim_withdrawal.text
    await mistakes.make_and_mend_mistakes(desk)


async def test_every_event_of_a_day_is_in_the_outbox(desk: Desk, board: Board) -> None:
    """Each event that outsiders are told of is one message, under the event's own id, with one
    delivery for each endpoint that wants it; an endpoint that names types gets only these.  No
    assignee and no note is in any body."""
    unfiltered = await board.create_endpoint()
    one_type = {
        kind: await board.create_endpoint(event_types=(kind,))
        for kind in EventType
        if kind not in {EventType.PING, *OPERATORS}
    }
    two = await board.create_endpoint(event_types=("claim.merged", "claim.withdrawn"))
    await record_full_day(desk)
    events = {row.id: row for row in await board.read_rows(select(record.events))}
    messages = await board.read_rows(select(tables.webhook_messages))
    assert {row.type for row in messages} == set(EventType) - {EventType.PING, *OPERATORS}, (
        "let all of them happen in tests/verification/workday.py"
    )
    # What outdates uses is told besides, under an id of its own.
    of_events = {row.id for row in messages if row.type != EventType.USE_OUTDATED}
    for message in messages:
        if message.id not in of_events:
            continue
        event = events[message.id]
        body = orjson.loads(message.body)
        assert (event.type, event.recorded_at) == (message.type, message.created_at)
        assert (body["type"], body["data"]["version"]) == (event.type, event.number)
        assert body["data"]["claim"]["id"] == event.claim
        assert b"assignee" not in message.body
        assert PRIVATE.encode() not in message.body
        assert b"note" not in message.body
    rows = await board.list_deliveries()
    assert {row.message for row in rows if row.webhook == unfiltered} == {m.id for m in messages}
    for row in rows:
        if row.message not in of_events:
            continue
        event = events[row.message]
        assert (row.claim, row.position, row.type) == (event.claim, event.number, event.type)
        assert (row.state, row.attempts, row.tries, row.losses) == ("pending", 0, 0, 0)
        assert row.visible_at == row.created_at == event.recorded_at
        assert not row.replay
    of_type = Counter(row.type for row in messages)
    for kind, webhook in one_type.items():
        assert await count_types(board, webhook) == Counter({kind.value: of_type[kind]})
    assert set(await count_types(board, two)) == {"claim.merged", "claim.withdrawn"}


async def test_filters_choose_the_endpoints(desk: Desk, board: Board) -> None:
    """By story, claim, party, and all of them together; a party stands for those below it, never
    for those above, nor for one whose name only begins alike."""
    await desk.record_parties()
    for slug in ("na", "ato", "serbia"):
        await desk.post("/v1/parties", {"slug": slug, "name": slug, "parent": None})
    for slug in ("border", "border-2"):
        await desk.post("/v1/stories", {"slug": slug, "title": slug})
    first = (await desk.record_claim(story="border"))["id"]
    filters: dict[str, dict[str, Any]] = {
        "story": {"story": "border"},
        "other story": {"story": "border-2"},
        "claim": {"claim": first},
        "claimant": {"parties": ("belgrade",)},
        "root": {"parties": ("pristina",)},
        "sub-party": {"parties": ("kosovo-police",)},
        "sister": {"parties": ("state-department",)},
        "one of two": {"parties": ("nato", "kosovo-police")},
        "alike": {"parties": ("na", "ato", "serbia")},
        "all": {
            "story": "border",
            "claim": first,
            "parties": ("pristina",),
            "event_types": ("link.created",),
        },
        "all but one": {"story": "border", "claim": first, "parties": ("nato",)},
    }
    endpoints = {name: await board.create_endpoint(**changes) for name, changes in filters.items()}
    await desk.link_statement(first, "comments", "kosovo-police")
    await desk.link_statement(
        (await desk.record_claim(story=None, claimant="washington", speaker=None))["id"],
        "comments",
        "state-department",
    )
    matches = {name: await count_types(board, webhook) for name, webhook in endpoints.items()}
    link, claim_created = "link.created", "claim.created"
    assert matches == {
        "story": {link: 1},
        "other story": {},
        "claim": {link: 1},
        "claimant": {link: 1},
        "root": {link: 1},
        "sub-party": {link: 1},
        "sister": {link: 1},
        "one of two": {link: 1},
        "alike": {},
        "all": {link: 1},
        "all but one": {},
    }
    assert claim_created not in {row.type for row in await board.list_deliveries()}


async def test_party_filter_includes_all_parties_below(desk: Desk, board: Board) -> None:
    """Not for its children alone, nor only where it is the root; and from the moment that a party
    gets another parent, as the tree is then."""
    await desk.record_parties()
    above = "state-department"
    for slug in ("bureau", "office"):
        await desk.post("/v1/parties", {"slug": slug, "name": slug, "parent": above})
        above = slug
    claim = (await desk.record_claim())["id"]
    chain = ("washington", "state-department", "bureau", "office")
    endpoints = {
        slug: await board.create_endpoint(parties=(slug,)) for slug in (*chain, "pristina", "nato")
    }
    types = {"event_types": ("link.created",)}
    endpoints["both"] = await board.create_endpoint(parties=("nato", "state-department"), **types)

    async def link_and_list() -> set[str]:
        return {
            slug
            for slug, each in endpoints.items()
            if (await count_types(board, each)).get("link.created")
        }

    await desk.link_statement(claim, "comments", "bureau")
    assert await link_and_list() == {"washington", "state-department", "bureau", "both"}
    move_answer = await desk.editor.patch("/v1/parties/bureau", json={"parent": "kosovo-police"})
    assert move_answer.status_code == 200, move_answer.text
    endpoints = {
        slug: await board.create_endpoint(parties=(slug,)) for slug in (*chain, "pristina", "nato")
    }
    other = (await desk.record_claim())["id"]
    await desk.link_statement(other, "comments", "office")
    assert await link_and_list() == {"pristina", "bureau", "office"}


async def test_message_without_endpoint_is_not_kept(desk: Desk, board: Board) -> None:
    """Without endpoints, or where none matches, no message is written."""
    await desk.record_parties()
    await desk.record_claim()
    await board.create_endpoint(event_types=("claim.merged",))
    await desk.record_claim(text="Another")
    assert await read_bodies(board) == []


async def test_assignment_is_not_sent(desk: Desk, board: Board) -> None:
    """An amendment of the assignee alone tells nobody; with a tag beside it, of the tag."""
    await desk.record_parties()
    me = (await desk.checker.get("/v1/me")).json()["id"]
    claim = (await desk.record_claim())["id"]
    webhook = await board.create_endpoint()
    for change in ({"assignee": me}, {"assignee": None, "tags": ["border"]}):
        answer = await desk.checker.patch(f"/v1/claims/{claim}", json=change, headers=HEADERS)
        assert answer.status_code == 200, answer.text
    (body,) = await read_bodies(board)
    assert body["data"]["changes"] == {"tags": ["border"]}
    assert await count_types(board, webhook) == {"claim.amended": 1}


async def test_rolled_back_change_is_not_in_the_outbox(desk: Desk, board: Board) -> None:
    """What is rolled back leaves no event, no message and no delivery."""
    from service.claims import claim_writer
    from service.domain import amendments

    await desk.record_parties()
    claim = (await desk.record_claim())["id"]
    webhook = await board.create_endpoint()

    def write_and_fail(connection: Connection) -> None:
        loaded_claim = claim_writer.load_claim(connection, claim, now=desk.clock())
        drafts = amendments.draft_amendment(
            loaded_claim.state, {"tags": ["border"]}, material=False
        )
        claim_writer.record_events(connection, loaded_claim, drafts, actor=SYSTEM, now=desk.clock())
        for table in (tables.webhook_messages, tables.webhook_deliveries):
            assert connection.scalar(select(func.count()).select_from(table)) == 1
        raise ValueError("undone")

    with pytest.raises(ValueError, match="undone"):
        await desk.database.write(write_and_fail)
    assert (await count_types(board, webhook), await read_bodies(board)) == ({}, [])
    of_claims = record.events.c.claim.is_not(None)
    events = await board.read_rows(select(record.events.c.type).where(of_claims))
    assert [row.type for row in events] == ["claim.created"]


async def test_paused_and_disabled_endpoints_collect_deliveries(desk: Desk, board: Board) -> None:
    """Paused and disabled endpoints, and those that rest, keep getting deliveries written;
    deleted ones do not."""
    paused_endpoint, disabled_endpoint, resting, deleted_endpoint = [
        await board.create_endpoint() for _ in range(4)
    ]
    await board.set_state(paused_endpoint, EndpointState.PAUSED)
    await board.set_columns(disabled_endpoint, state="disabled")
    await board.set_columns(resting, failures=9, blocked_until=board.advance_clock(days=9))
    await board.database.write(
        webhook_commands.remove_webhook, deleted_endpoint, actor=SYSTEM, now=board.now
    )
    await desk.record_parties()
    await desk.record_claim()
    for webhook in (paused_endpoint, disabled_endpoint, resting):
        assert await count_types(board, webhook) == {"claim.created": 1}
    assert await count_types(board, deleted_endpoint) == {}


async def test_changed_filter_applies_to_later_events(desk: Desk, board: Board) -> None:
    """What was written before stays; what comes after goes by the new filters, none again too."""
    await desk.record_parties()
    webhook = await board.create_endpoint(parties=("nato",), event_types=("claim.created",))
    await desk.record_claim()
    assert await count_types(board, webhook) == {}
    change = {"parties": (), "event_types": ()}
    await board.database.write(
        webhook_commands.change_webhook, webhook, change, actor=SYSTEM, now=board.now
    )
    await desk.record_claim(text="Another")
    assert await count_types(board, webhook) == {"claim.created": 1}


async def test_sequences_have_no_gaps(desk: Desk, board: Board) -> None:
    """Each claim's changes of status are numbered 1, 2, 3 … in what receivers get."""
    await desk.record_parties()
    await board.create_endpoint(event_types=("claim.status_changed",))
    for text in ("One", "Another"):
        claim = (await desk.record_claim(text=text))["id"]
        await desk.link_statement(claim, "requests_confirmation", "washington")
        await desk.confirm_claim(claim)
        await desk.link_statement(claim, "contradicts", "pristina")
    by_claim: dict[str, list[int]] = {}
    for body in await read_bodies(board):
        by_claim.setdefault(body["data"]["claim"]["id"], []).append(body["data"]["sequence"])
    assert [sorted(numbers) for numbers in by_claim.values()] == [
        list(range(1, len(numbers) + 1)) for numbers in by_claim.values()
    ]
    assert all(len(numbers) >= 2 for numbers in by_claim.values())


async def test_channel_of_a_person_gets_what_is_queued_for_it_alone(
    desk: Desk, board: Board
) -> None:
    """An endpoint with an owner takes no event by its filters, and administrators do not see it."""
    owner = (await desk.checker.get("/v1/me")).json()["id"]
    await desk.record_parties()
    channel, other = await board.create_endpoint(), await board.create_endpoint()
    await board.set_columns(channel, owner=owner)
    claim = (await desk.record_claim())["id"]
    assert await count_types(board, channel) == Counter()
    assert await count_types(board, other) == Counter(["claim.created"])
    message = ids.make_id()
    await desk.database.write(
        outbox.queue_message,
        message=message,
        kind="notice.sent",
        body=b'{"type":"notice.sent"}',
        webhooks=[channel],
        claim=claim,
        position=1,
        now=board.now,
    )
    assert await count_types(board, channel) == Counter(["notice.sent"])
    (lease,) = await board.lease_deliveries(endpoints=[channel])
    assert (lease.message, lease.body) == (message, b'{"type":"notice.sent"}')
    webhooks = (await desk.admin.get("/v1/webhooks")).json()["items"]
    assert [webhook["id"] for webhook in webhooks] == [other]
    for method, path in (
        ("GET", ""),
        ("DELETE", ""),
        ("GET", "/secret"),
        ("GET", "/deliveries"),
        ("GET", f"/deliveries/{message}"),
        ("POST", "/ping"),
    ):
        response = await desk.admin.request(method, f"/v1/webhooks/{channel}{path}")
        assert response.status_code == 404, (method, path, response.text)
