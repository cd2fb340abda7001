"""Every place that speaks of the fields which can be amended knows each of them."""

from typing import get_args, get_type_hints

import pytest

from service.claims.webhook_bodies import AMENDMENT_FIELDS
from service.claims.webhook_body_views import BodyChangesView
from service.desk.claims.record_lines import Names, describe_event
from service.domain import labels
from service.domain.claims import AMENDABLE
from service.domain.disclosure import AMENDED_FOR_ALL
from service.notices import notice_sentences
from service.stories.timeline_views import AmendedField


@pytest.mark.parametrize("name", AMENDABLE)
def test_record_says_in_words_which_field_was_amended(name: str) -> None:
    event = {
        "seq": 1,
        "type": "claim.amended",
        "recorded_at": "2023-10-02T12:00:00Z",
        "actor": None,
        "data": {name: None},
    }
    line = describe_event(event, Names({}, {}))
    assert line.what != "Amended", f"say it in record_lines._describe_amendment: {name}"


def test_amended_fields_that_all_may_know_have_words_everywhere() -> None:
    """The desk's own, such as who is assigned, are withheld by `RULES` of `domain/history.py`."""
    fields = set(AMENDED_FOR_ALL)
    assert set(labels.AMENDED) == fields, "words of timelines and notices: domain/labels.py"
    assert set(get_args(AmendedField)) == fields, "stories/timeline_views.py"
    assert set(get_type_hints(BodyChangesView)) == set(AMENDMENT_FIELDS), "webhook_body_views.py"


@pytest.mark.parametrize(
    ("name", "sentence"),
    [("text", "Reworded"), ("tags", "Tags changed"), ("finding", "Amended the finding")],
)
def test_followers_are_told_what_was_amended(name: str, sentence: str) -> None:
    assert notice_sentences.PHRASES["claim.amended"]({name: None}) == sentence
