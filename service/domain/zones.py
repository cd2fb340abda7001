"""Finds time zones by their names."""

from functools import lru_cache
from zoneinfo import ZoneInfo


@lru_cache(maxsize=1024)
def find_zone(name: str) -> ZoneInfo | None:
    """Return the zone with this name, as `Europe/Belgrade`; None where there is none."""
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, LookupError):
        return None


def require_zone(name: str) -> str:
    """Return the name of a zone.  Raises ValueError, with words for people, where there is none."""
    if find_zone(name) is None:
        raise ValueError(f"there is no time zone {name!r}; write it as in Europe/Belgrade")
    return name
