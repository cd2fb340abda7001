"""Retries: a POST with an Idempotency-Key is carried out once, whoever sends it how often."""

import asyncio
from collections import Counter

import httpx
import pytest

from tests.api.problems import nothing_changes, record_of, require_field_error, require_problem
from tests.support.desk import Desk, build_claim, build_statement, run_second_process

KEY = {"Idempotency-Key": "a retry"}


async def test_retry_gets_the_first_answer(desk: Desk) -> None:
    """The same key and body: the same status, body, ETag and Location, said to be a replay, and
    nothing recorded a second time."""
    await desk.record_parties()
    first = await desk.checker.post("/v1/claims", json=build_claim(), headers=KEY)
    assert first.status_code == 201
    assert "Idempotent-Replayed" not in first.headers
    await desk.link_statement(first.json()["id"], "supports", "nato")
    async with nothing_changes(desk):
        retry = await desk.checker.post("/v1/claims", json=build_claim(), headers=KEY)
    assert retry.headers["Idempotent-Replayed"] == "true"
    assert (retry.status_code, retry.content) == (first.status_code, first.content)
    for name in ("ETag", "Location", "Content-Type", "Cache-Control"):
        assert retry.headers[name] == first.headers[name]


async def test_retried_decision_is_carried_out_once(desk: Desk) -> None:
    """A proposal, its approval, and a change without a body."""
    await desk.record_parties()
    claim = (await desk.record_claim())["id"]
    link = await desk.link_statement(claim, "supports", "nato")
    body = {"to": "confirmed", "reason": "NATO says", "cites": [link["id"]]}
    url = f"/v1/claims/{claim}/status-changes"
    headers = KEY | {"If-Match": '"2"'}
    proposal = await desk.checker.post(url, json=body, headers=headers)
    retry = await desk.checker.post(url, json=body, headers=headers)
    assert (retry.status_code, retry.json()) == (202, proposal.json())
    approval = f"/v1/decisions/{proposal.json()['id']}/approval"
    first_approval = await desk.editor.post(approval, headers=KEY)
    async with nothing_changes(desk):
        second_approval = await desk.editor.post(approval, headers=KEY)
    assert (first_approval.status_code, second_approval.json()) == (200, first_approval.json())
    assert second_approval.headers["ETag"] == first_approval.headers["ETag"] == '"4"'


async def test_key_with_another_request_is_refused(desk: Desk) -> None:
    """The same key with another body or another address is 422 and does nothing."""
    await desk.record_parties()
    claim = await desk.checker.post("/v1/claims", json=build_claim(), headers=KEY)
    async with nothing_changes(desk):
        for url, body in (
            ("/v1/claims", build_claim(text="Another claim")),
            ("/v1/statements", build_statement("nato")),
            (f"/v1/claims/{claim.json()['id']}/notes", build_claim()),
        ):
            response = await desk.checker.post(url, json=body, headers=KEY)
            assert response.status_code == 422
            if not url.endswith("notes"):
                require_problem(response, "idempotency-key-reused")


async def test_callers_do_not_share_keys(desk: Desk) -> None:
    """Two callers may use the same key; neither gets the other's answer."""
    await desk.record_parties()
    response = await desk.checker.post("/v1/claims", json=build_claim(), headers=KEY)
    other_answer = await desk.checker2.post("/v1/claims", json=build_claim(), headers=KEY)
    assert "Idempotent-Replayed" not in other_answer.headers
    assert response.json()["id"] != other_answer.json()["id"]
    refusal = await desk.reader.post("/v1/claims", json=build_claim(), headers=KEY)
    require_problem(refusal, "forbidden")


async def test_a_key_is_kept_for_a_day(desk: Desk) -> None:
    """Within 24 hours a retry is a replay; after them it is a new request."""
    await desk.record_parties()
    first = await desk.checker.post("/v1/claims", json=build_claim(), headers=KEY)
    desk.clock.advance(hours=23, minutes=59)
    response = await desk.checker.post("/v1/claims", json=build_claim(), headers=KEY)
    assert response.json()["id"] == first.json()["id"]
    desk.clock.advance(minutes=2)
    after = await desk.checker.post("/v1/claims", json=build_claim(), headers=KEY)
    assert after.status_code == 201
    assert "Idempotent-Replayed" not in after.headers
    assert after.json()["id"] != first.json()["id"]
    replay = await desk.checker.post("/v1/claims", json=build_claim(), headers=KEY)
    assert replay.json()["id"] == after.json()["id"]


