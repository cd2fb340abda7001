"""Requests for comment: whom the desk asked, until when, and what came of it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from service.domain.webhooks import EventType
from tests.api.problems import require_problem
from tests.api.test_uses import read_use, record_use
from tests.faults.ledgers import audit
from tests.support.desk import Desk, Json

SILENT = "Belgrade did not answer a request for comment."
UNTIL = "2023-10-03T16:00:00Z"
SECRETS = ("Jovan of the press office", "by telephone", "he sounded tired")


def build_inquiry(**changes: Any) -> Json:
    return {"party": "belgrade", "way": SECRETS[1], "until": UNTIL, **changes}


async def ask(desk: Desk, claim: str, **changes: Any) -> Json:
    return await desk.post(f"/v1/claims/{claim}/inquiries", build_inquiry(**changes))


async def change(desk: Desk, inquiry: str, *, status: int = 200, **changes: Any) -> Json:
    response = await desk.checker.patch(f"/v1/inquiries/{inquiry}", json=changes)
    assert response.status_code == status, response.text
    answer: Json = response.json()
    return answer


async def pass_time(desk: Desk, **time: float) -> None:
    """Let time pass, and the worker look once."""
    desk.clock.advance(**time)
    await desk.app.state.services.deadlines.take_turn()


@pytest.fixture
async def claim(desk: Desk) -> str:
    """A claim of Belgrade; the server's own worker rests."""
    await desk.app.state.services.deadlines.stop()
    await desk.record_parties()
    return str((await desk.record_claim())["id"])


async def test_silence_is_printed_once_the_deadline_has_passed(desk: Desk, claim: str) -> None:
    """Not before; as of an instant before, the line is what it was; the record says by which rule
    it changed, and every status, link and count stays."""
    inquiry = await ask(desk, claim, whom=SECRETS[0], note=SECRETS[2])
    assert inquiry == {
        "id": inquiry["id"],
        "claim": claim,
        "party": "belgrade",
        "name": "Belgrade",
        "asked_at": inquiry["asked_at"],
        "until": UNTIL,
        "outcome": None,
        "unanswered": False,
        "whom": SECRETS[0],
        "way": SECRETS[1],
        "note": SECRETS[2],
    }
    await pass_time(desk, hours=1)
    before = await desk.read_claim(claim)
    assert SILENT not in before["print_line"]
    moment = desk.clock.now.isoformat()
    await pass_time(desk, days=2)
    after = await desk.read_claim(claim)
    assert SILENT in after["print_line"]
    assert after["version"] == before["version"] + 1
    field_names = ("status", "evidence", "agrees", "challenged", "suggested_status")
    assert [after[name] for name in field_names] == [before[name] for name in field_names]
    assert (await desk.read_claim(claim, as_of=moment))["print_line"] == before["print_line"]
    history = (await desk.reader.get(f"/v1/claims/{claim}/history")).json()["items"]
    assert (history[-1]["type"], history[-1]["actor"]) == ("inquiry.lapsed", {"rule": "deadline"})
    (earlier_inquiry,) = (
        await desk.reader.get(f"/v1/claims/{claim}/inquiries", params={"as_of": moment})
    ).json()["items"]
    (now,) = (await desk.reader.get(f"/v1/claims/{claim}/inquiries")).json()["items"]
    assert (earlier_inquiry["unanswered"], now["unanswered"]) == (False, True)
    await pass_time(desk, days=2)
    assert (await desk.read_claim(claim))["version"] == after["version"], "it passes once"
    await audit(desk.settings)


async def test_outcome_decides_whether_silence_is_printed(desk: Desk, claim: str) -> None:
    """An answer that came late, or more time, takes the sentence back."""
    inquiry = (await ask(desk, claim))["id"]
    await pass_time(desk, days=2)
    for changes, is_silent in (
        ({"outcome": "answered", "note": "They sent the minutes."}, False),
        ({"outcome": None}, True),
        ({"outcome": "declined"}, False),
        ({"outcome": "no_answer"}, True),
        ({"outcome": None, "until": "2023-10-09T16:00:00Z"}, False),
        ({"until": UNTIL}, True),
    ):
        answer = await change(desk, inquiry, **changes)
        assert answer["unanswered"] is is_silent, changes
        assert (SILENT in (await desk.read_claim(claim))["print_line"]) is is_silent, changes
    version = (await desk.read_claim(claim))["version"]
    await change(desk, inquiry, until=UNTIL)
    assert (await desk.read_claim(claim))["version"] == version, "nothing differs"
    await audit(desk.settings)


