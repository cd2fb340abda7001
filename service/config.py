"""The settings, from `CLAIMDESK_…` environment variables and a `.env` file.

Built once, at the edge (`cli.py`, or a test), and passed down.
"""

from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


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


Switch = Annotated[bool, BeforeValidator(_switch)]
DatabaseUrl = Annotated[SecretStr, AfterValidator(_database_url)]


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
    four_eyes: Switch = Field(
        True, description="A second person approves confirmations and overrides"
    )
    rate_limit: Annotated[int | None, BeforeValidator(_rate)] = Field(
        12_000, ge=1, description="Requests a minute for each caller, or `off`"
    )
    stale_after_hours: int = Field(
        48, ge=1, description="Awaiting confirmation longer than this puts a claim under review"
    )
    database_connections: int = Field(
        16, ge=4, le=200, description="PostgreSQL connections of each server process, at most"
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

    @property
    def embedded(self) -> bool:
        """Whether the database is a SQLite file of our own."""
        return self.database_url.get_secret_value().startswith("sqlite")
