"""What the commands on webhooks share: arguments held against the API's rules, one webhook read or
changed, lists."""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from service.cli import databases, shell
from service.cli.keys import UNITS
from service.domain import ids
from service.domain.claims import rfc3339
from service.domain.errors import NotFound
from service.domain.webhooks import DeliveryState
from service.store.engine import Connection

if TYPE_CHECKING:
    from pydantic import BaseModel

    from service.store.paging import Window

T = TypeVar("T")
Model = TypeVar("Model", bound="BaseModel")
Shape = dict[str, Any]
ON_THIS_MACHINE = "CLAIMDESK_WEBHOOK_ALLOW_HTTP=on CLAIMDESK_WEBHOOK_ALLOW_CIDRS={network}"
"""What lets a webhook go to a receiver on the machine itself."""
OPTIONS = {"event_types": "--event", "parties": "--party", "url": "URL"}
NO_WEBHOOK = "There is no webhook with this id."


def told_of(webhook: Shape) -> str:
    """What an endpoint's filters let through, in words."""
    parts = [", ".join(webhook["event_types"]) or "every event"]
    for name in ("story", "claim"):
        if webhook[name] is not None:
            parts.append(f"of the {name} {webhook[name]}")
    if webhook["parties"]:
        parts.append(f"where {' or '.join(webhook['parties'])} speaks")
    return " ".join(parts)


def health(webhook: Shape, *, now: datetime) -> str:
    """How an endpoint does, in a few words."""
    of = webhook["health"]
    parts = [f"{of[name]:,} {name}" for name in ("pending", "dead") if of[name]]
    if of["failures_in_a_row"]:
        times = f" {of['failures_in_a_row']:,} times" if of["failures_in_a_row"] > 1 else ""
        parts.append(f"failed{times}: {of['last_error']}")
    elif of["last_success_at"]:
        parts.append(f"well at {second(of['last_success_at'])}")
    rest = rests_until(webhook, now=now)
    if rest is not None:
        parts.append(f"left alone until {rest}")
    return ", ".join(parts) or "nothing sent yet"


def rests_until(webhook: Shape, *, now: datetime) -> str | None:
    """Until when nothing is sent, because its breaker is open or its receiver asked for it."""
    until: str | None = webhook["health"]["blocked_until"]
    if until is None or datetime.fromisoformat(until) <= now:
        return None
    return second(until)


def standing(delivery: Shape) -> str:
    """How a delivery stands, in a few words."""
    if delivery["in_flight"]:
        return "in flight"
    parts = [delivery["state"]]
    if delivery["attempts"] > 1:
        parts.append(f"{delivery['attempts']:,} tries")
    if delivery["last_error"] and delivery["state"] != DeliveryState.DELIVERED:
        parts.append(delivery["last_error"])
    if delivery["attempts"] and delivery["next_attempt_at"]:
        parts.append(f"again at {second(delivery['next_attempt_at'])}")
    return ", ".join(parts)


def second(moment: str) -> str:
    """An instant for people, without its fraction."""
    return f"{moment[:10]} {moment[11:19]}Z"


def moment(text: str, *, now: datetime) -> datetime:
    """`3d` before now, or an RFC 3339 instant."""
    span = re.fullmatch(r"(\d{1,6})([mhdw])", text.strip())
    try:
        if span is not None:
            return now - timedelta(**{UNITS[span[2]]: int(span[1])})
        instant = datetime.fromisoformat(text.strip())
        if instant.tzinfo is not None:
            return instant.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise shell.misused(
        f"--since {text}: say a time back from now (90m, 2h, 3d, 4w), or an instant with an "
        f"offset, such as {rfc3339(now.replace(microsecond=0) - timedelta(days=3))}."
    )


def checked(model: type[Model], **values: Any) -> Model:
    """The API's own shape of these: what is made here is valid there.  Stops with each fault."""
    from pydantic import ValidationError

    try:
        return model(**values)
    except ValidationError as error:
        faults = []
        for fault in error.errors():
            field = str(fault["loc"][0])
            message = fault["msg"].removeprefix("Value error, ")
            faults.append(f"{OPTIONS.get(field, f'--{field}')} {fault['input']}: {message}")
        raise shell.misused("\n  ".join(faults)) from error


