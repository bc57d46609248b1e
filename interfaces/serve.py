"""`tenure serve`: a database, migrations, workers on one socket, and followers, while it runs."""

import asyncio
import errno
import logging
import os
import shutil
import signal
import socket
import sys
import time
from collections.abc import Callable, Coroutine, Sequence
from contextlib import ExitStack
from typing import NoReturn

import psycopg
from prometheus_client.multiprocess import mark_process_dead

from interfaces.admission import first_partner, public_partner
from interfaces.durability import check_durability
from interfaces.installation import check_secrets, keep_secrets
from interfaces.locks import FileLock
from interfaces.logs import log_to_stderr
from interfaces.postgres import DatabaseUnavailable, EmbeddedPostgres
from interfaces.projections import lacking_code
from interfaces.settings import Settings
from interfaces.supervisor import Program, Supervisor
from interfaces.supervisor_metrics import SupervisorMetrics
from interfaces.wiring import prepare

APP = "interfaces.api.app:create_app"
DRAIN_SECONDS = 20
BIND_SECONDS = 5
BACKLOG = 2048
HOUSEKEEPING_SECONDS = 600
WATCH_SECONDS = 0.5

log = logging.getLogger("tenure.serve")


class CannotServe(Exception):
    """Something outside stands in the way; the message says what."""


def serve(
    settings: Settings,
    host: str,
    port: int,
    workers: int,
    *,
    app: str = APP,
    first_key: Callable[[Settings, str], str | None] = first_partner,
) -> None:
    """Serve until SIGTERM, SIGINT or SIGHUP, then finish the requests in flight and stop it all.

    Raises CannotServe, DatabaseUnavailable, UnsafeDatabase, MigrationRefused, WrongSecrets,
    SettingsError or StartFailed.
    """
    log_to_stderr(settings.log_level)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _leave)
    with ExitStack() as stack:
        lock = FileLock(settings.data / "serve.lock")
        stack.callback(lock.release)
        if not lock.try_exclude():
            raise CannotServe(
                f"Another `tenure serve` runs on the data folder {settings.data}. "
                "Stop it first, or give this one a folder of its own with --data."
            )
        postgres = None
        if settings.database_url is None:
            postgres = EmbeddedPostgres(settings.data)
            stack.callback(postgres.stop)
            postgres.start()
            url = postgres.url
        else:
            url = settings.database_url
        check_durability(url, allow_unsafe=settings.allow_unsafe_durability)
        check_secrets(settings, url)
        for name in prepare(url):
            log.info("Made %s.", name)
        for sentence in lacking_code(url):
            log.error("%s", sentence)
        keep_secrets(settings, url)
        if key := public_partner(settings, url):
            _say(f"Public sandbox API key, anybody's: {key}")
        listening = stack.enter_context(listen(host, port))
        # Only now, because a key that is shown and then followed by an error is a key lost.
        if key := first_key(settings, url):
            _say(f"First start: your sandbox API key, shown only now: {key}")
        metrics = settings.data / "metrics"
        # What a killed server left would be counted as this one's.
        shutil.rmtree(metrics, ignore_errors=True)
        metrics.mkdir()
        environment = (
            os.environ
            | settings.environment()
            | {"TENURE_DATABASE_URL": url, "PROMETHEUS_MULTIPROC_DIR": str(metrics)}
        )
        command = [sys.executable, "-P", "-m", "interfaces.worker", "--app", app]
        worker = Program(
            "worker",
            [*command, "--socket", str(listening.fileno())],
            environment,
            descriptors=[listening.fileno()],
        )
        followers = Program(
            "followers", [sys.executable, "-P", "-m", "interfaces.followers"], environment
        )
        told = SupervisorMetrics(metrics)

        def ended(process_id: int) -> None:
            # Or a dead worker's gauges would be added up with the living ones'.
            mark_process_dead(process_id, str(metrics))  # type: ignore[no-untyped-call]
            told.worker_ended()

        beside = [_keep_house(url, told)]
        if postgres is not None:
            beside.append(keep_database(postgres, told))
        asyncio.run(_run(Supervisor([*[worker] * workers, followers], ended), listening, beside))


async def _run(
    supervisor: Supervisor,
    listening: socket.socket,
    beside: Sequence[Coroutine[None, None, None]],
) -> None:
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    tasks = [asyncio.create_task(loop) for loop in beside]
    try:
        starting = asyncio.create_task(supervisor.start())
        stopping = asyncio.create_task(stopped.wait())
        await asyncio.wait([starting, stopping], return_when=asyncio.FIRST_COMPLETED)
        if not stopped.is_set():
            await starting
            _say(f"Tenure is ready: {_url_of(listening)}")
            await stopped.wait()
            log.info("Stopping: finishing the requests in flight.")
    finally:
        # Otherwise new connections would wait here for a worker that never takes them.
        listening.close()
        await supervisor.stop(DRAIN_SECONDS)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def listen(host: str, port: int, seconds: float = BIND_SECONDS) -> socket.socket:
    """A listening socket; waits so long for a killed predecessor's workers to leave the port."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            family, kind, *_, address = socket.getaddrinfo(
                host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
            )[0]
            listening = socket.socket(family, kind)
            try:
                listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                listening.bind(address)
                listening.listen(BACKLOG)
            except OSError:
                listening.close()
                raise
        except OSError as error:
            if error.errno != errno.EADDRINUSE or time.monotonic() > deadline:
                raise CannotServe(f"Port {port} of {host} cannot be used: {error}") from None
            time.sleep(0.1)
        else:
            return listening


async def _keep_house(url: str, told: SupervisorMetrics) -> None:
    """Ask the database, now and then, to drop what nobody can ask for any more."""
    while True:
        try:
            async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
                await connection.execute("select tenure_housekeep(), webhook_housekeep()")
            told.housekept()
        except psycopg.Error as error:
            log.warning("Housekeeping failed and will be tried again: %s", error)
        await asyncio.sleep(HOUSEKEEPING_SECONDS)


async def keep_database(
    postgres: EmbeddedPostgres, told: SupervisorMetrics, watch_seconds: float = WATCH_SECONDS
) -> None:
    """Bring the embedded PostgreSQL back whenever it dies, for as long as it takes; the workers
    connect again.
    """
    while True:
        await asyncio.sleep(watch_seconds)
        if postgres.is_running():
            continue
        log.error("The embedded PostgreSQL has died; starting it again.")
        try:
            told.postgres_ended()
            await asyncio.to_thread(postgres.start)
        except DatabaseUnavailable as error:
            log.error("%s", error)  # noqa: TRY400 - the message says it all
        except Exception:
            log.exception("The embedded PostgreSQL was not started.")


def _url_of(listening: socket.socket) -> str:
    host, port, *_ = listening.getsockname()
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201 - what the command is for


def _leave(*_: object) -> NoReturn:
    sys.exit(0)
