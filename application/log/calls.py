"""The calls of statements that take no parameters: what begins a round trip, and what ends it."""

from application.log.line import Call

BEGIN: Call = ("begin", ())
LOCK: Call = ("lock", ())
SNAPSHOT: Call = ("snapshot", ())
HOLD: Call = ("hold", ())
STANDS: Call = ("stands", ())
COMMIT: Call = ("commit", ())
ROLLBACK: Call = ("rollback", ())
