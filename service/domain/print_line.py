"""Builds the print line: sentences about a claim that a journalist may paste.

Which sentences there are is decided here, once; how each reads in a language is in `print_phrases`.
It is plain text without direction marks; pages isolate it themselves.  Names go through
`texts.print_name`, so that none can end a sentence of ours or begin one.
"""

from collections.abc import Collection, Iterator
from dataclasses import replace

from service.domain import evidence, inquiries, texts
from service.domain.claims import (
    ClaimState,
    Finding,
    Imported,
    Lifecycle,
    Link,
    Status,
    Unnamed,
    Voice,
)
from service.domain.evidence import Suggestion
from service.domain.print_phrases import (
    PHRASES,
    Language,
    Pair,
    Phrases,
    format_date,
    format_when,
    join_names,
)

VOID_LINE, HOLD_LINE = PHRASES[Language.EN].void, PHRASES[Language.EN].hold
"""The whole print line of a void claim, and what that of a claim on hold begins with."""
LONGEST_TEXT = 200
"""Characters of another claim's text in a print line."""


def build_print_line(
    state: ClaimState,
    suggestion: Suggestion | None = None,
    *,
    language: Language = Language.EN,
) -> str:
    """Return what may be printed about the claim: its status, and which parties take which stance.

    `suggestion` is what its links suggest, if that is known already.
    """
    phrases = PHRASES[language]
    if state.lifecycle is Lifecycle.VOID:
        return phrases.void
    if state.hold is not None:
        line = build_print_line(replace(state, hold=None), suggestion, language=language)
        return f"{phrases.hold} {line}"
    suggestion = suggestion or evidence.suggest_status(state, explain=False)
    return " ".join(_Line(state, suggestion, language).list_sentences())


