"""What is embedded elsewhere: by the rules of oEmbed 1.0, within its box, and nothing but text."""

from datetime import UTC, datetime
from typing import Any
from xml.etree import ElementTree

import orjson
import pytest

from service.publishing import oembed
from service.publishing.oembed import Box
from tests.publishing.test_badge import CLAIM
from tests.publishing.test_markup import HOSTILE, keep_xml_characters

BASE = "https://desk.example"
ID = "01970000-0000-7000-8000-000000000000"
ANY = Box()
THEN = datetime(2023, 10, 2, 18, tzinfo=UTC)


def require_shape(box: Box = ANY, as_of: datetime | None = None, **changes: Any) -> dict[str, Any]:
    claim = CLAIM | {"id": ID, "print_line": "Claimed by Belgrade."} | changes
    return oembed.build_embed(claim, box, as_of=as_of, publisher="The <Daily> & Co", base_url=BASE)


def parse_html(html: str) -> ElementTree.Element:
    """The HTML read as XML, which it is too (oEmbed, 2.3.4.4)."""
    return ElementTree.fromstring(html)


def test_embed_has_what_the_specification_requires() -> None:
    """Type rich with html, width and height (2.3.4.4); nothing is cached for over a minute; JSON
    and XML say the same."""
    embed = orjson.loads(orjson.dumps(require_shape()))
    assert (embed["version"], embed["type"]) == ("1.0", "rich")
    assert (embed["provider_name"], embed["provider_url"]) == ("The <Daily> & Co", BASE)
    assert embed["title"] == f"Disputed: {CLAIM['text']}"
    assert embed["cache_age"] <= 60
    assert isinstance(embed["width"], int)
    assert isinstance(embed["height"], int)
    root = ElementTree.fromstring(oembed.render_xml(require_shape()))
    assert root.tag == "oembed"
    assert {each.tag: each.text for each in root} == {
        name: str(value) for name, value in embed.items()
    }


def test_embed_shows_badge_text_print_line_and_publisher() -> None:
    """With an instant, all of that instant."""
    for as_of, query in ((None, ""), (THEN, "?as_of=2023-10-02T18%3A00%3A00Z")):
        html = parse_html(require_shape(as_of=as_of)["html"])
        (image,) = html.iter("img")
        assert image.get("src") == f"{BASE}/v1/claims/{ID}/badge.svg{query}"
        assert image.get("alt") == "Disputed"
        assert [(each.get("href"), each.text) for each in html.iter("a")] == [
            (f"{BASE}/claims/{ID}{query}", CLAIM["text"]),
            (BASE, "The <Daily> & Co"),
        ]
        assert "Claimed by Belgrade." in [each.text for each in html.iter("p")]


@pytest.mark.parametrize("box", [Box(), Box(300), Box(None, 90), Box(120, 60), Box(1, 1)], ids=str)
def test_embed_is_no_larger_than_was_asked_for(box: Box) -> None:
    """Width and height are within maxwidth and maxheight (2.2), and the HTML holds to them."""
    embed = require_shape(box, text="word " * 300)
    assert embed["width"] <= (box.width or 560)
    assert box.height is None or embed["height"] <= box.height
    html = parse_html(embed["html"])
    style = dict(part.split(":") for part in html.get("style", "").split(";"))
    assert style["max-width"] == f"{embed['width']}px"
    assert style["max-height"] == f"{embed['height']}px"
    assert (style["margin"], style["overflow"]) == ("0", "auto")
    (image,) = html.iter("img")
    assert image.get("style") == "max-width:100%"


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_becomes_markup(text: str) -> None:
    """Whatever is claimed, the HTML is the same elements with that text in them, in both
    formats."""
    embed = require_shape(text=text)
    root = ElementTree.fromstring(oembed.render_xml(embed))
    from_xml = root.findtext("html") or ""
    for html in (orjson.loads(orjson.dumps(embed))["html"], from_xml):
        elements = parse_html(html)
        assert [each.tag for each in elements.iter()] == ["blockquote", "img", "p", "a", "p", "a"]
        assert next(elements.iter("a")).text == keep_xml_characters(text)
