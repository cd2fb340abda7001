"""A claim's page and its forms: what is shown to whom, what is refused, what is kept."""

import pytest

from service.config import Settings
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
from tests.support import desk as support
from tests.support.desk import Desk


@pytest.fixture
async def claim(desk: Desk) -> str:
    await desk.record_parties()
    claim_view = await desk.record_claim()
    return str(claim_view["id"])


async def test_claim_page_has_a_column_for_each_root_party(
    desk: Desk, people: People, claim: str
) -> None:
    """A column for each root party, the claimant's first; what was withdrawn or retracted is struck
    through, not gone."""
    link = await desk.link_statement(claim, "requests_confirmation", "state-department")
    retracted_link = await desk.link_statement(claim, "contradicts", "pristina")
    await desk.post(
        f"/v1/links/{retracted_link['id']}/retraction", {"reason": "Of another claim"}, status=200
    )
    page = parse_page(await people.reader.get(f"/claims/{claim}"))
    heads = [read_words(item) for item in page.cssselect(".column h3")]
    assert heads == ["Belgrade claimant", "Washington", "Pristina"]
    card = page.get_element_by_id(f"l-{retracted_link['id']}")
    assert card.cssselect("s")
    assert "Of another claim" in read_words(card)
    assert not page.get_element_by_id(f"l-{link['id']}").cssselect("s")
    forms = [form.get("action") for form in page.cssselect("form[method=post]")]
    assert set(forms) == {"/sign-out", "/follows"}, "a reader changes nothing"


async def test_request_for_comment_is_made_and_settled_on_forms(
    desk: Desk, people: People, claim: str
) -> None:
    """The page shows it beside what parties say; readers are not shown whom exactly, by which way,
    or notes, nor a way to change it."""
    url = f"/claims/{claim}/inquiry"
    empty = await submit(people.checker, url, url, party="belgrade")
    assert empty.status_code == 422
    faults = read_words(parse_page(empty).get_element_by_id("faults"))
    assert "By which way: this is needed" in faults
    fields = {
        "party": "belgrade",
        "whom": "the press office",
        "way": "by telephone",
        "until": "2023-10-03T16:00",
        "note": "ask for Jovan",
    }
    answer = await submit(people.checker, url, url, **fields)
    assert answer.status_code == 303, answer.text
    page = parse_page(await people.checker.get(f"/claims/{claim}"))
    inquiries = read_words(page.get_element_by_id("inquiries"))
    assert "Belgrade: has time to answer" in inquiries
    assert "by telephone (the press office)" in inquiries
    assert "ask for Jovan" in inquiries
    (link,) = page.get_element_by_id("inquiries").cssselect("a")
    change = link.get("href")
    early = await submit(people.checker, change, change, outcome="no_answer")
    assert early.status_code == 422
    settlement = await submit(people.checker, change, change, outcome="declined", note="no comment")
    assert settlement.status_code == 303, settlement.text
    public = parse_page(await people.reader.get(f"/claims/{claim}"))
    inquiries = read_words(public.get_element_by_id("inquiries"))
    assert "Belgrade: declined to comment" in inquiries
    assert not [word for word in ("telephone", "press", "Jovan", "no comment") if word in inquiries]
    assert not public.get_element_by_id("inquiries").cssselect("a")
    record = read_words(public.get_element_by_id("record"))
    assert "Belgrade was asked for comment, until 3 October 2023, 16:00 UTC" in record
    assert "Request for comment: declined to comment" in record


async def test_unreachable_status_names_what_it_lacks(
    desk: Desk, people: People, claim: str
) -> None:
    """The panel offers what the guards let pass, and names what the rest still needs."""
    panel = parse_page(await people.checker.get(f"/claims/{claim}")).cssselect(".decide")[0]
    choices = panel.cssselect("input[name=to]")
    assert [item.get("value") for item in choices] == ["awaiting_confirmation"]
    shut_cards = {
        read_words(item.cssselect(".status")[0]): item for item in panel.cssselect(".shut")
    }
    assert set(shut_cards) == {"Confirmed", "Disputed"}
    line = read_words(shut_cards["Confirmed"].cssselect("summary .hint")[0])
    assert line == "needs 1 supporting statement from a party other than Belgrade"
    missing = read_words(shut_cards["Confirmed"].cssselect(".missing")[0])
    assert missing == "needs 1 supporting statement from a party other than Belgrade; has 0"


