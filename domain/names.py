"""Names: what partners may call themselves and their agents."""

from domain.refusals import InvalidName

LENGTH_AT_MOST = 200


def check_name(name: str) -> None:
    """Hold a name against what can be printed. Raises InvalidName."""
    if not 1 <= len(name) <= LENGTH_AT_MOST or not name.isprintable() or not name.strip():
        raise InvalidName(what="name", reason=f"1 to {LENGTH_AT_MOST} printable characters")
