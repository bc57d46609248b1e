"""Checks of the database: that it is one, whole, and Tenure's."""

from time import time

from application.migrate import MigrationRefused, missing_migrations, read_migrations
from interfaces import durability
from interfaces.doctor.finding import Check, Finding, Patient, failed, in_words, ok, warning
from interfaces.installation import foreign_secrets
from projections.at_hand import at_hand, inline_projections
from projections.engine.versions import versions_of

CLOCK_SECONDS = 1.0
CLOCK_SECONDS_AT_MOST = 5.0


def postgres(patient: Patient) -> Finding:
    """Whether this PostgreSQL is one that Tenure runs on."""
    check, settings = "PostgreSQL", durability.settings_of(patient.connection)
    if faults := durability.unsuitable(settings):
        return failed(check, faults[0], "docs/how-to/use-your-own-postgresql.md")
    version = int(settings["server_version_num"])
    return ok(check, f"version {version // 10_000}.{version % 10_000}")


def durable(patient: Patient) -> Finding:
    """Whether an acknowledged commit is on disk."""
    check, faults = "durability", durability.unsafe(durability.settings_of(patient.connection))
    if not faults:
        return ok(check, "an acknowledged event is on disk")
    finding = warning if patient.settings.allow_unsafe_durability else failed
    return finding(check, " ".join(faults), "Mend the settings, then start Tenure again.")


def migrations(patient: Patient) -> Finding:
    """Whether the schema is the one that this version knows."""
    check, known = "migrations", read_migrations()
    try:
        missing = missing_migrations(patient.connection, known)
    except MigrationRefused as refused:
        return failed(check, str(refused), "Run the version of Tenure that made this database.")
    if missing:
        return failed(
            check,
            f"not applied: {in_words([migration.name for migration in missing])}",
            "`tenure serve` applies them when it starts; restart it.",
        )
    return ok(check, f"{len(known)} applied")


def tables(patient: Patient) -> Finding:
    """Whether every inline fold has a table for its rows, made by code that is at hand."""
    check, versions = "tables of folds", versions_of(patient.connection)
    live = {one.name: one for one in versions if one.is_live and one.is_there}
    inline = inline_projections()
    if missing := [name for name in inline if name not in live]:
        return failed(
            check,
            f"missing: {in_words(missing)}",
            "`tenure serve` makes them and fills them from the log when it starts; restart it.",
        )
    if lacking := [n for n, one in inline.items() if one.code(live[n].fingerprint) is None]:
        return failed(
            check,
            f"made by code that this release lacks: {in_words(lacking)}",
            "`tenure projections rebuild NAME` builds one by the code at hand, and `switch` makes "
            "it live.",
        )
    if stopped := [one.label for one in versions if one.condition == "failed"]:
        return warning(
            check,
            f"stopped: {in_words(stopped)}",
            "`tenure projections list` says at which entry, and why.",
        )
    if left := sorted({one.name for one in versions} - at_hand().keys()):
        return warning(
            check,
            f"of no fold of this release: {in_words(left)}",
            "Kept for a return to another release; drop them once none is wanted.",
        )
    return ok(check, f"{len(inline)} there")


def read_tables(patient: Patient) -> Finding:
    """Whether analysts have a view of every projection."""
    check, there = "read tables", {name for (name,) in patient.ask("views")}
    if missing := [name for name in at_hand() if name not in there]:
        return warning(
            check,
            f"missing: {in_words(missing)}",
            "`tenure serve` makes them when it starts; restart it.",
        )
    return ok(check, f"{len(at_hand())} there")


def append_only(patient: Patient) -> Finding:
    """Whether changes of what is written are refused."""
    if changeable := patient.faults("not_append_only"):
        return failed(
            "append-only",
            f"no trigger guards {in_words(changeable)}",
            "Find out who removed it; make it again as application/migrations/0001_log.sql does.",
        )
    return ok("append-only", "the log refuses changes, even to its owner")


def rights(patient: Patient) -> Finding:
    """Whether the roles can do what they need and nothing worse."""
    if faults := patient.faults("wrong_rights"):
        return failed(
            "rights",
            in_words(faults),
            "Grant and revoke as the ends of the files in application/migrations do.",
        )
    return ok("rights", "the writer appends, the reader sees one tenant, the analyst views")


def kept_replies(patient: Patient) -> Finding:
    """Whether housekeeping keeps up with the partitions of kept replies."""
    check, ((wanted, there, outside),) = "kept replies", patient.ask("kept_replies")
    remedy = (
        "`tenure serve` keeps house at its start and every ten minutes. If one has run for that "
        "long, its log says why housekeeping fails."
    )
    if missing := [name for name in wanted if name not in there]:
        return warning(check, f"missing: {in_words(missing)}", remedy)
    if outside:
        return warning(check, "some are in the default partition", remedy + " Gone in a day.")
    return ok(check, "partitions for now and for next")


def secrets_match(patient: Patient) -> Finding:
    """Whether the secrets at hand are the database's."""
    check = "secrets of the database"
    if foreign := foreign_secrets(patient.connection, patient.settings):
        return failed(
            check,
            f"not those that it was begun with: {in_words(foreign)}",
            "Put back the right ones from the backup or from the machine that serves it.",
        )
    return ok(check, "those at hand")


def clock(patient: Patient) -> Finding:
    """Whether this machine, the database and the log agree on the time."""
    check, before = "clock", time()
    ((there, newest),) = patient.ask("clock")
    after = time()
    remedy = "Set both clocks by NTP."
    if newest is not None and newest - after > CLOCK_SECONDS_AT_MOST:
        return failed(
            check,
            f"the newest entry was recorded {newest - after:.0f} s ahead of this machine's time, "
            "and all that follow are recorded at that time until it is reached",
            remedy,
        )
    # However long it took, the database told its time between before and after.
    apart = max(there - after, before - there, 0)
    found = f"{apart:.1f} s {'behind' if after < there else 'ahead of'} the database"
    if apart > CLOCK_SECONDS_AT_MOST:
        return failed(check, found, remedy)
    if apart > CLOCK_SECONDS:
        return warning(check, found, remedy)
    return ok(check, found)


CHECKS: tuple[Check, ...] = (
    postgres,
    durable,
    migrations,
    tables,
    read_tables,
    append_only,
    rights,
    kept_replies,
    secrets_match,
    clock,
)