async def test_decision_is_proposed_and_then_approved(
    desk: Desk, people: People, claim: str
) -> None:
    """A confirmation waits for somebody else than its proposer; a rejection says why."""
    link = await desk.link_statement(claim, "supports", "nato")
    proposal = await submit(
        people.checker,
        f"/claims/{claim}",
        f"/claims/{claim}/status",
        to="confirmed",
        reason="NATO saw it",
        cites=[link["id"]],
    )
    assert (proposal.status_code, proposal.headers["location"]) == (
        303,
        f"/claims/{claim}?done=proposed",
    )
    page = await people.checker2.get(f"/claims/{claim}")
    assert "Ana Checker proposes: confirmed" in read_text(page)
    approval = next(
        form.get("action")
        for form in parse_page(page).forms
        if "/decisions/" in str(form.get("action"))
    )
    rejection = approval.replace("approval", "rejection")
    values = dict(find_form(parse_page(page), approval).form_values())
    refusal = await people.checker2.post(rejection, data=values)
    assert refusal.status_code == 422
    assert "this is needed" in read_text(refusal)
    values["csrf"] = find_form(
        parse_page(await people.checker.get(f"/claims/{claim}")), approval
    ).fields["csrf"]
    own = await people.checker.post(approval, data=values)
    assert own.status_code == 403
    assert "somebody else has to approve it" in read_text(own)
    assert (await desk.read_claim(claim))["status"] == "asserted"
    approval_answer = await send_form(people.checker2, page, approval, comment="Read the report")
    assert approval_answer.headers["location"] == f"/claims/{claim}?done=approved"
    text = read_text(await people.reader.get(f"/claims/{claim}"))
    assert "proposed by Ana Checker, approved by Boris Checker" in text


async def test_refused_form_keeps_what_was_typed(desk: Desk, people: People, claim: str) -> None:
    """A move that the evidence does not allow: 409, what is missing, and every field as it was."""
    denial = await desk.link_statement(claim, "supports", "pristina", basis="third_party")
    refusal = await submit(
        people.editor,
        f"/claims/{claim}",
        f"/claims/{claim}/status",
        to="confirmed",
        reason="They say  so\n& more",
        cites=[denial["id"]],
        code="",
    )
    assert refusal.status_code == 409
    page = parse_page(refusal)
    form = find_form(page, f"/claims/{claim}/status")
    assert form.fields["reason"] == "They say  so\n& more"
    assert form.fields["to"] == "confirmed"
    assert form.cssselect(f"input[value='{denial['id']}'][checked]")
    assert "needs 1 supporting statement" in read_words(page.cssselect("[role=alert]")[0])
    assert (await desk.read_claim(claim))["version"] == 2


async def test_override_needs_two_editors(desk: Desk, people: People, claim: str) -> None:
    """Against the rules: a ground and an explanation, and a second editor."""
    response = await people.checker.get(f"/claims/{claim}")
    assert "Against the rules" not in read_text(response)
    bare = await submit(
        people.editor,
        f"/claims/{claim}",
        f"/claims/{claim}/status",
        to="confirmed",
        reason="We were there",
        code="own-verification",
    )
    assert bare.status_code == 422
    assert "this is needed" in read_text(bare)
    proposal = await send_form(
        people.editor,
        bare,
        f"/claims/{claim}/status",
        override_note="Our reporter counted the lorries.",
        override_url="https://example.org/lorries",
    )
    assert proposal.headers["location"].endswith("done=proposed")
    page = parse_page(await people.editor2.get(f"/claims/{claim}"))
    approval = next(
        form.get("action") for form in page.forms if "/decisions/" in form.get("action")
    )
    refusal = await submit(people.checker2, f"/claims/{claim}", approval)
    assert refusal.status_code == 403
    answer = await submit(people.editor2, f"/claims/{claim}", approval)
    assert answer.status_code == 303
    after = await desk.read_claim(claim)
    assert (after["status"], after["override"]) == ("confirmed", True)


