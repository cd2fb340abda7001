"""Forms: who sent one, whether it is ours, and what was in it.

A form carries the token of its session (no other site knows that) and a number of its own: sent
twice by a double click, it is carried out once.
"""

import asyncio
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, TypeVar

from fastapi import Depends, Request
from pydantic import BaseModel, ValidationError
from starlette.datastructures import FormData
from starlette.responses import Response

from service.domain.access import Action
from service.domain.errors import CrossSite, Invalid, NotAuthenticated, StillRunning
from service.record.idempotency import Answer
from service.web import sessions
from service.web.calls import Allow, Call
from service.web.fields import COUNTRY, EMAIL, LANGUAGE, SLUG
from service.web.request_context import context_of

T = TypeVar("T")
B = TypeVar("B", bound=BaseModel)
MOST_FIELDS, MAX_BYTES = 2_000, 2 * 1024 * 1024
WAITS, WAIT_SECONDS = 50, 0.1
LOCAL = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d{1,9})?)?", re.ASCII)
TOP = ""
"""Where an error stands that belongs to no field."""


@dataclass(frozen=True, slots=True)
class Form:
    """What was sent, and by whom."""

    call: Call
    data: FormData
    once: str | None
    """What the first answer is kept under."""

    def text(self, name: str) -> str | None:
        """A field's text; None where it is empty."""
        value = self.data.get(name)
        text = value.replace("\r\n", "\n").strip() if isinstance(value, str) else ""
        return text or None

    def verbatim(self, name: str) -> str | None:
        """A field's text as it stands, but for the line ends that browsers send."""
        value = self.data.get(name)
        text = value.replace("\r\n", "\n") if isinstance(value, str) else ""
        return text if text.strip() else None

    def texts(self, name: str) -> list[str]:
        return [one for one in self.data.getlist(name) if isinstance(one, str) and one]

    def ticked(self, name: str) -> bool:
        return self.text(name) is not None

    def number(self, name: str) -> float | None:
        """Raises Invalid for what is no number."""
        text = self.text(name)
        try:
            return None if text is None else float(text)
        except ValueError:
            raise Invalid("this is a number", loc=("body", name)) from None

    @property
    def versions(self) -> frozenset[int]:
        """The version of the claim that the page showed.  Raises Invalid."""
        text = self.text("version") or ""
        if not text.isascii() or not text.isdecimal() or len(text) > 9:
            raise Invalid("the form lacks the version that it was made for; load the page again")
        return frozenset({int(text)})

    async def carry_out(
        self,
        command: Callable[..., T],
        *args: Any,
        then: str | Callable[[T], str],
        **kwargs: Any,
    ) -> Response:
        """Run `command` as the sender and show the page `then` (or what it makes of the
        result).  The second of two clicks waits for what the first one does, and is shown that.
        """

        def answer(_: Any, result: T) -> Answer:
            return Answer(303, b"", {"Location": then if isinstance(then, str) else then(result)})

        for _ in range(WAITS):
            try:
                return await self.call.write(command, *args, answer=answer, key=self.once, **kwargs)
            except StillRunning:
                await asyncio.sleep(WAIT_SECONDS)
        return await self.call.write(command, *args, answer=answer, key=self.once, **kwargs)


class Posting(Allow):
    """The dependency that says what a form's route takes, and reads the form."""

    async def __call__(self, request: Request) -> Any:
        call = await super().__call__(request)
        # A key that a program sends beside some cookie is no session of anybody's.
        credential = context_of(request.scope).credential
        if credential is None or credential.key is not None:
            raise NotAuthenticated("Sign in at the desk: forms belong to a session.")
        return await read(call)


def posted(action: Action | None) -> Any:
    return Depends(Posting(action, page=True), scope="function")


