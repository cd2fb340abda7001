"""A claim to embed, as oEmbed 1.0 has it (https://oembed.com): its badge, its text, the line that
may be printed, and where it came from.

The HTML is well-formed XML without a script, and is never wider or higher than was asked for: what
does not fit is scrolled to.
"""

from dataclasses import dataclass
from datetime import datetime
from math import ceil
from typing import Any
from urllib.parse import quote

import orjson

from service.claims.webhook_bodies import claim_url
from service.domain import directions
from service.domain.claims import format_instant
from service.domain.labels import format_verdict
from service.publishing.markup import xml

WIDTH = 560
CACHE_AGE = 60
"""Seconds: no embed shows a status that is older."""
# How wide a character is, how much of a line stays empty before a word that does not fit, and how
# high a line is, in pixels, in the fonts of most pages: so that hardly anything is scrolled to.
CHARACTER, RAGGED, LINE, GAP = 9, 27, 24, 12

Data = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Box:
    """What the embed has to fit in, in pixels; None: any."""

    width: int | None = None
    height: int | None = None


def shape(claim: Data, box: Box, *, as_of: datetime | None, publisher: str, base_url: str) -> Data:
    """The answer for a claim as served, now or as of an instant."""
    width = min(WIDTH, box.width or WIDTH)
    height = _height(claim, width)
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
        "html": _html(claim, width, height, as_of, publisher, base_url),
    }


def json(shape: Data) -> bytes:
    return orjson.dumps(shape)


def document(shape: Data) -> bytes:
    """The answer as XML (oEmbed, 2.3.2)."""
    fields = "".join(f"<{name}>{xml(str(value))}</{name}>" for name, value in shape.items())
    return (
        f'<?xml version="1.0" encoding="utf-8" standalone="yes"?><oembed>{fields}</oembed>'
    ).encode()


def _height(claim: Data, width: int) -> int:
    lines = [_lines(text, width) for text in (claim["text"], claim["print_line"], " ")]
    return LINE * (sum(lines) + 2) + GAP * 3


def _lines(text: str, width: int) -> int:
    return ceil(len(text) * CHARACTER / max(width - RAGGED, CHARACTER))


def _html(
    claim: Data,
    width: int,
    height: int,
    as_of: datetime | None,
    publisher: str,
    base_url: str,
) -> str:
    then = f"?as_of={quote(format_instant(as_of))}" if as_of is not None else ""
    url = claim_url(claim["id"], base_url) + then
    badge = f"{base_url}/v1/claims/{claim['id']}/badge.svg{then}"
    return (
        f'<blockquote cite="{xml(url)}" style="margin:0;box-sizing:border-box;width:100%;'
        f'max-width:{width}px;max-height:{height}px;overflow:auto;overflow-wrap:anywhere">'
        f'<img src="{xml(badge)}" alt="{xml(format_verdict(claim))}" style="max-width:100%"/>'
        f'<p style="margin:{GAP}px 0"><a dir="auto" href="{xml(url)}">{xml(claim["text"])}</a></p>'
        f'<p style="margin:{GAP}px 0">{_isolate_words(claim["print_line"])}</p>'
        f'<a href="{xml(base_url)}">{xml(publisher)}</a></blockquote>'
    )


def _isolate_words(text: str) -> str:
    """The print line as XML: it is copied from the embed without direction marks."""
    return directions.RUN.sub(r"<bdi>\1</bdi>", xml(text))
