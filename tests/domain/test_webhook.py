"""A webhook: whose it is, which secrets hold, and how few there are."""

from typing import Any

import pytest

from domain.refusals import NotFound, TooManyWebhooks, WebhookDisabled
from domain.webhook import (
    WEBHOOK,
    WEBHOOKS_AT_MOST,
    WEBHOOKS_OF_LISTENER,
    AskWebhook,
    DeleteWebhook,
    DisableWebhook,
    PingWebhook,
    ReplayDelivery,
    RotateSecret,
)
from tests.builders import NOW, TENANT, History, a_webhook, an_id, days_ago, of_webhook

OWNER = f"a member of {TENANT}"


def a_history_with_one() -> tuple[History, str]:
    history = History()
    added = history.do(a_webhook())
    return history, added.webhook_id


def test_an_address_is_beside_the_log_and_not_in_it() -> None:
    history = History()

    outcome = history.decide(a_webhook("https://acme.example/hooks?token=abc"))

    assert [document.content for document in outcome.documents] == [
        {"url": "https://acme.example/hooks?token=abc"}
    ]
    assert "acme.example" not in str(outcome.changes)


def test_its_first_secret_is_of_the_first_generation() -> None:
    history, webhook_id = a_history_with_one()

    webhook = history.known().get(WEBHOOK, webhook_id)

    assert webhook is not None
    assert webhook.generations(NOW) == (1,)


def test_a_rotated_secret_holds_beside_the_new_one_for_a_day() -> None:
    history, webhook_id = a_history_with_one()

    history.do(of_webhook(RotateSecret, webhook_id), days_ago(1))
    webhook = history.known().get(WEBHOOK, webhook_id)

    assert webhook is not None
    assert webhook.generations(days_ago(1)) == (2, 1)
    assert webhook.generations(days_ago(0, minutes=1)) == (2, 1)
    assert webhook.generations(NOW) == (2,)


def test_rotated_twice_in_a_day_the_first_secret_is_dead() -> None:
    history, webhook_id = a_history_with_one()

    history.do(of_webhook(RotateSecret, webhook_id))
    history.do(of_webhook(RotateSecret, webhook_id))
    webhook = history.known().get(WEBHOOK, webhook_id)

    assert webhook is not None
    assert webhook.generations(NOW) == (3, 2)


def test_a_deleted_one_is_gone() -> None:
    history, webhook_id = a_history_with_one()

    history.do(of_webhook(DeleteWebhook, webhook_id))

    assert history.known().get(WEBHOOK, webhook_id) is None
    assert history.known().get(WEBHOOKS_OF_LISTENER, OWNER) is None


def test_an_owner_has_so_many_and_no_more_until_one_is_deleted() -> None:
    history = History()
    first, *_ = [history.do(a_webhook()) for _ in range(WEBHOOKS_AT_MOST)]

    with pytest.raises(TooManyWebhooks):
        history.do(a_webhook())
    history.do(a_webhook(owner_id="another"))
    history.do(a_webhook(agent_id="an agent"))
    history.do(of_webhook(DeleteWebhook, first.webhook_id))
    history.do(a_webhook())


EVERY_COMMAND: tuple[tuple[type[Any], dict[str, str]], ...] = (
    (AskWebhook, {}),
    (RotateSecret, {}),
    (DeleteWebhook, {}),
    (PingWebhook, {}),
    (ReplayDelivery, {"delivery_id": "msg_1"}),
)


@pytest.mark.parametrize(("command", "more"), EVERY_COMMAND)
def test_another_s_is_not_found_like_none(command: type[Any], more: dict[str, str]) -> None:
    history, webhook_id = a_history_with_one()

    with pytest.raises(NotFound):
        history.do(of_webhook(command, webhook_id, "somebody else", **more))
    with pytest.raises(NotFound):
        history.do(of_webhook(command, an_id(), **more))


def test_an_agent_has_what_tells_it_in_hand_and_nothing_else_of_its_owner() -> None:
    history = History()
    own = history.do(a_webhook(agent_id="an agent")).webhook_id
    owners = history.do(a_webhook()).webhook_id

    history.do(of_webhook(RotateSecret, own))
    history.do(of_webhook(RotateSecret, own, agent_id="an agent"))
    for webhook_id, agent_id in ((owners, "an agent"), (own, "another agent")):
        with pytest.raises(NotFound):
            history.do(of_webhook(RotateSecret, webhook_id, agent_id=agent_id))


def test_a_disabled_one_is_sent_nothing_and_says_so() -> None:
    history, webhook_id = a_history_with_one()
    history.do(DisableWebhook(id=an_id(), webhook_id=webhook_id))

    webhook = history.known().get(WEBHOOK, webhook_id)

    assert webhook is not None
    assert webhook.disabled_at is not None
    with pytest.raises(WebhookDisabled):
        history.do(of_webhook(PingWebhook, webhook_id))
    with pytest.raises(WebhookDisabled):
        history.do(of_webhook(ReplayDelivery, webhook_id, delivery_id="msg_1"))


def test_to_disable_one_twice_or_none_changes_nothing() -> None:
    history, webhook_id = a_history_with_one()
    history.do(DisableWebhook(id=an_id(), webhook_id=webhook_id))

    assert history.decide(DisableWebhook(id=an_id(), webhook_id=webhook_id)).changes == ()
    assert history.decide(DisableWebhook(id=an_id(), webhook_id=an_id())).changes == ()