async def read(call: Call) -> Form:
    """The form that was sent.  Raises CrossSite where it was not filled in on our page."""
    request = call.request
    sent_as = await request.body()  # kept by the request, which then reads the form from it
    data = await sent_with(request)
    sent = data.get("csrf")
    if not isinstance(sent, str) or not sessions.is_own_form(request, sent):
        raise CrossSite(
            "This form was not filled in on a page of your present session. Go back, load the "
            "page again and send it from there."
        )
    once = data.get("once")
    key = None
    if isinstance(once, str) and once:
        # With what was sent: who goes back, corrects and sends again asks for something else.
        digest = sha256(sent_as).hexdigest()
        key = f"desk {sha256(once.encode()).hexdigest()[:32]} {digest[:32]}"
    return Form(call, data, key)


async def sent_with(request: Request) -> FormData:
    """The fields of a form as our pages send it; none of anything else: what multipart declares
    to be its encoding may make of it what is no text."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        return FormData()
    # A body is bounded before it gets here, and so are its parts.
    return await request.form(max_fields=MOST_FIELDS, max_part_size=MAX_BYTES)


def spelled(text: str | None) -> str | None:
    """A day and an hour of UTC, as a field for them has it, as RFC 3339; else as it is."""
    if text is None or not LOCAL.fullmatch(text):
        return text
    return f"{text.replace(' ', 'T')}{':00' * (2 - text.count(':'))}Z"


def body(model: type[B], values: Mapping[str, Any]) -> B:
    """`values` checked as the API's body `model` is.  Raises Invalid."""
    try:
        return model.model_validate(values)
    except ValidationError as error:
        found = [
            {"loc": ["body", *one["loc"]], "msg": one["msg"].removeprefix("Value error, ")}
            for one in error.errors()
            if not (_is_id(one["loc"]) and isinstance(one["input"], dict))
        ]
        raise Invalid(str(found[0]["msg"]), errors=found) from None


class Problems:
    """What is wrong with a form: all of it is gathered, and told at once."""

    def __init__(self) -> None:
        self._errors: list[dict[str, Any]] = []

    def gather(self, check: Callable[..., T], *args: Any) -> T | None:
        """Run a check; give what it makes, or keep what it finds wrong and give None."""
        try:
            return check(*args)
        except Invalid as error:
            self._errors += error.extras["errors"]
            return None

    def raise_any(self) -> None:
        """Raise one Invalid with everything that was found wrong, if anything was."""
        if self._errors:
            raise Invalid(str(self._errors[0]["msg"]), errors=self._errors)


def _is_id(loc: tuple[int | str, ...]) -> bool:
    """Whether pydantic tells of the id that a body takes in place of the thing that was sent."""
    return any(str(part).startswith("function-after[") for part in loc)


def faults(error: Invalid, names: Mapping[str, str]) -> dict[str, str]:
    """What is wrong, by the field it stands at; `names` are the fields by where a body has them,
    with dots and without numbers."""
    found: dict[str, str] = {}
    for one in error.extras["errors"]:
        where = ".".join(
            part for part in one["loc"] if isinstance(part, str) and part[0].islower()
        ).removeprefix("body.")
        name = next((names[known] for known in names if _within(where, known)), where)
        plain = (
            one["msg"]
            .replace("Input should", "this should")
            .replace("String should", "this should")
        )
        found.setdefault(name, PLAINER.get(one["msg"], plain))
    return found or {TOP: error.detail}


def _within(where: str, known: str) -> bool:
    return where == known or where.startswith(f"{known}.")


PLAINER = {
    f"String should match pattern '{SLUG}'": "take small letters, digits and hyphens",
    f"String should match pattern '{LANGUAGE}'": "give a language as its code: en, sr, sq",
    f"String should match pattern '{EMAIL}'": "this is no address of the form ana@example.org",
    f"String should match pattern '{COUNTRY}'": "give a country as two letters: RS, US",
    "String should have at least 1 character": "this is needed",
    "Input should be a valid string": "this is needed",
    "Field required": "this is needed",
    "an instant is RFC 3339 with its offset, such as 2023-10-02T18:00:00Z": "this is a day and an "
    "hour of UTC, such as 2023-10-02T18:00",
}
