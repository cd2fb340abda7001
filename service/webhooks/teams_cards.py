"""Renders Adaptive Cards for Microsoft Teams, posted to the address of a workflow.

Texts are runs of rich text, in which Teams reads no Markdown; a gap within `{{` keeps it from
reading a date.  A card may have 28 KB: what does not fit is left out, and the link stays.
"""

from collections.abc import Mapping
from typing import Any

import orjson

from service.views import JsonObject
from service.webhooks.announcements import Announcement, list_links

Element = Mapping[str, Any]
CARD_BYTES = 24 * 1024
GAP = "\u200b"
FAILED = b"Webhook message delivery failed"
TYPE = "application/vnd.microsoft.card.adaptive"
SCHEMA = "http://adaptivecards.io/schemas/adaptive-card.json"


def render_card(announcement: Announcement) -> bytes:
    """Render the body of the POST: a message with one card."""
    elements = [build_line(build_run(announcement.heading, weight="Bolder", size="Large"))]
    if announcement.claim:
        by = f" ({announcement.claimant})" if announcement.claimant else ""
        elements.append(build_line(build_run(f"{announcement.claim}{by}")))
    if announcement.print_line:
        elements.append(build_line(build_run(announcement.print_line, weight="Bolder")))
    elements += [
        build_line(build_run(f"{label}: ", isSubtle=True), build_run(words))
        for label, words in announcement.facts
    ]
    elements += [
        build_line(
            build_run(f"“{quote.words}”", italic=True),
            build_run(f" — {quote.voice} {quote.stance}", isSubtle=True),
        )
        for quote in announcement.quotes
    ]
    for item in announcement.items:
        run = build_run(item.summary)
        if item.url:
            run = {**run, "selectAction": {"type": "Action.OpenUrl", "url": item.url}}
        elements.append(build_line(run))
    actions = [
        {"type": "Action.OpenUrl", "title": words, "url": url}
        for url, words in list_links(announcement)
    ]
    body = _build_message(elements, actions)
    while len(body) > CARD_BYTES:
        elements = elements[:-1]
        body = _build_message([*elements, build_line(build_run("…"))], actions)
    return body


def build_run(words: str, **style: object) -> Element:
    text = words.replace("{{", f"{{{GAP}{{")
    return {"type": "TextRun", "text": text, **style}


def build_line(*runs: Element) -> Element:
    return {"type": "RichTextBlock", "inlines": list(runs)}


def read_answer(body: bytes) -> tuple[str | None, float | None]:
    """Read why Teams took nothing though it answered 200, as connectors do."""
    is_failure = body.lstrip(b'"').startswith(FAILED)
    return (body[:200].decode(errors="replace").strip('"') if is_failure else None), None


def _build_message(elements: list[Element], actions: list[dict[str, str]]) -> bytes:
    card: JsonObject = {
        "$schema": SCHEMA,
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": elements,
        "msteams": {"width": "Full"},
    }
    if actions:
        card["actions"] = actions
    attachment = {"contentType": TYPE, "contentUrl": None, "content": card}
    return orjson.dumps({"type": "message", "attachments": [attachment]})
