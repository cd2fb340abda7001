"""Run a verification in processes side by side, and go on with one that was stopped."""

import os
import signal
from collections import deque
from collections.abc import Callable
from contextlib import nullcontext
from multiprocessing import connection as pipes
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING

from service.cli import databases, shell
from service.cli.checkpoints import Checkpoint

if TYPE_CHECKING:
    from service.store.engine import Database
    from service.verification.parts import Part, PartResult
    from service.verification.verification import Report

Show = Callable[[int, int], None]
Keep = Callable[[int, "PartResult"], None]
Job = tuple[int, "Part"]
"""A part, and its place among all."""
STEPS_OF_A_PROCESS = 20_000
"""So much work is worth a process more, which takes about a second to start."""
ENDED = "A process that checked a part of the desk was ended from outside: run it again."
GOES_ON = "Going on: {done} of {all} parts were checked before, from {begun} on."


def count_cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0))


def verify(*, jobs: int, resume: Path | None, show: Show) -> "Report":
    """Check all parts, so many at a time; with a file, what is in it already is not checked again.

    Raises CommandError, or UsageError if the file is of something else.
    """
    from service.verification import verification

    databases.require_readable()
    with nullcontext() if resume is None else Checkpoint(resume) as checkpoint:
        results: dict[int, PartResult] = {}
        if checkpoint is not None and checkpoint.parts:
            parts, results = checkpoint.parts, checkpoint.results
            shell.print_note(
                GOES_ON.format(done=len(results), all=len(parts), begun=checkpoint.begun)
            )
        else:
            parts = databases.read(verification.plan)
            if checkpoint is not None:
                checkpoint.begin(parts)
        total = sum(part.steps for part in parts)
        step_count = sum(parts[place].steps for place in results)
        pending = deque((place, part) for place, part in enumerate(parts) if place not in results)

        def keep(place: int, result: "PartResult") -> None:
            nonlocal step_count
            if checkpoint is not None:
                checkpoint.add(place, result)
            results[place] = result
            step_count += parts[place].steps
            show(step_count, total)

        show(step_count, total)
        jobs = min(jobs, 1 + (total - step_count) // STEPS_OF_A_PROCESS)
        if jobs > 1:
            _check_side_by_side(pending, jobs, keep)
        else:
            _check_here(pending, keep)
        report = verification.build_report(results[place] for place in range(len(parts)))
        if checkpoint is not None:
            checkpoint.remove()
    return report


def _check_here(pending: deque[Job], keep: Keep) -> None:
    from service.verification import verification

    async def work(database: "Database") -> None:
        shell.collect_garbage_rarely()
        for place, part in pending:
            keep(place, await databases.read_sound(database, verification.verify_part, part=part))

    databases.run_reading(work)


def _check_side_by_side(pending: deque[Job], jobs: int, keep: Keep) -> None:
    """Hand each process a part at a time, and keep what comes back."""
    context = get_context("spawn")
    processes = []
    busy: list[pipes.Connection] = []
    try:
        for _ in range(jobs):
            own_end, other_end = context.Pipe()
            process = context.Process(target=_check_what_comes, args=(other_end,), daemon=True)
            process.start()
            processes.append(process)
            # Now only the process holds it: each side notices when the other is gone.
            other_end.close()
            busy.append(own_end)
            own_end.send(pending.popleft())
        while busy:
            for pipe in pipes.wait(busy):
                assert isinstance(pipe, pipes.Connection), "nothing else is waited for"
                try:
                    place, result = pipe.recv()
                except EOFError as error:
                    raise shell.CommandError(ENDED) from error
                if place is None:
                    raise shell.CommandError(result)
                keep(place, result)
                if pending:
                    pipe.send(pending.popleft())
                else:
                    busy.remove(pipe)
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.join()


def _check_what_comes(pipe: pipes.Connection) -> None:
    """Check parts until the process that sends them is gone; this is all that a process does."""
    from service.domain.errors import ClaimdeskError
    from service.verification import verification

    # The terminal interrupts all at once; the first process ends the others.
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    async def work(database: "Database") -> None:
        shell.collect_garbage_rarely()
        while True:
            place, part = pipe.recv()
            result = await databases.read_sound(database, verification.verify_part, part=part)
            pipe.send((place, result))

    try:
        databases.run_reading(work)
    except (EOFError, ConnectionError):
        return
    except (shell.CommandError, ClaimdeskError) as error:
        pipe.send((None, str(error)))
