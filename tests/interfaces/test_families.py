"""Two families of errors: each says every refusal of the catalogue in its own shape."""

import json
from string import Formatter

import pytest

from domain import refusals
from domain.refusals import InvalidField, InvalidName, InvalidValue, NotFound, Refusal
from interfaces.api.errors import MAP, MIR, TYPES, every_refusal, status_of, type_of
from interfaces.api.map.wire import as_it_was_spelled

SERVER = "http://127.0.0.1:8000"
CATALOGUE = [one for one in every_refusal() if one.__module__ == refusals.__name__]


def said(refusal: type[Refusal]) -> Refusal:
    """A refusal with a word for each of its facts."""
    text = refusal.sentence + (refusal.hint_text or "")
    return refusal(**{name: "word" for _, name, _, _ in Formatter().parse(text) if name})


@pytest.mark.parametrize("refusal", CATALOGUE, ids=lambda one: one.code)
def test_every_refusal_is_said_in_both_shapes(refusal: type[Refusal]) -> None:
    mir = json.loads(MIR.body(said(refusal), SERVER))
    error = json.loads(MAP.body(said(refusal), SERVER))["error"]

    assert set(mir) - {"hint"} == {"error", "code"}
    assert set(error) - {"field"} == {"type", "message", "docs"}
    assert error["message"].startswith(mir["error"].removesuffix("."))
    assert error["docs"] == f"{SERVER}/docs/errors#{error['type']}"
    assert error["type"] in {*TYPES.values(), "validation_error"}


@pytest.mark.parametrize(
    ("refusal", "of_mir", "of_map", "kind"),
    [
        (InvalidField, 400, 400, "validation_error"),
        (InvalidName, 400, 422, "validation_error"),
        (InvalidValue, 422, 422, "validation_error"),
        (NotFound, 404, 404, "not_found"),
        (refusals.UnknownUid, 401, 401, "authentication_error"),
        (refusals.OwnWork, 403, 403, "permission_error"),
        (refusals.OfferAlreadyAccepted, 409, 409, "conflict"),
        (refusals.RateLimited, 429, 429, "rate_limited"),
        (refusals.InternalError, 500, 500, "server_error"),
        (refusals.Unavailable, 503, 503, "server_error"),
    ],
)
def test_a_family_may_give_a_refusal_another_status(
    refusal: type[Refusal], of_mir: int, of_map: int, kind: str
) -> None:
    assert (status_of(refusal), status_of(refusal, MAP)) == (of_mir, of_map)
    assert type_of(refusal) == kind


@pytest.mark.parametrize(
    ("field", "document", "spelled"),
    [
        ("price_per_unit", {"pricePerLead": 0}, "pricePerLead"),
        ("price_per_unit", {"price_per_unit": 0}, "price_per_unit"),
        ("price_per_unit", {}, "price_per_unit"),
        ("price_per_unit", None, "price_per_unit"),
        ("budget.price_per_unit", {"budget": {"pricePerUnit": 0}}, "budget.pricePerUnit"),
        ("items[0].item_ref", {"items": [{}]}, "items.0.item_ref"),
        ("job_id", {"jobId": "one"}, "jobId"),
        ("body", [], "body"),
    ],
)
def test_a_field_is_named_as_it_was_sent(field: str, document: object, spelled: str) -> None:
    assert as_it_was_spelled(field, document) == spelled
