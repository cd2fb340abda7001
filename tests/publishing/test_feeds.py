"""Feeds byte by byte, by the rules of their formats, and as a reader of feeds reads them."""

from calendar import timegm
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import feedparser
import orjson
import pytest

from service.claims.documents import render_document
from service.domain.claims import Cause, ClaimState, Finding, Status
from service.publishing import atom_feed, feed, json_feed
from service.publishing.feed import NEVER, Entry, Feed
from tests.domain.builders import (
    MILLER,
    NATO,
    NOON,
    POLICE,
    build_claim,
    build_contradiction,
    build_request,
    build_support,
)
from tests.publishing.test_markup import HOSTILE, keep_xml_characters
from tests.support import feed_rules
from tests.support.feed_rules import ATOM, list_links

GOLDEN = Path(__file__).parent / "feeds"
BASE = "https://desk.example"


def build_entry(
    number: int, state: ClaimState, previous: Status | None = None, cause: str = ""
) -> Entry:
    """The entry for the event that left a claim in `state`; without `previous` it is the first."""
    change: dict[str, Any] = {"status": state.status, "previous_status": previous, "cause": cause}
    return feed.build_entry(
        event=f"01970000-0000-7000-8000-{number:012d}",
        type="claim.status_changed" if previous else "claim.created",
        version=number,
        moment=NOON + timedelta(minutes=number),
        data=orjson.dumps(change if previous else {"text": state.text}).decode(),
        document=render_document(state),
    )


def build_page(*entries: Entry, **changes: Any) -> Feed:
    whole = Feed(
        title="The Daily: Kosovo border, autumn 2023",
        updated=max((entry.moment for entry in entries), default=NEVER),
        home="/stories/border",
        path="/feeds/stories/border",
        query=(("limit", "5"),),
        cursor="here",
        next_cursor="there",
        publisher="The Daily",
        base_url=BASE,
        entries=entries,
    )
    return replace(whole, **changes)


def build_eventful_entries() -> tuple[Entry, ...]:
    """Entries of every status and much else."""
    request, support, denial = (
        build_request(MILLER),
        build_support(NATO),
        build_contradiction(POLICE),
    )
    asserted_claim = build_claim(story="border", tags=("troops", "a & b"))
    return (
        build_entry(
            5,
            build_claim(
                request, denial, status=Status.DISPUTED, finding=Finding.REFUTED, claimant=None
            ),
            Status.AWAITING_CONFIRMATION,
            Cause.DECISION,
        ),
        build_entry(
            4,
            replace(asserted_claim, status=Status.AWAITING_CONFIRMATION, text="Amended"),
            Status.CONFIRMED,
            Cause.AMENDMENT,
        ),
        build_entry(
            3,
            replace(
                asserted_claim, status=Status.CONFIRMED, links=(request, support), override=True
            ),
            Status.AWAITING_CONFIRMATION,
            Cause.DECISION,
        ),
        build_entry(
            2,
            replace(asserted_claim, status=Status.AWAITING_CONFIRMATION, links=(request,)),
            Status.ASSERTED,
            Cause.REQUEST,
        ),
        build_entry(1, asserted_claim),
    )


def build_eventful_feed() -> Feed:
    """A page with all of them."""
    return build_page(*build_eventful_entries())


@pytest.mark.parametrize(
    ("render", "name"),
    [(atom_feed.render_atom, "border.atom"), (json_feed.render_json_feed, "border.json")],
)
def test_feeds_are_the_bytes_of_golden_files(render: Any, name: str) -> None:
    """Programs that we do not know read these: change a golden file on purpose only."""
    assert render(build_eventful_feed()) == (GOLDEN / name).read_bytes()


@pytest.mark.parametrize(
    "feed",
    [build_eventful_feed(), build_page(), build_page(query=(), cursor=None, next_cursor=None)],
    ids=range(3),
)
def test_feeds_keep_the_rules_of_their_formats(feed: Feed) -> None:
    """RFC 4287 and JSON Feed 1.1, with entries, without, and on the last page."""
    feed_rules.parse_atom(atom_feed.render_atom(feed))
    feed_rules.check_json_feed(orjson.loads(json_feed.render_json_feed(feed)))


