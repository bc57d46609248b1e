"""Whatever happens, one request after the other, the server says what the model says."""

import os
from random import Random
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, note, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from tests.model.conftest import Begin
from tests.model.operations import OPERATIONS, Operation
from tests.model.side_by_side import Both
from tests.model.the_log import assert_rows_are_those_of_the_log

EXAMPLES = int(os.environ.get("MODEL_EXAMPLES", "300"))
"""How many stories the long form tells."""

chances = st.randoms(use_true_random=False)


class Story(RuleBasedStateMachine):
    """One story: operations on four partners who are new to it."""

    begin: ClassVar[Begin]
    both: Both

    @initialize()
    def begins(self) -> None:
        self.both = type(self).begin(note)

    def teardown(self) -> None:
        self.both.everything()


def add(operation: Operation) -> None:
    """Make an operation one of the story's rules."""

    def happens(self: Story, chance: Random) -> None:
        operation(self.both, chance)

    happens.__name__ = operation.__name__
    setattr(Story, operation.__name__, rule(chance=chances)(happens))


for one in OPERATIONS:
    add(one)


def tell(begin: Begin, **limits: Any) -> None:
    """Tell stories, and shrink the first that goes wrong."""
    told: type[Story] = type("Told", (Story,), {"begin": staticmethod(begin)})
    run_state_machine_as_test(
        told,
        settings=settings(
            deadline=None, suppress_health_check=list(HealthCheck), print_blob=True, **limits
        ),
    )


def test_the_server_says_what_the_model_says(begin: Begin, log_url: str) -> None:
    tell(begin, max_examples=6, stateful_step_count=20, derandomize=True)

    assert_rows_are_those_of_the_log(log_url)


@pytest.mark.scale
def test_the_server_says_what_the_model_says_for_long(begin: Begin, log_url: str) -> None:
    tell(begin, max_examples=EXAMPLES, stateful_step_count=50, derandomize=False)

    assert_rows_are_those_of_the_log(log_url)
