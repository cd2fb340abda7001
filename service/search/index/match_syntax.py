"""Write what the full-text index is asked for, in the syntax of FTS5 or of a tsquery."""

from collections.abc import Iterable, Sequence

from service.search.index.index_tables import STRETCHES
from service.search.index.postings import EXACT, FORMER_EXACT, FORMER_STEM, LABEL
from service.search.index.query_parser import Phrase, Term
from service.search.index.searchable_fields import Level


class MatchSyntax:
    """The syntax of a dialect, from single terms of the index up to terms of a query."""

    def __init__(self, dialect: str) -> None:
        self.is_sqlite = dialect == "sqlite"

    def write_phrase(self, terms: Sequence[str]) -> str:
        """Terms of the index that follow one another."""
        if self.is_sqlite:
            return f'"{" ".join(terms)}"'
        phrase = " <-> ".join(f"'{term}'" for term in terms)
        return f"({phrase})"

    def write_prefix(self, beginning: str) -> str:
        """Any term of the index that begins so."""
        return f'"{beginning}" *' if self.is_sqlite else f"'{beginning}':*"

    def join_all(self, parts: Iterable[str]) -> str:
        """All of the parts."""
        return f"({(' AND ' if self.is_sqlite else ' & ').join(parts)})"

    def join_any(self, parts: Iterable[str]) -> str:
        """One of the parts at least."""
        return f"({(' OR ' if self.is_sqlite else ' | ').join(parts)})"

    def exclude(self, part: str, excluded_terms: Sequence[str]) -> str:
        """The part with none of those that are excluded."""
        if not excluded_terms:
            return part
        return f"({part} {'NOT' if self.is_sqlite else '& !'} {self.join_any(excluded_terms)})"

    def write_term(self, term: Term, level: Level) -> str:
        """A term of a query where it stands at a level."""
        if isinstance(term, Phrase):
            return self.join_any(
                self.write_phrase([f"{level.value}{stem}" for stem in form]) for form in term.forms
            )
        return self.join_any(
            self.write_prefix(f"{digit}{term.text}") for digit in (level.value, level + EXACT)
        )

    def write_words(self, term: Term, level: Level) -> str:
        """The same, but with the words of a phrase wherever they stand."""
        if isinstance(term, Phrase):
            return self._write_stems(term, (str(level.value),))
        return self.write_term(term, level)

    def write_words_at_any_time(self, term: Term) -> str:
        """The words of a term where they stand or once stood."""
        level = Level.QUOTES
        if isinstance(term, Phrase):
            return self._write_stems(term, (str(level.value), FORMER_STEM))
        digits = (str(level.value), str(level + EXACT), FORMER_STEM, FORMER_EXACT)
        return self.join_any(self.write_prefix(digit + term.text) for digit in digits)

    def _write_stems(self, phrase: Phrase, digits: Sequence[str]) -> str:
        return self.join_any(
            self.join_all(
                self.join_any(self.write_phrase([digit + stem]) for digit in digits)
                for stem in form
            )
            for form in phrase.forms
        )


def narrow_to_stretch(match: str, letter: str, number: int) -> str:
    """Return what asks PostgreSQL for the same within the stretch that a number lies in."""
    return f"{match} & '{LABEL}{letter}{number >> STRETCHES[letter]}'"
