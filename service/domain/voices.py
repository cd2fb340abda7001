"""Whose words a statement gives: a party with its speaker, or a source that is not named."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Speaker:
    """A person in the role in which they spoke."""

    id: str
    name: str
    role: str | None


@dataclass(frozen=True, slots=True)
class Voice:
    """Whose words they are: a party (slug and name), its root, and the speaker if known."""

    party: str
    name: str
    root: str
    root_name: str
    speaker: Speaker | None = None

    @property
    def printed_name(self) -> str:
        """What the party is called within a sentence."""
        return self.name

    @property
    def printed_root_name(self) -> str:
        """What its root party is called within a sentence."""
        return self.root_name


@dataclass(frozen=True, slots=True)
class SentenceVoice(Voice):
    """A voice whose party, or root, has another name within a sentence: “the Interior Ministry”."""

    in_sentence: str | None = None
    root_in_sentence: str | None = None

    @property
    def printed_name(self) -> str:
        return self.in_sentence or self.name

    @property
    def printed_root_name(self) -> str:
        return self.root_in_sentence or self.root_name


@dataclass(frozen=True, slots=True)
class Unnamed:
    """A source that is not named: how it is described, and the party that it belongs to, if that is
    said.  It is no voice of that party."""

    description: str
    party: Voice | None = None


def choose_voice(source: Voice | Unnamed | None) -> Voice | None:
    """Return the party's voice that a source stands with, even where it is not named."""
    return source.party if isinstance(source, Unnamed) else source
