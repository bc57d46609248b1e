"""Fingerprints: what makes another code of a fold, and what does not."""

import importlib
import importlib.util
import sys
from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest

from domain.fold import Fold
from projections.catalogue import INLINE
from projections.engine.fingerprint import NoFingerprint, fingerprint
from tests.projections import folds_of_tests
from tests.projections.folds_of_tests import EVERYTHING, State
from tests.projections.some import BY_KIND, DOUBLE

SOURCE = Path(folds_of_tests.__file__).read_text()
UNDER_EVERY_PYTHON = "77d280e45a78c21312f638860613f4013f27be53737f44499465d4193d04ce68"

numbers = count(1)


def of(source: str, folder: Path) -> str:
    """The fingerprint of the fold in a module of this source."""
    name = f"fold_of_{next(numbers)}"
    file = folder / f"{name}.py"
    file.write_text(source)
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    fold: Fold[State] = module.EVERYTHING
    return fingerprint(fold)


def test_it_is_the_same_under_every_python(tmp_path: Path) -> None:
    assert of(SOURCE, tmp_path) == UNDER_EVERY_PYTHON


CHANGES_NOTHING: dict[str, Callable[[str], str]] = {
    "a comment": lambda s: s.replace("# counted up to here", "# counted no further"),
    "a docstring": lambda s: s.replace('"""One more."""', '"""And one."""'),
    "no docstring": lambda s: s.replace('    """A part of the state."""\n\n', ""),
    "layout": lambda s: s.replace(
        "(*state.names, named(kind))", "(\n*state.names,\nnamed(kind),\n)"
    ),
    "quotes and zeros": lambda s: s.replace('"bad"', "'bad'").replace("1_000", "1000"),
    "what no fold uses": lambda s: s.replace("a constant that no fold uses", "another"),
    "a method that no fold uses": lambda s: s.replace("return UNUSED", "return UNUSED * 2"),
    "a new method": lambda s: s.replace(
        "    def unused", "    def new(self) -> None: ...\n    def unused"
    ),
    "lines above": lambda s: "\n\n\n" + s,
}

CHANGES_ALL: dict[str, Callable[[str], str]] = {
    "evolve": lambda s: s.replace("-state.number", "+state.number"),
    "keys": lambda s: s.replace("(entry.stream, entry.aggregate_id)", "(entry.stream,)"),
    "a function that is used": lambda s: s.replace("len(kind) + 1", "len(kind) + 2"),
    "a default of it": lambda s: s.replace("width: int = 3", "width: int = 4"),
    "a constant": lambda s: s.replace("1_000", "1_001"),
    "a constant that is made of others": lambda s: s.replace('{"signal", "terms"}', '{"signal"}'),
    "a field": lambda s: s.replace("number: int = 0", "number: int = 1"),
    "a field more": lambda s: s.replace("number: int = 0", "number: int = 0\n    more_of: int = 0"),
    "how a state is written": lambda s: s.replace("omit_defaults=True", "omit_defaults=False"),
    "a part of the state": lambda s: s.replace('mood: Mood = "good"', 'mood: Mood = "bad"'),
    "a type of a part": lambda s: s.replace('Literal["good", "bad"]', 'Literal["good", "bad", ""]'),
    "a method that is used": lambda s: s.replace(
        "self.number + 1, LIMIT", "self.number + 2, LIMIT"
    ),
    "the events": lambda s: s.replace("events=(Participated,)", "events=()"),
}


@pytest.mark.parametrize("name", CHANGES_NOTHING)
def test_what_means_the_same_is_the_same_code(tmp_path: Path, name: str) -> None:
    changed = CHANGES_NOTHING[name](SOURCE)

    assert changed != SOURCE
    assert of(changed, tmp_path) == of(SOURCE, tmp_path)


@pytest.mark.parametrize("name", CHANGES_ALL)
def test_what_may_make_another_row_is_another_code(tmp_path: Path, name: str) -> None:
    changed = CHANGES_ALL[name](SOURCE)

    assert changed != SOURCE
    assert of(changed, tmp_path) != of(SOURCE, tmp_path)


def test_each_fold_of_ours_has_one_of_its_own() -> None:
    found = {fingerprint(fold) for fold in (*INLINE, BY_KIND, DOUBLE)}

    assert len(found) == len(INLINE) + 2


def test_what_a_fold_closes_over_counts() -> None:
    def fold_of(limit: int) -> Fold[State]:
        return Fold(
            name="closing",
            state=State,
            events=EVERYTHING.events,
            evolve=lambda state, entry: State(limit),
        )

    assert fingerprint(fold_of(1)) == fingerprint(fold_of(1))
    assert fingerprint(fold_of(1)) != fingerprint(fold_of(2))


class Called:
    def __call__(self, state: State | None, entry: object) -> State | None:
        return None


def test_what_is_used_by_way_of_a_module_counts(tmp_path: Path) -> None:
    helper = "def limit(number: int) -> int:\n    return number + 1\n"
    source = SOURCE.replace("-state.number", "helping.limit(state.number)")
    found = set()
    for text in (helper, helper.replace("+ 1", "+ 2"), "\n" + helper):
        name = f"package_{next(numbers)}"
        package = tmp_path / name
        package.mkdir()
        (package / "__init__.py").write_text("")
        (package / "helping.py").write_text(text)
        (package / "fold.py").write_text("from . import helping\n" + source)
        sys.path.insert(0, str(tmp_path))
        try:
            found.add(fingerprint(importlib.import_module(f"{name}.fold").EVERYTHING))
        finally:
            sys.path.remove(str(tmp_path))

    assert len(found) == 2


def test_code_that_is_not_written_out_has_none() -> None:
    hidden = Fold(name="hidden", state=State, events=(), evolve=Called())
    made_up: dict[str, object] = {"__name__": "nowhere"}
    exec("def evolve(state, entry): return None", made_up)
    nowhere = Fold(name="nowhere", state=State, events=(), evolve=made_up["evolve"])  # type: ignore[arg-type]

    closing = Fold(name="c", state=State, events=(), evolve=lambda state, entry: made_up["state"])  # type: ignore[arg-type,return-value]
    made_up["state"] = object()

    with pytest.raises(NoFingerprint, match="no plain data"):
        fingerprint(closing)
    with pytest.raises(NoFingerprint, match="no function that is written out"):
        fingerprint(hidden)
    with pytest.raises(NoFingerprint, match="nowhere is not at hand"):
        fingerprint(nowhere)
