"""Finds who is named beside a passage: known speakers, and people and parties new to the desk.

Whoever is found is offered and no more: nobody is filled in unseen.
"""

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass

from service.claims.intake_views import PassageView
from service.desk.intake import language_words
from service.desk.intake.language_words import LanguageWords
from service.desk.intake.nearby_text import Sentence
from service.desk.statements.statement_fields import KnownVoices
from service.directory.directory_views import PartyView
from service.domain.names import normalize_letters

MOST_KNOWN, MOST_NEW, MOST_RECORDED = 3, 3, 7
LONGEST_ROLE = 200
"""Characters beside a name in which a role is looked for."""
FARTHEST_VERB = 60
"""Characters between a verb of saying and the name beside which it stands."""
LONGEST_VERB = 40
"""Characters of a verb of saying, with room to spare."""
SHORTEST_INFLECTED = 4
"""Letters of a surname from which on one with an ending is the same."""
_BODIES = frozenset(
    (
        *("Administration", "Agency", "Army", "Assembly", "Association", "Authority", "Bank"),
        *("Board", "Bureau", "Commission", "Committee", "Company", "Council", "Court", "Crescent"),
        *("Cross", "Department", "Forces", "Fund", "Government", "Group", "Institute", "Ministry"),
        *("Mission", "Movement", "Nations", "Office", "Organisation", "Organization", "Parliament"),
        *("Party", "Police", "Union", "University"),
    )
)
"""What the names of organisations end with, in English."""
_WORD = re.compile(r"[^\W\d_][\w’'-]*")


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
    verb: str = ""
    """The verb of saying that stands beside the name, if one does."""

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
    sentences: Sequence[Sentence],
    voices: KnownVoices,
    passages: Sequence[PassageView],
    language: str,
) -> OfferedVoices:
    """Find who may have said the words of a passage, in an article of a language.

    Where the words of the language are not known, those are offered who are known already.
    """
    words = language_words.get_words(language)
    near = sorted(
        (sentence for sentence in sentences if abs(sentence.distance) <= 1),
        key=lambda each: abs(each.distance),
    )
    known_voices = _find_known(near, voices, words)
    recorded = _list_recorded(passages, {voice.words for voice in known_voices})
    everybody = {normalize_letters(speaker["name"]) for speaker in voices.speakers}
    offered = {voice.words for voice in known_voices}
    surnames = {_read_surname(voice.speaker) for voice in known_voices if voice.speaker}
    new_voices = (
        [*_find_unnamed(near, words), *_find_named(sentences, voices.parties, words)]
        if words
        else []
    )
    new = [
        voice
        for voice in new_voices
        if normalize_letters(voice.speaker) not in everybody
        and voice.words not in offered
        and not (voice.speaker and _read_surname(voice.speaker) in surnames)
    ][:MOST_NEW]
    return OfferedVoices(tuple(known_voices), tuple(new), recorded)


def _find_known(
    near: Sequence[Sentence], voices: KnownVoices, words: LanguageWords | None
) -> list[OfferedVoice]:
    """Find the speakers whose surname the sentences have, then the parties that they name."""
    names = {party["slug"]: party["name"] for party in voices.parties}
    known_voices = []
    places = _index_surnames(near, words)
    for speaker in voices.speakers:
        if place := places.get(_read_surname(speaker["name"])):
            sentence, begin, end = place
            known_voices.append(
                OfferedVoice(
                    speaker["name"],
                    speaker["role"] or "",
                    speaker["party"],
                    party_name=names.get(speaker["party"], ""),
                    sentence=sentence,
                    verb=_find_verb(sentence, begin, end, words),
                )
            )
    spoken_for = {voice.party for voice in known_voices}
    for party in voices.parties:
        if party["slug"] not in spoken_for and (place := _find_party(party, near)):
            sentence, begin, end = place
            if verb := _find_verb(sentence, begin, end, words):
                known_voices.append(
                    OfferedVoice(
                        party=party["slug"],
                        party_name=party["name"],
                        sentence=sentence,
                        verb=verb,
                    )
                )
    known_voices.sort(key=lambda voice: (not voice.speaker, not voice.verb))
    return known_voices[:MOST_KNOWN]


def _index_surnames(
    sentences: Sequence[Sentence], words: LanguageWords | None
) -> dict[str, tuple[str, int, int]]:
    """Return where each surname that the sentences may have stands first, in any case.

    Each word is read once, however many speakers are known.
    """
    places: dict[str, tuple[str, int, int]] = {}
    for sentence in sentences:
        for match in re.finditer(r"\w+", sentence.text):
            for surname in _list_surnames(normalize_letters(match[0]), words):
                places.setdefault(surname, (sentence.text, match.start(), match.end()))
    return places


def _list_surnames(word: str, words: LanguageWords | None) -> list[str]:
    """List the surnames that a word can be: as it is, or with an ending of its language."""
    surnames = [word] if len(word) > 2 else []
    if words is not None:
        stems = [word.removesuffix(ending) for ending in words.endings if word.endswith(ending)]
        stems += [
            word.removesuffix(ending) + "a"
            for ending in words.changed_endings
            if word.endswith(ending)
        ]
        surnames += [stem for stem in stems if len(stem) >= SHORTEST_INFLECTED]
    return surnames


def _read_surname(name: str) -> str:
    return normalize_letters(name).split()[-1]


def _find_party(party: PartyView, sentences: Sequence[Sentence]) -> tuple[str, int, int] | None:
    """Return the sentence that has a party's name or full name, and where."""
    for sentence in sentences:
        for name in (party["full_name"], party["name"]):
            if not name or name not in sentence.text:
                continue
            if match := re.search(rf"\b{re.escape(name)}\b", sentence.text):
                return sentence.text, match.start(), match.end()
    return None


