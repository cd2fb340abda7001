"""The options of `claimdesk webhooks create` that narrow what an endpoint is told of."""

from typing import Annotated

import typer

from service.domain.claims import Kind, Status
from service.domain.uses import UseClass
from service.domain.webhooks import EventType

Events = Annotated[
    list[EventType] | None,
    typer.Option(
        "--event",
        metavar="TYPE",
        help="Only this type, such as claim.status_changed; may be repeated.  Pings come anyway.",
    ),
]
Story = Annotated[str | None, typer.Option(metavar="STORY", help="Only claims of this story.")]
Claim = Annotated[str | None, typer.Option(metavar="ID", help="Only this claim.")]
Parties = Annotated[
    list[str] | None,
    typer.Option(
        metavar="PARTY",
        help="Only claims in which this one, or one below, speaks; may be repeated.",
    ),
]
FormerStatuses = Annotated[
    list[Status] | None,
    typer.Option(metavar="STATUS", help="Only changes from this status; may be repeated."),
]
LaterStatuses = Annotated[
    list[Status] | None,
    typer.Option(
        metavar="STATUS", help="Only changes to this status, such as confirmed; may be repeated."
    ),
]
Kinds = Annotated[
    list[Kind] | None,
    typer.Option(metavar="KIND", help="Only claims of this kind; may be repeated."),
]
Tags = Annotated[
    list[str] | None,
    typer.Option(metavar="TAG", help="Only claims that have this tag; may be repeated."),
]
Severities = Annotated[
    list[UseClass] | None,
    typer.Option(
        metavar="CLASS",
        help="Only what makes uses outdated in this class (kill, correction, update), if there "
        "are any; may be repeated.",
    ),
]
Languages = Annotated[
    list[str] | None,
    typer.Option(
        metavar="LANGUAGE",
        help="Only use.outdated, of what was printed in this language; may be repeated.",
    ),
]
Quotes = Annotated[
    bool,
    typer.Option(
        "--quotes/--no-quotes",
        help="Whether messages have the words of quotes, of which rights may be held.",
    ),
]
