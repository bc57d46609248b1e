"""Topics: each of five things is told to whom it concerns, and nothing that anybody wrote."""

from typing import Any, get_args

import msgspec

from domain.job import Invoiced, Job
from domain.topics import TELLINGS
from domain.webhook import PING, Topic
from tests.marketplace import (
    AGENT,
    CLIENT,
    DEVELOPER,
    SUPERVISOR,
    Market,
    a_job,
    a_judgement,
)

WRITTEN = ("Call these leads", "language", "a secret result", "not good enough")


def a_whole_job() -> tuple[Market, Job]:
    """From the post to the invoice."""
    market = Market()
    number, _ = market.delivered(a_job(units=1), "a secret result")
    market.do(a_judgement(number, comments="not good enough"))
    return market, market.job(number)


def told(history: Market, job: Job) -> dict[str, tuple[dict[str, Any], set[str]]]:
    """What is told of each topic, and to whom."""
    return {
        telling.topic: (telling.words(entry, job), set(telling.listeners(entry, job)))
        for entry in history.entries
        if (telling := TELLINGS.get(type(entry.data))) is not None
    }


def test_a_job_is_told_from_its_offer_to_its_invoice() -> None:
    topics = told(*a_whole_job())

    assert set(topics) == set(get_args(Topic))
    assert {one.topic for one in TELLINGS.values()} == {*get_args(Topic), PING}


def test_each_is_told_to_the_parties_and_an_invoice_to_the_client_alone() -> None:
    topics = told(*a_whole_job())

    parties = {CLIENT, DEVELOPER, AGENT}
    assert {topic: listeners for topic, (_, listeners) in topics.items()} == {
        "job.offer": set(),
        "job.accepted": parties,
        "job.delivered": parties,
        "evaluation.created": parties,
        "invoice.issued": {CLIENT},
    }
    assert SUPERVISOR not in parties


def test_nothing_that_anybody_wrote_is_told() -> None:
    told_in_all = msgspec.json.encode(told(*a_whole_job())).decode()

    assert not [text for text in WRITTEN if text in told_in_all]


def test_money_is_decimal_text() -> None:
    history, job = a_whole_job()
    topics = told(history, job)
    (invoiced,) = [one.data for one in history.entries if isinstance(one.data, Invoiced)]

    assert topics["job.offer"][0]["budget"] == {"price_per_unit": "3.00", "currency": "USD"}
    assert topics["invoice.issued"][0]["amount"] == "2.50"
    assert invoiced.minor == 250
