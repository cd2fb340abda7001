"""A claim's lane: statuses from when until when, as they follow from its events."""

from datetime import datetime

from service.domain.claims import Lifecycle, Status
from service.domain.history import Event
from service.stories import status_spans
from tests.domain.builders import ASSERTED, AWAITING, DISPUTED, MINUTE, NOON

Change = tuple[int, Status]


def build_lane(*changes: Change, closed: tuple[int, str] | None = None) -> status_spans.Lane:
    """The lane of a claim created at noon that got these statuses so many minutes later."""
    event_rows: list[tuple[str, int, dict[str, str]]] = [("claim.created", 0, {})]
    event_rows += [("claim.status_changed", after, {"status": str(to)}) for after, to in changes]
    event_rows += [(closed[1], closed[0], {})] if closed else []
    return status_spans.draw_lane(
        Event(number, type, NOON + after * MINUTE, data)
        for number, (type, after, data) in enumerate(event_rows, start=1)
    )


def list_spans(lane: status_spans.Lane) -> list[tuple[Status, int | None, int | None]]:
    """Statuses with the minutes after noon from which and until which they held."""

    def minutes(moment: datetime | None) -> int | None:
        return None if moment is None else (moment - NOON) // MINUTE

    return [
        (interval.status, minutes(interval.since), minutes(interval.until))
        for interval in lane.intervals
    ]


def test_statuses_follow_each_other_without_gaps() -> None:
    """Each ends when the next begins; the last holds still."""
    lane = build_lane((5, AWAITING), (9, DISPUTED))
    assert list_spans(lane) == [(ASSERTED, 0, 5), (AWAITING, 5, 9), (DISPUTED, 9, None)]
    assert (lane.lifecycle, lane.closed_at) == (Lifecycle.ACTIVE, None)


def test_status_that_held_for_no_time_is_left_out() -> None:
    """Of several changes at one instant the last counts; a status that returns at once never
    left."""
    assert list_spans(build_lane((1, AWAITING), (1, ASSERTED))) == [(ASSERTED, 0, None)]
    assert list_spans(build_lane((0, AWAITING))) == [(AWAITING, 0, None)]


def test_a_merged_claims_lane_ends_a_withdrawn_ones_goes_on() -> None:
    """The last status is kept by a claim that its claimant took back."""
    merged_lane = build_lane((1, AWAITING), closed=(3, "claim.merged"))
    assert list_spans(merged_lane) == [(ASSERTED, 0, 1), (AWAITING, 1, 3)]
    assert (merged_lane.lifecycle, merged_lane.closed_at) == (Lifecycle.MERGED, NOON + 3 * MINUTE)
    withdrawn_lane = build_lane(closed=(3, "claim.withdrawn"))
    assert list_spans(withdrawn_lane) == [(ASSERTED, 0, None)]
    assert (withdrawn_lane.lifecycle, withdrawn_lane.closed_at) == (
        Lifecycle.WITHDRAWN,
        NOON + 3 * MINUTE,
    )


def test_void_claims_lane_has_a_gap() -> None:
    """While nobody may use it, it has no status; restored, it goes on with the one it had."""
    lifecycles = {"claim.voided": "void", "claim.restored": "active"}
    event_rows = [
        ("claim.created", 0),
        ("claim.voided", 3),
        ("claim.restored", 5),
        ("claim.voided", 9),
    ]

    def draw(events: int) -> status_spans.Lane:
        return status_spans.draw_lane(
            Event(number, type, NOON + at * MINUTE, {"after": {"lifecycle": lifecycles.get(type)}})
            for number, (type, at) in enumerate(event_rows[:events], start=1)
        )

    assert list_spans(draw(2)) == [(ASSERTED, 0, 3)]
    assert (draw(2).lifecycle, draw(2).closed_at) == (Lifecycle.VOID, NOON + 3 * MINUTE)
    assert list_spans(draw(3)) == [(ASSERTED, 0, 3), (ASSERTED, 5, None)]
    assert (draw(3).lifecycle, draw(3).closed_at) == (Lifecycle.ACTIVE, None)
    assert list_spans(draw(4)) == [(ASSERTED, 0, 3), (ASSERTED, 5, 9)]