async def test_contradictions_are_set_aside_one_by_one(
    desk: Desk, people: People, claim: str
) -> None:
    """From disputed to confirmed in spite of a denial: two supporters, and a reason for each."""
    denial = await desk.link_statement(claim, "contradicts", "pristina")
    first = await desk.link_statement(claim, "supports", "nato")
    second = await desk.link_statement(claim, "supports", "washington")
    fields = {
        "to": "confirmed",
        "reason": "Two saw it",
        "cites": [first["id"], second["id"]],
        "set_aside": [denial["id"]],
    }
    address = f"/claims/{claim}/status"
    bare = await submit(people.checker, f"/claims/{claim}", address, **fields)
    assert bare.status_code == 422
    reason = {f"aside-{denial['id']}": "Pristina has nobody there"}
    proposal = await send_form(people.checker, bare, address, **fields, **reason)
    assert proposal.headers["location"].endswith("done=proposed")
    assert "Pristina has nobody there" in read_text(await people.checker2.get(f"/claims/{claim}"))


async def test_stale_form_shows_what_changed_since(desk: Desk, people: People, claim: str) -> None:
    """412 with what happened since, by whom; sent again as it is then shown, it is carried out."""
    page = await people.checker.get(f"/claims/{claim}")
    await desk.link_statement(claim, "comments", "nato", note="Only a remark")
    address = f"/claims/{claim}/status"
    stale = await send_form(
        people.checker, page, address, to="awaiting_confirmation", reason="We ask around"
    )
    assert stale.status_code == 412
    conflict = read_words(parse_page(stale).cssselect(".conflict")[0])
    assert "checker changed this claim while you were at it" in conflict
    assert "NATO comments" in conflict
    second_answer = await send_form(people.checker, stale, address, to="awaiting_confirmation")
    assert second_answer.headers["location"].endswith("done=moved")
    (change,) = (await desk.reader.get(f"/v1/claims/{claim}/status-changes")).json()["items"]
    assert change["reason"] == "We ask around"


async def test_double_click_is_carried_out_once(desk: Desk, people: People, claim: str) -> None:
    """The same form sent twice is carried out once and answered alike; corrected, it is another."""
    page = await people.checker.get(f"/claims/{claim}")
    first = await send_form(people.checker, page, f"/claims/{claim}/notes", note="Call KFOR")
    second = await send_form(people.checker, page, f"/claims/{claim}/notes", note="Call KFOR")
    assert first.headers["location"] == second.headers["location"]
    await send_form(people.checker, page, f"/claims/{claim}/notes", note="Call KFOR again")
    notes = (await desk.checker.get(f"/v1/claims/{claim}/notes")).json()["items"]
    assert [note["text"] for note in notes] == ["Call KFOR", "Call KFOR again"]


async def test_former_text_of_changed_note_is_struck_through(
    desk: Desk, people: People, claim: str
) -> None:
    """It stands beneath the new one; as of before the change the page has the former text alone."""
    note = await desk.post(f"/v1/claims/{claim}/notes", {"text": "Call KFOR"})
    before = desk.clock.now
    await desk.checker.patch(f"/v1/notes/{note['id']}", json={"text": "Call EULEX"})
    page = parse_page(await people.checker.get(f"/claims/{claim}"))
    item = page.get_element_by_id(f"n-{note['id']}")
    assert read_words(item).startswith("Call EULEX")
    assert [read_words(words) for words in item.cssselect("del")] == ["It said: Call KFOR"]
    past = await people.checker.get(f"/claims/{claim}", params={"as_of": before.isoformat()})
    item = parse_page(past).get_element_by_id(f"n-{note['id']}")
    assert read_words(item).startswith("Call KFOR")
    assert not item.cssselect("del")


async def test_authors_change_their_notes(desk: Desk, people: People, claim: str) -> None:
    """Beside one's own note and reply; what is refused stays typed; nobody changes another's."""
    page = f"/claims/{claim}"
    await submit(people.checker, page, f"{page}/notes", note="Call KFOR")
    [note] = (await desk.checker.get(f"/v1{page}/notes")).json()["items"]
    address = f"{page}/notes/{note['id']}/text"
    for refused_text in ("", "Call KFOR"):
        refusal = await submit(people.checker, page, address, note=refused_text)
        assert refusal.status_code == 422
        item = parse_page(refusal).get_element_by_id(f"n-{note['id']}")
        assert item.cssselect("details[open] .fault")
    answer = await send_form(people.checker, refusal, address, note="Call EULEX")
    assert answer.headers["location"] == f"{page}?done=note-changed#n-{note['id']}"
    note_page = await people.checker.get(page)
    item = parse_page(note_page).get_element_by_id(f"n-{note['id']}")
    assert read_words(item).startswith("Call EULEX")
    assert "edited, see before" in read_words(item)
    elsewhere = await people.checker2.get(page)
    assert address not in [form.get("action") for form in parse_page(elsewhere).forms]
    token = read_fields(find_form(parse_page(elsewhere), f"{page}/notes"))
    other = await people.checker2.post(address, data=token | {"note": "Call nobody"})
    assert other.status_code == 403
    past = await people.checker.get(page, params={"as_of": desk.clock.now.isoformat()})
    assert address not in [form.get("action") for form in parse_page(past).forms]


