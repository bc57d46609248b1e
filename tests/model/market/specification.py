"""What a marketplace promises, as simply as it can be said: a few counters a job.

It knows nothing of events, folds and postings. Each operation tells whether it must succeed, and if
so, what is so afterwards.
"""

from dataclasses import dataclass, field
from typing import Literal

PRICE_MINOR = 250
CAP_MINOR = 3_000

ItemStatus = Literal["DELIVERED", "APPROVED", "REJECTED", "REVERSED"]


@dataclass
class SpecifiedItem:
    """One item as it was delivered last: of which delivery, by whom, and what became of it."""

    units: int
    agent_id: str
    delivery: int
    data: str
    status: ItemStatus = "DELIVERED"


@dataclass
class SpecifiedJob:
    """A job, by its units."""

    units: int
    agent_id: str | None = None
    remaining: int = field(init=False)
    given_up: int = 0
    deliveries: int = 0
    items: dict[str, SpecifiedItem] = field(default_factory=dict)
    is_closed: bool = False
    ended_as: str | None = None

    def __post_init__(self) -> None:
        self.remaining = self.units

    @property
    def is_over(self) -> bool:
        """Whether every unit is approved or given up."""
        return self.ended_as is not None

    def of(self, status: ItemStatus) -> int:
        """How many units are of items of a status."""
        return sum(item.units for item in self.items.values() if item.status == status)

    @property
    def status(self) -> str:
        """What the job's status must be."""
        if self.ended_as is not None:
            return self.ended_as
        if self.remaining == 0:
            return "DELIVERED"
        return "OPEN" if self.agent_id is None else "REQUESTED"


@dataclass
class Specification:
    """All jobs, and the agents that may act. Every job is of one client, at one price."""

    jobs: dict[int, SpecifiedJob] = field(default_factory=dict)
    dead: set[str] = field(default_factory=set)

    @property
    def held(self) -> int:
        """What must be held: for all that an agent may still be paid for."""
        return PRICE_MINOR * sum(
            (job.remaining if job.agent_id else 0) + job.of("DELIVERED")
            for job in self.jobs.values()
        )

    @property
    def billed(self) -> int:
        """What the client must owe: for all that was approved."""
        return PRICE_MINOR * sum(job.of("APPROVED") for job in self.jobs.values())

    def earned_by(self, agent_id: str) -> int:
        """What an agent's developer must be owed."""
        return PRICE_MINOR * sum(
            item.units
            for job in self.jobs.values()
            for item in job.items.values()
            if item.status == "APPROVED" and item.agent_id == agent_id
        )

    def accept(self, job_id: int, agent_id: str) -> bool:
        """The first that accepts has the job, where the cap leaves room."""
        job = self.jobs[job_id]
        is_open = job.status == "OPEN" and not job.is_closed
        spent = self.held + self.billed + PRICE_MINOR * job.remaining
        if agent_id in self.dead or not is_open or spent > CAP_MINOR:
            return False
        job.agent_id = agent_id
        return True

    def submit(
        self, job_id: int, agent_id: str, item_ref: str, units: int, data: str
    ) -> Literal["taken", "repeated", "refused"]:
        """An agent at work hands in an item: a new one, or one that was rejected."""
        job = self.jobs[job_id]
        item = job.items.get(item_ref)
        if agent_id in self.dead or job.agent_id != agent_id:
            return "refused"
        if item is not None and item.status == "DELIVERED" and not job.is_over:
            same = item.data == data and item.units == units
            return "repeated" if same else "refused"
        can = item is None or item.status == "REJECTED"
        if not can or job.is_over or job.is_closed or units > job.remaining:
            return "refused"
        job.remaining -= units
        job.deliveries += 1
        job.items[item_ref] = SpecifiedItem(units, agent_id, job.deliveries, data)
        return "taken"

    def judge(self, job_id: int, item_ref: str, delivery: int, *, approves: bool) -> bool:
        """One effective decision an item, of its current delivery."""
        job = self.jobs[job_id]
        item = job.items.get(item_ref)
        if item is None or item.status != "DELIVERED" or item.delivery != delivery:
            return False
        item.status = "APPROVED" if approves else "REJECTED"
        returns = not job.is_closed and job.agent_id in (None, item.agent_id)
        if not approves and returns:
            job.remaining += item.units
        elif not approves:
            job.given_up += item.units
        self._end(job)
        return True

    def reverse(self, job_id: int, item_ref: str, *, approved: bool) -> bool:
        """The evaluation of an item that it still rests on does not count any more."""
        job = self.jobs[job_id]
        item = job.items[item_ref]
        if approved:
            item.status = "REVERSED"
            job.given_up += item.units
            return True
        goes_on = not job.is_over and not job.is_closed and job.agent_id == item.agent_id
        if not goes_on or item.status != "REJECTED" or job.remaining < item.units:
            return False
        item.status = "DELIVERED"
        job.remaining -= item.units
        return True

    def cancel(self, job_id: int) -> bool:
        """What remains is given up."""
        job = self.jobs[job_id]
        if job.is_over or job.is_closed or job.remaining == 0:
            return False
        job.given_up += job.remaining
        job.remaining, job.is_closed = 0, True
        self._end(job)
        return True

    def kill(self, agent_id: str) -> bool:
        """A revoked agent does nothing more; what it did not deliver is open again."""
        if agent_id in self.dead:
            return False
        self.dead.add(agent_id)
        for job in self.jobs.values():
            if job.agent_id == agent_id and not job.is_over:
                job.agent_id = None
        return True

    def _end(self, job: SpecifiedJob) -> None:
        if job.remaining == 0 and job.of("DELIVERED") == 0:
            job.ended_as = "COMPLETED" if job.of("APPROVED") else "CANCELLED"
