"""The generated desk is what the figures stand on: it is repeatable, and lives by the lifecycle."""

from __future__ import annotations

import itertools

from tests.bench import generate, sample

TOTAL = 600


def test_a_chunk_is_a_function_of_its_seed() -> None:
    """Two processes, or two runs, make the same claims; another seed makes others."""
    first, first_again, other = (
        list(generate.chunk(generate.world(), TOTAL, 0, seed)) for seed in (1, 1, 2)
    )
    assert first == first_again
    assert first[0].text != other[0].text


def test_statuses_follow_one_another_and_the_guards() -> None:
    """Each change starts where the last ended, in time; confirmation cites another root party."""
    world = generate.world()
    for claim in generate.chunk(world, TOTAL, 0):
        assert claim.changes[0].previous is None
        assert 1 <= len(claim.links) <= 8
        assert generate.START <= claim.created_at <= claim.updated_at < generate.END
        roots = {link.id: link.root for link in claim.links}
        for before, after in itertools.pairwise(claim.changes):
            assert before.status == after.previous != after.status
            assert before.recorded_at <= after.recorded_at
            if after.status == generate.CONFIRMED:
                assert claim.claimant is not None
                own = world.by_slug[claim.claimant].root
                needed_roots = 2 if claim.kind == "figure" else 1
                assert len({roots[link] for link in after.cites} - {own}) >= needed_roots


def test_moving_claims_are_not_read() -> None:
    """A claim whose status changes during a run would spoil the reads of the others."""
    claims = list(generate.chunk(generate.world(), TOTAL, 0))
    drawn_sample = sample.draw(claims, TOTAL, 0, seed=1)
    assert drawn_sample.moving
    assert not set(drawn_sample.moving) & set(drawn_sample.read)
    assert len(drawn_sample.as_of) == len(drawn_sample.read)
