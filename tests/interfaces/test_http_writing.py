"""What is written to a client in one turn of the event loop goes out together."""

import asyncio
from collections.abc import Callable

import pytest

from interfaces.http_writing import HELD_BYTES_AT_MOST, OneWrite


class Noting(asyncio.Transport):
    """A transport that notes what is asked of it."""

    def __init__(self) -> None:
        super().__init__()
        self.noted: list[bytes | str] = []

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.noted.append(bytes(data))

    def close(self) -> None:
        self.noted.append("closed")

    def is_closing(self) -> bool:
        return "closed" in self.noted


def noted(story: Callable[[OneWrite], None]) -> list[bytes | str]:
    """What a transport noted, a turn of the loop after a story."""

    async def told() -> list[bytes | str]:
        transport = Noting()
        story(OneWrite(transport, asyncio.get_running_loop()))
        await asyncio.sleep(0)
        return transport.noted

    return asyncio.run(told())


def write(*parts: bytes) -> Callable[[OneWrite], None]:
    def story(one: OneWrite) -> None:
        for part in parts:
            one.write(part)

    return story


def test_a_head_and_its_body_are_one_write() -> None:
    assert noted(write(b"head", b"body")) == [b"headbody"]


def test_turns_are_writes_of_their_own() -> None:
    async def told() -> list[bytes | str]:
        transport = Noting()
        one = OneWrite(transport, asyncio.get_running_loop())
        for part in (b"first", b"second"):
            one.write(part)
            await asyncio.sleep(0)
        return transport.noted

    assert asyncio.run(told()) == [b"first", b"second"]


def test_much_is_not_held() -> None:
    much = b"x" * HELD_BYTES_AT_MOST

    assert noted(write(b"head", much, b"rest")) == [b"head" + much, b"rest"]


def test_what_was_written_goes_out_before_the_end() -> None:
    def story(one: OneWrite) -> None:
        one.write(b"last")
        one.close()

    assert noted(story) == [b"last", "closed"]


@pytest.mark.parametrize("closed", [True, False])
def test_the_rest_is_the_transport_s_own(closed: bool) -> None:
    def story(one: OneWrite) -> None:
        if closed:
            one.close()
        assert one.is_closing() is closed

    noted(story)
