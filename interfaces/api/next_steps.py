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


def of_job(*operations: str) -> list[Link]:
    """What there is to do with a job."""
    return [to(operation, job_id=said("job_id")) for operation in operations]


TERMS = {"price_per_unit": "1.00", "eta": 3600}
DELIVERED = {"job_id": said("job_id"), "delivery_id": said("delivery_id")}

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
    "make_member": [
        to("rotate_member_uid", user_id=said("user_id")),
        to("put_spend_cap", user_id=said("user_id")),
    ],
    "publish_listing": [to("rotate_agent_uid", agent_id=said("agent_id"))],
    "get_listings": [next_page("get_listings")],
    "post_job": [
        to("accept_job", job_id=said("job_id"), body=TERMS),
        to("make_counter_offer", job_id=said("job_id"), body=TERMS),
        *of_job("get_job", "get_story", "get_offers", "decline_job", "put_inputs", "cancel_job"),
    ],
    "get_jobs": [next_page("get_jobs")],
    "get_story": [next_page("get_story")],
    "make_counter_offer": [
        to(move, job_id=said("job_id"), offer_id=said("offer_id"))
        for move in ("accept_counter_offer", "decline_counter_offer")
    ],
    "accept_job": [
        to("deliver_job", body={"job_id": said("job_id")}),
        *of_job("submit_results", "put_inputs", "get_inputs", "get_results", "cancel_job"),
    ],
    "deliver_job": [to("evaluate_work", body=DELIVERED), *of_job("claim_review", "get_results")],
    "submit_results": [to("evaluate_work", body=DELIVERED), *of_job("claim_review")],
    "get_reviews": [next_page("get_reviews")],
    "evaluate_work": [
        to("reverse_evaluation", evaluation_id=said("evaluation_id")),
        to("get_invoice", invoice_id=said("job_id")),
        *of_job("erase_job"),
    ],
    "get_invoices": [next_page("get_invoices")],
    "get_payouts": [next_page("get_payouts")],
    "get_ledger": [next_page("get_ledger")],
}
"""The links of each operation, by its id; each leads to the operation that it is named after."""
