"""Renders what is posted: the envelope of every body (Standard Webhooks 1.0), and a ping's."""

from collections.abc import Mapping
from datetime import datetime

import orjson

from service.domain.claims import format_instant
from service.domain.webhooks import EventType
from service.webhooks.webhook_views import MessageView, PingView


def render_body(kind: str, moment: datetime, data: Mapping[str, object]) -> bytes:
    """Render the body of an event of type `kind`."""
    message: MessageView = {"type": kind, "timestamp": format_instant(moment), "data": data}
    return orjson.dumps(message)


def read_timestamp(body: bytes) -> datetime:
    """Return when the event of a body was recorded."""
    return datetime.fromisoformat(orjson.loads(body)["timestamp"])


def remove_quotes(body: bytes) -> bytes:
    """Return a body without the words of the linked statements; the same bytes every time."""
    message = orjson.loads(body)
    data = message["data"]
    links = [link for name in ("cites", "links") for link in data.get(name) or ()]
    for part in (*links, data.get("link"), data.get("before"), data.get("after")):
        if isinstance(part, dict):
            for name in ("quote", "quotes"):
                part.pop(name, None)
    return orjson.dumps(message)


def render_ping(webhook: str, moment: datetime, *, base_url: str) -> bytes:
    """Render the body of a ping: it says who sends, and nothing of any claim."""
    data: PingView = {"webhook": webhook, "from": base_url}
    return render_body(EventType.PING, moment, data)
