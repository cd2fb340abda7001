"""Articles that are being taken in, as the desk's pages read them."""

from typing_extensions import TypedDict

from service.claims.statement_views import StatementView
from service.directory.directory_views import SourceView
from service.domain.claims import Rendering, Stance
from service.views import Moment, Uuid


class IntakeView(TypedDict):
    """An article that is being taken in."""

    id: Uuid
    story: str | None
    opened_by: str
    opened_at: Moment
    source: SourceView


class PassageUseView(TypedDict):
    """A claim that a passage bears on; without a stance, the claim's own words."""

    id: Uuid
    text: str
    stance: Stance | None
    conditional: bool


class PassageWordsView(TypedDict):
    """Words that were recorded from an article, and where in it they stand."""

    text: str
    language: str
    rendering: Rendering
    exact: str | None
    prefix: str | None


class PassageView(PassageWordsView):
    """The first words of a statement that were recorded from an article, with the statement."""

    statement: StatementView
    others: list[PassageWordsView]
    """Its other words in the article: a translation."""
    does: list[PassageUseView]


class ArticleView(IntakeView):
    """An article with its text, and what was recorded from its source so far."""

    text: str
    language: str
    passages: list[PassageView]
