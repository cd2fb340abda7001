"""The inputs of the routes and forms of webhooks."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StringConstraints

from service.domain import texts
from service.domain.claims import Kind, Status
from service.domain.uses import UseClass
from service.domain.webhooks import (
    IN_FLIGHT,
    MOST_HEADERS,
    MOST_IN_FLIGHT,
    MOST_OVERLAP_HOURS,
    OVERLAP_HOURS,
    TIMEOUT_S,
    EventType,
    Format,
    Ordering,
    is_reserved_header,
)
from service.field_types import In, Reason, Slug, Tag, Text
from service.web.fields import LEFT_OUT, Id, Instant, show_example

TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}")
LANGUAGE = r"^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$"
VALUE = re.compile(r"[\x21-\x7e](?:[\x20-\x7e\t]{0,1998}[\x21-\x7e])?")


def _check_headers(headers: dict[str, str]) -> dict[str, str]:
    lower_names = set()
    for name, value in headers.items():
        lower = name.lower()
        if not TOKEN.fullmatch(name):
            raise ValueError(f"{name!r} is no name of a header (RFC 9110, 5.1)")
        if is_reserved_header(name):
            raise ValueError(f"the header {name} is not yours to set")
        if lower in lower_names:
            raise ValueError(f"the header {name} is there twice")
        if not VALUE.fullmatch(value):
            raise ValueError(f"the header {name} has printable ASCII, up to 2,000 characters of it")
        lower_names.add(lower)
    return headers


EventTypes = Annotated[
    tuple[EventType, ...],
    Field(
        max_length=len(EventType), description="Which events; empty: all, drafts of decisions too"
    ),
]
WebhookUrl = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=2048),
    AfterValidator(texts.check_address),
    Field(
        description="https://, on a public address. Of a broker, with the subject or stream in it: "
        "tls://user:password@host:4222/subject (NATS), "
        "rediss://user:password@host:6379/0?stream=name (Redis); nats:// and redis:// without TLS, "
        "in networks of yours. Of a mail: mailto:desk@example.org",
        examples=["https://cms.example.org/hook"],
    ),
]
Parties = Annotated[
    tuple[Slug, ...],
    Field(
        max_length=50,
        description="Only claims in which one of these speaks, or a party of which it is the root",
    ),
]
Statuses = Annotated[tuple[Status, ...], Field(max_length=len(Status))]
Kinds = Annotated[
    tuple[Kind, ...], Field(max_length=len(Kind), description="Only claims of these kinds")
]
Tags = Annotated[
    tuple[Tag, ...], Field(max_length=50, description="Only claims that have one of these tags")
]
Languages = Annotated[
    tuple[Annotated[str, StringConstraints(to_lower=True, pattern=LANGUAGE)], ...],
    Field(
        max_length=50,
        description="Only `use.outdated`, of what was printed in one of these languages",
    ),
]
Severities = Annotated[
    tuple[UseClass, ...],
    Field(
        max_length=len(UseClass),
        description="Only what makes uses outdated in one of these classes, if there are any",
    ),
]
Headers = Annotated[
    dict[str, str],
    Field(max_length=MOST_HEADERS, description="Sent with each delivery"),
    AfterValidator(_check_headers),
]
InFlight = Annotated[int, Field(ge=1, le=MOST_IN_FLIGHT, strict=True)]
Timeout = Annotated[
    float, Field(ge=0.1, le=TIMEOUT_S, strict=True, description="Seconds for one attempt")
]
About = Annotated[str, Text(500, texts.clean_line)]


class PayloadIn(In):
    quotes: bool = Field(True, strict=True, description="Whether messages have the words of quotes")


class WebhookIn(In):
    url: WebhookUrl
    format: Format = Field(
        Format.STANDARD,
        description="`standard`: posted as Standard Webhooks 1.0; `slack`, `mattermost`, `teams`, "
        "`telegram`, `email`: a message for people, in words; `nats`, `redis`: appended to a "
        "stream of NATS JetStream or Redis",
    )
    description: About | None = None
    event_types: EventTypes = ()
    story: Slug | None = Field(None, description="Only claims of this story")
    claim: Id | None = Field(None, description="Only this claim")
    parties: Parties = ()
    status_from: Statuses = Field((), description="Only changes from one of these statuses")
    status_to: Statuses = Field((), description="Only changes to one of these statuses")
    kinds: Kinds = ()
    tags: Tags = ()
    languages: Languages = ()
    severity: Severities = ()
    payload: PayloadIn = Field(default_factory=PayloadIn)
    ordering: Ordering = Field(
        Ordering.CLAIM, description="`claim`: events of one claim wait for each other"
    )
    max_in_flight: InFlight = IN_FLIGHT
    timeout_s: Timeout = TIMEOUT_S
    headers: Headers = Field(default_factory=dict)

    model_config = show_example(
        {
            "url": "https://cms.example.org/hooks/claimdesk",
            "description": "The CMS",
            "event_types": ["claim.status_changed"],
            "story": "kosovo-border-2023",
        }
    )


class WebhookChange(In):
    url: WebhookUrl = LEFT_OUT
    format: Format = LEFT_OUT
    description: About | None = LEFT_OUT
    event_types: EventTypes = LEFT_OUT
    story: Slug | None = LEFT_OUT
    claim: Id | None = LEFT_OUT
    parties: Parties = LEFT_OUT
    status_from: Statuses = LEFT_OUT
    status_to: Statuses = LEFT_OUT
    kinds: Kinds = LEFT_OUT
    tags: Tags = LEFT_OUT
    languages: Languages = LEFT_OUT
    severity: Severities = LEFT_OUT
    payload: PayloadIn = LEFT_OUT
    ordering: Ordering = LEFT_OUT
    max_in_flight: InFlight = LEFT_OUT
    timeout_s: Timeout = LEFT_OUT
    headers: Headers = LEFT_OUT

    model_config = show_example({"event_types": [], "max_in_flight": 16})


class StateIn(In):
    state: Literal["active", "paused"]
    reason: Reason | None = None

    model_config = show_example({"state": "paused", "reason": "The CMS moves house"})


class RotationIn(In):
    overlap_hours: Annotated[float, Field(ge=0, le=MOST_OVERLAP_HOURS, strict=True)] = OVERLAP_HOURS

    model_config = show_example({"overlap_hours": 24})


class RecoveryIn(In):
    since: Instant

    model_config = show_example({"since": "2023-10-02T18:00:00Z"})
