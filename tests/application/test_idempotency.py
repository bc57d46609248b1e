"""Idempotency: a repeat is answered as the first time, and nothing happens twice."""

from typing import Any

from application.log.submission import Reply, Submission
from domain.refusals import (
    IdempotencyKeyReused,
    InternalError,
    InvalidEventType,
)
from tests.application.running import (
    HASHES,
    a_repeatable,
    age_replies,
    as_owner,
    head_of,
    in_turn,
    replies,
)
from tests.builders import a_participation, a_principal, an_erasure, an_evaluation


def kept(url: str, key: str) -> list[tuple[Any, ...]]:
    repeat = a_repeatable(a_participation(), key).repeat
    assert repeat is not None
    return as_owner(
        url,
        "select status, body, position from idempotency where key = decode(%s, 'hex')",
        repeat.key,
    )


# Repeats


def test_a_repeat_is_answered_with_the_first_reply_and_does_nothing(log_url: str) -> None:
    before = head_of(log_url)

    first, second = replies(
        in_turn(
            log_url,
            a_repeatable(a_participation(), "repeated"),
            a_repeatable(a_participation(), "repeated"),
        )
    )

    assert (second.status, second.body, second.position) == (201, first.body, first.position)
    assert (first.replayed, second.replayed) == (False, True)
    assert head_of(log_url) == before + 1


def test_a_repeat_to_another_worker_is_a_replay_too(log_url: str) -> None:
    (first,) = replies(in_turn(log_url, a_repeatable(a_participation(), "elsewhere")))

    (second,) = replies(in_turn(log_url, a_repeatable(a_participation(), "elsewhere")))

    assert (second.replayed, second.body) == (True, first.body)


def test_the_kept_body_is_replayed_byte_for_byte(log_url: str) -> None:
    body = '{ "b":1,\t"a":"é \\u0041 \U0001f600 \'",  "z": 1.10 }\n'
    submissions = [
        a_repeatable(a_participation(), "bytes", render=lambda _: body) for _ in range(2)
    ]

    _, replay = replies(in_turn(log_url, *submissions))

    assert replay.body == body


def test_a_replay_has_no_value_of_its_own(log_url: str) -> None:
    _, replay = replies(
        in_turn(log_url, *(a_repeatable(a_participation(), "no value") for _ in range(2)))
    )

    assert replay.value is None


def test_other_keys_are_other_requests(log_url: str) -> None:
    one, other = replies(
        in_turn(
            log_url,
            a_repeatable(a_participation(), "one"),
            a_repeatable(a_participation(), "other"),
        )
    )

    assert (other.replayed, other.position) == (False, one.position + 1)


def test_one_key_of_two_tenants_is_two_requests(log_url: str) -> None:
    acme, bolt = a_principal("acme"), a_principal("bolt")

    one, other = replies(
        in_turn(
            log_url,
            a_repeatable(a_participation(), "shared", principal=acme),
            a_repeatable(a_participation(), "shared", principal=bolt),
        )
    )

    assert (one.replayed, other.replayed) == (False, False)


def test_a_submission_without_a_key_is_never_a_repeat(log_url: str) -> None:
    command = a_participation()

    one, other = replies(in_turn(log_url, Submission(command), Submission(command)))

    assert other.position == one.position + 1


# Another body under the same key


def test_another_body_under_the_same_key_is_refused_and_does_nothing(log_url: str) -> None:
    before = head_of(log_url)

    _, refused = in_turn(
        log_url,
        a_repeatable(a_participation(), "reused", body="a body"),
        a_repeatable(a_participation(), "reused", body="another body"),
    )

    assert isinstance(refused, IdempotencyKeyReused)
    assert head_of(log_url) == before + 1


def test_another_body_is_replayed_by_a_setting_and_marked(log_url: str) -> None:
    first, replay = replies(
        in_turn(
            log_url,
            a_repeatable(a_participation(), "lenient", body="a body"),
            a_repeatable(a_participation(), "lenient", body="another body"),
            replay_mismatched=True,
        )
    )

    assert (replay.replayed, replay.mismatched, replay.body) == (True, True, first.body)


