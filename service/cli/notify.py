"""`claimdesk notify …`: whether mail and chat reach people."""

from typing import TYPE_CHECKING, Annotated

import typer

from service.cli import databases, shell
from service.domain import ids
from service.domain.errors import NotFound

if TYPE_CHECKING:
    from service.store.engine import Connection
    from service.webhooks.exchanges import Outgoing

app = typer.Typer(
    help="Mail and chat: whether they reach people.", no_args_is_help=True, **shell.STYLE
)


@app.command()
def test(
    whom: Annotated[
        str,
        typer.Argument(metavar="PERSON", help="Somebody's e-mail address, or a webhook's id."),
    ],
) -> None:
    """Send a test now, and say what was answered.

    To a person: by mail, and by the chat that they chose.  Nothing is stored or tried again.
    """
    import asyncio

    from service.webhooks import settlement, trials

    settings = shell.load_settings()
    messages = databases.read(prepare_messages, whom=whom.strip(), base_url=settings.base_url)
    answers = asyncio.run(trials.send_messages(settings, messages, shell.read_clock))
    failures = 0
    for message, answer in zip(messages, answers, strict=True):
        failure = settlement.describe_failure(answer)
        failures += failure is not None
        outcome = "delivered" if failure is None else f"failed: {failure}"
        status = f" ({answer.status})" if failure is None and answer.status else ""
        typer.echo(f"{message.url}: {outcome}{status}")
    if failures:
        raise shell.CommandError("Not all of it arrived.")


def prepare_messages(connection: "Connection", *, whom: str, base_url: str) -> "list[Outgoing]":
    """Prepare a test for a webhook, or for every channel of a person."""
    from service.accounts import account_queries
    from service.webhooks import trials

    now = shell.read_clock()
    webhook = ids.parse_id(whom)
    if webhook is not None:
        messages = trials.prepare_endpoint(connection, webhook, base_url=base_url, now=now)
        if not messages:
            raise shell.CommandError(
                "There is no webhook with this id.  See: claimdesk webhooks list"
            )
        return messages
    try:
        person = account_queries.read_user_by_email(connection, whom)
    except NotFound as error:
        raise shell.CommandError(
            f"Nobody here has the address {whom}.  See: claimdesk users list"
        ) from error
    return trials.prepare_person(
        connection, person["id"], email=person["email"], base_url=base_url, now=now
    )
