"""What a seed does to the order list: changes, each of them a small edit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from random import Random

from orders_platform.demo.sample_rows import Row
from orders_platform.domain.text import clean
from orders_platform_tests.testing.order_stores import SIZES
from orders_platform_tests.testing.platform import order

SEASONS = ("2025 FALL", "2026 SPRING")
STYLES = ("ST-1", "ST-2")

Load = dict[str, Row]
"""The order list by our own name for an order, which never changes: its number and PO number may be shared and edited."""


def first_load(rng: Random) -> Load:
    """One to three orders."""
    return {f"A-{n}": new_order(rng, f"A-{n}") for n in range(rng.randint(1, 3))}


def new_order(rng: Random, number: str, po_number: str = "1") -> Row:
    """An order with up to three sizes."""
    sizes = {size: rng.randint(1, 9) for size in rng.sample(SIZES, rng.randint(0, 3))}
    return order(number, sizes, PO_NUMBER=po_number, AAG_SEASON=rng.choice(SEASONS), CUSTOMER_STYLE=rng.choice(STYLES))


def change_list(rng: Random, load: Load, left: Load) -> str:
    """One edit of the list; its name."""
    name = rng.choice(list(_EDITS)) if load else "add"
    _EDITS[name](rng, load, left)
    return name


def edit_as_people_do(rng: Random, load: Load) -> str:
    """One edit of the kind that a spreadsheet invites; its name."""
    name = rng.choice(list(_SLIPS)) if load else "nothing"
    if load:
        _SLIPS[name](rng, load)
    return name


def _twin_keys(rng: Random, load: Load) -> None:
    """The key columns of an order, and as often of the other one of its number: together, or one of them."""
    name = rng.choice(list(load)).partition("/")[0]
    twins = [each for each in (name, f"{name}/2") if each in load]
    column, value = rng.choice(
        [("CUSTOMER COLOUR DESCRIPTION", "NAVY"), ("PLANNED DELIVERY METHOD", "AIR"), ("CUSTOMER ALT PO", "ALT")]
    )
    for each in twins if rng.random() < 0.6 else twins[-1:]:
        load[each] = {**load[each], column: value, "PO NUMBER": f"{load[each]['PO NUMBER']}A"}


def _paste_number(rng: Random, load: Load) -> None:
    """A number with a character that nobody sees, or in other letters."""
    name = rng.choice(list(load))
    number = clean(str(load[name]["AAG ORDER NUMBER"])).upper()
    odd = rng.choice(["\u200b", "\ufeff", "\u00ad", "\u200e", "\t", "\u00a0"])
    written = rng.choice([f"{odd}{number}", f"{number}{odd}", f"{number[:1]}\u200d{number[1:]}", number.lower()])
    load[name] = {**load[name], "AAG ORDER NUMBER": written}


def _empty_column(rng: Random, load: Load) -> None:
    """A column that the next file lacks."""
    columns = rng.choice([("NOTES",), ("CUSTOMER STYLE",), SIZES])
    for name, row in load.items():
        load[name] = {**row, **dict.fromkeys(columns)}


def _word_in_number(rng: Random, load: Load) -> None:
    """A word where a number belongs."""
    name = rng.choice(list(load))
    load[name] = {**load[name], "CUSTOMER PRICE": rng.choice(["TBC", "$ 7.50", "-", "12,50"])}


def _add(rng: Random, load: Load, left: Load) -> None:
    name = f"A-{len(load) + len(left)}"
    if name not in load and name not in left:
        load[name] = new_order(rng, name)


def _duplicate(rng: Random, load: Load, left: Load) -> None:
    """A second order of the same number, which differs in its PO number."""
    name = rng.choice(list(load))
    if "/" not in name and f"{name}/2" not in load and f"{name}/2" not in left:
        load[f"{name}/2"] = {**new_order(rng, str(load[name]["AAG ORDER NUMBER"]), "2")}


def _po_number(rng: Random, load: Load, left: Load) -> None:
    """Edited where the number is an order's own: of two that share it nobody could say which is which."""
    name = rng.choice(list(load))
    if "/" not in name and f"{name}/2" not in load and f"{name}/2" not in left:
        load[name] = {**load[name], "PO NUMBER": rng.choice(["1", "3", "4"])}


def _leave(rng: Random, load: Load, left: Load) -> None:
    if len(load) > 1:  # an empty list removes nothing
        name = rng.choice(list(load))
        left[name] = load.pop(name)


def _return(rng: Random, load: Load, left: Load) -> None:
    if left:
        name = rng.choice(list(left))
        load[name] = left.pop(name)


def _edit(column: str, *values: object) -> Callable[[Random, Load, Load], None]:
    def edit(rng: Random, load: Load, _left: Load) -> None:
        name = rng.choice(list(load))
        load[name] = {**load[name], column: rng.choice(values)}  # type: ignore[dict-item]

    return edit


def _size(rng: Random, load: Load, _left: Load) -> None:
    name = rng.choice(list(load))
    load[name] = {**load[name], rng.choice(SIZES): rng.choice([0, 3, 7, None])}


_SLIPS: Mapping[str, Callable[[Random, Load], None]] = {
    "twin keys": _twin_keys,
    "pasted number": _paste_number,
    "emptied column": _empty_column,
    "word in a number": _word_in_number,
}
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