async def test_statement_is_linked_to_a_claim(desk: Desk, people: People, claim: str) -> None:
    """A statement with its words, voice and source; a party that is new is made with it, or not at
    all where the rest is refused."""
    address = f"/claims/{claim}/link"
    fields = {
        "stance": "requests_confirmation",
        "conditional": "yes",
        "quote": "  If true,\n welcome.",
        "new_party": "White House",
        "new_parent": "washington",
        "speaker": "John Kirby",
        "role": "spokesman",
        "said_on": "2023-10-02",
        "said_hour": "18:05",
        "url": "https://example.org/kirby",
    }
    refusal = await submit(people.checker, address, address, **fields | {"url": "ftp://x"})
    assert refusal.status_code == 422
    form = find_form(parse_page(refusal), address)
    assert form.fields["quote"] == "  If true,\n welcome."
    assert form.fields["new_party"] == "White House"
    assert parse_page(refusal).cssselect("#url[aria-invalid=true]")
    assert (await desk.reader.get("/v1/parties/white-house")).status_code == 404
    answer = await send_form(people.checker, refusal, address, **fields)
    assert answer.status_code == 303
    (link,) = (await desk.reader.get(f"/v1/claims/{claim}/links")).json()["items"]
    statement = link["statement"]
    assert (link["stance"], link["conditional"]) == ("requests_confirmation", True)
    assert (statement["party"], statement["root"]) == ("white-house", "washington")
    assert (statement["said_at"], statement["precision"]) == ("2023-10-02T18:05:00Z", "minute")
    assert statement["quotes"][0]["text"] == "  If true,\n welcome."
    assert (await desk.read_claim(claim))["status"] == "awaiting_confirmation"
    other = await desk.record_claim(text="Serbia sent the reserves home")
    other_form = f"/claims/{other['id']}/link"
    response = await submit(
        people.checker, f"{other_form}?statement={statement['id']}", other_form, stance="comments"
    )
    assert response.status_code == 303
    (second,) = (await desk.reader.get(f"/v1/claims/{other['id']}/links")).json()["items"]
    assert second["statement"]["id"] == statement["id"]


async def test_claim_names_its_story(desk: Desk, people: People) -> None:
    await desk.record_parties()
    await desk.post("/v1/stories", {"slug": "border", "title": "The border of 2023"})
    claim = await desk.record_claim(story="border")
    page = parse_page(await people.reader.get(f"/claims/{claim['id']}"))
    [link] = page.cssselect("main a[href='/stories/border']")
    assert read_words(link) == "The border of 2023"


async def test_statement_is_linked_with_a_translation(
    desk: Desk, people: People, claim: str
) -> None:
    """One statement in two languages, found by either; a fault of the translation is told at its
    field, and nothing is recorded."""
    address = f"/claims/{claim}/link"
    fields = {
        "stance": "contradicts",
        "quote": "We never left",
        "party": "pristina",
        "said_on": "2023-10-02",
        "url": "https://example.org/denial",
        "translation": "Nikad nismo otišli",
    }
    for language, reason in (("", "give a language as its code"), ("en", "another language than")):
        typed = fields | {"translation_language": language}
        refusal = await submit(people.checker, address, address, **typed)
        assert refusal.status_code == 422, read_text(refusal)
        page = parse_page(refusal)
        assert reason in read_words(page.get_element_by_id("fault-translation_language"))
        assert "Language of the translation:" in read_words(page.get_element_by_id("faults"))
        assert page.get_element_by_id("translated").get("open") is not None
        assert find_form(page, address).fields["translation"] == "Nikad nismo otišli"
    assert (await desk.reader.get(f"/v1/claims/{claim}/links")).json()["items"] == []
    answer = await send_form(people.checker, refusal, address, translation_language="sr")
    assert answer.status_code == 303, read_text(answer)
    answer = await desk.reader.get("/v1/statements", params={"q": "otišli"})
    [statement] = answer.json()["items"]
    assert [(quote["language"], quote["rendering"]) for quote in statement["quotes"]] == [
        ("en", "verbatim"),
        ("sr", "translated"),
    ]
    words = read_text(await people.reader.get(f"/claims/{claim}"))
    assert words.index("We never left") < words.index("Nikad nismo otišli")


