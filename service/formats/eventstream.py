"""Event streams as bytes (Server-Sent Events, WHATWG HTML 9.2).

A stream is blocks of fields, each ended by an empty line.  A block without data dispatches nothing,
but its `id` is where a client that comes back goes on from (9.2.6).
"""

MEDIA_TYPE = "text/event-stream"
HEARTBEAT = b":\n\n"
"""A comment, which clients pass over: proxies see that the connection is in use."""
NOT_LINE_ENDS = (("\x85", b"\\u0085"), ("\u2028", b"\\u2028"), ("\u2029", b"\\u2029"))
"""Characters that end no line of a stream, but of a text in many a language's library."""


def block(*, id: int, type: str, data: bytes) -> bytes:
    """One event.  `data` is JSON on one line."""
    for character, escaped in NOT_LINE_ENDS:
        data = data.replace(character.encode(), escaped)
    return b"id: %d\nevent: %b\ndata: %b\n\n" % (id, type.encode(), data)


def position(id: int) -> bytes:
    """That everything up to `id` was sent or not asked for."""
    return b"id: %d\n\n" % id


def opening(id: int, *, retry_ms: int) -> bytes:
    """Where a stream begins, and how long to wait before coming back when it ends."""
    return b"retry: %d\nid: %d\n\n" % (retry_ms, id)