async def test_article_is_outdated_by_a_silence_that_is_printed(desk: Desk, claim: str) -> None:
    """And by a refusal, and by an answer that comes late after all; not by an answer in time, nor
    by the silence of somebody whom only the desk's own words name."""
    use = await record_use(desk, claim)
    await ask(desk, claim)
    nato = (await ask(desk, claim, party="nato"))["id"]
    await ask(desk, claim, party=None, whom="a colonel")
    await change(desk, nato, outcome="answered")
    assert (await read_use(desk, use["id"]))["state"] == "current"

    async def settle_again() -> str:
        """Acknowledge what is outdated; return its class."""
        use_view = await read_use(desk, use["id"])
        await desk.post(f"/v1/uses/{use['id']}/acknowledgement", {"note": "Added"}, status=200)
        return str(use_view["class"])

    await pass_time(desk, days=2)
    assert await settle_again() == "update"
    for outcome in ("declined", "answered", "no_answer"):
        await change(desk, nato, outcome=outcome)
        assert await settle_again() == "update"
    assert "NATO did not answer" in (await desk.read_claim(claim))["print_line"]
    await audit(desk.settings)


async def test_refusal_to_comment_is_printed(desk: Desk, claim: str) -> None:
    """Before the deadline too; whoever only says so in the desk's words is not printed."""
    inquiry = (await ask(desk, claim))["id"]
    await change(desk, inquiry, outcome="declined")
    assert "Belgrade declined to comment." in (await desk.read_claim(claim))["print_line"]
    french = (await desk.read_claim(claim, lang="fr"))["print_line"]
    assert "Belgrade n’a pas souhaité faire de commentaire." in french
    other = (await ask(desk, claim, party=None, whom="a colonel"))["id"]
    await change(desk, other, outcome="declined")
    assert (await desk.read_claim(claim))["print_line"].count("declined") == 1


async def test_last_request_to_a_party_decides(desk: Desk, claim: str) -> None:
    """Whoever is asked again is not silent until that deadline has passed; others are."""
    await ask(desk, claim)
    await ask(desk, claim, party="nato")
    await pass_time(desk, days=2)
    line = (await desk.read_claim(claim))["print_line"]
    assert "Belgrade and NATO did not answer a request for comment." in line
    second_inquiry = await ask(desk, claim, until="2023-10-09T16:00:00Z")
    line = (await desk.read_claim(claim))["print_line"]
    assert "NATO did not answer a request for comment." in line
    assert "Belgrade and" not in line
    await change(desk, second_inquiry["id"], outcome="answered")
    await pass_time(desk, days=20)
    assert "Belgrade and" not in (await desk.read_claim(claim))["print_line"]


