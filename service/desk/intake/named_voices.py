"""Finds who is named beside a passage: known speakers, and people and parties new to the desk.

Whoever is found is offered and no more: nobody is filled in unseen.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from service.claims.intake_views import PassageView
from service.desk.intake.nearby_text import Sentence
from service.desk.statements.statement_fields import KnownVoices
from service.directory.directory_views import PartyView
from service.domain.names import normalize_letters

MOST_KNOWN, MOST_NEW, MOST_RECORDED = 3, 3, 7
LONGEST_ROLE = 200
"""Characters beside a name in which a role is looked for."""
_BODIES = frozenset(
    (
        *("Administration", "Agency", "Army", "Assembly", "Association", "Authority", "Bank"),
        *("Board", "Bureau", "Commission", "Committee", "Company", "Council", "Court", "Crescent"),
        *("Cross", "Department", "Forces", "Fund", "Government", "Group", "Institute", "Ministry"),
        *("Mission", "Movement", "Nations", "Office", "Organisation", "Organization", "Parliament"),
        *("Party", "Police", "Union", "University"),
    )
)
"""What the names of organisations end with."""
_NO_NAMES = frozenset(
    (
        *("A", "After", "Also", "An", "And", "As", "Asked", "At", "Before", "But", "By", "During"),
        *("For", "From", "He", "Her", "His", "I", "If", "In", "It", "Its", "Late", "Mr", "Mrs"),
        *("Ms", "My", "No", "Of", "On", "Once", "One", "Or", "Our", "She", "So", "That", "The"),
        *("Their", "Then", "There", "They", "This", "Those", "Through", "To", "Two", "Under"),
        *("Until", "We", "What", "When", "Where", "While", "Who", "Why", "With", "Yet", "You"),
        *("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday", "January"),
        *("February", "March", "April", "May", "June", "July", "August", "September", "October"),
        *("November", "December"),
    )
)
"""Words with a capital that begin or end no name."""
_ROLE_BEFORE = re.compile(
    r"\b(?:[Tt]he|[Ii]ts|[Tt]heir|[Hh]is|[Hh]er|[Oo]ur|[Aa]n?) "
    r"((?:[^\W\d_][\w’'-]* ){0,3}?[^\W\d_][\w’'-]*?)(?: himself| herself)?,? $"
)
_ROLE_AFTER = re.compile(r", (?:the |an? |its )?((?!who\b|which\b)[^\W\d_][^,.;:]{1,48})[,.]")
_UNNAMED = re.compile(r"\b([Aa]n?) ([^,.;:]{3,160}), (?:and )?who\b")
_WITHHELD = re.compile(r"\bname|\banonym|\bidentif|\bnot (?:be|speak|allowed|authori)", re.I)


@dataclass(frozen=True, slots=True)
class OfferedVoice:
    """Somebody who may have said the words, as the form would be filled."""

    speaker: str = ""
    role: str = ""
    party: str = ""
    """The slug of a party that is recorded."""
    new_party: str = ""
    """The name of one that is not."""
    description: str = ""
    party_name: str = ""
    """How the party is called on the button, where it is not the button's only word."""
    sentence: str = ""
    """Where it was found."""

    @property
    def words(self) -> str:
        """What the button says."""
        if self.description:
            return f"{self.description}, not named"
        named = ", ".join(part for part in (self.speaker, self.role) if part)
        return named or self.party_name or self.new_party

    @property
    def fields(self) -> dict[str, str]:
        """The fields of the form, all that belong to a voice."""
        names = ("speaker", "role", "party", "new_party", "description")
        return {name: getattr(self, name) for name in names}


@dataclass(frozen=True, slots=True)
class OfferedVoices:
    """Whoever may have said the words of a passage, by why they are offered."""

    known: tuple[OfferedVoice, ...]
    """Known speakers who are named beside the words."""
    new: tuple[OfferedVoice, ...]
    """People and parties whom the paragraph names, and whoever it describes without a name."""
    recorded: tuple[OfferedVoice, ...]
    """Whose words were recorded from this text before, the latest first."""


def find_voices(
    sentences: Sequence[Sentence], voices: KnownVoices, passages: Sequence[PassageView]
) -> OfferedVoices:
    """Find who may have said the words of a passage."""
    names = {party["slug"]: party["name"] for party in voices.parties}
    near = [sentence for sentence in sentences if abs(sentence.distance) <= 1]
    near_words = [(sentence.text, _list_words(sentence.text)) for sentence in near]
    known_voices = [
        OfferedVoice(
            speaker["name"],
            speaker["role"] or "",
            speaker["party"],
            party_name=names.get(speaker["party"], ""),
            sentence=sentence,
        )
        for speaker in voices.speakers
        if (sentence := _find_surname(speaker["name"], near_words)) is not None
    ][:MOST_KNOWN]
    recorded = _list_recorded(passages, {voice.words for voice in known_voices})
    everybody = {normalize_letters(speaker["name"]) for speaker in voices.speakers}
    new = [
        voice
        for voice in [*_find_unnamed(near), *_find_named(sentences, voices.parties)]
        if normalize_letters(voice.speaker) not in everybody
    ][:MOST_NEW]
    return OfferedVoices(tuple(known_voices), tuple(new), recorded)