async def test_link_is_retracted_and_affirmed(desk: Desk, people: People, claim: str) -> None:
    link = await desk.link_statement(claim, "supports", "nato")
    address = f"/links/{link['id']}"
    bare = await submit(people.checker, f"{address}/retract", f"{address}/retraction", reason=" ")
    assert bare.status_code == 422
    amendment = await submit(
        people.checker,
        f"/claims/{claim}/amend",
        f"/claims/{claim}/amend",
        text="Serbia has returned some of its units to normal",
        material="yes",
    )
    assert amendment.headers["location"].endswith("done=amended")
    response = await people.checker.get(f"/claims/{claim}")
    assert "not affirmed" in read_text(response)
    affirmation = await send_form(people.checker, response, f"{address}/affirmation")
    assert affirmation.headers["location"].endswith("done=affirmed")
    answer = await send_form(people.checker, bare, f"{address}/retraction", reason="Of another day")
    assert "done=retracted&undo=" in answer.headers["location"]
    (after,) = (await desk.reader.get(f"/v1/claims/{claim}/links")).json()["items"]
    assert after["retraction_reason"] == "Of another day"


async def test_claim_is_amended(desk: Desk, people: People, claim: str) -> None:
    """A new wording says what it is; tags go by themselves; a stale form shows both
    wordings."""
    address = f"/claims/{claim}/amend"
    first, second = await people.checker.get(address), await people.checker2.get(address)
    unsaid = await send_form(people.checker, first, address, text="Another wording")
    assert unsaid.status_code == 422
    assert "say whether the new wording" in read_text(unsaid)
    tags = await send_form(people.checker, first, address, tags="troops, border, troops")
    assert tags.status_code == 303
    assert (await desk.read_claim(claim))["tags"] == ["troops", "border"]
    stale = await send_form(people.checker2, second, address, text="My wording", material="no")
    assert stale.status_code == 412
    assert "Tagged troops, border" in read_text(stale)
    assert find_form(parse_page(stale), address).fields["text"] == "My wording"
    answer = await send_form(people.checker2, stale, address, material="no", tags="x")
    assert answer.status_code == 303
    after = await desk.read_claim(claim)
    assert (after["text"], after["revision"], after["tags"]) == ("My wording", 1, ["x"])


async def test_duplicate_is_merged(desk: Desk, people: People, claim: str) -> None:
    """The duplicate leads to the other from now on; what was known before stays readable."""
    other = await desk.record_claim(
        text="Serbia returned the operating regime of its units to normal"
    )
    before = desk.clock.now.isoformat()
    address = f"/claims/{claim}/merge"
    merge_form = await people.checker.get(address)
    assert "probably the same" in read_text(merge_form)
    empty_answer = await send_form(people.checker, merge_form, address)
    assert empty_answer.status_code == 422
    answer = await send_form(
        people.checker, merge_form, address, into=f"https://desk.example/claims/{other['id']}?x=1"
    )
    assert answer.headers["location"] == f"/claims/{other['id']}?done=merged&undo={claim}"
    redirect = await people.reader.get(f"/claims/{claim}")
    assert (redirect.status_code, redirect.headers["location"]) == (
        308,
        f"/claims/{other['id']}?done=led-here",
    )
    response = await people.reader.get(f"/claims/{claim}", params={"as_of": before})
    assert response.status_code == 200


async def test_claimant_can_withdraw_a_claim(desk: Desk, people: People, claim: str) -> None:
    address = f"/claims/{claim}/withdraw"
    refusal = await submit(people.checker, address, address, reason="", url="https://example.org")
    assert refusal.status_code == 422
    assert find_form(parse_page(refusal), address).fields["url"] == "https://example.org"
    answer = await send_form(people.checker, refusal, address, reason="The ministry took it back")
    assert answer.headers["location"].endswith("done=claim-withdrawn")
    page = await people.checker.get(f"/claims/{claim}")
    assert "The claimant has taken this claim back" in read_text(page)
    assert not parse_page(page).cssselect(".decide")


