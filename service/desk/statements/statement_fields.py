"""The fields in which forms ask what somebody said: whose words, when, where they were read."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from service.desk.layout import forms
from service.desk.layout.forms import FieldError, Form
from service.directory import directory_queries, party_commands
from service.directory.directory_views import PartyView, SpeakerView
from service.domain import addresses
from service.domain.access import Actor
from service.domain.claims import Attribution, Basis, Precision, Rendering, format_instant
from service.domain.errors import Invalid
from service.domain.names import make_slug
from service.domain.partial_dates import parse_partial_date
from service.store.engine import Connection
from service.store.paging import MAX_LIMIT, Window
from service.web import time_zones
from service.web.bodies import statement_inputs
from service.web.bodies.directory_inputs import PartyIn

T = TypeVar("T")
UNSAID = "2000-01-01T00:00:00Z"
"""Stands for the instant that a form lacks, while the rest of it is checked."""
FIELDS = (
    "party",
    "new_party",
    "new_parent",
    "speaker",
    "role",
    "description",
    "withheld",
    "said_on",
    "said_hour",
    "said_in",
    "basis",
    "quote",
    "language",
    "rendering",
    "translation",
    "translation_language",
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
    "description": "description",
    "attribution": "description",
    "reason": "withheld",
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
"""The fields of a form, by their places in a body."""
TRANSLATION_NAMES = {"text": "translation", "language": "translation_language"}
"""The fields of a translation, by their places in the body of a quote."""
MOMENT = ("said_on", "said_hour", "said_in")
WITHDRAWAL = ("reason", "url", "publisher", "said_on", "said_hour", "said_in")
WITHDRAWAL_NAMES = {
    "source.url": "url",
    "source.publisher": "publisher",
    "said_at": "said_on",
    "precision": "said_on",
}


def keep_typed(form: Form | None) -> dict[str, str]:
    """Return what the fields held, to be shown again."""
    return form.keep(FIELDS) if form else dict.fromkeys(FIELDS, "")


def read_instant(
    form: Form, day: str, hour: str, month: str | None = None
) -> tuple[str, Precision]:
    """Read a day, and an hour of it where that is known, as an instant; or, of the field `month`, a
    month or a year. Raises Invalid."""
    on, at = form.get_text(day), form.get_text(hour)
    words = form.get_text(month) if month else None
    if words is not None and on is None and at is None:
        partial = parse_partial_date(words)
        if partial is None:
            raise Invalid("write it as August 2020, 2020-08 or 2020", loc=("body", month or ""))
        return format_instant(partial[0]), partial[1]
    if words is not None:
        raise Invalid("give the day, or only the month or year", loc=("body", month or ""))
    if on is None:
        raise Invalid("this is needed", loc=("body", day))
    if at is None:
        return f"{on}T00:00:00Z", Precision.DAY
    precision = Precision.SECOND if at.count(":") == 2 else Precision.MINUTE
    try:
        return format_instant(time_zones.parse_local(f"{on}T{at}")), precision
    except Invalid as error:
        raise Invalid(error.detail, loc=("body", hour)) from None
    except (ValueError, OverflowError):  # whoever checks all fields says what is wrong with it
        seconds = ":00" if precision is Precision.MINUTE else ""
        return f"{on}T{at}{seconds}Z", precision


def read_source(form: Form) -> dict[str, str | None]:
    """Read where it was read, as the API's body has it."""
    published_on = form.get_text("published_on")
    return {
        "url": form.get_text("url") or "",
        "publisher": form.get_text("publisher"),
        "title": form.get_text("title"),
        "published_at": f"{published_on}T00:00:00Z" if published_on else None,
        "language": form.get_text("language"),
        "archive_url": form.get_text("archive_url"),
    }


async def find_source(form: Form) -> dict[str, str | None] | str:
    """Find where it was read: the id of a source with the address, or the fields of a new one.

    Without a headline the recorded one is meant, unless something else that is typed differs from
    it: another would have no name.
    """
    typed = read_source(form)
    if typed["title"] is not None:
        return typed
    try:
        url = addresses.clean_address(typed["url"] or "")
    except ValueError:
        return typed  # whoever checks all fields says what is wrong with it
    source = await form.call.read(directory_queries.find_source_at, url)
    if source is None:
        return typed
    source_fields = {
        "publisher": source["publisher"],
        "published_at": source["published_at"],
        "archive_url": source["archive_url"],
    }
    differs = any(typed[name] not in (None, value) for name, value in source_fields.items())
    return typed if differs else source["id"]


def read_party(form: Form) -> str | None:
    """Read the party's slug: of one that is chosen, or that is named anew. Raises Invalid."""
    name = form.get_text("new_party")
    return form.get_text("party") if name is None else _make_party_slug(name)


def _make_party_slug(name: str) -> str:
    slug = make_slug(name)
    if not slug:
        raise Invalid(
            "no address can be made of this name: record the party under Parties, and choose it",
            loc=("body", "name"),
        )
    return slug


def with_new_party(form: Form, command: Callable[..., T]) -> Callable[..., T]:
    """Return `command`, which first records the party that the form names anew, if it does.

    One that is recorded already is taken as it is, unless the form says whose part it is: a list
    does not offer every party of a large desk.
    """
    name = form.get_text("new_party")
    if name is None:
        return command
    party = forms.parse_body(
        PartyIn,
        {"slug": _make_party_slug(name), "name": name, "parent": form.get_text("new_parent")},
    )

    def record_both(
        connection: Connection, *args: Any, actor: Actor, now: datetime, **kwargs: Any
    ) -> T:
        is_recorded = bool(directory_queries.read_names(connection, [party.slug]))
        if party.parent is not None or not is_recorded:
            party_commands.create_party(connection, **party.model_dump(), actor=actor, now=now)
        return command(connection, *args, actor=actor, now=now, **kwargs)

    return record_both


