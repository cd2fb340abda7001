"""Receivers that check what they get as Slack, Mattermost, Teams and Telegram document it, and
answer as these do."""

import asyncio
import html.parser
import re
from collections.abc import Callable, Iterator
from typing import Any

import orjson

from service.domain.webhooks import Format
from tests.webhooks.receivers import Behaviour, Receiver

Payload = dict[str, Any]
Check = Callable[[Any], None]
SLACK_LINK = re.compile(r"<https?://[^|<>]+\|[A-Za-z ]+>")
ENTITY = re.compile(r"&(amp|lt|gt);")


def check_slack(payload: Payload) -> None:
    """Check a message for an incoming webhook: Block Kit's texts, lengths and counts."""
    if not payload.get("text"):
        raise ValueError("no_text")
    check_slack_text(payload["text"], 40_000)
    if len(payload["blocks"]) > 50:
        raise ValueError("invalid_blocks")
    for block in payload["blocks"]:
        match block["type"]:
            case "header":
                check_slack_object(block["text"], 150, "plain_text")
            case "section":
                fields = block.get("fields", [])
                if len(fields) > 10 or not (fields or "text" in block):
                    raise ValueError("invalid_blocks")
                for text in fields:
                    check_slack_object(text, 2000, "plain_text")
                if "text" in block:
                    check_slack_object(block["text"], 3000, "plain_text")
            case "context":
                for element in block["elements"]:
                    check_slack_object(element, 3000, "mrkdwn")
                    if not SLACK_LINK.fullmatch(element["text"]):
                        raise ValueError("only links of ours are formatted")
            case _:
                raise ValueError("invalid_blocks")


def check_slack_object(text: Payload, length: int, kind: str) -> None:
    if text["type"] != kind or not text["text"]:
        raise ValueError("invalid_blocks")
    if kind == "plain_text":
        check_slack_text(text["text"], length)


def check_slack_text(text: str, length: int) -> None:
    """Check that no control character of Slack's stands in a text."""
    if len(text) > length:
        raise ValueError("msg_too_long")
    if "<" in text or ">" in text or "&" in ENTITY.sub("", text):
        raise ValueError("a control character is not escaped")


def check_mattermost(payload: Payload) -> None:
    """Check a post: it has a text of a length that every version takes."""
    if not payload.get("text") or len(payload["text"]) > 4000:
        raise ValueError("Unable to parse incoming data")


def check_teams(payload: Payload) -> None:
    """Check a message with one Adaptive Card of elements that Teams knows, of 28 KB at most."""
    if payload["type"] != "message" or len(orjson.dumps(payload)) > 28 * 1024:
        raise ValueError("too big, or no message")
    (attachment,) = payload["attachments"]
    if attachment["contentType"] != "application/vnd.microsoft.card.adaptive":
        raise ValueError("no Adaptive Card")
    card = attachment["content"]
    if card["type"] != "AdaptiveCard" or card["version"] not in {"1.2", "1.3", "1.4", "1.5"}:
        raise ValueError("no card of a version that Teams shows")
    for element in card["body"]:
        if element["type"] != "RichTextBlock" or not element["inlines"]:
            raise ValueError("an element that formats")
        for run in element["inlines"]:
            if run["type"] != "TextRun" or not isinstance(run["text"], str) or not run["text"]:
                raise ValueError("no run of text")
    for action in card.get("actions", []):
        if action["type"] != "Action.OpenUrl" or not action["url"].startswith("http"):
            raise ValueError("no link")


class TelegramParser(html.parser.HTMLParser):
    """Reads the few tags that Telegram knows, and what is left as text."""

    KNOWN = frozenset(("b", "i", "a", "blockquote"))

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text = ""
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in self.KNOWN or (attrs and tag != "a"):
            raise ValueError(f"can't parse entities: unsupported start tag {tag}")
        self.links += [value or "" for name, value in attrs if name == "href"]
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            raise ValueError("can't parse entities: unmatched end tag")

    def handle_data(self, data: str) -> None:
        self.text += data


def parse_telegram(text: str) -> TelegramParser:
    parser = TelegramParser()
    parser.feed(text)
    parser.close()
    if parser.open:
        raise ValueError("can't parse entities: unclosed tag")
    return parser


def check_telegram(payload: Payload) -> None:
    """Check what `sendMessage` takes: a chat, and 1 to 4,096 characters after parsing."""
    if not payload.get("chat_id") or payload["parse_mode"] != "HTML":
        raise ValueError("chat_id is empty")
    if not 0 < len(parse_telegram(payload["text"]).text) <= 4096:
        raise ValueError("message is too long")


CHECKS: dict[Format, Check] = {
    Format.SLACK: check_slack,
    Format.MATTERMOST: check_mattermost,
    Format.TEAMS: check_teams,
    Format.TELEGRAM: check_telegram,
}
ACCEPTED: dict[Format, tuple[int, bytes]] = {
    Format.SLACK: (200, b"ok"),
    Format.MATTERMOST: (200, b"ok"),
    Format.TEAMS: (202, b""),
    Format.TELEGRAM: (200, b'{"ok":true,"result":{"message_id":7}}'),
}
REFUSED: dict[Format, Callable[[str], tuple[int, bytes]]] = {
    Format.SLACK: lambda reason: (400, reason.encode()),
    Format.MATTERMOST: lambda reason: (
        400,
        orjson.dumps({"id": "web.incoming_webhook.parse.app_error", "message": reason}),
    ),
    Format.TEAMS: lambda reason: (400, orjson.dumps({"error": {"message": reason}})),
    Format.TELEGRAM: lambda reason: (
        400,
        orjson.dumps({"ok": False, "error_code": 400, "description": f"Bad Request: {reason}"}),
    ),
}


def build_service(format: Format) -> Behaviour:
    """A receiver that takes what is of the documented shape, and refuses the rest with 400."""

    async def behave(
        receiver: Receiver, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        while True:
            request = await receiver.request(reader)
            head, _, body = request.partition(b"\r\n\r\n")
            status, answer = ACCEPTED[format]
            try:
                if b"content-type: application/json" not in head.lower():
                    raise ValueError("no JSON")
                CHECKS[format](orjson.loads(body))
            except (ValueError, KeyError) as error:
                status, answer = REFUSED[format](str(error))
            await receiver.send(writer, build_answer(status, answer))

    return behave


def build_answer(status: int, body: bytes, *headers: bytes) -> bytes:
    lines = [b"HTTP/1.1 %d X" % status, b"Content-Length: %d" % len(body), *headers]
    return b"\r\n".join([*lines, b"", body])


def list_texts(value: object) -> Iterator[str]:
    """List every text of a payload."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for part in value.values():
            yield from list_texts(part)
    elif isinstance(value, list):
        for part in value:
            yield from list_texts(part)
