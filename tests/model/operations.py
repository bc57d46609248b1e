"""What may happen: each operation draws what it does, does it on both sides, and compares."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from random import Random
from uuid import UUID

from httpx import Response

from tests.model.rules import MOVES, RISKS, Body
from tests.model.side_by_side import NAMES, UNKNOWN, Both
from tests.model.specification import Refused, World
from tests.stories.client import Client, an_actor, refusal
from tests.stories.document import told

KINDS = ("transaction.completed", "rating.received", "signal.negative")
CLAIM_TYPES = ("fraud", "claim.abuse", "chargeback")
ACTIONS = (
    "checkout.complete",
    "message.send_bulk",
    "data.export_pii",
    "infra.deploy_production",
    "custom.first",
    "custom.second",
)
GUESSES_AT_MOST = 15
"""So many wrong codes a partner brings: a few more in an hour, and it is told to wait."""

STATUSES = (None, "OPEN", "CONTESTED", "UPHELD", "DISMISSED", "WITHDRAWN")

Operation = Callable[[Both, Random], None]


# Events


def report(both: Both, chance: Random) -> None:
    """An event, of any weight."""
    event = an_event(chance, chance.choice(NAMES), days=chance.choice((0, 0, 1, 29, 31, 100)))
    _report(both, a_partner(both, chance), event, maybe_a_key(both, chance))


def report_history(both: Both, chance: Random) -> None:
    """As many events as make a tier, or one fewer or more."""
    partner, name = a_partner(both, chance), chance.choice(NAMES)
    days = chance.choice((0, 14, 30, 91))
    many = "/v1/events/batch" in both.routes
    wanted = chance.choice((2, 10, 40, 190) if many else (2, 5, 10))
    batch = [an_event(chance, name, days=days) | {"batchType": "BACKFILL"} for _ in range(wanted)]
    if many:
        _report_together(both, partner, batch, None, lines=chance.random() < 0.5)
    else:
        for event in batch:
            _report(both, partner, event, None)


def report_together(both: Both, chance: Random) -> None:
    """A batch in which some items repeat others and some are refused."""
    if "/v1/events/batch" not in both.routes:
        return
    partner = a_partner(both, chance)
    batch = [
        an_event(chance, chance.choice(NAMES), days=chance.choice((0, 1, 31)))
        for _ in range(chance.randint(1, 5))
    ]
    batch += chance.choices(batch, k=chance.randint(0, 2))
    _report_together(both, partner, batch, maybe_a_key(both, chance), lines=chance.random() < 0.5)


def _report(both: Both, partner: str, event: Body, key: str | None) -> None:
    def send() -> None:
        both.write(
            partner,
            "/v1/events",
            event,
            partial(both.world.report, partner, event),
            key=key,
            automatic=automatic_of_event(partner, event),
            about=event["userExternalId"],
        )
        both.standing(partner, event["userExternalId"])

    send()
    both.sent.append((None, send))


def _report_together(
    both: Both, partner: str, batch: list[Body], key: str | None, *, lines: bool
) -> None:
    def send() -> None:
        both.report_together(partner, batch, key, automatic_of_event, lines=lines)
        for name in {event["userExternalId"] for event in batch}:
            both.standing(partner, name)

    send()
    both.sent.append((None, send))


def an_event(chance: Random, name: str, *, days: int) -> Body:
    """An event so many days ago and some hours, so that no day ends while a test runs."""
    ago = timedelta(days=days, hours=1, milliseconds=chance.randrange(36_000_000))
    event: Body = {"userExternalId": name, "eventType": chance.choice(KINDS)}
    if days or chance.random() < 0.8:
        event["occurredAt"] = instant(datetime.now(UTC) - ago)
    if chance.random() < 0.5:
        event["weight"] = chance.choice((0, 0.5, 1_000_000))
    if chance.random() < 0.3:
        event["actorType"] = chance.choice(("HUMAN", "AGENT"))
    if days > 30 and chance.random() < 0.8:
        event["batchType"] = "BACKFILL"
    return event


def automatic_of_event(partner: str, event: Body) -> tuple[str, ...]:
    """How a repeat of an event is known without a key: by everything but its weight."""
    name, kind = event["userExternalId"], event["eventType"]
    return partner, "an event", name, kind, event.get("occurredAt", "")


# Claims


def file_claim(both: Both, chance: Random) -> None:
    """A claim: it moves no tier, which the standing after it shows."""
    partner, key = a_partner(both, chance), maybe_a_key(both, chance)
    claim: Body = {
        "userExternalId": chance.choice(NAMES),
        "claimType": chance.choice(CLAIM_TYPES),
    }
    if chance.random() < 0.5:
        claim["reference"] = chance.choice(("case-1", "case-2"))
    if chance.random() < 0.3:
        claim["occurredAt"] = instant(datetime.now(UTC) - timedelta(days=chance.randrange(99)))
    claim_type = "claim." + claim["claimType"].removeprefix("claim.")
    known_by = (claim_type, claim.get("occurredAt", ""), claim.get("reference", ""))

    def send() -> None:
        tier = both.standing(partner, claim["userExternalId"])["tier"]
        both.write(
            partner,
            "/v1/claims",
            claim,
            partial(both.world.file, partner, claim),
            key=key,
            automatic=(partner, "a claim", claim["userExternalId"], *known_by),
            about=claim["userExternalId"],
        )
        assert both.standing(partner, claim["userExternalId"])["tier"] == tier

    send()
    both.sent.append((None, send))


def move_claim(both: Both, chance: Random) -> None:
    """Any move of any claim by anybody: its issuer, a linked partner, a stranger."""
    if not both.world.claims:
        return
    claim_id, claim = chance.choice(list(both.world.claims.items()))
    partner = chance.choice((claim.against.partner, a_partner(both, chance)))
    move, key = chance.choice(list(MOVES)), maybe_a_key(both, chance)
    reason = chance.choice(("NOT_ME", "RESOLVED"))
    body = {"reasonCode": reason} if move == "contest" else None

    def send() -> None:
        both.write(
            partner,
            f"/v1/claims/{claim_id}/{move}",
            body,
            partial(both.world.move, partner, claim_id, move, body),
            key=key,
            about=claim.against,
            route=f"/v1/claims/*/{move}",
        )

    send()
    look_at_claim(both, partner, claim_id)
    both.sent.append((claim.against, send))


def look_at_claims(both: Both, chance: Random) -> None:
    """One claim, and a list of one status."""
    partner, name = a_partner(both, chance), chance.choice(NAMES)
    for claim_id in chance.sample(list(both.world.claims), k=min(1, len(both.world.claims))):
        look_at_claim(both, partner, claim_id)
    status, limit = chance.choice(STATUSES), chance.randint(1, 5)
    query = {} if status is None else {"status": status}
    against = both.world.claims_against(partner, name, status)
    both.same_list(partner, "/v1/claims", against, limit, userExternalId=name, **query)
    filed = [one for one in both.world.claims_of(partner) if status in (None, one["status"])]
    both.same_list(partner, "/v1/claims", filed, limit, **query)


def look_at_claim(both: Both, partner: str, claim_id: str) -> None:
    """A claim, as a partner sees it or does not."""
    reply = both.client(partner).try_get(f"/v1/claims/{claim_id}")
    both.expect(reply, lambda _: both.world.claim(partner, claim_id))


# Links and erasure


def offer_link(both: Both, chance: Random) -> None:
    """A code for somebody."""
    partner, name, key = a_partner(both, chance), chance.choice(NAMES), maybe_a_key(both, chance)

    def send() -> None:
        made = both.write(
            partner,
            "/v1/links",
            {"userExternalId": name},
            partial(both.world.offer, partner, name),
            key=key,
            about=name,
        )
        both.codes += [made["linkCode"]] if made else []

    send()
    both.sent.append((both.world.known(partner, name), send))


def redeem_link(both: Both, chance: Random) -> None:
    """A code, brought by anybody; now and then one that never was."""
    partner, name, key = a_partner(both, chance), chance.choice(NAMES), maybe_a_key(both, chance)
    code = chance.choice([*both.world.offers, *both.codes] or ["lnk_NEVERWAS"])

    def send() -> None:
        if both.guesses[partner] >= GUESSES_AT_MOST:
            return
        made = both.write(
            partner,
            "/v1/links/redeem",
            {"linkCode": code, "userExternalId": name},
            lambda _: both.world.redeem(partner, name, code),
            key=key,
            about=name,
        )
        both.guesses[partner] += made is None

    send()
    both.person(partner, name)
    both.sent.append((both.world.known(partner, name), send))


def leave_link(both: Both, chance: Random) -> None:
    """Somebody leaves, linked or not."""
    partner, name = a_partner(both, chance), chance.choice(NAMES)
    both.note(f"{partner}: DELETE /v1/links {name}")
    reply = both.client(partner).delete(f"/v1/links?userExternalId={name}")
    both.expect(reply, lambda _: both.world.leave(partner, name))
    both.person(partner, name)


def erase(both: Both, chance: Random) -> None:
    """Somebody becomes nobody; under their name there is nobody any more."""
    partner, name, key = a_partner(both, chance), chance.choice(NAMES), maybe_a_key(both, chance)
    body = {"userExternalId": name}

    def send() -> None:
        predict = partial(both.world.erase, partner, name)
        both.write(partner, "/v1/entities/erase", body, predict, key=key)

    send()
    both.person(partner, name)
    if key is not None:
        both.sent.append((None, send))


# Asking twice


def repeat(both: Both, chance: Random) -> None:
    """An earlier request once more: its first reply again, and nothing happens; judged anew when
    that reply is no longer kept.
    """
    living = set(both.world.people.values())
    again = [send for person, send in both.sent if person is None or person in living]
    if again:
        chance.choice(again)()


def reuse_a_key(both: Both, chance: Random) -> None:
    """A key of an earlier request under something else: nothing happens."""
    kept = [one for one in both.world.kept.items() if one[1].said and len(one[0]) == 3]
    if not kept:
        return
    (partner, _, key), reply = chance.choice(kept)
    path, body = reply.said or ("", None)
    if body and "userExternalId" in body:
        body = body | {"userExternalId": UNKNOWN}
    elif others := [claim_id for claim_id in both.world.claims if claim_id not in path]:
        path = "/".join([*path.split("/")[:3], chance.choice(others), path.split("/")[-1]])
    else:
        return
    both.note(f"{partner}: POST {path} {body} {key}, which was used")
    again = both.client(partner).post(path, body, key=key)
    assert refusal(again) == (422, "IDEMPOTENCY_KEY_REUSED"), told(again)


# Policy


def evaluate(both: Both, chance: Random) -> None:
    """A recommendation, held against the model's and kept."""
    partner, name = a_partner(both, chance), chance.choice((*NAMES, UNKNOWN))
    action = chance.choice(ACTIONS)
    both.note(f"{partner}: evaluate {name} {action}")
    body = {"actor": an_actor(name), "action": action}
    reply = both.client(partner).post("/v1/policy/evaluate", body)
    both.expect(reply, lambda given: both.decided(partner, name, action, given))


