"""The subjects of events: what an event of the record is about.

Every subject has a chain of its own: events numbered 1, 2, 3 …, each with the hash of the one
before it.  `seq` orders the events of all subjects.
"""

from dataclasses import dataclass
from enum import StrEnum


class SubjectKind(StrEnum):
    CLAIM = "claim"
    STATEMENT = "statement"
    SOURCE = "source"
    PARTY = "party"
    SPEAKER = "speaker"
    STORY = "story"
    NOTE = "note"
    PERSON = "person"
    KEY = "key"
    WEBHOOK = "webhook"
    SETTING = "setting"
    USE = "use"


@dataclass(frozen=True, slots=True)
class Subject:
    """Something that has a chain of events: a claim by its id, a party by its slug …"""

    kind: SubjectKind
    id: str
