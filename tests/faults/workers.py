"""Which worker a connection ends at, decided by holding the others still while it is made."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import psutil

from tests.interfaces.serving import Served, eventually


@contextmanager
def only(server: Served, worker: int) -> Iterator[None]:
    """A block in which one worker alone takes new connections."""
    others = [pid for pid in server.workers() if pid != worker]
    for pid in others:
        os.kill(pid, signal.SIGSTOP)
    try:
        eventually(lambda: all(is_stopped(pid) for pid in others))
        yield
    finally:
        for pid in others:
            os.kill(pid, signal.SIGCONT)


def is_stopped(worker: int) -> bool:
    return psutil.Process(worker).status() == psutil.STATUS_STOPPED


@contextmanager
def a_connection_to_each(server: Served) -> Iterator[list[httpx.Client]]:
    """A client a worker, each with one connection that stays where it is."""
    clients = [
        httpx.Client(base_url=server.url, timeout=30, limits=ONE_CONNECTION, verify=False)
        for _ in server.workers()
    ]
    try:
        for worker, client in zip(server.workers(), clients, strict=True):
            with only(server, worker):
                client.get("/healthz")
        assert [connections(worker) for worker in server.workers()] == [1] * len(clients)
        yield clients
    finally:
        for client in clients:
            client.close()


ONE_CONNECTION = httpx.Limits(max_connections=1, keepalive_expiry=None)


def connections(worker: int) -> int:
    """How many clients a worker is connected with."""
    return sum(
        connection.status == psutil.CONN_ESTABLISHED
        for connection in psutil.Process(worker).net_connections("tcp")
    )
