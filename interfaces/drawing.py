"""Drawing a forest of agents: what is told of each, and the lines that lead to it."""

from collections import deque
from collections.abc import AsyncIterator, Iterator

from typing_extensions import TypedDict

from domain.agent import Status
from domain.rights import AgentType
from projections.agents import SeenAgent


class NodeOut(TypedDict):
    """An agent in a drawing: under which other it hangs, and how it is written there."""

    id: str
    parentId: str | None
    name: str
    type: AgentType
    status: Status


def node_out(seen: SeenAgent) -> NodeOut:
    """What is drawn of an agent."""
    agent = seen.shown.agent
    return {
        "id": seen.shown.agent_id,
        "parentId": agent.parent_id,
        "name": agent.name,
        "type": agent.type,
        "status": agent.status,
    }


async def leading_to(
    status: Status | None, agents: AsyncIterator[SeenAgent]
) -> AsyncIterator[SeenAgent]:
    """Of agents that come each parent before its children: those of a status, and those whom they
    come from.
    """
    path: list[SeenAgent] = []
    told = 0
    async for seen in agents:
        agent = seen.shown.agent
        while path and path[-1].shown.agent.depth >= agent.depth:
            path.pop()
        path.append(seen)
        told = min(told, len(path) - 1)
        if status in (None, agent.status):
            for one in path[told:]:
                yield one
            told = len(path)


class Branch:
    """A line of a tree on its way out. Whether it is the last that grows from the one above is not
    known before something comes after it.
    """

    def __init__(self, text: str, above: "Branch | None") -> None:
        self.text, self.above = text, above
        self.is_last: bool | None = None if above else True

    def line(self) -> str:
        """What is written, and what leads to it."""
        if self.above is None:
            return self.text
        return f"{self.above.indent()}{'└─' if self.is_last else '├─'} {self.text}"

    def indent(self) -> str:
        """What stands before the lines below."""
        if self.above is None:
            return ""
        return f"{self.above.indent()}{'  ' if self.is_last else '│ '} "


class Drawing:
    """A tree, drawn from the top as its branches come, each before those that grow from it.

    A branch waits until it is known whether another comes after it from the same one. So of a tree
    of any size no more is kept than what grows from one branch at the top.
    """

    def __init__(self) -> None:
        self._path: list[Branch] = []
        self._waiting: deque[Branch] = deque()

    def add(self, depth: int, text: str) -> Iterator[str]:
        """The lines that are certain now that one more branch came, so deep below the top."""
        if depth < len(self._path):
            self._path[depth].is_last = False
        self._close(depth)
        branch = Branch(text, self._path[-1] if self._path else None)
        self._path.append(branch)
        self._waiting.append(branch)
        return self._certain()

    def end(self) -> Iterator[str]:
        """The lines that are left when no more comes."""
        self._close(0)
        return self._certain()

    def _close(self, depth: int) -> None:
        for branch in self._path[depth:]:
            if branch.is_last is None:
                branch.is_last = True
        del self._path[depth:]

    def _certain(self) -> Iterator[str]:
        while self._waiting and self._waiting[0].is_last is not None:
            yield self._waiting.popleft().line()
