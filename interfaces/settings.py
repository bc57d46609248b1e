"""Every setting of Tenure: its environment variable, its default and what it means."""

import difflib
import os
import re
import secrets
import tempfile
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Literal, Self

from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PositiveInt,
    ValidationError,
)
from pydantic.fields import FieldInfo

SECRET_BYTES = 32

# Read by the test suite, never by Tenure itself.
TEST_PREFIX = "TENURE_TEST_"


class SettingsError(Exception):
    """A setting is wrong; the message names the variable, what is wrong and what is allowed."""


def _secret(value: str) -> bytes:
    if not re.fullmatch(rf"[0-9a-fA-F]{{{2 * SECRET_BYTES}}}", value):
        raise ValueError(f"expected {2 * SECRET_BYTES} hexadecimal digits")
    return bytes.fromhex(value)


def _with_its_extra(value: str | None) -> str | None:
    if value is not None and not (
        find_spec("opentelemetry.sdk") and find_spec("opentelemetry.exporter")
    ):
        raise ValueError("tracing is not installed: pip install 'tenure[tracing]'")
    return value


def _connection(value: str | None) -> str | None:
    try:
        conninfo_to_dict(value or "")
    except ProgrammingError:
        # Its message would show a password.
        raise ValueError("expected a postgresql:// URL") from None
    return value


def _absolute(value: object) -> object:
    return Path(value).expanduser().absolute() if isinstance(value, str | Path) else value