def _find_verb(sentence: str, begin: int, end: int, words: LanguageWords | None) -> str:
    """Return the verb of saying in a sentence that stands nearest to a name; empty for none."""
    if words is None:
        return ""
    reach = FARTHEST_VERB + LONGEST_VERB
    distances = [
        (max(begin - verb.end(), verb.start() - end), verb[0])
        for verb in words.saying.finditer(sentence, max(0, begin - reach), end + reach)
    ]
    distance, verb = min(distances, default=(FARTHEST_VERB, ""))
    return verb if distance < FARTHEST_VERB else ""


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


def _find_unnamed(near: Sequence[Sentence], words: LanguageWords) -> list[OfferedVoice]:
    """Find somebody whom the article describes and does not name: “a man who …, and who asked”."""
    for sentence in near:
        match = words.unnamed.search(sentence.text)
        if match is not None and words.withheld.search(sentence.text, match.end()):
            description = match[1][0].lower() + match[1][1:]
            return [OfferedVoice(description=description, sentence=sentence.text)]
    return []


def _find_named(
    sentences: Sequence[Sentence], parties: Sequence[PartyView], words: LanguageWords
) -> list[OfferedVoice]:
    """Find people and organisations by their names: the nearest first, of those in one sentence
    whoever stands beside a verb of saying."""
    people: dict[str, tuple[str, str, Sentence]] = {}
    bodies: dict[str, tuple[str, Sentence]] = {}
    for sentence in sorted(
        (each for each in sentences if each.distance <= 1), key=lambda each: abs(each.distance)
    ):
        text = sentence.text
        heads = [match for pattern in words.bodies for match in pattern.finditer(text)]
        for match in heads:
            bodies.setdefault(match[1], (_find_verb(text, *match.span(1), words), sentence))
        for begin, name in _list_names(text, words):
            end = begin + len(name)
            if any(match.start() <= begin < match.end() for match in heads):
                continue
            verb = _find_verb(text, begin, end, words)
            before = text[max(0, begin - LONGEST_ROLE) : begin]
            is_english = words is language_words.ENGLISH
            if is_english and (
                name.partition(" of ")[0].split()[-1] in _BODIES
                or re.search(r"\b[Tt]he $|\bgovernment of $", before)
            ):
                bodies.setdefault(name, (verb, sentence))
            elif " " in name and name not in people:
                role = _find_role(before, text[end : end + LONGEST_ROLE], words)
                people[name] = (role, verb, sentence)
    recorded = {normalize_letters(party["name"]): party for party in parties}
    body = next((each for each in bodies if normalize_letters(each) in recorded), None)
    body = body or next(iter(bodies), "")
    offered = [
        (name, role, body, verb, sentence) for name, (role, verb, sentence) in people.items()
    ]
    offered += [("", "", name, verb, sentence) for name, (verb, sentence) in bodies.items()]
    voices = []
    for speaker, role, body, verb, sentence in offered:
        party = recorded.get(normalize_letters(body))
        voices.append(
            OfferedVoice(
                speaker,
                role,
                party=party["slug"] if party else "",
                new_party="" if party else body,
                party_name=party["name"] if party else body,
                sentence=sentence.text,
                verb=verb,
            )
        )
    return voices


def _list_names(sentence: str, words: LanguageWords) -> list[tuple[int, str]]:
    """List the names in a sentence with their places: runs of words with capitals.

    A single word is one after “government of” only: most others are places.  An office with a
    capital is none: “Direktor Vodnog odbora”, “Defence Minister”.
    """
    names = []
    run: list[re.Match[str]] = []
    for word, after in itertools.pairwise([*_WORD.finditer(sentence), None, None]):
        follows = bool(run and word and sentence[run[-1].end() : word.start()] == " ")
        if word and word[0][0].isupper() and (follows or not run):
            run.append(word)
            continue
        is_of = word and after and sentence[word.start() : after.end()] == f"of {after[0]}"
        if word and after and is_of and follows and _names_body(run[-1], after):
            run.append(word)
            continue
        titles = [at for at, each in enumerate(run) if words.titles.fullmatch(each[0])]
        if titles:
            run = run[titles[-1] + 1 :]
        while run and run[0][0].lower() in words.no_names:
            run.pop(0)
        if len(run) > 2 and _has_office(sentence, run[0].start(), words):
            run = run[-2:]
        while run and run[-1][0].lower() in words.no_names:
            run.pop()
        if run:
            begin, end = run[0].start(), run[-1].end()
            name = re.sub(r"[’']s$", "", sentence[begin:end])
            if " " in name or sentence[:begin].endswith("government of "):
                names.append((begin, name))
        run = [word] if word and word[0][0].isupper() else []
    return names


def _names_body(head: re.Match[str], after: re.Match[str]) -> bool:
    """Whether a name goes on after “of”: “Ministry of Defence”."""
    return head[0] in _BODIES and after[0][0].isupper()


def _has_office(sentence: str, begin: int, words: LanguageWords) -> bool:
    """Whether an office stands before a name that governs others, which have capitals too:
    “direktor Vodoprivrede Petar Simić”."""
    before = sentence[max(0, begin - LONGEST_ROLE) : begin]
    return words is not language_words.ENGLISH and words.offices.search(before) is not None


def _find_role(before: str, after: str, words: LanguageWords) -> str:
    """Find what somebody is called beside the name: “its director, Ivan Petrov”."""
    match = words.offices.search(before) or words.appositions.match(after)
    if match is None:
        return ""
    role = match[match.lastindex or 1]
    is_first = match.re is words.offices and not before[: match.start()].strip()
    return role[0].lower() + role[1:] if is_first else role
