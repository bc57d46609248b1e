"""Ids: random, and in the form of a UUID."""

import subprocess
import sys
from uuid import RFC_4122, UUID

from application.ids import new_id


def test_an_id_is_a_random_uuid_in_its_usual_form() -> None:
    for _ in range(600):
        text = new_id()
        uuid = UUID(text)
        assert str(uuid) == text
        assert (uuid.version, uuid.variant) == (4, RFC_4122)


def test_no_id_is_given_twice() -> None:
    assert len({new_id() for _ in range(10_000)}) == 10_000


def test_every_random_bit_takes_both_values() -> None:
    numbers = [UUID(new_id()).int for _ in range(300)]
    always, ever = numbers[0], 0
    for number in numbers:
        always, ever = always & number, ever | number

    assert (ever & ~always).bit_count() == 122


FORKS = """
import os
from application.ids import new_id

new_id()
child = os.fork()
os.write(1, f"{new_id()}\\n".encode())
if child:
    os.waitpid(child, 0)
"""


def test_a_process_that_was_forked_gives_ids_of_its_own() -> None:
    printed = subprocess.run(
        [sys.executable, "-c", FORKS], check=True, capture_output=True, text=True
    ).stdout.split()

    assert len(printed) == 2
    assert printed[0] != printed[1]
