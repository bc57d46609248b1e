"""Every setting of Tenure: its environment variable, its default and what it means."""

import difflib
import os
import re
import secrets
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PositiveInt, ValidationError
from pydantic.fields import FieldInfo

SECRET_BYTES = 32

# Read by the test suite, never by Tenure itself.
TEST_PREFIX = "TENURE_TEST_"


class SettingsError(Exception):
    """A setting is wrong; the message names the variable, what is wrong and what is allowed."""


def _from_hexadecimal(value: object) -> object:
    if not isinstance(value, str):
        return value
    if not re.fullmatch(rf"[0-9a-fA-F]{{{2 * SECRET_BYTES}}}", value):
        raise ValueError(f"expected {2 * SECRET_BYTES} hexadecimal digits")
    return bytes.fromhex(value)


def _absolute(value: object) -> object:
    return Path(value).expanduser().absolute() if isinstance(value, str | Path) else value


Secret = Annotated[
    bytes,
    BeforeValidator(_from_hexadecimal),
    Field(min_length=SECRET_BYTES, max_length=SECRET_BYTES, repr=False),
]
Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class Settings(BaseModel):
    """All that an operator can set, read once at start from environment variables.

    An empty variable counts as absent. An unknown `TENURE_` variable is refused, so that a typing
    error never passes for a default.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", validate_by_name=True, hide_input_in_errors=True
    )

    data: Annotated[Path, BeforeValidator(_absolute)] = Field(
        default=Path("tenure-data"),
        validate_default=True,
        validation_alias="TENURE_DATA",
        description="Folder of everything this installation keeps on disk: the embedded "
        "PostgreSQL, secrets and locks. Also `--data`.",
    )
    database_url: str | None = Field(
        default=None,
        validation_alias="TENURE_DATABASE_URL",
        description="A PostgreSQL 15 or newer to use in place of the embedded one, as a "
        "`postgresql://` URL. Its role runs the migrations and may create roles.",
        repr=False,
    )
    allow_unsafe_durability: bool = Field(
        default=False,
        validation_alias="TENURE_ALLOW_UNSAFE_DURABILITY",
        description="Start although PostgreSQL may lose acknowledged events in a power cut "
        "(fsync, full_page_writes or synchronous_commit off). For experiments only.",
    )
    queue_limit: PositiveInt = Field(
        default=4000,
        validation_alias="TENURE_QUEUE_LIMIT",
        description="Commands that may wait in one worker; beyond it the answer is 503 at once.",
    )
    idempotency_mismatch: Literal["refuse", "replay"] = Field(
        default="refuse",
        validation_alias="TENURE_IDEMPOTENCY_MISMATCH",
        description="What an Idempotency-Key sent again with another body gets: `refuse` is 422, "
        "`replay` is the first answer again, marked `X-Idempotency-Mismatch: true`.",
    )
    header_timeout_seconds: Seconds = Field(
        default=10,
        validation_alias="TENURE_HEADER_TIMEOUT",
        description="Seconds that a new connection may take to send a request's headers.",
    )
    body_timeout_seconds: Seconds = Field(
        default=30,
        validation_alias="TENURE_BODY_TIMEOUT",
        description="Seconds that a request's body may pause without a single byte.",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info",
        validation_alias="TENURE_LOG_LEVEL",
        description="The least severe messages written to standard error.",
    )
    pepper: Secret = Field(
        validation_alias="TENURE_PEPPER",
        description="32 bytes as hexadecimal digits, under which API keys are stored. Made at the "
        "first start in `secrets/pepper` of the data folder. Lost: every API key is dead.",
    )
    identifier_secret: Secret = Field(
        validation_alias="TENURE_IDENTIFIER_SECRET",
        description="32 bytes as hexadecimal digits, under which partners' identifiers of people "
        "are stored. Made at the first start in `secrets/identifier` of the data folder. Lost: "
        "no one is recognised any more.",
    )

    @classmethod
    def load(cls, data: Path | None = None, environment: Mapping[str, str] = os.environ) -> Self:
        """Read the settings, making the data folder's secrets if this is the first start.

        `data` goes before `TENURE_DATA`. Raises SettingsError, naming every variable at fault.
        """
        given = {
            name: value
            for name, value in environment.items()
            if name.startswith("TENURE_") and not name.startswith(TEST_PREFIX) and value
        }
        if data is not None:
            given["TENURE_DATA"] = str(data)
        _refuse_unknown(given, [variable(field) for field in cls.model_fields.values()])
        folder = Path(given.get("TENURE_DATA", "tenure-data")).expanduser().absolute() / "secrets"
        for name, file in (
            ("TENURE_PEPPER", folder / "pepper"),
            ("TENURE_IDENTIFIER_SECRET", folder / "identifier"),
        ):
            if name not in given:
                given[name] = _kept_secret(file)
        try:
            return cls.model_validate(given)
        except ValidationError as error:
            faults = [f"{fault['loc'][0]}: {fault['msg']}" for fault in error.errors()]
            raise SettingsError("\n".join(faults)) from None

    def environment(self) -> dict[str, str]:
        """The variables that make another process of this installation load these settings.

        Secrets that live in the data folder travel through it, not through the environment.
        """
        shown = self.model_dump(mode="json", exclude={"pepper", "identifier_secret"})
        return {
            variable(field): str(shown[name])
            for name, field in type(self).model_fields.items()
            if shown.get(name) is not None
        }


def variable(field: FieldInfo) -> str:
    """Name of the environment variable of a field of Settings."""
    return str(field.validation_alias)


def _refuse_unknown(given: Mapping[str, str], known: list[str]) -> None:
    faults = []
    for name in sorted(set(given) - set(known)):
        near = difflib.get_close_matches(name, known, n=1)
        faults.append(f"{name}: no such setting" + (f"; did you mean {near[0]}?" if near else ""))
    if faults:
        raise SettingsError("\n".join(faults))


def _kept_secret(file: Path) -> str:
    """The secret in `file`; the first of several processes to ask makes it."""
    try:
        if not file.exists():
            _make_secret(file)
        return file.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"The secret in {file} cannot be read or made: {error}") from None


def _make_secret(file: Path) -> None:
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor, draft = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}-")
    try:
        with os.fdopen(descriptor, "w") as written:
            written.write(secrets.token_hex(SECRET_BYTES) + "\n")
            written.flush()
            os.fsync(written.fileno())
        # A link, unlike a rename, never replaces what a faster process made.
        try:
            file.hardlink_to(draft)
        except FileExistsError:
            return
    finally:
        Path(draft).unlink()
    folder = os.open(file.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
