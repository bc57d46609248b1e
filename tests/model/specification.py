"""What Tenure does, in dictionaries: the specification that the server is held against.

It knows no HTTP, no log and no fold. What the server alone may choose (ids, codes, times) it is
told with the reply, and answers with the whole body that the reply must then have been.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.model.rules import (
    ACTIONS,
    MOVES,
    SUMMARIES,
    Body,
    depth,
    judge,
    moment,
    status_of,
)


class Refused(Exception):
    """The code of the refusal that the server must give, and what its words must name."""


@dataclass(eq=False)
class Person:
    """What one partner knows of somebody. ``group`` is shared by all whom they are one with,
    themselves too. Whoever is erased stays, without a name.
    """

    partner: str
    entity_id: str | None = None
    events: list[Body] = field(default_factory=list)
    claims: list["Claim"] = field(default_factory=list)
    steps: list[Body] = field(default_factory=list)
    group: list["Person"] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.group = [self]


@dataclass(eq=False)
class Claim:
    """A claim, as its issuer sees it."""

    against: Person
    shown: Body


@dataclass(eq=False)
class Decision:
    """A recommendation as it was given; about nobody when nobody was known."""

    partner: str
    about: Person | None
    shown: Body


@dataclass
class Kept:
    """What a repeat of a request gets. ``about`` is whom it would name."""

    said: Any
    reply: bytes
    about: Person | None


class World:
    """Everything that some partners did, by the partners' names; ``productive`` ones are in
    production, all others in the sandbox.
    """

    def __init__(self, partners: Iterable[str], productive: str) -> None:
        self.partners = list(partners)
        self.productive = productive
        self.people: dict[tuple[str, str], Person] = {}
        self.reported: dict[str, list[Body]] = {partner: [] for partner in self.partners}
        self.ids: set[str] = set()
        self.claims: dict[str, Claim] = {}
        self.offers: dict[str, Person] = {}
        self.decisions: dict[str, Decision] = {}
        self.actions = {partner: dict(ACTIONS) for partner in self.partners}
        self.versions = dict.fromkeys(self.partners, 1)
        self.kept: dict[tuple[str, ...], Kept] = {}

    # Who is who

    def known(self, partner: str, name: str) -> Person | None:
        """Whom a partner knows under a name."""
        return self.people.get((partner, name))

    def met(self, partner: str, name: str, entity_id: str | None) -> Person:
        """The same; a new person for whoever is unknown. The server's id of them never changes."""
        person = self.people.setdefault((partner, name), Person(partner))
        if person.entity_id is None and entity_id is not None:
            person.entity_id = self.chosen(entity_id, "entity")
        return person

    def chosen(self, new_id: str, kind: str) -> str:
        """An id that the server chose: never the same for two things of a kind."""
        assert f"{kind} {new_id}" not in self.ids, f"{kind} {new_id} is not new"
        self.ids.add(f"{kind} {new_id}")
        return new_id

    def erase(self, partner: str, name: str, told: Body) -> Body:
        """The way to the person is gone, with their links, codes and replies kept for repeats."""
        person = self.known(partner, name)
        if person is None:
            raise Refused("NOT_FOUND")
        leave(person)
        del self.people[partner, name]
        self.kept = {key: kept for key, kept in self.kept.items() if kept.about is not person}
        self.offers = {code: by for code, by in self.offers.items() if by is not person}
        return told | {"entityId": person.entity_id or told.get("entityId")}

    # Events

    def report(self, partner: str, sent: Body, told: Body) -> Body:
        """An event is recorded; whoever is new becomes known."""
        age = datetime.now(UTC) - moment(sent.get("occurredAt") or told["recordedAt"])
        if age < timedelta(minutes=-5):
            raise Refused("INVALID_OCCURRED_AT")
        if age > timedelta(days=30) and "batchType" not in sent:
            raise Refused("BACKFILL_REQUIRED")
        person = self.met(partner, sent["userExternalId"], told.get("entityId"))
        event = {
            "id": self.chosen(told["id"], "event"),
            "entityId": person.entity_id,
            "userExternalId": sent["userExternalId"],
            "eventType": sent["eventType"],
            "weight": sent.get("weight", 1),
            "actorType": sent.get("actorType", "UNKNOWN"),
            "occurredAt": sent.get("occurredAt") or told["recordedAt"],
            "recordedAt": told["recordedAt"],
            "backfill": "batchType" in sent,
            "position": told["position"],
        }
        person.events.append(event)
        self.reported[partner].append(event)
        return event

    def events(self, partner: str, name: str | None) -> list[Body]:
        """Events newest first: of a person, or all that a partner reported, of the erased too."""
        if name is None:
            events = self.reported[partner]
        else:
            person = self.known(partner, name)
            events = person.events if person else []
        return [event | {"userExternalId": name} for event in reversed(events)]

    # Claims

    def file(self, partner: str, sent: Body, told: Body) -> Body:
        """A claim is filed; whoever is new becomes known."""
        person = self.met(partner, sent["userExternalId"], told.get("entityId"))
        shown = {
            "id": self.chosen(told["id"], "claim"),
            "entityId": person.entity_id,
            "userExternalId": None,
            "claimType": "claim." + sent["claimType"].removeprefix("claim."),
            "status": "OPEN",
            "occurredAt": sent.get("occurredAt") or told["filedAt"],
            "filedAt": told["filedAt"],
            "changedAt": told["filedAt"],
            "reference": sent.get("reference"),
            "reasonCode": None,
            "issuer": None,
        }
        claim = Claim(person, shown)
        person.claims.append(claim)
        person.steps.append(step(shown))
        self.claims[shown["id"]] = claim
        return shown | {"userExternalId": sent["userExternalId"]}

    def move(self, partner: str, claim_id: str, move: str, sent: Body | None, told: Body) -> Body:
        """A claim is contested by whoever sees it, or settled by its issuer."""
        shown = self.claim(partner, claim_id)
        claim = self.claims[claim_id]
        if move != "contest" and claim.against.partner != partner:
            raise Refused("NOT_FOUND")
        to, origins = MOVES[move]
        if shown["status"] not in origins:
            raise Refused("INVALID_CLAIM_STATE")
        claim.shown |= {"status": to, "changedAt": told["changedAt"]}
        claim.shown["reasonCode"] = sent["reasonCode"] if sent else claim.shown["reasonCode"]
        claim.against.steps.append(step(claim.shown))
        return self.claim(partner, claim_id)

    def claim(self, partner: str, claim_id: str) -> Body:
        """A claim as a partner sees it: foreign and missing are one."""
        claim = self.claims.get(claim_id)
        if claim is None or partner not in {one.partner for one in claim.against.group}:
            raise Refused("NOT_FOUND")
        if claim.against.partner == partner:
            return dict(claim.shown)
        return claim.shown | {"entityId": None, "reference": None, "issuer": claim.against.partner}

    def claims_against(self, partner: str, name: str, status: str | None) -> list[Body]:
        """Every claim against somebody, linked partners' too, newest first."""
        person = self.known(partner, name)
        claims = [claim for one in person.group for claim in one.claims] if person else []
        found = [self.claim(partner, claim.shown["id"]) for claim in claims]
        wanted = [
            one | {"userExternalId": name} for one in found if status in (None, one["status"])
        ]
        return sorted(wanted, key=lambda one: (one["filedAt"], one["id"]), reverse=True)

    def claims_of(self, partner: str) -> list[Body]:
        """Every claim that a partner ever filed, against the erased too."""
        found = [claim.shown for claim in self.claims.values() if claim.against.partner == partner]
        return sorted(found, key=lambda one: (one["filedAt"], one["id"]), reverse=True)

    # Links

    def offer(self, partner: str, name: str, told: Body) -> Body:
        """A code; whoever is new becomes known."""
        person = self.met(partner, name, None)
        self.offers[self.chosen(told["linkCode"], "code")] = person
        return told

    def redeem(self, partner: str, name: str, code: str) -> Body:
        """Somebody becomes one with whoever offered the code, and with all their group."""
        by = self.offers.get(code)
        if by is None or (partner == self.productive) != (by.partner == self.productive):
            raise Refused("LINK_CODE_INVALID")
        person = self.known(partner, name)
        if partner in {one.partner for one in by.group} or (person and len(person.group) > 1):
            raise Refused("LINK_EXISTS")
        del self.offers[code]
        person = self.met(partner, name, None)
        by.group.append(person)
        person.group = by.group
        return self.linked(partner, name)

    def leave(self, partner: str, name: str) -> Body:
        """Somebody is alone again; the others stay together."""
        person = self.known(partner, name)
        if person is None or len(person.group) == 1:
            raise Refused("NOT_FOUND")
        leave(person)
        return self.linked(partner, name)

    def linked(self, partner: str, name: str) -> Body:
        """The names of the others."""
        person = self.known(partner, name)
        others = sorted(one.partner for one in person.group if one is not person) if person else []
        return {"linked": bool(others), "partners": others}

    # Standing and policy

    def standing(self, partner: str, name: str) -> Body:
        """How deep somebody's history is: counts and ages, whatever weighs or is claimed."""
        person = self.known(partner, name)
        group = person.group if person else []
        own, own_tier = depth([person.events] if person else [], together=False)
        signals, tier = depth([one.events for one in group], together=len(group) > 1)
        claims = [claim.shown["status"] for one in group for claim in one.claims]
        return {
            "tier": max(own_tier, tier),
            "signals": signals,
            "ownSignals": own,
            "claims": {"summary": SUMMARIES[status_of(claims)], "recordedCount": len(claims)},
        }

    def resolve(self, partner: str, name: str) -> Body:
        """The same in short, for whoever has a history or claims."""
        person, standing = self.known(partner, name), self.standing(partner, name)
        signals, claims = standing["signals"], standing["claims"]
        if person is None or not (signals["eventCount"] or claims["recordedCount"]):
            raise Refused("NOT_FOUND")
        times = [event["occurredAt"] for one in person.group for event in one.events]
        return {
            "tier": standing["tier"],
            "eventCount": signals["eventCount"],
            "backfilledCount": signals["backfilledCount"],
            "partnerCount": signals["distinctPartners"],
            "firstEventAt": min(times, default=None),
            "lastEventAt": max(times, default=None),
            "claimStatus": self.claim_status(person),
        }

    def claim_status(self, person: Person | None) -> str:
        """What the active claims against somebody amount to."""
        group = person.group if person else []
        return status_of(claim.shown["status"] for one in group for claim in one.claims)

    def decide(self, partner: str, name: str, action_name: str) -> Body:
        """The recommendation to a partner about somebody's action."""
        action = self.actions[partner].get(action_name)
        if action is None:
            raise Refused("UNKNOWN_ACTION")
        tier = self.standing(partner, name)["tier"]
        claims = self.claim_status(self.known(partner, name))
        decision, reasons = judge(action, tier, claims)
        shown = {
            "decision": decision,
            "action": action_name,
            "tier": tier,
            "requiredTier": action["requiredTier"],
            "claimStatus": claims,
            "reasons": reasons,
            "policyVersion": self.versions[partner],
        }
        limits = action["limits"] if decision == "LIMIT" else None
        return shown if limits is None else shown | {"limits": limits}

    def record(self, partner: str, name: str, told: Body) -> None:
        """A recommendation was given, and is kept."""
        self.chosen(told["decision_correlation_id"], "decision")
        decision = Decision(partner, self.known(partner, name), told)
        self.decisions[told["decision_correlation_id"]] = decision

    def flips(self, partner: str, action: Body) -> Body:
        """Which decisions would be others, newest first, were an action another."""
        recorded = [
            decision.shown
            for decision in reversed(self.decisions.values())
            if decision.partner == partner and decision.shown["action"] == action["action"]
        ]
        again = [judge(action, one["tier"], one["claimStatus"])[0] for one in recorded]
        flips = [
            {
                "decision_correlation_id": one["decision_correlation_id"],
                "recorded": one["decision"],
                "wouldBe": would_be,
            }
            for one, would_be in zip(recorded, again, strict=True)
            if one["decision"] != would_be
        ]
        return {"checked": len(recorded), "flipped": len(flips), "flips": flips}

    def set_action(self, partner: str, action: Body) -> Body:
        """A partner asks otherwise from now on; what is in force already changes nothing."""
        if self.actions[partner].get(action["action"]) != action:
            self.actions[partner][action["action"]] = action
            self.versions[partner] += 1
        return action | {"policyVersion": self.versions[partner]}

    def timeline(self, partner: str, name: str) -> Body:
        """A partner's own history of somebody, step by step."""
        person = self.known(partner, name)
        if person is None or not (person.events or person.claims):
            raise Refused("NOT_FOUND")
        days: dict[str, Body] = {}
        for event in sorted(person.events, key=lambda event: str(event["occurredAt"])):
            date = event["occurredAt"][:10]
            day = days.setdefault(date, {"date": date, "events": 0, "backfilled": 0})
            day["events"] += 1
            day["backfilled"] += event["backfill"]
        _, own_tier = depth([person.events], together=False)
        tiers = list(range(1, own_tier + 1))
        return {"days": list(days.values()), "tiers": tiers, "claims": person.steps}


def leave(person: Person) -> None:
    """Take somebody out of their group, if they are in one."""
    person.group.remove(person)
    person.group = [person]


def step(shown: Body) -> Body:
    """A claim's last move, as the timeline shows it."""
    return {"claimId": shown["id"], "status": shown["status"], "at": shown["changedAt"]}
