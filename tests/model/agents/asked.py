"""A request, as the specification is asked it and as the server is."""

from dataclasses import dataclass, field

from tests.model.rules import Body


@dataclass(frozen=True)
class Asked:
    """A request: with whose key, what is done, to which agent, and the body.

    ``key`` is its Idempotency-Key.
    """

    by: str
    does: str
    about: str = ""
    body: Body = field(default_factory=dict)
    key: str | None = None
