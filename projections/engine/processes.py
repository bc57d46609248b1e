"""Processes that share out the partitions of a piece of work, one at a time to each."""

import os
import signal
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from typing import Any, Protocol, TypeVar

Result = TypeVar("Result", covariant=True)

Told = Callable[[int], object]
"""Is told how many positions more were looked at."""

CONTEXT = get_context("spawn")
DIED = "A process of the work ended before it was done: it was killed, or memory ran out."


class WorkerDied(Exception):
    """A process ended in the midst of its partition: it was killed, or memory ran out."""


class Task(Protocol[Result]):
    """What is done for each partition, in whatever process; so it can be sent to one."""

    def __call__(self, part: int, told: Told) -> Result: ...


def cores() -> int:
    """How many processes can run at once."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def share_out(
    task: Task[Result], parts: Sequence[int], processes: int, told: Told
) -> Iterator[Result]:
    """The result of each partition as it comes; ``told`` of progress meanwhile.

    Raises what a task raises, and WorkerDied. If this process is killed, the others end at their
    next word to it.
    """
    if min(processes, len(parts)) <= 1:
        for part in parts:
            yield task(part, told)
        return
    waiting = deque(parts)
    workers: dict[Connection, Any] = {}
    try:
        for _ in range(min(processes, len(parts))):
            mine, theirs = CONTEXT.Pipe()
            worker = CONTEXT.Process(target=_work, args=(task, theirs), daemon=True)
            worker.start()
            theirs.close()
            workers[mine] = worker
            mine.send(waiting.popleft())
        while workers:
            for ready in wait(list(workers)):
                assert isinstance(ready, Connection)
                yield from _heard(ready, waiting, workers, told)
    except ConnectionError as error:
        raise WorkerDied(DIED) from error
    finally:
        for worker in workers.values():
            worker.terminate()
        for worker in workers.values():
            worker.join()


def _heard(
    ready: Connection, waiting: deque[int], workers: dict[Connection, Any], told: Told
) -> Iterator[Any]:
    try:
        kind, value = ready.recv()
    except EOFError:
        raise WorkerDied(DIED) from None
    match kind:
        case "told":
            told(value)
        case "failed":
            raise value
        case "done":
            if waiting:
                ready.send(waiting.popleft())
            else:
                ready.send(None)
                workers.pop(ready).join()
            yield value


def _work(task: Task[Any], pipe: Connection) -> None:
    # The terminal's Ctrl-C is for the process that gave the work, which then ends this one.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    while (part := pipe.recv()) is not None:
        try:
            pipe.send(("done", task(part, lambda more: pipe.send(("told", more)))))
        except BrokenPipeError:
            return
        except Exception as error:  # noqa: BLE001 - it is raised where the work was given
            pipe.send(("failed", error))
