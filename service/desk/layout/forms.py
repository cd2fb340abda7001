"""Forms: who sent one, whether it comes from a page of ours, and what is in it.

A form carries the token of its session, which no other site knows, and a number of its own: one
that is sent twice, by a double click, is carried out once.
"""

import asyncio
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from types import MappingProxyType
from typing import Any, TypedDict, TypeVar

from fastapi import Depends, Request
from pydantic import BaseModel, ValidationError
from starlette.datastructures import FormData
from starlette.responses import Response

from service import field_types
from service.claims.proposal_commands import Outcome
from service.domain import ids
from service.domain.access import Action
from service.domain.claims import format_instant
from service.domain.errors import (
    ClaimdeskError,
    CrossSite,
    Invalid,
    NotAuthenticated,
    StillRunning,
)
from service.domain.zones import find_zone
from service.record.idempotency import Answer
from service.web import sessions, time_zones
from service.web.calls import Allow, Call
from service.web.request_context import context_of

T = TypeVar("T")
B = TypeVar("B", bound=BaseModel)
MOST_FIELDS, MAX_BYTES = 2_000, 2 * 1024 * 1024
WAITS, WAIT_SECONDS = 50, 0.1
LOCAL_INSTANT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d{1,9})?)?", re.ASCII)
NO_NAMES: Mapping[str, str] = MappingProxyType({})
TOP = ""
"""The key of an error that belongs to no field."""


class FieldError(TypedDict):
    """What is wrong with one part of a body."""

    loc: list[int | str]
    msg: str


@dataclass(frozen=True, slots=True)
class Form:
    """A form that was sent, and the call that it came with."""

    call: Call
    data: FormData
    key: str | None
    """The key under which the first answer is kept."""

    def get_text(self, name: str) -> str | None:
        """Return a field's text; None where it is empty."""
        text = self.get_verbatim(name)
        return text and text.strip()

    def get_verbatim(self, name: str) -> str | None:
        """Return a field's text as it is, but for the line ends that browsers send."""
        value = self.data.get(name)
        text = value.replace("\r\n", "\n") if isinstance(value, str) else ""
        return text if text.strip() else None

    def get_texts(self, name: str) -> list[str]:
        """Return the values of a field that may be sent several times."""
        return [value for value in self.data.getlist(name) if isinstance(value, str) and value]

    def keep(self, names: Iterable[str]) -> dict[str, str]:
        """Return what the fields hold, to be shown again."""
        return {name: self.get_verbatim(name) or "" for name in names}

    def is_ticked(self, name: str) -> bool:
        return self.get_text(name) is not None

    def get_number(self, name: str) -> float | None:
        """Return a field's number. Raises Invalid for what is no number."""
        text = self.get_text(name)
        try:
            return None if text is None else float(text)
        except ValueError:
            raise Invalid("this is a number", loc=("body", name)) from None

    @property
    def versions(self) -> frozenset[int]:
        """The version of the claim that the page showed. Raises Invalid."""
        text = self.get_text("version") or ""
        if not text.isascii() or not text.isdecimal() or len(text) > 9:
            raise Invalid("the form lacks the version that it was made for; load the page again")
        return frozenset({int(text)})

    @property
    def version(self) -> int:
        """The one of `versions`."""
        return min(self.versions)

    async def carry_out(
        self,
        command: Callable[..., T],
        *args: Any,
        redirect_to: str | Callable[[T], str],
        **kwargs: Any,
    ) -> Response:
        """Run `command` as the sender, then redirect to a page, or to what it makes of the result.

        The second of two clicks waits for what the first one does, and is shown that.
        """

        def redirect(_: Any, result: T) -> Answer:
            page = redirect_to if isinstance(redirect_to, str) else redirect_to(result)
            return Answer(303, b"", {"Location": page})

        for _ in range(WAITS):
            try:
                return await self.call.write(
                    command, *args, answer=redirect, key=self.key, **kwargs
                )
            except StillRunning:
                await asyncio.sleep(WAIT_SECONDS)
        return await self.call.write(command, *args, answer=redirect, key=self.key, **kwargs)


class AllowForm(Allow):
    """The dependency that says what a form's route requires, and reads the form."""

    async def __call__(self, request: Request) -> Any:
        call = await super().__call__(request)
        # A key that a program sends beside some cookie is no session of anybody's.
        credential = context_of(request.scope).credential
        if credential is None or credential.key is not None:
            raise NotAuthenticated("Sign in at the desk: forms belong to a session.")
        return await read_form(call)


def redirect_to_claim(word: str, *, undo: str | None = None) -> Callable[[Outcome], str]:
    """Lead to the claim's page, which says that something was done, or proposed; `undo` names what
    the way back from it is of, if that is not the claim."""
    word_done = f"{word}&undo={undo}" if undo else word
    return lambda outcome: (
        f"/claims/{outcome.state.id}?done={'proposed#pending' if outcome.decision else word_done}"
    )


