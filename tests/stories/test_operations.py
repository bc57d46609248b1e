"""Operations: alive, ready, metrics; the OpenAPI document and its page."""

import json
import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from jsonschema import Draft202012Validator

from tests.interfaces.serving import Served, eventually
from tests.stories.client import Client, a_person, an_event
from tests.stories.document import Document, Undocumented
from tests.stories.lines import line_of

METHODS = {"get", "post", "put", "patch", "delete"}
NDJSON = "application/x-ndjson"
FOR_ANYBODY = {"POST /v1/partners/register", "GET /v1/partners/public-sandbox"}


# Alive, ready, metrics


def test_alive_and_ready_need_no_key(nobody: Client) -> None:
    assert nobody.get("/healthz") == {"status": "alive"}
    ready = nobody.get("/readyz")
    assert (ready["status"], ready["position"] > 0) == ("ready", True)


def test_ready_tells_how_far_the_log_is(partner: Client) -> None:
    assert partner.get("/readyz")["position"] == partner.submit()["position"] - 1
    assert partner.get("/readyz")["position"] == partner.head()


@pytest.mark.parametrize(
    "name",
    [
        "tenure_http_request_seconds_count",
        "tenure_batch_size_count",
        "tenure_batch_seconds_count",
        "tenure_queue_depth",
        "tenure_log_head_position",
    ],
)
def test_metrics_tell_of_requests_batches_the_queue_and_the_log(partner: Client, name: str) -> None:
    partner.submit()
    eventually(lambda: sample(metrics(partner), name) is not None)


def test_a_request_is_counted_under_its_route_and_status(partner: Client) -> None:
    labels = 'tenure_http_request_seconds_count{method="POST",route="/events",status="201"}'
    before = sample(metrics(partner), labels) or 0

    for path in ("/v1/events", "/events"):
        partner.post(path, an_event())

    eventually(lambda: (sample(metrics(partner), labels) or 0) >= before + 2)


def test_a_refused_item_of_a_batch_is_counted_as_a_refusal(partner: Client) -> None:
    refusals = 'tenure_refusals_total{code="INVALID_EVENT_TYPE"}'
    before = sample(metrics(partner), refusals) or 0

    partner.post("/v1/events/batch", {"events": [an_event(eventType="no.such")] * 2})

    eventually(lambda: (sample(metrics(partner), refusals) or 0) >= before + 2)


def test_metrics_follow_the_log_s_head(partner: Client) -> None:
    position = partner.submit()["position"]

    eventually(lambda: sample(metrics(partner), "tenure_log_head_position") == position)


def test_a_position_that_is_not_reached_is_no_defect(partner: Client) -> None:
    before = sample(metrics(partner), "tenure_defects_total") or 0
    unavailable = 'tenure_http_request_seconds_count{method="GET",route="/events",status="503"}'

    partner.try_get("/v1/events", headers={"x-min-position": "999999999999"})

    eventually(lambda: sample(metrics(partner), unavailable))
    assert (sample(metrics(partner), "tenure_defects_total") or 0) == before


def metrics(client: Client) -> str:
    return client.try_get("/metrics").text


def sample(text: str, name: str) -> float | None:
    """The sum of a metric's samples; None when it has none."""
    values = re.findall(rf"^{re.escape(name)}(?:\{{.*\}})? (\S+)$", text, re.MULTILINE)
    return sum(map(float, values)) if values else None


# Logs


def test_a_request_s_log_line_has_its_id_and_position_and_nothing_secret(
    partner: Client, server: Served
) -> None:
    person, request_id = a_person() + "-secret", "a-story-of-logs"
    reply = partner.post(
        "/v1/events", an_event(userExternalId=person), headers={"x-request-id": request_id}
    )

    eventually(lambda: request_id in server.messages())

    (line,) = [line for line in server.messages().splitlines() if request_id in line]
    told = json.loads(line)
    assert told["request_id"] == request_id
    assert told["position"] == reply.json()["position"]
    assert (told["method"], told["route"], told["status"]) == ("POST", "/events", 201)
    assert person not in server.messages()


def test_keys_are_never_logged(partner: Client, server: Served) -> None:
    made = partner.post("/v1/partners/keys").json()
    assert Client(partner.http, made["apiKey"]).get("/v1/partners/me")
    eventually(lambda: "/partners/me" in server.messages())

    assert made["apiKey"] not in server.messages()


# The document


def operations(document: Document) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in document.content["paths"].items():
        for method, operation in methods.items():
            if method in METHODS:
                yield f"{method.upper()} {path}", operation


