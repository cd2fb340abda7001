"""Processes of `claimdesk` that begin with everything imported.

The standard library's fork server imports the service once for each process of the suite. What is
started here is a child of it: a process of its own, with its own database connections, killed like
any other, but without the two seconds that imports take. Tests of the start itself run the
installed command (`tests/faults/test_serve.py`, `tests/cli/test_serving.py`).
"""

import atexit
import multiprocessing
import os
import signal
import sys
import time
from contextlib import suppress
from functools import cache
from multiprocessing.context import ForkServerContext
from multiprocessing.process import BaseProcess
from pathlib import Path
from subprocess import CompletedProcess, TimeoutExpired

PRELOADED = ["service.app", "service.cli.commands", "service.cli.server", "service.cli.exchange"]


@cache
def start_fork_server() -> ForkServerContext:
    """Name what the fork server imports; it starts with the first process."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    return context


class ForkedProcess:
    """A process that runs `claimdesk COMMAND`, with the attributes of `subprocess.Popen` that
    tests use.

    `prelude` is Python that the process runs before the command.
    """

    def __init__(
        self,
        command: tuple[str, ...],
        *,
        folder: Path,
        environment: dict[str, str],
        output: Path,
        errors: Path | None = None,
        prelude: str = "",
    ) -> None:
        self.args = ("claimdesk", *command)
        self._process: BaseProcess = start_fork_server().Process(
            target=_run_command, args=(command, folder, environment, output, errors, prelude)
        )
        self._process.start()
        assert self._process.pid is not None
        self.pid = self._process.pid
        atexit.register(self._kill_group)

    @property
    def returncode(self) -> int | None:
        return self._process.exitcode

    def poll(self) -> int | None:
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        """The exit code, negative where a signal ended the process; TimeoutExpired if it goes on
        for more than `timeout` seconds."""
        self._process.join(timeout)
        code = self._process.exitcode
        if code is None:
            raise TimeoutExpired(self.args, timeout or 0)
        atexit.unregister(self._kill_group)
        return code

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def _kill_group(self) -> None:
        if self.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)


def run_to_end(
    command: tuple[str, ...], folder: Path, environment: dict[str, str], prelude: str = ""
) -> CompletedProcess[str]:
    """Run `claimdesk COMMAND` in a process of its own until it ends."""
    name = f"{command[0]}-{time.monotonic_ns()}"
    output, errors = folder / f"{name}.out", folder / f"{name}.err"
    process = ForkedProcess(
        command,
        folder=folder,
        environment=environment,
        output=output,
        errors=errors,
        prelude=prelude,
    )
    code = process.wait(timeout=60)
    return CompletedProcess(process.args, code, output.read_text(), errors.read_text())


def _run_command(
    command: tuple[str, ...],
    folder: Path,
    environment: dict[str, str],
    output: Path,
    errors: Path | None,
    prelude: str,
) -> None:
    """The forked process: become what a shell would have started."""
    os.setsid()
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    for path, descriptors in ((output, (1,) if errors else (1, 2)), (errors, (2,))):
        if path is None:
            continue
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        for descriptor in descriptors:
            os.dup2(file, descriptor)
        os.close(file)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.argv = ["claimdesk", *command]
    exec(compile(prelude, "<prelude>", "exec"), {"__name__": "__prelude__"})  # noqa: S102
    from service.cli import main

    main()
