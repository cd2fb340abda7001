"""The corrections log, through the API: what was printed, and what is true instead."""

from typing import Any

import feedparser

from tests.api.problems import require_field_error, require_problem
from tests.api.test_reversals import act
from tests.support import feed_rules
from tests.support.desk import Desk, Json
from tests.support.feed_rules import ATOM

FEED = "/feeds/corrections"


async def list_log(desk: Desk, **query: Any) -> list[Json]:
    """Read the whole log, page by page."""
    entries: list[Json] = []
    while True:
        answer = await desk.reader.get("/v1/corrections", params={"limit": 2, **query})
        assert answer.status_code == 200, answer.text
        body = answer.json()
        entries += body["items"]
        if body["next_cursor"] is None:
            return entries
        query["cursor"] = body["next_cursor"]


async def test_log_says_what_was_printed_and_what_is_true_instead(desk: Desk) -> None:
    """A confirmation lost, a wording, a void and its way back, newest first and page by page; what
    corrects nothing is not in it."""
    await desk.record_parties()
    claim = await desk.record_claim()
    link = await desk.confirm_claim(claim["id"])
    await desk.link_statement(claim["id"], "comments", "washington")
    assert await list_log(desk) == []
    confirmed_claim = await desk.read_claim(claim["id"])
    await desk.checker.post(f"/v1/links/{link}/retraction", json={"reason": "another party"})
    fallen_claim = await desk.read_claim(claim["id"])
    amendment = await desk.checker.patch(
        f"/v1/claims/{claim['id']}",
        json={"text": "Serbia has withdrawn some units", "material": True},
        headers={"If-Match": f'"{fallen_claim["version"]}"'},
    )
    assert amendment.status_code == 200, amendment.text
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
        confirmed_claim["print_line"],
        "confirmed",
    )
    assert (fall["after"]["print_line"], fall["claim"]) == (fallen_claim["print_line"], claim["id"])
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


async def record_corrections(desk: Desk) -> tuple[str, str]:
    """Two claims: one loses its confirmation and gets another wording, the other is void."""
    await desk.record_parties()
    first = (await desk.record_claim())["id"]
    link = await desk.confirm_claim(first)
    await desk.checker.post(f"/v1/links/{link}/retraction", json={"reason": "another party"})
    await desk.checker.patch(
        f"/v1/claims/{first}",
        json={"text": "Serbia has withdrawn some units", "material": True},
        headers={"If-Match": "*"},
    )
    second = (await desk.record_claim(text="A parody"))["id"]
    desk.clock.advance(days=1)
    await act(desk, f"/v1/claims/{second}/void")
    return first, second


async def test_log_is_narrowed_by_type_claim_and_time(desk: Desk) -> None:
    """Each filter alone and together, through pages; a cursor goes on with the same filters."""
    first, second = await record_corrections(desk)
    whole = await list_log(desk)
    assert [entry["claim"] for entry in whole] == [second, first, first]
    assert await list_log(desk, claim=first) == whole[1:]
    assert await list_log(desk, type="claim.amended") == [whole[1]]
    assert await list_log(desk, type="claim.voided", claim=first) == []
    void_at, amended_at = whole[0]["recorded_at"], whole[1]["recorded_at"]
    assert await list_log(desk, since=void_at) == whole[:1]
    assert await list_log(desk, until=amended_at) == whole[1:]
    assert await list_log(desk, since=amended_at, until=amended_at) == [whole[1]]
    for query in ({"type": "claim.created"}, {"claim": "x"}, {"since": "2023"}):
        refusal = await desk.reader.get("/v1/corrections", params=query)
        require_field_error(refusal, "query", next(iter(query)))


