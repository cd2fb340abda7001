"""The findings of `claimdesk doctor`: what is wrong, and what to do about it."""

from dataclasses import dataclass
from enum import StrEnum

LEAST_ROOM = 100 * 1024 * 1024
"""Bytes on the disk of an embedded database: with less, somebody should make room."""


class Level(StrEnum):
    FAULT = "fault"
    """Something to do."""
    REMARK = "remark"
    """Worth knowing; nothing is wrong."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A result of a check."""

    check: str
    level: Level
    what: str
    advice: str


def make_fault(check: str, what: str, advice: str) -> Finding:
    return Finding(check, Level.FAULT, what, advice)


def make_remark(check: str, what: str, advice: str) -> Finding:
    return Finding(check, Level.REMARK, what, advice)
