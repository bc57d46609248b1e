"""Actions: one table for all, which each tenant may override and add to for itself."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.action import (
    DEFAULT_ACTIONS,
    OWN_ACTIONS,
    OWN_ACTIONS_AT_MOST,
    POLICY_VERSION,
    Action,
    ActionInForce,
    ActionSet,
    OwnActions,
    policy_of,
)
from domain.refusals import InvalidField, TooManyActions, UnknownAction
from tests.builders import (
    TENANT,
    History,
    a_participation,
    an_action_set,
    an_entry,
    an_evaluation,
)

OTHER = "sandbox/bolt"
STRICT = Action("data.export_pii", 3, "CRITICAL")

actions = st.builds(
    Action,
    st.sampled_from([*DEFAULT_ACTIONS, "warehouse.open_gate", "warehouse.close_gate"]),
    st.integers(0, 3),
    st.sampled_from(["LOW", "MEDIUM", "HIGH", "CRITICAL"]),
    st.none() | st.just({"maxPerDay": 1}),
)


def own(history: History, tenant: str = TENANT) -> OwnActions:
    return policy_of(tenant, history.known())


def test_a_tenant_begins_with_the_default_table() -> None:
    policy = own(History())

    assert policy.all_in_force() == tuple(DEFAULT_ACTIONS.values())
    assert policy.policy_version == POLICY_VERSION


def test_an_action_that_is_overridden_is_judged_by_its_new_row() -> None:
    history = History(an_action_set(action=Action("data.export_pii", 0, "LOW")))

    event = history.do(an_evaluation(action="data.export_pii")).event

    assert (event.decision, event.required_tier, event.risk) == ("ALLOW", 0, "LOW")
    assert event.policy_version == POLICY_VERSION + 1


def test_an_action_that_is_added_is_judged() -> None:
    action = Action("warehouse.open_gate", 1, "MEDIUM", {"maxPerDay": 2})
    history = History(an_action_set(action=action))

    event = history.do(an_evaluation(action="warehouse.open_gate")).event

    assert (event.decision, event.limits) == ("LIMIT", {"maxPerDay": 2})
    assert own(history).all_in_force()[-1] == action


def test_another_tenants_actions_are_its_own() -> None:
    history = History(
        an_action_set(action=STRICT, tenant=OTHER),
        an_action_set(action=Action("warehouse.open_gate", 0, "LOW"), tenant=OTHER),
    )

    assert own(history).all_in_force() == tuple(DEFAULT_ACTIONS.values())
    with pytest.raises(UnknownAction):
        history.do(an_evaluation(action="warehouse.open_gate", tenant=TENANT))


def test_each_change_is_a_version() -> None:
    history = History()

    replies = [
        history.do(an_action_set(action=Action("data.export_pii", tier, "LOW")))
        for tier in (0, 1, 2)
    ]

    assert [reply.policy_version for reply in replies] == [
        POLICY_VERSION + 1,
        POLICY_VERSION + 2,
        POLICY_VERSION + 3,
    ]
    assert own(history).policy_version == POLICY_VERSION + 3


def test_setting_what_is_in_force_changes_nothing() -> None:
    history = History(an_action_set(action=STRICT))

    for action in (STRICT, DEFAULT_ACTIONS["payout.request"]):
        outcome = history.decide(an_action_set(action=action))
        assert outcome.changes == ()
        assert outcome.reply == ActionInForce(action, POLICY_VERSION + 1)


def test_a_decision_stays_as_it_was_when_the_action_changes() -> None:
    history = History(a_participation())
    before = history.do(an_evaluation(action="data.export_pii")).event

    history.do(an_action_set(action=Action("data.export_pii", 0, "LOW")))

    assert history.entries[1].data == before
    assert before.policy_version == POLICY_VERSION


@pytest.mark.parametrize(
    "name",
    [
        "",
        "a." + "b" * 63,
        "export",
        "data.",
        ".export",
        "data..export",
        "Data.export",
        "data export",
        "data.é",
        "a\n.b",
    ],
)
def test_a_name_of_another_form_is_refused(name: str) -> None:
    with pytest.raises(InvalidField, match="action"):
        History().do(an_action_set(action=Action(name, 0, "LOW")))


@pytest.mark.parametrize("name", ["a.b", "data.export_pii", "a.b.c", "0.1_2", "a." + "b" * 62])
def test_a_name_of_words_joined_by_dots_is_taken(name: str) -> None:
    assert History().do(an_action_set(action=Action(name, 0, "HIGH"))).action.name == name


def test_a_tenant_has_two_hundred_actions_of_its_own_and_no_more() -> None:
    history = History(
        *(
            an_action_set(action=Action(f"a.number_{number}", 0, "LOW"))
            for number in range(OWN_ACTIONS_AT_MOST)
        )
    )

    with pytest.raises(TooManyActions, match="200"):
        history.do(an_action_set(action=Action("one.too_many", 0, "LOW")))
    history.do(an_action_set(action=Action("a.number_0", 1, "LOW")))
    with pytest.raises(TooManyActions):
        history.do(an_action_set(action=Action("payout.request", 3, "LOW")))
    history.do(an_action_set(action=Action("one.too_many", 0, "LOW"), tenant=OTHER))


@given(st.lists(actions, max_size=12))
def test_the_table_is_the_default_one_with_the_last_word_on_each_action(
    wanted: list[Action],
) -> None:
    history, table, changes = History(), dict(DEFAULT_ACTIONS), 0
    for action in wanted:
        history.do(an_action_set(action=action))
        changes += table.get(action.name) != action
        table[action.name] = action

    policy = own(history)

    assert {action.name: action for action in policy.all_in_force()} == table
    assert {name: policy.in_force(name) for name in table} == table
    assert policy.policy_version == POLICY_VERSION + changes
    assert len(history.entries) == changes


def test_a_change_is_an_event_in_the_tenants_own_stream() -> None:
    action = Action("warehouse.open_gate", 1, "LOW", {"maxPerDay": 3})

    (change,) = History().decide(an_action_set(action=action)).changes

    assert (change.stream, change.begins) == (f"policy-{TENANT}", False)
    assert change.event == ActionSet(
        name="warehouse.open_gate", required_tier=1, risk="LOW", limits={"maxPerDay": 3}
    )


def test_a_change_of_yesterday_loads_under_the_rules_of_today() -> None:
    refused_today = ActionSet(name="No Name", required_tier=9, risk="LOW")

    policy = OWN_ACTIONS.evolve(None, an_entry(refused_today, stream=f"policy-{TENANT}"))

    assert policy == OwnActions({"No Name": Action("No Name", 9, "LOW")}, 1)
