"""Conditional requests: nothing is overwritten unread, and nothing unchanged is sent twice."""

import asyncio
from typing import Any

import httpx
import pytest

from tests.api.problems import nothing_changes, require_problem
from tests.support.desk import Desk, build_statement

MOVE = {"to": "awaiting_confirmation", "reason": "we are checking"}


def list_acts(claim: str, into: str) -> list[tuple[str, str, dict[str, Any], bool]]:
    """Every change of a claim that minds its version, and whether it has to be told one."""
    url = f"/v1/claims/{claim}"
    link = {"statement": build_statement("nato"), "stance": "comments"}
    return [
        ("PATCH", url, {"tags": ["troops"]}, True),
        ("POST", f"{url}/status-changes", MOVE, True),
        ("POST", f"{url}/merge", {"into": into}, True),
        ("POST", f"{url}/links", link, False),
        ("POST", f"{url}/withdrawal", {"reason": "they said so"}, False),
    ]


async def record_two_claims(desk: Desk) -> tuple[str, str]:
    """A claim at version 2, and another."""
    await desk.record_parties()
    claim, into = (await desk.record_claim())["id"], (await desk.record_claim())["id"]
    await desk.link_statement(claim, "comments", "pristina")
    return claim, into


async def test_change_needs_the_version_that_was_read(desk: Desk) -> None:
    """Without If-Match 428, with a stale, weak or unknown tag 412 with the current version, with
    what is no tag 400; each writes nothing."""
    claim, into = await record_two_claims(desk)
    async with nothing_changes(desk):
        for method, url, body, is_required in list_acts(claim, into):
            if is_required:
                bare = await desk.checker.request(method, url, json=body)
                require_problem(bare, "version-required")
            for header in ('"1"', '"3"', 'W/"2"', '"1", "3"', '"02x"', '""', '"9999999999"'):
                stale = await desk.checker.request(
                    method, url, json=body, headers={"If-Match": header}
                )
                assert require_problem(stale, "version-conflict")["version"] == 2, (url, header)
                assert stale.headers["ETag"] == '"2"'
            for header in ("2", "", '"2', '"1" "2"', '"2", *', "*, *"):
                answer = await desk.checker.request(
                    method, url, json=body, headers={"If-Match": header}
                )
                require_problem(answer, "bad-request")


@pytest.mark.parametrize("header", ['"2"', ' "2" ', '"1", "2"', '"x","2"', 'W/"2", "2"', "*"])
@pytest.mark.parametrize("act", range(5))
@pytest.mark.parametrize("database_kind", ["sqlite"])
async def test_matching_version_lets_a_change_pass(desk: Desk, header: str, act: int) -> None:
    """One matching strong tag of a list is enough, and `*` is any version."""
    claim, into = await record_two_claims(desk)
    method, url, body, _ = list_acts(claim, into)[act]
    response = await desk.checker.request(method, url, json=body, headers={"If-Match": header})
    assert response.status_code in (200, 201), response.text
    read = await desk.reader.get(f"/v1/claims/{claim}")
    if url.endswith("merge"):
        assert response.headers["ETag"] == f'"{response.json()["version"]}"'
        assert read.status_code == 308
    else:
        assert response.headers["ETag"] == read.headers["ETag"] == '"3"'


async def test_second_of_two_concurrent_changes_is_refused(desk: Desk) -> None:
    """Both were sent with the same version: one is made, the other gets 412 and the current
    version."""
    claim, into = await record_two_claims(desk)
    for method, url, body, _ in list_acts(claim, into)[:2]:
        version = (await desk.read_claim(claim))["version"]
        headers = {"If-Match": f'"{version}"'}

        async def ask(
            client: httpx.AsyncClient,
            method: str = method,
            url: str = url,
            body: dict[str, Any] = body,
            headers: dict[str, str] = headers,
        ) -> httpx.Response:
            return await client.request(method, url, json=body, headers=headers)

        answers = await asyncio.gather(ask(desk.checker), ask(desk.checker2), ask(desk.editor))
        refusals = [answer for answer in answers if answer.status_code == 412]
        assert len(refusals) == 2, [answer.status_code for answer in answers]
        for each in refusals:
            assert require_problem(each, "version-conflict")["version"] == version + 1
        assert (await desk.read_claim(claim))["version"] == version + 1


async def test_unchanged_claim_is_answered_304(desk: Desk) -> None:
    """For the version, weak or strong, alone or in a list, until the claim or one of its components
    changes."""
    claim, _ = await record_two_claims(desk)
    url = f"/v1/claims/{claim}"
    assert (await desk.reader.get(url)).headers["ETag"] == '"2"'
    for header in ('"2"', 'W/"2"', '"1", "2"', "*", ' W/"9" , "2"'):
        for method in ("GET", "HEAD"):
            same = await desk.reader.request(method, url, headers={"If-None-Match": header})
            assert (same.status_code, same.content) == (304, b""), header
            assert same.headers["ETag"] == '"2"'
            assert "Authorization" in same.headers["Vary"]
            assert "private" in same.headers["Cache-Control"]
    for header in ('"1"', '"3"', "2", "", "x", '"22"', 'W/"1"'):
        other = await desk.reader.get(url, headers={"If-None-Match": header})
        assert (other.status_code, other.json()["version"]) == (200, 2), header
    await desk.record_claim(part_of=claim)
    part = await desk.reader.get(url, headers={"If-None-Match": '"2"'})
    assert (part.status_code, part.headers["ETag"]) == (200, '"3"')


async def test_a_version_of_the_past_has_its_own_tag(desk: Desk) -> None:
    """With as_of the tag is of the version that held then."""
    claim, _ = await record_two_claims(desk)
    instant = desk.clock.now.isoformat()
    await desk.link_statement(claim, "supports", "nato")
    for tag, status in (('"2"', 304), ('"3"', 200)):
        answer = await desk.reader.get(
            f"/v1/claims/{claim}", params={"as_of": instant}, headers={"If-None-Match": tag}
        )
        assert (answer.status_code, answer.headers["ETag"]) == (status, '"2"')


async def test_answers_about_decisions_have_the_claims_tag(desk: Desk) -> None:
    """Proposing and settling change the claim's version."""
    claim, _ = await record_two_claims(desk)
    link = await desk.link_statement(claim, "supports", "nato")
    proposal = await desk.change_status(claim, "confirmed", cites=[link["id"]])
    assert proposal.headers["ETag"] == '"4"'
    assert proposal.headers["Location"] == f"/v1/decisions/{proposal.json()['id']}"
    approval = await desk.editor.post(f"{proposal.headers['Location']}/approval")
    assert approval.headers["ETag"] == '"5"'
    assert (await desk.read_claim(claim))["version"] == 5
