"""A local web server that takes alerts as apprise's json:// sends them."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from orders_platform_tests.testing.local_server import Answer, answering


@dataclass
class Receiver:
    """What arrived, oldest first. `answer` is what is said to it; a title with `refused` in it is not taken."""

    url: str = ""
    arrived: list[dict[str, str]] = field(default_factory=list)
    answer: int = 200
    refused: str = "\0"
    came: threading.Event = field(default_factory=threading.Event)

    @property
    def titles(self) -> list[str]:
        return [message["title"] for message in self.arrived]

    def take(self, _headers: Mapping[str, str], body: bytes) -> Answer:
        message = json.loads(body)
        answer = 500 if self.refused in message["title"] else self.answer
        if answer == 200:
            self.arrived.append(message)
            self.came.set()
        return answer, {}, b""


@contextmanager
def receiving() -> Iterator[Receiver]:
    """A receiver on a free port for as long as the block runs."""
    receiver = Receiver()
    with answering(receiver.take) as url:
        receiver.url = f"{url.replace('http', 'json')}/alerts"
        yield receiver
