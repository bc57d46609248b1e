"""The process that checks documents against JSON Schemas: a line asks, a line answers.

A schema may come from anybody, and can be made to compute for ever or to fill the memory. So it is
used where it can be stopped. The process ends with whoever started it.
"""

import json
import resource
import sys
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match
from referencing import Registry
from referencing.exceptions import Unresolvable

MEMORY_BYTES = 512 * 1024 * 1024
REASON_LENGTH_AT_MOST = 200
READY = "ready"


def first_fault(schema: Any, documents: list[Any]) -> tuple[int, str, str] | None:
    """What is wrong with the first of some documents that is not as their schema says: its number,
    where within it, and what. None when all are.
    """
    # An empty registry: nothing is ever fetched.
    validator = Draft202012Validator(schema, registry=Registry())
    for number, document in enumerate(documents):
        try:
            found = best_match(validator.iter_errors(document))
        except Unresolvable as error:
            return number, "", _short(f"the schema refers to what is not there: {error}")
        except RecursionError:
            return number, "", "the schema refers to itself without end"
        if found is not None:
            place = ".".join(str(part) for part in found.absolute_path)
            return number, place, _short(found.message)
    return None


def _short(text: str) -> str:
    bound = REASON_LENGTH_AT_MOST
    return text if len(text) <= bound else f"{text[:bound]}…"


def main() -> None:
    """Answer line by line until there are no more."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    _say(READY)
    for line in sys.stdin:
        _say(first_fault(*json.loads(line)))


def _say(answer: object) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
