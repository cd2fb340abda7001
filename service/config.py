"""The settings, from `CLAIMDESK_…` environment variables and a `.env` file.

Built once, at the edge (`cli.py`, or a test), and passed down.
"""

from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from service.domain.backoff import SCHEDULE
from service.domain.webhooks import TIMEOUT_S


def _database_url(value: SecretStr) -> SecretStr:
    url = value.get_secret_value()
    if not url.startswith(("sqlite:///", "postgresql://", "postgres://")):
        raise ValueError(
            "must be sqlite:///path/to/file.db or postgresql://user@host:port/database"
        )
    return value


def _switch(value: object) -> object:
    """`on` and `off` beside pydantic's own words for true and false."""
    return {"on": True, "off": False}.get(value, value) if isinstance(value, str) else value


def _rate(value: object) -> object:
    return None if value == "off" else value


def _listed(value: object) -> object:
    """`a, b`: parts between commas."""
    if not isinstance(value, str):
        return value
    return tuple(part.strip() for part in value.split(",") if part.strip())


def _network(value: object) -> object:
    return ip_network(value) if isinstance(value, str) else value


Switch = Annotated[bool, BeforeValidator(_switch)]
Network = Annotated[IPv4Network | IPv6Network, BeforeValidator(_network)]
Networks = Annotated[tuple[Network, ...], NoDecode, BeforeValidator(_listed)]
Seconds = Annotated[float, Field(gt=0, le=7 * 86_400)]
Schedule = Annotated[
    tuple[Seconds, ...], NoDecode, BeforeValidator(_listed), Field(min_length=1, max_length=50)
]
DatabaseUrl = Annotated[SecretStr, AfterValidator(_database_url)]
Pooler = Literal["auto", "none", "session", "transaction"]


class Settings(BaseSettings):
    """Every setting, its default and its meaning; `claimdesk config` shows the effective ones."""

    model_config = SettingsConfigDict(
        env_prefix="CLAIMDESK_", env_file=".env", extra="ignore", frozen=True
    )

    database_url: DatabaseUrl = Field(
        SecretStr("sqlite:///claimdesk.db"),
        description="sqlite:///path/to/file.db or postgresql://user@host:port/database",
    )
    base_url: str = Field(
        "http://127.0.0.1:8000", description="How others reach this service; no slash at the end"
    )
    public_read: Switch = Field(
        False, description="Let anyone read claims, stories, feeds and badges without a key"
    )
    publisher: str = Field(
        "Claimdesk",
        min_length=1,
        max_length=200,
        description="Whose desk this is, as feeds, ClaimReview and embeds name it",
    )
    four_eyes: Switch = Field(
        True,
        description="What a new desk begins with: a second person approves what is printed. Later: "
        "`claimdesk policy`",
    )
    rate_limit: Annotated[int | None, BeforeValidator(_rate)] = Field(
        12_000, ge=1, description="Requests a minute for each caller, or `off`"
    )
    connections: int = Field(
        4_096, ge=16, le=60_000, description="Connections that one process keeps open, at most"
    )
    connections_each: int = Field(
        256,
        ge=4,
        description="Connections of one address among them, at most; not of a trusted proxy",
    )
    head_seconds: float = Field(
        10, gt=0, le=600, description="Time for a request line and its headers to arrive"
    )
    body_seconds: float = Field(60, gt=0, le=3600, description="Time for a body to arrive")
    stale_after_hours: int = Field(
        48, ge=1, description="Awaiting confirmation longer than this puts a claim under review"
    )
    clock_tolerance_seconds: float = Field(
        300,
        ge=5,
        le=86_400,
        description="Changes are refused while the clock is off by more, as far as can be told",
    )
    database_connections: int = Field(
        16, ge=4, le=200, description="PostgreSQL connections of each server process, at most"
    )
    database_pooler: Pooler = Field(
        "auto",
        description="What stands before PostgreSQL: `session` or `transaction`, as pgbouncer's "
        "pool_mode; `none`; or `auto`: look, and take one that is there to be in transaction mode",
    )
    database_direct_url: DatabaseUrl | None = Field(
        None,
        description="Past a pooler in transaction mode, for LISTEN: so that other processes are "
        "told of a change at once. Without it they look, each second",
    )
    log_format: Literal["auto", "json", "text"] = Field(
        "auto", description="JSON lines, readable text, or text on a terminal only"
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="The least severe line that is logged"
    )
    access_log: Literal["all", "changes", "off"] = Field(
        "changes",
        description="Which requests are logged: all; those that change or fail; none",
    )
    dispatch: Switch = Field(
        True, description="Deliver webhooks in `claimdesk serve`; off: `claimdesk dispatch` does"
    )
    metrics_allow_cidrs: Networks = Field(
        (),
        description="Networks whose programs read /metrics without an administrator's key, such as "
        "10.1.0.5/32",
    )
    streams: int = Field(
        2_000, ge=0, le=30_000, description="Event streams that one process keeps open, at most"
    )
    streams_public: int | None = Field(
        None,
        ge=0,
        description="Event streams of readers without a key among them, at most; else half of them",
    )
    streams_each: int = Field(
        50,
        ge=0,
        description="Event streams of one caller (public: one address) among them, at most",
    )
    webhook_allow_http: Switch = Field(
        False, description="Let webhooks go to http:// addresses: for development"
    )
    webhook_allow_cidrs: Networks = Field(
        (), description="Private networks that webhooks may reach, such as 10.1.0.0/16,fd00::/8"
    )
    webhook_schedule: Schedule = Field(
        SCHEDULE, description="Seconds from one try of a delivery to the next; then it is dead"
    )
    webhook_timeout_seconds: float = Field(
        TIMEOUT_S, gt=0, le=60, description="One try takes no longer, whatever the endpoint says"
    )
    webhook_lease_seconds: float = Field(
        60, gt=0, le=3600, description="What a worker that died had in hand is taken up after this"
    )
    webhook_slots: int = Field(
        64, ge=1, le=1000, description="Deliveries that one dispatcher has in flight, at most"
    )
    webhook_poll_seconds: float = Field(
        1.0, gt=0, le=60, description="The dispatcher looks for itself at least so often"
    )
    webhook_bell: Switch = Field(
        True,
        description="Tell other processes of a change at once, by PostgreSQL's NOTIFY",
    )

    @model_validator(mode="after")
    def _settled_within_its_lease(self) -> Self:
        if self.webhook_timeout_seconds >= self.webhook_lease_seconds:
            raise ValueError("CLAIMDESK_WEBHOOK_TIMEOUT_SECONDS must be less than the lease")
        return self

    @property
    def embedded(self) -> bool:
        """Whether the database is a SQLite file of our own."""
        return self.database_url.get_secret_value().startswith("sqlite")
