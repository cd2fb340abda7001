"""Any sequence of events, answers, losses, pauses and recoveries keeps what webhooks promise."""

import asyncio
import shutil
from collections import Counter
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from service.config import Settings
from service.domain.backoff import HOLD
from service.domain.webhooks import EndpointState
from service.store.engine import Database
from service.webhooks.leases import Leased
from tests.webhooks.board import RULES, Board

CAP = 2
SCHEDULE = (5, 600, 3600)
CLAIMS = ("a", "b")
Place = tuple[str, str]
positions = st.integers(0, 1_000_000)


class Webhooks(RuleBasedStateMachine):
    """Two endpoints, two claims, workers that may do anything; the model is what was told, what
    receivers got, and when each delivery was first tried."""

    def __init__(self, template: Path, folder: Path) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        file = folder / "machine.db"
        for name in ("machine.db", "machine.db-wal", "machine.db-shm"):
            (folder / name).unlink(missing_ok=True)
        shutil.copy(template, file)
        self.database = Database(Settings(database_url=f"sqlite:///{file}"))
        self.board = Board(self.database)
        self.board.rules = replace(RULES, schedule=SCHEDULE)
        self.endpoints: list[str] = []
        self.told: set[Place] = set()
        self.got: set[Place] = set()
        self.first_tried: dict[Place, datetime] = {}
        self.in_hand: list[tuple[Leased, datetime]] = []

    def teardown(self) -> None:
        try:
            if self.endpoints:
                self.all_arrives_in_the_end()
        finally:
            self.run(self.database.stop())
            self.runner.close()

    def run(self, work: Any) -> Any:
        return self.runner.run(work)

    @initialize()
    def begin(self) -> None:
        self.run(self.database.start())
        self.endpoints = [self.run(self.board.create_endpoint(max_in_flight=CAP)) for _ in range(2)]

    # --- what happens ---

    @rule(claim=st.sampled_from(CLAIMS), is_for_both=st.booleans(), count=st.integers(1, 3))
    def put_event(self, claim: str, is_for_both: bool, count: int) -> None:
        endpoints = self.endpoints if is_for_both else self.endpoints[:1]
        for _ in range(count):
            message = self.run(self.board.put_event(*endpoints, claim=claim))
            self.told |= {(webhook, message) for webhook in endpoints}

    @rule(room=st.integers(1, 4), settles=st.booleans(), is_well=st.booleans())
    def take_turn(self, room: int, settles: bool, is_well: bool) -> None:
        """Take a worker's turn, in which it may settle its oldest attempt."""
        attempts = []
        if settles and self.in_hand:
            attempts = [self.build_answer(0, is_well)]
        turn = self.run(self.board.take_turn(*attempts, room=room))
        rows = self.run(self.board.list_deliveries())
        for each in turn.leased:
            place = (each.webhook, each.message)
            row = next(row for row in rows if (row.webhook, row.message) == place)
            assert place in self.told
            for before in rows:
                if (
                    (before.webhook, before.claim, before.replay)
                    == (row.webhook, row.claim, row.replay)
                    and before.position < row.position
                    and before.state == "pending"
                ):
                    first_try = self.first_tried[before.webhook, before.message]
                    assert first_try <= self.board.now - HOLD
            self.first_tried.setdefault(place, self.board.now)
            self.in_hand.append((each, self.board.now))

    @precondition(lambda self: self.in_hand)
    @rule(position=positions, is_well=st.booleans())
    def settle(self, position: int, is_well: bool) -> None:
        """Settle any attempt, late or not."""
        self.run(
            self.board.settle_attempts(self.build_answer(position % len(self.in_hand), is_well))
        )

    def build_answer(self, position: int, is_well: bool) -> Any:
        lease, at = self.in_hand.pop(position)
        if is_well:
            self.got.add((lease.webhook, lease.message))
        return self.board.build_attempt(lease, 200 if is_well else 500, started_at=at)

    @precondition(lambda self: self.in_hand)
    @rule(position=positions)
    def die(self, position: int) -> None:
        """Kill a worker; whether the receiver got the delivery, nobody knows."""
        self.in_hand.pop(position % len(self.in_hand))
        self.board.advance_clock(seconds=60)

    @precondition(lambda self: self.in_hand)
    @rule(position=positions)
    def hand_back(self, position: int) -> None:
        lease, at = self.in_hand.pop(position % len(self.in_hand))
        place = (lease.webhook, lease.message)
        if self.run(self.board.release_leases(lease)) and self.first_tried[place] == at:
            row = self.run(self.board.read_delivery(*place))
            if row.first_tried_at is None:
                del self.first_tried[place]

    @rule(seconds=st.sampled_from([1, 30, 61, 700, 3600, 86_400]))
    def let_time_pass(self, seconds: int) -> None:
        self.board.advance_clock(seconds=seconds)

    @rule(first=st.booleans(), state=st.sampled_from([EndpointState.ACTIVE, EndpointState.PAUSED]))
    def switch(self, first: bool, state: EndpointState) -> None:
        self.run(self.board.set_state(self.endpoints[not first], state))

    @rule(first=st.booleans())
    def recover(self, first: bool) -> None:
        webhook = self.endpoints[not first]
        dead = [row for row in self.rows() if (row.webhook, row.state) == (webhook, "dead")]
        self.run(self.board.recover_deliveries(webhook))
        for row in dead:
            self.first_tried.pop((row.webhook, row.message), None)

    @precondition(lambda self: self.told)
    @rule(position=positions)
    def redeliver(self, position: int) -> None:
        place = sorted(self.told)[position % len(self.told)]
        state = self.run(self.board.read_delivery(*place)).state
        self.run(self.board.redeliver_message(*place))
        if state != "pending":
            self.first_tried.pop(place, None)

    # --- what holds ---

    def rows(self) -> Any:
        return self.run(self.board.list_deliveries())

    @invariant()
    def the_promise_holds(self) -> None:
        if not self.endpoints:
            return
        rows, log = self.rows(), self.run(self.board.list_attempts())
        assert {(row.webhook, row.message) for row in rows} == self.told
        assert len(rows) == len(self.told)
        in_flight: Counter[str] = Counter()
        numbers: dict[Place, list[int]] = {}
        for line in log:
            numbers.setdefault((line.webhook, line.message), []).append(line.number)
        for row in rows:
            place = (row.webhook, row.message)
            assert row.state != "delivered" or place in self.got
            assert row.lease is None or row.state == "pending"
            assert (row.settled_at is None) == (row.state == "pending")
            in_flight[row.webhook] += bool(row.lease and row.visible_at > self.board.now)
            ended_attempts = row.attempts - (row.lease is not None)
            assert numbers.get(place, []) == list(range(1, ended_attempts + 1))
        assert all(count <= CAP for count in in_flight.values())

    def all_arrives_in_the_end(self) -> None:
        """Let receivers work again, and recover what was given up."""
        for webhook in self.endpoints:
            self.run(self.board.set_state(webhook, EndpointState.ACTIVE))
            self.run(self.board.recover_deliveries(webhook))
        for _ in range(10 * len(self.told) + 10):
            self.board.advance_clock(days=2)
            while leases := self.run(self.board.lease_deliveries()):
                self.got |= {(each.webhook, each.message) for each in leases}
                self.run(
                    self.board.settle_attempts(*(self.board.build_attempt(each) for each in leases))
                )
            if all(row.state == "delivered" for row in self.rows()):
                break
        assert self.got == self.told
        assert {row.state for row in self.rows()} <= {"delivered"}


def test_any_sequence_of_faults_delivers_in_order(migrated_sqlite: Path, tmp_path: Path) -> None:
    """Every event is delivered, pending or dead, once for each endpoint; within a claim nothing
    overtakes what has not been tried for an hour; caps hold; the log has every attempt; and when
    receivers are well and recovery was asked for, everything arrives."""

    class OnThisDatabase(Webhooks):
        def __init__(self) -> None:
            super().__init__(migrated_sqlite, tmp_path)

    run_state_machine_as_test(
        OnThisDatabase,
        settings=settings(
            max_examples=12,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
