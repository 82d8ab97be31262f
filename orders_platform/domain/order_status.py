"""Where an order stands, in one word of the view `v_order_sync_status`, and the figures that a report counts from many of them."""

import enum
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from orders_platform.domain.orders import Action, SyncState


class BoardStatus(enum.StrEnum):
    """Where an order stands with all its lines; the first that holds.

    `OFF_BOARD` it left the order list and has no item; `REFUSED` it, or one of its sizes, has a value that the board does not take;
    `WAITING` something of it is not sent yet; `LEFT_LOAD` the order list no longer has it and the board still does; `ON_BOARD` all well.
    """

    OFF_BOARD = "off_board"
    REFUSED = "refused"
    WAITING = "waiting"
    LEFT_LOAD = "left_load"
    ON_BOARD = "on_board"


@dataclass(frozen=True, slots=True)
class OrderStatus:
    """One order."""

    order_key: str
    item_name: str
    group_name: str
    order_type: str
    status: BoardStatus  # of the order and its lines together; `state` is the order's own
    state: SyncState
    lines: int
    waiting_lines: int
    quantity: int
    item_id: int | None = None
    reason: str | None = None  # why it was refused, or what monday said last
    updated_at: datetime | None = None
    sent_at: datetime | None = None
    is_removed: bool = False  # the order list no longer has it


@dataclass(frozen=True, slots=True)
class Totals:
    """Orders counted by where they stand."""

    name: str
    orders: int  # that the order list has; `on_board` and `quantity` are of these
    on_board: int
    waiting: int
    refused: int
    left_load: int  # that only the board still has
    lines: int
    quantity: int

    @classmethod
    def of(cls, name: str, orders: Iterable[OrderStatus]) -> Self:
        """Count."""
        every = list(orders)
        listed = [order for order in every if not order.is_removed]
        return cls(
            name=name,
            orders=len(listed),
            on_board=sum(order.item_id is not None for order in listed),
            waiting=sum(order.status is BoardStatus.WAITING for order in every),
            refused=sum(order.status is BoardStatus.REFUSED for order in every),
            left_load=sum(order.status is BoardStatus.LEFT_LOAD for order in every),
            lines=sum(order.lines for order in listed),
            quantity=sum(order.quantity for order in listed),
        )

    @property
    def share(self) -> float:
        """Which part of the orders is on the board, 0 to 1; all of nothing is 1."""
        return self.on_board / self.orders if self.orders else 1.0


@dataclass(frozen=True, slots=True)
class OrderChange:
    """What a run brought to the board of one order: itself (by `action`), `lines` of its sizes, or both."""

    order_key: str
    item_name: str
    group_name: str
    action: Action | None = None
    lines: int = 0


@dataclass(frozen=True, slots=True)
class LastChanges:
    """The last run that brought anything of a customer to the board, when, and what; `adopted` rows it found there."""

    run_id: str
    at: datetime
    orders: tuple[OrderChange, ...] = ()
    adopted: int = 0