def accept_form(action: Action | None) -> Any:
    return Depends(AllowForm(action, page=True), scope="function")


async def read_form(call: Call) -> Form:
    """Read the form that was sent. Raises CrossSite where it was not filled in on our page."""
    request = call.request
    body = await request.body()  # kept by the request, which then reads the form from it
    data = await read_fields(request)
    token = data.get("csrf")
    if not isinstance(token, str) or not sessions.is_own_form(request, token):
        raise CrossSite(
            "This form was not filled in on a page of your present session. Go back, load the "
            "page again and send it from there."
        )
    number = data.get("once")
    key = None
    if isinstance(number, str) and number:
        # With the body: who goes back, corrects and sends again asks for something else.
        digest = sha256(body).hexdigest()
        key = f"desk {sha256(number.encode()).hexdigest()[:32]} {digest[:32]}"
    show_in_zone(data.get("zone"))
    return Form(call, data, key)


def show_in_zone(name: object) -> None:
    """Read a form's times in the zone that its page was shown in, whatever was chosen since."""
    if isinstance(name, str) and find_zone(name) is not None:
        time_zones.show_in(name)


async def read_fields(request: Request) -> FormData:
    """Read the fields of a form as our pages send it, and none of anything else.

    The encoding that multipart declares may turn its parts into what is no text.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        return FormData()
    # A body is bounded before it gets here, and so are its parts.
    return await request.form(max_fields=MOST_FIELDS, max_part_size=MAX_BYTES)


def complete_instant(text: str | None) -> str | None:
    """Turn a day and a time, as a field for them has it, into RFC 3339 in UTC; leave the rest.

    Raises Invalid for a time that the clocks left out or showed twice.
    """
    if text is None or not LOCAL_INSTANT.fullmatch(text):
        return text
    try:
        return format_instant(time_zones.parse_local(text.replace(" ", "T")))
    except (ValueError, OverflowError):
        return text  # whoever checks the field says what is wrong with it


def parse_body(model: type[B], values: Mapping[str, Any]) -> B:
    """Check `values` as the API checks its body `model`. Raises Invalid."""
    try:
        return model.model_validate(values)
    except ValidationError as error:
        errors: list[FieldError] = [
            {"loc": ["body", *part["loc"]], "msg": field_types.describe_fault(part)}
            for part in error.errors()
            if not (_is_id(part["loc"]) and isinstance(part["input"], dict))
        ]
        raise Invalid(errors[0]["msg"], errors=errors) from None


def find_claim_id(text: str) -> str | None:
    """Find the id of a claim in what was typed: the id, or the address of the claim's page."""
    # An address ends with the id; a query or a fragment may follow.
    return ids.parse_id(text.partition("?")[0].partition("#")[0].rstrip("/").rpartition("/")[2])


def split_tags(text: str) -> list[str]:
    """Split what was typed into a field of tags, which commas separate."""
    return [tag.strip() for tag in text.split(",") if tag.strip()]


class Problems:
    """What is wrong with a form: it is gathered, and raised at once."""

    def __init__(self) -> None:
        self._errors: list[FieldError] = []

    def gather(self, check: Callable[..., T], *args: Any) -> T | None:
        """Return what a check makes; where it raises, keep what is wrong and return None."""
        try:
            return check(*args)
        except Invalid as error:
            self._errors += error.extras["errors"]
            return None

    def raise_any(self) -> None:
        """Raise one Invalid with everything that is wrong, if anything is."""
        if self._errors:
            raise Invalid(self._errors[0]["msg"], errors=self._errors)


def _is_id(loc: tuple[int | str, ...]) -> bool:
    """Tell whether pydantic speaks of the id that a body takes in place of what was sent."""
    return any(str(part).startswith("function-after[") for part in loc)


def describe_faults(
    error: ClaimdeskError | None, names: Mapping[str, str] = NO_NAMES
) -> dict[str, str]:
    """Describe what is wrong with a form, by field; what concerns no field is under TOP.

    `names` are the fields by their places in a body, with dots and without numbers.
    """
    if error is None:
        return {}
    if not isinstance(error, Invalid):
        return {TOP: error.detail}
    messages: dict[str, str] = {}
    for part in error.extras["errors"]:
        place = ".".join(
            name for name in part["loc"] if isinstance(name, str) and name[0].islower()
        ).removeprefix("body.")
        field = next((names[name] for name in names if f"{place}.".startswith(f"{name}.")), place)
        message = part["msg"].replace("Input should", "this should")
        message = message.replace("String should", "this should")
        messages.setdefault(field, PLAIN_MESSAGES.get(part["msg"], message))
    return messages or {TOP: error.detail}


PLAIN_MESSAGES = {
    "String should have at least 1 character": "this is needed",
    "Input should be a valid string": "this is needed",
    "Field required": "this is needed",
    "an instant is RFC 3339 with its offset, such as 2023-10-02T18:00:00Z": "this is a day and an "
    "hour of UTC, such as 2023-10-02T18:00",
}
