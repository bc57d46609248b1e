"""What agents and their genealogy are promised to be, whatever is asked: said of a forest and the
one after it, in other words than the specification's.
"""

from tests.model.agents.asked import Asked
from tests.model.agents.bounds import exceeding
from tests.model.agents.forest import Forest


def assert_kept(before: Forest, after: Forest, asked: Asked) -> None:
    """Hold what a request did against every promise."""
    everybody_stands_below_their_parent(before, after)
    nobody_has_more_than_those_they_come_from(after)
    nobody_wakes_unless_woken(before, after, asked)
    nobody_comes_back(before, after)
    for one in after.agents.keys() - before.agents.keys():
        there_was_room_for(one, after)
        nobody_was_given_more(one, after)
    if asked.does == "kill":
        survivors = after.living([asked.about, *after.below(asked.about)])
        assert not survivors, f"{survivors} survived"


def everybody_stands_below_their_parent(before: Forest, after: Forest) -> None:
    """No orphan, no cycle: whoever is new stands below one who was there, and nobody moves."""
    for one, agent in after.agents.items():
        if one in before.agents:
            assert agent.path == before.agents[one].path, f"{one} moved"
        elif agent.path:
            *above, parent = agent.path
            assert tuple(above) == before.agents[parent].path, f"{one} is not below {parent}"
    assert before.agents.keys() <= after.agents.keys(), "somebody is gone"


def nobody_has_more_than_those_they_come_from(after: Forest) -> None:
    """No escalation: not in what may be done or reported, nor how often, nor in guardrails."""
    for one, agent in after.agents.items():
        for above in agent.path:
            more = exceeding(after.in_force(one), after.agents[above].rights)
            assert not more, f"{one} has more {more} than {above}"
        if agent.path:
            parent = after.agents[agent.path[-1]]
            assert agent.names_repeats or not parent.names_repeats, f"{one} sheds a guardrail"
            assert agent.type == "AI_AGENT" or parent.type != "AI_AGENT", f"{one} sheds its type"


def nobody_wakes_unless_woken(before: Forest, after: Forest, asked: Asked) -> None:
    """Nobody stopped acts again but by what is asked of them, or of one whom they come from."""
    woken = {
        one
        for one in after.agents.keys() & before.agents.keys()
        if after.is_awake(one) and not before.is_awake(one)
    }
    wakers = {"approve": [asked.about], "reactivate": [asked.about, *after.below(asked.about)]}
    strangers = woken.difference(wakers.get(asked.does, ()))
    assert not strangers, f"{strangers} woke by {asked}"


def nobody_comes_back(before: Forest, after: Forest) -> None:
    """Whoever has ended has no key for ever, and no key is another's too."""
    for one, agent in before.agents.items():
        assert agent.key or after.agents[one] == agent, f"{one} came back"
    keys = [agent.key for agent in after.agents.values() if agent.key]
    assert len(keys) == len(set(keys)), "two have one key"


def nobody_was_given_more(one: str, after: Forest) -> None:
    """Nobody begins with more than the one they come from may then do."""
    agent = after.agents[one]
    if agent.path:
        more = exceeding(agent.rights, after.in_force(agent.path[-1]))
        assert not more, f"{one} was given more {more}"


def there_was_room_for(one: str, after: Forest) -> None:
    """Nobody is made who is too deep, or one too many, for the policy of that moment."""
    agent, policy = after.agents[one], after.policy
    if agent.path:
        assert policy["enabled"], f"{one} was spawned"
        assert len(agent.path) <= policy["maxDepth"], f"{one} is too deep"
        children = after.living(after.children(agent.path[-1]))
        descendants = after.living(after.below(agent.path[0]))
        assert len(children) <= policy["maxChildren"], f"{one} is one child too many"
        assert len(descendants) <= policy["maxDescendants"], f"{one} is one descendant too many"
