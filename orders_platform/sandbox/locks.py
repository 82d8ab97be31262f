"""Boards that a mutation is busy with: monday may answer 423 to a second one at the same time.

Belongs here: which boards a document touches, and who holds them. Does not belong here: the answer (`faults.py`), whether boards
are locked at all (`switches.py`).
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping

from graphql import FieldNode, ListValueNode, ValueNode, VariableNode

from orders_platform.sandbox import items
from orders_platform.sandbox.schema import Prepared
from orders_platform.sandbox.state import State

_ITEM_ARGUMENTS = frozenset({"item_id", "parent_item_id", "relative_to"})


def boards_of(state: State, prepared: Prepared, variables: Mapping[str, object]) -> frozenset[int]:
    """Ids of the boards that a mutation names, itself or through its items; those of aliases together."""
    found: set[int] = set()
    for node in prepared.roots:
        for name, value in _arguments(node, variables):
            if name == "board_id":
                found.add(value)
            elif name in _ITEM_ARGUMENTS and (item := items.item(state, value)):
                found.add(item.board_id)
    return frozenset(found)


def _arguments(node: FieldNode, variables: Mapping[str, object]) -> Iterable[tuple[str, int]]:
    for argument in node.arguments:
        text = str(_value(argument.value, variables))
        if text.isdecimal():
            yield argument.name.value, int(text)


def _value(node: ValueNode, variables: Mapping[str, object]) -> object:
    if isinstance(node, VariableNode):
        return variables.get(node.name.value)
    return None if isinstance(node, ListValueNode) else getattr(node, "value", None)


class BoardLocks:
    """The boards in use."""

    def __init__(self) -> None:
        self._held: set[int] = set()
        self._lock = threading.Lock()

    def take(self, boards: frozenset[int]) -> bool:
        """Takes all of them, or none when one is in use."""
        with self._lock:
            if not self._held.isdisjoint(boards):
                return False
            self._held |= boards
            return True

    def release(self, boards: frozenset[int]) -> None:
        """Gives them back."""
        with self._lock:
            self._held -= boards
