"""Renders messages for Telegram's `sendMessage`, in its HTML, and reads the addresses of bots.

    https://api.telegram.org/bot<token>/sendMessage?chat_id=-1001234567890

The token is whoever has it: it is kept apart from the address, which has `***` in its place.  A
message has up to 4,096 characters: what does not fit is left out, and the links stay.
"""

import html
import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

import orjson

from service.views import JsonObject
from service.webhooks.announcements import Announcement, join_parts, list_links

LENGTH = 4096
HIDDEN = "***"
PLACE = re.compile(r"(https?://[^/?#@\s]+(?:/[^?#\s]*?)?/bot)([^/?#]+)(/sendMessage)?(?=[?]|$)")
TOKEN = re.compile(r"[0-9]{1,20}:[A-Za-z0-9_-]{1,100}")
CHAT = re.compile(r"-?[0-9]{1,20}|@[A-Za-z0-9_]{1,64}")
FORM = "https://api.telegram.org/bot<token>/sendMessage?chat_id=<chat>"


@dataclass(frozen=True, slots=True)
class BotAddress:
    """Where a bot speaks: the address without its token, and the chat."""

    url: str
    chat: str
    topic: int | None


def split_token(url: str) -> tuple[str, str | None]:
    """Return a bot's address with `***` for its token, and the token; others as they are."""
    match = PLACE.match(url)
    if match is None:
        return url, None
    return f"{match[1]}{HIDDEN}/sendMessage{url[match.end() :]}", match[2]


def parse_address(url: str, token: str | None) -> BotAddress:
    """Parse an address from which `token` was split.  Raises ValueError with a sentence for
    people."""
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query))
    chat, topic = query.pop("chat_id", ""), query.pop("message_thread_id", None)
    if PLACE.match(url) is None or token is None or not TOKEN.fullmatch(token):
        raise ValueError(f"The address of a bot is {FORM}; the token is BotFather's.")
    if not CHAT.fullmatch(chat) or query or not (topic or "0").isdigit():
        raise ValueError(
            f"The address names the chat, a number or @channel, as in {FORM}; "
            "message_thread_id may name a topic of it."
        )
    return BotAddress(url.partition("?")[0], chat, int(topic) if topic else None)


def complete_address(url: str, token: str | None) -> str:
    """Return the address to post to, with the token in its place."""
    return parse_address(url, token).url.replace(f"/bot{HIDDEN}/", f"/bot{token}/", 1)


def render_message(announcement: Announcement, url: str, token: str | None) -> bytes:
    """Render the body of the POST."""
    address = parse_address(url, token)
    parts = [f"<b>{html.escape(announcement.heading)}</b>"]
    if announcement.claim:
        by = f" ({announcement.claimant})" if announcement.claimant else ""
        parts.append(html.escape(f"{announcement.claim}{by}"))
    if announcement.print_line:
        parts.append(html.escape(announcement.print_line))
    parts += [
        f"<i>{html.escape(label)}:</i> {html.escape(words)}" for label, words in announcement.facts
    ]
    parts += [
        f"<blockquote>{html.escape(quote.words)}</blockquote>"
        f"{html.escape(f'— {quote.voice} {quote.stance}')}"
        for quote in announcement.quotes
    ]
    parts += [
        f"• {html.escape(item.summary)}" + (f" {build_link(item.url, 'Open')}" if item.url else "")
        for item in announcement.items
    ]
    links = [build_link(url, words) for url, words in list_links(announcement)]
    message: JsonObject = {
        "chat_id": address.chat,
        "text": join_parts(parts, links, LENGTH),
        "parse_mode": "HTML",
        "link_preview_options": {"is_disabled": True},
    }
    if address.topic is not None:
        message["message_thread_id"] = address.topic
    return orjson.dumps(message)


def build_link(url: str, words: str) -> str:
    return f'<a href="{html.escape(url)}">{words}</a>'


def read_answer(body: bytes) -> tuple[str | None, float | None]:
    """Read what Telegram answers: why it took nothing, and how many seconds it asks for."""
    try:
        answer = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None, None
    if not isinstance(answer, Mapping) or answer.get("ok") is not False:
        return None, None
    parameters = answer.get("parameters")
    wait = parameters.get("retry_after") if isinstance(parameters, Mapping) else None
    reason = str(answer.get("description") or "no reason given")
    return f"Telegram refused it: {reason}", float(wait) if isinstance(wait, int) else None