Secret = Annotated[bytes | None, BeforeValidator(_secret)]
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
    database_url: Annotated[str | None, AfterValidator(_connection)] = Field(
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
    rate_limit: str | None = Field(
        default=None,
        pattern=r"^[1-9][0-9]{0,8}/[1-9][0-9]{0,4}$",
        validation_alias="TENURE_RATE_LIMIT",
        description="Requests that each tenant may make in a window of seconds, `1000/60`; whoever "
        "shows no key, or one that opens nothing, is counted by address, in IPv6 by its /64, and "
        "that of a proxy counts as one. Beyond it the answer is 429. Workers add up their counts "
        "once a second: in a burst each may let the whole quota pass before it learns of the "
        "others. Absent: no limit.",
    )
    registrations_per_hour: PositiveInt = Field(
        default=10,
        validation_alias="TENURE_REGISTRATIONS_PER_HOUR",
        description="Registrations that each address may try in an hour, at each worker. Beyond it "
        "the answer is 429. All that come through one proxy are of its address: widen it there.",
    )
    public_sandbox: bool = Field(
        default=False,
        validation_alias="TENURE_PUBLIC_SANDBOX",
        description="Keep a partner for trying things out, whose sandbox key anybody may have from "
        "`GET /v1/partners/public-sandbox`. It reads and adds, and changes nothing for the others "
        "who use it. Switched off, the key opens nothing from the next start on.",
    )
    operator_key: str | None = Field(
        default=None,
        pattern=r"^[!-~]{32,255}$",
        validation_alias="TENURE_OPERATOR_KEY",
        description="32 to 255 visible characters that nobody can guess. Whoever shows them as "
        "`x-api-key` may suspend and reactivate partners over HTTP, and nothing else. Absent: only "
        "the command line may.",
        repr=False,
    )
    promote_loopback: bool = Field(
        default=False,
        validation_alias="TENURE_PROMOTE_LOOPBACK",
        description="Let partners prove domains on this machine, and members have webhooks there, "
        "on any port. For tests only: it lets whoever registers ask this machine's own services.",
    )
    market_fee_basis_points: int = Field(
        default=0,
        ge=0,
        le=10_000,
        validation_alias="TENURE_MARKET_FEE_BASIS_POINTS",
        description="What the platform of a marketplace keeps of each amount that is billed, in "
        "hundredths of a percent: 1000 is a tenth. It holds for jobs that are accepted from then "
        "on.",
    )
    market_gate: bool = Field(
        default=False,
        validation_alias="TENURE_MARKET_GATE",
        description="Let an agent accept a job only if the policy says ALLOW to its `job.accept`.",
    )
    market_review_hours: PositiveInt = Field(
        default=24,
        validation_alias="TENURE_MARKET_REVIEW_HOURS",
        description="Hours within which delivered work is to be judged. The review queue shows "
        "when that is, and what is overdue.",
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
    otlp_endpoint: Annotated[str | None, AfterValidator(_with_its_extra)] = Field(
        default=None,
        pattern=r"^https?://[^\s?#]+$",
        validation_alias="TENURE_OTLP_ENDPOINT",
        description="Address of an OpenTelemetry collector that takes OTLP over HTTP, such as "
        "`http://localhost:4318`; traces go to `/v1/traces` below it. Unset, nothing is traced. "
        "Needs the extra `tenure[tracing]`.",
    )
    given_pepper: Secret = Field(
        default=None,
        validation_alias="TENURE_PEPPER",
        description="32 bytes as hexadecimal digits, under which API keys are stored and webhooks' "
        "secrets made. Made at the first start in `secrets/pepper` of the data folder. Lost: every "
        "API key is dead, and every webhook has another secret.",
        repr=False,
    )
    given_identifier_secret: Secret = Field(
        default=None,
        validation_alias="TENURE_IDENTIFIER_SECRET",
        description="32 bytes as hexadecimal digits, under which partners' identifiers of people "
        "are stored. Made at the first start in `secrets/identifier` of the data folder. Lost: "
        "no one is recognised any more.",
        repr=False,
    )

    @classmethod
    def load(cls, data: Path | None = None, environment: Mapping[str, str] = os.environ) -> Self:
        """Read the settings. `data` goes before `TENURE_DATA`.

        Raises SettingsError, naming every variable at fault.
        """
        given = {
            name: value
            for name, value in environment.items()
            if name.startswith("TENURE_") and not name.startswith(TEST_PREFIX) and value
        }
        if data is not None:
            given["TENURE_DATA"] = str(data)
        _refuse_unknown(given, [variable(field) for field in cls.model_fields.values()])
        try:
            return cls.model_validate(given)
        except ValidationError as error:
            faults = [f"{fault['loc'][0]}: {fault['msg']}" for fault in error.errors()]
            raise SettingsError("\n".join(faults)) from None

    @property
    def pepper(self) -> bytes:
        """The secret under which API keys are stored. Raises SettingsError when it is not there."""
        return self.given_pepper or _read_secret(self._secret_files["pepper"])

    @property
    def identifier_secret(self) -> bytes:
        """The secret under which identifiers are stored. Raises SettingsError as the other does."""
        return self.given_identifier_secret or _read_secret(self._secret_files["identifier"])

    def missing_secrets(self) -> list[str]:
        """The names of those secrets that are neither set nor in the data folder."""
        return [name for name, file in self._secret_files.items() if not file.exists()]

    def make_secrets(self) -> None:
        """Make the missing secrets, unless a faster process has. Raises SettingsError."""
        for name in self.missing_secrets():
            try:
                _make_secret(self._secret_files[name])
            except OSError as error:
                raise SettingsError(f"The secret {name!r} cannot be made: {error}") from None

    @property
    def _secret_files(self) -> dict[str, Path]:
        """Where those secrets are that are not set, by name."""
        given = {"pepper": self.given_pepper, "identifier": self.given_identifier_secret}
        folder = self.data / "secrets"
        return {name: folder / name for name, secret in given.items() if secret is None}

    def environment(self) -> dict[str, str]:
        """The variables that make another process of this installation load these settings.

        Secrets that live in the data folder travel through it, not through the environment.
        """
        secret = {"given_pepper", "given_identifier_secret"}
        shown = self.model_dump(mode="json", exclude=secret)
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


def _read_secret(file: Path) -> bytes:
    try:
        return _secret(file.read_text().strip())
    except (OSError, ValueError) as error:
        raise SettingsError(f"The secret in {file} cannot be read: {error}") from None


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
