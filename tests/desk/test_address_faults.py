"""An address with a choice that there is not says which, in plain words, and leads on."""

from tests.desk.conftest import People, parse_page, read_words
from tests.support.desk import Desk

REFUSED = [
    ("/?status=unknown&kind=event", "Status: “unknown”", "/?kind=event"),
    ("/?status=disputed&status=odd", "Status: “odd”", "/?status=disputed"),
    ("/?stance=maybe", "Stance: “maybe”", "/"),
    ("/?drift=perhaps", "Ready to be marked: “perhaps”", "/"),
    ("/?party=No One", "Party: “No One”", "/"),
    ("/?party=nobody-here", "Party: “nobody-here”", "/"),
    ("/?story=" + "x" * 90, "Story: “" + "x" * 59 + "…”", "/"),
    ("/?as_of=yesterday", "As of: “yesterday”", "/"),
    ("/?status=disputed&cursor=odd", "", "/?status=disputed"),
    ("/review?reason=odd&assignee=me", "Why it is here: “odd”", "/review?assignee=me"),
    ("/printed?state=odd", "State: “odd”", "/printed"),
    ("/printed?class=odd&story=a", "What to publish: “odd”", "/printed?story=a"),
    ("/printed?claim=odd", "Claim: “odd”", "/printed"),
    ("/corrections?type=odd", "What was corrected: “odd”", "/corrections"),
    ("/corrections?since=odd&until=2023-10-02", "From: “odd”", "/corrections?until=2023-10-02"),
    ("/search?q=a&kind=odd", "Kind: “odd”", "/search?q=a"),
    ("/stories/border?clock=odd", "In the order of: “odd”", "/stories/border"),
    ("/stories/border?as_of=odd", "As of: “odd”", "/stories/border"),
    ("/claims/{claim}?as_of=odd", "As of: “odd”", "/claims/{claim}"),
    ("/parties?cursor=odd", "", "/parties"),
]
RAW = ("query.", "Input should", "String should", "UUID", "RFC 3339")


async def test_wrong_part_of_an_address_is_named_and_left_out(desk: Desk, people: People) -> None:
    await desk.record_parties()
    await desk.post("/v1/stories", {"slug": "border", "title": "Border"})
    claim = (await desk.record_claim(story="border"))["id"]
    for address, fault, remaining_address in REFUSED:
        answer = await people.checker.get(address.format(claim=claim))
        assert answer.status_code == 422, address
        (main,) = parse_page(answer).cssselect("main")
        assert [read_words(heading) for heading in main.cssselect("h2")] == [fault]
        assert not [raw for raw in RAW if raw in read_words(main)], address
        (way, _board) = (str(link.get("href")) for link in main.cssselect("a.button"))
        assert way == remaining_address.format(claim=claim)
        assert (await people.checker.get(way)).status_code == 200


async def test_choices_that_there_are_keep_the_other_filters(desk: Desk, people: People) -> None:
    await desk.record_parties()
    await desk.record_claim()
    answer = await people.checker.get("/?kind=event&status=unknown&status=disputed")
    links = parse_page(answer).cssselect("main .ways a")
    assert [read_words(link) for link in links] == [
        "Asserted",
        "Awaiting confirmation",
        "Confirmed",
        "Disputed",
    ]
    assert links[0].get("href") == "/?kind=event&status=disputed&status=asserted"
    for link in links:
        assert (await people.checker.get(link.get("href"))).status_code == 200


async def test_several_wrong_parts_are_all_named(people: People) -> None:
    answer = await people.checker.get("/?kind=odd&stance=odd&language=q")
    headings = [read_words(heading) for heading in parse_page(answer).cssselect("main h2")]
    assert headings == ["Stance: “odd”", "Kind: “odd”", "Language: “q”"]