async def test_only_the_desk_sees_whom_exactly_by_which_way_and_notes(
    desk: Desk, claim: str
) -> None:
    """Readers see that a party was asked, until when, and the outcome, wherever it is told."""
    inquiry = (await ask(desk, claim, whom=SECRETS[0], note=SECRETS[2]))["id"]
    await change(desk, inquiry, outcome="declined", note=f"{SECRETS[2]} again")
    await ask(desk, claim, party=None, whom=SECRETS[0])
    urls = (
        f"/v1/inquiries/{inquiry}",
        f"/v1/claims/{claim}/inquiries",
        f"/v1/claims/{claim}/history",
        "/v1/events",
        f"/v1/claims/{claim}",
    )
    texts = "".join([(await desk.checker.get(url)).text for url in urls])
    assert all(secret in texts for secret in SECRETS)
    for url in urls:
        answer = await desk.reader.get(url)
        assert answer.status_code == 200
        assert not [secret for secret in SECRETS if secret in answer.text], url
    view = (await desk.reader.get(urls[0])).json()
    assert (view["party"], view["outcome"], view["until"]) == ("belgrade", "declined", UNTIL)
    assert (view["whom"], view["way"], view["note"]) == (None, None, None)


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"party": None}, "whom"),
        ({"party": "nobody"}, "party"),
        ({"asked_at": "2023-10-20T12:00:00Z", "until": "2023-10-21T12:00:00Z"}, "asked_at"),
        ({"until": "2023-09-01T12:00:00Z"}, "until"),
        ({"way": ""}, "way"),
        ({"outcome": "answered"}, "outcome"),
    ],
)
async def test_request_that_cannot_have_been_made_is_refused(
    desk: Desk, claim: str, changes: Json, place: str
) -> None:
    response = await desk.checker.post(
        f"/v1/claims/{claim}/inquiries", json=build_inquiry(**changes)
    )
    problem = require_problem(response, "invalid-request")
    assert problem["errors"][0]["loc"][-1] == place
    assert (await desk.reader.get(f"/v1/claims/{claim}/inquiries")).json()["items"] == []


async def test_nobody_is_called_silent_before_the_deadline(desk: Desk, claim: str) -> None:
    inquiry = (await ask(desk, claim))["id"]
    refusal = await change(desk, inquiry, status=422, outcome="no_answer")
    assert "once the deadline has passed" in refusal["detail"]
    await pass_time(desk, days=2)
    await change(desk, inquiry, outcome="no_answer")
    refusal = await change(desk, inquiry, status=422, until="2023-10-20T12:00:00Z")
    assert refusal["errors"][0]["loc"] == ["body", "outcome"]


async def test_request_honours_if_match_and_idempotency_key(desk: Desk, claim: str) -> None:
    url = f"/v1/claims/{claim}/inquiries"
    stale = await desk.checker.post(url, json=build_inquiry(), headers={"If-Match": '"7"'})
    require_problem(stale, "version-conflict")
    first = await desk.checker.post(
        url, json=build_inquiry(), headers={"If-Match": '"1"', "Idempotency-Key": "a"}
    )
    retry = await desk.checker.post(
        url, json=build_inquiry(), headers={"If-Match": '"1"', "Idempotency-Key": "a"}
    )
    assert (first.status_code, first.headers["ETag"]) == (201, '"2"')
    assert first.json() == retry.json()
    location = first.headers["Location"]
    stale = await desk.checker.patch(
        location, json={"outcome": "answered"}, headers={"If-Match": '"1"'}
    )
    require_problem(stale, "version-conflict")
    assert len((await desk.reader.get(url)).json()["items"]) == 1


async def test_requests_are_listed_a_page_at_a_time(desk: Desk, claim: str) -> None:
    ids = [(await ask(desk, claim, party=party))["id"] for party in ("belgrade", "nato", "nato")]
    inquiry_ids: list[str] = []
    url: str | None = f"/v1/claims/{claim}/inquiries?limit=2"
    while url is not None:
        answer = await desk.reader.get(url)
        inquiry_ids += [item["id"] for item in answer.json()["items"]]
        cursor = answer.json()["next_cursor"]
        url = cursor and f"/v1/claims/{claim}/inquiries?limit=2&cursor={cursor}"
    assert inquiry_ids == ids


async def test_answer_is_recorded_on_a_closed_claim_too(desk: Desk, claim: str) -> None:
    """Nobody is asked about it any more; an answer may come late, and a deadline passes."""
    inquiry = (await ask(desk, claim))["id"]
    await desk.post(f"/v1/claims/{claim}/withdrawal", {"reason": "an error"}, status=200)
    refusal = await desk.checker.post(f"/v1/claims/{claim}/inquiries", json=build_inquiry())
    require_problem(refusal, "claim-withdrawn")
    await pass_time(desk, days=2)
    assert SILENT in (await desk.read_claim(claim))["print_line"]
    await change(desk, inquiry, outcome="answered")
    assert SILENT not in (await desk.read_claim(claim))["print_line"]