def evaluate_together(both: Both, chance: Random) -> None:
    """Several at once on one state, some of them wrong."""
    if "/v1/policy/evaluate/bulk" not in both.routes:
        return
    partner = a_partner(both, chance)
    asked = [
        (chance.choice((*NAMES, UNKNOWN)), chance.choice(ACTIONS))
        for _ in range(chance.randint(1, 6))
    ]
    evaluations = [{"actor": an_actor(name), "action": action} for name, action in asked]
    both.note(f"{partner}: evaluate {asked}")
    body = {"evaluations": [*evaluations, {"action": ACTIONS[0]}]}
    reply = both.client(partner).post("/v1/policy/evaluate/bulk", body)
    assert reply.status_code == 200, told(reply)
    *judged, wrong = reply.json()["results"]
    assert (wrong["status"], wrong["code"]) == ("error", "MISSING_FIELD"), told(reply)
    counts = dict.fromkeys(("allow", "step_up", "limit", "deny", "errors"), 0) | {"errors": 1}
    for index, ((name, action), shown) in enumerate(zip(asked, judged, strict=True)):
        assert shown.pop("index") == index, told(reply)
        status = shown.pop("status")
        try:
            foretold = both.decided(partner, name, action, shown)
            counts[foretold["decision"].lower()] += 1
            expected = ("evaluated", foretold)
        except Refused as refused:
            counts["errors"] += 1
            expected = ("error", shown | {"code": str(refused)})
        assert (status, shown) == expected, told(reply)
    assert reply.json()["summary"] == {"total": len(asked) + 1, **counts}, told(reply)
    assert len({shown["position"] for shown in judged if "position" in shown}) <= 1, told(reply)


