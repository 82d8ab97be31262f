"""What a seed does to the order list: changes, each of them a small edit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from random import Random

from orders_platform.demo.sample_rows import Row
from orders_platform_tests.testing.order_stores import SIZES
from orders_platform_tests.testing.platform import order

SEASONS = ("2025 FALL", "2026 SPRING")
STYLES = ("ST-1", "ST-2")

Load = dict[str, Row]
"""The order list by our own name for an order, which never changes: its number and PO number may be shared and edited."""


def first_load(dice: Random) -> Load:
    """One to three orders."""
    return {f"A-{n}": new_order(dice, f"A-{n}") for n in range(dice.randint(1, 3))}


def new_order(dice: Random, number: str, po_number: str = "1") -> Row:
    """An order with up to three sizes."""
    sizes = {size: dice.randint(1, 9) for size in dice.sample(SIZES, dice.randint(0, 3))}
    return order(number, sizes, PO_NUMBER=po_number, AAG_SEASON=dice.choice(SEASONS), CUSTOMER_STYLE=dice.choice(STYLES))


def change_list(dice: Random, load: Load, left: Load) -> str:
    """One edit of the list; its name."""
    name = dice.choice(list(_EDITS)) if load else "add"
    _EDITS[name](dice, load, left)
    return name


def _add(dice: Random, load: Load, left: Load) -> None:
    name = f"A-{len(load) + len(left)}"
    if name not in load and name not in left:
        load[name] = new_order(dice, name)


def _duplicate(dice: Random, load: Load, left: Load) -> None:
    """A second order of the same number, which differs in its PO number."""
    name = dice.choice(list(load))
    if "/" not in name and f"{name}/2" not in load and f"{name}/2" not in left:
        load[f"{name}/2"] = {**new_order(dice, str(load[name]["AAG ORDER NUMBER"]), "2")}


def _po_number(dice: Random, load: Load, left: Load) -> None:
    """Edited where the number is an order's own: of two that share it nobody could say which is which."""
    name = dice.choice(list(load))
    if "/" not in name and f"{name}/2" not in load and f"{name}/2" not in left:
        load[name] = {**load[name], "PO NUMBER": dice.choice(["1", "3", "4"])}


def _leave(dice: Random, load: Load, left: Load) -> None:
    if len(load) > 1:  # an empty list removes nothing
        name = dice.choice(list(load))
        left[name] = load.pop(name)


def _return(dice: Random, load: Load, left: Load) -> None:
    if left:
        name = dice.choice(list(left))
        load[name] = left.pop(name)


def _edit(column: str, *values: object) -> Callable[[Random, Load, Load], None]:
    def edit(dice: Random, load: Load, _left: Load) -> None:
        name = dice.choice(list(load))
        load[name] = {**load[name], column: dice.choice(values)}  # type: ignore[dict-item]

    return edit


def _size(dice: Random, load: Load, _left: Load) -> None:
    name = dice.choice(list(load))
    load[name] = {**load[name], dice.choice(SIZES): dice.choice([0, 3, 7, None])}


_EDITS: Mapping[str, Callable[[Random, Load, Load], None]] = {
    "add": _add,
    "duplicate": _duplicate,
    "leave": _leave,
    "return": _return,
    "po number": _po_number,
    "note": _edit("NOTES", "urgent", "late", None),
    "price": _edit("CUSTOMER PRICE", 1, 2.5, None),
    "season": _edit("AAG SEASON", *SEASONS),
    "style": _edit("CUSTOMER STYLE", *STYLES),
    "type": _edit("ORDER TYPE", "RECEIVED", "CANCELLED"),
    "size": _size,
}
