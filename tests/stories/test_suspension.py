"""Suspension over HTTP: the operator's key stops a partner and lets it go on, and does no more."""

import pytest

from tests.stories.client import Client, a_key, an_event, is_replay, refusal
from tests.stories.conftest import MakePartner
from tests.stories.document import told


def named(partner: Client) -> dict[str, str]:
    return {"partnerId": partner.get("/v1/partners/me")["partnerId"]}


def test_a_suspended_partner_is_refused_until_it_is_reactivated(
    operator: Client, a_partner: MakePartner
) -> None:
    partner = a_partner()
    body = named(partner)

    suspended = operator.post("/v1/partners/suspend", body)

    assert suspended.json() == body | {"status": "SUSPENDED"}
    assert refusal(partner.try_get("/v1/events")) == (403, "PARTNER_SUSPENDED")
    assert refusal(partner.post("/v1/events", an_event())) == (403, "PARTNER_SUSPENDED")

    reactivated = operator.post("/v1/partners/reactivate", body)

    assert reactivated.json() == body | {"status": "ACTIVE"}
    partner.submit()


def test_suspending_twice_writes_once(operator: Client, a_partner: MakePartner) -> None:
    partner = a_partner()
    body = named(partner)
    operator.post("/v1/partners/suspend", body)

    with operator.storing_nothing():
        again = operator.post("/v1/partners/suspend", body)

    assert again.status_code == 200, told(again)


def test_a_repeat_of_a_suspension_is_no_second_one(
    operator: Client, a_partner: MakePartner
) -> None:
    partner, key = a_partner(), a_key()
    body = named(partner)
    operator.post("/v1/partners/suspend", body, key=key)
    operator.post("/v1/partners/reactivate", body)

    repeat = operator.post("/v1/partners/suspend", body, key=key)

    assert is_replay(repeat)
    partner.submit()


def test_nobody_there_cannot_be_suspended(operator: Client) -> None:
    reply = operator.post("/v1/partners/suspend", {"partnerId": "nobody"})

    assert refusal(reply) == (404, "NOT_FOUND")


@pytest.mark.parametrize("path", ["/v1/partners/suspend", "/v1/partners/reactivate"])
def test_a_partner_s_key_suspends_nobody(partner: Client, path: str) -> None:
    assert refusal(partner.post(path, named(partner))) == (403, "FORBIDDEN")


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/v1/events"), ("GET", "/v1/partners/me"), ("DELETE", "/v1/partners/keys/any")],
)
def test_the_operator_s_key_opens_nothing_else(operator: Client, method: str, path: str) -> None:
    reply = operator.http.request(method, path, headers=operator.headers())

    assert refusal(reply) == (403, "FORBIDDEN")


def test_the_operator_s_key_writes_no_event(operator: Client) -> None:
    with operator.storing_nothing():
        reply = operator.post("/v1/events", an_event())

    assert refusal(reply) == (403, "FORBIDDEN")
