"""Erasure: a person becomes unidentifiable for good, and the log stays as it is."""

from typing import Any

from application.log.submission import Reply, Submission
from domain.refusals import NotFound
from tests.application.running import a_repeatable, as_owner, at_once, in_turn, replies
from tests.builders import (
    a_claim,
    a_lookup,
    a_participation,
    a_principal,
    a_redemption,
    an_erasure,
    an_offer,
)


def ways_to(url: str, person: str) -> list[tuple[Any, ...]]:
    """The subject rows that lead from a person to an entity."""
    return as_owner(
        url, "select entity_id from subject where lookup = decode(%s, 'hex')", a_lookup(person)
    )


def bodies_kept_for(url: str, entity_id: str) -> list[str]:
    rows = as_owner(
        url,
        "select body from idempotency where position in"
        " (select position from log where stream = 'entity-' || %s) order by position",
        entity_id,
    )
    return [body for (body,) in rows]


def test_the_way_from_the_person_to_the_entity_is_destroyed(log_url: str) -> None:
    (known,) = replies(in_turn(log_url, Submission(a_participation("p1"))))
    assert ways_to(log_url, "p1") == [(known.value.entity_id,)]

    in_turn(log_url, Submission(an_erasure("p1")))

    assert ways_to(log_url, "p1") == []
    assert (
        as_owner(log_url, "select lookup from subject where entity_id = %s", known.value.entity_id)
        == []
    )


def test_replies_kept_for_the_persons_events_are_destroyed(log_url: str) -> None:
    first, _ = replies(
        in_turn(
            log_url,
            *(a_repeatable(a_participation("p2"), f"p2 {number}") for number in range(2)),
        )
    )
    assert len(bodies_kept_for(log_url, first.value.entity_id)) == 2

    in_turn(log_url, Submission(an_erasure("p2")))

    assert bodies_kept_for(log_url, first.value.entity_id) == []


def test_replies_kept_for_claims_against_the_person_are_destroyed(log_url: str) -> None:
    claim = a_repeatable(
        a_claim("p2 too"), "p2 claimed", render=lambda moved: moved.claim.entity_id
    )
    (filed,) = replies(in_turn(log_url, claim))

    in_turn(log_url, Submission(an_erasure("p2 too")))

    assert as_owner(log_url, "select body from idempotency where body = %s", filed.body) == []


def test_only_the_reply_to_the_erasure_is_kept(log_url: str) -> None:
    first, _ = replies(
        in_turn(
            log_url,
            a_repeatable(a_participation("p3"), "p3"),
            a_repeatable(an_erasure("p3"), "p3 erased", render=lambda _: "an erasure"),
        )
    )

    assert bodies_kept_for(log_url, first.value.entity_id) == ["an erasure"]


def test_a_repeated_erasure_of_somebody_linked_is_a_replay(log_url: str) -> None:
    acme, bolt = a_principal("acme"), a_principal("bolt")
    _, _, first, second = replies(
        in_turn(
            log_url,
            Submission(an_offer("p3 linked", tenant=acme.tenant), acme),
            Submission(a_redemption("p3 linked", tenant=bolt.tenant), bolt),
            *(
                a_repeatable(
                    an_erasure("p3 linked", tenant=acme.tenant),
                    "p3 linked",
                    principal=acme,
                    render=lambda erasure: erasure.entity_id,
                )
                for _ in range(2)
            ),
        )
    )

    assert (second.replayed, second.body) == (True, first.body)


def test_the_log_is_not_touched(log_url: str) -> None:
    in_turn(log_url, *(Submission(a_participation("p4")) for _ in range(3)))
    before = as_owner(log_url, "select position, entry::text, xmin from log order by position")

    in_turn(log_url, Submission(an_erasure("p4")))

    after = as_owner(log_url, "select position, entry::text, xmin from log order by position")
    assert after[:-1] == before
    assert '"type":"entity.erased.v1"' in after[-1][1]


def test_the_erasure_itself_does_not_say_who_it_was(log_url: str) -> None:
    in_turn(log_url, Submission(a_participation("p5")), Submission(an_erasure("p5")))

    ((entry,),) = as_owner(log_url, "select entry::text from log order by position desc limit 1")
    assert a_lookup("p5") not in entry
    assert '"data":{}' in entry


def test_another_person_is_left_alone(log_url: str) -> None:
    (other,) = replies(in_turn(log_url, a_repeatable(a_participation("p6 too"), "p6 too")))
    in_turn(log_url, Submission(a_participation("p6")), Submission(an_erasure("p6")))

    assert ways_to(log_url, "p6 too") == [(other.value.entity_id,)]
    assert len(bodies_kept_for(log_url, other.value.entity_id)) == 1


def test_a_repeat_of_an_erased_event_is_of_somebody_new(log_url: str) -> None:
    first, _, again = replies(
        in_turn(
            log_url,
            a_repeatable(a_participation("p7"), "p7"),
            Submission(an_erasure("p7")),
            a_repeatable(a_participation("p7"), "p7"),
        )
    )

    assert not again.replayed
    assert again.value.entity_id != first.value.entity_id


def test_nobody_is_erased_twice(log_url: str) -> None:
    _, erased, again = in_turn(
        log_url,
        Submission(a_participation("p8")),
        Submission(an_erasure("p8")),
        Submission(an_erasure("p8")),
    )

    assert isinstance(erased, Reply)
    assert isinstance(again, NotFound)


def test_somebody_met_and_erased_in_one_batch_leaves_no_way_behind(log_url: str) -> None:
    met, _ = replies(
        at_once(
            log_url,
            a_repeatable(a_participation("p9"), "p9"),
            Submission(an_erasure("p9")),
        )
    )

    assert ways_to(log_url, "p9") == []
    assert bodies_kept_for(log_url, met.value.entity_id) == []


def test_somebody_erased_who_comes_back_in_the_same_batch_is_somebody_new(log_url: str) -> None:
    (before,) = replies(in_turn(log_url, Submission(a_participation("p10"))))

    erased, back = replies(
        at_once(log_url, Submission(an_erasure("p10")), Submission(a_participation("p10")))
    )

    assert erased.value.entity_id == before.value.entity_id
    assert back.value.entity_id != before.value.entity_id
    assert ways_to(log_url, "p10") == [(back.value.entity_id,)]
