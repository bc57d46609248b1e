"""What comes in of an action: in a request, or in a file."""

from typing import Annotated

from pydantic import Field

from domain.action import Action, Risk
from interfaces.api.wire import WHOLE, Wire, form

LIMIT_NAME = form(
    r"^[A-Za-z][A-Za-z0-9_]{0,31}$",
    "a limit's name is a letter and up to 31 more letters, digits and _",
)
LimitName = Annotated[str, Field(pattern=LIMIT_NAME)]
LimitValue = Annotated[int, Field(ge=0, le=10**12), WHOLE]
LimitsIn = Annotated[
    dict[LimitName, LimitValue],
    Field(min_length=1, max_length=8, json_schema_extra={"additionalProperties": False}),
]


class ActionIn(Wire):
    """What the action asks for from now on."""

    required_tier: Annotated[int, Field(ge=0, le=3), WHOLE]
    risk: Risk
    limits: LimitsIn | None = Field(
        None,
        description="The constrained form that LIMIT allows.",
        examples=[{"maxPerDay": 3}],
    )

    def named(self, name: str) -> Action:
        """The action that this makes of a name."""
        return Action(name, self.required_tier, self.risk, self.limits)