def set_action(both: Both, chance: Random) -> None:
    """A partner changes what an action asks for, or first asks what that would change."""
    if "/v1/policy/actions/{action}" not in both.routes or "put" not in both.methods:
        return
    partner, name = a_partner(both, chance), chance.choice(ACTIONS)
    limits = chance.choice((None, {"maxPerDay": chance.randint(0, 9)}))
    wanted = {"requiredTier": chance.randint(0, 3), "risk": chance.choice(RISKS)}
    action = {"action": name, **wanted, "limits": limits}
    body = wanted if limits is None else wanted | {"limits": limits}
    if chance.random() < 0.5:
        reply = both.put(partner, f"/v1/policy/actions/{name}?dryRun=true", body)
        flips = both.world.flips(partner, action)
        assert reply.json() == {"dryRun": True, "action": name, **flips}, f"{told(reply)} {flips}"
    else:
        reply = both.put(partner, f"/v1/policy/actions/{name}", body)
        both.expect(reply, lambda _: both.world.set_action(partner, action))
    table = both.client(partner).get("/v1/policy/actions")
    assert table["policyVersion"] == both.world.versions[partner]
    shown = {action["action"]: action for action in table["actions"]}
    assert shown | both.world.actions[partner] == shown


def look_at_decisions(both: Both, chance: Random) -> None:
    """The decisions on somebody or on an action; one of them, computed again."""
    if "/v1/decisions" not in both.routes:
        return
    partner, limit = a_partner(both, chance), chance.randint(1, 5)
    action = chance.choice(list(both.world.actions[partner]))
    query = chance.choice(({}, {"userExternalId": chance.choice(NAMES)}, {"action": action}))
    both.decisions(partner, limit, **query)
    if both.world.decisions:
        decision_id, decision = chance.choice(list(both.world.decisions.items()))
        both.replay(decision.partner, decision_id)


