"""Decisions, the review queue, and the list of all events."""

import asyncio
from typing import Any

from tests.api.problems import NOBODY, nothing_changes, require_field_error, require_problem
from tests.support.desk import Desk


async def read_queue(desk: Desk, **query: str) -> list[tuple[str, list[str]]]:
    response = await desk.checker.get("/v1/review-queue", params=query)
    assert response.status_code == 200, response.text
    return [(item["claim"]["id"], item["reasons"]) for item in response.json()["items"]]


async def test_decisions_are_listed_before_and_after_they_are_settled(desk: Desk) -> None:
    """A proposal waits with all it says; rejected, withdrawn and approved ones keep who, when and
    why; a claim has one proposal at a time."""
    await desk.record_parties()
    claim = (await desk.record_claim())["id"]
    link = await desk.link_statement(claim, "supports", "nato")
    settled_ids = []
    for step, client, body, state in (
        ("rejection", desk.checker2, {"comment": "an old photograph"}, "rejected"),
        ("withdrawal", desk.checker, {"reason": "too early"}, "withdrawn"),
        ("approval", desk.editor, {"note": "seen"}, "approved"),
    ):
        proposal = await desk.change_status(claim, "confirmed", cites=[link["id"]])
        decision = proposal.json()
        assert (decision["state"], decision["to"]) == ("pending", "confirmed")
        assert decision["from"] == (await desk.read_claim(claim))["status"]
        assert (decision["cites"], decision["settled_by"]) == ([link["id"]], None)
        async with nothing_changes(desk):
            second = await desk.change_status(
                claim, "confirmed", cites=[link["id"]], client=desk.editor
            )
            assert require_problem(second, "decision-pending")["decision"] == decision["id"]
        url = f"/v1/decisions/{decision['id']}"
        settlement = (await client.post(f"{url}/{step}", json=body)).json()
        assert (settlement["state"], settlement["comment"]) == (state, next(iter(body.values())))
        assert settlement["settled_at"] is not None
        assert (await desk.checker.get(url)).json() == settlement
        settled_ids.append(decision["id"])
    for query, expected in (
        ({}, settled_ids),
        ({"state": "approved"}, settled_ids[2:]),
        ({"state": "pending"}, []),
        ({"claim": claim}, settled_ids),
        ({"claim": NOBODY}, []),
    ):
        items = (await desk.checker.get("/v1/decisions", params=query)).json()["items"]
        assert [each["id"] for each in items] == expected, query
    changes = (await desk.reader.get(f"/v1/claims/{claim}/status-changes")).json()["items"]
    assert [change["decision"] for change in changes] == settled_ids[2:]
    assert (changes[0]["decided_by"], changes[0]["approved_by"]) == ("checker", "editor")
    assert changes[0]["approval_note"] is None, "the desk's own"
    own = await desk.checker.get(f"/v1/claims/{claim}/status-changes")
    assert own.json()["items"][0]["approval_note"] == "seen"


async def test_approval_is_refused_if_the_evidence_changed(desk: Desk) -> None:
    """If a cited link is gone, with what is missing; if a contradiction has come, with what
    changed. The proposal waits on."""
    await desk.record_parties()
    for spoil in ("retract", "contradict"):
        claim = (await desk.record_claim())["id"]
        first = await desk.link_statement(claim, "contradicts", "pristina")
        await desk.checker.post(f"/v1/links/{first['id']}/retraction", json={"reason": "x"})
        link = await desk.link_statement(claim, "supports", "nato")
        await desk.link_statement(claim, "supports", "nato")
        decision = (await desk.change_status(claim, "confirmed", cites=[link["id"]])).json()["id"]
        if spoil == "retract":
            await desk.checker.post(f"/v1/links/{link['id']}/retraction", json={"reason": "x"})
        else:
            await desk.link_statement(claim, "contradicts", "pristina")
        async with nothing_changes(desk):
            refusal = await desk.editor.post(f"/v1/decisions/{decision}/approval")
            if spoil == "retract":
                missing = require_problem(refusal, "transition-refused")["missing"]
                assert missing
                assert all(each.keys() == {"need", "has", "detail"} for each in missing)
            else:
                changes = require_problem(refusal, "decision-outdated")["changed"]
                assert [each["field"] for each in changes] == ["contradicts"]
        assert (await desk.checker.get(f"/v1/decisions/{decision}")).json()["state"] == "pending"


async def test_one_of_two_concurrent_approvals_counts(desk: Desk) -> None:
    """One change of status; the other approver is told."""
    await desk.record_parties()
    claim = (await desk.record_claim())["id"]
    link = await desk.link_statement(claim, "supports", "nato")
    proposal = await desk.change_status(claim, "confirmed", cites=[link["id"]])
    url = f"/v1/decisions/{proposal.json()['id']}"
    answers = await asyncio.gather(
        *(each.post(f"{url}/approval") for each in (desk.editor, desk.editor2, desk.checker2))
    )
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409]
    changes = (await desk.reader.get(f"/v1/claims/{claim}/status-changes")).json()["items"]
    assert len(changes) == 1


