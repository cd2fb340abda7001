"""The columns of a claim's page: one for each root party, with the statements that it made."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from service.claims.decision_views import SuggestionView
from service.claims.statement_views import LinkView, StatementView
from service.desk.corrections.correction_words import Correction
from service.domain.claims import ClaimState, Precision
from service.domain.instants import compute_end


@dataclass(frozen=True, slots=True)
class Card:
    """A statement on the page, with its link to the claim; without one, the claim's own words."""

    statement: StatementView
    link: LinkView | None = None
    counted: bool | None = None
    why: str | None = None
    """Why the rules count the link, or do not."""
    corrections: Sequence[Correction] = ()
    """Of the statement and its sources, oldest first."""

    @property
    def id(self) -> str:
        return f"l-{self.link['id']}" if self.link else f"o-{self.statement['id']}"

    @property
    def recorded_at(self) -> str:
        return str((self.link or self.statement)["recorded_at"])

    @property
    def late(self) -> bool:
        """Whether it was recorded on a later day than it was said."""
        return self.recorded_at[:10] > str(self.statement["said_at"])[:10]

    @property
    def is_gone(self) -> bool:
        """Whether the statement was taken back, the link retracted, or either is void."""
        if self.statement["withdrawn_at"] is not None or "voided_at" in self.statement:
            return True
        link = self.link
        return link is not None and (link["retracted_at"] is not None or "voided_at" in link)

    @property
    def order(self) -> tuple[datetime, bool, str]:
        """The sort key by which what was said first comes first."""
        said_at = datetime.fromisoformat(self.statement["said_at"])
        end = compute_end(said_at, Precision(self.statement["precision"]))
        return end, self.link is not None, self.recorded_at


@dataclass(frozen=True, slots=True)
class Column:
    """A root party, with what it says."""

    root: str | None
    name: str
    claimant: bool
    left_out: int
    """Its statements that are not on the page."""
    cards: list[Card]

    @property
    def place(self) -> str:
        """What its address on the page ends with."""
        return self.root or ("nobody" if self.claimant else "-")


def build_columns(
    state: ClaimState,
    links: Iterable[LinkView],
    origin: StatementView,
    suggestion: SuggestionView,
    left_out: Mapping[str | None, int],
    corrections: Sequence[Correction],
) -> list[Column]:
    """Build a column for each root party, the claimant's first, each in the order in which its
    statements were made."""
    traces = {trace["link"]: trace for trace in suggestion["trace"]}

    def find_corrections(statement: StatementView) -> list[Correction]:
        sources = {quote["source"]["id"] for quote in statement["quotes"]}
        return [
            each
            for each in corrections
            if each.statement == statement["id"] or each.source in sources
        ]

    claimant = state.claimant
    root, name = (claimant.root, claimant.root_name) if claimant else (None, "Unattributed")
    more = left_out.get(root, 0) if root else 0
    first = Card(origin, corrections=find_corrections(origin))
    columns = {root or "": Column(root, name, True, more, [first])}
    for link in links:
        statement, trace = link["statement"], traces.get(link["id"])
        root = statement["root"]
        place = root or "-"
        if place not in columns:
            name = statement["root_name"] or "Not named"
            columns[place] = Column(root, name, False, left_out.get(root, 0), [])
        is_counted, why = (trace["counted"], trace["why"]) if trace else (None, None)
        columns[place].cards.append(
            Card(statement, link, is_counted, why, find_corrections(statement))
        )
    for column in columns.values():
        column.cards.sort(key=lambda card: card.order)
    return list(columns.values())