# Looking


def look(both: Both, chance: Random) -> None:
    """All that is shown of somebody, in pages of any length."""
    both.person(a_partner(both, chance), chance.choice(NAMES), chance.randint(1, 9))


def look_for_events(both: Both, chance: Random) -> None:
    """Events of one type, of a stretch of time."""
    partner, name = a_partner(both, chance), chance.choice((*NAMES, None))
    found = both.world.events(partner, name)
    query = {} if name is None else {"userExternalId": name}
    if chance.random() < 0.5:
        query["eventType"] = chance.choice(KINDS)
        found = [event for event in found if event["eventType"] == query["eventType"]]
    if found and chance.random() < 0.5:
        query["since"] = chance.choice(found)["recordedAt"]
        found = [event for event in found if event["recordedAt"] >= query["since"]]
    if found and chance.random() < 0.5:
        query["until"] = chance.choice(found)["recordedAt"]
        found = [event for event in found if event["recordedAt"] <= query["until"]]
    both.same_list(partner, "/v1/events", found, chance.randint(1, 7), **query)


def ask_the_past(both: Both, chance: Random) -> None:
    """A standing that was seen, asked for again as the log stood then."""
    if not both.remembered:
        return
    partner, name, person, seen = chance.choice(both.remembered)
    position = seen["position"]
    shown = both.client(partner).standing(name, asOf=position)
    if person is not both.world.known(partner, name):
        seen = World([partner], "").standing(partner, UNKNOWN)
    assert {member: shown[member] for member in seen} == seen, f"{shown} is not {seen}"
    assert shown["position"] == position, shown


def be_a_stranger(both: Both, chance: Random) -> None:
    """What is another's looks like what is not there, body for body."""
    partner, nothing = a_partner(both, chance), str(UUID(int=chance.getrandbits(128), version=4))
    client, world = both.client(partner), both.world
    hidden = [
        claim_id
        for claim_id, claim in world.claims.items()
        if partner not in {one.partner for one in claim.against.group}
    ]
    for claim_id in hidden[-2:]:
        alike(lambda one: client.try_get(f"/v1/claims/{one}"), claim_id, nothing)
        for move in MOVES:
            body = {"reasonCode": "OTHER"} if move == "contest" else None
            path = f"/v1/claims/{{}}/{move}"
            alike(partial(post, client, path, body), claim_id, nothing)
    for decision_id, decision in list(world.decisions.items())[-2:]:
        if decision.partner != partner and "/v1/decisions" in both.routes:
            alike(lambda one: client.try_get(f"/v1/decisions/{one}"), decision_id, nothing)
            alike(partial(post, client, "/v1/decisions/{}/replay", None), decision_id, nothing)
    for owner in world.partners:
        key_id = both.client(owner).get("/v1/partners/keys")["data"][0]["keyId"]
        if owner != partner:
            alike(lambda one: client.delete(f"/v1/partners/keys/{one}"), key_id, nothing)
    for name in NAMES:
        if world.known(partner, name) is None:
            for path in READS_OF_A_PERSON:
                alike(partial(read, client, path), name, UNKNOWN)
            alike(lambda one: client.delete(f"/v1/links?userExternalId={one}"), name, UNKNOWN)


