"""The corrections log, through the API: what was printed, and what is true instead."""

from typing import Any

from tests.api.test_reversals import act
from tests.support.desk import Desk, Json


async def list_log(desk: Desk, **query: Any) -> list[Json]:
    """Read the whole log, page by page."""
    found: list[Json] = []
    while True:
        answer = await desk.reader.get("/v1/corrections", params={"limit": 2, **query})
        assert answer.status_code == 200, answer.text
        body = answer.json()
        found += body["items"]
        if body["next_cursor"] is None:
            return found
        query["cursor"] = body["next_cursor"]


async def test_log_says_what_was_printed_and_what_is_true_instead(desk: Desk) -> None:
    """A confirmation lost, a wording, a void and its way back, newest first and page by page; what
    corrects nothing is not in it."""
    await desk.record_parties()
    claim = await desk.record_claim()
    link = await desk.confirm_claim(claim["id"])
    await desk.link_statement(claim["id"], "comments", "washington")
    assert await list_log(desk) == []
    confirmed = await desk.read_claim(claim["id"])
    await desk.checker.post(f"/v1/links/{link}/retraction", json={"reason": "another party"})
    fallen = await desk.read_claim(claim["id"])
    amended = await desk.checker.patch(
        f"/v1/claims/{claim['id']}",
        json={"text": "Serbia has withdrawn some units", "material": True},
        headers={"If-Match": f'"{fallen["version"]}"'},
    )
    assert amended.status_code == 200, amended.text
    await act(desk, f"/v1/claims/{claim['id']}/void")
    await act(desk, f"/v1/claims/{claim['id']}/restoration")
    log = await list_log(desk)
    assert [(entry["type"], entry["class"]) for entry in log] == [
        ("claim.restored", "update"),
        ("claim.voided", "kill"),
        ("claim.amended", "correction"),
        ("claim.status_changed", "kill"),
    ]
    fall = log[-1]
    assert fall["sentence"] == (
        f"No longer confirmed; the claim is awaiting confirmation: “{claim['text']}”. "
        "Why: the support for it no longer suffices."
    )
    assert (fall["before"]["print_line"], fall["before"]["status"]) == (
        confirmed["print_line"],
        "confirmed",
    )
    assert (fall["after"]["print_line"], fall["claim"]) == (fallen["print_line"], claim["id"])
    wording = log[2]
    assert (wording["before"]["text"], wording["after"]["text"]) == (
        claim["text"],
        "Serbia has withdrawn some units",
    )
    void = log[1]
    assert (void["after"]["lifecycle"], void["reason"]) == (
        "void",
        "Recorded from a parody account.",
    )
    assert void["sentence"].startswith("The desk recorded this claim by mistake")


async def test_log_is_read_by_readers_and_by_nobody_else(desk: Desk) -> None:
    """Without public reading, strangers are asked to sign in; unknown parameters are refused."""
    assert (await desk.public.get("/v1/corrections")).status_code == 401
    assert (await desk.reader.get("/v1/corrections", params={"x": "1"})).status_code == 422
