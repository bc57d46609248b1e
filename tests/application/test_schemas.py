"""Schemas that anybody may have written: what they say holds, and none holds anybody up."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import aclosing, asynccontextmanager
from typing import Any

import pytest

from application.schemas import TOO_MUCH, Schemas
from domain.refusals import SchemaViolation

LEAD = {
    "type": "object",
    "properties": {"phone": {"type": "string", "pattern": "^[+][0-9]{4,15}$"}},
    "required": ["phone"],
}
LEADS = {"type": "array", "items": {"$ref": "#/$defs/lead"}, "$defs": {"lead": LEAD}}

ENDLESS = {"pattern": "^(a+)+$"}
"""A pattern that takes ages for a text that it almost fits."""


@asynccontextmanager
async def schemas(check_seconds: float = 30) -> AsyncIterator[Schemas]:
    async with aclosing(Schemas(check_seconds)) as checked:
        yield checked


def said(check: Coroutine[Any, Any, None]) -> Coroutine[Any, Any, tuple[object, object]]:
    """The field and the reason with which a check refuses."""

    async def refused() -> tuple[object, object]:
        with pytest.raises(SchemaViolation) as caught:
            await check
        return caught.value.facts["field"], caught.value.facts["reason"]

    return refused()


def test_a_document_that_fits_is_taken() -> None:
    async def story() -> None:
        async with schemas() as checked:
            await checked.must_fit(LEADS, ([{"phone": "+123456"}], "inputs"))
            await checked.must_fit(True, ("anything", "inputs"))
            await checked.must_fit({}, (None, "inputs"))

    asyncio.run(story())


def test_the_place_of_a_fault_is_named_below_its_field() -> None:
    async def story() -> None:
        async with schemas() as checked:
            leads = [{"phone": "+123456"}, {"phone": "by heart"}]
            field, reason = await said(checked.must_fit(LEADS, (leads, "inputs")))

            assert field == "inputs.1.phone"
            assert "does not match" in str(reason)

    asyncio.run(story())


@pytest.mark.parametrize(
    "schema", [{"$ref": "#"}, {"$ref": "#/$defs/x"}, {"$ref": "file:///etc/passwd"}]
)
def test_a_schema_that_leads_nowhere_refuses_what_it_is_to_check(schema: object) -> None:
    async def story() -> None:
        async with schemas() as checked:
            assert (await said(checked.must_fit(schema, ({}, "inputs"))))[0] == "inputs"

    asyncio.run(story())


def test_a_check_without_end_is_ended_and_the_next_one_is_made() -> None:
    async def story() -> None:
        async with schemas(check_seconds=0.5) as checked:
            endless = checked.must_fit(ENDLESS, ("a" * 60 + "!", "inputs"))

            assert await said(endless) == ("inputs", TOO_MUCH)
            checked.check_seconds = 30
            await checked.must_fit(ENDLESS, ("aaa", "inputs"))

    asyncio.run(story())


def test_those_who_come_together_are_told_each_of_their_own() -> None:
    async def story() -> None:
        async with schemas() as checked:
            checks = [
                said(checked.must_fit({"maximum": number - 1}, (number, f"inputs.{number}")))
                for number in range(20)
            ]

            fields = [field for field, _ in await asyncio.gather(*checks)]

            assert fields == [f"inputs.{number}" for number in range(20)]

    asyncio.run(story())


def test_a_check_that_nobody_waits_for_any_more_answers_nobody_else() -> None:
    async def story() -> None:
        async with schemas() as checked:
            await checked.must_fit({}, (1, "inputs"))
            left = asyncio.create_task(checked.must_fit(ENDLESS, ("a" * 60 + "!", "inputs")))
            await asyncio.sleep(0.1)
            left.cancel()
            await asyncio.wait([left])

            assert (await said(checked.must_fit({"maximum": 1}, (2, "mine"))))[0] == "mine"

    asyncio.run(story())
