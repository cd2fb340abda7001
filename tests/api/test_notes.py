"""Whom notes mention, and replies to notes."""

from typing import Any

from tests.api.problems import NOBODY, require_field_error, require_problem
from tests.support.desk import Desk


async def read_own(desk: Desk) -> dict[str, dict[str, Any]]:
    """The account of each client that belongs to a person."""
    clients = {"checker2": desk.checker2, "editor": desk.editor, "editor2": desk.editor2}
    return {name: (await client.get("/v1/me")).json() for name, client in clients.items()}


async def test_note_names_whom_it_mentions(desk: Desk) -> None:
    """By id and name, in the order of the text; an edit mentions anew, and the claim's version
    stays."""
    await desk.record_parties()
    claim = (await desk.record_claim())["id"]
    people = await read_own(desk)
    url = f"/v1/claims/{claim}/notes"
    text = "@Editor2 and @CHECKER2, not@editor: call KFOR"
    note = await desk.post(url, {"text": text})
    assert [person["id"] for person in note["mentions"]] == [
        people["editor2"]["id"],
        people["checker2"]["id"],
    ]
    assert (await desk.editor.get(url)).json()["items"] == [note]
    change = await desk.checker.patch(f"/v1/notes/{note['id']}", json={"text": "@editor: call"})
    assert [person["name"] for person in change.json()["mentions"]] == ["editor"]
    change = await desk.checker.patch(f"/v1/notes/{note['id']}", json={"text": "call KFOR"})
    assert change.json()["mentions"] == []
    assert (await desk.read_claim(claim))["version"] == 1


async def test_whose_account_is_closed_is_not_mentioned(desk: Desk) -> None:
    await desk.record_parties()
    claim = (await desk.record_claim())["id"]
    person = (await read_own(desk))["editor2"]["id"]
    closure = await desk.admin.patch(f"/v1/users/{person}", json={"disabled": True})
    assert closure.status_code == 200, closure.text
    note = await desk.post(f"/v1/claims/{claim}/notes", {"text": "@editor2 @editor"})
    assert [person["name"] for person in note["mentions"]] == ["editor"]


async def test_note_replies_to_note_of_the_same_claim(desk: Desk) -> None:
    """A reply to a reply joins the thread; one to a note elsewhere or nowhere is refused."""
    await desk.record_parties()
    claim, other = [(await desk.record_claim(text=text))["id"] for text in ("a", "b")]
    url = f"/v1/claims/{claim}/notes"
    first = await desk.post(url, {"text": "Call KFOR"})
    assert first["reply_to"] is None
    reply = await desk.post(url, {"text": "Called", "reply_to": first["id"]})
    assert reply["reply_to"] == first["id"]
    third_note = await desk.post(url, {"text": "And?", "reply_to": reply["id"]})
    assert third_note["reply_to"] == first["id"]
    for answered_note, claim_id in ((NOBODY, claim), (first["id"], other)):
        refusal = await desk.checker.post(
            f"/v1/claims/{claim_id}/notes", json={"text": "x", "reply_to": answered_note}
        )
        require_field_error(refusal, "body", "reply_to")
    refusal = await desk.reader.post(url, json={"text": "x", "reply_to": first["id"]})
    require_problem(refusal, "forbidden")
    items = (await desk.editor.get(url)).json()["items"]
    assert items == [first, reply, third_note]
