"""Render a claim to embed in other pages, in oEmbed 1.0 (https://oembed.com): its badge, its text,
the line that may be printed, and where it came from.

The HTML is well-formed XML without a script, and is never wider or higher than was asked for: what
does not fit is scrolled to.
"""

from dataclasses import dataclass
from datetime import datetime
from math import ceil
from urllib.parse import quote

from service.claims.claim_views import ClaimView
from service.claims.webhook_bodies import build_claim_url
from service.domain import directions
from service.domain.claims import format_instant
from service.domain.labels import format_verdict
from service.publishing.markup import escape_xml
from service.views import JsonObject

WIDTH = 560
CACHE_AGE = 60
"""Seconds: no embed shows a status that is older."""
# How wide a character is, how much of a line stays empty before a word that does not fit, and how
# high a line is, in pixels, in the fonts of most pages: so that hardly anything is scrolled to.
CHARACTER, RAGGED, LINE, GAP = 9, 27, 24, 12


@dataclass(frozen=True, slots=True)
class Box:
    """What the embed has to fit in, in pixels; None for any."""

    width: int | None = None
    height: int | None = None


def build_embed(
    claim: ClaimView, box: Box, *, as_of: datetime | None, publisher: str, base_url: str
) -> JsonObject:
    """Return the answer for a claim as served, now or as of an instant."""
    width = min(WIDTH, box.width or WIDTH)
    height = _estimate_height(claim, width)
    if box.height is not None:
        height = min(height, box.height)
    return {
        "version": "1.0",
        "type": "rich",
        "title": f"{format_verdict(claim)}: {directions.isolate_text(claim['text'])}",
        "provider_name": publisher,
        "provider_url": base_url,
        "cache_age": CACHE_AGE,
        "width": width,
        "height": height,
        "html": _render_html(claim, width, height, as_of, publisher, base_url),
    }


def render_xml(embed: JsonObject) -> bytes:
    """Return the answer as XML (oEmbed, 2.3.2)."""
    fields = "".join(f"<{name}>{escape_xml(str(value))}</{name}>" for name, value in embed.items())
    return (
        f'<?xml version="1.0" encoding="utf-8" standalone="yes"?><oembed>{fields}</oembed>'
    ).encode()


def _estimate_height(claim: ClaimView, width: int) -> int:
    lines = [_count_lines(text, width) for text in (claim["text"], claim["print_line"], " ")]
    return LINE * (sum(lines) + 2) + GAP * 3


def _count_lines(text: str, width: int) -> int:
    return ceil(len(text) * CHARACTER / max(width - RAGGED, CHARACTER))


def _render_html(
    claim: ClaimView,
    width: int,
    height: int,
    as_of: datetime | None,
    publisher: str,
    base_url: str,
) -> str:
    query = f"?as_of={quote(format_instant(as_of))}" if as_of is not None else ""
    url = escape_xml(build_claim_url(claim["id"], base_url) + query)
    badge = escape_xml(f"{base_url}/v1/claims/{claim['id']}/badge.svg{query}")
    text, status = escape_xml(claim["text"]), escape_xml(format_verdict(claim))
    return (
        f'<blockquote cite="{url}" style="margin:0;box-sizing:border-box;width:100%;'
        f'max-width:{width}px;max-height:{height}px;overflow:auto;overflow-wrap:anywhere">'
        f'<img src="{badge}" alt="{status}" style="max-width:100%"/>'
        f'<p style="margin:{GAP}px 0"><a dir="auto" href="{url}">{text}</a></p>'
        f'<p style="margin:{GAP}px 0">{_isolate_words(claim["print_line"])}</p>'
        f'<a href="{escape_xml(base_url)}">{escape_xml(publisher)}</a></blockquote>'
    )


def _isolate_words(text: str) -> str:
    """Return the print line as XML: it is copied from the embed without direction marks."""
    return directions.RUN.sub(r"<bdi>\1</bdi>", escape_xml(text))
