"""The labelled pairs: see choosing.toml and judging.toml."""

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from service.domain.claims import Kind
from service.search.similar.similarity import ComparedClaim, compare_claims

HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Pair:
    """Two claims; `trap` is the heading they stand under."""

    trap: str
    same: bool
    one: ComparedClaim
    other: ComparedClaim

    @property
    def score(self) -> float:
        return compare_claims(self.one, self.other).score


@dataclass(frozen=True, slots=True)
class Figures:
    """How well a threshold tells one claim from two."""

    precision: float
    recall: float

    @property
    def f1(self) -> float:
        return 2 * self.precision * self.recall / (self.precision + self.recall)

    def __str__(self) -> str:
        return f"precision {self.precision:.3f}, recall {self.recall:.3f}"


def load(half: str) -> list[Pair]:
    return list(_parse_pairs(tomllib.loads((HERE / f"{half}.toml").read_text())))


def _parse_pairs(read: dict[str, dict[str, list[list[str]]]]) -> Iterator[Pair]:
    for trap, labels in read.items():
        for label, pairs in labels.items():
            for each, other, *days in pairs:
                first, second = days or ("2023-10-02", "2023-10-02")
                yield Pair(
                    trap, label == "same", _build_claim(each, first), _build_claim(other, second)
                )


def _build_claim(text: str, day: str) -> ComparedClaim:
    return ComparedClaim(text, Kind.EVENT, frozenset({"belgrade"}), date.fromisoformat(day))


def compute_figures(pairs: list[Pair], threshold: float) -> Figures:
    chosen_pairs = [pair.same for pair in pairs if pair.score >= threshold]
    right = sum(chosen_pairs)
    return Figures(right / len(chosen_pairs), right / sum(pair.same for pair in pairs))