async def test_feed_of_corrections_says_what_the_log_says(desk: Desk) -> None:
    """In both formats, by their rules and as a reader of feeds reads them: class, sentence, the
    print lines of before and after, in pages."""
    await record_corrections(desk)
    log = await list_log(desk)
    as_json = await desk.reader.get(f"{FEED}.json")
    assert as_json.headers["content-type"] == "application/feed+json"
    feed = feed_rules.check_json_feed(as_json.json())
    assert (feed["title"], feed["home_page_url"]) == (
        "Claimdesk: corrections",
        "http://127.0.0.1:8000/corrections",
    )
    for item, entry in zip(feed["items"], log, strict=True):
        about = item["_claimdesk"].pop("about")
        assert (item["_claimdesk"], about) == (entry, "http://127.0.0.1:8000/docs")
        assert item["content_text"].startswith(entry["sentence"])
        for side in ("before", "after"):
            assert entry[side]["print_line"] in item["content_text"]
        assert item["url"].endswith(f"/claims/{entry['claim']}")
    assert [item["tags"][0] for item in feed["items"]] == ["Kill", "Correction", "Kill"]
    void, wording, fall = feed["items"]
    assert void["title"] == "Kill: A parody"
    assert "\nBefore: “Serbia has returned the operating regime" in wording["content_text"]
    assert "\nNow: “Serbia has withdrawn some units”. Claimed by" in wording["content_text"]
    assert fall["content_text"].count("Independently confirmed by NATO.") == 1
    atom = await desk.reader.get(f"{FEED}.atom")
    feed_rules.parse_atom(atom.content)
    read = feedparser.parse(atom.content)
    assert not read.bozo
    assert [entry.id for entry in read.entries] == [item["id"] for item in feed["items"]]
    assert [entry.content[0].value for entry in read.entries] == [
        item["content_text"] for item in feed["items"]
    ]
    assert [entry.tags[0].label for entry in read.entries] == ["Kill", "Correction", "Kill"]
    pages: list[str] = []
    url: str | None = f"{FEED}.json?limit=2"
    while url is not None:
        page = (await desk.reader.get(url)).json()
        pages += [item["id"] for item in page["items"]]
        url = page.get("next_url", "").removeprefix("http://127.0.0.1:8000") or None
        desk.clock.advance(days=2)
    assert pages == [item["id"] for item in feed["items"]]


async def test_feed_of_corrections_is_sent_only_when_it_is_new(desk: Desk) -> None:
    """304 to its own tag and date, 200 after another correction; nobody else's language."""
    first, second = await record_corrections(desk)
    answers = {}
    desk.clock.advance(minutes=2)
    for ending in ("atom", "json"):
        answer = answers[ending] = await desk.reader.get(f"{FEED}.{ending}")
        for condition in (
            {"If-None-Match": answer.headers["ETag"]},
            {"If-Modified-Since": answer.headers["Last-Modified"]},
        ):
            same = await desk.reader.get(f"{FEED}.{ending}", headers=condition)
            assert (same.status_code, same.content) == (304, b"")
        french = await desk.reader.get(
            f"{FEED}.{ending}",
            params={"lang": "fr"},
            headers={"If-None-Match": answer.headers["ETag"]},
        )
        assert french.status_code == 200
        assert "Aucune" in french.text
    assert answers["atom"].headers["ETag"] != answers["json"].headers["ETag"]
    log = (await desk.reader.get("/v1/corrections", params={"lang": "fr"})).json()["items"]
    assert "Aucune" in log[-1]["after"]["print_line"]
    # What is recorded beside it corrects nothing.
    await desk.link_statement(first, "comments", "washington")
    tag = {"If-None-Match": answers["json"].headers["ETag"]}
    assert (await desk.reader.get(f"{FEED}.json", headers=tag)).status_code == 304
    await act(desk, f"/v1/claims/{second}/restoration")
    assert (await desk.reader.get(f"{FEED}.json", headers=tag)).status_code == 200


async def test_feed_of_corrections_without_any_is_valid(desk: Desk) -> None:
    """A feed reader can be subscribed before there is anything; strangers sign in."""
    feed = await desk.reader.get(f"{FEED}.json")
    assert feed_rules.check_json_feed(feed.json())["items"] == []
    root = feed_rules.parse_atom((await desk.reader.get(f"{FEED}.atom")).content)
    assert root.findtext(f"{ATOM}updated") == "1970-01-01T00:00:00Z"
    require_problem(await desk.public.get(f"{FEED}.atom"), "not-authenticated")
