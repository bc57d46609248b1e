"""Whatever is asked of agents, in any order: nobody escalates, escapes, comes back or wakes.

The model knows who comes from whom, what each was given, whose key is whose and who is awake. Each
of its moves says what a command may change of that, and the folds are held against it.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from domain.agent import AGENT, Agent, line_of, rights_in_force
from domain.command import Command
from domain.credential import CREDENTIAL
from domain.event_types import EVENT_TYPES
from domain.genealogy import GENEALOGY, children_of, descendants_of, lineage, offspring_of
from domain.known import NO_ROW, RANGE, Known
from domain.partner import IssuedKey
from domain.principal import Principal, identify
from domain.refusals import Refusal
from domain.registry import ReactivateAgent, RevokeAgent, ShownAgent, SuspendAgent
from domain.rights import GUARDRAILS, PRESETS, RATE_AT_MOST, AgentType, Permissions, Preset, Rights
from domain.spawning import ApproveAgent, RejectAgent
from tests.builders import (
    FREE,
    TENANT,
    WORKING,
    History,
    a_change_of_rights,
    a_kill,
    a_rotation,
    a_spawn,
    a_spawn_policy,
    a_turn,
    an_agent,
    an_approval,
    an_id,
    an_issued_key,
)

Bound = tuple[Permissions, frozenset[str], int]
"""What an agent may do, which events it may report, how many requests a minute it has."""


def bound_of(rights: Rights) -> Bound:
    allowed, rate = rights.allowed_event_types, rights.rate_limit_per_minute
    events = EVENT_TYPES if allowed is None else allowed
    return PRESETS[rights.preset], frozenset(events), RATE_AT_MOST if rate is None else rate


def agent_of(agent_id: str, known: Known) -> Agent:
    agent = known.get(AGENT, agent_id)
    assert agent is not None
    return agent


@dataclass(frozen=True)
class Asked:
    """What a move asks for, if it asks for anything: often for nothing, sometimes for too much."""

    agent_type: AgentType | None = None
    preset: Preset | None = None
    allowed: tuple[str, ...] | None = None
    rate: int | None = None
    depth: int | None = None


class Forest:
    """Agents of which anything may be asked."""

    def __init__(self) -> None:
        self.history = History(an_approval("acme"), a_spawn_policy())
        self.parents: dict[str, str | None] = {}
        self.given: dict[str, Bound] = {}
        self.keys: dict[str, IssuedKey] = {}
        self.dead_keys: set[str] = set()
        self.suspended: set[str] = set()
        self.awake: set[str] = set()

    # The model

    def line(self, agent_id: str | None) -> Iterator[str]:
        """An agent and those it comes from, up to the root."""
        while agent_id is not None:
            yield agent_id
            agent_id = self.parents[agent_id]

    def below(self, agent_id: str) -> set[str]:
        """An agent and all who come from it."""
        return {one for one in self.parents if agent_id in self.line(one)}

    def bound(self, agent_id: str) -> Bound:
        """What an agent may do: what it was given, and each of its ancestors."""
        given = [self.given[one] for one in self.line(agent_id)]
        permissions, events, rates = zip(*given, strict=True)
        return frozenset.intersection(*permissions), frozenset.intersection(*events), min(rates)

    def is_made(self, agent_id: str, parent_id: str | None, agent: Agent) -> None:
        assert agent.key is not None
        self.parents[agent_id] = parent_id
        self.given[agent_id] = bound_of(agent.rights)
        self.keys[agent_id] = agent.key
        if agent.status == "ACTIVE":
            self.awake.add(agent_id)

    def is_ended(self, agent_id: str) -> None:
        if agent_id in self.keys:
            self.dead_keys.add(self.keys.pop(agent_id).lookup)
        self.suspended.discard(agent_id)
        self.awake.discard(agent_id)

    # Moves

    def done(self, command: Command[ShownAgent]) -> Agent | None:
        """The agent as a command left it; None when it was refused, and did nothing."""
        with suppress(Refusal):
            return self.history.do(command).agent
        return None

    def register(self, agent_id: str, asked: Asked) -> None:
        of_type = asked.agent_type or "AI_AGENT"
        command = an_agent(agent_type=of_type, rights=FREE if asked.agent_type else WORKING)
        if agent := self.done(command):
            self.is_made(command.id, None, agent)

    def spawn(self, agent_id: str, asked: Asked) -> None:
        command = a_spawn(
            agent_id,
            agent_type=asked.agent_type,
            preset=asked.preset,
            allowed=asked.allowed,
            rate=asked.rate,
        )
        if agent := self.done(command):
            assert agent_id in self.awake, "one who is not in force spawned"
            self.is_made(command.id, agent_id, agent)
            assert self.bound(command.id) == self.given[command.id], "a child was given more"

    def set_rights(self, agent_id: str, asked: Asked) -> None:
        command = a_change_of_rights(
            agent_id,
            preset=asked.preset or "reporter",
            allowed=asked.allowed or WORKING.allowed_event_types,
            rate=asked.rate,
        )
        if agent := self.done(command):
            self.given[agent_id] = bound_of(agent.rights)
            assert self.bound(agent_id) == self.given[agent_id], "an agent was given more"

    def rotate(self, agent_id: str, asked: Asked) -> None:
        key = an_issued_key(an_id())
        if self.done(a_rotation(agent_id, key)):
            self.dead_keys.add(self.keys[agent_id].lookup)
            self.keys[agent_id] = key

    def suspend(self, agent_id: str, asked: Asked) -> None:
        if self.done(a_turn(SuspendAgent, agent_id)):
            self.suspended.add(agent_id)
            self.awake -= self.below(agent_id)

    def reactivate(self, agent_id: str, asked: Asked) -> None:
        if self.done(a_turn(ReactivateAgent, agent_id)):
            self.suspended.discard(agent_id)
            self.awake |= self.below(agent_id) & self.who_act(self.history.known())
            assert agent_id in self.awake, "one who was reactivated is not in force"

    def revoke(self, agent_id: str, asked: Asked) -> None:
        if self.done(a_turn(RevokeAgent, agent_id)):
            self.is_ended(agent_id)

    def kill(self, agent_id: str, asked: Asked) -> None:
        self.history.do(a_kill(agent_id))
        for one in self.below(agent_id):
            self.is_ended(one)

    def approve(self, agent_id: str, asked: Asked) -> None:
        if self.done(a_turn(ApproveAgent, agent_id)):
            assert self.parents[agent_id] in self.awake, "one was approved below one not in force"
            self.awake.add(agent_id)

    def reject(self, agent_id: str, asked: Asked) -> None:
        if self.done(a_turn(RejectAgent, agent_id)):
            self.is_ended(agent_id)

    def set_policy(self, agent_id: str, asked: Asked) -> None:
        self.history.do(a_spawn_policy(approval_from_depth=asked.depth))

    # What holds

    def known(self) -> Known:
        """All that is known, the genealogy in ranges too."""
        known = self.history.known()
        for one in self.parents:
            path = [*self.line(one)][::-1]
            for prefix in (f"{one}/", lineage(TENANT, *path, "")):
                known.rows[GENEALOGY.name + RANGE, prefix] = NO_ROW
        return known

    def caller(self, agent_id: str, known: Known) -> Principal | None:
        """Who calls with an agent's key; None for one who is told no."""
        with suppress(Refusal):
            return identify(self.keys[agent_id].lookup, known)
        return None

    def who_act(self, known: Known) -> set[str]:
        return {one for one in self.keys if self.caller(one, known)}

    def just_those_act_who_are_awake(self, known: Known) -> None:
        assert self.who_act(known) == self.awake
        for one in self.awake:
            assert not self.suspended.intersection(self.line(one))

    def a_dead_key_is_nobodys_for_ever(self, known: Known) -> None:
        for lookup in self.dead_keys:
            assert (CREDENTIAL.name, lookup) not in known.rows
        for one in self.parents:
            assert agent_of(one, known).key == self.keys.get(one)

    def rights_in_force_are_what_was_given_and_never_beyond_an_ancestors(
        self, known: Known
    ) -> None:
        for one in self.parents:
            in_force = bound_of(rights_in_force(line_of(one, agent_of(one, known).path, known)))
            assert in_force == self.bound(one)
            for ancestor in self.line(one):
                permissions, events, rate = self.bound(ancestor)
                assert in_force[0] <= permissions
                assert in_force[1] <= events
                assert in_force[2] <= rate

    def whoever_acts_is_bound_by_what_is_in_force(self, known: Known) -> None:
        for one in self.awake:
            who = self.caller(one, known)
            assert who is not None
            assert who.agent is not None
            allowed = who.agent.allowed_event_types
            assert (
                who.permissions,
                frozenset(EVENT_TYPES) if allowed is None else allowed,
                min((rate for _, rate in who.agent.rates), default=RATE_AT_MOST),
            ) == self.bound(one)

    def everybody_stands_below_those_they_come_from(self, known: Known) -> None:
        for one in self.parents:
            path = agent_of(one, known).path
            assert [*path, one] == [*self.line(one)][::-1]
            children = {child for child, parent in self.parents.items() if parent == one}
            assert sorted(children_of(one, known)) == sorted(children)
            below = [one, *descendants_of(one, path, TENANT, known)]
            assert sorted(below) == sorted(self.below(one))

    def offspring_is_what_a_recount_of_the_living_finds(self, known: Known) -> None:
        for one, parent in self.parents.items():
            offspring, living = offspring_of(one, known), self.below(one) & self.keys.keys()
            if one in living:
                children = [each for each in living if self.parents[each] == one]
                assert offspring.children == len(children)
            if parent is None and living:
                assert offspring.descendants == len(living - {one})

    def holds_after_each_move(self) -> None:
        known = self.history.known()
        self.just_those_act_who_are_awake(known)
        self.a_dead_key_is_nobodys_for_ever(known)

    def holds_in_the_end(self) -> None:
        known = self.known()
        self.rights_in_force_are_what_was_given_and_never_beyond_an_ancestors(known)
        self.whoever_acts_is_bound_by_what_is_in_force(known)
        self.everybody_stands_below_those_they_come_from(known)
        self.offspring_is_what_a_recount_of_the_living_finds(known)