async def test_refused_request_can_be_corrected_under_its_key(desk: Desk) -> None:
    """What was refused was not carried out."""
    await desk.record_parties()
    async with nothing_changes(desk):
        for invalid_body in (build_claim(claimant="nobody"), build_claim(text="")):
            response = await desk.checker.post("/v1/claims", json=invalid_body, headers=KEY)
            require_problem(response, "invalid-request")
        response = await desk.reader.post("/v1/claims", json=build_claim(), headers=KEY)
        require_problem(response, "forbidden")
    right = await desk.checker.post("/v1/claims", json=build_claim(), headers=KEY)
    assert right.status_code == 201


async def test_replay_holds_no_secret(desk: Desk) -> None:
    """The replay of making a key has everything but the key, and makes no other."""
    body = {"name": "CMS", "role": "reader"}
    first = await desk.admin.post("/v1/keys", json=body, headers=KEY)
    assert first.json()["key"].startswith(f"cd_{first.json()['id']}_")
    async with nothing_changes(desk):
        retry = await desk.admin.post("/v1/keys", json=body, headers=KEY)
    assert retry.headers["Idempotent-Replayed"] == "true"
    assert retry.json() == first.json() | {"key": None}


@pytest.mark.parametrize("key", [b"", b"x" * 256, b"tab\there", "é".encode()])
@pytest.mark.parametrize("database_kind", ["sqlite"])
async def test_key_must_be_short_printable_ascii(desk: Desk, key: bytes) -> None:
    """A key that cannot be compared safely is refused, not cut or ignored."""
    async with nothing_changes(desk):
        response = await desk.admin.post(
            "/v1/keys",
            json={"name": "CMS", "role": "reader"},
            headers={b"Idempotency-Key": key},
        )
        assert require_field_error(response, "header", "idempotency-key")


def count_statuses(answers: list[httpx.Response]) -> Counter[int]:
    return Counter(answer.status_code for answer in answers)


async def test_concurrent_retries_are_carried_out_once(desk: Desk) -> None:
    """Of eight requests with one key at the same moment one records the claim; each of the others
    gets its answer, or 409 and may ask again."""
    await desk.record_parties()
    answers = await asyncio.gather(
        *(desk.checker.post("/v1/claims", json=build_claim(), headers=KEY) for _ in range(8))
    )
    successes = [answer for answer in answers if answer.status_code == 201]
    assert count_statuses(answers).keys() <= {201, 409}
    assert [each.headers.get("Idempotent-Replayed") for each in successes].count(None) == 1
    assert len({each.json()["id"] for each in successes}) == 1
    for answer in answers:
        if answer.status_code == 409:
            require_problem(answer, "idempotency-running")
    assert (await record_of(desk))["claims"] == 1
    later = await desk.checker.post("/v1/claims", json=build_claim(), headers=KEY)
    assert later.headers["Idempotent-Replayed"] == "true"


async def test_retries_at_two_servers_are_carried_out_once(desk: Desk) -> None:
    """The same across two applications that share nothing but the database."""
    await desk.record_parties()
    async with run_second_process(desk) as second:
        headers = KEY | {"Authorization": f"Bearer {desk.keys['checker']}"}
        answers = await asyncio.gather(
            *(
                client.post("/v1/claims", json=build_claim(), headers=headers)
                for client in (desk.public, second.public) * 4
            )
        )
        assert count_statuses(answers).keys() <= {201, 409}
        successes = [answer for answer in answers if answer.status_code == 201]
        assert [each.headers.get("Idempotent-Replayed") for each in successes].count(None) == 1
        assert (await record_of(desk))["claims"] == 1
        async with nothing_changes(desk):
            for client in (desk.public, second.public):
                later = await client.post("/v1/claims", json=build_claim(), headers=headers)
                assert later.headers["Idempotent-Replayed"] == "true"
                assert later.json() == successes[0].json()
