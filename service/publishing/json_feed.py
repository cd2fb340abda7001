"""A feed as JSON Feed 1.1 (https://www.jsonfeed.org/version/1.1/)."""

import orjson

from service.domain.claims import format_instant
from service.domain.labels import STATUSES
from service.publishing.feed import Data, Entry, Feed

MEDIA_TYPE = "application/feed+json"


def document(feed: Feed) -> bytes:
    """The feed's page as it is served."""
    shape: Data = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": feed.title,
        "home_page_url": feed.base_url + feed.home,
        "feed_url": feed.url("json"),
        "authors": [{"name": feed.publisher, "url": feed.base_url}],
        "language": "en",
    }
    if feed.following:
        shape["next_url"] = feed.url("json", feed.following)
    shape["items"] = [_item(feed, entry) for entry in feed.entries]
    return orjson.dumps(shape)


def _item(feed: Feed, entry: Entry) -> Data:
    claim = entry.claim
    return {
        "id": entry.id,
        "url": feed.page_of(entry),
        "title": entry.title,
        "content_text": entry.text,
        "date_published": format_instant(entry.moment),
        "tags": [STATUSES[entry.status], *claim["tags"]],
        # An extension, for programs: the names and values of the API.
        "_claimdesk": {
            "about": f"{feed.base_url}/docs",
            "claim": claim["id"],
            "version": entry.version,
            "status": entry.status,
            "previous_status": entry.previous,
            "cause": entry.cause,
            "override": claim["override"],
            "print_line": claim["print_line"],
            "claimant": claim["claimant"],
            "story": claim["story"],
        },
    }
