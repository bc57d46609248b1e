"""A job's row: every unit is in one place."""

import msgspec
import pytest

from domain.job import Job
from tests.marketplace import Market, a_job


@pytest.fixture
def job() -> Job:
    market = Market()
    return market.job(market.posted(a_job(units=4)))


@pytest.mark.parametrize("place", ["awaiting", "approved", "given_up"])
@pytest.mark.parametrize("units", [-1, 5])
def test_there_is_no_job_with_a_unit_in_two_places_or_in_none(
    job: Job, place: str, units: int
) -> None:
    with pytest.raises(ValueError, match="every unit of a job is in one place"):
        msgspec.structs.replace(job, **{place: units})