async def test_review_queue_lists_claims_with_their_reasons(desk: Desk) -> None:
    """Drift, a challenge, a waiting approval and, after two days, a stale request; each claim once
    with all its reasons, until they are dealt with."""
    await desk.record_parties()
    quiet, drifting, challenged_claim, waiting, asked_claim = [
        (await desk.record_claim(text=text))["id"] for text in ("a", "b", "c", "d", "e")
    ]
    await desk.link_statement(drifting, "supports", "nato")
    await desk.confirm_claim(challenged_claim)
    denial = await desk.link_statement(
        challenged_claim, "contradicts", "pristina", basis="unstated"
    )
    assert (await desk.read_claim(challenged_claim))["status"] == "confirmed"
    support = await desk.link_statement(waiting, "supports", "nato")
    await desk.change_status(waiting, "confirmed", cites=[support["id"]])
    await desk.link_statement(asked_claim, "requests_confirmation", "washington")
    assert await read_queue(desk) == [
        (drifting, ["drift"]),
        (challenged_claim, ["drift", "challenged"]),
        (waiting, ["drift", "waiting_approval"]),
    ]
    desk.clock.advance(hours=48)
    queue = await read_queue(desk)
    assert queue[3:] == [(asked_claim, ["stale"])]
    assert quiet not in dict(queue)
    for reason in ("drift", "challenged", "waiting_approval", "stale"):
        expected = [each for each in queue if reason in each[1]]
        assert await read_queue(desk, reason=reason) == expected
    me = (await desk.checker.get("/v1/me")).json()["id"]
    await desk.checker.patch(
        f"/v1/claims/{asked_claim}", json={"assignee": me}, headers={"If-Match": "*"}
    )
    assert await read_queue(desk, assignee="me") == [(asked_claim, ["stale"])]
    assert await read_queue(desk, assignee=NOBODY) == []
    url = f"/v1/links/{denial['id']}/retraction"
    retraction = await desk.checker.post(url, json={"reason": "x"})
    assert (challenged_claim, ["drift", "challenged", "waiting_approval"]) in await read_queue(desk)
    await desk.editor.post(f"/v1/decisions/{retraction.json()['id']}/approval")
    await desk.checker.post(f"/v1/claims/{drifting}/withdrawal", json={"reason": "x"})
    assert set(dict(await read_queue(desk))) == {waiting, asked_claim}
    unknown = await desk.checker.get("/v1/review-queue", params={"reason": "boredom"})
    require_field_error(unknown, "query", "reason")


async def test_event_list_gives_every_event_once_and_in_order(desk: Desk) -> None:
    """From next_after on nothing is missed or repeated while others write; filters narrow by type,
    story and claim; each event says its number in its claim's record."""
    await desk.record_parties()
    await desk.post("/v1/stories", {"slug": "border", "title": "The border"})
    read_events: list[dict[str, Any]] = []
    after = 0
    is_over = asyncio.Event()

    async def write() -> None:
        for number in range(4):
            client = (desk.checker, desk.checker2)[number % 2]
            claim = (await desk.record_claim(story="border" if number % 2 else None))["id"]
            await asyncio.gather(
                desk.link_statement(claim, "requests_confirmation", "washington"),
                desk.record_claim(),
                client.post(f"/v1/claims/{claim}/notes", json={"text": "not an event"}),
            )
        is_over.set()

    async def follow() -> None:
        nonlocal after
        while True:
            was_over = is_over.is_set()
            params = {"after": after, "limit": 3}
            page = (await desk.reader.get("/v1/events", params=params)).json()
            read_events.extend(page["items"])
            after = page["next_after"]
            if was_over and not page["items"]:
                return

    await asyncio.gather(write(), follow())
    numbers = [each["seq"] for each in read_events]
    assert numbers == sorted(set(numbers))
    assert numbers[-1] == after
    assert len(read_events) == 4 * 4, "two claims, a link and an automatic move each time"
    whole = (await desk.reader.get("/v1/events", params={"limit": 200})).json()
    assert whole["items"] == read_events
    claim = read_events[0]["claim"]
    # Hashes of events are for the desk.
    history = (await desk.checker.get(f"/v1/claims/{claim}/history")).json()["items"]
    events = (await desk.checker.get("/v1/events", params={"claim": claim})).json()["items"]
    assert [(event["number"], event["hash"]) for event in events] == [
        (each["seq"], each["hash"]) for each in history
    ]
    for query, matches in (
        ({"claim": claim}, lambda item: item["claim"] == claim),
        ({"types": "link.created"}, lambda item: item["type"] == "link.created"),
        (
            {"types": ["link.created", "claim.created"]},
            lambda item: item["type"] in ("link.created", "claim.created"),
        ),
        ({"after": numbers[5]}, lambda item: item["seq"] > numbers[5]),
    ):
        items = (await desk.reader.get("/v1/events", params=query)).json()["items"]
        assert items == [each for each in read_events if matches(each)], query
    in_story = (await desk.reader.get("/v1/events", params={"story": "border"})).json()["items"]
    assert len(in_story) == 2 * 3
    for invalid_query in (
        {"after": -1},
        {"after": 2**63},
        {"types": "x"},
        {"limit": 201},
        {"claim": "x"},
    ):
        require_problem(
            await desk.reader.get("/v1/events", params=invalid_query), "invalid-request"
        )
