"""A client of an event stream that is cut again and again, and keeps what it saw."""

import time
from contextlib import closing
from http.client import HTTPConnection, HTTPException
from typing import Any
from urllib.parse import urlencode, urlsplit

from tests.support.eventsource import Message, Parser

Seen = tuple[int, str, int]
"""An event's number of all, its claim, and its number within the claim."""


class Listening:
    """Comes back with the last id that it got, as a browser does; `seen` is in order of arrival."""

    def __init__(self, token: str, **query: Any) -> None:
        self.seen: list[Seen] = []
        self.connections = 0
        self.refused = 0
        self.last_event_id = ""
        self._headers = {"Authorization": f"Bearer {token}", "Accept": "text/event-stream"}
        self._path = f"/v1/events/stream?{urlencode(query, doseq=True)}"

    def listen(self, url: str, *, events: int | None = None, seconds: float = 60) -> None:
        """Listen until so many events came or the time is up; gone, it leaves mid-sentence."""
        deadline = time.monotonic() + seconds
        parser = Parser(self.last_event_id)
        headers = dict(self._headers)
        if self.last_event_id:
            headers["Last-Event-ID"] = self.last_event_id
        address = urlsplit(url).netloc
        try:
            with closing(HTTPConnection(address, timeout=min(seconds, 20))) as connection:
                connection.request("GET", self._path, headers=headers)
                answer = connection.getresponse()
                if answer.status != 200:
                    self.refused += 1
                    return
                self.connections += 1
                remaining = events
                while (remaining is None or remaining > 0) and time.monotonic() < deadline:
                    line = answer.readline()
                    if not line.endswith(b"\n"):
                        return  # cut in the middle: nothing was dispatched
                    message = parser.line(line[:-1].decode())
                    self.last_event_id = parser.last_event_id
                    if message is not None:
                        self.seen.append(_describe(message))
                        remaining = None if remaining is None else remaining - 1
        except (OSError, HTTPException):
            return


def _describe(message: Message) -> Seen:
    item = message.item
    assert message.last_event_id == str(item["seq"])
    assert message.type == item["type"]
    return item["seq"], item["claim"], item["number"]
