"""A server that answers by script, and a sandbox with a board to talk to it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from orders_platform.domain.mutations import Mutation
from orders_platform.monday.adapter import MondayBoard
from orders_platform.sandbox.server import Sandbox
from orders_platform_tests.testing.local_server import Answer, answering

GRAPHQL = Path(__file__).parents[2] / "graphql"
BOARD_ID = 9609317401


@dataclass
class Script:
    """What a scripted server answers, in turn; the last answer is repeated. None closes the connection without an answer."""

    answers: deque[Answer | None]
    url: str = ""
    headers: list[Mapping[str, str]] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)

    def answer(self, headers: Mapping[str, str], body: bytes) -> Answer | None:
        self.headers.append(headers)
        self.bodies.append(body)
        return self.answers.popleft() if len(self.answers) > 1 else self.answers[0]


@contextmanager
def scripted(*answers: Answer | None) -> Iterator[Script]:
    script = Script(deque(answers))
    with answering(script.answer) as url:
        script.url = f"{url}/v2"
        yield script


@dataclass
class Stage:
    """A sandbox and a way to connect to it."""

    sandbox: Sandbox
    url: str
    connect: Callable[..., MondayBoard]

    def board(self, **options: object) -> MondayBoard:
        return self.connect(self.url, **options)

    @property
    def group_id(self) -> str:
        return self.sandbox.board_snapshot(BOARD_ID)[0].id

    @property
    def names(self) -> list[str]:
        return sorted(item.name for group in self.sandbox.board_snapshot(BOARD_ID) for item in group.items)

    def creates(self, count: int, *, start: int = 0, **variables: object) -> list[Mutation]:
        """Creations of items named 'order 0', 'order 1' ..."""
        group_id = self.group_id  # looked up once: the whole board is read for it
        return [
            Mutation(f"order {n}", {"board_id": BOARD_ID, "group_id": group_id, "item_name": f"order {n}", **variables})
            for n in range(start, start + count)
        ]
