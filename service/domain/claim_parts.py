"""Parts of a claim that stand beside its status: a hold, and what a figure says in numbers."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Hold:
    """Why a claim is not to be used while the desk checks it, since when, and until when."""

    reason: str
    since: datetime
    until: datetime | None

    def has_ended(self, moment: datetime) -> bool:
        """Whether it has ended by itself at `moment`."""
        return self.until is not None and self.until <= moment


@dataclass(frozen=True, slots=True)
class Figure:
    """What a claim of kind `figure` says in numbers: a value, or a lowest and a highest one.

    Numbers are decimals in text, so that the record holds them as they were said.
    """

    value: str | None = None
    low: str | None = None
    high: str | None = None
    unit: str | None = None
    what: str | None = None
