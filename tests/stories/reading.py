"""A reader of webhooks: a web server on this machine that checks what it is sent, as readers do."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from standardwebhooks.webhooks import Webhook

from tests.interfaces.serving import eventually


@dataclass
class Reader:
    """Remembers what it was sent, under each path, and answers with a status."""

    status: int = 204
    port: int = 0
    sent: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)

    def url(self, path: str = "/hooks") -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def has(self, count: int, path: str = "/hooks") -> None:
        """Wait until it was sent so many things."""
        eventually(lambda: len(self.ids(path)) >= count)

    def ids(self, path: str = "/hooks") -> list[str]:
        """The ids of all that it was sent, in order."""
        return [headers["webhook-id"] for to, headers, _ in list(self.sent) if to == path]

    def verified(self, secret: str, path: str = "/hooks") -> list[dict[str, Any]]:
        """All that it was sent, of which each must be signed under a secret."""
        webhook = Webhook(secret)
        return [
            webhook.verify(body, headers) for to, headers, body in list(self.sent) if to == path
        ]


@contextmanager
def reading(status: int = 204) -> Iterator[Reader]:
    """A reader for the length of a block."""
    reader = Reader(status)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            reader.sent.append((self.path, dict(self.headers.items()), body))
            self.send_response(reader.status)
            self.end_headers()

        def log_request(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    reader.port = server.server_port
    serving = threading.Thread(target=server.serve_forever)
    serving.start()
    try:
        yield reader
    finally:
        server.shutdown()
        serving.join()
        server.server_close()
