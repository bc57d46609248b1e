"""The course of a job: what a command does to it, event by event, and what each looks at first."""

from domain.command import Change, Document, Outcome
from domain.events import Entry, Event
from domain.instants import Instant
from domain.job import CATEGORY, JOB, Job, ShownJob, evolve
from domain.known import Known
from domain.refusals import InvalidJobState, JobErased, NotFound


class Course:
    """What one command does to a job, event by event, with the job as each leaves it."""

    def __init__(self, number: int, job: Job | None, tenant: str, now: Instant) -> None:
        self._number, self._job, self._tenant, self.now = number, job, tenant, now
        self.changes: list[Change] = []

    @property
    def job(self) -> Job:
        """The job as it now stands."""
        assert self._job is not None
        return self._job

    def then(self, event: Event, *, entry_id: str | None = None) -> None:
        """One more event; ``entry_id`` where it is to be known by it. Raises ValueError, as for a
        defect, when a unit of the job would be in two places, or in none.
        """
        stream = f"{CATEGORY}-{self._number}"
        entry = Entry(
            id=entry_id or "",
            tenant=self._tenant,
            stream=stream,
            version=0,
            type=event.stored_name,
            recorded_at=self.now,
            principal="",
            request_id="",
            data=event,
        )
        begins = self._job is None
        self._job = evolve(self._job, entry)
        if not self.job.adds_up:
            raise ValueError(f"{event!r} does not add up on {stream}")
        self.changes.append(Change(stream, event, begins, tenant=self._tenant, id=entry_id))

    def also(self, *changes: Change) -> None:
        """What happens to other streams with it."""
        self.changes += changes

    def outcome(self, *documents: Document) -> Outcome[ShownJob]:
        """All of it, and the job as it then stands."""
        return Outcome(ShownJob(self._number, self.job), tuple(self.changes), documents=documents)


def job_of(number: int, tenant: str, known: Known) -> Job:
    """A tenant's job. Raises NotFound for another's, too."""
    job = known.get(JOB, str(number))
    if job is None or job.tenant != tenant:
        raise NotFound
    return job


def clients_job(number: int, tenant: str, client_id: str, known: Known) -> Job:
    """A client's own job. Raises NotFound for another's, too."""
    job = job_of(number, tenant, known)
    if job.client_id != client_id:
        raise NotFound
    return job


def must_go_on(job: Job, now: Instant, wanted: str) -> None:
    """Raise InvalidJobState for a job that has ended, or takes no more work."""
    if job.ended_at is not None:
        raise InvalidJobState(status=job.status, wanted=wanted)
    if job.closed is not None:
        raise InvalidJobState(status=job.closed, wanted=wanted)
    if job.deadline is not None and job.deadline <= now:
        raise InvalidJobState(status="EXPIRED", wanted=wanted)


def salt_of(number: int) -> str:
    """Where the salt of a job's documents is kept."""
    return place_of(number, "salt")


def salt_in(number: int, known: Known) -> str:
    """The salt of a job's documents. Raises JobErased."""
    salt: str | None = known.document(salt_of(number))
    if salt is None:
        raise JobErased
    return salt


def place_of(number: int, name: str) -> str:
    """The name of one of a job's documents."""
    return f"{CATEGORY}-{number}/{name}"
