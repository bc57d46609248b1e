"""The drawing of a tree: every line as soon as it is certain, and never another than in the end."""

from collections.abc import Iterator
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from interfaces.drawing import Drawing

Tree = list[Any]
"""What grows from a branch: a tree each."""

TREES: st.SearchStrategy[Tree] = st.recursive(
    st.builds(list), lambda below: st.lists(below, max_size=4), max_leaves=30
)


def branches(tree: Tree, depth: int = 0) -> Iterator[int]:
    """How deep each branch is, from the top."""
    yield depth
    for below in tree:
        yield from branches(below, depth + 1)


def drawn_whole(tree: Tree) -> list[str]:
    """The lines of a tree that is known whole."""
    lines = ["*"]
    for number, below in enumerate(tree, start=1):
        first, *rest = drawn_whole(below)
        is_last = number == len(tree)
        lines.append(("└─ " if is_last else "├─ ") + first)
        lines += [("   " if is_last else "│  ") + line for line in rest]
    return lines


def drawn(tree: Tree) -> list[str]:
    drawing = Drawing()
    lines = [line for depth in branches(tree) for line in drawing.add(depth, "*")]
    return lines + list(drawing.end())


@given(tree=TREES)
def test_a_tree_drawn_as_it_comes_is_what_it_is_when_it_is_whole(tree: Tree) -> None:
    assert drawn(tree) == drawn_whole(tree)


def test_a_tree_looks_like_this() -> None:
    drawing = Drawing()
    told = (
        (0, "Acme"),
        (1, "one"),
        (2, "one's own"),
        (3, "its own"),
        (2, "another"),
        (1, "two"),
        (2, "the last"),
    )

    lines = [line for depth, text in told for line in drawing.add(depth, text)]

    assert [*lines, *drawing.end()] == [
        "Acme",
        "├─ one",
        "│  ├─ one's own",
        "│  │  └─ its own",
        "│  └─ another",
        "└─ two",
        "   └─ the last",
    ]


def test_of_a_wide_tree_one_line_waits() -> None:
    drawing = Drawing()
    list(drawing.add(0, "top"))

    given_out = [list(drawing.add(1, f"{number}")) for number in range(4)]

    assert given_out == [[], ["├─ 0"], ["├─ 1"], ["├─ 2"]]
    assert list(drawing.end()) == ["└─ 3"]