class _Line:
    """One print line: the claim, whose names stand in it, and the sentences of its language."""

    def __init__(self, state: ClaimState, suggestion: Suggestion, language: Language) -> None:
        self.state, self.language = state, language
        self.phrases: Phrases = PHRASES[language]
        partly = () if suggestion.support else evidence.list_partial_support(state)
        roots = {
            name: evidence.list_roots(links)
            for name, links in (
                ("requesting", suggestion.confirmation_requests),
                ("contradicting", suggestion.contradictions),
                ("partly", partly),
            )
        } | {"supporting": suggestion.support}
        names = self._name_roots({root for group in roots.values() for root in group})
        self.requesting = [names[root] for root in roots["requesting"]]
        self.contradicting = [names[root] for root in roots["contradicting"]]
        self.supporting = [names[root] for root in roots["supporting"]]
        self.partly_supporting = [names[root] for root in roots["partly"]]

    def list_sentences(self) -> Iterator[str]:
        """Yield the sentences in their order."""
        state, phrases = self.state, self.phrases
        yield self._describe_claim()
        if state.status is Status.CONFIRMED:
            yield from self._describe_confirmation()
        else:
            yield from self._describe_doubt()
        yield from self._describe_unnamed()
        silent = inquiries.list_silent_voices(state.inquiries)
        if silent:
            yield self._name(phrases.silent, [self._call(voice) for voice in silent])
        declining = inquiries.list_declining_voices(state.inquiries)
        if declining:
            yield self._name(phrases.declined, [self._call(voice) for voice in declining])
        if state.finding is not None:
            yield self._describe_finding(state.finding)
        if state.lifecycle is Lifecycle.WITHDRAWN:
            yield phrases.withdrawn
        if state.superseded_by is not None:
            newer = state.superseded_by
            yield phrases.superseded.format(
                when=format_when(newer.claimed_at, newer.precision, self.language),
                text=texts.print_label(newer.text[:LONGEST_TEXT]),
            )

    def _describe_claim(self) -> str:
        state = self.state
        when = format_date(state.claimed_at, state.precision, self.language)
        if state.claimant is None:
            return self.phrases.unattributed.format(about=when)
        speaker = state.claimant.speaker
        about = f"{texts.print_name(speaker.name)}, {when}" if speaker else when
        return self.phrases.claimed.format(name=self._call(state.claimant), about=about)

    def _call(self, voice: Voice) -> str:
        """Call a party by the name that it has within a sentence, which is English; in another
        language, by its own."""
        is_english = self.language is Language.EN
        return texts.print_name(voice.printed_name if is_english else voice.name)

    def _describe_confirmation(self) -> Iterator[str]:
        state, phrases = self.state, self.phrases
        if state.imported is not None:
            yield self._describe_import(state.imported)
            if self.supporting:
                yield self._name(phrases.imported_supported, self.supporting)
            else:
                yield phrases.imported_unconfirmed
        elif self.supporting:
            yield self._name(phrases.confirmed, self.supporting)
        if self.contradicting:
            yield self._name(phrases.denied, self.contradicting)
        if state.override:
            yield phrases.override_confirmed

    def _describe_doubt(self) -> Iterator[str]:
        """Yield what is said of a claim that is not confirmed."""
        state, phrases = self.state, self.phrases
        if state.imported is not None:
            yield self._describe_import(state.imported)
        if state.status is Status.DISPUTED and (self.contradicting or state.imported is None):
            if self.contradicting:
                yield self._name(phrases.disputed_by, self.contradicting)
            else:
                yield phrases.disputed
        elif self.contradicting:
            # It is not decided yet, but nobody may print the claim without the denial.
            yield self._name(phrases.denied, self.contradicting)
        if self.requesting:
            yield self._name(phrases.requested, self.requesting)
        elif state.status is Status.AWAITING_CONFIRMATION and not state.imported:
            yield phrases.awaiting
        if self.supporting:
            yield self._name(phrases.supported, self.supporting)
        elif self.partly_supporting:
            yield self._name(phrases.supported_partly, self.partly_supporting)
        else:
            yield phrases.unconfirmed
        if state.override:
            yield phrases.override

    def _describe_import(self, source: Imported) -> str:
        return self.phrases.imported.format(
            status=self.phrases.statuses[self.state.status],
            by=texts.print_name(source.by),
            label=texts.print_label(source.label),
        )

    def _describe_finding(self, finding: Finding) -> str:
        import_note = self.state.imported
        is_imported = import_note is not None and import_note.finding is finding
        by = texts.print_name(import_note.by) if import_note and is_imported else self.phrases.desk
        return self.phrases.findings[finding].format(by=by)

    def _describe_unnamed(self) -> Iterator[str]:
        """Yield a sentence about each source that is not named and takes a stance, as described."""
        links = evidence.list_unnamed(self.state, *self.phrases.unnamed)
        yield from dict.fromkeys(map(self._describe_unnamed_link, links))

    def _describe_unnamed_link(self, link: Link) -> str:
        assert isinstance(link.voice, Unnamed), "only these are listed"
        source, party = texts.print_name(link.voice.description), link.voice.party
        pattern = self.phrases.unnamed[link.stance]
        if pattern.startswith("{source}"):
            source = f"{source[:1].upper()}{source[1:]}"
        if party is not None:
            source = self.phrases.of_party.format(description=source, party=self._call(party))
        return pattern.format(source=source)

    def _name_roots(self, roots: Collection[str]) -> dict[str, str]:
        """Return the names of these root parties, as the last link of each has them."""
        is_english = self.language is Language.EN
        names: dict[str, str] = {}
        for link in reversed(self.state.links):
            if len(names) == len(roots):
                break
            voice = link.voice
            if isinstance(voice, Voice) and voice.root in roots and voice.root not in names:
                name = voice.printed_root_name if is_english else voice.root_name
                names[voice.root] = texts.print_name(name)
        return names

    def _name(self, pattern: str | Pair, names: list[str]) -> str:
        """Return a sentence with these names."""
        if not isinstance(pattern, str):
            pattern = pattern[len(names) > 1]
        return pattern.format(names=join_names(names, self.language))