def read_speaker(form: Form) -> dict[str, str | None] | None:
    """Read the speaker, if one is named. Raises Invalid for a role of nobody."""
    name, role = form.get_text("speaker"), form.get_text("role")
    if name is None and role is not None:
        raise Invalid("name whose role this is, or leave the role empty", loc=("body", "speaker"))
    return None if name is None else {"name": name, "role": role}


def _read_attribution(form: Form) -> dict[str, str | None]:
    """Read how a source is described that is not named, if it is described."""
    description, withheld = form.get_text("description"), form.get_text("withheld")
    if description is None and withheld is None:
        return {}
    return {
        "attribution": Attribution.UNNAMED,
        "description": description,
        "reason": withheld,
    }


def read_quotes(form: Form, source: object) -> list[statement_inputs.QuoteIn]:
    """Read the words that a form has, and their translation.  Raises Invalid."""
    problems = forms.Problems()
    values = [_read_words(form, source), problems.gather(_read_translation, form, source)]
    quotes = [
        problems.gather(forms.parse_body, statement_inputs.QuoteIn, each) for each in values if each
    ]
    problems.raise_any()
    return [quote for quote in quotes if quote is not None]


def _read_words(form: Form, source: object) -> dict[str, object]:
    return {
        "text": form.get_verbatim("quote") or "",
        "language": form.get_text("language") or "",
        "rendering": form.get_text("rendering") or Rendering.VERBATIM,
        "source": source,
    }


def _read_translation(form: Form, source: object) -> dict[str, object] | None:
    """Read the same words in another language; None where there are none.  Raises Invalid.

    Beside a translation they are the original.
    """
    text, language = form.get_verbatim("translation"), form.get_text("translation_language")
    if text is None:
        return None
    is_original = form.get_text("rendering") == Rendering.TRANSLATED
    values: dict[str, object] = {
        "text": text,
        "language": language or "",
        "rendering": Rendering.VERBATIM if is_original else Rendering.TRANSLATED,
        "source": source,
    }
    try:
        forms.parse_body(statement_inputs.QuoteIn, values)
    except Invalid as error:
        raise Invalid(error.detail, errors=_name_errors(error)) from None
    if language == form.get_text("language"):
        raise Invalid(
            "a translation is in another language than the words",
            loc=("body", "translation_language"),
        )
    return values


def _name_errors(error: Invalid) -> list[FieldError]:
    """Return what is wrong with a translation, by the names of its fields; without what is wrong
    with its source, which is the words' own."""
    return [
        {"loc": ["body", TRANSLATION_NAMES[part["loc"][1]]], "msg": part["msg"]}
        for part in error.extras["errors"]
        if part["loc"][1] in TRANSLATION_NAMES
    ]


def read_statement(form: Form, source: object) -> statement_inputs.StatementIn:
    """Read the statement that a form describes. Raises Invalid with all that is wrong with it."""
    problems = forms.Problems()
    instant = problems.gather(read_instant, form, "said_on", "said_hour", "said_in")
    translation = problems.gather(_read_translation, form, source)
    statement: statement_inputs.StatementIn | None = problems.gather(
        forms.parse_body,
        statement_inputs.StatementIn,
        {
            "party": problems.gather(read_party, form),
            "speaker": problems.gather(read_speaker, form),
            **_read_attribution(form),
            "said_at": instant[0] if instant else UNSAID,
            "precision": instant[1] if instant else Precision.DAY,
            "basis": form.get_text("basis") or Basis.UNSTATED,
            "quotes": [_read_words(form, source), *([translation] if translation else [])],
        },
    )
    problems.raise_any()
    assert statement is not None, "whatever has no result has raised"
    return statement


def read_withdrawal(form: Form) -> statement_inputs.WithdrawalIn:
    """Read a withdrawal: why, where it was read, when it was said. Raises Invalid with all that is
    wrong with it."""
    problems = forms.Problems()
    url, publisher = form.get_text("url"), form.get_text("publisher")
    values: dict[str, object] = {"reason": form.get_text("reason") or ""}
    if url is not None or publisher is not None:
        values["source"] = {"url": url or "", "publisher": publisher}
    if any(form.get_text(name) for name in MOMENT):
        instant = problems.gather(read_instant, form, *MOMENT)
        values |= dict(zip(("said_at", "precision"), instant, strict=True)) if instant else {}
    withdrawal: statement_inputs.WithdrawalIn | None = problems.gather(
        forms.parse_body, statement_inputs.WithdrawalIn, values
    )
    problems.raise_any()
    assert withdrawal is not None, "whatever has no result has raised"
    return withdrawal


@dataclass(frozen=True, slots=True)
class KnownVoices:
    """The parties and speakers that a form offers."""

    parties: list[PartyView]
    speakers: Sequence[SpeakerView]


def list_known_voices(connection: Connection) -> KnownVoices:
    """List the parties and speakers that a form offers."""
    first_page = Window(MAX_LIMIT, None)
    parties = directory_queries.list_parties(connection, parent=None, window=first_page)
    people = directory_queries.list_speakers(connection, name=None, party=None, window=first_page)
    return KnownVoices(
        sorted(
            (party for party in parties if "merged_into" not in party),
            key=lambda party: (party["root"], party["parent"] is not None, party["name"]),
        ),
        [speaker for speaker in people if "merged_into" not in speaker],
    )
