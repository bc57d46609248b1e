"""Reputation: how an agent's work was judged, shrunk towards the middle while it is little.

Nothing but what was done for this tenant's clients counts, and nobody's work moves another's score.
"""

import msgspec

from domain.events import Entry
from domain.fold import Fold
from domain.job import Ended, EvaluationReversed, Judged
from domain.known import Known

PRIOR = 10
"""So many judgements, in the middle of each scale, count beside the real ones."""

MILLION = 1_000_000
MIDDLE = 500_000


class Reputation(msgspec.Struct, frozen=True, kw_only=True):
    """What an agent's work has come to. Counts are of evaluations; ``score`` is in millionths."""

    ratings: int = 0
    rating_sum: int = 0
    approved: int = 0
    on_time: int = 0
    jobs_done: int = 0
    score: int = MIDDLE

    @property
    def mean_rating(self) -> float | None:
        """Of 1 to 5; None without any."""
        return self.rating_sum / self.ratings if self.ratings else None

    @property
    def approval_rate(self) -> float | None:
        """Of all evaluations; None without any."""
        return self.approved / self.ratings if self.ratings else None

    @property
    def on_time_rate(self) -> float | None:
        """Of all evaluated work; None without any."""
        return self.on_time / self.ratings if self.ratings else None


NEW = Reputation()


def scored(reputation: Reputation) -> Reputation:
    """The reputation with the score that its counts give: the mean of three rates, each with the
    prior.
    """
    count = reputation.ratings + PRIOR
    # A rating of 1 is nothing, one of 5 is all.
    quarters = reputation.rating_sum - reputation.ratings + 2 * PRIOR
    halves = 2 * (reputation.approved + reputation.on_time) + 2 * PRIOR
    return msgspec.structs.replace(
        reputation, score=MILLION * (quarters + 2 * halves) // (12 * count)
    )


def evolve(reputation: Reputation | None, entry: Entry) -> Reputation:
    """The reputation after one more entry about the agent."""
    before = reputation or NEW
    match entry.data:
        case Ended():
            return msgspec.structs.replace(before, jobs_done=before.jobs_done + 1)
        case Judged(rating=rating, decision=decision, on_time=on_time):
            by = 1
        case EvaluationReversed(rating=rating, decision=decision, on_time=on_time):
            by = -1
        case _:
            return before
    return scored(
        msgspec.structs.replace(
            before,
            ratings=before.ratings + by,
            rating_sum=before.rating_sum + by * rating,
            approved=before.approved + by * (decision == "approve"),
            on_time=before.on_time + by * on_time,
        )
    )


def agents_in(entry: Entry) -> tuple[str, ...]:
    """The agents whose work an entry is about."""
    match entry.data:
        case Judged(agent_id=agent_id) | EvaluationReversed(agent_id=agent_id):
            return (agent_id,)
        case Ended(done_by=done_by):
            return done_by
    return ()


REPUTATION = Fold(
    name="reputation",
    state=Reputation,
    events=(Judged, EvaluationReversed, Ended),
    evolve=evolve,
    keys=agents_in,
)


def reputation_of(agent_id: str, known: Known) -> Reputation:
    """An agent's reputation, in the middle for one whose work nobody has judged."""
    return known.get(REPUTATION, agent_id) or NEW