async def test_as_of_shows_the_claim_as_it_was_known(
    desk: Desk, people: People, claim: str
) -> None:
    """Links, notes, drafts and the record are those of then, without forms; before the claim there
    is a page that says so; an hour may be typed; nonsense is refused."""
    before = desk.clock.now
    await desk.link_statement(claim, "contradicts", "pristina")
    await desk.post(f"/v1/claims/{claim}/notes", {"text": "Since then"})
    response = await people.checker.get(f"/claims/{claim}", params={"as_of": before.isoformat()})
    text = read_text(response)
    assert "This is what the desk knew on" in text
    assert "Since then" not in text
    assert not parse_page(response).cssselect(".decide, form.assign, #p-pristina")
    early = await people.checker.get(f"/claims/{claim}", params={"as_of": "2020-01-01T00:00:00Z"})
    assert early.status_code == 404
    assert "only later" in read_text(early)
    assert "may be mistyped" not in read_text(early)
    back, now = (link.get("href") for link in parse_page(early).cssselect("main a.button")[:2])
    assert (await people.checker.get(back)).status_code == 200
    assert now == f"/claims/{claim}"
    hour = await people.checker.get(
        f"/claims/{claim}", params={"as_of": "", "at": "2024-01-01T00:00"}
    )
    assert "1 Jan 2024" in read_text(hour)
    for query in ({"as_of": "yesterday"}, {"at": "soon"}):
        assert (await people.checker.get(f"/claims/{claim}", params=query)).status_code == 422


async def test_unknown_address_is_answered_404(people: People) -> None:
    """An unknown claim, a mistyped id, a page that is none: a page with a way on."""
    for path in ("/claims/00000000-0000-7000-8000-000000000000", "/claims/x", "/nothing"):
        response = await people.checker.get(path)
        assert response.status_code == 404, path
        assert "To the board" in read_text(response)


async def test_claim_is_assigned(desk: Desk, people: People, claim: str) -> None:
    """Readers do not see who works on what; the desk does, and finds it in `mine`."""
    answer = await submit(
        people.checker,
        f"/claims/{claim}",
        f"/claims/{claim}/assignee",
        assignee=people.ids["checker2"],
    )
    assert answer.status_code == 303
    assert "Boris Checker" in read_text(await people.checker.get("/"))
    assert "Boris Checker" not in read_text(await people.reader.get("/"))
    assert "Boris Checker" not in read_text(await people.reader.get(f"/claims/{claim}"))
    assert "operating regime" in read_text(await people.checker2.get("/?assignee=me"))
    assert "operating regime" not in read_text(await people.checker.get("/?assignee=me"))
    assert (await people.reader.get("/?assignee=me")).status_code == 403


async def test_replies_stand_below_their_note(desk: Desk, people: People, claim: str) -> None:
    """Whom a note mentions is named; a refused reply is shown where it was typed."""
    await desk.post(f"/v1/claims/{claim}/notes", {"text": "Call KFOR, @boris checker"})
    note = await desk.post(f"/v1/claims/{claim}/notes", {"text": "Call EULEX"})
    page = await people.checker2.get(f"/claims/{claim}")
    replies = f"/claims/{claim}/notes/{note['id']}/replies"
    assert "for Boris Checker" in read_text(page)
    answer = await send_form(people.checker2, page, replies, note="Called, no answer")
    assert answer.status_code == 303
    page = await people.checker2.get(f"/claims/{claim}")
    thread = parse_page(page).get_element_by_id(f"n-{note['id']}")
    assert "Called, no answer" in read_words(thread.find("ul"))
    refusal = await send_form(people.checker2, page, replies, note=" ")
    assert refusal.status_code == 422
    form = find_form(parse_page(refusal), replies)
    assert form.getparent().get("open") is not None
    assert "note:" in read_words(form)


async def test_review_queue_names_reasons(desk: Desk, people: People, claim: str) -> None:
    """The queue tells why each claim is in it, and lets it be given to somebody from there."""
    assert "All clear" in read_text(await people.checker.get("/review"))
    await desk.link_statement(claim, "supports", "nato")
    queue = await people.checker.get("/review")
    (group,) = parse_page(queue).cssselect("#q-ready")
    assert "operating regime" in read_words(group)
    queue_page = await people.checker.get("/review?reason=drift")
    assert "evidence and status disagree" in read_text(queue_page)
    answer = await send_form(
        people.checker, queue, f"/claims/{claim}/assignee", assignee=people.ids["checker"]
    )
    assert answer.headers["location"] == "/review?done=assigned"
    assert "operating regime" in read_text(await people.checker.get("/review?assignee=me"))
    assert "Nothing to review" in read_text(await people.checker.get("/review?reason=stale"))
    assert (await people.checker.get("/review?reason=boredom")).status_code == 422
    assert (await people.reader.get("/review")).status_code == 403