def schemas(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A schema and every schema within it."""
    yield schema
    within = [
        *schema.get("properties", {}).values(),
        *schema.get("patternProperties", {}).values(),
        *(one for word in ("anyOf", "oneOf", "allOf") for one in schema.get(word, ())),
        *(schema[word] for word in ("items", "additionalProperties") if word in schema),
    ]
    for one in within:
        if isinstance(one, dict):
            yield from schemas(one)


def test_the_document_names_every_route_of_the_contract_so_far(document: Document) -> None:
    assert {name for name, _ in operations(document)} >= {
        "POST /v1/events",
        "GET /v1/events",
        "GET /v1/event-types",
        "GET /v1/resolve",
        "POST /v1/policy/standing",
        "POST /v1/policy/evaluate",
        "GET /v1/policy/actions",
        "GET /v1/policy/actions/{action}",
        "POST /v1/entities/erase",
        "GET /v1/partners/me",
        "GET /v1/partners/keys",
        "POST /v1/partners/keys",
        "GET /healthz",
        "GET /readyz",
        "GET /metrics",
    }


def test_the_document_s_schemas_are_json_schema_and_use_its_words_only(
    document: Document,
) -> None:
    words = {
        *("type", "properties", "required", "additionalProperties", "items", "anyOf", "$ref"),
        *("enum", "const", "pattern", "minLength", "maxLength", "minimum", "maximum"),
        *("minItems", "maxItems", "format", "default", "title", "description", "examples"),
        *("exclusiveMinimum", "exclusiveMaximum", "uniqueItems", "oneOf", "allOf"),
        *("minProperties", "maxProperties", "patternProperties", "propertyNames"),
    }
    for whole in document.content["components"]["schemas"].values():
        Draft202012Validator.check_schema(whole)
        for schema in schemas(whole):
            assert set(schema) <= words, schema


def test_every_parameter_of_a_path_is_named_as_in_the_path(document: Document) -> None:
    for name, operation in operations(document):
        named = [one["name"] for one in parameters(operation, document) if one["in"] == "path"]

        assert re.findall(r"\{(.+?)\}", name) == named, name


def test_every_header_of_a_request_has_a_schema_and_an_example_that_is_right(
    document: Document,
) -> None:
    for name, operation in operations(document):
        headers = [one for one in parameters(operation, document) if one["in"] == "header"]

        assert "X-Request-Id" in {one["name"] for one in headers}, name
        for header in headers:
            assert Draft202012Validator(header["schema"]).is_valid(header["example"]), name


def parameters(operation: dict[str, Any], document: Document) -> list[dict[str, Any]]:
    """What an operation takes beside its body, with what it refers to put in its place."""
    shared = document.content["components"]["parameters"]
    return [
        shared[one["$ref"].rpartition("/")[2]] if "$ref" in one else one
        for one in operation["parameters"]
    ]


def test_every_link_leads_to_an_operation_that_takes_what_it_hands_over(
    document: Document,
) -> None:
    known = {operation["operationId"]: operation for _, operation in operations(document)}
    links = [
        link
        for operation in known.values()
        for reply in operation["responses"].values()
        for link in reply.get("links", {}).values()
    ]

    assert links
    for link in links:
        target = known[link["operationId"]]
        taken = {one["name"] for one in parameters(target, document)}
        assert set(link.get("parameters", ())) <= taken, link
        assert "requestBody" not in link or "requestBody" in target, link


def test_every_event_type_and_claim_type_is_in_the_document(
    partner: Client, document: Document
) -> None:
    schemas = document.content["components"]["schemas"]
    by_category = partner.get("/v1/event-types")["categories"].values()

    assert set(schemas["EventType"]["enum"]) == {name for names in by_category for name in names}
    assert {"claim.chargeback", "chargeback"} <= set(schemas["ClaimType"]["enum"])


def test_every_operation_says_what_it_is(document: Document) -> None:
    for name, operation in operations(document):
        assert operation["summary"], name
        assert operation["description"], name
        assert operation["tags"], name
        of_values = " /api/ailancer/" in name or "Idempotency-Key" in str(operation["parameters"])
        assert "422" not in operation["responses"] or of_values, name


def test_every_operation_behind_a_key_says_so_and_names_its_refusals(document: Document) -> None:
    for name, operation in operations(document):
        if (" /v1/" in name or " /api/ailancer/" in name) and name not in FOR_ANYBODY:
            assert operation["security"], name
            assert {"401", "500", "503"} <= set(operation["responses"]), name
        else:
            assert "security" not in operation, name


def test_every_body_that_is_taken_has_an_example_that_is_right(document: Document) -> None:
    components = document.content["components"]
    for name, operation in operations(document):
        if "requestBody" not in operation:
            continue
        schema = operation["requestBody"]["content"]["application/json"]["schema"]
        example = example_of(schema, components["schemas"])
        validator = Draft202012Validator({**schema, "components": components})
        assert validator.is_valid(example), (name, example)


def example_of(schema: dict[str, Any], known: dict[str, Any]) -> Any:  # noqa: PLR0911
    """An example of a schema, made of the examples that its required members give."""
    if "$ref" in schema:
        schema = known[schema["$ref"].rpartition("/")[2]]
    if "examples" in schema:
        return schema["examples"][0]
    if "enum" in schema:
        return schema["enum"][0]
    if "const" in schema:
        return schema["const"]
    if schema.get("type") == "object":
        members = schema.get("properties", {})
        return {name: example_of(members[name], known) for name in schema.get("required", [])}
    if schema.get("type") == "array":
        return [example_of(schema["items"], known)]
    if schema.get("type") == "integer":
        return int(schema.get("minimum", 1))
    for several in ("anyOf", "oneOf"):
        if several in schema:
            return example_of(schema[several][0], known)
    raise AssertionError(f"no example: {schema}")


def test_a_reply_that_the_document_does_not_allow_is_noticed(
    partner: Client, document: Document
) -> None:
    # The control: whoever holds every reply against the document would see a wrong one.
    reply = partner.post("/v1/events", an_event())
    event = reply.json()
    for body, status in (
        ({name: event[name] for name in event if name != "id"}, 201),
        (event | {"position": "one"}, 201),
        (event | {"extra": 1}, 201),
        (event | {"id": "one"}, 201),
        (event | {"recordedAt": "2026-11-22T08:00:00Z"}, 201),
        (event, 299),
        ({"detail": "no"}, 400),
    ):
        wrong = httpx.Response(status, json=body, request=reply.request)
        with pytest.raises(Undocumented):
            document.check(wrong)
    document.check(reply)


def test_a_line_that_the_document_does_not_allow_is_noticed(
    partner: Client, document: Document
) -> None:
    reply = partner.post_bytes("/v1/events/batch", line_of(an_event()), media_type=NDJSON)
    answer = reply.json()
    for line in (
        {name: answer[name] for name in answer if name != "event"},
        answer | {"status": "taken"},
        answer | {"extra": 1},
    ):
        wrong = httpx.Response(
            207,
            content=reply.content + line_of(line),
            headers={"content-type": NDJSON},
            request=reply.request,
        )
        with pytest.raises(Undocumented):
            document.check(wrong)
    document.check(reply)


# The page


def test_the_page_asks_nobody_else_for_its_files(http: httpx.Client, nobody: Client) -> None:
    page = nobody.try_get("/docs")
    assert page.headers["content-type"].startswith("text/html")

    found = re.findall(r"""(?:src|href|url)\s*[=:]\s*["']([^"']+)["']""", page.text)

    assert len(found) >= 4
    for place in found:
        assert place.startswith("/"), place
        reply = http.get(place)
        assert reply.status_code == 200, place
        assert len(reply.content) > 100
    assert "https://" not in page.text


@pytest.mark.parametrize(
    ("name", "media_type"),
    [
        ("swagger-ui-bundle.js", "text/javascript"),
        ("swagger-ui.css", "text/css"),
        ("favicon.png", "image/png"),
    ],
)
def test_the_page_s_files_say_what_they_are(http: httpx.Client, name: str, media_type: str) -> None:
    assert http.get(f"/docs/{name}").headers["content-type"].startswith(media_type)


def test_each_refusal_leads_to_where_it_is_explained(nobody: Client) -> None:
    reply = nobody.try_get("/v1/events")

    page, _, anchor = reply.links["help"]["url"].partition("#")

    assert reply.json()["code"] == anchor.upper() == "UNAUTHENTICATED"
    assert f'<h2 id="{anchor}">401 UNAUTHENTICATED</h2>' in nobody.try_get(page).text


def test_the_page_of_errors_shows_no_places_for_facts(nobody: Client) -> None:
    page = nobody.try_get("/docs/errors").text

    assert "Invalid field <i>field</i>" in page
    assert "{" not in page
    assert "<p></p>" not in page
