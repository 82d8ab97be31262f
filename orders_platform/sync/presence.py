"""Is on the board what the database says is there, and nothing besides? Ids and counts of one customer, without a look at any cell.

Belongs here: reading both sides by group and by item, a page of 500 and 100 items at a time. Does not belong here: comparing values,
names and keys (`verification.py`), which asks for every row by id.

Lists lag behind, items asked for by id do not: an item is missing only when asking for it by id says so, and a stranger only while
asking for it by id shows it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from orders_platform.domain.board import BoardItem
from orders_platform.domain.differences import Difference, DifferenceKind, is_active
from orders_platform.domain.names import collapse
from orders_platform.domain.orders import PendingItem, PendingSubitem, RowKind
from orders_platform.domain.states import Action, SyncState
from orders_platform.sync.ports import Ledger
from orders_platform.sync.reconcile import known_items
from orders_platform.sync.run import SyncRun


@dataclass(slots=True)
class Presence:
    """What came of comparing one customer.

    Attributes:
        items: orders that are done with and on the board as far as we know; `subitems` alike for lines.
        items_shown: of those, how many the board really shows; `subitems_shown` alike.
        differences: missing ones, and items or subitems that are nobody's.
    """

    items: int = 0
    subitems: int = 0
    items_shown: int = 0
    subitems_shown: int = 0
    differences: list[Difference] = field(default_factory=list)


def compare_presence(run: SyncRun, ledger: Ledger, customer: str) -> Presence:
    """Compare ids and counts of a customer; the caller holds the customer's lock.

    Raises:
        OrdersError: something could not be read; nothing is concluded from what was.
    """
    orders = {row.item_id: row for row in ledger.orders(customer) if row.item_id is not None and _is_settled(row)}
    lines = ledger.lines(customer)
    listed = {item.id: item for item in _items_of(run, ledger, customer)}
    gone = _gone(run, orders.keys() - listed.keys())
    living = sorted(orders.keys() - gone)
    children = run.board.children(living, []) if living else {}
    shown = {child.id: child for each in children.values() for child in each}
    due = {row.subitem_id: row for row in lines if row.subitem_id is not None and row.item_id in living and _is_settled(row)}
    lost = _gone(run, due.keys() - shown.keys())
    strangers = [item for item_id, item in listed.items() if item_id not in orders]
    nobodys = known_items(run, [item.id for item in strangers])
    known_subitems = {row.subitem_id for row in lines}
    found = Presence(len(orders), len(due), len(orders) - len(gone), len(due) - len(lost))
    if run.rules.on_deleted != "leave":
        found.differences += [_missing(RowKind.ITEMS, orders[each]) for each in sorted(gone)]
        found.differences += [_missing(RowKind.SUBITEMS, due[each]) for each in sorted(lost)]
    unknown = [(RowKind.ITEMS, item) for item in strangers if item.id not in nobodys]
    unknown += [(RowKind.SUBITEMS, child) for child in shown.values() if child.id not in known_subitems]
    found.differences += _really_there(run, unknown)
    return found


def _is_settled(row: PendingItem | PendingSubitem) -> bool:
    return row.state is SyncState.SYNCED and row.action is not Action.DELETE


def _items_of(run: SyncRun, ledger: Ledger, customer: str) -> Iterable[BoardItem]:
    """What the board lists in the groups that are this customer's alone."""
    board_id, known = run.rules.items.board_id, list(ledger.groups())
    titles = {group.id: collapse(group.title) for group in run.board.groups(board_id)}
    ours, others = (
        {(each.name, each.group_id) for each in known if (each.customer == customer) is mine} for mine in (True, False)
    )
    alone = [
        group_id for group_id, title in titles.items() if _is_of(ours, group_id, title) and not _is_of(others, group_id, title)
    ]
    return run.board.items_of_groups(board_id, sorted(alone), [])


def _is_of(groups: set[tuple[str, str | None]], group_id: str, title: str) -> bool:
    return any(title == name or group_id == known_id for name, known_id in groups)


def _gone(run: SyncRun, ids: Iterable[int]) -> set[int]:
    asked = sorted(ids)
    shown: Mapping[int, BoardItem] = run.board.items(asked, []) if asked else {}
    return {each for each in asked if not is_active(shown.get(each))}


def _missing(kind: RowKind, row: PendingItem | PendingSubitem) -> Difference:
    if isinstance(row, PendingItem):
        return Difference(DifferenceKind.MISSING, kind, row.order_key, "", row.item_id, row.item_name, row.record_uuid)
    return Difference(DifferenceKind.MISSING, kind, row.order_key, row.size_code, row.subitem_id, row.size_code, row.line_uuid)


def _really_there(run: SyncRun, found: Iterable[tuple[RowKind, BoardItem]]) -> list[Difference]:
    strangers = list(found)
    gone = _gone(run, [item.id for _, item in strangers])
    return [
        Difference(DifferenceKind.UNKNOWN, kind, "", "", item.id, item.name) for kind, item in strangers if item.id not in gone
    ]
