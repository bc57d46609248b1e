"""The supervisor, with programs that cannot be started or will not end."""

import asyncio
import os
import sys

import psutil
import pytest

from interfaces.supervisor import Program, StartFailed, Supervisor

STUBBORN = """
import os, signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
os.write(int(sys.argv[sys.argv.index("--ready") + 1]), b".")
time.sleep(3600)
"""


def test_a_program_that_does_not_exist_is_refused_with_its_name() -> None:
    async def run() -> None:
        supervisor = Supervisor([Program("worker", ["/no/such/program"], {})])
        try:
            await supervisor.start()
        finally:
            await supervisor.stop(1)

    with pytest.raises(StartFailed, match="No such file or directory: '/no/such/program'"):
        asyncio.run(run())


@pytest.mark.faults
def test_a_process_that_will_not_end_is_killed(caplog: pytest.LogCaptureFixture) -> None:
    ended: list[int] = []

    async def run() -> None:
        program = Program("worker", [sys.executable, "-c", STUBBORN], os.environ)
        supervisor = await Supervisor([program], ended.append).start()
        await supervisor.stop(0.3)

    asyncio.run(run())

    (process,) = ended
    assert f"Process {process} did not end within" in caplog.text
    assert not psutil.pid_exists(process)


def test_a_stop_while_it_starts_waits_for_nobody() -> None:
    async def run() -> None:
        command = [sys.executable, "-c", "import time; time.sleep(60)"]
        supervisor = Supervisor([Program("worker", command, os.environ)])
        starting = asyncio.create_task(supervisor.start())
        await asyncio.sleep(0.2)
        await supervisor.stop(5)
        with pytest.raises(asyncio.CancelledError):
            await starting

    asyncio.run(run())
