"""A server of its own, so that what is fuzzed disturbs nobody."""

from collections.abc import Iterator

import pytest

from tests.interfaces.serving import Served, a_data_folder, serving


@pytest.fixture(scope="session")
def server() -> Iterator[Served]:
    """A server with everything on."""
    with (
        a_data_folder() as data,
        serving(data, app=None, TENURE_REGISTRATIONS_PER_HOUR="100000") as served,
    ):
        yield served
