"""A feed as Atom (RFC 4287), in pages (RFC 5005, 3)."""

from collections.abc import Iterator

from service.domain.claims import format_instant
from service.domain.labels import STATUSES
from service.publishing.feed import Entry, Feed
from service.publishing.markup import xml

MEDIA_TYPE = "application/atom+xml"


def document(feed: Feed) -> bytes:
    """The feed's page as it is served."""
    return "\n".join(_lines(feed)).encode()


def _lines(feed: Feed) -> Iterator[str]:
    yield '<?xml version="1.0" encoding="utf-8"?>'
    yield '<feed xmlns="http://www.w3.org/2005/Atom" xml:lang="en">'
    # One feed, whatever is asked of it.
    yield f"<id>{xml(feed.base_url + feed.path)}.atom</id>"
    yield f"<title>{xml(feed.title)}</title>"
    yield f"<updated>{format_instant(feed.updated)}</updated>"
    yield f"<author><name>{xml(feed.publisher)}</name><uri>{xml(feed.base_url)}</uri></author>"
    yield "<generator>Claimdesk</generator>"
    yield _link("self", feed.url("atom", feed.cursor), MEDIA_TYPE)
    yield _link("first", feed.url("atom"), MEDIA_TYPE)
    if feed.following:
        yield _link("next", feed.url("atom", feed.following), MEDIA_TYPE)
    yield _link("alternate", feed.base_url + feed.home, "text/html")
    yield _link("alternate", feed.url("json"), "application/feed+json")
    for entry in feed.entries:
        yield from _entry(feed, entry)
    yield "</feed>\n"


def _entry(feed: Feed, entry: Entry) -> Iterator[str]:
    moment = format_instant(entry.moment)
    yield "<entry>"
    yield f"<id>{entry.id}</id>"
    yield f"<title>{xml(entry.title)}</title>"
    yield f"<updated>{moment}</updated>"
    yield f"<published>{moment}</published>"
    yield _link("alternate", feed.page_of(entry), "text/html")
    yield f"<content>{xml(entry.text)}</content>"
    claim, api = entry.claim, feed.base_url
    yield _category(entry.status, f"{api}/docs", STATUSES[entry.status])
    if claim["claimant"] is not None:
        yield _category(claim["claimant"]["party"], f"{api}/v1/parties", claim["claimant"]["name"])
    if claim["story"] is not None:
        yield _category(claim["story"], f"{api}/v1/stories")
    for tag in claim["tags"]:
        yield _category(tag)
    yield "</entry>"


def _link(relation: str, href: str, media_type: str) -> str:
    return f'<link rel="{relation}" type="{media_type}" href="{xml(href)}"/>'


def _category(term: str, scheme: str | None = None, label: str | None = None) -> str:
    """A category; those without a scheme are the desk's own tags."""
    named = {"term": term, "scheme": scheme, "label": label}
    given = "".join(f' {name}="{xml(value)}"' for name, value in named.items() if value)
    return f"<category{given}/>"