async def test_confirmation_and_proposals_outlive_a_deadline(desk: Desk, claim: str) -> None:
    """Two people agreed to what the line says of the evidence; silence is shown besides."""
    await ask(desk, claim, party="washington")
    link = await desk.link_statement(claim, "supports", "nato")
    proposal = await desk.change_status(claim, "confirmed", cites=[link["id"]])
    await pass_time(desk, days=2)
    approval = await desk.editor.post(f"/v1/decisions/{proposal.json()['id']}/approval")
    assert approval.status_code == 200, approval.text
    claim_view = await desk.read_claim(claim)
    assert (claim_view["status"], claim_view["agrees"]) == ("confirmed", True)
    assert claim_view["print_line"].endswith("Washington did not answer a request for comment.")


async def test_renamed_party_is_silent_by_its_new_name(desk: Desk, claim: str) -> None:
    """Also where the request alone shows it."""
    await ask(desk, claim, party="nato")
    await pass_time(desk, days=2)
    renaming = await desk.editor.patch("/v1/parties/nato", json={"name": "The Alliance"})
    assert renaming.status_code == 200, renaming.text
    line = (await desk.read_claim(claim))["print_line"]
    assert "The Alliance did not answer a request for comment." in line
    await audit(desk.settings)


async def test_receivers_are_told_of_no_request(desk: Desk, claim: str) -> None:
    """Whom the desk asks is no news of the claim; the line comes with what is."""
    endpoint = {"url": "http://127.0.0.1:9/hook", "event_types": [*EventType]}
    webhook_view = await desk.admin.post("/v1/webhooks", json=endpoint)
    assert webhook_view.status_code == 201, webhook_view.text
    inquiry = (await ask(desk, claim))["id"]
    await pass_time(desk, days=2)
    await change(desk, inquiry, outcome="answered")
    deliveries = f"/v1/webhooks/{webhook_view.json()['id']}/deliveries"
    assert (await desk.admin.get(deliveries)).json()["items"] == []


async def test_server_records_deadlines_by_itself(desk: Desk, claim: str) -> None:
    """Its worker looks when it starts."""
    await ask(desk, claim)
    desk.clock.advance(days=2)
    desk.app.state.services.deadlines.start()
    for _ in range(200):
        if SILENT in (await desk.read_claim(claim))["print_line"]:
            return
        await asyncio.sleep(0.02)
    raise AssertionError("the deadline passed, and nothing said so")


async def test_request_stays_with_its_claim_through_a_merge_and_a_separation(
    desk: Desk, claim: str
) -> None:
    """It was asked about that wording: its deadline passes and it is answered there meanwhile, and
    the survivor neither prints silence that it did not ask about nor keeps anything."""
    other = (await desk.record_claim(text="Serbia has withdrawn"))["id"]
    first, second = await ask(desk, claim), await ask(desk, claim, party="nato")
    before = await desk.read_claim(other)
    match = {"If-Match": "*"}
    merge = await desk.editor.post(f"/v1/claims/{claim}/merge", json={"into": other}, headers=match)
    assert merge.status_code == 200, merge.text
    await pass_time(desk, days=2)
    await change(desk, second["id"], outcome="answered")
    items = (await desk.checker.get(f"/v1/claims/{claim}/inquiries")).json()["items"]
    assert [(item["id"], item["unanswered"], item["outcome"]) for item in items] == [
        (first["id"], True, None),
        (second["id"], False, "answered"),
    ]
    assert SILENT not in (await desk.read_claim(other))["print_line"]
    reason = {"reason": "They differ."}
    separation = await desk.checker.post(f"/v1/claims/{claim}/separation", json=reason)
    assert separation.status_code == 200, separation.text
    assert SILENT in (await desk.read_claim(claim))["print_line"]
    assert (await desk.read_claim(other))["print_line"] == before["print_line"]
    assert (await desk.checker.get(f"/v1/claims/{other}/inquiries")).json()["items"] == []
    await audit(desk.settings)
