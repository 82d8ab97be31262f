"""The sample orders, merged, are what their expectations say, and SQL counts as Python does."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from orders_platform.demo.sample_orders import EXPECTED, UNKNOWN_CUSTOMER_ROWS, Row, sample_orders, second_load
from orders_platform_tests.testing.order_list import OrderList

NOW = datetime(2026, 1, 5, tzinfo=UTC)


def merge_everyone(wide: OrderList, rows: Sequence[Row]) -> None:
    wide.load(*[dict(row) for row in rows])
    scan = wide.merging.scan_staging()
    assert scan.rows == len(rows)
    wide.merging.record_scan(scan, next(wide.clock))
    for customer in scan.customers:
        wide.merge_all(customer=customer)


@pytest.mark.slow
def test_the_sample_orders_become_what_they_are_expected_to_become(wide: OrderList) -> None:
    rows = sample_orders()
    wide.load(*[dict(row) for row in rows])
    scan = wide.merging.scan_staging()
    assert set(scan.customers) == set(EXPECTED)
    assert sum(entry.rows for entry in scan.unmatched) == sum(UNKNOWN_CUSTOMER_ROWS.values())
    wide.merging.record_scan(scan, NOW)
    for customer, expected in EXPECTED.items():
        headers, lines = wide.merge_all(customer=customer)
        assert (headers.rows_read, headers.created, headers.copies) == (expected.rows, expected.orders, expected.collapsed), (
            customer
        )
        assert (headers.rejected, lines.created) == (sum(expected.rejected.values()), expected.lines), customer
        assert len(wide.store.waiting_groups(customer)) == expected.groups
        assert len(wide.store.orders(customer, waiting=True)) == expected.orders
        assert len(wide.store.lines(customer, waiting=True)) == expected.lines
    rejects = wide.store.invalid_rows()
    for customer, expected in EXPECTED.items():
        codes = Counter(reject.code for reject in rejects if reject.customer == customer)
        assert codes == Counter(expected.rejected), customer
    words = Counter(each.customer for each in wide.store.cell_warnings())
    assert words == {"RHONE": 1, "SUMMERSALT": 2, "TITLE NINE": 1}  # two more of TITLE NINE are found when they are sent
    strays = sum(reject.rows for reject in rejects if reject.code == "unknown_customer")
    assert strays == sum(UNKNOWN_CUSTOMER_ROWS.values())
    assert_lines_are_what_python_counts(wide, rows)
    assert_a_second_load_keeps_every_order(wide)


def assert_lines_are_what_python_counts(wide: OrderList, rows: Sequence[Row]) -> None:
    """Quantities of the accepted orders, recounted from the staged cells by order number."""
    rules = wide.merging.rules
    sums: Counter[str] = Counter()
    accepted = {str(key) for (key,) in wide.orders("order_key")}
    rejected = {reject.order_key for reject in wide.store.invalid_rows() if not reject.size_code}
    seen: set[tuple[object, ...]] = set()
    for row in rows:
        key = str(row.get("AAG ORDER NUMBER") or "").replace("\u00a0", " ").strip()
        cells = tuple(quantity(row.get(size)) for size in rules.sizes)
        type_ = str(row.get("ORDER TYPE") or "").strip().upper()
        po, style = (str(row.get(column) or "").replace("\u00a0", " ").strip() for column in ("PO NUMBER", "CUSTOMER STYLE"))
        whole = (key, po, style, row.get("PLANNED DELIVERY METHOD"), row.get("ALIAS/RELATED ITEM"), cells)
        if key not in accepted or key in rejected or whole in seen or type_ in {"CANCELLED", "CANCELED"}:
            continue
        seen.add(whole)
        sums[key] += sum(cells)
    found = wide.sql(
        "SELECT o.order_key, sum(n.qty) FROM ORDER_LIST_LINES n JOIN ORDER_LIST_V2 o ON o.record_uuid = n.record_uuid GROUP BY o.order_key"
    )
    assert dict(found) == {key: total for key, total in sums.items() if total}


def quantity(cell: object) -> int:
    try:
        number = float(str(cell).replace("\u00a0", " ").strip())
    except ValueError:
        return 0
    return int(number) if number > 0 and number == int(number) else 0


def assert_a_second_load_keeps_every_order(wide: OrderList) -> None:
    uuids = {row[0] for row in wide.orders("record_uuid")}
    wide.sent()
    rows, _ = second_load()
    merge_everyone(wide, rows)
    assert {row[0] for row in wide.orders("record_uuid")} >= uuids
    waiting = sum(state == "NEW" for (state,) in wide.orders("sync_state"))
    assert 0 < waiting < len(uuids) / 4
    orphans = wide.sql("SELECT count(*) FROM ORDER_LIST_LINES WHERE record_uuid NOT IN (SELECT record_uuid FROM ORDER_LIST_V2)")
    assert orphans == [(0,)]
    summary = {entry.customer: entry for entry in wide.store.summaries()}
    assert set(summary) == set(EXPECTED)
