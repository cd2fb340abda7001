"""What somebody said, as forms ask for it: whose words, when, where they were read."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, TypeVar

from service.desk.layout import forms
from service.desk.layout.forms import Form
from service.directory import directory_queries, party_commands
from service.domain import addresses
from service.domain.access import Actor
from service.domain.claims import Basis, Precision, Rendering
from service.domain.errors import Invalid
from service.domain.names import make_slug
from service.store.engine import Connection
from service.store.paging import MAX_LIMIT, Window
from service.web.bodies import claim_inputs
from service.web.bodies.directory_inputs import PartyIn

T = TypeVar("T")
UNSAID = "2000-01-01T00:00:00Z"
"""Stands in for the instant that a form lacks, while the rest of it is checked."""
SHORTEST = 2
"""Characters of a slug."""
FIELDS = (
    "party",
    "new_party",
    "new_parent",
    "speaker",
    "role",
    "said_on",
    "said_hour",
    "basis",
    "quote",
    "language",
    "rendering",
    "url",
    "publisher",
    "title",
    "published_on",
    "archive_url",
)
NAMES = {
    "slug": "new_party",
    "name": "new_party",
    "parent": "new_parent",
    "speaker.role": "role",
    "speaker": "speaker",
    "party": "party",
    "said_at": "said_on",
    "precision": "said_on",
    "basis": "basis",
    "quotes.text": "quote",
    "quotes.rendering": "rendering",
    "quotes.language": "language",
    "quotes.source.url": "url",
    "quotes.source.publisher": "publisher",
    "quotes.source.title": "title",
    "quotes.source.published_at": "published_on",
    "quotes.source.archive_url": "archive_url",
    "quotes": "quote",
}
"""Which field of a form is at fault, by where a body has it."""
WITHDRAWAL = ("reason", "url", "publisher", "said_on", "said_hour")
WITHDRAWAL_NAMES = {
    "source.url": "url",
    "source.publisher": "publisher",
    "said_at": "said_on",
    "precision": "said_on",
}


def typed(form: Form | None) -> dict[str, str]:
    """What the fields held, to show again."""
    return {name: (form.verbatim(name) or "") if form else "" for name in FIELDS}


def when(form: Form, day: str, hour: str) -> tuple[str, Precision]:
    """A day, and an hour of it where that is known, as an instant in UTC.  Raises Invalid."""
    on, at = form.text(day), form.text(hour)
    if on is None:
        raise Invalid("this is needed", loc=("body", day))
    if at is None:
        return f"{on}T00:00:00Z", Precision.DAY
    seconds = "" if at.count(":") == 2 else ":00"
    return f"{on}T{at}{seconds}Z", Precision.MINUTE if seconds else Precision.SECOND


def source(form: Form) -> dict[str, Any]:
    """Where it was read, as the API's body has it."""
    published = form.text("published_on")
    return {
        "url": form.text("url") or "",
        "publisher": form.text("publisher"),
        "title": form.text("title"),
        "published_at": f"{published}T00:00:00Z" if published else None,
        "language": form.text("language"),
        "archive_url": form.text("archive_url"),
    }


async def find_source(form: Form) -> dict[str, Any] | str:
    """Where it was read: the id of a source that is known at the address, or a new one's fields.

    Without a headline the known one is meant, unless something else that is typed differs from
    what it says: another would have no name.
    """
    typed = source(form)
    fault = addresses.find_address_fault(typed["url"])
    if fault is not None or typed["title"] is not None:
        return typed
    known = await form.call.read(directory_queries.find_source_at, typed["url"])
    if known is None:
        return typed
    differing = [
        name
        for name in ("publisher", "published_at", "archive_url")
        if typed[name] is not None and typed[name] != known[name]
    ]
    return typed if differing else str(known["id"])


def party(form: Form) -> str | None:
    """The party's slug: one that is chosen, or that of one that is named anew.  Raises Invalid."""
    name = form.text("new_party")
    return form.text("party") if name is None else _named(name)


def _named(name: str) -> str:
    made = make_slug(name)[:64].strip("-")
    if len(made) < SHORTEST:
        raise Invalid(
            "no address can be made of this name: record the party under Parties, and choose it",
            loc=("body", "name"),
        )
    return made


def with_new_party(form: Form, command: Callable[..., T]) -> Callable[..., T]:
    """`command`, in one transaction with the party that the form names anew, if it does.

    One that is recorded already is taken as it is, unless the form says whose part it is: a list
    does not offer every party of a large desk.
    """
    name = form.text("new_party")
    if name is None:
        return command
    made = forms.body(
        PartyIn, {"slug": _named(name), "name": name, "parent": form.text("new_parent")}
    ).model_dump()

    def both(connection: Connection, *args: Any, actor: Actor, now: datetime, **kwargs: Any) -> T:
        if made["parent"] is not None or not directory_queries.read_names(
            connection, [made["slug"]]
        ):
            party_commands.create_party(connection, **made, actor=actor, now=now)
        return command(connection, *args, actor=actor, now=now, **kwargs)

    return both


def speaker(form: Form) -> dict[str, Any] | None:
    name = form.text("speaker")
    if name is None:
        if form.text("role") is not None:
            raise Invalid("name the speaker too", loc=("body", "speaker"))
        return None
    return {"name": name, "role": form.text("role")}


def statement(form: Form, source: Mapping[str, Any] | str) -> claim_inputs.StatementIn:
    """The statement that a form tells of.  Raises Invalid with all that is wrong with it."""
    problems = forms.Problems()
    said = problems.gather(when, form, "said_on", "said_hour")
    checked: claim_inputs.StatementIn | None = problems.gather(
        forms.body,
        claim_inputs.StatementIn,
        {
            "party": problems.gather(party, form),
            "speaker": problems.gather(speaker, form),
            "said_at": said[0] if said else UNSAID,
            "precision": said[1] if said else Precision.DAY,
            "basis": form.text("basis") or Basis.UNSTATED,
            "quotes": [
                {
                    "text": form.verbatim("quote") or "",
                    "language": form.text("language") or "",
                    "rendering": form.text("rendering") or Rendering.VERBATIM,
                    "source": source,
                }
            ],
        },
    )
    problems.raise_any()
    assert checked is not None, "what a check does not make, it tells of"
    return checked


def withdrawal(form: Form) -> claim_inputs.WithdrawalIn:
    """A withdrawal that a form tells of: why, where it was read, when it was said.  Raises
    Invalid."""
    url, publisher = form.text("url"), form.text("publisher")
    if url is None and publisher is not None:
        raise Invalid("give the address too", loc=("body", "url"))
    values: dict[str, Any] = {
        "reason": form.text("reason") or "",
        "source": {"url": url, "publisher": publisher} if url else None,
    }
    if form.text("said_on") is not None:
        values["said_at"], values["precision"] = when(form, "said_on", "said_hour")
    elif form.text("said_hour") is not None:
        raise Invalid("give the day too", loc=("body", "said_on"))
    return forms.body(claim_inputs.WithdrawalIn, values)


def known(connection: Connection) -> dict[str, Any]:
    """The parties and speakers that a form offers."""
    every = Window(MAX_LIMIT, None)
    offered = directory_queries.list_parties(connection, parent=None, window=every)
    speakers = directory_queries.list_speakers(connection, name=None, party=None, window=every)
    return {
        "parties": sorted(
            offered, key=lambda one: (one["root"], one["parent"] is not None, one["name"])
        ),
        "speakers": speakers,
    }
