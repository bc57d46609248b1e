"""The course of a job: no command brings a unit to two places."""

import msgspec
import pytest

from domain.job import Closed, Judged
from domain.job_course import Course
from tests.builders import NOW, TENANT
from tests.marketplace import Market, a_job


def judged(units: int) -> Judged:
    return Judged(
        supervisor_id="supervisor",
        agent_id="agent",
        delivery_id="delivery",
        decision="approve",
        rating=5,
        items=("all~1",),
        units=units,
        on_time=True,
    )


@pytest.mark.parametrize(
    "event",
    [judged(5), judged(-1), msgspec.structs.replace(judged(5), decision="reject")]
    + [Closed(cause="CANCELLED", given_up=given_up) for given_up in (-1, 5)],
)
def test_what_would_not_add_up_is_not_decided(event: Judged | Closed) -> None:
    market = Market()
    job_id, _ = market.delivered(a_job(units=4))
    course = Course(job_id, market.job(job_id), TENANT, NOW)

    with pytest.raises(ValueError, match="does not add up"):
        course.then(event)


def test_what_adds_up_is() -> None:
    market = Market()
    job_id, _ = market.delivered(a_job(units=4))
    course = Course(job_id, market.job(job_id), TENANT, NOW)

    course.then(judged(4))

    assert course.job.approved == 4
