"""Posting a job. An agent that takes work at once has it in the same transaction."""

from typing import Any

import msgspec

from domain.command import Document, Outcome
from domain.documents import write
from domain.instants import Instant
from domain.job import JOB, UNITS_AT_MOST, Job, Posted, ShownJob, Viewer
from domain.job_course import Course, job_of, place_of, salt_of
from domain.known import RANGE, Key, Known
from domain.listing import (
    STANDBY,
    Offering,
    capability_of,
    check_capability,
    check_unit,
    listed_in_force,
)
from domain.money import Price
from domain.negotiation import Candidate, House, engage
from domain.refusals import InvalidValue, NotFound, Refusal
from domain.reputation import reputation_of

TITLE_AT_MOST = 200


class PostJob(msgspec.Struct, frozen=True, kw_only=True):
    """A client asks for units of work. Its number is the position of the entry that posts it.

    The best of the agents that take work at once, at their listed price and within the budget, has
    it; where none can, it is open. ``salt`` are 64 random hexadecimal digits.
    Raises InvalidValue, PayloadTooLarge.
    """

    id: str
    tenant: str
    client_id: str
    title: str
    capability: str
    requirements: dict[str, Any]
    unit: str
    units: int
    budget: Price
    deadline: Instant | None
    salt: str
    house: House
    decision_id: str

    @property
    def asks(self) -> tuple[Key, ...]:
        return ((STANDBY.name + RANGE, capability_of(self.tenant, self.capability)),)

    def decide(self, known: Known, now: Instant) -> Outcome[ShownJob]:
        self._check(now)
        number = known.position + 1
        content = {"title": self.title, "requirements": self.requirements}
        brief, document = write(place_of(number, "brief"), content, self.salt)
        course = Course(number, None, self.tenant, now)
        course.then(
            Posted(
                client_id=self.client_id,
                capability=self.capability,
                unit=self.unit,
                units=self.units,
                budget=self.budget,
                deadline=self.deadline,
                brief=brief,
            ),
            entry_id=self.id,
        )
        self._match(course, known)
        return course.outcome(document, Document(salt_of(number), self.salt))

    def _check(self, now: Instant) -> None:
        if not 1 <= len(self.title) <= TITLE_AT_MOST:
            raise InvalidValue(field="title", reason=f"must be 1 to {TITLE_AT_MOST} characters")
        check_capability(self.capability, "capability")
        check_unit(self.unit, "unit")
        if not 1 <= self.units <= UNITS_AT_MOST:
            raise InvalidValue(field="units", reason=f"must be 1 to {UNITS_AT_MOST}")
        if self.deadline is not None and self.deadline <= now:
            raise InvalidValue(field="deadline", reason="must be in the future")

    def _match(self, course: Course, known: Known) -> None:
        """Give the job to the best that can have it, by reputation, then by id."""
        within = known.within(STANDBY, capability_of(self.tenant, self.capability))
        able = [one for one in within if self._affords(one)]
        able.sort(key=lambda one: (-reputation_of(one.agent_id, known).score, one.agent_id))
        for offering in able:
            try:
                listing = listed_in_force(offering.agent_id, self.tenant, known)
                candidate = Candidate(offering.agent_id, listing, offering.pricing.price)
                engage(course, candidate, self.house, self.decision_id, known)
            except Refusal:
                continue
            return

    def _affords(self, offering: Offering) -> bool:
        price = offering.pricing.price
        return (
            offering.pricing.unit == self.unit
            and price.currency == self.budget.currency
            and price.millionths <= self.budget.millionths
        )


class AskJob(msgspec.Struct, frozen=True, kw_only=True):
    """The question how a job stands; it may be asked of the past. Raises NotFound, also for whoever
    does not see it.
    """

    tenant: str
    viewer: Viewer
    job_id: int
    id: str = ""

    @property
    def asks(self) -> tuple[Key, ...]:
        return ((JOB.name, str(self.job_id)),)

    def decide(self, known: Known, now: Instant) -> Outcome[Job]:
        job = job_of(self.job_id, self.tenant, known)
        if not self.viewer.sees(job):
            raise NotFound
        return Outcome(job)