def test_feed_reader_reads_the_same_in_both_formats() -> None:
    """feedparser finds nothing to mend."""
    read = feedparser.parse(atom_feed.render_atom(build_eventful_feed()))
    feed_document = orjson.loads(json_feed.render_json_feed(build_eventful_feed()))
    assert not read.bozo, read.get("bozo_exception")
    assert read.version == "atom10"
    assert read.feed.title == feed_document["title"]
    assert read.feed.author == feed_document["authors"][0]["name"] == "The Daily"
    for entry, item in zip(read.entries, feed_document["items"], strict=True):
        assert (entry.id, entry.title, entry.link) == (item["id"], item["title"], item["url"])
        assert entry.content[0].value == item["content_text"]
        assert entry.content[0].type == "text/plain"
        assert entry.updated == entry.published == item["date_published"]
        assert datetime.fromtimestamp(timegm(entry.updated_parsed), UTC) == datetime.fromisoformat(
            item["date_published"]
        )
        words = {tag.label or tag.term for tag in entry.tags}
        assert words >= set(item["tags"])


def test_entry_text_can_be_printed() -> None:
    """What the status is, what it was, why it changed, and the print line of then."""
    newest, *_, first = build_eventful_entries()
    assert first.title == f"Asserted: {first.claim['text']}"
    assert first.text == f"Newly recorded: asserted. {first.claim['print_line']}"
    assert newest.text == (
        "From awaiting confirmation to disputed: the desk decided so. Unattributed claim "
        "(2 October 2023). Disputed by Pristina. State Department has asked for confirmation. No "
        "independent party has confirmed it. The desk found it refuted."
    ).replace("State Department", "Washington")
    for cause in set(Cause) - {Cause.IMPORT}:
        assert build_entry(1, build_claim(), Status.DISPUTED, cause).text.startswith(
            "From disputed to "
        )


def test_pages_link_to_each_other() -> None:
    """RFC 5005, 3: self is this page, first the first, next the next; it is one feed whatever the
    page, so id and feed_url stay."""
    first, feed = f"{BASE}/feeds/stories/border.atom?limit=5", build_eventful_feed()
    root = feed_rules.parse_atom(atom_feed.render_atom(feed))
    assert root.findtext(f"{ATOM}id") == first.removesuffix("?limit=5")
    assert list_links(root, "first") == [first]
    assert list_links(root, "self") == [f"{first}&cursor=here"]
    assert list_links(root, "next") == [f"{first}&cursor=there"]
    assert list_links(root, "alternate") == [
        f"{BASE}/stories/border",
        first.replace(".atom", ".json"),
    ]
    feed_document = orjson.loads(json_feed.render_json_feed(feed))
    assert feed_document["feed_url"] == first.replace(".atom", ".json")
    assert feed_document["next_url"] == f"{feed_document['feed_url']}&cursor=there"
    last = replace(feed, next_cursor=None)
    assert list_links(feed_rules.parse_atom(atom_feed.render_atom(last)), "next") == []
    assert "next_url" not in orjson.loads(json_feed.render_json_feed(last))


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_breaks_a_feed(text: str) -> None:
    """Whatever is claimed and whatever the tags: JSON has all of it, Atom all that XML can hold."""
    feed = build_page(build_entry(1, build_claim(text=text, tags=(f"x{text}",))), title=text)
    root = feed_rules.parse_atom(atom_feed.render_atom(feed))
    assert root.findtext(f"{ATOM}title") == keep_xml_characters(text)
    assert root.findtext(f"{ATOM}entry/{ATOM}title") == f"Asserted: {keep_xml_characters(text)}"
    assert f"x{keep_xml_characters(text)}" in [
        each.get("term") for each in root.iter(f"{ATOM}category")
    ]
    assert not feedparser.parse(atom_feed.render_atom(feed)).bozo
    (item,) = feed_rules.check_json_feed(orjson.loads(json_feed.render_json_feed(feed)))["items"]
    assert item["title"] == f"Asserted: {text}"
    assert item["tags"][1] == f"x{text}"
