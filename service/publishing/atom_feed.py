"""Render a feed as Atom (RFC 4287), in pages (RFC 5005, 3)."""

from collections.abc import Iterator

from service.domain.claims import format_instant
from service.publishing.feed import Category, Feed, FeedEntry
from service.publishing.markup import escape_xml

MEDIA_TYPE = "application/atom+xml"


def render_atom(feed: Feed) -> bytes:
    """Return the page as it is served."""
    return "\n".join(_render_lines(feed)).encode()


def _render_lines(feed: Feed) -> Iterator[str]:
    yield '<?xml version="1.0" encoding="utf-8"?>'
    yield '<feed xmlns="http://www.w3.org/2005/Atom" xml:lang="en">'
    # One feed, whatever is asked of it.
    yield f"<id>{escape_xml(feed.base_url + feed.path)}.atom</id>"
    yield f"<title>{escape_xml(feed.title)}</title>"
    yield f"<updated>{format_instant(feed.updated)}</updated>"
    publisher, address = escape_xml(feed.publisher), escape_xml(feed.base_url)
    yield f"<author><name>{publisher}</name><uri>{address}</uri></author>"
    yield "<generator>Claimdesk</generator>"
    yield _render_link("self", feed.build_url("atom", feed.cursor), MEDIA_TYPE)
    yield _render_link("first", feed.build_url("atom"), MEDIA_TYPE)
    if feed.next_cursor:
        yield _render_link("next", feed.build_url("atom", feed.next_cursor), MEDIA_TYPE)
    yield _render_link("alternate", feed.base_url + feed.home, "text/html")
    yield _render_link("alternate", feed.build_url("json"), "application/feed+json")
    for entry in feed.entries:
        yield from _render_entry(feed, entry)
    yield "</feed>\n"


def _render_entry(feed: Feed, entry: FeedEntry) -> Iterator[str]:
    moment = format_instant(entry.moment)
    yield "<entry>"
    yield f"<id>{entry.id}</id>"
    yield f"<title>{escape_xml(entry.title)}</title>"
    yield f"<updated>{moment}</updated>"
    yield f"<published>{moment}</published>"
    yield _render_link("alternate", feed.build_page_url(entry), "text/html")
    yield f"<content>{escape_xml(entry.text)}</content>"
    for category in entry.list_categories():
        yield _render_category(category, feed.base_url)
    yield "</entry>"


def _render_link(relation: str, href: str, media_type: str) -> str:
    return f'<link rel="{relation}" type="{media_type}" href="{escape_xml(href)}"/>'


def _render_category(category: Category, base_url: str) -> str:
    """Render a category; those without a scheme are the desk's own tags."""
    scheme = None if category.place is None else f"{base_url}{category.place}"
    attributes = {"term": category.term, "scheme": scheme, "label": category.label}
    pairs = [f' {name}="{escape_xml(value)}"' for name, value in attributes.items() if value]
    return f"<category{''.join(pairs)}/>"