Move = Callable[[Forest, str, Asked], None]
MOVES: dict[Move, int] = {
    Forest.register: 1,
    Forest.spawn: 5,
    Forest.set_rights: 2,
    Forest.rotate: 1,
    Forest.suspend: 3,
    Forest.reactivate: 2,
    Forest.revoke: 3,
    Forest.kill: 1,
    Forest.approve: 3,
    Forest.reject: 1,
    Forest.set_policy: 1,
}
"""Each move, with how often it is made among the others."""


def anything(chance: Random) -> Asked:
    return Asked(
        agent_type=chance.choice([None, None, None, *GUARDRAILS]),
        preset=chance.choice([None, None, None, *PRESETS]),
        allowed=chance.choice([None, None, None, ("gig.started",), ("signal.positive",)]),
        rate=chance.choice([None, None, None, 1, 2]),
        depth=chance.choice([None, 2, 3]),
    )


@settings(max_examples=100)
@given(chance=st.randoms(use_true_random=True), length=st.integers(1, 50))
def test_whatever_is_asked_of_agents_nobody_escalates_escapes_comes_back_or_wakes(
    chance: Random, length: int
) -> None:
    forest, nothing = Forest(), Asked()
    forest.register("", nothing)
    forest.set_policy("", anything(chance))
    for _ in range(5):
        forest.spawn(chance.choice([*forest.parents]), nothing)

    for move in chance.choices([*MOVES], weights=[*MOVES.values()], k=length):
        # The living are asked more often than the dead, of whom there are ever more.
        agents = [*forest.parents, *[*forest.keys] * 5]
        move(forest, chance.choice(agents), anything(chance))
        forest.holds_after_each_move()
    forest.holds_in_the_end()
