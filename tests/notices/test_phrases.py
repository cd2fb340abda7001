"""Followers are told of a change in words, whichever it is."""

from service.domain.history import EVENT_TYPES
from service.domain.notices import CHANGE_TYPES
from service.notices.notice_sentences import PHRASES


def test_every_change_that_followers_are_told_of_has_words() -> None:
    assert len(CHANGE_TYPES) == len(set(CHANGE_TYPES))
    assert set(PHRASES) == set(CHANGE_TYPES), (
        "domain/notices.py lists the changes, notices/notice_sentences.py their words"
    )
    assert set(CHANGE_TYPES) <= set(EVENT_TYPES)
