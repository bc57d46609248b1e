"""Keyed hashes: how credentials and people are known without being kept.

HMAC-SHA256 under a secret of the server, over length-prefixed parts, as 64 hexadecimal digits. An
unkeyed hash of an employee's number would be undone in half a second.
"""

import hmac
from typing import Any

import msgspec

API_KEY, PERSON, RESOURCE, LINK, EXPLICIT, AUTOMATIC, BODY, FINGERPRINT = "KPRLEABF"
TOKEN, PUBLIC, WEBHOOK = "TSW"

_canonical = msgspec.json.Encoder(order="sorted").encode
_LOOKED_INTO = {float, dict, list}


class Hashes:
    """Hashes under the server's two secrets. Losing ``pepper`` locks every key out; losing
    ``identifier_secret`` makes every known person a stranger.
    """

    def __init__(self, pepper: bytes, identifier_secret: bytes) -> None:
        # Keyed once and then copied, which is felt in a batch of a thousand.
        self._pepper = hmac.new(pepper, digestmod="sha256")
        self._identifier_secret = hmac.new(identifier_secret, digestmod="sha256")

    def api_key(self, key: str) -> str:
        """The lookup of a credential."""
        return _digest(self._pepper, API_KEY, key)

    def token(self, token: str) -> str:
        """What the log holds in place of the token that proves a domain."""
        return _digest(self._pepper, TOKEN, token)

    def public_secret(self) -> bytes:
        """The 32 bytes of the public partner's key, which must be shown again and is not kept."""
        return bytes.fromhex(_digest(self._pepper, PUBLIC))

    def webhook_secret(self, webhook_id: str, generation: int) -> bytes:
        """The 32 bytes under which what a webhook is sent is signed, the same each time."""
        return bytes.fromhex(_digest(self._pepper, WEBHOOK, webhook_id, str(generation)))

    def person(self, tenant: str, external_id: str) -> str:
        """The lookup of a person, as one tenant names them."""
        return _digest(self._identifier_secret, PERSON, tenant, external_id)

    def resource(self, tenant: str, resource_id: str) -> str:
        """What the log holds in place of a resource's id."""
        return _digest(self._identifier_secret, RESOURCE, tenant, resource_id)

    def link_code(self, code: str) -> str:
        """The lookup of a link code."""
        return _digest(self._identifier_secret, LINK, code)

    def explicit_key(self, tenant: str, principal_id: str, route: str, key: str) -> str:
        """The record's key for a request that names its own."""
        return _digest(self._identifier_secret, EXPLICIT, tenant, principal_id, route, key)

    def automatic_key(self, tenant: str, *parts: str) -> str:
        """The record's key for a request that is known by what it says."""
        return _digest(self._identifier_secret, AUTOMATIC, tenant, *parts)

    def body(self, document: Any) -> str:
        """The fingerprint of a body as parsed, to tell another one under the same key."""
        message = BODY.encode() + _canonical(_with_one_spelling(document))
        return _hash(self._identifier_secret, message)

    def fingerprints(self) -> dict[str, str]:
        """What tells each secret, by the name of its file, from another; it opens nothing."""
        return {
            "pepper": _digest(self._pepper, FINGERPRINT, "pepper"),
            "identifier": _digest(self._identifier_secret, FINGERPRINT, "identifier"),
        }


def _with_one_spelling(value: Any) -> Any:
    """JSON with each number spelled in one way: 1.0 is 1."""
    kind = type(value)
    # Most objects hold none of these, and need no copy.
    if kind is dict and not _LOOKED_INTO.isdisjoint(map(type, value.values())):
        return {name: _with_one_spelling(member) for name, member in value.items()}
    if kind is list:
        return [_with_one_spelling(item) for item in value]
    return int(value) if kind is float and value.is_integer() else value


def _digest(keyed: hmac.HMAC, purpose: str, *parts: str) -> str:
    # The length before each part keeps ("ab", "c") and ("a", "bc") apart.
    message = purpose + "".join([f"{len(part)}:{part}" for part in parts])
    return _hash(keyed, message.encode())


def _hash(keyed: hmac.HMAC, message: bytes) -> str:
    keyed = keyed.copy()
    keyed.update(message)
    return keyed.hexdigest()
