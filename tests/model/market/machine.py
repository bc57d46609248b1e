"""Any course of a marketplace, side by side with its specification."""

from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    invariant,
    multiple,
    precondition,
    rule,
)

from domain.command import Command
from domain.delivery import Received
from domain.evaluation import Evaluated
from domain.refusals import Refusal
from domain.registry import RevokeAgent
from domain.work import ITEM
from tests.builders import a_turn
from tests.marketplace import (
    CLIENT,
    Market,
    a_cancellation,
    a_job,
    a_judgement,
    a_listing,
    a_price,
    a_result,
    a_reversal,
    a_spend_cap,
    an_acceptance,
    some_results,
)
from tests.model.market.promises import PROMISES
from tests.model.market.specification import CAP_MINOR, PRICE_MINOR, Specification, SpecifiedJob

AGENTS = {"agent-1": "developer-1", "agent-2": "developer-2", "agent-3": "developer-1"}
REFS = ("lead-1", "lead-2", "lead-3")

AT_WORK = "whoever is at work"
JOBS_AT_MOST = 3

agents = st.sampled_from(sorted(AGENTS))
workers = st.sampled_from([AT_WORK, AT_WORK, AT_WORK, *sorted(AGENTS)])
refs = st.sampled_from(REFS)

Commands = dict[str, Callable[..., Command[Any]]]
COMMANDS: Commands = {
    "accept": an_acceptance,
    "submit": some_results,
    "judge": a_judgement,
    "cancel": a_cancellation,
    "reverse": a_reversal,
}


class AnyMarketplace(RuleBasedStateMachine):
    """Does each operation in both, and holds them against each other after each."""

    commands = COMMANDS

    jobs: Bundle[int] = Bundle("jobs")
    evaluations: Bundle[tuple[int, str, bool, str]] = Bundle("evaluations")

    def __init__(self) -> None:
        super().__init__()
        listings = [
            a_listing(agent_id, owner_id=owner_id, price=a_price("2.50"))
            for agent_id, owner_id in AGENTS.items()
        ]
        self.market = Market(*listings, given=[a_spend_cap(CAP_MINOR)])
        self.specified = Specification()
        self.deliveries: dict[tuple[int, int], str] = {}

    def takes_a_rare_turn(self) -> bool:
        """Whether something may end now: not often, so that courses get somewhere first."""
        return len(self.market.entries) % 7 == 0

    def attempt(self, command: Command[Any]) -> Any:
        """A command's reply, or None when it is refused."""
        try:
            return self.market.do(command)
        except Refusal:
            return None

    @precondition(lambda self: len(self.specified.jobs) < JOBS_AT_MOST)
    @rule(target=jobs, units=st.integers(2, 5))
    def post(self, units: int) -> int:
        job_id = self.market.posted(a_job(units=units))
        self.specified.jobs[job_id] = SpecifiedJob(units)
        return job_id

    @rule(job_id=jobs, agent_id=agents)
    def accept(self, job_id: int, agent_id: str) -> None:
        reply = self.attempt(self.commands["accept"](job_id, agent_id=agent_id))

        assert (reply is not None) == self.specified.accept(job_id, agent_id)

    @rule(
        job_id=jobs,
        worker=workers,
        item_ref=refs,
        units=st.sampled_from([1, 1, 2]),
        data=st.sampled_from("ab"),
    )
    def submit(self, job_id: int, worker: str, item_ref: str, units: int, data: str) -> None:
        at_work = self.specified.jobs[job_id].agent_id or "agent-1"
        agent_id = at_work if worker == AT_WORK else worker
        item = a_result(item_ref, data, units=units)
        entries = len(self.market.entries)
        reply: Received | None = self.attempt(
            self.commands["submit"](job_id, item, agent_id=agent_id)
        )

        expected = self.specified.submit(job_id, agent_id, item_ref, units, data)

        assert (reply is None) == (expected == "refused")
        assert (len(self.market.entries) > entries) == (expected == "taken")
        if reply is not None and expected == "taken":
            number = self.specified.jobs[job_id].deliveries
            self.deliveries[job_id, number] = reply.delivery_id

    @rule(
        target=evaluations,
        job_id=jobs,
        which=st.integers(0, 2),
        approves=st.booleans(),
        back=st.sampled_from([0, 0, 0, 1]),
    )
    def judge(self, job_id: int, which: int, approves: bool, back: int) -> Any:
        """Judge an item, of its current delivery or of one before it."""
        delivered = self.specified.jobs[job_id].items
        item_ref = sorted(delivered)[which % len(delivered)] if delivered else "lead-1"
        item = delivered.get(item_ref)
        number = 0 if item is None else item.delivery - back
        reply: Evaluated | None = self.attempt(
            self.commands["judge"](
                job_id,
                "approve" if approves else "reject",
                item_ref=item_ref,
                delivery_id=self.deliveries.get((job_id, number), "none"),
            )
        )

        assert (reply is not None) == self.specified.judge(
            job_id, item_ref, number, approves=approves
        )
        if reply is None:
            return multiple()
        return job_id, item_ref, approves, reply.evaluation_id

    @rule(evaluation=consumes(evaluations))
    def reverse(self, evaluation: tuple[int, str, bool, str]) -> None:
        job_id, item_ref, approved, evaluation_id = evaluation
        item = self.market.known().get(ITEM, f"{job_id}/{item_ref}")
        assert item is not None
        rests_on_it = item.evaluation_id == evaluation_id
        reply = self.attempt(self.commands["reverse"](evaluation_id))

        assert (reply is not None) == (
            rests_on_it and self.specified.reverse(job_id, item_ref, approved=approved)
        )

    @precondition(lambda self: self.takes_a_rare_turn())
    @rule(job_id=jobs)
    def cancel(self, job_id: int) -> None:
        reply = self.attempt(self.commands["cancel"](job_id))

        assert (reply is not None) == self.specified.cancel(job_id)

    @precondition(lambda self: self.takes_a_rare_turn())
    @rule(agent_id=agents)
    def kill(self, agent_id: str) -> None:
        reply = self.attempt(a_turn(RevokeAgent, agent_id))

        assert (reply is not None) == self.specified.kill(agent_id)

    @invariant()
    def jobs_are_as_specified(self) -> None:
        for job_id, specified in self.specified.jobs.items():
            job = self.market.job(job_id)
            assert (job.status, job.remaining, job.awaiting, job.approved, job.given_up) == (
                specified.status,
                specified.remaining,
                specified.of("DELIVERED"),
                specified.of("APPROVED"),
                specified.given_up,
            )

    @invariant()
    def money_is_as_specified(self) -> None:
        balance, specified = self.market.balance, self.specified
        owed = balance((CLIENT, "unbilled")) + balance((CLIENT, "receivable"))
        assert (balance((CLIENT, "held")), owed) == (specified.held, specified.billed)
        for developer_id in set(AGENTS.values()):
            earned = balance((developer_id, "earned")) + balance((developer_id, "payable"))
            own = [agent_id for agent_id, owner_id in AGENTS.items() if owner_id == developer_id]
            assert -earned == sum(specified.earned_by(agent_id) for agent_id in own)

    @invariant()
    def every_promise_is_kept(self) -> None:
        for promise in PROMISES:
            promise(self.market)


assert a_price("2.50").line(1).minor == PRICE_MINOR
