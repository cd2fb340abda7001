"""Write event streams as bytes (Server-Sent Events, WHATWG HTML 9.2).

A stream is blocks of fields, each ended by an empty line. A block without data dispatches nothing,
but its `id` is where a client that comes back goes on from (9.2.6).
"""

MEDIA_TYPE = "text/event-stream"
HEARTBEAT = b":\n\n"
"""A comment, which clients ignore: proxies see that the connection is in use."""
INBOX = b"event: inbox\ndata: {}\n\n"
"""Somebody's inbox has something new, or less that is unread; of no event, so without id."""
NOT_LINE_ENDS = (("\x85", b"\\u0085"), ("\u2028", b"\\u2028"), ("\u2029", b"\\u2029"))
"""Characters that end no line of a stream, but do so in the libraries of many languages."""


def write_event(*, id: int | str, type: str, data: bytes) -> bytes:
    """Return the block of one event. `data` is JSON on one line."""
    for character, escape in NOT_LINE_ENDS:
        data = data.replace(character.encode(), escape)
    return b"id: %b\nevent: %b\ndata: %b\n\n" % (str(id).encode(), type.encode(), data)


def write_position(id: int | str) -> bytes:
    """Return the block which says that everything up to `id` was sent or not asked for."""
    return b"id: %b\n\n" % str(id).encode()


def write_opening(id: int | str, *, retry_ms: int) -> bytes:
    """Return the block which says where a stream begins, and how long to wait when it ends."""
    return b"retry: %d\nid: %b\n\n" % (retry_ms, str(id).encode())
