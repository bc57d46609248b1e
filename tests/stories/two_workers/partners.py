"""Partners that let themselves in, with a web site each, and the operator's hand."""

import json
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path
from typing import Any

from tests.interfaces.serving import TENURE
from tests.stories.client import Client
from tests.stories.document import told

numbers = count(1)


class Site:
    """A partner's own web site, on this machine."""

    def __init__(self) -> None:
        self.pages: dict[str, str] = {}
        self.asked: list[str] = []
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                site.asked.append(self.path)
                page = site.pages.get(self.path)
                self.send_response(200 if page is not None else 404)
                self.end_headers()
                self.wfile.write((page or "").encode())

            def log_request(self, *_: object) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.domain = f"127.0.0.1:{self.server.server_port}"
        self.url = f"http://{self.domain}"

    def shows(self, token: str) -> None:
        self.pages["/.well-known/mir-challenge"] = f"  {token}\n"


@contextmanager
def a_site() -> Iterator[Site]:
    site = Site()
    serving_it = threading.Thread(target=site.server.serve_forever)
    serving_it.start()
    try:
        yield site
    finally:
        site.server.shutdown()
        serving_it.join()
        site.server.server_close()


def a_form(**fields: Any) -> dict[str, object]:
    return {"name": f"Acme {next(numbers)}", "acceptTerms": True, **fields}


def registered(nobody: Client, **fields: Any) -> dict[str, Any]:
    reply = nobody.post("/v1/partners/register", a_form(**fields))
    assert reply.status_code == 201, told(reply)
    made: dict[str, Any] = reply.json()
    return made


def promoted(nobody: Client) -> tuple[dict[str, Any], Client, Client]:
    """A partner that has both environments: its registration, and a client in each."""
    made = registered(nobody)
    sandbox = Client(nobody.http, made["apiKey"])
    with a_site() as site:
        site.shows(made["domainChallenge"]["token"])
        reply = sandbox.post("/v1/partners/promote", {"url": site.url})
    assert reply.status_code == 200, told(reply)
    return made, sandbox, Client(nobody.http, reply.json()["apiKey"])


def operate(data: Path, *arguments: str) -> Any:
    """What `tenure partner` prints, beside the running server."""
    done = subprocess.run(
        [TENURE, "partner", *arguments, "--data", str(data), "--json"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
