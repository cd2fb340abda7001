"""Render a feed as JSON Feed 1.1 (https://www.jsonfeed.org/version/1.1/)."""

import orjson

from service.domain.claims import format_instant
from service.publishing.feed import Feed, FeedEntry
from service.views import JsonObject

MEDIA_TYPE = "application/feed+json"


def render_json_feed(feed: Feed) -> bytes:
    """Return the page as it is served."""
    page: JsonObject = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": feed.title,
        "home_page_url": feed.base_url + feed.home,
        "feed_url": feed.build_url("json"),
        "authors": [{"name": feed.publisher, "url": feed.base_url}],
        "language": "en",
    }
    if feed.next_cursor:
        page["next_url"] = feed.build_url("json", feed.next_cursor)
    page["items"] = [_build_item(feed, entry) for entry in feed.entries]
    return orjson.dumps(page)


def _build_item(feed: Feed, entry: FeedEntry) -> JsonObject:
    return {
        "id": entry.id,
        "url": feed.build_page_url(entry),
        "title": entry.title,
        "content_text": entry.text,
        "date_published": format_instant(entry.moment),
        "tags": list(entry.tags),
        # An extension, for programs: the names and values of the API.
        "_claimdesk": {"about": f"{feed.base_url}/docs", **entry.describe_for_programs()},
    }
