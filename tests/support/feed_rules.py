"""What RFC 4287 and JSON Feed 1.1 require, written from their texts."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

ATOM = "{http://www.w3.org/2005/Atom}"
RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
# What may occur how often: RFC 4287, 4.1.1 and 4.1.2.
ONCE = {"id", "title", "updated"}
AT_MOST_ONCE = {
    "feed": {"generator", "icon", "logo", "rights", "subtitle"},
    "entry": {"content", "published", "rights", "source", "summary"},
}
ANY = {"author", "category", "contributor", "link"}


def parse_atom(document: bytes) -> Element:
    """The feed in `document`, if it is one by RFC 4287."""
    feed = ElementTree.fromstring(document)
    assert feed.tag == f"{ATOM}feed"
    _require_container(feed, "feed")
    authors = feed.findall(f"{ATOM}author")
    entries = feed.findall(f"{ATOM}entry")
    assert authors or all(each.find(f"{ATOM}author") is not None for each in entries), "4.1.1"
    assert _list_links(feed, "self"), "4.1.1 wants one"
    entry_keys = set()
    for entry in entries:
        _require_container(entry, "entry")
        content = entry.find(f"{ATOM}content")
        assert content is not None or _list_links(entry, "alternate"), "4.1.2"
        if content is not None:
            assert content.get("type", "text") == "text", "3.1.1.1: text has no markup"
            assert len(content) == 0
        key = (entry.findtext(f"{ATOM}id"), entry.findtext(f"{ATOM}updated"))
        assert key not in entry_keys, "4.1.1: no two entries with the same id and updated"
        entry_keys.add(key)
    return feed


def list_links(element: Element, relation: str) -> list[str]:
    return [link.get("href", "") for link in _list_links(element, relation)]


def _require_container(element: Element, kind: str) -> None:
    names = [each.tag.removeprefix(ATOM) for each in element]
    more = {"entry"} if kind == "feed" else set()
    assert set(names) <= ONCE | AT_MOST_ONCE[kind] | ANY | more
    assert all(names.count(each) == 1 for each in ONCE)
    assert all(names.count(each) <= 1 for each in AT_MOST_ONCE[kind])
    if kind == "feed" and "entry" in names:
        first = names.index("entry")
        assert set(names[first:]) == {"entry"}
    _require_iri(element.findtext(f"{ATOM}id") or "")
    for name in ("updated", "published"):
        for date in element.findall(f"{ATOM}{name}"):
            _require_date(date.text or "")
    for author in element.findall(f"{ATOM}author"):
        assert [each.tag for each in author] in ([f"{ATOM}name"], [f"{ATOM}name", f"{ATOM}uri"])
        assert author.findtext(f"{ATOM}name")
    alternates = []
    for link in element.findall(f"{ATOM}link"):
        _require_iri(link.get("href", ""))
        if link.get("rel", "alternate") == "alternate":
            alternates.append((link.get("type"), link.get("hreflang")))
    assert len(set(alternates)) == len(alternates), "4.1.1, 4.1.2"
    for category in element.findall(f"{ATOM}category"):
        assert category.get("term"), "4.2.2"
        assert set(category.keys()) <= {"term", "scheme", "label"}
        if category.get("scheme") is not None:
            _require_iri(category.get("scheme", ""))


def _list_links(element: Element, relation: str) -> list[Element]:
    matches = element.findall(f"{ATOM}link")
    return [each for each in matches if each.get("rel", "alternate") == relation]


def _require_iri(text: str) -> None:
    assert urlsplit(text).scheme, text
    assert not re.search(r"[\s<>\"{}|\\^`]", text), text


def _require_date(text: str) -> None:
    assert RFC3339.fullmatch(text), text
    datetime.fromisoformat(text)


# Names and types of https://www.jsonfeed.org/version/1.1/; what it requires is in REQUIRED.
FEED = {
    "version": str,
    "title": str,
    "home_page_url": str,
    "feed_url": str,
    "description": str,
    "next_url": str,
    "authors": list,
    "language": str,
    "items": list,
}
ITEM = {
    "id": str,
    "url": str,
    "title": str,
    "content_text": str,
    "content_html": str,
    "summary": str,
    "date_published": str,
    "date_modified": str,
    "tags": list,
}
REQUIRED = {"feed": {"version", "title", "items"}, "item": {"id"}}


def check_json_feed(feed: dict[str, Any]) -> dict[str, Any]:
    """`feed`, if it is one by JSON Feed 1.1."""
    _require_object(feed, FEED, REQUIRED["feed"])
    assert feed["version"] == "https://jsonfeed.org/version/1.1"
    for author in feed["authors"]:
        assert author.keys() & {"name", "url", "avatar"}
    assert feed.get("next_url") != feed["feed_url"]
    for name in ("home_page_url", "feed_url", "next_url"):
        if name in feed:
            _require_iri(feed[name])
    for item in feed["items"]:
        _require_object(item, ITEM, REQUIRED["item"])
        assert {"content_text", "content_html"} & item.keys()
        _require_date(item["date_published"])
        assert all(isinstance(tag, str) for tag in item["tags"])
    item_ids = [each["id"] for each in feed["items"]]
    assert len(set(item_ids)) == len(item_ids)
    return feed


def _require_object(item: dict[str, Any], kinds: Mapping[str, type], required: set[str]) -> None:
    assert required <= item.keys()
    for name, value in item.items():
        if name.startswith("_"):
            # An extension: letters after the underscore, an object, saying what it is about.
            assert re.fullmatch(r"_[A-Za-z][^.]*", name)
            assert isinstance(value, dict)
            assert "about" in value
        else:
            assert isinstance(value, kinds[name]), name
