"""Next steps: where each reply leads, and with what of it. The links of the OpenAPI document."""

from typing import Any

Link = dict[str, Any]


def to(operation: str, *, body: dict[str, Any] | None = None, **parameters: str) -> Link:
    """A step to an operation, with parameters and a body taken from what went before."""
    link: Link = {"operationId": operation}
    if parameters:
        link["parameters"] = parameters
    if body is not None:
        link["requestBody"] = body
    return link


def said(member: str) -> str:
    """What a reply says."""
    return f"$response.body#/{member}"


def sent(member: str) -> str:
    """What the body of a request said."""
    return f"$request.body#/{member}"


def about(person: str) -> list[Link]:
    """What there is to ask about a person, and to say of them."""
    actor = {"type": "human", "id": person}
    return [
        to("get_events", userExternalId=person),
        to("get_resolution", userExternalId=person),
        to("get_timeline", userExternalId=person),
        to("post_standing", body={"actor": actor}),
        to("evaluate", body={"actor": actor}),
        to("file_claim", body={"userExternalId": person}),
        to("offer_link", body={"userExternalId": person}),
        to("erase_entity", body={"userExternalId": person}),
    ]


def decided(decision_id: str) -> list[Link]:
    """What there is to do with a decision."""
    return [
        to("get_decision", decision_id=decision_id),
        to("replay_decision", decision_id=decision_id),
    ]


def filed(claim_id: str, *moves: str) -> list[Link]:
    """What there is to do with a claim, beside looking at it."""
    return [to("get_claim", claim_id=claim_id), *(to(move, claim_id=claim_id) for move in moves)]


def next_page(operation: str) -> Link:
    """The page after this one."""
    return to(operation, cursor=said("pagination/cursor"))


NEXT_STEPS: dict[str, list[Link]] = {
    "submit_event": about(said("userExternalId")),
    "get_events": [next_page("get_events")],
    "evaluate": decided(said("decision_correlation_id")),
    "get_decisions": [
        *decided(said("data/0/decision_correlation_id")),
        next_page("get_decisions"),
    ],
    "get_actions": [to("get_action", action=said("actions/0/action"))],
    "put_action": [
        to("get_action", action=said("action")),
        to("evaluate", body={"action": said("action")}),
    ],
    "file_claim": filed(said("id"), "contest_claim", "withdraw_claim"),
    "contest_claim": filed(said("id"), "uphold_claim", "dismiss_claim", "withdraw_claim"),
    "uphold_claim": filed(said("id"), "withdraw_claim"),
    "dismiss_claim": filed(said("id")),
    "withdraw_claim": filed(said("id")),
    "get_claims": [*filed(said("data/0/id")), next_page("get_claims")],
    "offer_link": [to("redeem_link", body={"linkCode": said("linkCode")})],
    "redeem_link": [
        to("get_link", userExternalId=sent("userExternalId")),
        to("leave_link", userExternalId=sent("userExternalId")),
    ],
    "register": [to("suspend_partner", body={"partnerId": said("partnerId")})],
    "suspend_partner": [to("reactivate_partner", body={"partnerId": said("partnerId")})],
    "get_log": [
        to("get_entry", position=said("data/0/position")),
        to("get_log", after=said("pagination/cursor")),
    ],
    "get_access": [next_page("get_access")],
    "post_key": [to("delete_key", key_id=said("keyId"))],
    "delete_key": [to("get_keys")],
}
"""The links of each operation, by its id; each leads to the operation that it is named after."""
