"""What resolvers know of the request they serve, the API version that serves it, and the arguments that several of them read."""

from __future__ import annotations

import re
from dataclasses import dataclass

from graphql import GraphQLResolveInfo

from orders_platform.sandbox import stored_items, structure
from orders_platform.sandbox.answers import bad_board, invalid_argument, not_found
from orders_platform.sandbox.gate import read_id
from orders_platform.sandbox.item_search import Cursors
from orders_platform.sandbox.metering import Meter, Spent
from orders_platform.sandbox.state import ACTIVE, DELETED, BoardRow, GroupRow, ItemRow, State

CURRENT = "2026-10"
VERSIONS = {
    "2026-04": "maintenance",
    "2026-07": "maintenance",
    CURRENT: "current",
    "2027-01": "release_candidate",
    "dev": "dev",
}
_OLDEST = min(version for version in VERSIONS if version != "dev")
_WELL_FORMED = re.compile(r"\d{4}-\d{2}")
_QUARTERS = {"01", "04", "07", "10"}


class MalformedVersion(ValueError):
    """The header is not a version at all."""


def serving(asked: str | None) -> str:
    """The version that serves a request: none asked means the current one, a retired one is served by the oldest kept.

    Raises:
        MalformedVersion: not of the form yyyy-mm.
    """
    if not asked:
        return CURRENT
    if asked in VERSIONS:
        return asked
    if not _WELL_FORMED.fullmatch(asked):
        raise MalformedVersion(asked)
    return _OLDEST if asked < _OLDEST and asked[5:] in _QUARTERS else CURRENT


@dataclass(slots=True)
class Context:
    """One request on its way through the resolvers.

    Attributes:
        base_url: of this server, for the `url` of boards and items.
        version: of the API that serves the request.
        refused_alias: the mutation that a fault refuses.
        broken_alias: the mutation whose result a fault makes unreadable.
        rows_read: items listed so far, for the latency.
    """

    state: State
    cursors: Cursors
    meter: Meter
    spent: Spent
    base_url: str
    version: str
    refused_alias: str | None = None
    broken_alias: str | None = None
    rows_read: int = 0


def context_of(info: GraphQLResolveInfo) -> Context:
    """The context, typed."""
    context = info.context
    if not isinstance(context, Context):
        raise TypeError(type(context))
    return context


def number(value: object, what: str) -> int:
    """An id as a number, or a `Refusal`."""
    found = read_id(value)
    if found is None:
        raise invalid_argument(f"{what} must be a number, was {str(value)[:100]!r}")
    return found


def wanted_board(state: State, board_id: object) -> BoardRow:
    """An active board, or a `Refusal`."""
    found = structure.board(state, read_id(board_id) or 0)
    if found is None or found.state != ACTIVE:
        raise bad_board(board_id)
    return found


def wanted_group(state: State, board_id: int, group_id: str) -> GroupRow:
    """An active group of a board, or a `Refusal`."""
    found = structure.group(state, board_id, group_id)
    if found is None or found.state != ACTIVE:
        raise not_found("Group", group_id)
    return found


def wanted_item(state: State, item_id: object) -> ItemRow:
    """An item that was not deleted, or a `Refusal`."""
    if item_id is None:
        raise invalid_argument("item_id is required")
    found = stored_items.item(state, number(item_id, "item_id"))
    if found is None or found.state == DELETED:
        raise not_found("Item", item_id)
    return found
