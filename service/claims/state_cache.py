"""Caches the states of claims with many links between changes.

Parsing a large state takes long, and on SQLite every writer waits meanwhile.  A state follows from
the claim's events, and `last_hash` stands for all of them: a cached state is valid exactly if its
hash is still the claim's.  After a rollback, or a change by another process, the hash differs and
the state is read again.
"""

import threading
from collections import OrderedDict

from service.domain.claims import ClaimState

MIN_LINKS = 32
"""Links from which a claim's state is kept."""
CAPACITY = 30_000
"""Links of all kept states together: about 30 MB."""


class StateCache:
    """States by claim; the longest unused is dropped first."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        self.capacity = capacity
        self._entries: OrderedDict[str, tuple[str, ClaimState]] = OrderedDict()
        self._links = 0
        self._lock = threading.Lock()

    def find(self, claim_id: str) -> tuple[str, ClaimState] | None:
        """Return the hash and the state that were cached last, which may be outdated."""
        with self._lock:
            entry = self._entries.get(claim_id)
            if entry is not None:
                self._entries.move_to_end(claim_id)
            return entry

    def keep(self, state: ClaimState, last_hash: str) -> None:
        """Cache a state with the hash of its last event, if it is large."""
        with self._lock:
            former_entry = self._entries.pop(state.id, None)
            if former_entry is not None:
                self._links -= len(former_entry[1].links)
            if not MIN_LINKS <= len(state.links) <= self.capacity:
                return
            self._entries[state.id] = last_hash, state
            self._links += len(state.links)
            while self._links > self.capacity:
                _, (_, oldest_state) = self._entries.popitem(last=False)
                self._links -= len(oldest_state.links)


STATES = StateCache()