def test_the_same_body_is_no_mismatch(log_url: str) -> None:
    _, replay = replies(
        in_turn(log_url, *(a_repeatable(a_participation(), "same body") for _ in range(2)))
    )

    assert not replay.mismatched


def test_an_automatic_key_has_no_body_to_mismatch(log_url: str) -> None:
    _, replay = replies(
        in_turn(
            log_url, *(a_repeatable(a_participation(), "automatic", body=None) for _ in range(2))
        )
    )

    assert (replay.replayed, replay.mismatched) == (True, False)


# Refusals and defects


def test_a_refusal_is_not_kept_and_a_repeat_is_judged_anew(log_url: str) -> None:
    refused, done = in_turn(
        log_url,
        a_repeatable(a_participation(kind="no.such_type"), "judged anew"),
        a_repeatable(a_participation(), "judged anew"),
    )

    assert isinstance(refused, InvalidEventType)
    assert isinstance(done, Reply)
    assert not done.replayed


def test_a_reply_that_cannot_be_written_keeps_nothing_and_stores_nothing(log_url: str) -> None:
    def breaks(_: object) -> str:
        raise ZeroDivisionError

    before = head_of(log_url)

    broken, done = in_turn(
        log_url,
        a_repeatable(a_participation(), "unwritten", render=breaks),
        a_repeatable(a_participation(), "unwritten"),
    )

    assert isinstance(broken, InternalError)
    assert isinstance(done, Reply)
    assert not done.replayed
    assert head_of(log_url) == before + 1


# Keeping


def test_a_reply_is_kept_in_the_transaction_of_its_events(log_url: str) -> None:
    (reply,) = replies(in_turn(log_url, a_repeatable(a_participation(), "one transaction")))

    transactions = as_owner(
        log_url,
        "select xmin from log where position = %s"
        " union select xmin from idempotency where position = %s",
        reply.position,
        reply.position,
    )
    assert len(transactions) == 1


def test_neither_the_key_nor_the_body_is_kept_in_clear(log_url: str) -> None:
    in_turn(
        log_url, a_repeatable(a_participation(), "a secret key", body='{"userExternalId":"alice"}')
    )

    ((text,),) = as_owner(log_url, "select string_agg(t::text, ' ') from idempotency as t")
    assert "a secret key" not in text
    assert "alice" not in text


def test_a_repeat_after_24_hours_is_a_new_request(log_url: str) -> None:
    in_turn(log_url, a_repeatable(a_participation(), "a day later"))
    age_replies(log_url, 24)
    before = head_of(log_url)

    (later,) = replies(in_turn(log_url, a_repeatable(a_participation(), "a day later")))

    assert not later.replayed
    assert head_of(log_url) == before + 1
    assert len(kept(log_url, "a day later")) == 2


def test_a_repeat_within_24_hours_is_a_replay(log_url: str) -> None:
    in_turn(log_url, a_repeatable(a_participation(), "the same day"))
    age_replies(log_url, 23)

    (later,) = replies(in_turn(log_url, a_repeatable(a_participation(), "the same day")))

    assert later.replayed


def test_a_repeated_erasure_is_a_replay(log_url: str) -> None:
    def erasure() -> Submission:
        return a_repeatable(
            an_erasure("erased twice"), "erase", render=lambda reply: reply.entity_id
        )

    _, first, second = replies(
        in_turn(log_url, Submission(a_participation("erased twice")), erasure(), erasure())
    )

    assert (second.replayed, second.body) == (True, first.body)


def test_a_command_that_takes_no_key_is_recorded_every_time(log_url: str) -> None:
    one, other = replies(in_turn(log_url, Submission(an_evaluation()), Submission(an_evaluation())))

    assert one.value.id != other.value.id


def test_explicit_and_automatic_keys_never_meet() -> None:
    assert HASHES.explicit_key("t", "p", "r", "k") != HASHES.automatic_key("t", "p", "r", "k")
