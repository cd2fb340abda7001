"""The settings, from `CLAIMDESK_…` environment variables and a `.env` file.

Built once, by the command line or a test, and passed down.
"""

from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from service.domain.backoff import SCHEDULE
from service.domain.webhooks import TIMEOUT_S
from service.domain.zones import require_zone


def _check_database_url(value: SecretStr) -> SecretStr:
    url = value.get_secret_value()
    if not url.startswith(("sqlite:///", "postgresql://", "postgres://")):
        raise ValueError(
            "must be sqlite:///path/to/file.db or postgresql://user@host:port/database"
        )
    return value


def _parse_switch(value: object) -> object:
    """Read `on` and `off`, beside pydantic's own words for true and false."""
    return {"on": True, "off": False}.get(value, value) if isinstance(value, str) else value


def _parse_rate(value: object) -> object:
    return None if value == "off" else value


def _split_list(value: object) -> object:
    """Split `a, b` at its commas."""
    if not isinstance(value, str):
        return value
    return tuple(part.strip() for part in value.split(",") if part.strip())


def _parse_network(value: object) -> object:
    return ip_network(value) if isinstance(value, str) else value


Switch = Annotated[bool, BeforeValidator(_parse_switch)]
Network = Annotated[IPv4Network | IPv6Network, BeforeValidator(_parse_network)]
Networks = Annotated[tuple[Network, ...], NoDecode, BeforeValidator(_split_list)]
Seconds = Annotated[float, Field(gt=0, le=7 * 86_400)]
Schedule = Annotated[
    tuple[Seconds, ...], NoDecode, BeforeValidator(_split_list), Field(min_length=1, max_length=50)
]
DatabaseUrl = Annotated[SecretStr, AfterValidator(_check_database_url)]
Pooler = Literal["auto", "none", "session", "transaction"]