def vet(url: str) -> None:
    """Refuse what the guard would refuse at each attempt."""
    import asyncio

    from service.webhooks.address_guard import Refused
    from service.webhooks.dispatcher import guard

    try:
        asyncio.run(guard(shell.settings()).check(url))
    except Refused as refused:
        message = str(refused)
        if re.match(r"https?://(127\.|localhost\b)", url):
            message += (
                "\n  For a receiver on this machine, at http://127.0.0.1:PORT, set this here and "
                f"for claimdesk serve:\n  export {ON_THIS_MACHINE.format(network='127.0.0.0/8')}"
            )
        raise shell.misused(message) from refused


def known(webhook: str) -> str:
    parsed = ids.parse(webhook.strip())
    if parsed is None:
        raise shell.misused(f"{webhook!r} is no webhook's id.  See: claimdesk webhooks list")
    return parsed


@contextmanager
def found(webhook: str) -> Iterator[None]:
    """Say where ids are listed, of what is not found."""
    try:
        yield
    except NotFound as error:
        where = f"deliveries {webhook}" if "delivery" in error.detail else "list"
        raise shell.Stopped(f"{error.detail}  See: claimdesk webhooks {where}") from error


def change(webhook: str, command: Callable[..., T], **arguments: Any) -> tuple[Shape, T]:
    """Run a command on a webhook, as the operator; gives how the webhook is then (empty where it
    was deleted) and what the command gave."""
    from service.accounts import account_commands
    from service.webhooks import webhook_queries

    def act(connection: Connection, **who: Any) -> tuple[Shape, T]:
        result = command(connection, webhook, **arguments, **who)
        return webhook_queries.one(connection, webhook) or {}, result

    with found(webhook):
        return databases.write(act, actor=account_commands.SYSTEM, now=shell.now())


def redeliver(connection: Connection, webhook: str, *, message: str, **who: Any) -> Shape:
    """Send a delivery again; gives how it is then."""
    from service.webhooks import webhook_commands, webhook_queries

    webhook_commands.redeliver(connection, webhook, message, **who)
    shape = webhook_queries.delivery(connection, webhook, message) or {}
    return {name: value for name, value in shape.items() if name not in {"body", "attempt_log"}}


def make(connection: Connection, *, settings: Shape, now: datetime) -> Shape:
    from service.accounts import account_commands
    from service.webhooks import webhook_commands, webhook_queries

    webhook, secret = webhook_commands.create(
        connection, settings, actor=account_commands.SYSTEM, now=now
    )
    return {**(webhook_queries.one(connection, webhook) or {}), "secret": secret}


def every(connection: Connection) -> list[Shape]:
    from service.webhooks import webhook_queries

    return _pages(lambda window: webhook_queries.page(connection, window), ("created_at", "id"))


def deliveries(connection: Connection, *, webhook: str, limit: int, **filters: Any) -> list[Shape]:
    from service.webhooks import webhook_queries

    def page(window: "Window") -> list[Shape]:
        rows = webhook_queries.delivery_page(connection, webhook, window, **filters)
        if rows is None:
            raise NotFound(NO_WEBHOOK)
        return rows

    return _pages(page, ("created_at", "position", "id"), limit)


def _pages(
    page: Callable[["Window"], list[Shape]], keys: Sequence[str], most: int | None = None
) -> list[Shape]:
    """All rows of a list sorted by `keys`, or the first of them."""
    from service.store.paging import MAX_LIMIT, Window, cut

    rows: list[Shape] = []
    after = None
    while True:
        window = Window(MAX_LIMIT if most is None else min(MAX_LIMIT, most - len(rows)), after)
        more, last = cut(page(window), window, lambda row: [row[key] for key in keys])
        rows += more
        if last is None or len(rows) == most:
            return rows
        after = list(last)
