"""Renders messages for Slack's incoming webhooks.

Every text is an object of type `plain_text`, in which Slack formats nothing; the one link is ours.
`&`, `<` and `>` are escaped all the same, as Slack asks for all texts: with them mentions and links
begin.  `text` is what notifications show, and what Slack refuses a message without.
"""

from collections.abc import Mapping
from typing import Any

import orjson

from service.webhooks.announcements import Announcement, list_links

Block = Mapping[str, Any]
HEADER_LENGTH, SECTION_LENGTH, FIELD_LENGTH, LINK_LENGTH = 150, 3000, 2000, 2900
MOST_BLOCKS = 50


def render_message(announcement: Announcement) -> bytes:
    """Render the body of the POST."""
    summary = ": ".join(filter(None, (announcement.heading, announcement.claim)))
    blocks: list[Block] = [
        {"type": "header", "text": build_text(announcement.heading, HEADER_LENGTH)}
    ]
    if announcement.claim:
        by = f" ({announcement.claimant})" if announcement.claimant else ""
        blocks.append(build_section(f"{announcement.claim}{by}"))
    if announcement.print_line:
        blocks.append(build_section(announcement.print_line))
    if announcement.facts:
        fields = [
            build_text(f"{label}: {words}", FIELD_LENGTH) for label, words in announcement.facts
        ]
        blocks.append({"type": "section", "fields": fields[:10]})
    blocks += [
        build_section(f"“{quote.words}” — {quote.voice} {quote.stance}")
        for quote in announcement.quotes
    ]
    for item in announcement.items:
        blocks.append(build_section(item.summary))
        if item.url:
            blocks.append(build_link(item.url))
    # The last ones stay, whatever is left out.
    links = [build_link(url, words) for url, words in list_links(announcement)]
    return orjson.dumps(
        {
            "text": escape_text(summary, SECTION_LENGTH),
            "mrkdwn": False,
            "unfurl_links": False,
            "unfurl_media": False,
            "blocks": [*blocks[: MOST_BLOCKS - len(links)], *links],
        }
    )


def build_section(words: str) -> Block:
    return {"type": "section", "text": build_text(words, SECTION_LENGTH)}


def build_text(words: str, length: int) -> Mapping[str, Any]:
    return {"type": "plain_text", "text": escape_text(words, length), "emoji": False}


def build_link(url: str, words: str = "Open") -> Block:
    """Build a line with one link of ours, whose words are ours too."""
    link = f"<{escape_text(url, LINK_LENGTH)}|{words}>"
    return {"type": "context", "elements": [{"type": "mrkdwn", "text": link, "verbatim": True}]}


def escape_text(words: str, length: int) -> str:
    """Escape a text, cut where it would be longer than Slack takes."""
    escaped_words = escape(words)
    if len(escaped_words) <= length:
        return escaped_words
    text = words
    while len(escape(text)) >= length:
        text = text[: len(text) - max(1, (len(escape(text)) - length) // 5 + 1)]
    return escape(text) + "…"


def escape(words: str) -> str:
    return words.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