class Settings(BaseSettings):
    """Every setting, with its default and description; `claimdesk config` shows those in effect."""

    model_config = SettingsConfigDict(
        env_prefix="CLAIMDESK_", env_file=".env", extra="ignore", frozen=True
    )

    database_url: DatabaseUrl = Field(
        SecretStr("sqlite:///claimdesk.db"),
        description="The database: sqlite:///path/to/file.db or "
        "postgresql://user@host:port/database",
    )
    base_url: str = Field(
        "http://127.0.0.1:8000",
        description="The URL at which others reach this service, without a slash at the end",
    )
    public_read: Switch = Field(
        False, description="Let everybody read claims, stories, feeds and badges without a key"
    )
    publisher: str = Field(
        "Claimdesk",
        min_length=1,
        max_length=200,
        description="The name of the publisher in feeds, ClaimReview and embeds",
    )
    timezone: Annotated[str, AfterValidator(require_zone)] = Field(
        "UTC",
        description="The time zone in which pages show times and take them, such as "
        "Europe/Belgrade. People may choose their own in their profile; the API stays in UTC",
    )
    four_eyes: Switch = Field(
        True,
        description="Whether a new desk needs a second person to approve what is printed. Change "
        "it later with `claimdesk policy`",
    )
    development: Switch = Field(
        False, description="Serve the page of the desk's components for builders, /desk-components"
    )
    rate_limit: Annotated[int | None, BeforeValidator(_parse_rate)] = Field(
        12_000, ge=1, description="Requests per minute and caller, or `off`"
    )
    connections: int = Field(
        4_096, ge=16, le=60_000, description="Maximum of open connections per process"
    )
    connections_each: int = Field(
        256,
        ge=4,
        description="Maximum of open connections per address; trusted proxies are exempt",
    )
    head_seconds: float = Field(
        10, gt=0, le=600, description="Time in which a request line and its headers must arrive"
    )
    body_seconds: float = Field(60, gt=0, le=3600, description="Time in which a body must arrive")
    stale_after_hours: int = Field(
        48,
        ge=1,
        description="Hours after which a claim that awaits confirmation is listed for review",
    )
    clock_tolerance_seconds: float = Field(
        300,
        ge=5,
        le=86_400,
        description="Refuse changes while the clock is known to be wrong by more than this",
    )
    database_connections: int = Field(
        16, ge=4, le=200, description="Maximum of PostgreSQL connections per server process"
    )
    database_pooler: Pooler = Field(
        "auto",
        description="The connection pooler before PostgreSQL: `session` or `transaction`, as "
        "pgbouncer's pool_mode; `none`; or `auto`: detect it, and assume transaction mode",
    )
    database_direct_url: DatabaseUrl | None = Field(
        None,
        description="A URL that bypasses a pooler in transaction mode, for LISTEN, so that other "
        "processes notice changes at once. Without it they look every second",
    )
    database_read_url: DatabaseUrl | None = Field(
        None,
        description="The URL of one streaming replica of the PostgreSQL, for reading",
    )
    database_read_lag_seconds: float = Field(
        5,
        ge=1,
        le=3600,
        description="Read nothing from the replica while it may be behind by more than this",
    )
    log_format: Literal["auto", "json", "text"] = Field(
        "auto",
        description="Log as JSON lines, as readable text, or (`auto`) as text on a terminal only",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="The least severe lines that are logged"
    )
    access_log: Literal["all", "changes", "off"] = Field(
        "changes",
        description="The requests that are logged: `all`; `changes`, which includes failures; or "
        "`off`",
    )
    dispatch: Switch = Field(
        True, description="Deliver webhooks in `claimdesk serve`. If off, run `claimdesk dispatch`"
    )
    metrics_allow_cidrs: Networks = Field(
        (),
        description="Networks that may read /metrics without an administrator's key, such as "
        "10.1.0.5/32",
    )
    streams: int = Field(
        2_000, ge=0, le=30_000, description="Maximum of open event streams per process"
    )
    streams_public: int | None = Field(
        None,
        ge=0,
        description="Maximum of open event streams of readers without a key; else half of all",
    )
    streams_each: int = Field(
        50,
        ge=0,
        description="Maximum of open event streams per caller, or per address without a key",
    )
    webhook_allow_http: Switch = Field(
        False, description="Let webhooks go to http:// addresses, for development"
    )
    webhook_allow_cidrs: Networks = Field(
        (), description="Private networks that webhooks may reach, such as 10.1.0.0/16,fd00::/8"
    )
    webhook_schedule: Schedule = Field(
        SCHEDULE,
        description="Seconds from one attempt of a delivery to the next. After the last attempt it "
        "is dead",
    )
    webhook_timeout_seconds: float = Field(
        TIMEOUT_S,
        gt=0,
        le=60,
        description="Maximum duration of one attempt, whatever the endpoint does",
    )
    webhook_lease_seconds: float = Field(
        60,
        gt=0,
        le=3600,
        description="Seconds after which the deliveries of a dispatcher that died are sent by "
        "another",
    )
    webhook_slots: int = Field(
        64,
        ge=1,
        le=1000,
        description="Maximum of deliveries that one dispatcher sends at the same time",
    )
    webhook_poll_seconds: float = Field(
        1.0,
        gt=0,
        le=60,
        description="How often the dispatcher looks for deliveries if nothing wakes it",
    )
    webhook_bell: Switch = Field(
        True,
        description="Wake other processes at once after a change, by PostgreSQL's NOTIFY",
    )

    smtp_url: SecretStr | None = Field(
        None,
        description="The mail server: smtp://user:password@host:port, which must offer STARTTLS "
        "unless `?starttls=off` follows, or smtps://… for TLS from the start",
    )
    mail_from: str | None = Field(
        None,
        max_length=320,
        description="From whom mails are, an address such as `Desk <desk@example.org>`; with "
        "CLAIMDESK_SMTP_URL",
    )

    @model_validator(mode="after")
    def _require_sender_of_mails(self) -> Self:
        if self.smtp_url is None:
            return self
        if not self.smtp_url.get_secret_value().startswith(("smtp://", "smtps://")):
            raise ValueError("CLAIMDESK_SMTP_URL must be smtp://… or smtps://…")
        if self.mail_from is None:
            raise ValueError("CLAIMDESK_SMTP_URL needs CLAIMDESK_MAIL_FROM, from whom mails are")
        return self

    @model_validator(mode="after")
    def _require_lease_longer_than_timeout(self) -> Self:
        if self.webhook_timeout_seconds >= self.webhook_lease_seconds:
            raise ValueError("CLAIMDESK_WEBHOOK_TIMEOUT_SECONDS must be less than the lease")
        return self

    @model_validator(mode="after")
    def _require_replica_of_postgresql(self) -> Self:
        read_url = self.database_read_url
        if read_url is not None and (
            self.embedded or read_url.get_secret_value().startswith("sqlite")
        ):
            raise ValueError("CLAIMDESK_DATABASE_READ_URL is for a replica of a PostgreSQL")
        return self

    @property
    def embedded(self) -> bool:
        """Whether the database is an embedded SQLite file."""
        return self.database_url.get_secret_value().startswith("sqlite")
