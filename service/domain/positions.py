"""Positions in the record, as clients keep them: the number of an event, with its epoch.

A restore begins a new epoch, since numbers above the newest of the backup are given out again, to
other events.  In the first epoch a position is the number alone.
"""

import re

from service.domain.errors import EpochEnded, Invalid

PATTERN = r"^(?:[0-9a-f]{8}-)?[0-9]{1,19}$"
HIGHEST = 2**63 - 1
START_AGAIN = (
    "This desk was restored from a backup, and what was numbered so before is not in it, or is "
    "numbered otherwise. Start again: GET /v1/events?after=0, and hold what you have against the "
    "events' hashes; or begin with what is new, without `after` or Last-Event-ID."
)


def write_position(epoch: str, seq: int) -> int | str:
    """Return the position of event `seq`, as clients get it."""
    return f"{epoch}-{seq}" if epoch and seq else seq


def read_position(text: str, *, epoch: str, loc: tuple[str, str]) -> int:
    """Return the number of a position.  Raises EpochEnded for one of another epoch, or Invalid."""
    if re.fullmatch(PATTERN, text) is None:
        raise Invalid("send it as it came: a number, or an epoch and a number", loc=loc)
    name, _, number = text.rpartition("-")
    seq = int(number)
    if seq > HIGHEST:
        raise Invalid(f"a number is at most {HIGHEST}", loc=loc)
    if name != epoch and seq:
        raise EpochEnded(START_AGAIN, epoch=epoch or None)
    return seq
