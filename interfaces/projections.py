"""What a server does about projections: it follows versions, counts how far they are, and says what
is wrong with them.
"""

import logging
from collections.abc import Callable, Mapping, Sequence

import psycopg
from prometheus_client import Gauge
from psycopg.rows import class_row

from application.following import Follower
from application.log.connections import options
from domain.refusals import Unavailable
from projections.at_hand import at_hand, brought, inline_projections
from projections.engine.follow import FollowVersion
from projections.engine.projection import Projection
from projections.engine.versions import QUERIES, Version, connect, versions_of

LAG_EVENTS = Gauge(
    "tenure_projection_lag_events",
    "Entries that the rows of a version are behind the log.",
    ["projection", "version"],
    multiprocess_mode="livemostrecent",
)
LAG_SECONDS = Gauge(
    "tenure_projection_lag_seconds",
    "How long the oldest entry that a version has not read has waited; 0 when there is none.",
    ["projection", "version"],
    multiprocess_mode="livemostrecent",
)
FAILED = Gauge(
    "tenure_projection_failed",
    "1 for a version that was stopped by an entry that it cannot take, else 0.",
    ["projection", "version"],
    multiprocess_mode="livemostrecent",
)
ALL = QUERIES["all"].as_bytes(None)

logger = logging.getLogger("tenure.followers")


class FollowedVersions:
    """Which versions there are to follow by now: each that is built, whose code is at hand, and
    that no writer folds.
    """

    def __init__(
        self, url: str, projections: Callable[[], Mapping[str, Projection]] = at_hand
    ) -> None:
        self._url, self._projections = url, projections
        self._versions: Sequence[Version] = ()
        for wrong in brought()[1]:
            logger.error("A projection cannot be used: %s", wrong)

    async def __call__(self) -> Sequence[Follower]:
        try:
            self._versions = await _look(self._url)
        except psycopg.OperationalError as error:
            logger.warning("Nobody knows which projections there are by now: %s", error)
        projections, followed = self._projections(), list[Follower]()
        for version in self._versions:
            _count(version)
            projection = projections.get(version.name)
            code = projection and projection.code(version.fingerprint)
            if code and version.is_followed:
                followed.append(FollowVersion(code, version))
        return followed


async def wrong_with_projections(url: str) -> list[str]:
    """What is wrong with versions that are followed, and with what packages bring, in sentences.

    Raises Unavailable.
    """
    try:
        versions = await _look(url)
    except psycopg.OperationalError as error:
        raise Unavailable(reason="the database does not answer") from error
    found = [f"A projection cannot be used: {wrong}" for wrong in brought()[1]]
    for version in versions:
        if version.condition == "failed":
            found.append(
                f"Projection {version.label} stopped after position {version.position}: "
                f"{version.cause}"
            )
        elif version.condition == "dead":
            found.append(
                f"Projection {version.label} is followed by nobody since position "
                f"{version.position}."
            )
    return found


def lacking_code(url: str) -> list[str]:
    """Why workers of this release will not be ready, in sentences; none where they will."""
    with connect(url) as connection:
        versions = versions_of(connection)
    projections = inline_projections()
    return [
        f"The live version of {version.name}, {version.number}, was made by code that this release "
        f"lacks: its workers write nothing and are not ready until another is live. "
        f"`tenure projections rebuild {version.name}` builds one, `switch` makes it live."
        for version in versions
        if version.is_live
        and version.name in projections
        and projections[version.name].code(version.fingerprint) is None
    ]


async def _look(url: str) -> Sequence[Version]:
    async with await psycopg.AsyncConnection.connect(
        url, options=options("tenure_writer"), autocommit=True, row_factory=class_row(Version)
    ) as connection:
        return await (await connection.execute(ALL, {"name": None})).fetchall()


def _count(version: Version) -> None:
    labels = version.name, str(version.number)
    LAG_EVENTS.labels(*labels).set(version.lag if version.status == "built" else 0)
    LAG_SECONDS.labels(*labels).set(version.lag_seconds if version.lag else 0)
    FAILED.labels(*labels).set(version.cause is not None)