READS_OF_A_PERSON = (
    "/v1/resolve",
    "/v1/entities/timeline",
    "/v1/events",
    "/v1/claims",
    "/v1/links/status",
)


def alike(ask: Callable[[str], Response], foreign: str, missing: str) -> None:
    """Hold the replies about two things against each other, byte for byte."""
    one, other = ask(foreign), ask(missing)
    assert one.status_code == other.status_code, f"{told(one)}; {told(other)}"
    assert one.content == other.content, f"{told(one)}; {told(other)}"


def post(client: Client, path: str, body: Body | None, one: str) -> Response:
    """The reply to a POST about one thing."""
    return client.post(path.format(one), body)


def read(client: Client, path: str, name: str) -> Response:
    """The reply to a GET about somebody."""
    return client.try_get(path, userExternalId=name)


# Partners


def make_and_delete_a_key(both: Both, chance: Random) -> None:
    """A new key opens on every connection, and none once it is deleted."""
    partner = a_partner(both, chance)
    client = both.client(partner)
    (held,) = client.get("/v1/partners/keys")["data"]
    last = client.delete(f"/v1/partners/keys/{held['keyId']}")
    assert refusal(last) == (409, "LAST_KEY"), told(last)
    key = both.a_key()
    made = client.post("/v1/partners/keys", key=key).json()
    again = both.client(partner).post("/v1/partners/keys", key=key)
    assert again.json() == made | {"apiKey": None}, told(again)
    guests = [Client(both.client(partner).http, made["apiKey"]) for _ in range(3)]
    assert all(one.get("/v1/partners/me") == client.get("/v1/partners/me") for one in guests)
    gone = client.delete(f"/v1/partners/keys/{made['keyId']}")
    assert gone.status_code == 200, told(gone)
    for one in guests:
        reply = one.try_get("/v1/partners/me")
        assert refusal(reply) == (401, "UNAUTHENTICATED"), told(reply)


def register(both: Both, chance: Random) -> None:
    """Somebody becomes a partner of their own: nobody's people are theirs, and their name is."""
    if "/v1/partners/register" not in both.routes:
        return
    http, name = both.client(a_partner(both, chance)).http, f"Guest {both.a_key()}"
    form = {"name": name, "acceptTerms": True}
    made = Client(http, None).post("/v1/partners/register", form)
    assert made.status_code == 201, told(made)
    taken = Client(both.client(a_partner(both, chance)).http, None)
    reply = taken.post("/v1/partners/register", form)
    assert refusal(reply) == (409, "SLUG_TAKEN"), told(reply)
    guest = Client(http, made.json()["apiKey"])
    me = guest.get("/v1/partners/me")
    assert (me["name"], me["environment"]) == (name, "sandbox")
    assert guest.events() == []
    shown = guest.standing(chance.choice(NAMES))
    assert shown["signals"]["eventCount"] == 0, shown


# What they are drawn from


def a_partner(both: Both, chance: Random) -> str:
    """One of the partners."""
    return chance.choice(both.world.partners)


def maybe_a_key(both: Both, chance: Random) -> str | None:
    """A new Idempotency-Key, or none."""
    return both.a_key() if chance.random() < 0.4 else None


def instant(time: datetime) -> str:
    """A time as the server shows it."""
    return time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


OPERATIONS: tuple[Operation, ...] = (
    report,
    report_history,
    report_together,
    file_claim,
    move_claim,
    look_at_claims,
    offer_link,
    redeem_link,
    leave_link,
    erase,
    repeat,
    reuse_a_key,
    evaluate,
    evaluate_together,
    set_action,
    look_at_decisions,
    look,
    look_for_events,
    ask_the_past,
    be_a_stranger,
    make_and_delete_a_key,
    register,
)