def _list_words(sentence: str) -> set[str]:
    return set(re.findall(r"\w+", normalize_letters(sentence)))


def _find_surname(name: str, sentences: Sequence[tuple[str, set[str]]]) -> str | None:
    """Return the sentence that has somebody's last name, of sentences with their words."""
    surname = normalize_letters(name).split()[-1]
    if len(surname) > 2:
        for sentence, words in sentences:
            if surname in words:
                return sentence
    return None


def _list_recorded(passages: Sequence[PassageView], offered: set[str]) -> tuple[OfferedVoice, ...]:
    """List whose words were recorded from the text, but those that are offered already."""
    voices: dict[str, OfferedVoice] = {}
    for passage in reversed(passages):
        statement = passage["statement"]
        speaker = statement["speaker"]
        if speaker is None and statement["party"] is None:
            continue
        voice = OfferedVoice(
            speaker["name"] if speaker else "",
            (speaker["role"] or "") if speaker else "",
            statement["party"] or "",
            description=statement["description"] or "",
            party_name=statement["party_name"] or "",
        )
        if voice.words not in offered:
            voices.setdefault(voice.words, voice)
    return tuple(voices.values())[:MOST_RECORDED]


def _find_unnamed(sentences: Sequence[Sentence]) -> list[OfferedVoice]:
    """Find somebody whom the article describes and does not name: “a man who …, and who asked”."""
    for sentence in sorted(sentences, key=lambda each: abs(each.distance)):
        match = _UNNAMED.search(sentence.text)
        if match is not None and _WITHHELD.search(sentence.text, match.end()):
            description = f"{match[1].lower()} {match[2]}"
            return [OfferedVoice(description=description, sentence=sentence.text)]
    return []


def _find_named(sentences: Sequence[Sentence], parties: Sequence[PartyView]) -> list[OfferedVoice]:
    """Find people and organisations by the capitals of their names, the nearest first."""
    people: dict[str, tuple[str, Sentence]] = {}
    bodies: dict[str, Sentence] = {}
    for sentence in sorted(
        (each for each in sentences if each.distance <= 1), key=lambda each: abs(each.distance)
    ):
        for begin, name in _list_names(sentence.text):
            before = sentence.text[max(0, begin - LONGEST_ROLE) : begin]
            if name.split()[-1] in _BODIES or re.search(r"\b[Tt]he $|\bgovernment of $", before):
                bodies.setdefault(name, sentence)
            elif " " in name and name not in people:
                after = sentence.text[begin + len(name) :][:LONGEST_ROLE]
                people[name] = (_find_role(before, after), sentence)
    parties_by_name = {normalize_letters(party["name"]): party for party in parties}
    party = next((body for body in bodies if normalize_letters(body) in parties_by_name), None)
    party = party or next(iter(bodies), "")
    offered = []
    for name, (role, sentence) in people.items():
        offered.append((name, role, party, sentence.text))
    offered += [("", "", body, sentence.text) for body, sentence in bodies.items()]
    voices = []
    for speaker, role, body, sentence_text in offered:
        recorded = parties_by_name.get(normalize_letters(body))
        voices.append(
            OfferedVoice(
                speaker,
                role,
                party=recorded["slug"] if recorded else "",
                new_party="" if recorded else body,
                party_name=recorded["name"] if recorded else body,
                sentence=sentence_text,
            )
        )
    return voices


def _list_names(sentence: str) -> list[tuple[int, str]]:
    """List the names in a sentence with their places: runs of words with capitals.

    A single word is one after “government of” only: most others are places.
    """
    names = []
    run: list[re.Match[str]] = []
    words = [*re.finditer(r"[^\W\d_][\w’'-]*", sentence), None]
    for word in words:
        follows = bool(run and word and sentence[run[-1].end() : word.start()] == " ")
        if word and word[0][0].isupper() and (follows or not run):
            run.append(word)
            continue
        while run and run[0][0] in _NO_NAMES:
            run.pop(0)
        while run and run[-1][0] in _NO_NAMES:
            run.pop()
        if run:
            begin, end = run[0].start(), run[-1].end()
            name = re.sub(r"[’']s$", "", sentence[begin:end])
            if " " in name or sentence[:begin].endswith("government of "):
                names.append((begin, name))
        run = [word] if word and word[0][0].isupper() else []
    return names


def _find_role(before: str, after: str) -> str:
    """Find what somebody is called beside the name: “its director, Ivan Petrov”."""
    match = _ROLE_BEFORE.search(before) or _ROLE_AFTER.match(after)
    return match[1] if match else ""