async def test_page_of_many_statements_is_under_50_kilobytes(
    desk: Desk, people: People, claim: str
) -> None:
    """The latest of each party are on the page, with the way to the others; under 50 kB.  What a
    proposal rests on is always there."""
    first = await desk.link_statement(claim, "supports", "nato")
    proposal = await desk.change_status(claim, "confirmed", cites=[first["id"]])
    assert proposal.status_code == 202
    for turn in range(12):
        for party in ("washington", "pristina", "nato", "kosovo-police", "belgrade"):
            await desk.link_statement(
                claim, ("supports", "comments")[turn % 2], party, note="As said " * 4
            )
    page = await people.checker.get(f"/claims/{claim}")
    assert len(page.content) < 50_000
    cards = parse_page(page).cssselect(".card")
    assert len(cards) < 20
    assert parse_page(page).get_element_by_id(f"l-{first['id']}") is not None
    assert "9 earlier" in read_text(page)
    whole = await people.checker.get(f"/claims/{claim}?record=all")
    assert len(whole.content) < 120_000
    assert len(parse_page(whole).cssselect(".card")) == 41, "a page of them, and the origin"
    (following,) = parse_page(whole).cssselect("#evidence a[rel=next]")
    rest = await people.checker.get(following.get("href").partition("#")[0])
    assert len(parse_page(rest).cssselect(".card")) == 22
    assert not parse_page(rest).cssselect("#evidence a[rel=next]")


async def test_proposals_show_the_print_line_after_them(
    desk: Desk, people: People, claim: str
) -> None:
    """Nothing is ticked that nobody chose; a refusal says what is missing; the second person sees
    what prints now and what would, and no button to approve what has changed since."""
    denial = await desk.link_statement(claim, "contradicts", "pristina", basis="documents")
    address, target = f"/claims/{claim}", f"/claims/{claim}/finding"
    page = await people.checker.get(address)
    assert not parse_page(page).cssselect("input[type=checkbox][checked]")
    refusal = await submit(
        people.checker, address, target, finding="refuted", finding_reason="Counted again"
    )
    assert refusal.status_code == 409
    assert "needs at least one cited statement" in read_text(refusal)
    proposal = await submit(
        people.checker,
        address,
        target,
        finding="refuted",
        finding_reason="Counted again",
        finding_cites=[denial["id"]],
    )
    assert proposal.headers["location"].endswith("done=proposed#pending")
    response = await people.editor.get(address)
    assert "finding: refuted" in read_text(response)
    assert [read_words(item) for item in parse_page(response).cssselect(".prints dd")] == [
        "none refuted"
    ]
    queue = await people.editor.get("/review")
    (waiting,) = parse_page(queue).cssselect("#q-mine .row .stands")
    assert read_words(waiting).startswith("Ana Checker proposes: finding: refuted")
    own = parse_page(await people.checker.get("/review"))
    assert [part.get("id") for part in own.cssselect("#queue .group")] == ["q-others"]
    await desk.link_statement(claim, "contradicts", "washington", basis="documents")
    outdated_page = await people.editor.get(address)
    assert "can no longer be approved" in read_text(outdated_page)
    assert "Denied by: it was “Pristina”, and is “Pristina and Washington”" in read_text(
        outdated_page
    )
    approval = parse_page(outdated_page).cssselect(".pending button")
    assert [read_words(item) for item in approval] == ["Reject"]


async def test_a_finding_is_shown_to_the_public(settings: Settings) -> None:
    """Who proposed and approved it is the desk's business."""
    async with support.run_desk(settings.model_copy(update={"public_read": True})) as desk:
        await desk.record_parties()
        claim = (await desk.record_claim())["id"]
        denial = await desk.link_statement(claim, "contradicts", "nato")
        await desk.record_finding(claim, "refuted", denial["id"])
        page = await desk.public.get(f"/claims/{claim}")
        assert page.status_code == 200
        record = read_words(parse_page(page).get_element_by_id("record"))
        assert "Found: refuted" in record
        assert "approved by" not in record
